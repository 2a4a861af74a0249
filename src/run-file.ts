/**
 * The file that holds the records of one job's runs: `<directory>/<2 hex digits>/<tool>/<job>.json`, newest run first. What is in it, and
 * which of two records of one run counts; run-records.ts says when it is written.
 */
import { join } from 'node:path';
import { parseRan } from './definition/what-ran.ts';
import {
  failureReasons,
  type JobType,
  jobTypes,
  type LastGood,
  type RunRecord,
  type RunUsage,
  runOutcomes,
  type Tool,
} from './domain.ts';
import { amountAt, integerAt, listAt, recordAt, textAt } from './fields.ts';
import { type DurableFileOptions, spreadOf } from './store.ts';

/** Which records are kept of one job; about 400 bytes each. */
export interface RunLimits {
  /** The newest ones. */
  readonly perJob: number;
  /** Ms since the epoch: none from before. */
  readonly oldest: number;
}

export interface RunFile {
  readonly v: 1;
  readonly tool: string;
  readonly job: string;
  runs: readonly RunRecord[];
  /** Absent until a run has done well. */
  good?: LastGood;
}

/** Names of jobs are DNS names or label values (kubernetes.io, "Object Names"); nothing else may become part of a path. */
const safeName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

/** @returns undefined for a name that no job has */
export function runFilePath(directory: string, tool: Tool, job: string): string | undefined {
  if (!safeName.test(job)) return undefined;
  return join(directory, spreadOf(tool.name), tool.name, `${job}.json`);
}

export function emptyRunFile(tool: Tool, job: string): RunFile {
  return { v: 1, tool: tool.name, job, runs: [] };
}

export function runFileOptions(
  path: string,
  tool: Tool,
  job: string,
  more: Pick<DurableFileOptions<RunFile>, 'onBad' | 'mayWrite'>,
): DurableFileOptions<RunFile> {
  return { path, parse: (value) => parseRunFile(value, tool, job), ...more };
}

/** @throws Error for a file of another version, tool or job; single records that say nothing are left out */
function parseRunFile(value: unknown, tool: Tool, job: string): RunFile {
  if (integerAt(value, 'v') !== 1) throw new Error('The version of the file is not 1.');
  if (textAt(value, 'tool') !== tool.name || textAt(value, 'job') !== job)
    throw new Error('The file is not of this job.');
  const runs = listAt(value, 'runs').flatMap((entry) => parseRun(entry) ?? []);
  const good = parseGood(recordAt(value, 'good'));
  return { ...emptyRunFile(tool, job), runs, ...(good ? { good } : {}) };
}

function parseGood(value: unknown): LastGood | undefined {
  const at = amountAt(value, 'at');
  const ran = parseRan(recordAt(value, 'ran'));
  return at === undefined || !ran ? undefined : { at, ran };
}

function parseRun(value: unknown): RunRecord | undefined {
  const id = textAt(value, 'id');
  const createdAt = amountAt(value, 'createdAt');
  const outcome = oneOf(runOutcomes, textAt(value, 'outcome'));
  const type = oneOf(Object.keys(jobTypes) as JobType[], textAt(value, 'type'));
  if (id === undefined || createdAt === undefined || !outcome || !type) return undefined;
  const group = textAt(value, 'group');
  return {
    id,
    type,
    ...(group === undefined ? {} : { group }),
    jobUid: textAt(value, 'jobUid'),
    manual: recordAt(value).manual === true,
    createdAt,
    dueAt: amountAt(value, 'dueAt'),
    dueUntil: amountAt(value, 'dueUntil'),
    since: amountAt(value, 'since'),
    until: amountAt(value, 'until'),
    clusterSays: textAt(value, 'clusterSays'),
    ...parseSuspension(recordAt(value).suspension),
    startedAt: amountAt(value, 'startedAt'),
    finishedAt: amountAt(value, 'finishedAt'),
    outcome,
    reason: oneOf(failureReasons, textAt(value, 'reason')),
    exitCode: integerAt(value, 'exitCode'),
    signal: integerAt(value, 'signal'),
    attempts: amountAt(value, 'attempts') ?? 0,
    ...parseUsage(value),
    ...whatOf(value),
  };
}

/** Of a firing that was skipped for it. */
function parseSuspension(value: unknown): Pick<RunRecord, 'suspension'> {
  const by = oneOf(['owner', 'service'] as const, textAt(value, 'by'));
  return by ? { suspension: { by, note: textAt(value, 'note'), until: amountAt(value, 'until') } } : {};
}

/** Records of earlier releases do not say it. */
function whatOf(value: unknown): Pick<RunRecord, 'version' | 'imageDigest'> {
  const [version, imageDigest] = [textAt(value, 'version'), textAt(value, 'imageDigest')];
  return { ...(version === undefined ? {} : { version }), ...(imageDigest === undefined ? {} : { imageDigest }) };
}

/** Absent where it was not measured. */
function parseUsage(value: unknown): RunUsage {
  const fields = ['peakMemory', 'peakCpu', 'memoryLimit'].map((name) => [name, amountAt(value, name)]);
  return Object.fromEntries(fields.filter(([, amount]) => amount !== undefined));
}

function oneOf<Word extends string>(words: readonly Word[], text: string | undefined): Word | undefined {
  return words.find((word) => word === text);
}

/** The later of two; the very same object where nothing is news. */
export function laterGood(known: LastGood | undefined, other: LastGood | undefined): LastGood | undefined {
  return known && (!other || other.at <= known.at) ? known : other;
}

/**
 * The runs of both, newest first, each once. After a restart the end of a run is told again, sometimes with less: what was known first stays,
 * unless it was that nothing is known, or not what the cluster says of it. A run that was begun after all takes the place of the word that
 * its firing became none.
 * @returns the very same array where nothing was added
 */
export function mergeRuns(known: readonly RunRecord[], more: readonly RunRecord[]): readonly RunRecord[] {
  const byId = new Map(known.map((run) => [run.id, run]));
  let isNews = false;
  for (const run of more) {
    const kept = byId.get(run.id);
    if (kept && !tellsMore(run, kept)) continue;
    const same = [...byId.values()].find((other) => other.id !== run.id && isSameFiring(other, run));
    if (same && isWordOnly(run)) continue;
    if (same) byId.delete(same.id);
    byId.set(run.id, run);
    isNews = true;
  }
  if (!isNews) return known;
  return [...byId.values()].sort((one, other) => other.createdAt - one.createdAt);
}

function tellsMore(run: RunRecord, kept: RunRecord): boolean {
  if (kept.outcome === 'unknown') return run.outcome !== 'unknown';
  return run.clusterSays !== undefined && kept.clusterSays === undefined && kept.startedAt === undefined;
}

/** @param runs newest first */
export function keptRuns(runs: readonly RunRecord[], { perJob, oldest }: RunLimits): readonly RunRecord[] {
  return runs.slice(0, perJob).filter(({ createdAt }) => createdAt >= oldest);
}

export function isSameFiring(one: FiringOf, other: FiringOf): boolean {
  return one.dueAt !== undefined && one.dueAt === other.dueAt && one.jobUid === other.jobUid;
}

type FiringOf = Pick<RunRecord, 'dueAt' | 'jobUid'>;

/** There was no run of it, or none was seen. */
function isWordOnly({ id, jobUid, dueAt }: RunRecord): boolean {
  return dueAt !== undefined && jobUid !== undefined && id.startsWith(`${jobUid}/`);
}
