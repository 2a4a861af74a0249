/** The routes of October 2023, `/jobs/api/v1/…`, with the names of their time and the older ones for the same things. */
import { problemOfName } from '../../definition/definition-rules.ts';
import type { JobSnapshot } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { offeredImages } from '../dialects/canonical.ts';
import { renderAsTyped2023, renderJob2023 } from '../dialects/job-2023.ts';
import { logLine2023 } from '../dialects/log-line.ts';
import { october, octoberInput } from '../dialects/october.ts';
import { quota2023 } from '../dialects/quota.ts';
import type { Deps } from '../handlers/deps.ts';
import type { createListJobs, ListForm } from '../handlers/list.ts';
import { readLogs } from '../handlers/logs.ts';
import { readQuota } from '../handlers/quota.ts';
import { deleteJob, flushJobs } from '../handlers/remove.ts';
import { restartJob } from '../handlers/restart.ts';
import type { RunJob } from '../handlers/run.ts';
import { explainJob } from '../handlers/show.ts';
import type { Caller } from '../identify.ts';
import { textOf } from '../respond.ts';
import * as schemas from '../schemas.ts';
import { type Call, JsonText, type Route, StreamedText } from './route.ts';

type ListJobs = ReturnType<typeof createListJobs>;

/** @param base of all paths, e.g. `/jobs` */
export function octoberRoutes(base: string, deps: Deps, list: ListJobs, run: RunJob): Route[] {
  const api = `${base}/api/v1`;
  const row = { dialect: october, status: 200 } as const;
  const optionsFor = (caller: Caller, trouble?: string) => ({ tool: caller.tool, now: deps.now(), trouble });
  const form = (name: string, render: typeof renderJob2023): ListForm => ({
    name,
    write: (snapshots, caller) =>
      textOf(
        october,
        snapshots.map((snapshot) => render(snapshot, optionsFor(caller))),
      ),
  });
  const shown = form('october', renderJob2023);
  const asTyped = form('october-typed', renderAsTyped2023);
  const job = (snapshot: JobSnapshot, caller: Caller, trouble?: string) =>
    renderJob2023(snapshot, optionsFor(caller, trouble));

  /** All verbs of the collection under one of its names. */
  const collection = (path: string, listForm: ListForm): Route[] => [
    {
      ...row,
      method: 'GET',
      path,
      slash: 'redirect',
      summary: 'All jobs of the tool (October 2023)',
      answer: schemas.octoberJobs,
      handle: async ({ caller }) => new JsonText(await list(caller, listForm)),
    },
    {
      ...row,
      method: 'POST',
      path,
      slash: 'redirect',
      summary: 'Create a job (October 2023)',
      status: 201,
      body: schemas.octoberNewJob,
      answer: schemas.octoberJobSchema,
      handle: async ({ caller, body }) => {
        const [made] = await run(caller, octoberInput(body));
        return job(made, caller);
      },
    },
    {
      ...row,
      method: 'DELETE',
      path,
      slash: 'redirect',
      summary: 'Delete all jobs of the tool (October 2023)',
      answer: schemas.octoberNothing,
      handle: async ({ caller, release }) => {
        await flushJobs(caller, deps, release);
        return {};
      },
    },
  ];

  /** All verbs of one job under one of its names. */
  const single = (path: string): Route[] => [
    {
      ...row,
      method: 'GET',
      path,
      params: schemas.nameParams,
      summary: 'One job (October 2023)',
      answer: schemas.octoberJobSchema,
      handle: async (call) => {
        const { snapshot, trouble } = await explainJob(call.caller, nameIn(call), deps);
        return job(snapshot, call.caller, trouble);
      },
    },
    {
      ...row,
      method: 'DELETE',
      path,
      params: schemas.nameParams,
      summary: 'Delete one job (October 2023)',
      answer: schemas.octoberNothing,
      handle: async (call) => {
        await deleteJob(call.caller, nameIn(call), deps, call.release);
        return {};
      },
    },
  ];

  const restart = (path: string): Route => ({
    ...row,
    method: 'POST',
    path,
    params: schemas.nameParams,
    summary: 'Start a job again (October 2023)',
    answer: schemas.octoberNothing,
    handle: async (call) => {
      await restartJob(call.caller, nameIn(call), deps, call.release);
      return {};
    },
  });

  const logs = (path: string): Route => ({
    ...row,
    method: 'GET',
    path,
    params: schemas.nameParams,
    query: schemas.logQuery,
    summary: 'What a job has written, a JSON object a line (October 2023)',
    answer: schemas.octoberLogLine,
    without: ['kube.state_unknown', 'kube.conflict'],
    answerType: 'text/plain; charset=utf8',
    handle: async (call) =>
      new StreamedText(
        await readLogs({ ...call, name: nameIn(call) }, deps, (line) => JSON.stringify(logLine2023(line))),
      ),
  });

  return [
    ...collection(`${api}/jobs/`, shown),
    ...['run', 'list', 'flush'].flatMap((name) => collection(`${api}/${name}/`, asTyped)),
    ...single(`${api}/jobs/:name`),
    ...['show', 'delete'].flatMap((name) => single(`${api}/${name}/:name`)),
    restart(`${api}/jobs/:name/restart`),
    restart(`${api}/restart/:name`),
    logs(`${api}/jobs/:name/logs`),
    logs(`${api}/logs/:name`),
    {
      ...row,
      method: 'GET',
      path: `${api}/images/`,
      slash: 'redirect',
      summary: 'Images that can be used (October 2023)',
      answer: schemas.seedImages,
      handle: async ({ caller }) => offeredImages((await deps.images.offered(caller.tool)).images),
    },
    {
      ...row,
      method: 'GET',
      path: `${api}/quota/`,
      slash: 'redirect',
      summary: 'What the tool may have and has (October 2023)',
      answer: schemas.quota2023,
      handle: async ({ caller }) => quota2023(await readQuota(caller, deps)),
    },
  ];
}

/** @throws AppError `job.invalid` for what no job can be called: here it is told apart from a job that is not there */
function nameIn({ params }: Call): string {
  const name = params.name ?? '';
  const problem = problemOfName(name);
  if (problem !== undefined) throw new AppError('job.invalid', problem, { fields: { field: 'name' } });
  return name;
}
