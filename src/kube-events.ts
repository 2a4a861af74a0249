/**
 * Words beside an object of the cluster, where `kubectl describe` shows them (kubernetes.io, "Event"). Said by daemon.ts about the two
 * ConfigMaps. The cluster forgets an event after an hour: what is wrong for longer is said again until something better can be said.
 */
import type { Kube } from './kube.ts';
import type { Log } from './log.ts';

export interface KubeEvents {
  /** Never throws and never waits. The last warning about an object is said again, until something normal is said of it. */
  say(event: KubeEvent): void;
  /** Nothing is said again of an object that is gone. */
  forget(object: Pick<KubeEvent, 'namespace' | 'name'>): void;
  stop(): void;
}

export interface KubeEvent {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly type: 'Normal' | 'Warning';
  /** One word in CamelCase. */
  readonly reason: string;
  /** At most 1,000 characters are kept; the API server takes 1,024 bytes, and ours are nearly all ASCII. */
  readonly message: string;
}

export interface KubeEventsOptions {
  readonly kube: Pick<Kube, 'request'>;
  now(): number;
  readonly log: Log;
}

const maxMessageChars = 1_000;
/** Well within the hour for which the cluster keeps events. */
const sayAgainMs = 45 * 60_000;
/** Then it is said again when it is said again. */
const maxTries = 5;
const firstPauseMs = 2_000;

/** The last word about one object. */
interface Word {
  readonly event: KubeEvent;
  timer: NodeJS.Timeout | undefined;
}

export function createKubeEvents({ kube, now, log }: KubeEventsOptions): KubeEvents {
  const last = new Map<string, Word>();

  function write(word: Word, tries = 1): void {
    const { namespace, reason } = word.event;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    const isLast = () => last.get(objectOf(word.event)) === word;
    const later = (run: () => void, afterMs: number) => {
      if (!isLast()) return;
      word.timer = setTimeout(run, afterMs);
      word.timer.unref();
    };
    kube.request({ method: 'POST', path, body: bodyOf(word.event, now()) }).then(
      () => {
        if (word.event.type === 'Warning') later(() => write(word), sayAgainMs);
      },
      (error: unknown) => {
        if (tries === 1) log.warn({ reason, err: error }, 'an event about a ConfigMap could not be written');
        if (tries < maxTries) later(() => write(word, tries + 1), firstPauseMs * 4 ** (tries - 1));
        else if (word.event.type === 'Warning') later(() => write(word), sayAgainMs);
      },
    );
  }

  return {
    say(event) {
      clearTimeout(last.get(objectOf(event))?.timer);
      const word: Word = { event, timer: undefined };
      last.set(objectOf(event), word);
      write(word);
    },
    forget(object) {
      clearTimeout(last.get(objectOf(object))?.timer);
      last.delete(objectOf(object));
    },
    stop() {
      for (const { timer } of last.values()) clearTimeout(timer);
      last.clear();
    },
  };
}

function objectOf({ namespace, name }: Pick<KubeEvent, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}

function bodyOf({ namespace, name, uid, resourceVersion, type, reason, message }: KubeEvent, now: number) {
  const at = `${new Date(now).toISOString().slice(0, 19)}Z`;
  return {
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
}
