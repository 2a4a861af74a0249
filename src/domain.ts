/**
 * The words of the house, as types and tiny pure functions. Every room may import this file; it imports only errors.ts.
 * A *job* is what a user defined, a *run* one execution of it, an *attempt* one try (a pod) of a run.
 */
import { AppError } from './errors.ts';

/** Tool names are DNS labels (RFC 1123 2.1) that still fit behind `tool-`. */
const toolName = /^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$/;

/**
 * A tool account. The only thing that can make a namespace, a home path or an upstream call.
 * Made in three places: from a verified certificate (server/identify.ts), from an operator's command line (bin/admin.ts) and in tests.
 */
export class Tool {
  readonly name: string;
  readonly #proof = true;

  private constructor(name: string) {
    this.name = name;
  }

  /** @throws AppError `tool.invalid` unless the name is a lower-case DNS label of at most 53 characters. */
  static of(name: string): Tool {
    if (!toolName.test(name)) {
      throw new AppError(
        'tool.invalid',
        'A tool name has 1 to 53 characters a-z, 0-9 and "-", and neither begins nor ends with "-".',
        { fields: { field: 'tool', rule: 'dns-label' } },
      );
    }
    return new Tool(name);
  }

  /** The tool that a namespace belongs to; undefined for one that no tool has. */
  static ofNamespace(namespace: string): Tool | undefined {
    const name = namespace.startsWith('tool-') ? namespace.slice('tool-'.length) : '';
    return toolName.test(name) ? new Tool(name) : undefined;
  }

  static isTool(value: unknown): value is Tool {
    return typeof value === 'object' && value !== null && #proof in value;
  }

  get namespace(): string {
    return `tool-${this.name}`;
  }
}

/** Kubernetes' name for the object behind a job. */
export type KubeKind = 'Job' | 'CronJob' | 'Deployment';
/** The kinds that are watched. */
export type WatchedKind = 'Pod' | KubeKind;
export type JobType = 'one-off' | 'scheduled' | 'continuous';

/** What belongs together for each type of job: kind, label value and API path. */
export const jobTypes = {
  'one-off': { kind: 'Job', component: 'jobs', api: '/apis/batch/v1', plural: 'jobs' },
  scheduled: { kind: 'CronJob', component: 'cronjobs', api: '/apis/batch/v1', plural: 'cronjobs' },
  continuous: { kind: 'Deployment', component: 'deployments', api: '/apis/apps/v1', plural: 'deployments' },
} as const satisfies Record<JobType, { kind: KubeKind; component: string; api: string; plural: string }>;

export const typeOfKind: Record<KubeKind, JobType> = { Job: 'one-off', CronJob: 'scheduled', Deployment: 'continuous' };

export type Component = (typeof jobTypes)[JobType]['component'];

/** Whose actor: the uid inside marks a life within it; two lives are never mixed. */
export interface JobKey {
  readonly namespace: string;
  readonly kind: KubeKind;
  readonly name: string;
}

export function keyText(key: JobKey): string {
  return `${key.kind}/${key.name}`;
}

export const emailsChoices = ['none', 'all', 'onfinish', 'onfailure'] as const;
export type Emails = (typeof emailsChoices)[number];
export const mountChoices = ['all', 'none'] as const;
export type Mount = (typeof mountChoices)[number];
/** What becomes of a firing while a run goes on: it is left out, that run is ended for it, or both run. */
export const concurrencyChoices = ['forbid', 'replace', 'allow'] as const;
export type Concurrency = (typeof concurrencyChoices)[number];
export const portProtocols = ['tcp', 'udp'] as const;
export type PortProtocol = (typeof portProtocols)[number];

/** How the cluster learns that a copy of a continuous job is well: a command that ends with 0, or a page that answers. */
export type HealthCheck =
  | { readonly type: 'script'; readonly script: string }
  /** Below the job's port; begins with a slash. */
  | { readonly type: 'http'; readonly path: string };

/** An environment variable of a job's own. */
export interface Variable {
  readonly name: string;
  readonly value: string;
}

/**
 * What was asked, as typed: a key the user did not set is absent. Kept as versioned JSON in the annotation
 * `jobs.toolforge.org/definition` of the object it made.
 */
