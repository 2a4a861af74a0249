/**
 * The wire shapes, once: requests are checked against them and the OpenAPI document is generated from them.
 * Rules that need more than a shape (names, quantities, cron) live in definition.ts, which also words every problem.
 */
import { z } from 'zod';
import { longestDeadlineSeconds } from '../definition/firing-rules.ts';
import {
  concurrencyChoices,
  emailsChoices,
  failureReasons,
  mailStates,
  mountChoices,
  noticeKinds,
  portProtocols,
  runOutcomes,
  tellingWays,
  triggers,
  unusualWays,
  webhookEvents,
} from '../domain.ts';
import { effects } from './plan/effect.ts';
import { maxPlannedJobs } from './plan/planned-job.ts';

/** What checks a value and describes it in the OpenAPI document. */
export type Shape = z.ZodType;

const name = z.string().describe('Job name: a DNS name of at most 52 characters.');
const messages = z
  .object({ info: z.array(z.string()), warning: z.array(z.string()), error: z.array(z.string()) })
  .meta({ id: 'Messages', description: 'What a person may want to read; each list may be empty.' });

/** Digits as text count as well, since some clients send them. */
const count = (min: number, max?: number) => {
  const number = z.number().int().min(min);
  return z.union([max === undefined ? number : number.max(max), z.string().regex(/^\d{1,10}$/)]);
};
const healthCheck = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('script'), script: z.string() }),
    z.strictObject({ type: z.literal('http'), path: z.string() }),
  ])
  .describe('How it is known that a copy is well: a command that ends with 0, or a page that answers.');

const suspend = z.strictObject({
  note: z.string().optional().describe('Why, in one line of at most 200 characters.'),
  until: z.string().optional().describe('When it goes on by itself, e.g. 2026-12-01T08:00:00Z.'),
});
/** `POST …/jobs/{name}/run` */
export const runNowRequest = z
  .strictObject({
    parameters: z
      .record(z.string(), z.union([z.string(), z.number()]))
      .optional()
      .describe('In the place of those of the job, for this run only.'),
  })
  .nullish();
/** `POST …/jobs/{name}/suspend` */
export const suspendRequest = suspend.nullish();

const jobType = z.enum(['one-off', 'scheduled', 'continuous']);

