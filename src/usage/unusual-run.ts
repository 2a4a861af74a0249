/**
 * Whether a run that succeeded was suspiciously short, long or quiet against what is usual for its job. Pure. The rule, which docs/mail.md
 * tells users: by its last successes, ten at least and fifty at most, a run is unusual that
 *
 *  - was shorter, or longer, than every one of them,
 *  - took less than half, or more than twice, their median, and
 *  - is further from it than six times the median distance of the others (MAD), and than ten seconds.
 *
 * The first says nothing of a job that has little to do on most days and much on some; the others, of one whose runs are much alike.
 *
 * It was quiet where it wrote less than half the lines of every one of them. Of those before it so many count as were counted at least, and
 * what was not counted says nothing; a run itself is judged only where all that it wrote was counted.
 */
import type { RunRecord, UnusualLength, UnusualQuiet, UnusualRun, Written } from '../domain.ts';

/** How long successes of a job take, in ms. */
export interface Band {
  readonly runs: number;
  readonly shortest: number;
  readonly longest: number;
  /** A run below the one or above the other is unusual. */
  readonly from: number;
  readonly to: number;
}

const leastRuns = 10;
const mostRuns = 50;
const spread = 6;
const leastMs = 10_000;

/** @param runs newest first, without the one in question. @returns undefined where too few of them succeeded */
export function bandOf(runs: readonly RunRecord[]): Band | undefined {
  const lengths: number[] = [];
  for (const run of runs) {
    if (lengths.length >= mostRuns) break;
    const length = lengthOf(run);
    if (length !== undefined) lengths.push(length);
  }
  if (lengths.length < leastRuns) return undefined;
  const middle = median(lengths);
  const apart = Math.max(spread * median(lengths.map((length) => Math.abs(length - middle))), leastMs);
  const [shortest, longest] = [Math.min(...lengths), Math.max(...lengths)];
  return {
    runs: lengths.length,
    shortest,
    longest,
    from: Math.min(shortest, middle / 2, middle - apart),
    to: Math.max(longest, middle * 2, middle + apart),
  };
}

/** @param length of a run, in ms. @returns undefined where it is as usual */
export function judgeLength(length: number, band: Band): UnusualLength | undefined {
  const what = length < band.from ? 'short' : length > band.to ? 'long' : undefined;
  return what && { what, length, runs: band.runs, shortest: band.shortest, longest: band.longest };
}

/** By id. */
export type WrittenByRun = ReadonlyMap<string, Written>;

/** @param before newest first, without the run in question. @returns undefined where it is as usual, and where too little is known */
export function judgeQuiet(run: string, before: readonly RunRecord[], written: WrittenByRun): UnusualQuiet | undefined {
  const own = written.get(run);
  if (!own || own.orMore) return undefined;
  const counts = before
    .flatMap(({ id, outcome }) => (outcome === 'succeeded' ? (written.get(id)?.lines ?? []) : []))
    .slice(0, mostRuns);
  const least = Math.min(...counts);
  if (counts.length < leastRuns || own.lines * 2 >= least) return undefined;
  return { what: 'quiet', lines: own.lines, runs: counts.length, least };
}

/** Of those that succeeded, by id; of one that was both only that it was short or long. @param runs newest first */
export function unusualRuns(runs: readonly RunRecord[], written: WrittenByRun): ReadonlyMap<string, UnusualRun> {
  return new Map(
    runs.flatMap((run, index) => {
      const length = lengthOf(run);
      if (length === undefined) return [];
      const before = runs.slice(index + 1);
      const band = bandOf(before);
      const found = (band && judgeLength(length, band)) ?? judgeQuiet(run.id, before, written);
      return found ? [[run.id, found] as const] : [];
    }),
  );
}

/** Of a run that succeeded, in ms. */
export function lengthOf({ outcome, startedAt, finishedAt }: RunRecord): number | undefined {
  const isKnown = outcome === 'succeeded' && startedAt !== undefined && finishedAt !== undefined;
  return isKnown ? Math.max(0, finishedAt - startedAt) : undefined;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const half = sorted.length / 2;
  const [low = 0, high = low] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  return (low + high) / 2;
}
