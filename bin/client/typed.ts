/** Made by `npm run -s openapi`, from the table of routes and the shapes that requests are checked against. Do not edit. */

export interface Advice {
  /** Runs that were measured, the newest 30 at most; of a continuous job its copies. */
  readonly runs: number;
  /** Peak, in bytes or thousandths of a core; null: not measured. */
  readonly lowest: number | null;
  readonly highest: number | null;
  /** Of these runs, killed for lack of memory. */
  readonly killed: number;
  /** What may be used now, in bytes or thousandths of a core. */
  readonly limit: number;
  /** unknown: too few were measured to say. */
  readonly verdict: 'larger' | 'smaller' | 'keep' | 'unknown';
  /** What it should be, as a definition takes it; null: as it is. */
  readonly to: string | null;
  /** The same for people. */
  readonly message: string;
}

export interface FormerJob {
  /** When it ceased to be so, to the millisecond. */
  readonly at: string;
  readonly reason: 'changed' | 'deleted';
  readonly job: NewJob;
}

export interface Image {
  /** What imagename takes. */
  readonly shortname: string;
  /** What is pulled. */
  readonly image: string;
}

export interface Job {
  /** Job name: a DNS name of at most 52 characters. */
  readonly name: string;
  /** Command line. */
  readonly cmd: string;
  /** Short name of the image, or its address where it has none. */
  readonly imagename: string;
  /** The same as imagename. */
  readonly image: string;
  readonly image_state: 'stable' | 'deprecated' | 'unknown';
  /** Whether output is written to files. */
  readonly filelog: boolean;
  /** Absolute path; null without file logs. */
  readonly filelog_stdout: string | null;
  /** Absolute path; null without file logs. */
  readonly filelog_stderr: string | null;
  readonly emails: 'none' | 'all' | 'onfinish' | 'onfailure';
  readonly mount: 'all' | 'none';
  /** In Gi, e.g. 0.5Gi. */
  readonly memory: string;
  /** In cores, e.g. 0.1. */
  readonly cpu: string;
  /** For tables, e.g. Running. */
  readonly status_short: string;
  /** For people, several lines. */
  readonly status_long: string;
  readonly job_type: 'one-off' | 'scheduled' | 'continuous';
  readonly status: JobStatus;
  /** One-off and scheduled jobs: the newest run; null before the first. */
  readonly run_id?: string | null;
  /** Scheduled jobs: how the last run went, where one is on record. */
  readonly last_run?: { readonly outcome: 'succeeded' | 'failed' | 'skipped'; readonly reason: 'exit_code' | 'signal' | 'out_of_memory' | 'deadline' | 'evicted' | 'image' | 'quota' | 'not_started' | 'lost' | 'other' | 'previous_run' | 'previous_pending' | 'suspended' | 'changed' | 'cluster_away' | 'unexplained' | 'replaced' | null; readonly ended: string | null; readonly in_a_row: number; readonly after_failures: number };
  /** One-off and scheduled jobs. */
  readonly retry?: number;
  /** Scheduled jobs: as typed. */
  readonly schedule?: string;
  /** Scheduled jobs: the five fields that run. */
  readonly schedule_actual?: string;
  /** Scheduled jobs: seconds, 0 = none. */
  readonly timeout?: number;
  /** Scheduled jobs: whether the definition wants it suspended. */
  readonly suspend?: true | { readonly note?: string; readonly until?: string };
  /** Scheduled jobs: failed runs in a row that suspend it. */
  readonly suspend_after?: number;
  /** Scheduled jobs, while they are suspended, where it is known by whom. */
  readonly suspension?: { readonly since: string; readonly by: 'owner' | 'service'; readonly note: string | null; readonly until: string | null };
  /** Scheduled jobs, where it is not UTC. */
  readonly timezone?: string;
  /** Scheduled jobs, where it is not forbid. */
  readonly concurrency?: 'forbid' | 'replace' | 'allow';
  /** Scheduled jobs, where it is not 30 s. */
  readonly starting_deadline?: number;
  /** On continuous jobs only. */
  readonly continuous?: true;
  /** Continuous jobs. */
  readonly replicas?: number;
  /** Continuous jobs. */
  readonly port?: number | null;
  /** Continuous jobs. */
  readonly port_protocol?: 'tcp' | 'udp';
  /** Continuous jobs. */
  readonly health_check?: { readonly type: 'script'; readonly script: string } | { readonly type: 'http'; readonly path: string } | null;
  /** Continuous jobs. */
  readonly publish?: boolean;
  /** Environment variables of a job that has some. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Of a job that comes after others. */
  readonly after?: readonly string[];
  /** Of a job of which it is told when a run is suspiciously short, long or quiet. */
  readonly unusual?: boolean;
  /** Where one job is shown: the most that its runs were seen to use, where that is measured. */
  readonly peaks?: { readonly runs: number; readonly memory?: { readonly lowest: number; readonly highest: number }; readonly cpu?: { readonly lowest: number; readonly highest: number } };
  /** Jobs with several schedules: each as typed. */
  readonly schedules?: readonly string[];
  /** Jobs with a matrix. */
  readonly matrix?: Readonly<Record<string, readonly string[]>>;
  /** Of a part that is shown alone: its job. */
  readonly group?: string;
  /** Jobs of several parts. */
  readonly parts?: readonly Part[];
}

