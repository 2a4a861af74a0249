/**
 * The wire shapes, once: requests are checked against them and the OpenAPI document is generated from them.
 * Rules that need more than a shape (names, quantities, cron) live in definition.ts, which also words every problem.
 */
import { z } from 'zod';
import { emailsChoices, mountChoices, portProtocols } from '../domain.ts';

/** What checks a value and describes it in the OpenAPI document. */
export type Shape = z.ZodType;

const name = z.string().describe('Job name: a DNS name of at most 52 characters.');
const messages = z
  .object({ info: z.array(z.string()), warning: z.array(z.string()), error: z.array(z.string()) })
  .describe('What a person may want to read; each list may be empty.');

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

/** `POST /v1/tool/{tool}/jobs` */
export const newJobSchema = z
  .strictObject({
    name,
    cmd: z.string().describe('Command line, run by a shell in the home of the tool.'),
    imagename: z.string().describe('Short name, alias or URL of an image of the list.'),
    schedule: z
      .string()
      .optional()
      .describe('Five cron fields or @hourly, @daily, @weekly, @monthly, @yearly; makes the job scheduled.'),
    continuous: z.boolean().optional().describe('true makes the job continuous.'),
    job_type: z.enum(['one-off', 'scheduled', 'continuous']).optional(),
    filelog: z.boolean().optional().describe('Write output to files in the home; on by default for standard images.'),
    filelog_stdout: z.string().nullable().optional(),
    filelog_stderr: z.string().nullable().optional(),
    emails: z.enum(emailsChoices).optional(),
    mount: z.enum(mountChoices).optional(),
    memory: z.string().nullable().optional().describe('Kubernetes quantity, e.g. 512Mi.'),
    cpu: z.string().nullable().optional().describe('Kubernetes quantity, e.g. 500m.'),
    retry: count(0, 5).optional().describe('Further attempts after a failure; not for continuous jobs.'),
    timeout: count(0).nullable().optional().describe('Seconds; 0 = none; scheduled jobs only.'),
    replicas: count(0).optional().describe('Copies at once; continuous jobs only.'),
    port: count(1, 65_535).nullable().optional().describe('Where the job answers; continuous jobs only.'),
    port_protocol: z.enum(portProtocols).optional(),
    health_check: healthCheck.nullable().optional(),
    publish: z.boolean().optional().describe('Make the port reachable from outside the cluster.'),
  })
  .meta({ id: 'NewJob' });

const status = z.object({
  short: z.enum(['pending', 'running', 'succeeded', 'failed', 'unknown']),
  duration: z.string(),
  up_to_date: z.boolean(),
  messages: z.array(z.string()),
  previous_schedule: z.string().nullable().optional(),
  next_schedule: z.string().nullable().optional(),
});

export const jobSchema = z
  .object({
    name,
    cmd: z.string(),
    imagename: z.string(),
    image: z.string(),
    image_state: z.string(),
    filelog: z.boolean(),
    filelog_stdout: z.string().nullable(),
    filelog_stderr: z.string().nullable(),
    emails: z.string(),
    mount: z.string(),
    memory: z.string(),
    cpu: z.string(),
    status_short: z.string(),
    status_long: z.string(),
    job_type: z.string(),
    status,
    retry: z.number().optional(),
    schedule: z.string().optional(),
    schedule_actual: z.string().optional(),
    timeout: z.number().optional(),
    continuous: z.literal(true).optional(),
    replicas: z.number().optional(),
    port: z.number().nullable().optional(),
    port_protocol: z.string().optional(),
    health_check: healthCheck.nullable().optional(),
    publish: z.boolean().optional(),
  })
  .partial()
  .required({ name: true })
  .meta({ id: 'Job' });

export const jobAnswer = z.object({ job: jobSchema, messages });
export const jobsAnswer = z.object({ jobs: z.array(jobSchema), messages });
export const messagesAnswer = z.object({ messages });
export const imagesAnswer = z.object({
  images: z.array(z.object({ shortname: z.string(), image: z.string() })),
  messages,
});

/** Every refusal of the canonical dialect. */
export const errorAnswer = z
  .object({
    error: z.array(z.string()).describe('One sentence a problem.'),
    code: z.string().describe('Stable, dotted.'),
    id: z.string().describe('Stable, for guides: TJF-V010.'),
    fields: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
    request_id: z.string().optional().describe('Of failures on our side (5xx): the header x-request-id once more.'),
  })
  .meta({ id: 'Error' });

export const toolParams = z.object({ tool: z.string() });
export const jobParams = z.object({ tool: z.string(), name: z.string() });
export const nameParams = z.object({ name: z.string() });
export const unsetQuery = z.object({ include_unset: z.enum(['true', 'false', 'True', 'False', '1', '0']).optional() });

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
export const seedImages = z.array(z.object({ shortname: z.string(), image: z.string() }));
/** The first service answered the Kubernetes status of the creation as its whole body. */
export const seedCreated = z.literal(201);
export const seedNothing = z.literal('');
