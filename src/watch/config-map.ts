/**
 * Follows one ConfigMap by its name, as it changes. Called by daemon.ts for the settings and for the images; what the texts in it mean, others
 * know.
 */
import type { ConfigMapSeen, KubeObject } from '../domain.ts';
import { recordAt, textAt } from '../fields.ts';
import type { Kube } from '../kube.ts';
import type { Log } from '../log.ts';
import type { Clock } from './clock.ts';
import { createListWatch, type ListWatch } from './list-watch.ts';

export interface WatchConfigMapOptions {
  readonly namespace: string;
  readonly name: string;
  /** Called with the map as it is, once at the start and after every change; undefined when there is none. Must not throw. */
  onMap(map: ConfigMapSeen | undefined): void;
  readonly log: Log;
  /** Unset: the system's. */
  readonly clock?: Clock;
  /** 0 ≤ n < 1; unset: Math.random. */
  readonly random?: () => number;
}

export type ConfigMapWatch = Pick<ListWatch, 'stop' | 'stats' | 'isStuck' | 'freshness'>;

export function watchConfigMap(kube: Pick<Kube, 'request' | 'stream'>, options: WatchConfigMapOptions): ConfigMapWatch {
  const { namespace, name, onMap, log, clock, random } = options;
  let isThere = false;
  const listWatch = createListWatch<true>(kube, {
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps`,
    fieldSelector: `metadata.name=${name}`,
    handle({ type, object }) {
      isThere = type !== 'DELETED';
      onMap(isThere && object ? readConfigMap(object) : undefined);
      return true;
    },
    log,
    ...(clock ? { clock } : {}),
    ...(random ? { random } : {}),
  });
  void listWatch.ready.then(() => {
    if (!isThere) onMap(undefined);
  });
  return listWatch;
}

/** Values that are no text are left out; a map without data is an empty one. */
function readConfigMap(object: KubeObject): ConfigMapSeen {
  const pairs = Object.entries(recordAt(object, 'data')).filter(
    (pair): pair is [string, string] => typeof pair[1] === 'string',
  );
  return {
    data: Object.fromEntries(pairs),
    resourceVersion: textAt(object, 'metadata', 'resourceVersion') ?? '',
    uid: textAt(object, 'metadata', 'uid') ?? '',
  };
}