/** `POST /v1/tool/{tool}/jobs` */
export const newJobSchema = z
  .strictObject({
    name,
    cmd: z.string().describe('Command line, run by a shell in the home of the tool.'),
    imagename: z.string().describe('Name, alias or address of an image: see docs/wire.md, "Images".'),
    schedule: z
      .string()
      .optional()
      .describe(
        'Five cron fields, with ~ for a number that the service chooses, or @hourly, @daily, @weekly, @monthly, @yearly; makes the job scheduled.',
      ),
    schedules: z
      .array(z.string())
      .nullable()
      .optional()
      .describe('Several of them, in the place of schedule: docs/wire.md, "Parts".'),
    matrix: z
      .record(z.string(), z.array(z.union([z.string(), z.number()])))
      .nullable()
      .optional()
      .describe('Environment variables and the values of each: every combination is a part of the job.'),
    continuous: z.boolean().optional().describe('true makes the job continuous.'),
    job_type: jobType.optional().describe('What the other fields already say; checked against them.'),
    filelog: z.boolean().optional().describe('Write output to files in the home; on by default for standard images.'),
    filelog_stdout: z.string().nullable().optional().describe('Path in the home; NAME.out by default.'),
    filelog_stderr: z.string().nullable().optional().describe('Path in the home; NAME.err by default.'),
    emails: z.enum(emailsChoices).optional().describe('What to be mailed about; none by default.'),
    mount: z
      .enum(mountChoices)
      .optional()
      .describe('Whether the home is there; none only on images of the build service.'),
    memory: z.string().nullable().optional().describe('Kubernetes quantity, e.g. 512Mi.'),
    cpu: z.string().nullable().optional().describe('Kubernetes quantity, e.g. 500m.'),
    retry: count(0, 5).optional().describe('Further attempts after a failure; not for continuous jobs.'),
    timeout: count(0).nullable().optional().describe('Seconds; 0 = none; scheduled jobs only.'),
    suspend: z
      .union([z.boolean(), suspend])
      .nullable()
      .optional()
      .describe('true: no run starts until it is resumed; scheduled jobs only.'),
    suspend_after: count(0, 100)
      .nullable()
      .optional()
      .describe('Suspend it after so many failed runs in a row, 0 = never; scheduled jobs only.'),
    timezone: z.string().optional().describe('On whose clocks the schedule counts: an IANA name; UTC by default.'),
    concurrency: z
      .enum(concurrencyChoices)
      .optional()
      .describe(
        'What becomes of a firing while a run goes on: forbid (the default) leaves it out; scheduled jobs only.',
      ),
    starting_deadline: count(10, longestDeadlineSeconds)
      .nullable()
      .optional()
      .describe('Seconds; so late may a run begin; 30 by default; scheduled jobs only.'),
    replicas: count(0).optional().describe('Copies at once; continuous jobs only.'),
    port: count(1, 65_535).nullable().optional().describe('Where the job answers; continuous jobs only.'),
    port_protocol: z.enum(portProtocols).optional().describe('tcp by default.'),
    health_check: healthCheck
      .nullable()
      .optional()
      .describe('How it is known that a copy is well; continuous jobs only.'),
    publish: z.boolean().optional().describe('Make the port reachable from outside the cluster.'),
    parameters: z
      .record(z.string(), z.union([z.string(), z.number()]))
      .nullable()
      .optional()
      .describe('Environment variables of the job, by name (A-Z, 0-9 and _); no shell reads their values.'),
    after: z
      .array(z.string())
      .nullable()
      .optional()
      .describe('Jobs that come first, the one-offs among them to their success: whoever sends jobs looks after it.'),
    unusual: z
      .boolean()
      .optional()
      .describe('true: tell of runs that are suspiciously short, long or quiet; one-off and scheduled jobs only.'),
  })
  .meta({ id: 'NewJob' });

const status = z
  .object({
    short: z.enum(['pending', 'running', 'succeeded', 'failed', 'unknown']),
    duration: z.string().describe('How long it has been so, e.g. 2h5m.'),
    up_to_date: z.boolean().describe('Whether what runs is what was asked for.'),
    messages: z.array(z.string()).describe('What is to be said of it, e.g. why it failed.'),
    previous_schedule: z.string().nullable().optional().describe('Scheduled jobs: when it last ran.'),
    next_schedule: z.string().nullable().optional().describe('Scheduled jobs: when it runs next.'),
    next_schedules: z
      .array(z.string())
      .optional()
      .describe('Scheduled jobs: the next five times, where one job is shown.'),
  })
  .meta({ id: 'JobStatus' });

const peakRange = z.object({ lowest: z.number(), highest: z.number() }).optional();
const lastRun = z
  .object({
    outcome: z.enum(['succeeded', 'failed', 'skipped']),
    reason: z.enum(failureReasons).nullable(),
    ended: z.string().nullable(),
    in_a_row: z.number().describe('So many have ended well, or not well, one after the other.'),
    after_failures: z.number().describe('Of the first success after failures: how many there were; else 0.'),
  })
  .optional()
  .describe('Scheduled jobs: how the last run went, where one is on record.');
const matrix = z.record(z.string(), z.array(z.string()));
const part = z
  .object({
    name: z.string().describe('Of the part; show, logs and runs take it as well.'),
    variables: z.record(z.string(), z.string()).describe('What the matrix gives it.'),
    schedule: z.string().optional(),
    schedule_actual: z.string().optional(),
    filelog_stdout: z.string().nullable(),
    filelog_stderr: z.string().nullable(),
    status_short: z.string(),
    status_long: z.string(),
    status,
    run_id: z.string().nullable().optional(),
    last_run: lastRun,
  })
  .meta({ id: 'Part', description: 'One part of a job: docs/wire.md, "Parts".' });

