/** The service as a command sees it: one tool's jobs over mTLS. Every failure comes out as an AppError with words for the user. */
import { AppError } from '../../src/errors.ts';
import { type Plan, planOf } from './plan.ts';
import { type ClientOptions, createSession, isRecord, type Job, notUnderstood } from './session.ts';
import { eventsOf, linesOf, type Position, type ServerSentEvent } from './stream-text.ts';

export type { Plan, PlannedJob } from './plan.ts';
export type { Job } from './session.ts';

export interface Client {
  listJobs(): Promise<Job[]>;
  /** Only what their owners set, as they typed it. */
  listJobsAsSet(): Promise<Job[]>;
  /** @param at what it was then, where that is asked for. @throws AppError `job.not_found` */
  showJob(name: string, at?: string): Promise<Job>;
  createJob(body: Readonly<Record<string, unknown>>): Promise<Job>;
  /** Creates the job or changes it where it differs. @returns whether anything was changed */
  applyJob(body: Readonly<Record<string, unknown>>): Promise<boolean>;
  /** What would become of jobs; nothing is changed. @throws AppError `route.not_found` from an older service */
  planJobs(request: PlanRequest): Promise<Plan>;
  /** What jobs were before they were changed or deleted, newest first. @throws AppError `route.not_found` from an older service */
  listFormer(): Promise<FormerJob[]>;
  /** @throws AppError `job.not_found` */
  deleteJob(name: string): Promise<void>;
  /** @throws AppError `job.not_found`, `job.not_restartable` */
  restartJob(name: string): Promise<void>;
  /** @returns the job, with the run that was begun as its `run_id`. @throws AppError `job.not_found`, `job.not_scheduled`, `job.running`; `route.not_found` from an older service */
  runJobNow(name: string, asked: { readonly parameters?: Job | undefined }): Promise<Job>;
  /** @param until as RFC 3339. @throws AppError `job.not_found`, `job.not_scheduled`; `route.not_found` from an older service */
  suspendJob(
    name: string,
    asked: { readonly note?: string | undefined; readonly until?: string | undefined },
  ): Promise<void>;
  /** @throws AppError as suspendJob */
  resumeJob(name: string): Promise<void>;
  flushJobs(): Promise<void>;
  listImages(): Promise<Job[]>;
  /** Runs of a job that have ended, newest first. @throws AppError `job.not_found`; `route.not_found` from an older service */
  listRuns(name: string): Promise<Job[]>;
  /**
   * What happens to one job, or to all of the tool, as it happens; resolves when the stream has begun.
   * @param position where to begin behind, where it is known; kept up to date
   * @throws AppError `route.not_found` from an older service; while it is read, `service.unreachable` where it broke off
   */
  followEvents(
    name: string | undefined,
    position: Position,
    signal: AbortSignal,
  ): Promise<AsyncIterable<ServerSentEvent>>;
  /** A number that grows with each newer run of a job. @throws AppError `run.not_found`, `run.superseded` */
  claimFence(run: string): Promise<number>;
  /** How much memory and CPU a job should have. @throws AppError `job.not_found`; `route.not_found` from an older service */
  adviseJob(name: string): Promise<Job>;
  /** What of the quota is used up. @throws AppError `route.not_found` from an older service */
  adviseQuota(): Promise<Job>;
  /** What became of events in the mail of the tool, newest first. @throws AppError `route.not_found` from an older service */
  listMailLog(query: MailLogQuery): Promise<Job[]>;
  /** @returns undefined where none is set. @throws AppError `route.not_found` from an older service; so do all four */
  showWebhook(): Promise<Job | undefined>;
  /** @returns the webhook, and its secret where it was made now */
  setWebhook(request: WebhookRequest): Promise<{ readonly webhook: Job; readonly secret: string | undefined }>;
  /** @throws AppError `webhook.not_found` */
  removeWebhook(): Promise<void>;
  /** @throws AppError `webhook.not_found`, `webhook.not_taken` */
  testWebhook(): Promise<void>;
  /** `{ categories: [{ name, items: [{ name, limit, used }] }] }` */
  showQuota(): Promise<Job>;
  /**
   * Lines of a log, each a JSON object as text.
   * @throws AppError `job.not_found`, `logs.none`; while it is read, `service.unreachable` where it broke off
   */
  openLogs(name: string, query: LogsQuery, signal: AbortSignal): Promise<AsyncIterable<string>>;
  /** The whole answer at a path below that of the tool, its messages included: for whoever shows them in a place of its own. */
  read(path: string): Promise<Job>;
  close(): void;
}

/** Three times what a stream of events is silent at most (docs/wire.md, "Events"). */
const quietMs = 45_000;

export interface PlanRequest {
  readonly jobs: readonly Readonly<Record<string, unknown>>[];
  readonly operation: 'apply' | 'run';
  readonly prune: boolean;
}

/** The body makes the job so again. */
export interface FormerJob {
  readonly at: string;
  readonly reason: string;
  readonly job: Job & { readonly name: string };
}

export interface WebhookRequest {
  readonly url: string;
  readonly events?: string | undefined;
  readonly renew_secret?: boolean | undefined;
}