export interface JobDefinition {
  readonly name: string;
  readonly type: JobType;
  readonly cmd: string;
  /** Short name, alias or URL, as typed. */
  readonly image: string;
  /** Present exactly on scheduled jobs; `text` as typed (`@daily`, `5-59/7 form * * * *`). */
  readonly schedules?: readonly { readonly text: string }[];
  /** Environment variables and the values of each: every combination is a part of the job (definition/parts.ts). */
  readonly matrix?: Readonly<Record<string, readonly string[]>>;
  readonly filelog?: boolean;
  readonly filelogStdout?: string;
  readonly filelogStderr?: string;
  readonly emails?: Emails;
  readonly mount?: Mount;
  /** Kubernetes quantities exactly as typed: `512Mi`, `0.5`. */
  readonly memory?: string;
  readonly cpu?: string;
  /** 0-5; one-off and scheduled jobs only. */
  readonly retry?: number;
  /** Seconds, 0 = none; from here on scheduled jobs only. */
  readonly timeout?: number;
  /** Scheduled jobs only: no run starts until it is resumed. */
  readonly suspend?: Suspend;
  /** 1-100; scheduled jobs only: it is suspended after so many failed runs in a row. */
  readonly suspendAfter?: number;
  /** IANA name: on whose clocks the schedule counts. */
  readonly timeZone?: string;
  readonly concurrency?: Concurrency;
  /** Seconds: so late may a run begin. */
  readonly startingDeadline?: number;
  /** From here on continuous jobs only. */
  readonly replicas?: number;
  /** 1-65535: where the job answers, under its own name, to other jobs of the cluster. */
  readonly port?: number;
  readonly portProtocol?: PortProtocol;
  readonly healthCheck?: HealthCheck;
  /** Whether the job's port is reachable from outside the cluster. */
  readonly publish?: boolean;
  /** Of all types of jobs: what its program finds in its environment, by name. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Names of jobs that come first; the one-offs among them have to succeed. Whoever sends several jobs looks after it. */
  readonly after?: readonly string[];
  /** Whether a run that was suspiciously short, long or quiet is told; one-off and scheduled jobs only. */
  readonly unusual?: boolean;
}

/** How a job is asked to be suspended; `until` as typed, RFC 3339. */
export interface Suspend {
  readonly note?: string;
  readonly until?: string;
}

/** A time in which a schedule starts no run: the one that lasts, else the last one. Times are ms since the epoch. */
export interface Suspension {
  readonly since: number;
  /** `service`: after failures in a row, as the definition asks. */
  readonly by: 'owner' | 'service';
  readonly note: string | undefined;
  /** When it is to end by itself. */
  readonly until: number | undefined;
  /** When it ended; undefined while it lasts. */
  readonly resumedAt: number | undefined;
  /** The ones before it, newest first, as far as they are noted: firings are accounted for later. */
  readonly before?: readonly Suspension[];
}

/** An image the list offers, or a placeholder for one it no longer knows. */
export interface Image {
  /** Canonical short name, e.g. `python3.11`, or the URL where nothing is known. */
  readonly name: string;
  /** What is pulled, with tag: `registry/path:latest`. */
  readonly url: string;
  readonly aliases: readonly string[];
  readonly state: 'stable' | 'deprecated' | 'unknown';
  readonly type: 'standard' | 'buildservice';
}

/** A definition with every default filled in the way the cluster will run it. */
export interface ResolvedJob {
  /** Of its object. */
  readonly name: string;
  /** The job that it is a part of; absent where it is all of its job. */
  readonly group?: string;
  readonly type: JobType;
  readonly cmd: string;
  readonly image: Image;
  /** As typed, and the concrete five fields that run. */
  readonly schedule?: { readonly text: string; readonly actual: string };
  readonly filelog: boolean;
  /** Absolute paths when filelog is on, else undefined. */
  readonly filelogStdout: string | undefined;
  readonly filelogStderr: string | undefined;
  readonly emails: Emails;
  readonly mount: Mount;
  /** As typed where that is known, else as the cluster keeps them; every dialect has a form of its own for them. */
  readonly memory: string;
  readonly cpu: string;
  readonly retry: number;
  readonly timeout: number;
  /** Whether its definition wants it suspended, at this moment. Whoever suspends it by a command does not change that. */
  readonly suspend?: Suspend | undefined;
  readonly suspendAfter?: number | undefined;
  readonly timeZone: string;
  readonly concurrency: Concurrency;
  readonly startingDeadline: number;
  readonly replicas: number;
  readonly port: number | undefined;
  readonly portProtocol: PortProtocol;
  readonly healthCheck: HealthCheck | undefined;
  readonly publish: boolean;
  /** Absent where there are none. */
  readonly variables?: readonly Variable[];
  /** Absent where no job has to come first. */
  readonly after?: readonly string[];
  /** A run that was suspiciously short, long or quiet is told. */
  readonly unusual?: true;
}

