/** A job as the canonical dialect shows it: with every default filled in, or only what its owner set. Pure and total. */

import { unusualFiring } from '../../definition/firing-rules.ts';
import { cpuText2026, memoryText2026 } from '../../definition/quantity.ts';
import { asExpressions } from '../../definition/schedules.ts';
import { suspendOf, suspensionNow } from '../../definition/suspension.ts';
import { valuesOf } from '../../definition/variables.ts';
import type {
  Concurrency,
  Emails,
  FailureReason,
  HealthCheck,
  Image,
  JobDefinition,
  JobSnapshot,
  JobType,
  Mount,
  ObjectFacts,
  PortProtocol,
  ResolvedJob,
  Streak,
  Suspend,
  Suspension,
} from '../../domain.ts';
import { typeOfKind } from '../../domain.ts';
import { failuresBefore } from '../../streak.ts';
import { instantText } from './status/instant.ts';
import { longStatus } from './status/long-status.ts';
import { shortStatus } from './status/status-words.ts';
import { type Status2026, type StatusOptions, structuredStatus } from './status/structured-status.ts';

export interface Job2026 {
  readonly name: string;
  readonly cmd: string;
  readonly imagename: string;
  /** The same as `imagename`. */
  readonly image: string;
  readonly image_state: Image['state'];
  readonly filelog: boolean;
  readonly filelog_stdout: string | null;
  readonly filelog_stderr: string | null;
  readonly emails: Emails;
  readonly mount: Mount;
  readonly memory: string;
  readonly cpu: string;
  readonly status_short: string;
  readonly status_long: string;
  readonly job_type: JobType;
  readonly status: Status2026;
  /** One-off and scheduled jobs: of the newest run; null before the first. */
  readonly run_id?: string | null;
  /** Scheduled jobs of which a run is on record. */
  readonly last_run?: LastRun2026;
  /** One-off and scheduled jobs. */
  readonly retry?: number;
  /** Scheduled jobs: as typed, the five fields that run, and seconds (0 = none). */
  readonly schedule?: string;
  readonly schedule_actual?: string;
  readonly timeout?: number;
  /** Scheduled jobs: what was asked for, where it was. */
  readonly suspend?: true | Suspend;
  readonly suspend_after?: number;
  /** Scheduled jobs, while they are suspended, and where it is known by whom. */
  readonly suspension?: Suspension2026;
  /** Scheduled jobs, where it is not UTC, forbid and 30 s. */
  readonly timezone?: string;
  readonly concurrency?: Concurrency;
  readonly starting_deadline?: number;
  /** Continuous jobs. */
  readonly continuous?: true;
  readonly replicas?: number;
  readonly port?: number | null;
  readonly port_protocol?: PortProtocol;
  readonly health_check?: HealthCheck | null;
  readonly publish?: boolean;
  /** Of jobs that have some. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Of jobs that come after others. */
  readonly after?: readonly string[];
  /** Of jobs that tell of it. */
  readonly unusual?: boolean;
  /** Jobs with several schedules: each as typed. */
  readonly schedules?: readonly string[];
  /** Jobs with a matrix: its variables and their values. */
  readonly matrix?: Readonly<Record<string, readonly string[]>>;
  /** A part that is shown alone: its job. */
  readonly group?: string;
  /** Jobs of several parts. */
  readonly parts?: readonly Part2026[];
}

