/** The routes of 2026, `/v1/tool/{tool}/…`: the dialect that is ours. */
import { askedSuspend } from '../../definition/suspension.ts';
import { byJob, type Suspend } from '../../domain.ts';
import { AppError, type ErrorCode } from '../../errors.ts';
import { listAt, recordAt } from '../../fields.ts';
import { renderJobAdvice, renderToolAdvice } from '../dialects/advice.ts';
import {
  appliedAnswer,
  canonical,
  canonicalImages,
  canonicalJob,
  createdMessages,
  endedMessages,
  noMessages,
  resumedMessages,
  staleMessages,
  suspendedMessages,
} from '../dialects/canonical.ts';
import { renderDefinition } from '../dialects/job-2026.ts';
import { logLine2026 } from '../dialects/log-line.ts';
import { renderMailLogRow } from '../dialects/mail-log-row.ts';
import { renderPast2026 } from '../dialects/past-2026.ts';
import { renderPlan } from '../dialects/plan.ts';
import { quota2026 } from '../dialects/quota.ts';
import { renderListedRun2026 } from '../dialects/run-2026.ts';
import { adviseJob, adviseTool } from '../handlers/advise.ts';
import type { ApplyJob } from '../handlers/apply.ts';
import { refusePart } from '../handlers/decide.ts';
import type { Deps } from '../handlers/deps.ts';
import { followEvents } from '../handlers/events.ts';
import { claimFence } from '../handlers/fence.ts';
import type { createListJobs, ListForm } from '../handlers/list.ts';
import { readLogs } from '../handlers/logs.ts';
import { listMailLog } from '../handlers/mail-log.ts';
import { showPast } from '../handlers/past.ts';
import { lastPeaks } from '../handlers/peaks.ts';
import { explainPlanRequest, type PlanRequest, planJobs } from '../handlers/plan.ts';
import { readRequest } from '../handlers/prepare.ts';
import { readQuota } from '../handlers/quota.ts';
import { deleteJob, flushJobs } from '../handlers/remove.ts';
import { restartJob } from '../handlers/restart.ts';
import type { RunJob } from '../handlers/run.ts';
import { runNow } from '../handlers/run-now.ts';
import { lastRuns, listRuns, unusualOf } from '../handlers/runs.ts';
import { explainParts, findParts } from '../handlers/show.ts';
import { resumeJob, suspendJob } from '../handlers/suspend.ts';
import { createNextFiring, firingsOf } from '../next-firing.ts';
import { textOf } from '../respond.ts';
import * as schemas from '../schemas.ts';
import { type Call, JsonText, type Route, StreamedText } from './route.ts';
import { webhookRoutes } from './webhook-routes.ts';

type ListJobs = ReturnType<typeof createListJobs>;

/** What the rows of both bases share: each list is kept once. */
interface Shared {
  readonly list: ListJobs;
  readonly run: RunJob;
  readonly apply: ApplyJob;
}

