/**
 * Holds back all facts while the watches catch up, each at its own pace, and then lets them go in the order in which they came to be: what
 * has happened to a pod is understood only with what was known of its job then, and of what is gone nothing is understood any more.
 * Used by jobs.ts. The versions of all kinds count the same changes of one store, unless a cluster keeps a kind in a store of its own; then
 * the order among the kinds is any order, as it is in live watches.
 */
import type { JobEvent } from '../domain.ts';
import { yieldTurn } from './clock.ts';

export interface HeldFacts {
  /** @param isUndated the version says nothing of when it came to be: it goes after all others */
  pass(event: JobEvent, isUndated?: boolean): void;
  /** What was held back goes on, a little at a time; what comes meanwhile goes after it. Resolves when nothing is held any more. */
  release(): Promise<void>;
  /** What was held back is forgotten, and nothing passes from now on. */
  drop(): void;
}

interface Held {
  readonly event: JobEvent;
  readonly isUndated: boolean;
}

const atOnce = 250;
/** A kind that cannot be listed for hours must not fill the memory; its jobs are then understood as well as they can be. */
const mostHeld = 200_000;

/** @param onEvent must not throw */
export function createHeldFacts(onEvent: (event: JobEvent) => void, most: number = mostHeld): HeldFacts {
  let held: Held[] | undefined = [];
  let isDropped = false;
  let releasing: Promise<void> | undefined;

  async function letGo(all: Held[]): Promise<void> {
    all.sort(byVersion);
    for (let next = 0; next < all.length; next += 1) {
      if (isDropped) return;
      onEvent((all[next] as Held).event);
      if (next % atOnce === atOnce - 1) await yieldTurn();
    }
    held = undefined;
  }

  function release(): Promise<void> {
    releasing ??= letGo(held ?? []);
    return releasing;
  }

  return {
    pass(event, isUndated = false) {
      if (isDropped) return;
      if (!held) return onEvent(event);
      held.push({ event, isUndated });
      if (held.length >= most) void release();
    },
    release,
    drop() {
      isDropped = true;
      held = undefined;
    },
  };
}

/** Of equal versions the order stays: a pod leaves one job before it comes to another. */
function byVersion(one: Held, other: Held): number {
  const places = placeOf(one) - placeOf(other);
  if (places !== 0) return places;
  const [left, right] = [versionOf(one.event), versionOf(other.event)];
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** What was so before the start comes first, even where only its deletion shows it. */
function placeOf({ event, isUndated }: Held): number {
  if ('isOld' in event) return 0;
  return isUndated ? 2 : 1;
}

/** Decimal, without leading zeros. */
function versionOf(event: JobEvent): string {
  switch (event.type) {
    case 'object.seen':
      return event.object.resourceVersion;
    case 'run.seen':
      return event.run.resourceVersion;
    case 'pod.seen':
      return event.pod.resourceVersion;
    default:
      return event.resourceVersion;
  }
}
