/**
 * What a job was at a time: from what is kept of its former definitions (former-jobs.ts, 7 days), from what it is now and since when, and,
 * further back, from its runs, which say with what definition they ran. Where nobody knows, that is said.
 */
import { definitionOf, resolveJob } from '../../definition/definition.ts';
import { versionOf } from '../../definition/version.ts';
import {
  type FormerJob,
  type JobDefinition,
  type JobSnapshot,
  jobTypes,
  nothingYet,
  type ResolvedJob,
  type RunRecord,
} from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { formerKeptMs } from '../../former-jobs.ts';
import { secondsOf } from '../../stamps.ts';
import type { Caller } from '../identify.ts';
import { readMoment } from '../logs/log-line.ts';
import { type Deps, readyJobs } from './deps.ts';
import { defaults } from './prepare.ts';
import { findParts } from './show.ts';

/** A job as it was; times are ms since the epoch. */
export interface PastJob {
  readonly at: number;
  /** The same shape as a job that is there; it says nothing of how it went. */
  readonly snapshot: JobSnapshot;
  /** From when to when it was so, as far as is known; `until` undefined where it still is. */
  readonly from: number | undefined;
  readonly until: number | undefined;
  /** What ended it, where that is known. */
  readonly reason: FormerJob['reason'] | undefined;
  /** Nothing kept says so, but the run that began then. */
  readonly isByItsRuns: boolean;
  /** Of the run that was going. */
  readonly run: { readonly id: string; readonly startedAt: number; readonly record: RunRecord | undefined } | undefined;
}

/** @throws AppError `request.invalid`, `job.not_found` where it is not known to have been there, or what it was; `view.not_ready` */
export async function showPast(caller: Caller, name: string, asked: unknown, deps: Deps): Promise<PastJob> {
  const at = readTime(asked, deps.now());
  const { tool } = caller;
  readyJobs(deps);
  const [current] = findParts(caller, name, deps) ?? [];
  const [allFormer, records] = await Promise.all([deps.former.list(tool), deps.runs.list(tool, name)]);
  const former = allFormer.filter(({ definition }) => definition.name === name);
  const found = spanAt(at, current, former, deps.now()) ?? spanOfRuns(at, current, records, deps.now());
  if (!found) throw unknown(name, at, current, deps.now());
  const { definition, job, ...span } = found;
  const resolved = job ?? (await resolve(caller, definition, deps));
  const snapshot = snapshotOf(caller, name, definition, resolved, span.from ?? at);
  return { at, snapshot, ...span, run: runAt(at, current, records) };
}

interface Span extends Pick<PastJob, 'from' | 'until' | 'reason' | 'isByItsRuns'> {
  readonly definition: JobDefinition;
  /** Where the object that has it is there. */
  readonly job?: ResolvedJob;
}

function readTime(asked: unknown, now: number): number {
  const stamp = readMoment('at', asked, now) ?? '';
  const at = Date.parse(`${stamp.slice(0, 23)}Z`);
  if (at <= now) return at;
  throw new AppError('request.invalid', 'at must be a time that has been.', { fields: { field: 'at' } });
}

/** @param former of this job */
function spanAt(
  at: number,
  current: JobSnapshot | undefined,
  former: readonly FormerJob[],
  now: number,
): Span | undefined {
  const still = currentSpan(current, former);
  // Changes before that are forgotten.
  const kept = now - formerKeptMs;
  const since = still?.from;
  if (still && since !== undefined && Math.max(since, kept) <= at)
    return { ...still, from: since < kept ? undefined : since };
  const spans = former
    .map(({ definition, at: until, from, reason }): Span => ({ definition, from, until, reason, isByItsRuns: false }))
    .filter(({ from = at, until = at }) => from <= at && at < until);
  // Of what nobody knows since when it was so, something else may have been before.
  return spans.sort((one, other) => (one.until ?? 0) - (other.until ?? 0))[0];
}

function currentSpan(current: JobSnapshot | undefined, former: readonly FormerJob[]): Span | undefined {
  const { job, definition, createdAt } = current?.object ?? {};
  if (!job || createdAt === undefined) return undefined;
  const from = Math.max(createdAt, ...former.map((one) => one.at));
  return {
    definition: definition ?? definitionOf(job),
    job,
    from,
    until: undefined,
    reason: undefined,
    isByItsRuns: false,
  };
}

/** Further back than changes are kept: it was then what it is now, if the run before that time or the one after it says so. */
function spanOfRuns(
  at: number,
  current: JobSnapshot | undefined,
  records: readonly RunRecord[],
  now: number,
): Span | undefined {
  const span = currentSpan(current, []);
  const version = versionOf(current?.object);
  if (!span || at > now - formerKeptMs || (span.from ?? 0) > at) return undefined;
  const before = records.find(({ createdAt }) => createdAt <= at);
  const after = records.findLast(({ createdAt }) => createdAt > at);
  const says = [before, after].filter((run) => run?.version !== undefined);
  const isSame = says.length > 0 && says.every((run) => run?.version === version);
  return isSame ? { ...span, from: undefined, isByItsRuns: true } : undefined;
}

/** An image that the list has lost is named as it was typed. */
async function resolve({ tool }: Caller, definition: JobDefinition, deps: Deps): Promise<ResolvedJob | undefined> {
  const { image: name } = definition;
  const lost = { name, url: name, aliases: [], state: 'unknown', type: 'standard' } as const;
  const image = await deps.images.find(name).catch(() => lost);
  try {
    return resolveJob(definition, { tool, image, homePath: `${deps.homes.mount}/${tool.name}`, defaults });
  } catch {
    return undefined;
  }
}

function snapshotOf(
  { tool }: Caller,
  name: string,
  definition: JobDefinition,
  job: ResolvedJob | undefined,
  createdAt: number,
): JobSnapshot {
  const key = { namespace: tool.namespace, kind: jobTypes[definition.type].kind, name };
  const foreign = job ? undefined : 'Its image or its paths are none that can be used today.';
  const object = { key, uid: '', resourceVersion: '', createdAt, deletingAt: undefined, job, foreign, definition };
  return { key, object: { ...object, status: nothingYet }, runs: [], pods: [], state: 'unknown' };
}

function runAt(at: number, current: JobSnapshot | undefined, records: readonly RunRecord[]): PastJob['run'] {
  const record = records.find(
    ({ startedAt, finishedAt }) => startedAt !== undefined && startedAt <= at && at < (finishedAt ?? 0),
  );
  if (record) return { id: record.id, startedAt: record.startedAt ?? at, record };
  const going = current?.key.kind === 'Job' ? [current.object] : (current?.runs ?? []);
  const run = going.find(
    ({ uid, status }) => (status.startedAt ?? Number.POSITIVE_INFINITY) <= at && !records.some(({ id }) => id === uid),
  );
  return run && { id: run.uid, startedAt: run.status.startedAt ?? at, record: undefined };
}

function unknown(name: string, at: number, current: JobSnapshot | undefined, now: number): AppError {
  const when = `${secondsOf(at)}Z`;
  const message =
    at <= now - formerKeptMs
      ? `What job '${name}' was at ${when} is not known any more: former definitions are kept for 7 days.`
      : current
        ? `Job '${name}' is not known to have been there at ${when}; the one that is there now was made later.`
        : `No job '${name}' is known to have been there at ${when}.`;
  return new AppError('job.not_found', message, { fields: { name, at: when } });
}