export function canonicalRoutes(base: string, deps: Deps, { list, run, apply }: Shared): Route[] {
  const nextFiringAt = createNextFiring(deps.now);
  const row = { dialect: canonical, params: schemas.toolParams };
  const named = { dialect: canonical, params: schemas.jobParams };
  const said = (value: object) => ({ ...value, messages: staleMessages(deps.jobs.freshness(), deps.now()) });
  const options = (query: Call['query']) => ({
    now: deps.now(),
    nextFiringAt,
    includeUnset: wantsUnset(query),
    asTyped: wantsTyped(query),
  });
  const listForm = (query: Call['query']): ListForm => ({
    name: wantsUnset(query) ? 'canonical' : wantsTyped(query) ? 'canonical-typed' : 'canonical-set',
    write: (snapshots) =>
      textOf(canonical, said({ jobs: byJob(snapshots).map((parts) => canonicalJob(parts, options(query))) })),
  });
  const create = async ({ caller, body }: Call) => {
    const made = await run(caller, body as Record<string, unknown>);
    return { job: canonicalJob(made, options({})), messages: createdMessages(made[0], deps.now()) };
  };
  const creation = {
    ...row,
    path: `${base}/jobs`,
    status: 201,
    body: schemas.newJobSchema,
    answer: schemas.createdAnswer,
    explainBody: async ({ caller, body }: Call) => void (await readRequest(caller, recordAt(body), deps)),
    handle: create,
  };
  const rows: Route[] = [
    {
      ...row,
      method: 'GET',
      path: `${base}/jobs`,
      summary: 'All jobs of the tool',
      operation: 'list',
      status: 200,
      query: schemas.unsetQuery,
      answer: schemas.jobsAnswer,
      handle: async ({ caller, query }) => new JsonText(await list(caller, listForm(query))),
    },
    { ...creation, method: 'POST', summary: 'Create a job', operation: 'run' },
    { ...creation, method: 'PUT', summary: 'Create a job, as POST does' },
    {
      ...creation,
      method: 'PATCH',
      summary: 'Create a job, or change it where it differs',
      operation: 'apply',
      status: 200,
      answer: schemas.appliedAnswer,
      handle: async ({ caller, body }) => {
        const applied = await apply(caller, body as Record<string, unknown>);
        return appliedAnswer(applied, findParts(caller, applied.name, deps)?.[0], deps.now());
      },
    },
    {
      ...row,
      method: 'POST',
      path: `${base}/plan`,
      summary: 'What would become of jobs, and of the quota; nothing is changed',
      operation: 'plan',
      status: 200,
      body: schemas.planRequest,
      answer: schemas.planAnswer,
      without: ['kube.state_unknown', 'kube.conflict', ...ofOneJob],
      explainBody: ({ caller, body }) => explainPlanRequest(caller, listAt(body, 'jobs'), deps),
      handle: async ({ caller, body }) =>
        said({ plan: renderPlan(await planJobs(caller, asked(body), deps), deps.now()) }),
    },
    {
      ...row,
      method: 'DELETE',
      path: `${base}/jobs`,
      summary: 'Delete all jobs of the tool',
      operation: 'flush',
      status: 200,
      answer: schemas.messagesAnswer,
      handle: async ({ caller, release }) => endedMessages(await flushJobs(caller, deps, release)),
    },
    {
      ...named,
      method: 'GET',
      path: `${base}/jobs/:name`,
      summary: 'One job',
      operation: 'show',
      status: 200,
      query: schemas.showQuery,
      answer: schemas.jobAnswer,
      handle: async ({ caller, params: { name = '' }, query }) => {
        if (query.at !== undefined && query.at !== '') {
          const past = await showPast(caller, name, query.at, deps);
          const asNow = () => canonicalJob([past.snapshot], options(query));
          return said({ job: wantsUnset(query) ? renderPast2026(past) : asNow() });
        }
        const { parts, troubles } = await explainParts(caller, name, deps);
        const nextFirings = firingsOf(
          parts.map(({ object }) => object.job),
          deps.now(),
          shownFirings,
        );
        const job = canonicalJob(parts, {
          ...options(query),
          askedFor: name,
          troubles,
          nextFirings,
          lastRuns: await lastRuns(caller, name, parts, deps),
        });
        const [only, ...others] = parts;
        const isMeasured = wantsUnset(query) && others.length === 0;
        const peaks = isMeasured ? await lastPeaks(caller, only, deps) : undefined;
        return said({ job: peaks ? { ...job, peaks } : job });
      },
    },
    {
      ...named,
      method: 'DELETE',
      path: `${base}/jobs/:name`,
      summary: 'Delete one job',
      operation: 'delete',
      status: 200,
      answer: schemas.messagesAnswer,
      handle: async ({ caller, params: { name = '' }, release }) => {
        refusePart(caller, name, deps);
        return endedMessages(await deleteJob(caller, name, deps, release));
      },
    },
    {
      ...named,
      method: 'POST',
      path: `${base}/jobs/:name/restart`,
      summary: 'Start a continuous job again, or run a scheduled job now',
      operation: 'restart',
      status: 200,
      answer: schemas.messagesAnswer,
      handle: async ({ caller, params: { name = '' }, release }) => {
        refusePart(caller, name, deps);
        await restartJob(caller, name, deps, release);
        return { messages: noMessages };
      },
    },
    {
      ...named,
      method: 'POST',
      path: `${base}/jobs/:name/run`,
      summary: 'Begin a run of a scheduled job now',
      operation: 'run_now',
      status: 201,
      body: schemas.runNowRequest,
      answer: schemas.begunAnswer,
      without: ['job.invalid', 'images.unavailable', ...ofOneJob.filter((code) => code !== 'quota.exceeded')],
      handle: async ({ caller, params: { name = '' }, body, release }) => {
        const { id, snapshot } = await runNow(caller, name, body ?? {}, deps, release);
        return { run_id: id, job: canonicalJob([snapshot], options({})), messages: noMessages };
      },
    },
    {
      ...named,
      method: 'POST',
      path: `${base}/jobs/:name/suspend`,
      summary: 'Let a scheduled job start no runs, until it is resumed',
      operation: 'suspend',
      status: 200,
      body: schemas.suspendRequest,
      answer: schemas.messagesAnswer,
      without: ['job.invalid', 'images.unavailable', ...ofOneJob],
      handle: async ({ caller, params: { name = '' }, body }) =>
        suspendedMessages(name, await suspendJob(caller, name, (body ?? {}) as Suspend, deps)),
    },
    {
      ...named,
      method: 'POST',
      path: `${base}/jobs/:name/resume`,
      summary: 'Let a scheduled job that was suspended go on',
      operation: 'resume',
      status: 200,
      answer: schemas.messagesAnswer,
      handle: async ({ caller, params: { name = '' } }) => {
        const suspension = await resumeJob(caller, name, deps);
        const definition = findParts(caller, name, deps)?.[0].object.definition;
        return resumedMessages(name, suspension, askedSuspend(definition?.suspend, deps.now()) !== undefined);
      },
    },
    {
      ...named,
      method: 'GET',
      path: `${base}/jobs/:name/runs`,
      summary: 'Runs of one job that have ended',
      operation: 'runs',
      status: 200,
      answer: schemas.runsAnswer,
      handle: async ({ caller, params: { name = '' } }) => {
        const runs = await listRuns(caller, name, deps);
        const unusual = await unusualOf(caller, runs, deps);
        return said({ runs: runs.map((run) => renderListedRun2026(run.job, run, unusual.get(run.run.id))) });
      },
    },
    {
      ...named,
      method: 'GET',
      path: `${base}/jobs/:name/advice`,
      summary: 'How much memory and CPU a job should have, by what its runs have used',
      operation: 'advise',
      status: 200,
      answer: schemas.jobAdviceAnswer,
      handle: async ({ caller, params: { name = '' } }) =>
        said({ advice: renderJobAdvice(caller.tool.name, await adviseJob(caller, name, deps)) }),
    },
    {
      ...named,
      method: 'GET',
      path: `${base}/jobs/:name/logs`,
      summary: 'What a job has written, a JSON object a line',
      operation: 'logs',
      status: 200,
      query: schemas.logQuery,
      answer: schemas.logLine,
      without: ['kube.state_unknown', 'kube.conflict'],
      answerType: 'text/plain; charset=utf8',
      handle: async ({ caller, params: { name = '' }, query, release }) =>
        new StreamedText(
          await readLogs({ caller, name, query, release }, deps, (line) => textOf(canonical, logLine2026(line))),
        ),
    },
    {
      ...row,
      method: 'PUT',
      path: `${base}/fences/:run`,
      params: schemas.runParams,
      summary: 'A number that only grows, for the newest run of a job to be known by',
      operation: 'fence',
      status: 200,
      answer: schemas.fenceAnswer,
      without: asTool,
      handle: async ({ caller, params: { run = '' } }) => ({
        fence: await claimFence(caller, run, deps),
        messages: noMessages,
      }),
    },
    {
      ...row,
      method: 'GET',
      path: `${base}/mail-log`,
      summary: 'What became of each event in the mail of the tool, and on the way to its webhook',
      operation: 'mail_log',
      status: 200,
      query: schemas.mailLogQuery,
      answer: schemas.mailLogAnswer,
      handle: async ({ caller, query }) =>
        said({ events: (await listMailLog(caller, query, deps)).map(renderMailLogRow) }),
    },
    {
      ...row,
      method: 'GET',
      path: `${base}/events`,
      summary: 'What happens to the jobs of the tool, as it happens',
      operation: 'events',
      status: 200,
      query: schemas.eventsQuery,
      answer: schemas.eventsAnswer,
      answerType: 'text/event-stream',
      handle: ({ caller, query, header, release }) => {
        const asked = { job: query.job as string | undefined, lastEventId: header('last-event-id') };
        const pieces = followEvents(caller, asked, deps);
        release();
        return new StreamedText(pieces);
      },
    },
    {
      ...row,
      method: 'GET',
      path: `${base}/former`,
      summary: 'What jobs were before they were changed or deleted',
      operation: 'former',
      status: 200,
      answer: schemas.formerAnswer,
      handle: async ({ caller: { tool } }) => {
        const former = await deps.former.list(tool);
        const rows = former.map(({ at, reason, definition }) => {
          return { at: new Date(at).toISOString(), reason, job: renderDefinition(definition) };
        });
        return { former: rows, messages: noMessages };
      },
    },
    {
      ...row,
      method: 'GET',
      path: `${base}/images`,
      summary: 'Images that can be used',
      operation: 'images',
      status: 200,
      answer: schemas.imagesAnswer,
      handle: async ({ caller }) => canonicalImages(await deps.images.offered(caller.tool)),
    },
    {
      ...row,
      method: 'GET',
      path: `${base}/quotas`,
      summary: 'What the tool may have and has',
      operation: 'quota',
      status: 200,
      answer: schemas.quotaAnswer,
      handle: async ({ caller }) => ({ quota: quota2026(await readQuota(caller, deps)), messages: noMessages }),
    },
    ...webhookRoutes(base, deps),
    {
      ...row,
      method: 'GET',
      path: `${base}/advice`,
      summary: 'What of the quota is used up, and a text that asks for more',
      operation: 'advise_quota',
      status: 200,
      answer: schemas.toolAdviceAnswer,
      handle: async ({ caller }) => ({
        advice: renderToolAdvice(await adviseTool(caller, deps)),
        messages: noMessages,
      }),
    },
  ];
  return rows.map(({ handle, explainBody, ...entry }) => ({
    ...entry,
    handle: (call) => handle(ownTool(call)),
    ...(explainBody ? { explainBody: (call: Call) => explainBody(ownTool(call)) } : {}),
  }));
}