/** What the server keeps of one Kubernetes object that is a job. Times are ms since the epoch. */
export interface ObjectFacts {
  readonly key: JobKey;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly createdAt: number;
  /** Set while the object waits for its end (deletionTimestamp). */
  readonly deletingAt: number | undefined;
  /** The job, or why the object is not one of ours: it is then listed as foreign and can only be deleted. */
  readonly job: ResolvedJob | undefined;
  readonly foreign: string | undefined;
  /** What was asked, where the object still says it. */
  readonly definition: JobDefinition | undefined;
  readonly status: ObjectStatus;
  /** Of a CronJob. */
  readonly firing?: FiringRules | undefined;
  /** As far as the object says; another hand may suspend and resume without a word. */
  readonly suspension?: Suspension | undefined;
}

/** How a CronJob fires, beside its schedule. */
export interface FiringRules {
  /** IANA name. */
  readonly timeZone: string;
  /** So late may a run begin, in ms. */
  readonly deadlineMs: number;
  readonly concurrency: Concurrency;
  /** When its schedule was last changed, ms since the epoch; undefined where it does not say. */
  readonly changedAt: number | undefined;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly changedAt: number | undefined;
}

/** Fields of the status of a Job, CronJob or Deployment that the house reads; absent ones are undefined. */
export interface ObjectStatus {
  readonly conditions: readonly Condition[];
  readonly startedAt: number | undefined;
  readonly active: number;
  readonly ready: number;
  readonly failed: number;
  readonly succeeded: number;
  readonly unavailable: number;
  readonly readyReplicas: number;
  /** CronJob. */
  readonly lastScheduledAt: number | undefined;
  readonly lastSucceededAt: number | undefined;
  readonly suspended: boolean;
  /** Deployment: app.kubernetes.io/restartedAt of the pod template. */
  readonly restartedAt: number | undefined;
}

/** Of an object that the cluster has said nothing of. */
export const nothingYet: ObjectStatus = {
  conditions: [],
  startedAt: undefined,
  active: 0,
  ready: 0,
  failed: 0,
  succeeded: 0,
  unavailable: 0,
  readyReplicas: 0,
  lastScheduledAt: undefined,
  lastSucceededAt: undefined,
  suspended: false,
  restartedAt: undefined,
};

/** A Job that belongs to a scheduled job: one run of it. */
export interface RunFacts {
  readonly key: JobKey;
  readonly uid: string;
  readonly name: string;
  readonly ownerUid: string | undefined;
  readonly resourceVersion: string;
  readonly createdAt: number;
  readonly deletingAt: number | undefined;
  /** True for a run that was asked for by hand (annotation cronjob.kubernetes.io/instantiate: manual). */
  readonly manual: boolean;
  /** The firing of the schedule that it is for; undefined for a run that was asked for by hand. */
  readonly dueAt?: number | undefined;
  /** The firing whose name it has: while it goes the cluster begins no other run for that. */
  readonly holds?: number | undefined;
  readonly status: ObjectStatus;
}

export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string | undefined; readonly message: string | undefined }
  | { readonly kind: 'running'; readonly startedAt: number | undefined }
  | {
      readonly kind: 'terminated';
      readonly exitCode: number;
      readonly signal: number | undefined;
      readonly reason: string | undefined;
      readonly message: string | undefined;
      readonly startedAt: number | undefined;
      readonly finishedAt: number | undefined;
    };

/** One attempt: what the house reads of a pod. */
export interface PodFacts {
  readonly key: JobKey;
  readonly uid: string;
  readonly name: string;
  readonly ownerUid: string | undefined;
  /** Where it runs; undefined before that is decided. */
  readonly node?: string | undefined;
  readonly resourceVersion: string;
  readonly createdAt: number;
  readonly deletingAt: number | undefined;
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly startedAt: number | undefined;
  readonly conditions: readonly Condition[];
  /** The container that runs the job; undefined before the node has one (or after an eviction). */
  readonly container:
    | {
        readonly restarts: number;
        /** `sha256:…`; undefined before the image was pulled. */
        readonly imageDigest: string | undefined;
        readonly state: ContainerState | undefined;
        readonly last: ContainerState | undefined;
      }
    | undefined;
}