export interface JobAdvice {
  /** Job name: a DNS name of at most 52 characters. */
  readonly job: string;
  readonly job_type: 'one-off' | 'scheduled' | 'continuous';
  readonly memory: Advice | null;
  /** null of a job that is gone. */
  readonly cpu: Advice | null;
  /** Whether the quota has room for it; null where nothing larger is advised. */
  readonly fits: boolean | null;
  /** What the quota has against it. */
  readonly obstacles: readonly string[];
  /** Text for whoever decides about quotas, where it does not fit. */
  readonly request: string | null;
}

/** What happened to a job, as server-sent events say it: docs/wire.md, "Events". */
export type JobEvent = { readonly id: string; readonly event: 'job.changed'; readonly data: { readonly job: string; readonly group?: string; readonly job_type: 'one-off' | 'scheduled' | 'continuous'; readonly run_id?: string | null; readonly status: { readonly short: 'pending' | 'running' | 'succeeded' | 'failed' | 'unknown'; readonly up_to_date: boolean; readonly messages: readonly string[] } } } | { readonly id: string; readonly event: 'run.ended'; readonly data: Run } | { readonly id: string; readonly event: 'job.gone'; readonly data: { readonly job: string; readonly group?: string; readonly job_type: 'one-off' | 'scheduled' | 'continuous'; readonly run_id?: string | null } } | { readonly id: string; readonly event: 'reset'; readonly data: Readonly<Record<string, never>> };

export interface JobStatus {
  readonly short: 'pending' | 'running' | 'succeeded' | 'failed' | 'unknown';
  /** How long it has been so, e.g. 2h5m. */
  readonly duration: string;
  /** Whether what runs is what was asked for. */
  readonly up_to_date: boolean;
  /** What is to be said of it, e.g. why it failed. */
  readonly messages: readonly string[];
  /** Scheduled jobs: when it last ran. */
  readonly previous_schedule?: string | null;
  /** Scheduled jobs: when it runs next. */
  readonly next_schedule?: string | null;
  /** Scheduled jobs: the next five times, where one job is shown. */
  readonly next_schedules?: readonly string[];
}

