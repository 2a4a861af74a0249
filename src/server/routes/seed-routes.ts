/** The routes of the first clients (2021 to June 2023), `/api/v1/…`. */
import type { JobSnapshot } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { offeredImages } from '../dialects/canonical.ts';
import { renderJob2022 } from '../dialects/job-2022.ts';
import { quota2023 } from '../dialects/quota.ts';
import { seed, seedInput } from '../dialects/seed.ts';
import type { Deps } from '../handlers/deps.ts';
import type { createListJobs, ListForm } from '../handlers/list.ts';
import { readQuota } from '../handlers/quota.ts';
import { deleteJob, flushJobs } from '../handlers/remove.ts';
import { restartJob } from '../handlers/restart.ts';
import type { RunJob } from '../handlers/run.ts';
import { explainJob } from '../handlers/show.ts';
import type { Caller } from '../identify.ts';
import { textOf } from '../respond.ts';
import * as schemas from '../schemas.ts';
import { type Call, JsonText, type Route } from './route.ts';

type ListJobs = ReturnType<typeof createListJobs>;

export function seedRoutes(base: string, deps: Deps, list: ListJobs, run: RunJob): Route[] {
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
    slash: 'redirect',
    answer: schemas.seedImages,
    handle: async ({ caller }: Call) => offeredImages((await deps.images.offered(caller.tool)).images),
  } as const;
  return [
    {
      ...row,
      method: 'POST',
      path: `${base}/run/`,
      slash: 'redirect',
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
      path: `${base}/list/`,
      slash: 'redirect',
      summary: 'All jobs of the tool (2022)',
      answer: schemas.seedJobs,
      handle: async ({ caller }) => new JsonText(await list(caller, form)),
    },
    {
      ...named,
      method: 'DELETE',
      path: `${base}/delete/:name`,
      summary: 'Delete one job (2022)',
      answer: schemas.seedNothing,
      without: ['job.not_found'],
      handle: async ({ caller, params, release }) => {
        await deleteJob(caller, params.name ?? '', deps, release).catch(unlessMissing);
        return '';
      },
    },
    {
      ...row,
      method: 'DELETE',
      path: `${base}/flush/`,
      slash: 'redirect',
      summary: 'Delete all jobs of the tool (2022)',
      answer: schemas.seedNothing,
      handle: async ({ caller, release }) => {
        await flushJobs(caller, deps, release);
        return '';
      },
    },
    {
      ...named,
      method: 'POST',
      path: `${base}/restart/:name`,
      summary: 'Start a job again (June 2023)',
      answer: schemas.seedNothing,
      handle: async ({ caller, params, release }) => {
        await restartJob(caller, params.name ?? '', deps, release);
        return '';
      },
    },
    {
      ...row,
      method: 'GET',
      path: `${base}/quota/`,
      slash: 'redirect',
      summary: 'What the tool may have and has (June 2023)',
      answer: schemas.quota2023,
      handle: async ({ caller }) => quota2023(await readQuota(caller, deps)),
    },
    { ...images, path: `${base}/containers/`, summary: 'Images that can be used (2022)' },
    { ...images, path: `${base}/images/`, summary: 'Images that can be used (2023)' },
  ];
}

/** The first clients delete without looking: a missing job is as good as deleted. */
function unlessMissing(error: unknown): void {
  if (!(error instanceof AppError && error.code === 'job.not_found')) throw error;
}
