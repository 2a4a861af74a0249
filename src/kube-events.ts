/**
 * Words beside an object of the cluster, where `kubectl describe` shows them (kubernetes.io, "Event"). Said by daemon.ts about the two
 * ConfigMaps. Nothing hangs on them: one that cannot be written is one line in the log.
 */
import type { Kube } from './kube.ts';
import type { Log } from './log.ts';

export interface KubeEvents {
  /** Never throws and never waits. */
  say(event: KubeEvent): void;
}

export interface KubeEvent {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly type: 'Normal' | 'Warning';
  /** One word in CamelCase. */
  readonly reason: string;
  /** At most 1,024 bytes are kept. */
  readonly message: string;
}

const maxMessageChars = 1_000;

export function createKubeEvents({
  kube,
  now,
  log,
}: {
  kube: Pick<Kube, 'request'>;
  now(): number;
  log: Log;
}): KubeEvents {
  return {
    say({ namespace, name, uid, resourceVersion, type, reason, message }) {
      const at = `${new Date(now()).toISOString().slice(0, 19)}Z`;
      const body = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { generateName: `${name}.`, namespace },
        involvedObject: { apiVersion: 'v1', kind: 'ConfigMap', namespace, name, uid, resourceVersion },
        type,
        reason,
        message: message.slice(0, maxMessageChars),
        source: { component: 'jobs-api' },
        firstTimestamp: at,
        lastTimestamp: at,
        count: 1,
      };
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
      void kube.request({ method: 'POST', path, body }).catch((error: unknown) => {
        log.warn({ reason, err: error }, 'an event about a ConfigMap could not be written');
      });
    },
  };
}
