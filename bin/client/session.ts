/**
 * Requests in the name of one tool, over mTLS, and their answers: whole ones, and those that go on. What commands and programs ask is built on
 * it. Every failure comes out as an AppError with words for the user.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { hostname } from 'node:os';
import { createSecureContext } from 'node:tls';
import { AppError } from '../../src/errors.ts';
import { timeLimited } from '../../src/time-limit.ts';
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
  /** The same of a GET, whose messages are left in the answer. */
  read(path: string): Promise<Job>;
  /**
   * An answer that goes on, from its first piece: nothing limits its time. Who stops reading gives it up.
   * @throws AppError as ask(); while it is read, `service.unreachable` where it broke off
   */
  open(path: string, asked?: Opening): Promise<AsyncIterable<Buffer>>;
  close(): void;
}

export interface Opening {
  /** Lower-case names, e.g. `last-event-id`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Gives it up; what is read ends there without an error. */
  readonly signal?: AbortSignal;
  /** How long nothing at all may come, in ms, before the connection counts as broken. Unset: for ever. */
  readonly quietMs?: number;
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
    read: (path) => send(agent, options, 'GET', `${options.config.baseUrl}${path}`, undefined),
    // Each on a connection of its own: it would keep the others waiting.
    open: (path, asked = {}) => open(options, `${options.config.baseUrl}${path}`, asked),
    close: () => agent.destroy(),
  };
}

/** One connection, kept for the polls of a wait, unless a program asks for more. */
function createAgent({ config, connections = 1 }: ClientOptions): Agent {
  const { cert, key, ca, address } = config;
  try {
    const secureContext = createSecureContext({ cert, key, ...(ca ? { ca } : {}), minVersion: 'TLSv1.2' });
    // Said outright, so that no environment variable can turn it off.
    const secure = { secureContext, rejectUnauthorized: true };
    // The certificate must still be that of the name.
    const fixed = address === undefined ? {} : { lookup: lookupOf(address) };
    return new Agent({ keepAlive: true, maxSockets: connections, ...secure, ...fixed });
  } catch (cause) {
    const text = `The client certificate of your kubeconfig and its key cannot be used: ${whyUnusable(cert, key)}. The operators of the service make a new pair.`;
    throw new AppError('settings.invalid', text, { cause });
  }
}

function whyUnusable(cert: Buffer, key: Buffer): string {
  const read = <Read>(what: () => Read): Read | undefined => {
    try {
      return what();
    } catch {
      return undefined;
    }
  };
  const [certificate, secret] = [read(() => new X509Certificate(cert)), read(() => createPrivateKey(key))];
  if (!certificate) return 'the certificate cannot be read';
  if (!secret) return 'the key cannot be read';
  return certificate.checkPrivateKey(secret) ? 'TLS does not take them' : 'the key is not that of the certificate';
}

/** Whatever is asked for, the address is this. */
function lookupOf(address: string): LookupFunction {
  const family = isIP(address);
  return (_name, { all }, found) => (all ? found(null, [{ address, family }]) : found(null, address, family));
}

async function send(agent: Agent, options: ClientOptions, method: string, url: string, body: unknown): Promise<Job> {
  const { timeoutMs } = options.config;
  const startedAt = Date.now();
  const text = body === undefined ? undefined : JSON.stringify(body);
  const signal = timeLimited(options.signal, timeoutMs);
  const incoming = await begin(agent, options, { method, url, text, signal });
  const answer = await readAll(incoming).catch((cause: Error) => {
    throw unreachable({ url, method, isConnected: true, cause, timeoutMs });
  });
  options.trace(`${method} ${url}: ${incoming.statusCode} after ${Date.now() - startedAt} ms`);
  return parseAnswer(incoming, answer);
}

async function open(options: ClientOptions, url: string, asked: Opening): Promise<AsyncIterable<Buffer>> {
  const { timeoutMs } = options.config;
  const agent = createAgent({ ...options, connections: 1 });
  const givenUp = AbortSignal.any([options.signal, ...(asked.signal ? [asked.signal] : [])]);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const signal = AbortSignal.any([givenUp, late.signal]);
  try {
    const incoming = await begin(agent, options, { method: 'GET', url, signal, headers: asked.headers });
    const { statusCode = 0, headers } = incoming;
    options.trace(`GET ${url}: ${statusCode}, and goes on`);
    if (statusCode !== 200) throw failureOf(statusCode, await readAll(incoming), headers);
    if (asked.quietMs !== undefined) incoming.setTimeout(asked.quietMs, () => incoming.destroy(silence()));
    return pieces(incoming, { agent, url, timeoutMs, givenUp });
  } catch (error) {
    agent.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Of a peer that has gone without a word, or a way to it. */
function silence(): Error {
  return new Error('nothing came for too long');
}

interface Opened {
  readonly agent: Agent;
  readonly url: string;
  readonly timeoutMs: number;
  readonly givenUp: AbortSignal;
}

async function* pieces(incoming: IncomingMessage, opened: Opened): AsyncGenerator<Buffer> {
  const { agent, url, timeoutMs, givenUp } = opened;
  try {
    yield* incoming as AsyncIterable<Buffer>;
  } catch (error) {
    const cause = error as Error;
    if (!givenUp.aborted) throw unreachable({ url, method: 'GET', isConnected: true, cause, timeoutMs });
  } finally {
    agent.destroy();
  }
}

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly text?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Ends the request, and the reading of its answer. */
  readonly signal: AbortSignal;
}

/** Until the answer begins. */
async function begin(agent: Agent, options: ClientOptions, asked: Asked): Promise<IncomingMessage> {
  const { method, url, text, signal } = asked;
  const headers = { ...headersOf(options, text), ...asked.headers };
  const outgoing = request(url, { method, agent, signal, headers });
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
    return incoming;
  } catch (cause) {
    throw unreachable({ url, method, isConnected, cause: cause as Error, timeoutMs: options.config.timeoutMs });
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
  if (statusCode < 200 || statusCode > 299) throw failureOf(statusCode, text, headers);
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

function messagesOf({ messages }: Job): Messages {
  const texts = (key: string) => {
    const value = isRecord(messages) ? messages[key] : undefined;
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
  };
  return { info: texts('info'), warning: texts('warning'), error: texts('error') };
}

/** A JSON object. */
export function isRecord(value: unknown): value is Job {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
