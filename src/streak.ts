/** How the runs of a job went, one after the other: what is in a row, and what a run ends. Pure. */
import type { RunRecord, Streak } from './domain.ts';

/** What a streak is made of: runs that have ended, and firings that became none. */
export type Ended = Pick<RunRecord, 'id' | 'createdAt' | 'finishedAt' | 'outcome' | 'reason'>;

/** Of what says nothing about the job (it was deleted, suspended, not seen) the streak stays as it was. */
export function nextStreak(streak: Streak | undefined, run: Ended): Streak | undefined {
  const { id, outcome, reason } = run;
  if (id === streak?.run) return streak;
  if (outcome === 'stopped' || outcome === 'unknown') return streak;
  if (outcome === 'skipped' && (reason === 'suspended' || reason === 'changed')) return streak;
  const at = run.finishedAt ?? run.createdAt;
  const isGood = outcome === 'succeeded';
  const last = { run: id, outcome, reason, at };
  return streak && isGood === (streak.outcome === 'succeeded')
    ? { ...streak, ...last, count: streak.count + 1 }
    : { ...last, count: 1, since: at, before: streak?.count ?? 0 };
}

/** @param runs newest first */
export function streakOf(runs: readonly Ended[]): Streak | undefined {
  return runs.reduceRight<Streak | undefined>(nextStreak, undefined);
}

/** Of the first success after failures how many there were; 0 of every other run. */
export function failuresBefore({ outcome, count, before }: Streak): number {
  return outcome === 'succeeded' && count === 1 ? before : 0;
}

/** A record among those before it. */
export interface ToldRun {
  readonly run: RunRecord;
  /** With this run; undefined of one that says nothing about its job. */
  readonly streak: Streak | undefined;
  /** Since the run before it. */
  readonly changed: RunChange[];
}

type RunChange = 'definition' | 'image';

/** @param runs newest first, as what comes of them */
export function inOrder(runs: readonly RunRecord[]): readonly ToldRun[] {
  let streak: Streak | undefined;
  let before: RunRecord | undefined;
  const told = [...runs].reverse().map((run): ToldRun => {
    const isNewLife = run.type === 'scheduled' && before?.jobUid !== run.jobUid;
    streak = nextStreak(isNewLife ? undefined : streak, run);
    const one = { run, streak: streak?.run === run.id ? streak : undefined, changed: changesSince(before, run) };
    // Of a firing that became no run nothing was pulled.
    before = run.outcome === 'skipped' ? { ...run, imageDigest: run.imageDigest ?? before?.imageDigest } : run;
    return one;
  });
  return told.reverse();
}

/** Nothing where it is not known of both. */
function changesSince(before: RunRecord | undefined, run: RunRecord): RunChange[] {
  const isOther = (one: string | undefined, other: string | undefined) =>
    one !== undefined && other !== undefined && one !== other;
  return [
    ...(isOther(before?.version, run.version) ? (['definition'] as const) : []),
    ...(isOther(before?.imageDigest, run.imageDigest) ? (['image'] as const) : []),
  ];
}
