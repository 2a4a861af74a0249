/**
 * Connections to the API server: the daemon's own, and one pool per (tool, certificate). The only file that knows undici.
 * A request is built from nothing; no header of a caller ever reaches it. Nothing is retried here: the caller knows what is safe to repeat.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { isQuotaRefusal } from './domain.ts';
import { AppError } from './errors.ts';

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute path; every segment that is not a constant has been through encodeURIComponent. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: unknown;
  /** For PATCH; `application/json` otherwise. */
  readonly contentType?:
    | 'application/json'
    | 'application/apply-patch+yaml'
    | 'application/merge-patch+json'
    | 'application/strategic-merge-patch+json';
  readonly signal?: AbortSignal;
  /** Until the headers of the answer; 10,000 by default. */
  readonly timeoutMs?: number;
  /** Of the answer; 64 MiB by default. */
  readonly maxBytes?: number;
}

/** A connection to the API server under one identity. */
export interface Kube {
  /**
   * The parsed JSON of a 2xx answer.
   * @throws AppError `kube.*`, `job.conflict`, `quota.exceeded` … as fromKubeStatus decides; `kube.unreachable` before the request was
   * sent or on a read, `kube.state_unknown` when a write was sent and no answer came.
   */
  request(request: KubeRequest): Promise<unknown>;
  /** The body of a 2xx answer as it comes, for watches and logs. Ends when `signal` aborts. @throws as request() */
  stream(request: KubeRequest): Promise<AsyncIterable<Uint8Array>>;
  /** Lets requests under way finish, at most 5 s. */
  close(): Promise<void>;
}

export interface DrainableKube extends Kube {
  /** Takes no new requests and lets those under way finish, streams as well, however long they last. */
  drain(): Promise<void>;
}

export type KubeCredentials =
  /** PEM. Buffers are used up before createKube returns, so that the caller can overwrite them. */
  | { readonly kind: 'certificate'; readonly cert: string | Buffer; readonly key: string | Buffer }
  /** Read again at least once a minute: service account tokens expire and the file is rewritten (kubernetes.io, projected volumes). */
  | { readonly kind: 'token'; readonly file: string }
  /** A token that stands in an operator's kubeconfig. */
  | { readonly kind: 'fixed-token'; readonly token: string };

export interface KubeOptions {
  /** `https://host:port` */
  readonly server: string;
  /** PEM of the CA that signs the API server's certificate. */
  readonly ca: string;
  readonly credentials: KubeCredentials;
  /** Sent as Impersonate-User and Impersonate-Group on every request. */
  readonly impersonate?: { readonly user: string; readonly groups: readonly string[] };
  readonly userAgent: string;
  /** Sockets at most; undefined = no cap (the daemon's own watches). */
  readonly connections?: number;
}

const bodyTimeoutMs = 90_000;
const requestTimeoutMs = 10_000;
/** Then the kernel asks a silent peer ten times, once a second: a dead one is noticed within 45 s. */
const keepAliveProbeMs = 30_000;
const closeGraceMs = 5_000;
const tokenMaxAgeMs = 60_000;
/** A Status or a list page; a page of 250 objects at their largest is still below this. */
const maxAnswerBytes = 64 * 1024 * 1024;

export function createKube(options: KubeOptions): DrainableKube {
  /** Failures before a connection was secured: nothing was sent. */
  const notSent = new WeakSet<Error>();
  const secureContext = createContext(options);
  const createPool = (connections: number | undefined) =>
    createAgent({ secureContext, connections }, (failure) => notSent.add(failure));
  const agent = createPool(options.connections);
  /** A stream keeps its connection for as long as it lasts: under a cap it would take it from requests. Made when it is needed. */
  let streams = options.connections === undefined ? agent : undefined;
  let isClosed = false;
  const identity = createIdentity(options);

  async function send(request: KubeRequest, pool = agent): Promise<Dispatcher.ResponseData> {
    const headers = {
      accept: 'application/json',
      'user-agent': options.userAgent,
      ...(await identity.headers().catch((cause: unknown) => Promise.reject(unreachable(cause)))),
      ...contentHeaders(request),
    };
    if (isClosed) throw unreachable('closed on our side');
    try {
      const response = await pool.request({
        origin: options.server,
        method: request.method,
        path: request.path + queryText(request.query),
        headers,
        body: request.body === undefined ? null : JSON.stringify(request.body),
        headersTimeout: request.timeoutMs ?? requestTimeoutMs,
        bodyTimeout: bodyTimeoutMs,
        ...(request.signal ? { signal: request.signal } : {}),
      });
      if (response.statusCode === 401) identity.doubt();
      return response;
    } catch (cause) {
      throw cause instanceof Error && notSent.has(cause) ? unreachable(cause) : noAnswer(request, cause);
    }
  }

  const ofPools = (end: (pool: Agent) => Promise<void>) =>
    Promise.all([...new Set([agent, ...(streams ? [streams] : [])])].map((pool) => end(pool).catch(() => {})));

  async function drain(): Promise<void> {
    isClosed = true;
    await ofPools((pool) => pool.close());
  }

  return {
    async request(request) {
      const response = await send(request);
      const answer = await readJson(request, response);
      if (isGood(response)) return answer;
      throw refusal(request, response, answer);
    },
    async stream(request) {
      streams ??= createPool(undefined);
      const response = await send(request, streams);
      if (isGood(response)) return response.body;
      throw refusal(request, response, await readJson(request, response));
    },
    drain,
    async close() {
      const timer = setTimeout(() => void ofPools((pool) => pool.destroy()), closeGraceMs);
      timer.unref();
      await drain();
      clearTimeout(timer);
    },
  };
}