export interface MailLogQuery {
  readonly job?: string | undefined;
  readonly limit?: number | undefined;
}

export interface LogsQuery {
  readonly lines?: number | undefined;
  readonly since?: string | undefined;
  readonly follow?: boolean | undefined;
  /** Its id, how that begins, or `last`. */
  readonly run?: string | undefined;
}

/** @throws AppError `settings.invalid` where the certificate and its key cannot be used */
export function createClient(options: ClientOptions): Client {
  const { ask, read, open, close } = createSession(options);
  return {
    listJobs: async () => listOf(await ask('GET', '/jobs'), 'jobs'),
    listJobsAsSet: async () =>
      listOf(await ask('GET', '/jobs?include_unset=false&as_typed=true'), 'jobs').map(saidOnce),
    showJob: async (name, at) => recordOf(await ask('GET', `/jobs/${safeName(name)}${queryText({ at })}`), 'job'),
    createJob: async (body) => recordOf(await ask('POST', '/jobs', body), 'job'),
    applyJob: async (body) => (await ask('PATCH', '/jobs', body)).job_changed === true,
    planJobs: async (request) => planOf(await ask('POST', '/plan', request)),
    listFormer: async () => listOf(await ask('GET', '/former'), 'former').map(formerOf),
    deleteJob: async (name) => void (await ask('DELETE', `/jobs/${safeName(name)}`)),
    restartJob: async (name) => void (await ask('POST', `/jobs/${safeName(name)}/restart`)),
    runJobNow: async (name, asked) => {
      const answer = await ask('POST', `/jobs/${safeName(name)}/run`, asked);
      return { ...recordOf(answer, 'job'), run_id: answer.run_id };
    },
    suspendJob: async (name, { note, until }) =>
      void (await ask('POST', `/jobs/${safeName(name)}/suspend`, { note, until })),
    resumeJob: async (name) => void (await ask('POST', `/jobs/${safeName(name)}/resume`)),
    flushJobs: async () => void (await ask('DELETE', '/jobs')),
    listRuns: async (name) => listOf(await ask('GET', `/jobs/${safeName(name)}/runs`), 'runs'),
    adviseJob: async (name) => recordOf(await ask('GET', `/jobs/${safeName(name)}/advice`), 'advice'),
    adviseQuota: async () => recordOf(await ask('GET', '/advice'), 'advice'),
    followEvents: async (name, position, signal) => {
      const headers = position.id === undefined ? {} : { 'last-event-id': position.id };
      const path = `/events${queryText({ job: name && safeName(name) })}`;
      return eventsOf(await open(path, { headers, signal, quietMs }), position);
    },
    claimFence: async (run) => numberOf(await ask('PUT', `/fences/${encodeURIComponent(run)}`), 'fence'),
    listImages: async () => listOf(await ask('GET', '/images'), 'images'),
    listMailLog: async (query) => listOf(await ask('GET', `/mail-log${queryText(query)}`), 'events'),
    showWebhook: async () => {
      const { webhook } = await ask('GET', '/webhook');
      return isRecord(webhook) ? webhook : undefined;
    },
    setWebhook: async (request) => {
      const answer = await ask('PUT', '/webhook', request);
      const { secret } = answer;
      return { webhook: recordOf(answer, 'webhook'), secret: typeof secret === 'string' ? secret : undefined };
    },
    removeWebhook: async () => void (await ask('DELETE', '/webhook')),
    testWebhook: async () => void (await ask('POST', '/webhook/test')),
    showQuota: async () => recordOf(await ask('GET', '/quotas'), 'quota'),
    openLogs: async (name, query, signal) =>
      linesOf(await open(`/jobs/${safeName(name)}/logs${queryText(query)}`, { signal })),
    read,
    close,
  };
}

/**
 * An empty name, `.` or `..` would make the path of one job that of all of them, and deleting it a flush. No job has such a name.
 */
export function safeName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(name)) return name;
  throw new AppError('job.not_found', `Job '${name}' does not exist`, { fields: { name } });
}

/** What is left out is not said. @example queryText({ lines: 5, since: undefined }) -> '?lines=5' */
export function queryText(query: object): string {
  const pairs = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}

/** Of several schedules `schedule` only tells those who know of one. */
function saidOnce({ schedule, ...job }: Job): Job {
  return schedule === undefined || job.schedules !== undefined ? job : { ...job, schedule };
}

function formerOf({ at, reason, job }: Job): FormerJob {
  if (typeof at !== 'string' || !isRecord(job) || typeof job.name !== 'string') throw notUnderstood();
  return { at, reason: String(reason), job: { ...job, name: job.name } };
}

function recordOf(answer: Job, key: string): Job {
  const value = answer[key];
  if (!isRecord(value)) throw notUnderstood();
  return value;
}

function numberOf(answer: Job, key: string): number {
  const value = answer[key];
  if (typeof value !== 'number') throw notUnderstood();
  return value;
}

function listOf(answer: Job, key: string): Job[] {
  const value = answer[key];
  if (!Array.isArray(value)) throw notUnderstood();
  return value.filter(isRecord);
}