/** What only those meet that ask the cluster as the tool. */
const asTool: readonly ErrorCode[] = [
  'home.unavailable',
  'home.refused',
  'credentials.invalid',
  'kube.state_unknown',
  'kube.refused',
  'kube.forbidden',
  'kube.conflict',
];

/** In a plan these are told of the job they concern. */
const ofOneJob: readonly ErrorCode[] = [
  'schedule.invalid',
  'image.unknown',
  'limits.exceeded',
  'quota.exceeded',
  'job.conflict',
  'name.taken',
  'job.is_part',
];

/** A body whose shape has been checked. */
function asked(body: unknown): PlanRequest {
  const { jobs, operation = 'apply', prune = false } = body as Partial<PlanRequest> & Pick<PlanRequest, 'jobs'>;
  if (prune && operation === 'run') {
    throw new AppError('request.invalid', "'prune' goes with the operation 'apply' only.", {
      fields: { field: 'prune' },
    });
  }
  return { jobs, operation, prune };
}

const shownFirings = 5;

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
  return isOn(query.include_unset ?? 'true');
}

function wantsTyped(query: Call['query']): boolean {
  return isOn(query.as_typed ?? 'false');
}

function isOn(value: unknown): boolean {
  return !['false', 'False', '0'].includes(String(value));
}