export const jobSchema = z
  .object({
    name,
    cmd: z.string().describe('Command line.'),
    imagename: z.string().describe('Short name of the image, or its address where it has none.'),
    image: z.string().describe('The same as imagename.'),
    image_state: z.enum(['stable', 'deprecated', 'unknown']),
    filelog: z.boolean().describe('Whether output is written to files.'),
    filelog_stdout: z.string().nullable().describe('Absolute path; null without file logs.'),
    filelog_stderr: z.string().nullable().describe('Absolute path; null without file logs.'),
    emails: z.enum(emailsChoices),
    mount: z.enum(mountChoices),
    memory: z.string().describe('In Gi, e.g. 0.5Gi.'),
    cpu: z.string().describe('In cores, e.g. 0.1.'),
    status_short: z.string().describe('For tables, e.g. Running.'),
    status_long: z.string().describe('For people, several lines.'),
    job_type: jobType,
    status,
    run_id: z
      .string()
      .nullable()
      .optional()
      .describe('One-off and scheduled jobs: the newest run; null before the first.'),
    last_run: lastRun,
    retry: z.number().optional().describe('One-off and scheduled jobs.'),
    schedule: z.string().optional().describe('Scheduled jobs: as typed.'),
    schedule_actual: z.string().optional().describe('Scheduled jobs: the five fields that run.'),
    timeout: z.number().optional().describe('Scheduled jobs: seconds, 0 = none.'),
    suspend: z
      .union([z.literal(true), suspend])
      .optional()
      .describe('Scheduled jobs: whether the definition wants it suspended.'),
    suspend_after: z.number().optional().describe('Scheduled jobs: failed runs in a row that suspend it.'),
    suspension: z
      .object({
        since: z.string(),
        by: z.enum(['owner', 'service']),
        note: z.string().nullable(),
        until: z.string().nullable(),
      })
      .optional()
      .describe('Scheduled jobs, while they are suspended, where it is known by whom.'),
    timezone: z.string().optional().describe('Scheduled jobs, where it is not UTC.'),
    concurrency: z.enum(concurrencyChoices).optional().describe('Scheduled jobs, where it is not forbid.'),
    starting_deadline: z.number().optional().describe('Scheduled jobs, where it is not 30 s.'),
    continuous: z.literal(true).optional().describe('On continuous jobs only.'),
    replicas: z.number().optional().describe('Continuous jobs.'),
    port: z.number().nullable().optional().describe('Continuous jobs.'),
    port_protocol: z.enum(portProtocols).optional().describe('Continuous jobs.'),
    health_check: healthCheck.nullable().optional().describe('Continuous jobs.'),
    publish: z.boolean().optional().describe('Continuous jobs.'),
    parameters: z.record(z.string(), z.string()).optional().describe('Environment variables of a job that has some.'),
    after: z.array(z.string()).optional().describe('Of a job that comes after others.'),
    unusual: z
      .boolean()
      .optional()
      .describe('Of a job of which it is told when a run is suspiciously short, long or quiet.'),
    peaks: z
      .object({
        runs: z.number().describe('The last ones that were measured, 10 at most; copies of a continuous job.'),
        memory: peakRange.describe('Bytes.'),
        cpu: peakRange.describe('Thousandths of a core.'),
      })
      .optional()
      .describe('Where one job is shown: the most that its runs were seen to use, where that is measured.'),
    schedules: z.array(z.string()).optional().describe('Jobs with several schedules: each as typed.'),
    matrix: matrix.optional().describe('Jobs with a matrix.'),
    group: z.string().optional().describe('Of a part that is shown alone: its job.'),
    parts: z.array(part).optional().describe('Jobs of several parts.'),
  })
  .meta({ id: 'Job' });

