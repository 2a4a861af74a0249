/** What a person should know of a job's state, most telling first. Nothing is said of a job that is well. Pure and total. */
import { suspensionNow } from '../../../definition/suspension.ts';
import { zoneNote } from '../../../definition/zone-words.ts';
import type { JobSnapshot, JobState, ObjectFacts, ObjectStatus, PodFacts } from '../../../domain.ts';
import { failuresBefore } from '../../../streak.ts';
import { type CurrentRun, currentRun, failedAttempts, outcomeOf, trueCondition } from './current-run.ts';
import { formatDuration } from './duration.ts';
import { instantText, isKnown } from './instant.ts';
import { foreignWords } from './long-status.ts';
import { exitWords, type JobWords, lastEnd, podWords } from './pod-words.ts';
import { refusalDetails, refusalInWords } from './refusal-words.ts';
import { suspensionWords, whySkipped } from './skip-words.ts';
import { imageOf } from './status-words.ts';

export interface MessageFacts {
  /** Ms since the epoch; undefined where no further run is due. */
  readonly nextAt: number | undefined;
  readonly trouble: string | undefined;
  readonly isUpToDate: boolean;
}

type Lines = (string | undefined)[];

/** Each line once. */
export function statusMessages(snapshot: JobSnapshot, state: JobState, facts: MessageFacts): string[] {
  const { key, object } = snapshot;
  const lines = [
    ...(object.job === undefined ? [foreignWords(snapshot)] : []),
    ...(key.kind === 'Deployment' ? continuousLines(snapshot, state) : runLines(snapshot, state, facts)),
    object.deletingAt === undefined ? undefined : 'it is being deleted',
    facts.isUpToDate
      ? undefined
      : `The running version of job '${key.name}' is different from what was configured, please recreate or redeploy.`,
  ];
  return [...new Set(lines.filter((line): line is string => line !== undefined && line !== ''))];
}

function runLines(snapshot: JobSnapshot, state: JobState, facts: MessageFacts): Lines {
  const { key, object } = snapshot;
  if (state === 'waiting')
    return [nextLine(snapshot, facts.nextAt), ...skipLines(snapshot), ...lastRunLines(snapshot), streakLine(snapshot)];
  if (state === 'suspended') return [suspensionLine(snapshot), ...lastRunLines(snapshot), streakLine(snapshot)];
  const run = currentRun(snapshot);
  const refused = refusalLines(facts.trouble);
  const own = run && state !== 'succeeded' ? attemptLines(snapshot, run, state) : [];
  const suspended = key.kind === 'CronJob' && object.status.suspended ? [suspensionLine(snapshot)] : [];
  return [...suspended, ...skipLines(snapshot), ...refused, ...own];
}

function suspensionLine({ object }: JobSnapshot): string {
  const suspension = suspensionNow(object);
  return suspension ? suspensionWords(suspension) : 'suspended: no run starts until it is resumed';
}

function skipLines({ skipped, object }: JobSnapshot): string[] {
  return skipped ? [`the run of ${dueText(object, skipped.dueAt)} was skipped: ${whySkipped(skipped)}`] : [];
}

/** With what the clocks of its zone show. */
function dueText({ job }: ObjectFacts, at: number | undefined): string | undefined {
  const text = instantText(at);
  return text && at !== undefined ? `${text}${zoneNote(at, job?.timeZone ?? 'UTC')}` : undefined;
}

function refusalLines(message: string | undefined): string[] {
  return message === undefined ? [] : [refusalInWords(message), ...refusalDetails(message)];
}

function nextLine({ object }: JobSnapshot, nextAt: number | undefined): string {
  const next = dueText(object, nextAt);
  return next ? `next run ${next}` : 'no next run is known';
}

