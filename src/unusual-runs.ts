/**
 * Runs that take suspiciously short or long, of jobs that ask to be told: one that goes on for too long is told while it does, every other
 * one at its end. Made by daemon.ts, fed with the notices of jobs. What is usual is read from the records of the job (usage/unusual-run.ts);
 * nothing is kept but a timer for each run under way.
 */
import type { Notice, RunRecord } from './domain.ts';
import { longestTimerMs } from './time-limit.ts';
import { type Band, bandOf, judgeLength } from './usage/unusual-run.ts';

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
  /** Called once for each unusual run, but for restarts; the same run has the same id. Must not throw. */
  onUnusual(notice: Notice): void;
  now(): number;
}

export function createUnusualRuns({ isAsked, isRunning, runs, onUnusual, now }: UnusualRunsOptions): UnusualRuns {
  /** By run. */
  const timers = new Map<string, NodeJS.Timeout>();
  const underWay = new Set<Promise<void>>();

  function accept(notice: Notice): void {
    if (notice.key.kind === 'Deployment') return;
    if (notice.kind === 'started' && isAsked(notice)) follow(notice, (band) => wait(notice, band));
    if (notice.kind !== 'finished' && notice.kind !== 'failed') return;
    forget(notice.run);
    if (notice.kind === 'finished' && isAsked(notice)) follow(notice, (band) => judge(notice, notice.finishedAt, band));
  }

  /** Where records cannot be read nothing is usual. */
  function follow(notice: Notice, use: (band: Band) => void): void {
    const work = runs(notice)
      .then((all) => {
        const band = bandOf(all.filter(({ id }) => id !== notice.run));
        if (band) use(band);
      })
      .catch(() => {})
      .finally(() => underWay.delete(work));
    underWay.add(work);
  }

  /** Until it has lasted longer than any before it should. */
  function wait(notice: Notice, band: Band): void {
    if (!isRunning(notice)) return;
    const leftMs = (notice.startedAt ?? notice.at) + band.to - now();
    if (leftMs < 0) {
      judge(notice, now(), band);
      return;
    }
    // A moment later, when it is longer.
    const timer = setTimeout(() => wait(notice, band), Math.min(leftMs + 1, longestTimerMs));
    timer.unref();
    timers.set(notice.run, timer);
  }

  function judge(notice: Notice, at: number | undefined, band: Band): void {
    forget(notice.run);
    if (at === undefined || notice.startedAt === undefined) return;
    const unusual = judgeLength(at - notice.startedAt, band);
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