/** `include_unset=false` */
export const jobAsSetSchema = z
  .object(jobSchema.shape)
  .omit({
    image_state: true,
    status: true,
    suspension: true,
    run_id: true,
    last_run: true,
    status_short: true,
    status_long: true,
    schedule_actual: true,
    peaks: true,
    group: true,
    parts: true,
  })
  .partial()
  .required({ name: true, cmd: true, imagename: true, image: true, job_type: true })
  .meta({ id: 'JobAsSet', description: 'Only what its owner set: the answer to include_unset=false.' });
const shownJob = z.union([jobSchema, jobAsSetSchema]);

export const createdAnswer = z.object({ job: jobSchema, messages });
export const begunAnswer = z.object({
  run_id: z.string().describe('Of the run that was begun.'),
  job: jobSchema,
  messages,
});
export const jobsAnswer = z.object({ jobs: z.array(shownJob), messages });
export const messagesAnswer = z.object({ messages });
export const fenceAnswer = z.object({
  fence: z
    .number()
    .int()
    .describe('Higher than that of every run of the job before it; the same however often it asks.'),
  messages,
});
const image = z
  .object({
    shortname: z.string().describe('What imagename takes.'),
    image: z.string().describe('What is pulled.'),
  })
  .meta({ id: 'Image' });
export const appliedAnswer = z.object({
  job_changed: z.boolean().describe('False: the job was as asked for, and was left alone.'),
  messages,
});
export const imagesAnswer = z.object({
  images: z.array(image),
  messages,
});

/** `POST /v1/tool/{tool}/plan` */
export const planRequest = z.strictObject({
  jobs: z.array(newJobSchema).max(maxPlannedJobs).describe('What would be asked for; each name once.'),
  operation: z
    .enum(['apply', 'run'])
    .optional()
    .describe('apply (the default): as PATCH …/jobs has it. run: as POST …/jobs has it, which wants new jobs.'),
  prune: z.boolean().optional().describe('true: jobs that are not named would be deleted.'),
});
const plannedValue = z
  .union([
    z.string(),
    z.number(),
    z.boolean(),
    healthCheck,
    suspend,
    z.record(z.string(), z.string()),
    matrix,
    z.array(z.string()),
  ])
  .nullable();
const plannedAction = z.enum(['create', 'update', 'unchanged', 'delete', 'stay', 'refuse']);
const plannedJob = z
  .object({
    name,
    job_type: jobType,
    action: plannedAction.describe('stay: it is not named, and is left alone.'),
    parts: z
      .array(z.object({ name: z.string(), action: plannedAction }))
      .optional()
      .describe('Of a job of several parts: what becomes of each, in the order in which they are written.'),
    changes: z
      .array(z.object({ field: z.string(), from: plannedValue, to: plannedValue }))
      .describe('Fields of a Job that would have another value.'),
    effect: z.enum(effects).describe('What it does to what runs: docs/wire.md, "Plans".'),
    message: z.string().describe('The same for people; empty where nothing happens.'),
    next_schedules: z.array(z.string()).describe('The next five times of a schedule that is new or changes.'),
    timezone: z.string().optional().describe('On whose clocks its schedule counts, where that is not UTC.'),
    warnings: z.array(z.string()).describe('What its owner may not expect of it.'),
    successor: z.string().nullable().describe('Of a job that is not named: a new one that does the same.'),
    refusal: z
      .object({ error: z.array(z.string()), code: z.string(), id: z.string() })
      .nullable()
      .describe('Why it would be refused, as the request itself would be answered.'),
  })
  .meta({ id: 'PlannedJob' });
const planSchema = z
  .object({
    jobs: z.array(plannedJob).describe('In the order in which they have to be sent.'),
    quota: z
      .array(z.object({ name: z.string(), limit: z.string(), used: z.string(), after: z.string(), fits: z.boolean() }))
      .describe('after: when all has been done, and all that is to run runs.'),
    problems: z.array(z.string()).describe('Why it cannot be done as a whole, beside what is refused.'),
  })
  .meta({ id: 'Plan' });