export interface ListedRun {
  /** Of this run and no other; run_id of its job while it was the newest. */
  readonly id: string;
  /** Job name: a DNS name of at most 52 characters. */
  readonly job: string;
  /** Of a run of a part: its job. */
  readonly group?: string;
  readonly job_type: 'one-off' | 'scheduled' | 'continuous';
  /** Of the definition it ran: another one after the job was made anew. */
  readonly job_id: string | null;
  /** Asked for by hand, not by the schedule. */
  readonly manual: boolean;
  /** What asked for it; a one-off job is asked for by hand. caught_up: it began more than a minute late. */
  readonly trigger: 'schedule' | 'manual' | 'caught_up';
  /** When the schedule asked for it; null for a run that no schedule asked for. RFC 3339, as all times. */
  readonly due: string | null;
  readonly created: string | null;
  /** When its program first ran; null where it never did. */
  readonly started: string | null;
  readonly finished: string | null;
  /** stopped: its job was deleted before it had ended, or (replaced) the next run took its place. unknown: nobody saw how it ended. skipped: its schedule asked for it, and it never began. */
  readonly outcome: 'succeeded' | 'failed' | 'stopped' | 'unknown' | 'skipped';
  /** Of runs that failed, were skipped or replaced. */
  readonly reason: 'exit_code' | 'signal' | 'out_of_memory' | 'deadline' | 'evicted' | 'image' | 'quota' | 'not_started' | 'lost' | 'other' | 'previous_run' | 'previous_pending' | 'suspended' | 'changed' | 'cluster_away' | 'unexplained' | 'replaced' | null;
  /** Of the last attempt. */
  readonly exit_code: number | null;
  readonly signal: number | null;
  /** Attempts that have ended. */
  readonly attempts: number;
  /** Bytes: the highest of samples, or the limit of a run that was killed for memory; null: not measured. */
  readonly peak_memory: number | null;
  /** Bytes that it might use; null where nothing was measured. */
  readonly memory_limit: number | null;
  /** Thousandths of a core: the highest mean of the time between two samples; null: not measured. */
  readonly peak_cpu: number | null;
  /** Equal for runs of the same definition; null for runs recorded by earlier releases. */
  readonly definition_version: string | null;
  /** Of the image that was pulled, where that is known. */
  readonly image_digest: string | null;
  /** How it ended, for people. */
  readonly message: string;
  /** It took suspiciously short or long against the successes before it, or wrote suspiciously little; of jobs with unusual only. */
  readonly unusual: 'short' | 'long' | 'quiet' | null;
  /** Since the run before it. */
  readonly changed: readonly ('definition' | 'image')[];
  /** So many have ended well, or not well, one after the other; null where it says nothing of the job. */
  readonly in_a_row: number | null;
  /** Of the first success after failures: how many there were; else 0. */
  readonly after_failures: number;
}

export interface LogLine {
  /** The pod, or the file below the home. */
  readonly pod: string;
  /** job; of a file the stream. */
  readonly container: string;
  /** Whole seconds. Of a line of a file: when the file was last written to, or the line seen. */
  readonly datetime: string;
  readonly message: string;
  /** record: kept when the run had ended. service: said by the service about the log. */
  readonly source: 'pod' | 'file' | 'record' | 'service';
  readonly stream: 'stdout' | 'stderr' | 'both';
  /** When the line was written; null where nobody knows. */
  readonly timestamp: string | null;
}

/** What a person may want to read; each list may be empty. */
export interface Messages {
  readonly info: readonly string[];
  readonly warning: readonly string[];
  readonly error: readonly string[];
}

export interface NewJob {
  /** Job name: a DNS name of at most 52 characters. */
  readonly name: string;
  /** Command line, run by a shell in the home of the tool. */
  readonly cmd: string;
  /** Name, alias or address of an image: see docs/wire.md, "Images". */
  readonly imagename: string;
  /** Five cron fields, with ~ for a number that the service chooses, or @hourly, @daily, @weekly, @monthly, @yearly; makes the job scheduled. */
  readonly schedule?: string;
  /** Several of them, in the place of schedule: docs/wire.md, "Parts". */
  readonly schedules?: readonly string[] | null;
  /** Environment variables and the values of each: every combination is a part of the job. */
  readonly matrix?: Readonly<Record<string, readonly (string | number)[]>> | null;
  /** true makes the job continuous. */
  readonly continuous?: boolean;
  /** What the other fields already say; checked against them. */
  readonly job_type?: 'one-off' | 'scheduled' | 'continuous';
  /** Write output to files in the home; on by default for standard images. */
  readonly filelog?: boolean;
  /** Path in the home; NAME.out by default. */
  readonly filelog_stdout?: string | null;
  /** Path in the home; NAME.err by default. */
  readonly filelog_stderr?: string | null;
  /** What to be mailed about; none by default. */
  readonly emails?: 'none' | 'all' | 'onfinish' | 'onfailure';
  /** Whether the home is there; none only on images of the build service. */
  readonly mount?: 'all' | 'none';
  /** Kubernetes quantity, e.g. 512Mi. */
  readonly memory?: string | null;
  /** Kubernetes quantity, e.g. 500m. */
  readonly cpu?: string | null;
  /** Further attempts after a failure; not for continuous jobs. */
  readonly retry?: number | string;
  /** Seconds; 0 = none; scheduled jobs only. */
  readonly timeout?: number | string | null;
  /** true: no run starts until it is resumed; scheduled jobs only. */
  readonly suspend?: boolean | { readonly note?: string; readonly until?: string } | null;
  /** Suspend it after so many failed runs in a row, 0 = never; scheduled jobs only. */
  readonly suspend_after?: number | string | null;
  /** On whose clocks the schedule counts: an IANA name; UTC by default. */
  readonly timezone?: string;
  /** What becomes of a firing while a run goes on: forbid (the default) leaves it out; scheduled jobs only. */
  readonly concurrency?: 'forbid' | 'replace' | 'allow';
  /** Seconds; so late may a run begin; 30 by default; scheduled jobs only. */
  readonly starting_deadline?: number | string | null;
  /** Copies at once; continuous jobs only. */
  readonly replicas?: number | string;
  /** Where the job answers; continuous jobs only. */
  readonly port?: number | string | null;
  /** tcp by default. */
  readonly port_protocol?: 'tcp' | 'udp';
  /** How it is known that a copy is well; continuous jobs only. */
  readonly health_check?: { readonly type: 'script'; readonly script: string } | { readonly type: 'http'; readonly path: string } | null;
  /** Make the port reachable from outside the cluster. */
  readonly publish?: boolean;
  /** Environment variables of the job, by name (A-Z, 0-9 and _); no shell reads their values. */
  readonly parameters?: Readonly<Record<string, string | number>> | null;
  /** Jobs that come first, the one-offs among them to their success: whoever sends jobs looks after it. */
  readonly after?: readonly string[] | null;
  /** true: tell of runs that are suspiciously short, long or quiet; one-off and scheduled jobs only. */
  readonly unusual?: boolean;
}