/** One part of a job, known by a name of its own. */
export interface Part2026
  extends Pick<
    Job2026,
    | 'name'
    | 'schedule'
    | 'schedule_actual'
    | 'filelog_stdout'
    | 'filelog_stderr'
    | 'status_short'
    | 'status_long'
    | 'status'
    | 'run_id'
    | 'last_run'
  > {
  /** What the matrix gives it. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface Suspension2026 {
  readonly since: string;
  readonly by: Suspension['by'];
  readonly note: string | null;
  readonly until: string | null;
}

/** How the last run went, and how many in a row went so. */
export interface LastRun2026 {
  readonly outcome: Streak['outcome'];
  readonly reason: FailureReason | null;
  readonly ended: string | null;
  readonly in_a_row: number;
  /** Of the first success after failures: how many there were. */
  readonly after_failures: number;
}

/** Only what was set; `image`, `imagename` and `job_type` always, `continuous` on continuous jobs. */
export type UnresolvedJob2026 = Pick<Job2026, 'name' | 'cmd' | 'imagename' | 'image' | 'job_type'> &
  Partial<
    Omit<
      Job2026,
      | 'image_state'
      | 'status'
      | 'suspension'
      | 'run_id'
      | 'last_run'
      | 'status_short'
      | 'status_long'
      | 'schedule_actual'
      | 'group'
      | 'parts'
    >
  >;

/** An object that is none of ours is shown with `unknown` in the place of what cannot be read. */
export function renderJob2026(snapshot: JobSnapshot, options: StatusOptions): Job2026 {
  const { key, object } = snapshot;
  const { job } = object;
  const image = job?.image.name ?? 'unknown';
  const { trouble = snapshot.refusal } = options;
  return {
    name: key.name,
    cmd: job?.cmd ?? 'unknown',
    imagename: image,
    image,
    image_state: job?.image.state ?? 'unknown',
    filelog: job?.filelog ?? false,
    filelog_stdout: job?.filelogStdout ?? null,
    filelog_stderr: job?.filelogStderr ?? null,
    emails: job?.emails ?? 'none',
    mount: job?.mount ?? 'none',
    memory: job ? memoryText2026(job.memory) : 'unknown',
    cpu: job ? cpuText2026(job.cpu) : 'unknown',
    status_short: shortStatus(snapshot, options.now, trouble),
    status_long: longStatus(snapshot, trouble),
    job_type: typeOfKind[key.kind],
    status: structuredStatus(snapshot, options),
    ...runId(snapshot),
    ...lastRun(snapshot),
    ...(job ? typeFields[typeOfKind[key.kind]](job) : continuousMark(typeOfKind[key.kind])),
    ...renderSuspension(object),
    ...withoutUnset({ parameters: valuesOf(job?.variables), after: job?.after, unusual: job?.unusual }),
    ...severalSchedules(object.definition),
    ...(job?.group === undefined ? {} : { group: job.group }),
  };
}

function renderSuspension(object: ObjectFacts): Pick<Job2026, 'suspension'> {
  const suspension = suspensionNow(object);
  if (!suspension) return {};
  const { since, by, note = null, until } = suspension;
  return {
    suspension: { since: instantText(since) ?? '', by, note, until: instantText(until) ?? null },
  };
}

function runId({ key, object, runs }: JobSnapshot): Pick<Job2026, 'run_id'> {
  if (key.kind === 'Deployment') return {};
  return { run_id: key.kind === 'Job' ? object.uid : (runs[0]?.uid ?? null) };
}

function lastRun({ streak }: JobSnapshot): Pick<Job2026, 'last_run'> {
  if (!streak) return {};
  const { outcome, reason = null, at, count } = streak;
  const ended = instantText(at) ?? null;
  return { last_run: { outcome, reason, ended, in_a_row: count, after_failures: failuresBefore(streak) } };
}

const typeFields: Record<JobType, (job: ResolvedJob) => Partial<Job2026>> = {
  'one-off': ({ retry }) => ({ retry }),
  scheduled: (job) => ({
    ...(job.schedule ? { schedule: job.schedule.text, schedule_actual: job.schedule.actual } : {}),
    retry: job.retry,
    timeout: job.timeout,
    ...(job.suspend ? { suspend: suspendText(job.suspend) } : {}),
    ...withoutUnset({ suspend_after: job.suspendAfter }),
    ...firingFields(unusualFiring(job)),
  }),
  continuous: ({ replicas, port, portProtocol, healthCheck, publish }) => ({
    continuous: true,
    replicas,
    port: port ?? null,
    port_protocol: portProtocol,
    health_check: healthCheck ?? null,
    publish,
  }),
};

function firingFields(asked: JobDefinition | ReturnType<typeof unusualFiring>): Partial<UnresolvedJob2026> {
  return withoutUnset({
    timezone: asked.timeZone,
    concurrency: asked.concurrency,
    starting_deadline: asked.startingDeadline,
  });
}

function continuousMark(type: JobType): Pick<Job2026, 'continuous'> {
  return type === 'continuous' ? { continuous: true } : {};
}

function severalSchedules(asked: JobDefinition | undefined): Pick<Job2026, 'schedules'> {
  const texts = asked?.schedules?.map(({ text }) => text) ?? [];
  return texts.length > 1 ? { schedules: texts } : {};
}

/**
 * Without a definition (objects of earlier services) what differs from the defaults counts as set.
 * @param asTyped image and amounts as their owner wrote them, for whoever makes a file of them
 */
export function renderUnresolved2026({ key, object }: JobSnapshot, asTyped = false): UnresolvedJob2026 {
  const { job, definition } = object;
  const type = typeOfKind[key.kind];
  const typed = definition?.image;
  // The address of an image that the list lost says less than the name its owner gave.
  const image =
    (asTyped || job?.image.state === 'unknown' ? typed : undefined) ?? job?.image.name ?? typed ?? 'unknown';
  return {
    name: definition?.name ?? key.name,
    cmd: definition?.cmd ?? job?.cmd ?? 'unknown',
    imagename: image,
    image,
    job_type: type,
    ...continuousMark(type),
    ...(definition
      ? { ...fromDefinition(definition), ...severalAsOne(definition), ...(asTyped ? typedAmounts(definition) : {}) }
      : job
        ? fromResolved(job, type)
        : {}),
    // As it is: whoever suspends or resumes it by a command does not change its definition.
    ...(type === 'scheduled' && object.status.suspended
      ? { suspend: suspendText(suspendOf(suspensionNow(object))) }
      : {}),
  };
}

function fromDefinition(asked: JobDefinition): Partial<UnresolvedJob2026> {
  const { schedules } = severalSchedules(asked);
  const [schedule] = schedules ? [] : (asked.schedules ?? []);
  return withoutUnset({
    filelog: asked.filelog,
    filelog_stdout: asked.filelogStdout,
    filelog_stderr: asked.filelogStderr,
    emails: asked.emails,
    mount: asked.mount,
    memory: asked.memory === undefined ? undefined : memoryText2026(asked.memory),
    cpu: asked.cpu === undefined ? undefined : cpuText2026(asked.cpu),
    schedule: schedule?.text,
    retry: asked.retry,
    timeout: asked.timeout,
    suspend_after: asked.suspendAfter,
    ...firingFields(asked),
    replicas: asked.replicas,
    port: asked.port,
    // With the port, for clients that show a port only together with its protocol.
    port_protocol: asked.portProtocol ?? (asked.port === undefined ? undefined : 'tcp'),
    health_check: asked.healthCheck,
    publish: asked.publish,
    parameters: asked.parameters,
    after: asked.after,
    unusual: asked.unusual,
    schedules,
    matrix: asked.matrix,
  });
}

/** For clients that know of one schedule: what is none for them to send back keeps them from making less of the job. */
function severalAsOne({ schedules }: JobDefinition): Pick<UnresolvedJob2026, 'schedule'> {
  return schedules && schedules.length > 1 ? { schedule: scheduleText(schedules.map(({ text }) => text)) } : {};
}

/** As one expression, where one says them all. @example scheduleText(['0 6 * * *', '@daily']) -> '0 6 * * *; @daily' */
export function scheduleText(texts: readonly string[]): string {
  const expressions = asExpressions(texts);
  return (expressions.length === 1 ? expressions : texts).join('; ');
}

function typedAmounts({ memory, cpu }: JobDefinition): Partial<UnresolvedJob2026> {
  return withoutUnset({ memory, cpu });
}

function fromResolved(job: ResolvedJob, type: JobType): Partial<UnresolvedJob2026> {
  const [memory, cpu] = [memoryText2026(job.memory), cpuText2026(job.cpu)];
  return withoutUnset({
    filelog: job.filelog,
    filelog_stdout: job.filelogStdout,
    filelog_stderr: job.filelogStderr,
    emails: job.emails === 'none' ? undefined : job.emails,
    mount: job.mount === (job.image.type === 'standard' ? 'all' : 'none') ? undefined : job.mount,
    memory: memory === '0.5Gi' ? undefined : memory,
    cpu: cpu === '0.1' ? undefined : cpu,
    schedule: job.schedule?.text,
    retry: type !== 'continuous' && job.retry > 0 ? job.retry : undefined,
    timeout: type === 'scheduled' && job.timeout > 0 ? job.timeout : undefined,
    ...firingFields(unusualFiring(job)),
    replicas: type === 'continuous' && job.replicas !== 1 ? job.replicas : undefined,
    port: job.port,
    port_protocol: job.port === undefined ? undefined : job.portProtocol,
    health_check: job.healthCheck,
    parameters: valuesOf(job.variables),
  });
}

/** The body of a request that asks for the same, as it was typed. */
export function renderDefinition(definition: JobDefinition): object {
  const { name, cmd, image, type } = definition;
  const { suspend } = definition;
  const fields = {
    ...fromDefinition(definition),
    ...typedAmounts(definition),
    ...(suspend ? { suspend: suspendText(suspend) } : {}),
  };
  return { name, cmd, imagename: image, ...continuousMark(type), ...fields };
}

function suspendText(suspend: Suspend): true | Suspend {
  return Object.keys(suspend).length === 0 ? true : suspend;
}

type Settable = { readonly [Field in keyof UnresolvedJob2026]?: UnresolvedJob2026[Field] | undefined };

function withoutUnset(fields: Settable): Partial<UnresolvedJob2026> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
