/**
 * One error class and one table. Thrown where a failure is known, turned into an answer in four places only:
 * server/respond.ts, bin/*.ts, a machine's onError and the roster's onError. docs/errors.md is held to this table by a test.
 */

/** How often trying again can help: `yes` until a lifetime ends, `few` three tries, `no` never. */
export type Retry = 'yes' | 'few' | 'no';

export interface ErrorRow {
  /** Stable id a guide can link to; never re-used, never renamed. */
  readonly id: `TJF-${'V' | 'Q' | 'S' | 'R' | 'I' | 'L' | 'A' | 'M' | 'X'}${number}`;
  /** HTTP status of the canonical dialect; 0 where the code never reaches a client. */
  readonly http: number;
  /** Exit code of the commands: 1 the user's side, 2 ours or the network. */
  readonly exit: 1 | 2;
  readonly retry: Retry;
  /** One sentence for the operator. */
  readonly hint: string;
}

export const errorTable = {
  'request.invalid': {
    id: 'TJF-V001',
    http: 400,
    exit: 1,
    retry: 'no',
    hint: 'A field of the request breaks a rule; the message names both.',
  },
  'request.too_large': {
    id: 'TJF-V002',
    http: 413,
    exit: 1,
    retry: 'no',
    hint: 'The body or the headers are over the limit.',
  },
  'request.unsupported': {
    id: 'TJF-V003',
    http: 405,
    exit: 1,
    retry: 'no',
    hint: 'The route exists, the method does not.',
  },
  'route.not_found': { id: 'TJF-V004', http: 404, exit: 1, retry: 'no', hint: 'No such path; see /openapi.json.' },
  'request.media_type': {
    id: 'TJF-V005',
    http: 415,
    exit: 1,
    retry: 'no',
    hint: 'Bodies are JSON or forms; nothing else is read.',
  },
  'request.too_many_headers': { id: 'TJF-V006', http: 431, exit: 1, retry: 'no', hint: 'More than 100 header lines.' },
  'job.invalid': {
    id: 'TJF-V010',
    http: 400,
    exit: 1,
    retry: 'no',
    hint: 'The job definition breaks a rule; every problem is named.',
  },
  'job.not_found': { id: 'TJF-V011', http: 404, exit: 1, retry: 'no', hint: 'The tool has no job of that name.' },
  'job.conflict': { id: 'TJF-V012', http: 409, exit: 1, retry: 'no', hint: 'A job of that name exists already.' },
  'job.not_restartable': {
    id: 'TJF-V013',
    http: 400,
    exit: 1,
    retry: 'no',
    hint: 'A one-off job runs once; it can be deleted and run again.',
  },
  'job.not_scheduled': {
    id: 'TJF-V018',
    http: 400,
    exit: 1,
    retry: 'no',
    hint: 'Only a job with a schedule can be suspended, resumed, or run now.',
  },
  'job.running': {
    id: 'TJF-V016',
    http: 409,
    exit: 1,
    retry: 'no',
    hint: 'A run of the job is going, and its concurrency policy allows one at a time.',
  },
  'name.taken': {
    id: 'TJF-V014',
    http: 409,
    exit: 1,
    retry: 'no',
    hint: 'The tool has a Service or Ingress of that name that no job made.',
  },
  'job.several_copies': {
    id: 'TJF-V015',
    http: 409,
    exit: 1,
    retry: 'no',
    hint: 'A fencing number is for jobs of which one copy runs at a time.',
  },
  'run.not_found': { id: 'TJF-R001', http: 404, exit: 1, retry: 'no', hint: 'The tool has no run of that id.' },
  'run.superseded': {
    id: 'TJF-R002',
    http: 409,
    exit: 1,
    retry: 'no',
    hint: 'A newer run of the job is there, or the run is over: it gets no fencing number any more, and should end.',
  },
  'job.is_part': {
    id: 'TJF-V017',
    http: 409,
    exit: 1,
    retry: 'no',
    hint: 'The name is that of a part of a job, which is changed together with its job only.',
  },
  'logs.none': { id: 'TJF-L001', http: 404, exit: 1, retry: 'no', hint: 'The job has written nothing yet.' },
  'schedule.invalid': {
    id: 'TJF-S002',
    http: 400,
    exit: 1,
    retry: 'no',
    hint: 'The schedule is not a cron expression we accept.',
  },
  'image.unknown': { id: 'TJF-I001', http: 400, exit: 1, retry: 'no', hint: 'The image is not on the list.' },
  'images.unavailable': {
    id: 'TJF-I002',
    http: 503,
    exit: 2,
    retry: 'yes',
    hint: 'The registry of the build service does not answer, so an image could not be checked; nothing was changed.',
  },
  'image_tree.invalid': {
    id: 'TJF-I003',
    http: 0,
    exit: 1,
    retry: 'no',
    hint: 'A tree of Dockerfiles breaks a rule; every problem is named with its file and line.',
  },
  'image.not_in_registry': {
    id: 'TJF-I004',
    http: 0,
    exit: 1,
    retry: 'no',
    hint: 'An image is to be published that its registry does not have; nothing was changed.',
  },
  'registry.unavailable': {
    id: 'TJF-I005',
    http: 0,
    exit: 2,
    retry: 'yes',
    hint: 'The registry of an image to be published does not answer, or does not show it to us; nothing was changed.',
  },
  'builder.unavailable': {
    id: 'TJF-I006',
    http: 0,
    exit: 2,
    retry: 'no',
    hint: 'Neither buildah nor podman nor docker is installed, or not the one that was asked for.',
  },
  'quota.exceeded': { id: 'TJF-Q001', http: 403, exit: 1, retry: 'no', hint: "The tool's quota has no room for it." },
  'limits.exceeded': {
    id: 'TJF-Q002',
    http: 400,
    exit: 1,
    retry: 'no',
    hint: 'Memory or CPU is outside what one job may have.',
  },
  'caller.no_certificate': {
    id: 'TJF-A001',
    http: 400,
    exit: 1,
    retry: 'no',
    hint: 'The connection carried no client certificate.',
  },
  'caller.unauthenticated': {
    id: 'TJF-A002',
    http: 401,
    exit: 1,
    retry: 'no',
    hint: 'The client certificate is untrusted, not valid now, or denied.',
  },
  'caller.forbidden': {
    id: 'TJF-A003',
    http: 403,
    exit: 1,
    retry: 'no',
    hint: 'The certificate is good but not for this tool, or names no tool.',
  },
  'caller.bad_header': {
    id: 'TJF-A004',
    http: 400,
    exit: 1,
    retry: 'no',
    hint: 'The request carries an identity header it must not carry.',
  },
  'caller.too_many': {
    id: 'TJF-A005',
    http: 429,
    exit: 2,
    retry: 'yes',
    hint: 'The tool sends more than its share; Retry-After says when to try again.',
  },
  'tool.invalid': { id: 'TJF-A006', http: 400, exit: 1, retry: 'no', hint: 'The name is not a tool name.' },
  'tool.not_found': { id: 'TJF-A007', http: 404, exit: 1, retry: 'no', hint: 'There is no tool of that name.' },
  'home.unavailable': {
    id: 'TJF-A010',
    http: 503,
    exit: 2,
    retry: 'yes',
    hint: "The tool's home does not answer or is being changed.",
  },
  'home.refused': {
    id: 'TJF-A011',
    http: 403,
    exit: 1,
    retry: 'no',
    hint: "A file in the tool's home is not what it must be (link, owner, mode, size).",
  },
  'credentials.invalid': {
    id: 'TJF-A012',
    http: 403,
    exit: 1,
    retry: 'no',
    hint: "The certificate in the tool's home is not the tool's own, or is expired.",
  },
  'kube.unreachable': {
    id: 'TJF-X001',
    http: 503,
    exit: 2,
    retry: 'yes',
    hint: 'The API server did not answer; nothing was changed.',
  },
  'kube.state_unknown': {
    id: 'TJF-X002',
    http: 504,
    exit: 2,
    retry: 'yes',
    hint: 'A write got no answer; look before trying again.',
  },
  'kube.refused': {
    id: 'TJF-X003',
    http: 502,
    exit: 2,
    retry: 'no',
    hint: 'The API server refused what we sent; the log holds its reason.',
  },
  'kube.forbidden': {
    id: 'TJF-A013',
    http: 403,
    exit: 1,
    retry: 'no',
    hint: 'The cluster does not allow the tool to do this.',
  },
  'kube.gone': {
    id: 'TJF-X004',
    http: 503,
    exit: 2,
    retry: 'yes',
    hint: 'A resourceVersion is too old; the reader must list again.',
  },
  'view.not_ready': {
    id: 'TJF-X005',
    http: 503,
    exit: 2,
    retry: 'yes',
    hint: 'The first look at the cluster is not complete yet.',
  },
  'kube.conflict': {
    id: 'TJF-X006',
    http: 503,
    exit: 2,
    retry: 'yes',
    hint: 'Two writes met, e.g. at the quota; nothing was done and trying again is safe.',
  },
  'state.unwritable': {
    id: 'TJF-X007',
    http: 503,
    exit: 2,
    retry: 'yes',
    hint: 'What has to be on disk before it is answered could not be written; nothing was done.',
  },
  'mail.deferred': {
    id: 'TJF-M001',
    http: 0,
    exit: 2,
    retry: 'yes',
    hint: 'The mail server could not be reached, took too long, or asked to come back later (4xx); the mail waits and is tried again.',
  },
  'mail.refused': {
    id: 'TJF-M002',
    http: 0,
    exit: 2,
    retry: 'few',
    hint: 'The mail server refused this mail (5xx to its sender, recipient or text); it is tried three times within an hour or so and then parked.',
  },
  'mail.not_found': {
    id: 'TJF-M003',
    http: 404,
    exit: 1,
    retry: 'no',
    hint: 'No parked mail has this Message-ID.',
  },
  'webhook.not_found': { id: 'TJF-M004', http: 404, exit: 1, retry: 'no', hint: 'The tool has no webhook.' },
  'webhook.off': {
    id: 'TJF-M005',
    http: 403,
    exit: 1,
    retry: 'no',
    hint: 'The operators have switched webhooks off.',
  },
  'webhook.not_taken': {
    id: 'TJF-M006',
    http: 502,
    exit: 2,
    retry: 'yes',
    hint: 'The webhook of a tool did not answer, or not with 2xx; an event waits and is tried again, a test is not.',
  },
  'settings.invalid': {
    id: 'TJF-X010',
    http: 0,
    exit: 1,
    retry: 'no',
    hint: 'The start-up file or a setting breaks a rule; every problem is named.',
  },
  'file.invalid': {
    id: 'TJF-V021',
    http: 0,
    exit: 1,
    retry: 'no',
    hint: 'A file of jobs cannot be read or written, or is no list of jobs.',
  },
  'usage.invalid': {
    id: 'TJF-V020',
    http: 0,
    exit: 2,
    retry: 'no',
    hint: 'The command line is not one the command knows.',
  },
  'service.refused': {
    id: 'TJF-X020',
    http: 0,
    exit: 1,
    retry: 'no',
    hint: 'A command got a 4xx answer without a code that its version knows.',
  },
  'service.failed': {
    id: 'TJF-X021',
    http: 0,
    exit: 2,
    retry: 'no',
    hint: 'A command got an answer that is neither a result nor a refusal it knows, e.g. of a proxy.',
  },
  'service.unreachable': {
    id: 'TJF-X022',
    http: 0,
    exit: 2,
    retry: 'yes',
    hint: 'A command could not connect to the service, could not verify it, or got no answer.',
  },
  internal: { id: 'TJF-X000', http: 500, exit: 2, retry: 'no', hint: 'A defect of ours; the log has everything.' },
} as const satisfies Record<string, ErrorRow>;

/** Lower-case, dotted, stable once released. */
export type ErrorCode = keyof typeof errorTable;

export interface ErrorDetails {
  readonly cause?: unknown;
  /** Named values for programs, e.g. `{ field: 'memory', rule: 'quantity' }`. Never an object of Kubernetes. */
  readonly fields?: Readonly<Record<string, string | number>>;
  /** All problems, where one request has several; `message` is then their summary. */
  readonly problems?: readonly string[];
  /** Seconds after which trying again makes sense. */
  readonly retryAfterSeconds?: number;
}

/**
 * A failure somebody can act on. `message` is written for the user: what happened, why, the one thing to do next.
 * @example new AppError('job.not_found', "Job 'daily' does not exist", { fields: { name: 'daily' } })
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly fields: Readonly<Record<string, string | number>> | undefined;
  readonly problems: readonly string[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.fields = details.fields;
    this.problems = details.problems;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** Whatever was thrown, as an AppError: unknown things become `internal` with the original as cause. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  return new AppError('internal', 'Something went wrong on our side. Nothing else is known yet.', { cause: thrown });
}

/** Closes a switch: the compiler proves it is never reached. */
export function exhaustive(value: never): never {
  throw new Error(`unexpected value ${JSON.stringify(value)}`);
}