/**
 * A fact about one job, from a watch or from the reply to a write. `gone` carries the version of the deletion. `isOld`: it was known before
 * the daemon was started this time, so whatever it shows has been told.
 */
export type JobEvent =
  | { readonly type: 'object.seen'; readonly key: JobKey; readonly object: ObjectFacts; readonly isOld?: true }
  | { readonly type: 'object.gone'; readonly key: JobKey; readonly uid: string; readonly resourceVersion: string }
  | { readonly type: 'run.seen'; readonly key: JobKey; readonly run: RunFacts; readonly isOld?: true }
  | { readonly type: 'run.gone'; readonly key: JobKey; readonly uid: string; readonly resourceVersion: string }
  | { readonly type: 'pod.seen'; readonly key: JobKey; readonly pod: PodFacts; readonly isOld?: true }
  | { readonly type: 'pod.gone'; readonly key: JobKey; readonly uid: string; readonly resourceVersion: string };

/** How far the cluster's events have been taken in: of each kind the resourceVersion of the last one. */
export type Positions = Readonly<Partial<Record<WatchedKind, string>>>;

/**
 * `stopped`: its job was deleted before it had ended. `unknown`: nobody saw how it ended. `skipped`: the schedule asked for it, and it was
 * never begun.
 */
export const runOutcomes = ['succeeded', 'failed', 'stopped', 'unknown', 'skipped'] as const;
export type RunOutcome = (typeof runOutcomes)[number];

/**
 * Why a run failed; `lost`: its node went away with it; its program never ran because its image could not be had (`image`), because the
 * cluster refused it a pod (`quota`), or for another cause (`not_started`). Why it was skipped: no room for one more Job (`quota`), a
 * refusal (`not_started`), the run before it went on (`previous_run`) or still waited to begin (`previous_pending`), the job was `suspended`
 * or `changed`, the cluster could not be reached (`cluster_away`), or nobody says (`unexplained`).
 * Why it was stopped: the next firing took its place (`replaced`).
 */
export const failureReasons = [
  'exit_code',
  'signal',
  'out_of_memory',
  'deadline',
  'evicted',
  'image',
  'quota',
  'not_started',
  'lost',
  'other',
  'previous_run',
  'previous_pending',
  'suspended',
  'changed',
  'cluster_away',
  'unexplained',
  'replaced',
] as const;
export type FailureReason = (typeof failureReasons)[number];

/** Whether the cluster refuses something because the quota leaves no room for it, by its words (kubernetes.io, "Resource Quotas"). */
export function isQuotaRefusal(words: string): boolean {
  return words.includes('exceeded quota');
}

/** What a run may be against the successes of its job before it. `quiet`: it wrote far less. */
export const unusualWays = ['short', 'long', 'quiet'] as const;

/** A run that was suspiciously so. */
export type UnusualRun = UnusualLength | UnusualQuiet;

/** How long those before it took, in ms. */
export interface UnusualLength {
  readonly what: 'short' | 'long';
  /** How long it took, or has taken by now. */
  readonly length: number;
  readonly runs: number;
  readonly shortest: number;
  readonly longest: number;
}

/** How many lines those before it wrote. */
export interface UnusualQuiet {
  readonly what: 'quiet';
  readonly lines: number;
  readonly runs: number;
  /** Each of them wrote so many at least. */
  readonly least: number;
}

/** How many lines a run has written. */
export interface Written {
  readonly lines: number;
  /** It may have been more: they were not all counted. */
  readonly orMore: boolean;
}

/** What a run was seen to use at most, by samples: what came and went between two of them is not in it. Undefined: not measured. */
export interface RunUsage {
  /** Bytes; of a run that was killed for memory, its limit. */
  readonly peakMemory?: number | undefined;
  /** Thousandths of a core, over the time from one sample to the next. */
  readonly peakCpu?: number | undefined;
  /** Bytes that it might use; with one of the others. */
  readonly memoryLimit?: number | undefined;
}

