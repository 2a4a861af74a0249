/**
 * Holds back what is gone while the watches catch up, each at its own pace: a job's end is told with what its pods have said, and of a pod
 * nothing is said any more once it is gone. Used by jobs.ts.
 */
import { type JobEvent, keyText } from '../domain.ts';

export interface HeldEnds {
  pass(event: JobEvent): void;
  /** What was held back goes on, in order; from now on nothing is held. */
  release(): void;
  /** What was held back is forgotten. */
  drop(): void;
}

export function createHeldEnds(onEvent: (event: JobEvent) => void): HeldEnds {
  let isHolding = true;
  let held: JobEvent[] = [];
  /** Names whose former object is held: the next one under it would end it before its time. */
  const waiting = new Set<string>();

  function isHeld({ type, key }: JobEvent): boolean {
    if (!isHolding) return false;
    return type.endsWith('.gone') || (type === 'object.seen' && waiting.has(nameOf(key)));
  }

  return {
    pass(event) {
      if (!isHeld(event)) return onEvent(event);
      held.push(event);
      if (event.type === 'object.gone') waiting.add(nameOf(event.key));
    },
    release() {
      isHolding = false;
      const events = held;
      held = [];
      waiting.clear();
      for (const event of events) onEvent(event);
    },
    drop() {
      held = [];
      waiting.clear();
    },
  };
}

function nameOf(key: JobEvent['key']): string {
  return `${key.namespace}/${keyText(key)}`;
}
