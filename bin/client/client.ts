/** The service as a command sees it: one tool's jobs over mTLS. Every failure comes out as an AppError with words for the user. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { hostname } from 'node:os';
import { createSecureContext } from 'node:tls';
import { AppError } from '../../src/errors.ts';
import type { ClientConfig } from './config.ts';
import { failureOf, unreachable } from './failures.ts';

/** A job as the service answers it. Nothing about its values is relied on. */
export type Job = Readonly<Record<string, unknown>>;

/** What a person may want to read with an answer. */
export interface Messages {
  readonly info: readonly string[];
  readonly warning: readonly string[];
  readonly error: readonly string[];
}

export interface Client {
  listJobs(): Promise<Job[]>;
  /** @throws AppError `job.not_found` */
  showJob(name: string): Promise<Job>;
  createJob(body: Readonly<Record<string, unknown>>): Promise<Job>;
  /** @throws AppError `job.not_found` */
  deleteJob(name: string): Promise<void>;
  /** @throws AppError `job.not_found`, `job.not_restartable` */
  restartJob(name: string): Promise<void>;
  flushJobs(): Promise<void>;
  listImages(): Promise<Job[]>;
  /** `{ categories: [{ name, items: [{ name, limit, used }] }] }` */
  showQuota(): Promise<Job>;
  close(): void;
}

export interface ClientOptions {
  readonly config: ClientConfig;
  readonly version: string;
  /** As which program the service sees it; `jobs-cli` when absent. */
  readonly program?: string;
  /** At most; one when absent. */
  readonly connections?: number;
  /** Ends every request. */
  readonly signal: AbortSignal;
  onMessages(messages: Messages): void;
  /** What was asked and answered, for --debug. */
  trace(line: string): void;
}

/** Requests in the name of one tool, whatever they are about. */
export interface Session {
  /**
   * @param path below that of the tool, e.g. `/jobs`
   * @returns the whole answer; its messages have been handed on
   */
  ask(method: string, path: string, body?: unknown): Promise<Job>;
  close(): void;
}

/** @throws AppError `settings.invalid` where the certificate and its key cannot be used */
export function createSession(options: ClientOptions): Session {
  const agent = createAgent(options);
  return {
    async ask(method, path, body) {
      const answer = await send(agent, options, method, `${options.config.baseUrl}${path}`, body);
      options.onMessages(messagesOf(answer));
      return answer;
    },
    close: () => agent.destroy(),
  };
}

/** @throws AppError `settings.invalid` where the certificate and its key cannot be used */
export function createClient(options: ClientOptions): Client {
  const { ask, close } = createSession(options);
  return {
    listJobs: async () => listOf(await ask('GET', '/jobs'), 'jobs'),
    showJob: async (name) => recordOf(await ask('GET', `/jobs/${safeName(name)}`), 'job'),
    createJob: async (body) => recordOf(await ask('POST', '/jobs', body), 'job'),
    deleteJob: async (name) => void (await ask('DELETE', `/jobs/${safeName(name)}`)),
    restartJob: async (name) => void (await ask('POST', `/jobs/${safeName(name)}/restart`)),
    flushJobs: async () => void (await ask('DELETE', '/jobs')),
    listImages: async () => listOf(await ask('GET', '/images'), 'images'),
    showQuota: async () => recordOf(await ask('GET', '/quotas'), 'quota'),
    close,
  };
}

/**
 * An empty name, `.` or `..` would make the path of one job that of all of them, and deleting it a flush. No job has such a name.
 */
export function safeName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(name)) return name;
  throw new AppError('job.not_found', `Job '${name}' does not exist`, { fields: { name } });
}

/** One connection, kept for the polls of a wait, unless a program asks for more. */
function createAgent({ config, connections = 1 }: ClientOptions): Agent {
  const { cert, key, ca } = config;
  try {
    const secureContext = createSecureContext({ cert, key, ...(ca ? { ca } : {}), minVersion: 'TLSv1.2' });
    // Said outright, so that no environment variable can turn it off.
    return new Agent({ keepAlive: true, maxSockets: connections, secureContext, rejectUnauthorized: true });
  } catch (cause) {
    throw new AppError('settings.invalid', 'The client certificate of your kubeconfig and its key cannot be used.', {
      cause,
    });
  }
}

async function send(agent: Agent, options: ClientOptions, method: string, url: string, body: unknown): Promise<Job> {
  const { config, trace } = options;
  const { timeoutMs } = config;
  const startedAt = Date.now();
  const text = body === undefined ? undefined : JSON.stringify(body);
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]);
  const outgoing = request(url, { method, agent, signal, headers: headersOf(options, text) });
  let isConnected = false;
  outgoing.on('socket', (socket) => {
    if (outgoing.reusedSocket) isConnected = true;
    else
      socket.once('secureConnect', () => {
        isConnected = true;
      });
  });
  // once() listens only until the response; what goes wrong later, the reading of the answer tells.
  outgoing.on('error', () => {});
  outgoing.end(text);
  try {
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    const answer = await readAll(incoming);
    trace(`${method} ${url}: ${incoming.statusCode} after ${Date.now() - startedAt} ms`);
    return parseAnswer(incoming, answer);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw unreachable({ url, method, isConnected, cause: cause as Error, timeoutMs });
  }
}

function headersOf(
  { config: { namespace }, program = 'jobs-cli', version }: ClientOptions,
  text: string | undefined,
): Record<string, string | number> {
  return {
    accept: 'application/json',
    'user-agent': `${namespace}@${hostname().replace(/[^\x21-\x7e]/g, '')}:${program} toolforge-jobs/${version}`,
    ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  };
}

/** Listeners, because the first asynchronous iteration of a process costs it more than a millisecond. */
function readAll(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    incoming.on('error', reject);
  });
}

/** @throws AppError for any other answer than 2xx with a JSON object */
function parseAnswer({ statusCode = 0, headers }: IncomingMessage, text: string): Job {
  if (statusCode < 200 || statusCode > 299) throw failureOf(statusCode, text, headers['retry-after']);
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (cause) {
    throw notUnderstood(cause);
  }
  throw notUnderstood();
}

/** An answer that no version of the service gives. */
export function notUnderstood(cause?: unknown): AppError {
  return new AppError('service.failed', 'The service answered something this program does not understand.', { cause });
}

function recordOf(answer: Job, key: string): Job {
  const value = answer[key];
  if (!isRecord(value)) throw notUnderstood();
  return value;
}

function listOf(answer: Job, key: string): Job[] {
  const value = answer[key];
  if (!Array.isArray(value)) throw notUnderstood();
  return value.filter(isRecord);
}

function messagesOf({ messages }: Job): Messages {
  const texts = (key: string) => {
    const value = isRecord(messages) ? messages[key] : undefined;
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
  };
  return { info: texts('info'), warning: texts('warning'), error: texts('error') };
}

function isRecord(value: unknown): value is Job {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