export const formerAnswer = z.object({
  former: z
    .array(
      z
        .object({
          at: z.string().describe('When it ceased to be so, to the millisecond.'),
          reason: z.enum(['changed', 'deleted']),
          job: newJobSchema,
        })
        .meta({ id: 'FormerJob' }),
    )
    .describe('Newest first.'),
  messages,
});
export const planAnswer = z.object({ plan: planSchema, messages });

const runSchema = z
  .object({
    id: z.string().describe('Of this run and no other; run_id of its job while it was the newest.'),
    job: name,
    group: z.string().optional().describe('Of a run of a part: its job.'),
    job_type: jobType,
    job_id: z.string().nullable().describe('Of the definition it ran: another one after the job was made anew.'),
    manual: z.boolean().describe('Asked for by hand, not by the schedule.'),
    trigger: z
      .enum(triggers)
      .describe('What asked for it; a one-off job is asked for by hand. caught_up: it began more than a minute late.'),
    due: z
      .string()
      .nullable()
      .describe('When the schedule asked for it; null for a run that no schedule asked for. RFC 3339, as all times.'),
    created: z.string().nullable(),
    started: z.string().nullable().describe('When its program first ran; null where it never did.'),
    finished: z.string().nullable(),
    outcome: z
      .enum(runOutcomes)
      .describe(
        'stopped: its job was deleted before it had ended, or (replaced) the next run took its place. unknown: nobody saw how it ended. skipped: its schedule asked for it, and it never began.',
      ),
    reason: z.enum(failureReasons).nullable().describe('Of runs that failed, were skipped or replaced.'),
    exit_code: z.number().nullable().describe('Of the last attempt.'),
    signal: z.number().nullable(),
    attempts: z.number().describe('Attempts that have ended.'),
    peak_memory: z
      .number()
      .nullable()
      .describe('Bytes: the highest of samples, or the limit of a run that was killed for memory; null: not measured.'),
    memory_limit: z.number().nullable().describe('Bytes that it might use; null where nothing was measured.'),
    peak_cpu: z
      .number()
      .nullable()
      .describe('Thousandths of a core: the highest mean of the time between two samples; null: not measured.'),
    definition_version: z
      .string()
      .nullable()
      .describe('Equal for runs of the same definition; null for runs recorded by earlier releases.'),
    image_digest: z.string().nullable().describe('Of the image that was pulled, where that is known.'),
    message: z.string().describe('How it ended, for people.'),
  })
  .meta({ id: 'Run' });
const listedRun = z
  .object(runSchema.shape)
  .extend({
    unusual: z
      .enum(unusualWays)
      .nullable()
      .describe(
        'It took suspiciously short or long against the successes before it, or wrote suspiciously little; of jobs with unusual only.',
      ),
    changed: z.array(z.enum(['definition', 'image'])).describe('Since the run before it.'),
    in_a_row: z
      .number()
      .nullable()
      .describe('So many have ended well, or not well, one after the other; null where it says nothing of the job.'),
    after_failures: z.number().describe('Of the first success after failures: how many there were; else 0.'),
  })
  .meta({ id: 'ListedRun' });
const advice = z
  .object({
    runs: z.number().describe('Runs that were measured, the newest 30 at most; of a continuous job its copies.'),
    lowest: z.number().nullable().describe('Peak, in bytes or thousandths of a core; null: not measured.'),
    highest: z.number().nullable(),
    killed: z.number().describe('Of these runs, killed for lack of memory.'),
    limit: z.number().describe('What may be used now, in bytes or thousandths of a core.'),
    verdict: z.enum(['larger', 'smaller', 'keep', 'unknown']).describe('unknown: too few were measured to say.'),
    to: z.string().nullable().describe('What it should be, as a definition takes it; null: as it is.'),
    message: z.string().describe('The same for people.'),
  })
  .meta({ id: 'Advice' });