/** What there is to say of a job that ran out of memory. */
export interface MemoryAdvice {
  /** Of which it is asked: of a part the job that it is a part of. */
  readonly job: string;
  /** Bytes that it might use. */
  readonly limit: number;
  /** Of its last runs that were measured, in bytes; undefined where that was no more than one. */
  readonly peaks: { readonly runs: number; readonly lowest: number; readonly highest: number } | undefined;
  /** What would be better, as a definition has it. */
  readonly to: string;
  /** Whether the quota has room for that; undefined where nobody could say. */
  readonly fits: boolean | undefined;
}

/** The end of one run of a one-off or scheduled job, or of a firing that became none: what is left to say of it when its objects are gone. Times are ms since the epoch. */
export interface RunEnd extends RunUsage {
  /** Of the job. */
  readonly key: JobKey;
  /** The job that it is a part of; absent where it is all of its job. */
  readonly group?: string | undefined;
  /** Uid of the Kubernetes Job: no other run, of whatever job, has it. Of a firing without a run, that of its job and the due time. */
  readonly id: string;
  /** Uid of the object that holds the definition: of a one-off the same as `id`. */
  readonly jobUid: string | undefined;
  /** Asked for by hand, not by the schedule. */
  readonly manual: boolean;
  readonly createdAt: number;
  /** When the schedule asked for it; undefined where none did. */
  readonly dueAt?: number | undefined;
  /** One record for all firings from `dueAt` until then. */
  readonly dueUntil?: number | undefined;
  /** When the program first ran; undefined where it never did, or nobody saw it. */
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly outcome: RunOutcome;
  /** Present on runs that failed, were skipped or replaced. */
  readonly reason: FailureReason | undefined;
  /** Since when that which held it back has lasted. */
  readonly since?: number | undefined;
  /** Until when; undefined where it goes on, or nobody knows. */
  readonly until?: number | undefined;
  /** What the cluster says of why it was skipped, at most 500 characters. */
  readonly clusterSays?: string | undefined;
  /** Who had suspended the job, where that is why it was skipped, and is known. */
  readonly suspension?: Pick<Suspension, 'by' | 'note' | 'until'> | undefined;
  /** Of the last attempt's program, where it has ended by itself or been killed. */
  readonly exitCode: number | undefined;
  readonly signal: number | undefined;
  /** Attempts that have ended. */
  readonly attempts: number;
  /** With what; undefined for an object that could not be read. */
  readonly ran: WhatRan | undefined;
  /** Of the definition: equal for runs of which nothing was changed in between. */
  readonly version?: string | undefined;
  /** Name of the pod that has its output; undefined where there was none. */
  readonly pod?: string | undefined;
}

/** A line that a job has written. */
export interface OutputLine {
  /** The pod, or the file below the home: `logs/bot.out`. */
  readonly origin: string;
  /** `both`: the cluster does not keep the two apart. */
  readonly stream: 'stdout' | 'stderr' | 'both';
  /** When it was written, RFC 3339 to the nanosecond; undefined for lines of files, which carry no times. */
  readonly at: string | undefined;
  readonly message: string;
}

/** The last lines that a run has written, oldest first. */
export interface RunOutput {
  readonly lines: readonly OutputLine[];
  /** E.g. `daily.out (2), then daily.err (1)`; undefined where there are none. */
  readonly from: string | undefined;
  /** Why there are none, in words. */
  readonly missing: string | undefined;
  /** Whether it has, or may have, written more before them. */
  readonly isCut: boolean;
  /** Absent where nobody knows. */
  readonly written?: Written;
}

/**
 * What may be worth a word to the owner of a job. `failed`: a run failed, a copy of a continuous job crashed, or nothing of the job could be
 * started for a while. `restarted`: an attempt ended and the job goes on with another one. `steady`: a continuous job has run for a while.
 * `unusual`: a run was suspiciously short, long or quiet, and did not fail. `suspended`: by the service, after failures in a row.
 */
export const noticeKinds = ['started', 'restarted', 'finished', 'steady', 'failed', 'unusual', 'suspended'] as const;
export type NoticeKind = (typeof noticeKinds)[number];

