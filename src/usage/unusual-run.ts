/**
 * Whether a run that succeeded took suspiciously short or long against what its job usually takes. Pure. The rule, which docs/guide.md tells
 * users: by its last successes, ten at least and fifty at most, a run is unusual that
 *
 *  - was shorter, or longer, than every one of them,
 *  - took less than half, or more than twice, their median, and
 *  - is further from it than six times the median distance of the others (MAD), and than ten seconds.
 *
 * The first keeps a job quiet that has little to do on most days and much on some; the others, one whose runs are much alike.
 */
import type { RunRecord, UnusualRun } from '../domain.ts';

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
export function judgeLength(length: number, band: Band): UnusualRun | undefined {
  const what = length < band.from ? 'short' : length > band.to ? 'long' : undefined;
  return what && { what, length, runs: band.runs, shortest: band.shortest, longest: band.longest };
}

/** Of those that succeeded, by id. @param runs newest first */
export function unusualRuns(runs: readonly RunRecord[]): ReadonlyMap<string, UnusualRun> {
  return new Map(
    runs.flatMap((run, index) => {
      const length = lengthOf(run);
      const band = length === undefined ? undefined : bandOf(runs.slice(index + 1));
      const found = band && judgeLength(length as number, band);
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
