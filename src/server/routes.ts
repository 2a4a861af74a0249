/**
 * The table: method, path, dialect, handler. Read it and you know the API. Every row also answers with the slash at the end of its path
 * added or left out.
 */
import type { z } from 'zod';
import { parseDefinition } from '../definition/definition.ts';
import type { JobSnapshot } from '../domain.ts';
import { AppError } from '../errors.ts';
import {
  canonical,
  canonicalImages,
  canonicalJob,
  createdMessages,
  endedMessages,
  offeredImages,
  staleMessages,
} from './dialects/canonical.ts';
import { renderJob2022 } from './dialects/job-2022.ts';
import { seed, seedInput } from './dialects/seed.ts';
import type { Deps } from './handlers/deps.ts';
import { createListJobs, type ListForm } from './handlers/list.ts';
import { deleteJob, flushJobs } from './handlers/remove.ts';
import { createRunJob, type RunJob } from './handlers/run.ts';
import { explainJob } from './handlers/show.ts';
import type { Caller } from './identify.ts';
import { createNextFiring } from './next-firing.ts';
import { type Dialect, textOf } from './respond.ts';
import * as schemas from './schemas.ts';

/** One request after identification; `body` has had its shape checked. */
export interface Call {
  readonly caller: Caller;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  /** Gives back the caller's place among the requests at once, for a handler that only waits from here on. */
  release(): void;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly dialect: Dialect;
  readonly summary: string;
  readonly status: number;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly answer: z.ZodType;
  /** Words what is wrong with a body whose shape does not fit, all problems at once. @throws AppError */
  explainBody?(body: unknown): void;
  /** A value to be written as JSON, or a list's text. */
  handle(call: Call): Promise<unknown> | unknown;
}

/** JSON made already. */
export class JsonText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Old and new public paths of the canonical dialect; clients behind the former gateway use the second. */
const canonicalBases = ['/v1/tool/:tool', '/jobs/v1/tool/:tool'];

export function createRoutes(deps: Deps): Route[] {
  const list = createListJobs(deps);
  const run = createRunJob(deps);
  return [
    ...canonicalBases.flatMap((base) => canonicalRoutes(base, deps, list, run)),
    ...seedRoutes('/api/v1', deps, list, run),
  ];
}

type ListJobs = ReturnType<typeof createListJobs>;

function canonicalRoutes(base: string, deps: Deps, list: ListJobs, run: RunJob): Route[] {
  const nextFiringAt = createNextFiring(deps.now);
  const row = { dialect: canonical, params: schemas.toolParams };
  const named = { dialect: canonical, params: schemas.jobParams };
  const said = (value: object) => ({ ...value, messages: staleMessages(deps.jobs.freshness(), deps.now()) });
  const options = (query: Call['query']) => ({
    now: deps.now(),
    nextFiringAt,
    includeUnset: wantsUnset(query),
  });
  const listForm = (query: Call['query']): ListForm => ({
    name: wantsUnset(query) ? 'canonical' : 'canonical-set',
    write: (snapshots) =>
      textOf(canonical, said({ jobs: snapshots.map((snapshot) => canonicalJob(snapshot, options(query))) })),
  });
  const create = async ({ caller, body }: Call) => {
    const snapshot = await run(caller, body as Record<string, unknown>);
    return { job: canonicalJob(snapshot, options({})), messages: createdMessages(snapshot) };
  };
  const creation = {
    ...row,
    path: `${base}/jobs`,
    status: 201,
    body: schemas.newJobSchema,
    answer: schemas.jobAnswer,
    explainBody,
    handle: create,
  };
  const rows: Route[] = [
    {
      ...row,
      method: 'GET',
      path: `${base}/jobs`,
      summary: 'All jobs of the tool',
      status: 200,
      query: schemas.unsetQuery,
      answer: schemas.jobsAnswer,
      handle: ({ caller, query }) => new JsonText(list(caller, listForm(query))),
    },
    { ...creation, method: 'POST', summary: 'Create a job' },
    { ...creation, method: 'PUT', summary: 'Create a job, as POST does' },
    {
      ...row,
      method: 'DELETE',
      path: `${base}/jobs`,
      summary: 'Delete all jobs of the tool',
      status: 200,
      answer: schemas.messagesAnswer,
      handle: async ({ caller, release }) => endedMessages(await flushJobs(caller, deps, release)),
    },
    {
      ...named,
      method: 'GET',
      path: `${base}/jobs/:name`,
      summary: 'One job',
      status: 200,
      query: schemas.unsetQuery,
      answer: schemas.jobAnswer,
      handle: async ({ caller, params, query }) => {
        const { snapshot, trouble } = await explainJob(caller, params.name ?? '', deps);
        return said({ job: canonicalJob(snapshot, { ...options(query), trouble }) });
      },
    },
    {
      ...named,
      method: 'DELETE',
      path: `${base}/jobs/:name`,
      summary: 'Delete one job',
      status: 200,
      answer: schemas.messagesAnswer,
      handle: async ({ caller, params, release }) =>
        endedMessages(await deleteJob(caller, params.name ?? '', deps, release)),
    },
    {
      ...row,
      method: 'GET',
      path: `${base}/images`,
      summary: 'Images that can be used',
      status: 200,
      answer: schemas.imagesAnswer,
      handle: () => canonicalImages(deps.images().offered()),
    },
  ];
  return rows.map((entry) => ({ ...entry, handle: (call) => entry.handle(ownTool(call)) }));
}