/** One part of a job: docs/wire.md, "Parts". */
export interface Part {
  /** Of the part; show, logs and runs take it as well. */
  readonly name: string;
  /** What the matrix gives it. */
  readonly variables: Readonly<Record<string, string>>;
  readonly schedule?: string;
  readonly schedule_actual?: string;
  readonly filelog_stdout: string | null;
  readonly filelog_stderr: string | null;
  readonly status_short: string;
  readonly status_long: string;
  readonly status: JobStatus;
  readonly run_id?: string | null;
  /** Scheduled jobs: how the last run went, where one is on record. */
  readonly last_run?: { readonly outcome: 'succeeded' | 'failed' | 'skipped'; readonly reason: 'exit_code' | 'signal' | 'out_of_memory' | 'deadline' | 'evicted' | 'image' | 'quota' | 'not_started' | 'lost' | 'other' | 'previous_run' | 'previous_pending' | 'suspended' | 'changed' | 'cluster_away' | 'unexplained' | 'replaced' | null; readonly ended: string | null; readonly in_a_row: number; readonly after_failures: number };
}

export interface Plan {
  /** In the order in which they have to be sent. */
  readonly jobs: readonly PlannedJob[];
  /** after: when all has been done, and all that is to run runs. */
  readonly quota: readonly { readonly name: string; readonly limit: string; readonly used: string; readonly after: string; readonly fits: boolean }[];
  /** Why it cannot be done as a whole, beside what is refused. */
  readonly problems: readonly string[];
}

export interface PlannedJob {
  /** Job name: a DNS name of at most 52 characters. */
  readonly name: string;
  readonly job_type: 'one-off' | 'scheduled' | 'continuous';
  /** stay: it is not named, and is left alone. */
  readonly action: 'create' | 'update' | 'unchanged' | 'delete' | 'stay' | 'refuse';
  /** Of a job of several parts: what becomes of each, in the order in which they are written. */
  readonly parts?: readonly ({ readonly name: string; readonly action: 'create' | 'update' | 'unchanged' | 'delete' | 'stay' | 'refuse' })[];
  /** Fields of a Job that would have another value. */
  readonly changes: readonly ({ readonly field: string; readonly from: string | number | boolean | { readonly type: 'script'; readonly script: string } | { readonly type: 'http'; readonly path: string } | { readonly note?: string; readonly until?: string } | Readonly<Record<string, string>> | Readonly<Record<string, readonly string[]>> | readonly string[] | null; readonly to: string | number | boolean | { readonly type: 'script'; readonly script: string } | { readonly type: 'http'; readonly path: string } | { readonly note?: string; readonly until?: string } | Readonly<Record<string, string>> | Readonly<Record<string, readonly string[]>> | readonly string[] | null })[];
  /** What it does to what runs: docs/wire.md, "Plans". */
  readonly effect: 'none' | 'starts' | 'runs_once' | 'scheduled' | 'suspends' | 'resumes' | 'next_run' | 'scales' | 'rolls' | 'short_stop' | 'stops' | 'moves' | 'ends';
  /** The same for people; empty where nothing happens. */
  readonly message: string;
  /** The next five times of a schedule that is new or changes. */
  readonly next_schedules: readonly string[];
  /** On whose clocks its schedule counts, where that is not UTC. */
  readonly timezone?: string;
  /** What its owner may not expect of it. */
  readonly warnings: readonly string[];
  /** Of a job that is not named: a new one that does the same. */
  readonly successor: string | null;
  /** Why it would be refused, as the request itself would be answered. */
  readonly refusal: { readonly error: readonly string[]; readonly code: string; readonly id: string } | null;
}