/** Of a run that is removed already the CronJob's own times still tell how it ended. */
function lastRunLines(snapshot: JobSnapshot): Lines {
  const run = currentRun(snapshot);
  const outcome = run && outcomeOf(run.status);
  if (run && outcome) {
    return outcome === 'succeeded'
      ? ['last run succeeded']
      : ['last run failed', ...attemptLines(snapshot, run, 'failed')];
  }
  const { lastScheduledAt, lastSucceededAt } = snapshot.object.status;
  if (!isKnown(lastScheduledAt)) return [];
  return [
    isKnown(lastSucceededAt) && lastSucceededAt >= lastScheduledAt
      ? 'last run succeeded'
      : 'the last run did not succeed',
  ];
}

/** Nothing of a job that goes well, or failed once. */
function streakLine({ streak }: JobSnapshot): string | undefined {
  if (!streak) return undefined;
  const failures = failuresBefore(streak);
  if (failures > 0) return `it recovered after ${failures === 1 ? 'one failure' : `${failures} failures`}`;
  if (streak.outcome === 'succeeded' || streak.count === 1) return undefined;
  return `no run has succeeded in the last ${streak.count}, since ${instantText(streak.since)}`;
}

function attemptLines(snapshot: JobSnapshot, run: CurrentRun, state: JobState): Lines {
  const [pod] = run.pods;
  return [
    ...(pod ? podWords(pod, wordsOf(snapshot)) : []),
    ...(state === 'failed' ? endLines(snapshot, run.status) : retryLines(snapshot, run)),
  ];
}

/** Why a Job is over for good (kubernetes.io, "Jobs": Pod backoff failure policy, Job termination). */
function endLines({ object }: JobSnapshot, status: ObjectStatus): Lines {
  const failed = trueCondition(status, 'Failed');
  if (!failed) return [];
  switch (failed.reason) {
    case 'BackoffLimitExceeded':
      return ['it is not tried again (BackoffLimitExceeded)'];
    case 'DeadlineExceeded': {
      const timeout = object.job?.timeout ?? 0;
      return [
        `took longer than its time limit${timeout > 0 ? ` of ${formatDuration(timeout)}` : ''} (DeadlineExceeded)`,
      ];
    }
    default:
      return [failed.message ?? failed.reason];
  }
}

function retryLines({ object }: JobSnapshot, run: CurrentRun): Lines {
  const failed = failedAttempts(run);
  if (failed === 0) return [];
  const limit = object.job ? ` of ${object.job.retry + 1}` : '';
  const [newest, ...earlier] = run.pods;
  if (newest?.phase === 'Failed') return [`${failed}${limit} attempts failed`];
  const before = lastEnd(earlier.find(({ phase }) => phase === 'Failed'));
  return [`attempt ${failed + 1}${limit}`, before && `attempt before: ${exitWords(before)}`];
}

function continuousLines(snapshot: JobSnapshot, state: JobState): Lines {
  const { object, pods } = snapshot;
  const kept = pods.filter(({ deletingAt }) => deletingAt === undefined);
  const job = wordsOf(snapshot);
  const refused = trueCondition(object.status, 'ReplicaFailure');
  const telling = state === 'running' ? kept.find((pod) => podWords(pod, job).length > 0) : (kept[0] ?? pods[0]);
  return [
    ...(refused ? refusalLines(refused.message ?? '') : []),
    state === 'running' ? copiesLine(object.job?.replicas, kept) : undefined,
    ...(telling ? podWords(telling, job) : []),
    state === 'running' ? undefined : stuckLine(object.status),
  ];
}

function wordsOf(snapshot: JobSnapshot): JobWords {
  return { image: imageOf(snapshot), memory: snapshot.object.job?.memory };
}

function copiesLine(wanted: number | undefined, pods: readonly PodFacts[]): string | undefined {
  const running = pods.filter(({ container }) => container?.state?.kind === 'running').length;
  return wanted !== undefined && running > 0 && running < wanted ? `${running} of ${wanted} copies run` : undefined;
}

function stuckLine({ conditions }: ObjectStatus): string | undefined {
  const isStuck = conditions.some(
    ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
  );
  return isStuck ? 'it did not come up in time (ProgressDeadlineExceeded)' : undefined;
}