export const jobAdviceAnswer = z.object({
  advice: z
    .object({
      job: name,
      job_type: jobType,
      memory: advice.nullable(),
      cpu: advice.nullable().describe('null of a job that is gone.'),
      fits: z.boolean().nullable().describe('Whether the quota has room for it; null where nothing larger is advised.'),
      obstacles: z.array(z.string()).describe('What the quota has against it.'),
      request: z.string().nullable().describe('Text for whoever decides about quotas, where it does not fit.'),
    })
    .meta({ id: 'JobAdvice' }),
  messages,
});
export const toolAdviceAnswer = z.object({
  advice: z
    .object({
      items: z.array(
        z.object({
          name: z.string(),
          used: z.string(),
          limit: z.string(),
          full: z.boolean().describe('Nine tenths of it are used, or more.'),
        }),
      ),
      request: z.string().nullable().describe('Text for whoever decides about quotas, where anything is full.'),
    })
    .meta({ id: 'ToolAdvice' }),
  messages,
});
export const mailLogQuery = z.object({
  job: z.string().optional().describe('Events of this job only.'),
  limit: z.string().optional().describe('The newest ones, 1 to 1000; 50 by default.'),
});
const mailedEvent = z
  .object({
    job: name,
    job_type: jobType,
    happened: z.string().nullable().describe('RFC 3339, as all times.'),
    event: z
      .enum(noticeKinds)
      .describe('steady: a continuous job has run for a while. unusual: a run was suspiciously short, long or quiet.'),
    reason: z.enum(failureReasons).nullable().describe('Of what failed.'),
    via: z.enum(tellingWays).describe('An event that is told in both ways is there twice.'),
    state: z
      .enum(mailStates)
      .describe(
        'gathered: for the next mail. sealed: in a mail that is about to be sent. deferred: that mail is tried again. parked: it was given up. dropped: so was it, for good. withheld: it is not told, and message says why.',
      ),
    since: z.string().nullable().describe('When it came into this state.'),
    message_id: z.string().nullable().describe('Of the mail that tells of it; of a webhook the id of the event.'),
    message: z.string().describe('What became of it, for people.'),
  })
  .meta({ id: 'MailedEvent' });
export const mailLogAnswer = z.object({ events: z.array(mailedEvent).describe('Newest first.'), messages });
export const newWebhook = z.strictObject({
  url: z.string().describe('Where events are sent: https, without a name and a password in it.'),
  events: z
    .enum(webhookEvents)
    .optional()
    .describe(
      'failures: also what was skipped, and recoveries. What is set stays where it is left out, at first failures.',
    ),
  renew_secret: z
    .boolean()
    .optional()
    .describe('Make a new secret; for a day events are signed with the former one as well.'),
});
const webhook = z
  .object({
    url: z.string(),
    events: z.enum(webhookEvents),
    set_at: z.string().nullable(),
    waiting: z.number().describe('Events that it has not taken yet.'),
    taken_at: z.string().nullable().describe('When it last took one; null where that is more than a day ago.'),
    failing_since: z.string().nullable().describe('Null while it takes what it is sent.'),
    failure: z.string().nullable().describe('What the last attempt met, for people.'),
  })
  .meta({ id: 'Webhook' });
export const webhookAnswer = z.object({ webhook: webhook.nullable().describe('Null where none is set.'), messages });
export const newWebhookAnswer = z.object({
  webhook,
  secret: z
    .string()
    .nullable()
    .describe('What events are signed with, where it was made now; it is never shown again.'),
  messages,
});
export const eventsQuery = z.object({ job: z.string().optional().describe('Events of this job only.') });
const eventOf = <Name extends string, Data extends z.ZodType>(event: Name, data: Data) =>
  z.object({ id: z.string(), event: z.literal(event), data });