export interface Quota {
  readonly categories: readonly ({ readonly name: string; readonly items: readonly ({ readonly name: string; readonly limit: string; readonly used: string | null })[] })[];
}

export interface Run {
  /** Of this run and no other; run_id of its job while it was the newest. */
  readonly id: string;
  /** Job name: a DNS name of at most 52 characters. */
  readonly job: string;
  /** Of a run of a part: its job. */
  readonly group?: string;
  readonly job_type: 'one-off' | 'scheduled' | 'continuous';
  /** Of the definition it ran: another one after the job was made anew. */
  readonly job_id: string | null;
  /** Asked for by hand, not by the schedule. */
  readonly manual: boolean;
  /** What asked for it; a one-off job is asked for by hand. caught_up: it began more than a minute late. */
  readonly trigger: 'schedule' | 'manual' | 'caught_up';
  /** When the schedule asked for it; null for a run that no schedule asked for. RFC 3339, as all times. */
  readonly due: string | null;
  readonly created: string | null;
  /** When its program first ran; null where it never did. */
  readonly started: string | null;
  readonly finished: string | null;
  /** stopped: its job was deleted before it had ended, or (replaced) the next run took its place. unknown: nobody saw how it ended. skipped: its schedule asked for it, and it never began. */
  readonly outcome: 'succeeded' | 'failed' | 'stopped' | 'unknown' | 'skipped';
  /** Of runs that failed, were skipped or replaced. */
  readonly reason: 'exit_code' | 'signal' | 'out_of_memory' | 'deadline' | 'evicted' | 'image' | 'quota' | 'not_started' | 'lost' | 'other' | 'previous_run' | 'previous_pending' | 'suspended' | 'changed' | 'cluster_away' | 'unexplained' | 'replaced' | null;
  /** Of the last attempt. */
  readonly exit_code: number | null;
  readonly signal: number | null;
  /** Attempts that have ended. */
  readonly attempts: number;
  /** Bytes: the highest of samples, or the limit of a run that was killed for memory; null: not measured. */
  readonly peak_memory: number | null;
  /** Bytes that it might use; null where nothing was measured. */
  readonly memory_limit: number | null;
  /** Thousandths of a core: the highest mean of the time between two samples; null: not measured. */
  readonly peak_cpu: number | null;
  /** Equal for runs of the same definition; null for runs recorded by earlier releases. */
  readonly definition_version: string | null;
  /** Of the image that was pulled, where that is known. */
  readonly image_digest: string | null;
  /** How it ended, for people. */
  readonly message: string;
}

