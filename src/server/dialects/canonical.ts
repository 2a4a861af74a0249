/** The 2026 dialect, ours as well: wrapped answers, messages, one clear error per problem. */
import { scheduleWarning } from '../../definition/cron.ts';
import { nextOfOdd, oddities } from '../../definition/odd-schedule.ts';
import { partsOf } from '../../definition/parts.ts';
import { askedCheck } from '../../definition/ports.ts';
import type { Freshness, Image, JobDefinition, JobParts, JobSnapshot, ResolvedJob, Suspension } from '../../domain.ts';
import { type AppError, errorTable } from '../../errors.ts';
import type { OfferedImages } from '../../image-catalog.ts';
import type { Applied } from '../handlers/apply.ts';
import type { Removal } from '../handlers/remove.ts';
import type { RunOfJob } from '../handlers/runs.ts';
import type { Dialect } from '../respond.ts';
import { errorAnswer } from '../schemas.ts';
import { renderGroup2026 } from './group-2026.ts';
import { type Job2026, renderJob2026, renderUnresolved2026 } from './job-2026.ts';
import { renderListedRun2026 } from './run-2026.ts';
import { instantText } from './status/instant.ts';

export interface Messages {
  readonly info: readonly string[];
  readonly warning: readonly string[];
  readonly error: readonly string[];
}

export const canonical: Dialect = {
  name: 'canonical',
  title: 'the clients of 2026',
  isCurrent: true,
  takesForms: false,
  errorShape: errorAnswer,
  status: (error) => errorTable[error.code].http || 500,
  body: (error: AppError, requestId?: string) => ({
    error: error.problems?.length ? [...error.problems] : [error.message],
    code: error.code,
    id: errorTable[error.code].id,
    ...(error.fields ? { fields: error.fields } : {}),
    ...(requestId === undefined ? {} : { request_id: requestId }),
  }),
};

export interface CanonicalOptions {
  readonly now: number;
  nextFiringAt(snapshot: JobSnapshot): number | undefined;
  /** False: only what the user set. */
  readonly includeUnset: boolean;
  /** Of what the user set: the image and amounts as typed, not in the form of 2026. */
  readonly asTyped: boolean;
  /** What the cluster says of those that it refuses to make pods for, where that was asked. */
  readonly troubles?: ReadonlyMap<JobSnapshot, string | undefined>;
  readonly nextFirings?: readonly number[] | undefined;
  /** The name it was asked for by: a part's own shows that part alone. */
  readonly askedFor?: string;
  /** Where one job is shown. */
  readonly lastRuns?: readonly RunOfJob[];
}

export function canonicalJob(
  parts: JobParts,
  { now, nextFiringAt, includeUnset, asTyped, troubles, nextFirings, askedFor, lastRuns = [] }: CanonicalOptions,
): Job2026 | object {
  const [first] = parts;
  if (!includeUnset) return renderUnresolved2026(first, asTyped);
  const statusOptions = (snapshot: JobSnapshot) => ({
    now,
    nextFiringAt: nextFiringAt(snapshot),
    trouble: troubles?.get(snapshot),
  });
  const isWhole = first.object.job?.group === undefined || first.key.name === askedFor;
  const job = isWhole
    ? renderJob2026(first, { ...statusOptions(first), nextFirings })
    : renderGroup2026(parts, statusOptions, nextFirings);
  if (lastRuns.length === 0) return job;
  return { ...job, last_runs: lastRuns.map((run) => renderListedRun2026(run.job, run)) };
}

/** What must be said with an answer that comes from a view cut off from the cluster. */
export function staleMessages(freshness: Freshness, now: number): Messages {
  if (freshness.live) return noMessages;
  const seconds = Math.max(0, Math.round((now - freshness.asOf) / 1000));
  return {
    ...noMessages,
    warning: [`The connection to the cluster is interrupted: this is the state of ${seconds} s ago.`],
  };
}

/** What is said with a job just made. */
export function createdMessages({ object: { job, definition } }: JobSnapshot, now: number): Messages {
  const warning = job ? [...warningsOf(job, definition, now), ...nextOfOdd(job, now)] : [];
  return warning.length > 0 ? { ...noMessages, warning } : noMessages;
}

