/**
 * The status as one line (`status_short`) as clients of 2022 and 2023 show it. `Completed`, `Failed` and `Running` are compared word by
 * word by programs. Pure and total.
 */
import { suspensionNow } from '../../../definition/suspension.ts';
import type { JobSnapshot, ObjectFacts, PodFacts } from '../../../domain.ts';
import {
  type CurrentRun,
  conditionOf,
  currentRun,
  failedAttempts,
  outcomeOf,
  stateNow,
  trueCondition,
} from './current-run.ts';
import { durationSince, firstKnown, instantText } from './instant.ts';
import { startProblem } from './pod-words.ts';
import { refusalInWords } from './refusal-words.ts';
import { shortSkip, suspensionWords } from './skip-words.ts';

const foreignShort = 'Not made by this service';

/** As of 2022: a state, without how long. `Failed` is said only of a job that will not be tried again. */
export function shortStatusSeed(snapshot: JobSnapshot): string {
  const { key, object } = snapshot;
  if (object.job === undefined) return foreignShort;
  switch (key.kind) {
    case 'Job':
      return seedOneOff(snapshot);
    case 'CronJob':
      return `Last schedule time: ${instantText(object.status.lastScheduledAt) ?? 'unknown'}`;
    case 'Deployment':
      return seedContinuous(snapshot);
  }
}

function seedOneOff({ state, object: { status }, pods }: JobSnapshot): string {
  if (state === 'succeeded') return 'Completed';
  if (state === 'failed') return 'Failed';
  if (state === 'running') return 'Running';
  if (state === 'unknown') return 'Unknown';
  const hasBegun = pods.length > 0 || status.active > 0 || status.failed > 0 || conditionOf(status, 'Complete');
  return hasBegun ? 'Not running' : 'Unknown';
}

function seedContinuous({ state, object: { status } }: JobSnapshot): string {
  if (state === 'running') return 'Running';
  return state === 'failed' || conditionOf(status, 'Available') ? 'Not running' : 'Unknown';
}

/**
 * As of 2023: with the duration of what runs, and the reason of what cannot start.
 * @param trouble what the cluster says when it refuses to make the job's pod, where that was asked
 */
export function shortStatus(snapshot: JobSnapshot, now: number, trouble?: string): string {
  const { key, object } = snapshot;
  if (object.job === undefined) return foreignShort;
  switch (key.kind) {
    case 'Job':
      return shortOneOff(snapshot, now, trouble);
    case 'CronJob':
      return shortScheduled(snapshot, now, trouble);
    case 'Deployment':
      return shortContinuous(snapshot);
  }
}

function shortOneOff(snapshot: JobSnapshot, now: number, trouble: string | undefined): string {
  const run = currentRun(snapshot);
  switch (stateNow(snapshot)) {
    case 'succeeded':
      return 'Completed';
    case 'failed':
      return 'Failed';
    case 'running':
      return run ? `Running for ${durationSince(startOf(run), now)}` : 'Running';
    case 'unknown':
      return 'Unknown';
    default:
      return trouble === undefined ? pendingShort(run, snapshot) : refusalInWords(trouble);
  }
}

function startOf({ status, pods, createdAt }: CurrentRun): number | undefined {
  return firstKnown(status.startedAt, pods[0]?.startedAt, createdAt);
}

function pendingShort(run: CurrentRun | undefined, snapshot: JobSnapshot): string {
  const [pod] = run?.pods ?? [];
  const problem = startProblem(pod, imageOf(snapshot));
  if (problem) return `Unable to start, ${problem}`;
  const failed = run ? failedAttempts(run) : 0;
  const isBetween = failed > 0 && (pod ? pod.phase === 'Failed' : run?.status.active === 0);
  if (!isBetween) return 'Pending';
  const hasTriesLeft = failed <= (snapshot.object.job?.retry ?? 0);
  return `${hasTriesLeft ? 'Waiting to try again' : 'Ending'} after ${failed} failed attempt${failed === 1 ? '' : 's'}`;
}

function shortScheduled(snapshot: JobSnapshot, now: number, trouble: string | undefined): string {
  const { state, object } = snapshot;
  if (state === 'running')
    return `${shortOneOff(snapshot, now, trouble)}${object.status.suspended ? '; its schedule is suspended' : ''}`;
  const run = currentRun(snapshot);
  // A run asked for by hand is waited for by whoever asked.
  if (run?.manual && outcomeOf(run.status) === 'failed') return 'Failed';
  if (state === 'suspended') return shortSuspension(object);
  if (snapshot.skipped) return shortSkip(snapshot.skipped);
  const last = instantText(object.status.lastScheduledAt);
  return last ? `Last schedule time: ${last}` : 'Waiting for scheduled time';
}

const longestNote = 40;

function shortSuspension(object: ObjectFacts): string {
  const suspension = suspensionNow(object);
  if (!suspension) return 'Suspended';
  const { note } = suspension;
  const short = note !== undefined && note.length > longestNote ? `${note.slice(0, longestNote - 1)}…` : note;
  const words = suspensionWords({ ...suspension, note: short });
  return words.replace('s', 'S');
}

function shortContinuous(snapshot: JobSnapshot): string {
  const { state, object, pods } = snapshot;
  if (state === 'running') return 'Running';
  if (state === 'unknown') return 'Unknown';
  const refused = trueCondition(object.status, 'ReplicaFailure');
  if (refused) return refusalInWords(refused.message ?? '');
  const problem = startProblem(pods[0], imageOf(snapshot));
  if (problem) return `Unable to start, ${problem}`;
  if (pods.some((pod) => pod.deletingAt === undefined && hasCrashed(pod))) return 'Specified command fails to run';
  return state === 'failed' || conditionOf(object.status, 'Available') ? 'Not running' : 'Pending';
}

function hasCrashed({ container }: PodFacts): boolean {
  const state = container?.state;
  return (
    (state?.kind === 'waiting' && state.reason === 'CrashLoopBackOff') ||
    (state?.kind === 'terminated' && state.exitCode !== 0)
  );
}

/** The image as it is pulled, to be put after "the image". */
export function imageOf({ object }: JobSnapshot): string {
  return object.job?.image.url ?? 'of the job';
}