/** Something that happened to a job, with all that its owner is told of it later. Emitted by machines/job.ts. Times are ms since the epoch. */
export interface Notice {
  /** The same happening has the same id, whatever replays, relists and restarts do: made of uids, restart count and state. */
  readonly id: string;
  readonly kind: NoticeKind;
  readonly key: JobKey;
  /** What the job's setting was then. */
  readonly emails: Emails;
  readonly at: number;
  /** Uid of the object that holds the definition: another one is another job under the same name. */
  readonly jobUid: string | undefined;
  /** Uid of the run (a Kubernetes Job) or, of a continuous job, of the copy (a pod). */
  readonly run: string;
  /** Name of the pod whose output tells more; undefined where there was none. */
  readonly pod: string | undefined;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  /** Present exactly on `failed`. */
  readonly reason: FailureReason | undefined;
  /** It never began: a firing of the schedule that became no run. */
  readonly isSkipped?: true;
  /** Its schedule starts no run. */
  readonly isSuspended?: true;
  /** Present exactly on `unusual`. */
  readonly unusual?: UnusualRun;
  /** Since when that which held it back has lasted. */
  readonly since?: number | undefined;
  /** Until when; undefined where it goes on, or nobody knows. */
  readonly until?: number | undefined;
  readonly exitCode: number | undefined;
  readonly signal: number | undefined;
  /** Attempts of the run that have ended; times that a copy of a continuous job was started again. */
  readonly attempts: number;
  /** What the cluster says of it (an image that cannot be pulled, an eviction), at most 500 characters. */
  readonly clusterSays: string | undefined;
  /** The termination message, which the job itself has written, at most 500 characters. */
  readonly jobSays: string | undefined;
  /** What ran; undefined for an object that could not be read. */
  readonly ran: WhatRan | undefined;
}

/** What a run ran with: enough to tell what was changed between two runs, and to find its output. */
export interface WhatRan {
  /** Absent where there are none. */
  readonly variables?: readonly Variable[];
  readonly cmd: string;
  /** As the image list names it. */
  readonly image: string;
  /** The digest that was pulled, where the cluster told: `sha256:…`. */
  readonly imageDigest: string | undefined;
  readonly memory: string;
  readonly cpu: string;
  readonly retry: number;
  readonly timeout: number;
  readonly replicas: number;
  /** The five fields that run; of scheduled jobs. */
  readonly schedule: string | undefined;
  /** On whose clocks; undefined for UTC. */
  readonly timeZone?: string | undefined;
  /** Absolute paths, as pods see them, where output goes to files. */
  readonly filelogStdout: string | undefined;
  readonly filelogStderr: string | undefined;
}

/** The last time that a job did well, and what it ran then; ms since the epoch. */
export interface LastGood {
  readonly at: number;
  readonly ran: WhatRan;
}

/** What became of an event in the mail of its tool, and why. */
export const mailStates = ['gathered', 'withheld', 'sealed', 'deferred', 'sent', 'parked', 'dropped'] as const;
export type MailState = (typeof mailStates)[number];

/** The two ways in which an owner is told of an event. */
export const tellingWays = ['mail', 'webhook'] as const;
export type TellingWay = (typeof tellingWays)[number];

/** What a webhook is told of. `failures`: what failed, was skipped, and has recovered. */
export const webhookEvents = ['failures', 'all'] as const;
export type WebhookEvents = (typeof webhookEvents)[number];

/** One row of `mail-log`: an event and what became of it. Times are ms since the epoch. */
export interface MailLogRow {
  /** Unset: by mail. */
  readonly via?: TellingWay;
  /** Of the notice. */
  readonly id: string;
  readonly at: number;
  readonly jobType: JobType;
  readonly jobName: string;
  readonly kind: NoticeKind;
  readonly reason: FailureReason | undefined;
  readonly state: MailState;
  /** When it came into this state. */
  readonly since: number;
  /** In words; undefined where the state says it all. */
  readonly why: string | undefined;
  /** Of the mail that it is told in, from `sealed` on: `<…@…>`. */
  readonly messageId: string | undefined;
}

/** How a job is now, in the product's words. `suspended` and `waiting` (for its time) are scheduled jobs only. */
export type JobState = 'pending' | 'running' | 'succeeded' | 'failed' | 'unknown' | 'waiting' | 'suspended';

/** The last firing of a schedule, where it became no run. */
export type Skip = Pick<RunEnd, 'reason' | 'since' | 'until' | 'clusterSays' | 'suspension'> & {
  readonly dueAt: number;
};

/** How the last runs of a job went: so many in a row have succeeded, or have not. Times are ms since the epoch. */
export interface Streak {
  /** Id of the last one. */
  readonly run: string;
  readonly outcome: Exclude<RunOutcome, 'stopped' | 'unknown'>;
  readonly reason: FailureReason | undefined;
  readonly at: number;
  readonly count: number;
  /** When the first of them had ended. */
  readonly since: number;
  /** How many of the other kind came before, in a row; as far as is known. */
  readonly before: number;
}