const goneJob = z.object({
  job: name,
  group: z.string().optional(),
  job_type: jobType,
  run_id: z.string().nullable().optional(),
});
/** One server-sent event; `data` is a line of JSON in it. */
export const eventsAnswer = z
  .discriminatedUnion('event', [
    eventOf('job.changed', goneJob.extend({ status: status.pick({ short: true, up_to_date: true, messages: true }) })),
    eventOf('run.ended', runSchema),
    eventOf('job.gone', goneJob),
    eventOf('reset', z.object({})),
  ])
  .meta({
    id: 'JobEvent',
    description: 'What happened to a job, as server-sent events say it: docs/wire.md, "Events".',
  });
export const jobAnswer = z.object({
  job: z.union([
    z
      .object(jobSchema.shape)
      .extend({
        as_of: z
          .object({
            at: z.string().nullable(),
            from: z.string().nullable().describe('Since when it had been so, where that is known.'),
            until: z.string().nullable().describe('When it was changed or deleted; null where it still is so.'),
            run_id: z.string().nullable().describe('The run that was going.'),
          })
          .optional()
          .describe('With at: of when it is.'),
        last_runs: z
          .array(listedRun)
          .optional()
          .describe('The last five that have ended, newest first; of those on record.'),
      })
      .meta({ id: 'ShownJob' }),
    jobAsSetSchema,
  ]),
  messages,
});
export const runsAnswer = z.object({ runs: z.array(listedRun).describe('Newest first.'), messages });

export const logQuery = z.object({
  lines: z
    .string()
    .optional()
    .describe('The last ones, 0 to 5000: of each file, and of all pods together; 500 by default.'),
  since: z
    .string()
    .optional()
    .describe('Only what came after: 2026-07-01T12:00:00Z, or how long ago: 90s, 10m, 2h, 1d.'),
  follow: z.string().optional().describe('true: go on until a one-off job has ended, or the reader leaves.'),
  run: z
    .string()
    .optional()
    .describe(
      'Only of this run: its id or how that begins (8 characters at least), or last; also after the job is gone.',
    ),
});
export const logLine = z
  .object({
    pod: z.string().describe('The pod, or the file below the home.'),
    container: z.string().describe('job; of a file the stream.'),
    datetime: z
      .string()
      .describe('Whole seconds. Of a line of a file: when the file was last written to, or the line seen.'),
    message: z.string(),
    source: z
      .enum(['pod', 'file', 'record', 'service'])
      .describe('record: kept when the run had ended. service: said by the service about the log.'),
    stream: z.enum(['stdout', 'stderr', 'both']),
    timestamp: z.string().nullable().describe('When the line was written; null where nobody knows.'),
  })
  .meta({ id: 'LogLine' });

export const octoberLogLine = z
  .object(logLine.shape)
  .omit({ source: true, stream: true, timestamp: true })
  .meta({ id: 'OctoberLogLine' });

/** Every refusal of the canonical dialect. */
export const errorAnswer = z
  .object({
    error: z.array(z.string()).describe('One sentence a problem.'),
    code: z.string().describe('Stable, dotted.'),
    id: z.string().describe('Stable, for guides: TJF-V010.'),
    fields: z
      .record(z.string(), z.union([z.string(), z.number()]))
      .optional()
      .describe('Named values, e.g. field and value.'),
    request_id: z.string().optional().describe('Of failures on our side (5xx): the header x-request-id once more.'),
  })
  .meta({ id: 'Error' });

export const toolParams = z.object({ tool: z.string() });
export const jobParams = z.object({ tool: z.string(), name: z.string() });
export const runParams = z.object({ tool: z.string(), run: z.string() });
export const nameParams = z.object({ name: z.string() });
const truth = z.enum(['true', 'false', 'True', 'False', '1', '0']);
export const unsetQuery = z.object({
  include_unset: truth.optional().describe('false: only what the owner set.'),
  as_typed: truth.optional().describe('true, with the other false: image and amounts as they were typed.'),
});

export const showQuery = unsetQuery.extend({
  at: z
    .string()
    .optional()
    .describe('What the job was then: 2026-07-01T12:00:00Z, or how long ago: 90s, 10m, 2h, 1d; also after it is gone.'),
});