export interface ShownJob {
  /** Job name: a DNS name of at most 52 characters. */
  readonly name: string;
  /** Command line. */
  readonly cmd: string;
  /** Short name of the image, or its address where it has none. */
  readonly imagename: string;
  /** The same as imagename. */
  readonly image: string;
  readonly image_state: 'stable' | 'deprecated' | 'unknown';
  /** Whether output is written to files. */
  readonly filelog: boolean;
  /** Absolute path; null without file logs. */
  readonly filelog_stdout: string | null;
  /** Absolute path; null without file logs. */
  readonly filelog_stderr: string | null;
  readonly emails: 'none' | 'all' | 'onfinish' | 'onfailure';
  readonly mount: 'all' | 'none';
  /** In Gi, e.g. 0.5Gi. */
  readonly memory: string;
  /** In cores, e.g. 0.1. */
  readonly cpu: string;
  /** For tables, e.g. Running. */
  readonly status_short: string;
  /** For people, several lines. */
  readonly status_long: string;
  readonly job_type: 'one-off' | 'scheduled' | 'continuous';
  readonly status: JobStatus;
  /** One-off and scheduled jobs: the newest run; null before the first. */
  readonly run_id?: string | null;
  /** Scheduled jobs: how the last run went, where one is on record. */
  readonly last_run?: { readonly outcome: 'succeeded' | 'failed' | 'skipped'; readonly reason: 'exit_code' | 'signal' | 'out_of_memory' | 'deadline' | 'evicted' | 'image' | 'quota' | 'not_started' | 'lost' | 'other' | 'previous_run' | 'previous_pending' | 'suspended' | 'changed' | 'cluster_away' | 'unexplained' | 'replaced' | null; readonly ended: string | null; readonly in_a_row: number; readonly after_failures: number };
  /** One-off and scheduled jobs. */
  readonly retry?: number;
  /** Scheduled jobs: as typed. */
  readonly schedule?: string;
  /** Scheduled jobs: the five fields that run. */
  readonly schedule_actual?: string;
  /** Scheduled jobs: seconds, 0 = none. */
  readonly timeout?: number;
  /** Scheduled jobs: whether the definition wants it suspended. */
  readonly suspend?: true | { readonly note?: string; readonly until?: string };
  /** Scheduled jobs: failed runs in a row that suspend it. */
  readonly suspend_after?: number;
  /** Scheduled jobs, while they are suspended, where it is known by whom. */
  readonly suspension?: { readonly since: string; readonly by: 'owner' | 'service'; readonly note: string | null; readonly until: string | null };
  /** Scheduled jobs, where it is not UTC. */
  readonly timezone?: string;
  /** Scheduled jobs, where it is not forbid. */
  readonly concurrency?: 'forbid' | 'replace' | 'allow';
  /** Scheduled jobs, where it is not 30 s. */
  readonly starting_deadline?: number;
  /** On continuous jobs only. */
  readonly continuous?: true;
  /** Continuous jobs. */
  readonly replicas?: number;
  /** Continuous jobs. */
  readonly port?: number | null;
  /** Continuous jobs. */
  readonly port_protocol?: 'tcp' | 'udp';
  /** Continuous jobs. */
  readonly health_check?: { readonly type: 'script'; readonly script: string } | { readonly type: 'http'; readonly path: string } | null;
  /** Continuous jobs. */
  readonly publish?: boolean;
  /** Environment variables of a job that has some. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Of a job that comes after others. */
  readonly after?: readonly string[];
  /** Of a job of which it is told when a run is suspiciously short, long or quiet. */
  readonly unusual?: boolean;
  /** Where one job is shown: the most that its runs were seen to use, where that is measured. */
  readonly peaks?: { readonly runs: number; readonly memory?: { readonly lowest: number; readonly highest: number }; readonly cpu?: { readonly lowest: number; readonly highest: number } };
  /** Jobs with several schedules: each as typed. */
  readonly schedules?: readonly string[];
  /** Jobs with a matrix. */
  readonly matrix?: Readonly<Record<string, readonly string[]>>;
  /** Of a part that is shown alone: its job. */
  readonly group?: string;
  /** Jobs of several parts. */
  readonly parts?: readonly Part[];
  /** With at: of when it is. */
  readonly as_of?: { readonly at: string | null; readonly from: string | null; readonly until: string | null; readonly run_id: string | null };
  /** The last five that have ended, newest first; of those on record. */
  readonly last_runs?: readonly ListedRun[];
}

export interface Webhook {
  readonly url: string;
  readonly events: 'failures' | 'all';
  readonly set_at: string | null;
  /** Events that it has not taken yet. */
  readonly waiting: number;
  /** When it last took one; null where that is more than a day ago. */
  readonly taken_at: string | null;
  /** Null while it takes what it is sent. */
  readonly failing_since: string | null;
  /** What the last attempt met, for people. */
  readonly failure: string | null;
}

