/** The end of a run as the canonical dialect shows it. Pure and total. */
import {
  type FailureReason,
  isQuotaRefusal,
  type JobType,
  type RunOutcome,
  type RunRecord,
  type Trigger,
  triggerOf,
  type UnusualRun,
} from '../../domain.ts';
import { exitCodeWords } from '../../exit-code.ts';
import { failuresBefore, type ToldRun } from '../../streak.ts';
import { instantText } from './status/instant.ts';
import { whySkipped } from './status/skip-words.ts';

/** A run that has ended, by itself: as events tell it. */
export interface Run2026 {
  readonly id: string;
  readonly job: string;
  /** Of a run of a part: its job. */
  readonly group?: string;
  readonly job_type: JobType;
  /** Of the object that holds the definition. */
  readonly job_id: string | null;
  readonly manual: boolean;
  readonly trigger: Trigger;
  readonly due: string | null;
  readonly created: string | null;
  readonly started: string | null;
  readonly finished: string | null;
  readonly outcome: RunOutcome;
  readonly reason: FailureReason | null;
  readonly exit_code: number | null;
  readonly signal: number | null;
  readonly attempts: number;
  /** Bytes. */
  readonly peak_memory: number | null;
  readonly memory_limit: number | null;
  /** Thousandths of a core. */
  readonly peak_cpu: number | null;
  readonly definition_version: string | null;
  readonly image_digest: string | null;
  /** In words for its owner. */
  readonly message: string;
}

export function renderRun2026(job: string, run: RunRecord): Run2026 {
  return {
    id: run.id,
    job,
    ...(run.group === undefined ? {} : { group: run.group }),
    job_type: run.type,
    job_id: run.jobUid ?? null,
    manual: run.manual,
    trigger: triggerOf(run),
    due: instantText(run.dueAt) ?? null,
    created: instantText(run.createdAt) ?? null,
    started: instantText(run.startedAt) ?? null,
    finished: instantText(run.finishedAt) ?? null,
    outcome: run.outcome,
    reason: run.reason ?? null,
    exit_code: run.exitCode ?? null,
    signal: run.signal ?? null,
    attempts: run.attempts,
    peak_memory: run.peakMemory ?? null,
    memory_limit: run.memoryLimit ?? null,
    peak_cpu: run.peakCpu ?? null,
    definition_version: run.version ?? null,
    image_digest: run.imageDigest ?? null,
    message: wordsOf(run),
  };
}

/** The same among the runs before it. */
export interface ListedRun2026 extends Run2026 {
  readonly changed: ToldRun['changed'];
  readonly in_a_row: number | null;
  readonly after_failures: number;
  /** Against what is usual for its job. */
  readonly unusual: UnusualRun['what'] | null;
}

export function renderListedRun2026(
  job: string,
  { run, streak, changed }: ToldRun,
  unusual?: UnusualRun,
): ListedRun2026 {
  return {
    ...renderRun2026(job, run),
    changed,
    in_a_row: streak?.count ?? null,
    after_failures: streak ? failuresBefore(streak) : 0,
    unusual: unusual?.what ?? null,
  };
}

function wordsOf(run: RunRecord): string {
  const { outcome, reason, exitCode, signal, dueAt, dueUntil } = run;
  if (outcome === 'succeeded') return 'finished';
  if (outcome === 'stopped') return whyStopped(run);
  if (outcome === 'skipped') return `skipped: ${whySkipped(run)}`;
  if (dueUntil !== undefined)
    return `nobody saw what became of the firings from ${instantText(dueAt)} to ${instantText(dueUntil)}`;
  if (outcome === 'unknown') return 'nobody saw how it ended';
  switch (reason) {
    case 'exit_code':
    case 'signal':
      return exitCodeWords(exitCode ?? Number.NaN, signal);
    case 'out_of_memory':
      return exitCodeWords(137, undefined, 'OOMKilled');
    case 'deadline':
      return 'took longer than its time limit (DeadlineExceeded)';
    case 'evicted':
      return 'had to leave its node (Evicted)';
    case 'image':
      return 'its image could not be had, so it never started';
    case 'quota':
      return `never started: ${whySkipped(run)}`;
    case 'not_started':
      return 'could not be started';
    case 'lost':
      return 'its node went away with it';
    default:
      return 'failed, and why is not known';
  }
}

/** With what kept it from running, where the cluster said so. */
function whyStopped({ reason, clusterSays }: RunRecord): string {
  const isReplaced = reason === 'replaced';
  if (clusterSays === undefined)
    return isReplaced ? 'the next run of its schedule took its place' : 'its job was deleted before it had ended';
  const why = whySkipped({ reason: isQuotaRefusal(clusterSays) ? 'quota' : 'not_started', clusterSays });
  return `never started: ${why}; then ${isReplaced ? 'the next run of its schedule took its place' : 'its job was deleted'}`;
}