/** What its owner may not expect of a job: a schedule with gaps, an image that will go, a check that cannot be made. */
export function warningsOf(job: ResolvedJob, definition: JobDefinition | undefined, now: number): string[] {
  const warnings = [
    job.schedule && scheduleWarning(job.schedule),
    ...oddities(job, now),
    imageWarning(job.image),
    definition && checkWarning(definition),
    definition && overlapWarning(definition),
  ];
  return warnings.filter((text) => text !== undefined);
}

function checkWarning(definition: JobDefinition): string | undefined {
  if (!definition.healthCheck || askedCheck(definition)) return undefined;
  return 'The health check has no effect: a page cannot be asked over UDP. Use a check of the type "script", or leave it out.';
}

function overlapWarning(definition: JobDefinition): string | undefined {
  const schedules = new Set(partsOf(definition).map(({ schedule }) => schedule));
  if (schedules.size < 2) return undefined;
  return `No one cron expression says all of its schedules, so they are ${schedules.size} parts that know nothing of each other: their runs may overlap.`;
}

function imageWarning({ name, state }: Image): string | undefined {
  if (state !== 'deprecated') return undefined;
  return `The image '${name}' is deprecated: it still runs, and will be removed one day. 'images' lists what to use instead.`;
}

/** What is said after an end was asked for. */
export function endedMessages({ left }: Removal): { messages: Messages } {
  const slow = left.filter(({ why }) => why === undefined).map(({ name }) => name);
  const warning =
    slow.length === 0
      ? []
      : [`The end takes longer than usual and goes on; list shows what is left until then: ${slow.join(', ')}.`];
  const error = left.flatMap(({ name, why }) => (why === undefined ? [] : [`Job ${name} was not ended: ${why}`]));
  return { messages: { info: [], warning, error } };
}

/** What is said when a job was suspended. */
export function suspendedMessages(name: string, { until }: Suspension): { messages: Messages } {
  const end = until === undefined ? 'it is resumed' : instantText(until);
  return { messages: { ...noMessages, info: [`Job ${name} is suspended: no run starts until ${end}.`] } };
}

/**
 * @param suspension that was ended, or will end in a moment; undefined where there was none
 * @param isAsked whether the definition of the job wants it suspended
 */
export function resumedMessages(
  name: string,
  suspension: Suspension | undefined,
  isAsked: boolean,
): { messages: Messages } {
  if (!suspension) return { messages: { ...noMessages, info: [`Job ${name} was not suspended.`] } };
  const isLasting = suspension.resumedAt === undefined;
  const text = isLasting
    ? `Job ${name} goes on in less than a minute, when a run that fell due while it was suspended would no longer be begun.`
    : `Job ${name} goes on.`;
  const warning = isAsked
    ? [`The definition of job ${name} has it suspended: applying it once more does so. Take 'suspend' out of the file.`]
    : [];
  return { messages: { ...noMessages, info: [text], warning } };
}

const appliedTexts: Readonly<Record<Applied['outcome'], (name: string) => Partial<Messages>>> = {
  created: (name) => ({ info: [`Job ${name} created`] }),
  updated: (name) => ({ info: [`Job ${name} was updated`] }),
  unchanged: (name) => ({ info: [`Job ${name} is already up to date`] }),
  refused: () => ({ warning: ["OneOffJobs can't be updated, delete and recreate it instead"] }),
};

/**
 * What became of a create-or-update.
 * @param made the job as it is now, where it is new or was changed
 */
export function appliedAnswer(
  { name, outcome }: Applied,
  made: JobSnapshot | undefined,
  now: number,
): { job_changed: boolean; messages: Messages } {
  const isChanged = outcome === 'created' || outcome === 'updated';
  const messages = { ...(isChanged && made ? createdMessages(made, now) : noMessages), ...appliedTexts[outcome](name) };
  return { job_changed: isChanged, messages };
}

export const noMessages: Messages = { info: [], warning: [], error: [] };

/** As every generation lists them. */
export function offeredImages(images: readonly Image[]): { shortname: string; image: string }[] {
  return images.map(({ name, url }) => ({ shortname: name, image: url }));
}

export function canonicalImages({ images, warnings }: OfferedImages): object {
  return { images: offeredImages(images), messages: { ...noMessages, warning: warnings } };
}