/**
 * Jobs of one tool.
 * @throws AppError every method: `request.invalid`, `caller.no_certificate`, `caller.bad_header`, `caller.unauthenticated`, `caller.forbidden`, `request.too_large`, `caller.too_many`, `request.too_many_headers`, `internal`, `view.not_ready`
 */
export interface Jobs {
  /**
   * All jobs of the tool.
   */
  list(): Promise<readonly Job[]>;
  /**
   * Create a job.
   * @throws AppError `job.invalid`, `schedule.invalid`, `image.unknown`, `limits.exceeded`, `home.refused`, `credentials.invalid`, `kube.forbidden`, `quota.exceeded`, `job.is_part`, `job.conflict`, `name.taken`, `request.media_type`, `kube.refused`, `home.unavailable`, `kube.unreachable`, `kube.conflict`, `images.unavailable`, `kube.state_unknown`
   */
  run(body: NewJob): Promise<Job>;
  /**
   * Create a job, or change it where it differs.
   * @throws AppError `job.invalid`, `schedule.invalid`, `image.unknown`, `limits.exceeded`, `home.refused`, `credentials.invalid`, `kube.forbidden`, `quota.exceeded`, `job.is_part`, `job.conflict`, `name.taken`, `request.media_type`, `kube.refused`, `home.unavailable`, `kube.unreachable`, `kube.conflict`, `images.unavailable`, `kube.state_unknown`
   */
  apply(body: NewJob): Promise<boolean>;
  /**
   * Delete all jobs of the tool.
   * @throws AppError `home.refused`, `credentials.invalid`, `kube.forbidden`, `job.is_part`, `kube.refused`, `home.unavailable`, `kube.unreachable`, `kube.conflict`, `kube.state_unknown`
   */
  flush(): Promise<void>;
  /**
   * What would become of jobs, and of the quota; nothing is changed.
   * @throws AppError `job.invalid`, `home.refused`, `credentials.invalid`, `kube.forbidden`, `request.media_type`, `kube.refused`, `home.unavailable`, `kube.unreachable`, `images.unavailable`
   */
  plan(body: { readonly jobs: readonly NewJob[]; readonly operation?: 'apply' | 'run'; readonly prune?: boolean }): Promise<Plan>;
  /**
   * One job.
   * @throws AppError `job.not_found`
   */
  show(name: string, query?: { readonly at?: string }): Promise<ShownJob>;
  /**
   * Delete one job.
   * @throws AppError `home.refused`, `credentials.invalid`, `kube.forbidden`, `job.not_found`, `job.is_part`, `kube.refused`, `home.unavailable`, `kube.unreachable`, `kube.conflict`, `kube.state_unknown`
   */
  delete(name: string): Promise<void>;
  /**
   * Start a continuous job again, or run a scheduled job now.
   * @throws AppError `job.not_restartable`, `home.refused`, `credentials.invalid`, `kube.forbidden`, `job.not_found`, `job.is_part`, `kube.refused`, `home.unavailable`, `kube.unreachable`, `kube.conflict`, `kube.state_unknown`
   */
  restart(name: string): Promise<void>;
  /**
   * Let a scheduled job start no runs, until it is resumed.
   * @throws AppError `job.not_scheduled`, `home.refused`, `credentials.invalid`, `kube.forbidden`, `job.not_found`, `request.media_type`, `kube.refused`, `home.unavailable`, `kube.unreachable`, `kube.conflict`, `kube.state_unknown`
   */
  suspend(name: string, body: { readonly note?: string; readonly until?: string } | null): Promise<void>;
  /**
   * Let a scheduled job that was suspended go on.
   * @throws AppError `job.not_scheduled`, `home.refused`, `credentials.invalid`, `kube.forbidden`, `job.not_found`, `job.is_part`, `kube.refused`, `home.unavailable`, `kube.unreachable`, `kube.conflict`, `kube.state_unknown`
   */
  resume(name: string): Promise<void>;
  /**
   * Runs of one job that have ended.
   * @throws AppError `job.not_found`
   */
  runs(name: string): Promise<readonly ListedRun[]>;
  /**
   * How much memory and CPU a job should have, by what its runs have used.
   * @throws AppError `job.not_found`
   */
  advise(name: string): Promise<JobAdvice>;
  /**
   * What a job has written, a JSON object a line.
   * @throws AppError `home.refused`, `credentials.invalid`, `kube.forbidden`, `job.not_found`, `logs.none`, `run.not_found`, `kube.refused`, `home.unavailable`, `kube.unreachable`
   */
  logs(name: string, query?: { readonly lines?: number; readonly since?: string; readonly follow?: boolean; readonly run?: string }): AsyncIterable<LogLine>;
  /**
   * A number that only grows, for the newest run of a job to be known by.
   * @throws AppError `run.not_found`, `run.superseded`, `job.several_copies`, `job.is_part`, `state.unwritable`, `kube.unreachable`
   */
  fence(run: string): Promise<number>;
  /**
   * What happens to the jobs of the tool, as it happens.
   */
  events(query?: { readonly job?: string }): AsyncIterable<JobEvent>;
  /**
   * What jobs were before they were changed or deleted.
   */
  former(): Promise<readonly FormerJob[]>;
  /**
   * Images that can be used.
   */
  images(): Promise<readonly Image[]>;
  /**
   * What the tool may have and has.
   */
  quota(): Promise<Quota>;
  /**
   * The webhook of the tool.
   */
  webhook(): Promise<Webhook | null>;
  /** Ends the kept connections. A program that just ends need not call it. */
  close(): void;
}