function seedRoutes(base: string, deps: Deps, list: ListJobs, run: RunJob): Route[] {
  const row = { dialect: seed, status: 200 } as const;
  const named = { ...row, params: schemas.nameParams };
  const job = (snapshot: JobSnapshot, caller: Caller, trouble?: string) =>
    renderJob2022(snapshot, { tool: caller.tool, now: deps.now(), trouble });
  const form: ListForm = {
    name: 'seed',
    write: (snapshots, caller) =>
      textOf(
        seed,
        snapshots.map((snapshot) => job(snapshot, caller)),
      ),
  };
  const images = {
    ...row,
    method: 'GET',
    answer: schemas.seedImages,
    handle: () => offeredImages(deps.images().offered()),
  } as const;
  return [
    {
      ...row,
      method: 'POST',
      path: `${base}/run`,
      summary: 'Create a job (2022)',
      query: schemas.seedRunQuery,
      body: schemas.seedRunBody,
      answer: schemas.seedCreated,
      handle: async ({ caller, body, query }) => {
        await run(caller, seedInput(body, query));
        return 201;
      },
    },
    {
      ...named,
      method: 'GET',
      path: `${base}/show/:name`,
      summary: 'One job (2022)',
      answer: schemas.seedJobSchema,
      handle: async ({ caller, params }) => {
        const { snapshot, trouble } = await explainJob(caller, params.name ?? '', deps);
        return job(snapshot, caller, trouble);
      },
    },
    {
      ...row,
      method: 'GET',
      path: `${base}/list`,
      summary: 'All jobs of the tool (2022)',
      answer: schemas.seedJobs,
      handle: ({ caller }) => new JsonText(list(caller, form)),
    },
    {
      ...named,
      method: 'DELETE',
      path: `${base}/delete/:name`,
      summary: 'Delete one job (2022)',
      answer: schemas.seedNothing,
      handle: async ({ caller, params, release }) => {
        await deleteJob(caller, params.name ?? '', deps, release).catch(unlessMissing);
        return '';
      },
    },
    {
      ...row,
      method: 'DELETE',
      path: `${base}/flush`,
      summary: 'Delete all jobs of the tool (2022)',
      answer: schemas.seedNothing,
      handle: async ({ caller, release }) => {
        await flushJobs(caller, deps, release);
        return '';
      },
    },
    { ...images, path: `${base}/containers`, summary: 'Images that can be used (2022)' },
    { ...images, path: `${base}/images`, summary: 'Images that can be used (2023)' },
  ];
}

/** The first clients delete without looking: a missing job is as good as deleted. */
function unlessMissing(error: unknown): void {
  if (!(error instanceof AppError && error.code === 'job.not_found')) throw error;
}

function explainBody(body: unknown): void {
  parseDefinition(typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {});
}

/** The tool in the path must be the certificate's. */
function ownTool(call: Call): Call {
  if (call.params.tool !== call.caller.tool.name) {
    throw new AppError(
      'caller.forbidden',
      `Your certificate is for the tool '${call.caller.tool.name}'; it cannot be used for another one.`,
    );
  }
  return call;
}

function wantsUnset(query: Call['query']): boolean {
  return !['false', 'False', '0'].includes(String(query.include_unset ?? 'true'));
}
