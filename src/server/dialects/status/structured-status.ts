/**
 * The status as an object (2026): a word for programs, since when, and messages for people. The word is the job's state as its actor knows
 * it; nothing here judges again. Pure and total.
 */
import type { JobSnapshot, JobState } from '../../../domain.ts';
import { stateNow } from './current-run.ts';
import { durationSince, instantText, isKnown, latestKnown } from './instant.ts';
import { statusMessages } from './status-messages.ts';
import { statusSince } from './status-since.ts';
import { isUpToDate } from './up-to-date.ts';

export interface Status2026 {
  readonly short: 'pending' | 'running' | 'succeeded' | 'failed' | 'unknown';
  /** How long it is so, e.g. `1h3m`; `0s` where nobody knows. */
  readonly duration: string;
  readonly up_to_date: boolean;
  readonly messages: readonly string[];
  /** Scheduled jobs only: when the last run began, e.g. `2026-11-24T04:17:00Z`. */
  readonly previous_schedule?: string | null;
  /** Scheduled jobs only; never in the past, null while the job is suspended. */
  readonly next_schedule?: string | null;
  /** The next few, where one job is shown. */
  readonly next_schedules?: readonly string[];
}

export interface StatusOptions {
  /** Ms since the epoch. */
  readonly now: number;
  /** Ms since the epoch; undefined where the schedule names no time to come, and for jobs without a schedule. */
  readonly nextFiringAt?: number | undefined;
  /** The firings after it, where they were asked for; ms since the epoch. */
  readonly nextFirings?: readonly number[] | undefined;
  /** What the cluster says when it refuses to make the job's pod, where that was asked. */
  readonly trouble?: string | undefined;
}

/** A scheduled job between two runs is `pending`, and its messages say until when. */
const shorts = {
  pending: 'pending',
  running: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  unknown: 'unknown',
  waiting: 'pending',
  suspended: 'pending',
} as const satisfies Record<JobState, Status2026['short']>;

export function structuredStatus(snapshot: JobSnapshot, options: StatusOptions): Status2026 {
  const { now, trouble = snapshot.refusal } = options;
  const state = stateNow(snapshot);
  const nextAt = nextRunAt(snapshot, options);
  const isCurrent = isUpToDate(snapshot.object);
  return {
    short: shorts[state],
    duration: durationSince(statusSince(snapshot, state), now),
    up_to_date: isCurrent,
    messages: statusMessages(snapshot, state, { nextAt, trouble, isUpToDate: isCurrent }),
    ...(snapshot.key.kind === 'CronJob'
      ? {
          previous_schedule: previousRun(snapshot),
          next_schedule: instantText(nextAt) ?? null,
          ...firingsText(nextAt, options.nextFirings),
        }
      : {}),
  };
}

function nextRunAt({ key, object }: JobSnapshot, { now, nextFiringAt }: StatusOptions): number | undefined {
  if (key.kind !== 'CronJob' || object.status.suspended || object.deletingAt !== undefined) return undefined;
  return isKnown(nextFiringAt) && nextFiringAt > now ? nextFiringAt : undefined;
}

function firingsText(
  nextAt: number | undefined,
  firings: readonly number[] | undefined,
): Pick<Status2026, 'next_schedules'> {
  if (!firings) return {};
  return { next_schedules: nextAt === undefined ? [] : firings.flatMap((at) => instantText(at) ?? []) };
}

/** Finished runs are removed soon; then the CronJob still knows when the last one was due. */
function previousRun({ object, runs }: JobSnapshot): string | null {
  return instantText(latestKnown(runs[0]?.createdAt, object.status.lastScheduledAt)) ?? null;
}