/** Never renamed; docs/errors.md says what each means. */
export type ErrorCode =
  | 'request.invalid'
  | 'request.too_large'
  | 'request.unsupported'
  | 'route.not_found'
  | 'request.media_type'
  | 'request.too_many_headers'
  | 'job.invalid'
  | 'job.not_found'
  | 'job.conflict'
  | 'job.not_restartable'
  | 'job.not_scheduled'
  | 'job.running'
  | 'name.taken'
  | 'job.several_copies'
  | 'run.not_found'
  | 'run.superseded'
  | 'job.is_part'
  | 'logs.none'
  | 'schedule.invalid'
  | 'image.unknown'
  | 'images.unavailable'
  | 'image_tree.invalid'
  | 'image.not_in_registry'
  | 'registry.unavailable'
  | 'builder.unavailable'
  | 'quota.exceeded'
  | 'limits.exceeded'
  | 'caller.no_certificate'
  | 'caller.unauthenticated'
  | 'caller.forbidden'
  | 'caller.bad_header'
  | 'caller.too_many'
  | 'tool.invalid'
  | 'tool.not_found'
  | 'home.unavailable'
  | 'home.refused'
  | 'credentials.invalid'
  | 'kube.unreachable'
  | 'kube.state_unknown'
  | 'kube.refused'
  | 'kube.forbidden'
  | 'kube.gone'
  | 'view.not_ready'
  | 'kube.conflict'
  | 'state.unwritable'
  | 'mail.deferred'
  | 'mail.refused'
  | 'mail.not_found'
  | 'webhook.not_found'
  | 'webhook.off'
  | 'webhook.not_taken'
  | 'settings.invalid'
  | 'file.invalid'
  | 'usage.invalid'
  | 'service.refused'
  | 'service.failed'
  | 'service.unreachable'
  | 'internal';

/** What every method fails with. Decide by the code, never by the words. */
export declare class AppError extends Error {
  readonly code: ErrorCode;
  /** Named values: `status` of the answer, `field` and `value` of a mistake, `request_id` of a failure on the side of the service. */
  readonly fields: Readonly<Record<string, string | number>> | undefined;
  /** All problems, where there are several. */
  readonly problems: readonly string[] | undefined;
  /** Seconds after which trying again makes sense. */
  readonly retryAfterSeconds: number | undefined;
  constructor(code: ErrorCode, message: string);
}

export interface ConnectOptions {
  /** A settings file, read after those of the machine and of the user. */
  readonly cfg?: string;
  /** In the place of process.env: HOME, KUBECONFIG, TOOL_TOOLFORGE_API_URL, XDG_CONFIG_HOME. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Ends every request. */
  readonly signal?: AbortSignal;
  /** Told what the service has to say to people with an answer, such as that an image is deprecated. */
  onMessages?(messages: Messages): void;
}

/**
 * As the tool whose kubeconfig the user has, at the service that the settings name, as the command line does it.
 * @throws AppError `settings.invalid` where a file is missing or cannot be used
 */
export declare function connect(options?: ConnectOptions): Promise<Jobs>;