/** What an actor shows of its job to whoever asks. */
export interface JobSnapshot {
  readonly key: JobKey;
  readonly object: ObjectFacts;
  /** Newest first. */
  readonly runs: readonly RunFacts[];
  /** Newest first. */
  readonly pods: readonly PodFacts[];
  readonly state: JobState;
  /** Undefined where a run was begun since, and where none is known. */
  readonly skipped?: Skip | undefined;
  /** Of scheduled jobs; undefined where nothing is known of a run. */
  readonly streak?: Streak | undefined;
  /** What the cluster says of the pod that it does not make for the run that waits, where it was asked. */
  readonly refusal?: string | undefined;
}

/** What there is of one job: one object, or one for each of its parts. */
export type JobParts = readonly [JobSnapshot, ...JobSnapshot[]];

/** The name of the job that its owner knows: of a part that of all of them together. */
export function jobNameOf({ key, object }: JobSnapshot): string {
  return object.job?.group ?? key.name;
}

/** The jobs that their owner knows, each with what there is of it, in the order of their first objects. */
export function byJob(snapshots: readonly JobSnapshot[]): JobParts[] {
  const jobs = new Map<string, JobParts>();
  for (const one of snapshots) {
    const { group } = one.object.job ?? {};
    const row = group === undefined ? keyText(one.key) : `parts ${one.key.kind}/${group}`;
    const begun = jobs.get(row);
    jobs.set(row, begun ? [...begun, one] : [one]);
  }
  return [...jobs.values()];
}

/** What is kept of a run that has ended, after its job and all its objects are gone. */
export interface RunRecord extends Omit<RunEnd, 'key' | 'ran' | 'pod'> {
  readonly type: JobType;
  /** Of what was pulled for it, where the cluster told: `sha256:…`. */
  readonly imageDigest?: string | undefined;
}

/** What asked for a run. `caught_up`: the schedule, and it began more than a minute late. */
export const triggers = ['schedule', 'manual', 'caught_up'] as const;
export type Trigger = (typeof triggers)[number];

const lateMs = 60_000;

export function triggerOf({ type, manual, dueAt, createdAt }: RunRecord): Trigger {
  if (type !== 'scheduled' || manual) return 'manual';
  return dueAt !== undefined && createdAt - dueAt > lateMs ? 'caught_up' : 'schedule';
}

/** What a job was before it was changed or deleted. */
export interface FormerJob {
  /** When; ms since the epoch. */
  readonly at: number;
  readonly reason: 'changed' | 'deleted';
  readonly definition: JobDefinition;
  /** Since when it had been so; undefined where nobody knows. */
  readonly from?: number | undefined;
}

/** What is told of a job to whoever listens; `uid` is of the object that is gone. */
export type JobChange =
  | { readonly type: 'job.changed'; readonly job: JobSnapshot }
  | { readonly type: 'job.gone'; readonly key: JobKey; readonly uid: string }
  | { readonly type: 'run.ended'; readonly end: RunEnd };

/** What the service does for a tool by itself; the same one has the same id. `uid`: of the object, so that another life is left alone. */
export type Errand =
  | { readonly type: 'resume'; readonly id: string; readonly key: JobKey; readonly uid: string; readonly until: number }
  /** Suspend the job where its last runs have failed, so many in a row. */
  | {
      readonly type: 'suspend-after';
      readonly id: string;
      readonly key: JobKey;
      readonly uid: string;
      readonly after: number;
    }
  /** Begin the run that the schedule asked for at `due`: one that had ended by then stood in its place. */
  | { readonly type: 'begin'; readonly id: string; readonly key: JobKey; readonly uid: string; readonly due: number };

/** How fresh the view is: `asOf` = ms since the epoch of the last word from the slowest of the watches. */
export interface Freshness {
  /** True once every kind was listed completely at least once. */
  readonly synced: boolean;
  /** True while every watch is connected. */
  readonly live: boolean;
  readonly asOf: number;
}

/** A ConfigMap as it is: its texts by key, and which version of which object that is. */
export interface ConfigMapSeen {
  readonly data: Readonly<Record<string, string>>;
  readonly resourceVersion: string;
  readonly uid: string;
}

/** A Kubernetes object as it comes off the wire: anything may be missing or of another type. */
export type KubeObject = Record<string, unknown>;
