/**
 * Runs that are suspiciously short, long or quiet, of jobs that ask to be told: one that goes on for too long is told while it does, every
 * other one at its end, a quiet one as soon as what it wrote was counted. One that is both is told for its length. Made by daemon.ts, fed
 * with the notices of jobs. What is usual is read from the records of the job (usage/unusual-run.ts); nothing is kept but a timer for each
 * run under way.
 */
import type { Notice, RunRecord, UnusualRun } from './domain.ts';
import { atMost, longestTimerMs } from './time-limit.ts';
import { type Band, bandOf, judgeLength, judgeQuiet, type WrittenByRun } from './usage/unusual-run.ts';

export interface UnusualRuns {
  /** Never throws and never waits. */
  accept(notice: Notice): void;
  /** Resolves when everything accepted before was judged. */
  settled(): Promise<void>;
  stop(): void;
}

export interface UnusualRunsOptions {
  /** Whether the job that the notice is about asks to be told. */
  isAsked(notice: Notice): boolean;
  /** Whether the run that the notice is about goes on. */
  isRunning(notice: Notice): boolean;
  /** Records of the job, newest first. */
  runs(notice: Notice): Promise<readonly RunRecord[]>;
  /** Resolves when what the run has written was counted, or never will be. */
  counted(notice: Notice): Promise<void>;
  /** How much the runs of the job have written. */
  written(notice: Notice): Promise<WrittenByRun>;
  /** Called once for each unusual run, but for restarts; the same run has the same id. Must not throw. */
  onUnusual(notice: Notice): void;
  now(): number;
}

/** The checkpoint waits as long: of a run whose output comes later nobody says that it was quiet. */
const countingMs = 30_000;

export function createUnusualRuns(options: UnusualRunsOptions): UnusualRuns {
  const { isAsked, isRunning, runs, counted, written, onUnusual, now } = options;
  /** By run. */
  const timers = new Map<string, NodeJS.Timeout>();
  const underWay = new Set<Promise<void>>();

  function accept(notice: Notice): void {
    if (notice.key.kind === 'Deployment') return;
    if (notice.kind === 'started' && isAsked(notice)) follow(notice, (before) => wait(notice, bandOf(before)));
    if (notice.kind !== 'finished' && notice.kind !== 'failed') return;
    forget(notice.run);
    if (notice.kind === 'finished' && isAsked(notice)) follow(notice, (before) => judgeEnd(notice, before));
  }

  /** Where records cannot be read nothing is usual. */
  function follow(notice: Notice, use: (before: readonly RunRecord[]) => unknown): void {
    const work = runs(notice)
      .then(async (all) => void (await use(all.filter(({ id }) => id !== notice.run))))
      .catch(() => {})
      .finally(() => underWay.delete(work));
    underWay.add(work);
  }

  /** Until it has lasted longer than any before it should. */
  function wait(notice: Notice, band: Band | undefined): void {
    if (!band || !isRunning(notice)) return;
    const leftMs = (notice.startedAt ?? notice.at) + band.to - now();
    if (leftMs < 0) {
      forget(notice.run);
      tell(notice, now(), lengthJudged(notice, now(), band));
      return;
    }
    // A moment later, when it is longer.
    const timer = setTimeout(() => wait(notice, band), Math.min(leftMs + 1, longestTimerMs));
    timer.unref();
    timers.set(notice.run, timer);
  }

  async function judgeEnd(notice: Notice, before: readonly RunRecord[]): Promise<void> {
    const at = notice.finishedAt;
    if (at === undefined) return;
    tell(notice, at, lengthJudged(notice, at, bandOf(before)) ?? (await quietJudged(notice, before)));
  }

  function lengthJudged({ startedAt }: Notice, at: number, band: Band | undefined): UnusualRun | undefined {
    return band && startedAt !== undefined ? judgeLength(at - startedAt, band) : undefined;
  }

  async function quietJudged(notice: Notice, before: readonly RunRecord[]): Promise<UnusualRun | undefined> {
    await atMost(counted(notice), countingMs);
    return judgeQuiet(notice.run, before, await written(notice));
  }

  function tell(notice: Notice, at: number, unusual: UnusualRun | undefined): void {
    if (unusual) onUnusual({ ...notice, id: `${notice.run}/unusual`, kind: 'unusual', at, unusual });
  }

  function forget(run: string): void {
    clearTimeout(timers.get(run));
    timers.delete(run);
  }

  return {
    accept,
    settled: async () => void (await Promise.all(underWay)),
    stop() {
      for (const run of timers.keys()) forget(run);
    },
  };
}