/** Made once, so that idle pools keep their sessions, and at once, so that a key can be forgotten. */
function createContext({ ca, credentials }: KubeOptions): SecureContext {
  const pair = credentials.kind === 'certificate' ? { cert: credentials.cert, key: credentials.key } : {};
  return createSecureContext({ ca, ...pair, minVersion: 'TLSv1.2' });
}

/**
 * One Agent with its own connector: undici's TLS session cache is keyed by server name only, so a shared one would resume one tool's
 * identity for another.
 * @param onConnectFailure told of every failure before a connection was secured
 */
function createAgent(
  { secureContext, connections }: { secureContext: SecureContext; connections: number | undefined },
  onConnectFailure: (failure: Error) => void,
): Agent {
  const connector = buildConnector({
    secureContext,
    allowH2: false,
    timeout: requestTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveProbeMs,
  });
  const connect: buildConnector.connector = (target, done) =>
    connector(target, (...result) => {
      if (result[0]) onConnectFailure(result[0]);
      done(...result);
    });
  return new Agent({
    connect,
    connections: connections ?? null,
    pipelining: 1,
    keepAliveTimeout: 60_000,
    keepAliveMaxTimeout: 600_000,
  });
}

interface Identity {
  /** @throws Error where a token was never to be read */
  headers(): Promise<Record<string, string | string[]>>;
  /** The API server did not believe it. */
  doubt(): void;
}

function createIdentity({ credentials, impersonate }: KubeOptions): Identity {
  const fixed: Record<string, string | string[]> = impersonate
    ? { 'impersonate-user': impersonate.user, 'impersonate-group': [...impersonate.groups] }
    : {};
  if (credentials.kind === 'certificate') return { headers: async () => fixed, doubt() {} };
  const bearer = (token: string) => ({ ...fixed, authorization: `Bearer ${token}` });
  if (credentials.kind === 'fixed-token') return { headers: async () => bearer(credentials.token), doubt() {} };
  const token = createTokenFile(credentials.file);
  return { headers: async () => bearer(await token.read()), doubt: token.doubt };
}

/** A token that others replace: one that was good is kept while the file cannot be read or is empty. */
function createTokenFile(file: string): { read(): Promise<string>; doubt(): void } {
  let token = '';
  let readAt = Number.NEGATIVE_INFINITY;
  return {
    async read() {
      if (performance.now() - readAt <= tokenMaxAgeMs) return token;
      try {
        const next = (await readFile(file, 'utf8')).trim();
        if (next === '') throw new Error(`${file} is empty`);
        token = next;
        readAt = performance.now();
      } catch (error) {
        if (token === '') throw error;
      }
      return token;
    },
    doubt() {
      readAt = Number.NEGATIVE_INFINITY;
    },
  };
}

function contentHeaders(request: KubeRequest): Record<string, string> {
  return request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' };
}

function queryText(query: KubeRequest['query']): string {
  if (!query) return '';
  const pairs = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
  return `?${new URLSearchParams(pairs)}`;
}

