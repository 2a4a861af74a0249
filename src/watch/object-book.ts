/**
 * What a watch remembers of each object, by uid: enough to tell what changed and what is gone, no more. Used by list-watch.ts, which
 * feeds it whatever arrives; it hands on what is news. Knows neither network nor time.
 */
import type { KubeObject } from '../domain.ts';
import { textAt } from '../fields.ts';
import type { Log } from '../log.ts';
import { isNewerVersion } from '../resource-version.ts';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface Change<Kept> {
  readonly type: ChangeType;
  readonly uid: string;
  /** Of a DELETED that only a list told: the last version known. */
  readonly resourceVersion: string;
  /** Of a DELETED its last state; undefined where only a list told. */
  readonly object: KubeObject | undefined;
  /** Whether `object` is a later state than any that was handed on before. */
  readonly isNewState: boolean;
  /** Whether it was handed on before this process was started; of a DELETED, its last state. */
  readonly isOld: boolean;
  /** What the handler gave back for this uid the last time. */
  readonly kept: Kept | undefined;
}

/**
 * Takes a change; what it gives back is kept for the uid and handed over with the next change. If it throws, the object is left alone
 * until the next list or its deletion, and everything else goes on.
 */
export type Handle<Kept> = (change: Change<Kept>) => Kept | undefined;

/** A complete list being compared with what was known when it began. */
export interface Listing {
  see(object: unknown): void;
  /** What the list did not show is gone, unless it came into being after `listVersion`. */
  finish(listVersion: string): void;
}

export interface ObjectBook {
  /** An object as it is now: handed on unless a state as late as this one was. Without uid or version it is left out. */
  seen(object: unknown): void;
  gone(object: unknown): void;
  /** A listed object under a name that another uid had: the other one is handed on as DELETED first. */
  startListing(): Listing;
  /** For a list beside a history that goes on: of what is known, by uid or by name, the history tells more, and nothing is gone by it. */
  startAdding(): Listing;
  readonly size: number;
  readonly handlerErrors: number;
}

interface Entry<Kept> {
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly kept: Kept | undefined;
}

interface Identity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
}

/** @param isOld whether the state of that version was handed on before this process was started */
export function createObjectBook<Kept>(
  handle: Handle<Kept>,
  log: Log,
  isOld: (resourceVersion: string) => boolean = () => false,
): ObjectBook {
  const entries = new Map<string, Entry<Kept>>();
  const quarantined = new Set<string>();
  let handlerErrors = 0;

  function isNewState(id: Identity): boolean {
    const before = entries.get(id.uid);
    return before === undefined || isNewerVersion(id.resourceVersion, before.resourceVersion);
  }

  function record(id: Identity, object: KubeObject): void {
    if (!isNewState(id)) return;
    const { uid, namespace, name, resourceVersion } = id;
    const before = entries.get(uid);
    const kept = handOn({
      type: before ? 'MODIFIED' : 'ADDED',
      uid,
      resourceVersion,
      object,
      isNewState: true,
      isOld: isOld(resourceVersion),
      kept: before?.kept,
    });
    entries.set(uid, { namespace, name, resourceVersion, kept });
  }

  /** Whatever an object has come to is an event of its own: one that first shows itself in its deletion was like that before the start. */
  function bury(id: Identity, object: KubeObject): void {
    const { uid, resourceVersion } = id;
    const lastChange = entries.get(uid)?.resourceVersion ?? '0';
    forget({ uid, resourceVersion, object, isNewState: isNewState(id), isOld: isOld(lastChange) });
  }

  /** Only a list tells of it, by not showing it any more. */
  function miss(uid: string): void {
    const resourceVersion = entries.get(uid)?.resourceVersion ?? '';
    forget({ uid, resourceVersion, object: undefined, isNewState: false, isOld: false });
  }

  function forget(change: Omit<Change<Kept>, 'type' | 'kept'>): void {
    const before = entries.get(change.uid);
    entries.delete(change.uid);
    quarantined.delete(change.uid);
    handOn({ ...change, type: 'DELETED', kept: before?.kept });
  }

  /** A mistake in the handler is about one object; it must neither end the watch nor be taken for a broken line. */
  function handOn(change: Change<Kept>): Kept | undefined {
    if (quarantined.has(change.uid)) return change.kept;
    try {
      return handle(change);
    } catch (error) {
      handlerErrors += 1;
      if (change.type !== 'DELETED') quarantined.add(change.uid);
      log.error({ uid: change.uid, err: error }, 'an object could not be handled and is left alone');
      return change.kept;
    }
  }

  function uidsByName(): Map<string, string> {
    return new Map([...entries].map(([uid, { namespace, name }]) => [`${namespace}/${name}`, uid]));
  }

  return {
    seen(object) {
      const id = identify(object);
      if (id) record(id, object as KubeObject);
    },
    gone(object) {
      const id = identify(object);
      if (id) bury(id, object as KubeObject);
    },
    startListing() {
      quarantined.clear();
      const unseen = new Set(entries.keys());
      const uidByName = uidsByName();
      return {
        see(object) {
          const id = identify(object);
          if (!id) return;
          unseen.delete(id.uid);
          const former = uidByName.get(`${id.namespace}/${id.name}`);
          if (former !== undefined && former !== id.uid && unseen.delete(former)) miss(former);
          record(id, object as KubeObject);
        },
        finish(listVersion) {
          for (const uid of unseen) {
            const entry = entries.get(uid);
            if (entry && !isNewerVersion(entry.resourceVersion, listVersion)) miss(uid);
          }
        },
      };
    },
    startAdding() {
      const uidByName = uidsByName();
      return {
        see(object) {
          const id = identify(object);
          if (!id || entries.has(id.uid) || uidByName.has(`${id.namespace}/${id.name}`)) return;
          record(id, object as KubeObject);
        },
        finish() {},
      };
    },
    get size() {
      return entries.size;
    },
    get handlerErrors() {
      return handlerErrors;
    },
  };
}

function identify(object: unknown): Identity | undefined {
  const uid = textAt(object, 'metadata', 'uid');
  const resourceVersion = textAt(object, 'metadata', 'resourceVersion');
  if (!uid || !resourceVersion) return undefined;
  const namespace = textAt(object, 'metadata', 'namespace') ?? '';
  return { uid, resourceVersion, namespace, name: textAt(object, 'metadata', 'name') ?? '' };
}
