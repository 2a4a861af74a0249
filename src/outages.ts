/**
 * When the API server could not be reached, as the daemon's own requests found it: what the controller should have begun in that time it
 * could not begin either. own-kube.ts says how each request went, checkpoint.ts keeps the times over a restart. Times are ms since the epoch.
 */
import type { JobEvent } from './domain.ts';
import type { Gap } from './mailbox.ts';

export interface Outages {
  /** A request got an answer. */
  answered(): void;
  /** A request got none. */
  failed(): void;
  /** What the cluster did in such a time shows that it was not away then, only out of our reach. */
  accept(event: JobEvent): void;
  /** What an earlier process found. */
  add(outages: readonly Gap[]): void;
  /** Oldest first; the same array as long as nothing changed. One that lasts ends, for now, with the last request that failed. */
  all(): readonly Gap[];
  /** The one that touches that time; undefined where there was none worth a word. */
  during(from: number, to: number): Gap | undefined;
}

const maxOutages = 20;
const keptMs = 7 * 24 * 3_600_000;
/** Requests fail, and are made again. */
const shortestMs = 10_000;
/** Clocks of machines differ. */
const clocksMs = 5_000;
/** A process that loses the API server may end over it, and the next one needs a moment to find the same. */
const joinedMs = 120_000;

export function createOutages(now: () => number): Outages {
  let outages: readonly Gap[] = [];
  let since: number | undefined;

  function add(more: readonly Gap[]): void {
    for (const one of more) {
      const near = outages.filter(({ from, to }) => from <= one.to + joinedMs && one.from <= to + joinedMs);
      const whole = {
        from: Math.min(one.from, ...near.map(({ from }) => from)),
        to: Math.max(one.to, ...near.map(({ to }) => to)),
      };
      const recent = outages.filter((other) => !near.includes(other) && other.to >= now() - keptMs);
      outages = [...recent, whole].sort((a, b) => a.from - b.from).slice(-maxOutages);
    }
  }

  /** Nobody needs to hear of a single request that was made again. */
  function note(): void {
    if (since !== undefined && now() - since >= shortestMs) add([{ from: since, to: now() }]);
  }

  return {
    answered() {
      if (since === undefined) return;
      note();
      since = undefined;
    },
    failed() {
      since ??= now();
      note();
    },
    accept(event) {
      if (outages.length > 0) for (const at of workIn(event)) outages = without(outages, at);
    },
    add,
    all: () => outages,
    during: (from, to) => outages.find((one) => one.from <= to && from <= one.to),
  };
}

/** When the API server and the controllers were at work, as their clocks have it: a node works on without them. */
function workIn(event: JobEvent): readonly number[] {
  switch (event.type) {
    case 'object.seen': {
      const { createdAt, status } = event.object;
      return [createdAt, status.lastSucceededAt ?? createdAt];
    }
    case 'run.seen':
      return [event.run.createdAt];
    case 'pod.seen':
      return [event.pod.createdAt];
    default:
      return [];
  }
}

function without(outages: readonly Gap[], at: number): readonly Gap[] {
  const [before, after] = [at - clocksMs, at + clocksMs];
  const isIn = ({ from, to }: Gap) => from < before && after < to;
  if (!outages.some(isIn)) return outages;
  const parts = (one: Gap) => [
    { from: one.from, to: before },
    { from: after, to: one.to },
  ];
  return outages.flatMap((one) => (isIn(one) ? parts(one) : [one])).filter(({ from, to }) => to - from >= shortestMs);
}