async function readJson(request: KubeRequest, response: Dispatcher.ResponseData): Promise<unknown> {
  try {
    const { maxBytes = maxAnswerBytes } = request;
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Error(`answer over ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString('utf8');
    return text === '' ? undefined : JSON.parse(text);
  } catch (cause) {
    if (!isGood(response)) return undefined;
    throw noAnswer(request, cause);
  }
}

function isGood({ statusCode }: Dispatcher.ResponseData): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** The API server's words for a write that it began and of which it does not know the end (a store that timed out): as good as no answer. */
const unknownEnds: ReadonlySet<number> = new Set([500, 502, 504]);

function refusal(request: KubeRequest, { statusCode, headers }: Dispatcher.ResponseData, answer: unknown): AppError {
  const error = fromKubeStatus(statusCode, answer, headers['retry-after']);
  return unknownEnds.has(statusCode) && request.method !== 'GET' ? stateUnknown(error.cause) : error;
}

function unreachable(cause: unknown): AppError {
  return new AppError(
    'kube.unreachable',
    'We could not reach the cluster. Nothing was changed. Trying again is safe.',
    { cause, retryAfterSeconds: 2 },
  );
}

function noAnswer(request: KubeRequest, cause: unknown): AppError {
  return request.method === 'GET' ? unreachable(cause) : stateUnknown(cause);
}

function stateUnknown(cause: unknown): AppError {
  return new AppError(
    'kube.state_unknown',
    'The cluster did not answer, so it is not known whether the change was made. Look at the job, then try again if needed.',
    { cause },
  );
}

/**
 * A Kubernetes `Status` as an AppError: the one place that reads it. Its text is kept as the cause for the log and never shown to a user.
 * Reasons and codes: kubernetes.io, API conventions, "Response Status Kind".
 */
export function fromKubeStatus(statusCode: number, answer: unknown, retryAfter?: string | string[]): AppError {
  const status = (typeof answer === 'object' && answer !== null ? answer : {}) as {
    message?: unknown;
    reason?: unknown;
  };
  const message = typeof status.message === 'string' ? status.message : '';
  const cause = new KubeStatusError(statusCode, typeof status.reason === 'string' ? status.reason : '', message);
  const seconds = Number(Array.isArray(retryAfter) ? retryAfter[0] : retryAfter);
  const wait = Number.isFinite(seconds) ? { retryAfterSeconds: seconds } : {};
  if (statusCode === 403 && isQuotaRefusal(message)) {
    return new AppError(
      'quota.exceeded',
      'Out of quota for this kind of job. Please see https://w.wiki/6YLP for details.',
      { cause },
    );
  }
  switch (statusCode) {
    case 400:
    case 422:
      return new AppError(
        'kube.refused',
        'The cluster refused the request as invalid. Nothing was changed. This is likely a defect of ours.',
        { cause },
      );
    case 401:
      return new AppError(
        'credentials.invalid',
        'The cluster does not accept the certificate in the home of the tool.',
        { cause },
      );
    case 403:
      return new AppError('kube.forbidden', 'The cluster does not allow the tool to do this.', { cause });
    case 404:
      return new AppError('job.not_found', 'There is no such object in the cluster.', { cause });
    case 409:
      if (cause.reason !== 'AlreadyExists') {
        return new AppError(
          'kube.conflict',
          'Other changes of the tool came in between. Nothing was changed. Try again.',
          {
            cause,
            retryAfterSeconds: 1,
          },
        );
      }
      return new AppError('job.conflict', 'An object with the same name exists already.', { cause });
    case 410:
      return new AppError('kube.gone', 'The requested version is too old.', { cause });
    case 429:
      return new AppError('kube.unreachable', 'The cluster is busy. Nothing was changed. Try again in a moment.', {
        cause,
        retryAfterSeconds: 1,
        ...wait,
      });
    default:
      return statusCode >= 500
        ? new AppError(
            'kube.unreachable',
            'The cluster could not answer. Nothing is known to have changed. Try again in a moment.',
            { cause, retryAfterSeconds: 2, ...wait },
          )
        : new AppError('kube.refused', 'The cluster refused the request.', { cause });
  }
}

/** What the API server said, for the log; `causes` of it are never part of an answer. */
export class KubeStatusError extends Error {
  override readonly name = 'KubeStatusError';
  readonly statusCode: number;
  readonly reason: string;

  constructor(statusCode: number, reason: string, message: string) {
    super(message);
    this.statusCode = statusCode;
    this.reason = reason;
  }
}

/** The HTTP status and Retry-After behind an AppError of request(), where there was an answer. */
export function kubeStatusOf(error: unknown): KubeStatusError | undefined {
  return error instanceof AppError && error.cause instanceof KubeStatusError ? error.cause : undefined;
}

/** Hex SHA-256 of the DER form: names a certificate in pool keys and deny lists. @throws Error when `pem` is not a certificate */
export function certificateFingerprint(pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
}