const seedText = z.union([z.string(), z.boolean(), z.number(), z.null()]);

/** `POST /api/v1/run/`: form, JSON and query alike; every value may be text. */
export const seedRunQuery = z
  .object({
    name: seedText,
    cmd: seedText,
    imagename: seedText,
    schedule: seedText,
    continuous: seedText,
    filelog: seedText,
    memory: seedText,
    cpu: seedText,
    emails: seedText,
    retry: seedText,
    filelog_stdout: seedText,
    filelog_stderr: seedText,
  })
  .partial();

export const seedRunBody = seedRunQuery.nullish();

export const seedJobSchema = z
  .object({
    name: z.string(),
    cmd: z.string(),
    image: z.string(),
    user: z.string(),
    namespace: z.string(),
    filelog: z.enum(['True', 'False']),
    status_short: z.string(),
    status_long: z.string(),
    emails: z.string(),
    image_state: z.string(),
    filelog_stdout: z.string().nullable(),
    filelog_stderr: z.string().nullable(),
    retry: z.number(),
    schedule: z.string().optional(),
    schedule_actual: z.string().optional(),
    continuous: z.literal(true).optional(),
    memory: z.string().optional(),
    cpu: z.string().optional(),
  })
  .partial()
  .required({ name: true })
  .meta({ id: 'SeedJob' });

export const seedJobs = z.array(seedJobSchema);
export const seedImages = z.array(image);

/** The first service answered the Kubernetes status of the creation as its whole body. */
export const seedCreated = z.literal(201);
export const seedNothing = z.literal('');
/** A sentence, or nothing at all about a job that is not there. */
export const seedError = z.union([z.string(), z.strictObject({})]);

/** `POST /jobs/api/v1/jobs/`; keys nobody knew then are passed over. */
export const octoberNewJob = seedRunQuery.extend({ mount: z.enum(mountChoices).nullish() }).nullish();
export const octoberJobSchema = z
  .object(seedJobSchema.shape)
  .omit({ user: true, namespace: true })
  .extend({ mount: z.enum(mountChoices) })
  .meta({ id: 'OctoberJob' });
export const octoberJobs = z.array(octoberJobSchema);
export const octoberNothing = z.strictObject({});
export const octoberError = z
  .object({ message: z.string().describe('One or more sentences.'), data: z.strictObject({}) })
  .meta({ id: 'OctoberError' });

const quotaOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ categories: z.array(z.object({ name: z.string(), items: z.array(item) })) });
const amount2023 = z
  .union([z.number(), z.string()])
  .describe('Things as a number, amounts as the cluster writes them.');
export const quota2023 = quotaOf(z.object({ name: z.string(), limit: amount2023, used: amount2023.optional() })).meta({
  id: 'OctoberQuota',
});
const quota2026 = quotaOf(
  z.object({
    name: z.string(),
    limit: z.string(),
    used: z.string().nullable().describe("null where a limit is one job's, which nothing uses up."),
  }),
).meta({ id: 'Quota' });
export const quotaAnswer = z.object({ quota: quota2026, messages });

/** A JSON Schema (draft 2020-12, as OpenAPI 3.1 takes it). */
export interface JsonSchema {
  readonly [key: string]: unknown;
}

/**
 * A shape as the OpenAPI document has it; named shapes become references.
 * @param named where their definitions are put, by name
 * @param io what callers may send, or what they get; that may have more keys one day
 */
export function describeShape(shape: Shape, io: 'input' | 'output', named: Map<string, JsonSchema>): JsonSchema {
  const made = z.toJSONSchema(shape, {
    io,
    override({ jsonSchema }) {
      if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  const text = JSON.stringify(made).replaceAll('"#/$defs/', '"#/components/schemas/');
  const { $schema: _, $defs, ...schema } = JSON.parse(text) as JsonSchema;
  for (const [name, definition] of Object.entries($defs ?? {})) named.set(name, definition as JsonSchema);
  return schema;
}
