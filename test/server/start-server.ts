/** A server on loopback with a few routes to test the listeners by, and clients that can speak badly. */
import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request as requestOverSocket } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { z } from 'zod';
import { AppError, errorTable } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';
import type { Limits } from '../../src/server/limits.ts';
import { type Dialect, sendText } from '../../src/server/respond.ts';
import { type App, createServer, type RunningServer, type ServerOptions } from '../../src/server/server.ts';
import type { StreamLimits } from '../../src/server/streams.ts';
import { type Authority, createAuthority, type Issued, issueServer, toolSubject } from '../support/certs.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface TestServer {
  readonly authority: Authority;
  readonly running: RunningServer;
  readonly port: number;
  readonly socketPath: string;
  /** Lines of the log, parsed. */
  readonly logged: Record<string, unknown>[];
  readonly refused: string[];
  /** Requests that /slow and /stream hold open; each is let go by its function. */
  readonly slow: (() => void)[];
  readonly handled: string[];
  clock: number;
  denied: Set<string>;
  stop(): Promise<void>;
}

export const testDialect: Dialect = {
  name: 'test',
  title: 'the tests',
  isCurrent: true,
  takesForms: true,
  errorShape: z.looseObject({}),
  status: (error: AppError) => errorTable[error.code].http || 500,
  body: (error: AppError, requestId?: string) => ({ code: error.code, message: error.message, requestId }),
};

const wide: Limits = {
  requestsPerSecondPerTool: () => 100_000,
  requestsAtOncePerTool: () => 1000,
  requestsAtOnce: () => 1000,
};

/** For whoever registers routes and does not test streams. */
export const wideStreams: StreamLimits = {
  atOncePerTool: () => 1000,
  stallMs: () => 60_000,
  mayAsk: () => true,
  now: Date.now,
  onCut() {},
};

export type Change = Partial<
  Pick<ServerOptions, 'limits' | 'connections' | 'health' | 'unix' | 'routes' | 'dialectOf'>
>;

/** Unset: generous limits, TLS and header mode both on. */
export async function startServer(change: Change = {}): Promise<TestServer> {
  const authority = createAuthority();
  const { cert, key } = issueServer(authority);
  const directory = await mkdtemp(join(tmpdir(), 'listener-'));
  const socketPath = join(directory, 'front.sock');
  const test: Omit<TestServer, 'running' | 'port' | 'stop'> = {
    authority,
    socketPath,
    logged: [],
    refused: [],
    slow: [],
    handled: [],
    clock: Date.now(),
    denied: new Set(),
  };
  const running = await createServer({
    tls: { address: '127.0.0.1', port: 0, cert, key, clientCa: authority.cert },
    unix: { path: socketPath, clientCa: authority.cert },
    health: {
      address: '127.0.0.1',
      port: 0,
      live: () => 'alive',
      stuckWatches: () => [],
      ready: () => ({ ok: true, detail: {} }),
      metrics: async () => 'metric 1\n',
    },
    isDenied: (tool) => test.denied.has(tool),
    now: () => test.clock,
    limits: wide,
    log: createLog({ level: 'debug', stream: { write: (line) => void test.logged.push(JSON.parse(line)) } }),
    observer: { answered() {}, refused: (code) => void test.refused.push(code) },
    routes: (app) => addRoutes(app, test),
    dialectOf: () => testDialect,
    connections: { perAddress: 1000 },
    ...change,
  });
  const stop = async () => {
    await running.stop(0);
    await rm(directory, { recursive: true, force: true });
  };
  return Object.assign(test, { running, port: Number(new URL(running.addresses.tls ?? '').port), stop });
}

function addRoutes(app: App, test: Pick<TestServer, 'slow' | 'handled'>): void {
  app.get('/who', async (request, reply) => {
    test.handled.push('/who');
    return sendText(reply, 200, JSON.stringify({ tool: request.caller.tool.name }));
  });
  app.get('/named/:name', async (request, reply) => sendText(reply, 200, JSON.stringify(request.params)));
  app.get('/query', async (request, reply) => sendText(reply, 200, JSON.stringify(request.query)));
  app.post('/echo', async (request, reply) => {
    test.handled.push('/echo');
    return sendText(reply, 200, JSON.stringify({ body: request.body ?? null }));
  });
  app.delete('/echo', async (request, reply) => sendText(reply, 200, JSON.stringify({ body: request.body ?? null })));
  const shape = z.strictObject({ name: z.string(), retry: z.number().int().max(5).optional() });
  app.post('/shaped', { schema: { body: shape } }, async (request, reply) =>
    sendText(reply, 200, JSON.stringify(request.body)),
  );
  app.get('/slow', async (_request, reply) => {
    await new Promise<void>((resolve) => test.slow.push(resolve));
    return sendText(reply, 200, '"slow"');
  });
  app.get('/big', async (_request, reply) => sendText(reply, 200, JSON.stringify('b'.repeat(32 * 1024 * 1024))));
  app.get('/stream', async (_request, reply) => {
    const parts = async function* () {
      yield 'first ';
      await new Promise<void>((resolve) => test.slow.push(resolve));
      yield 'last';
    };
    return reply.send(Readable.from(parts()));
  });
  app.get('/broken', async () => {
    throw new TypeError('secret detail');
  });
  app.get('/away', async () => {
    throw new AppError('kube.unreachable', 'The cluster is away.');
  });
}

export function client(test: TestServer, tool = 'alpha'): Issued {
  return test.authority.issue({ subject: toolSubject(tool) });
}

export interface Ask {
  readonly identity?: Issued;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
  readonly agent?: Agent;
  readonly tls?: ConnectionOptions;
}

/** One request over TLS. */
export function ask(
  test: TestServer,
  { identity, path = '/who', method = 'GET', headers = {}, body, agent, tls }: Ask = {},
): Promise<Answer> {
  const options: RequestOptions = {
    host: '127.0.0.1',
    port: test.port,
    path,
    method,
    headers,
    agent: agent ?? false,
    ca: test.authority.cert,
    ...(identity ? { cert: identity.cert, key: identity.key } : {}),
    ...tls,
  };
  return collect((done) => request(options, done), body);
}

/** One request over the unix socket, as a front would send it. */
export function askSocket(
  test: TestServer,
  { path = '/who', method = 'GET', headers = {}, body }: Ask,
): Promise<Answer> {
  return collect(
    (done) => requestOverSocket({ socketPath: test.socketPath, path, method, headers, agent: false }, done),
    body,
  );
}

function collect(
  send: (done: (response: IncomingMessage) => void) => ClientRequest,
  body?: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = send((response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(parts).toString() }),
      );
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export function keepAliveAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 });
}

/** A bare TLS connection, secured. */
export function openTls(test: TestServer, identity?: Issued, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port: test.port,
      servername: 'localhost',
      ca: test.authority.cert,
      ...(identity ? { cert: identity.cert, key: identity.key } : {}),
      ...options,
    });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Writes bytes and gathers what comes until the server closes, or for `waitMs`. */
export async function exchange(
  test: TestServer,
  identity: Issued | undefined,
  bytes: string | Buffer,
  waitMs = 3000,
): Promise<{ text: string; closed: boolean }> {
  const socket = await openTls(test, identity);
  return gather(socket, bytes, waitMs);
}

export function exchangeSocket(
  test: TestServer,
  bytes: string,
  waitMs = 3000,
): Promise<{ text: string; closed: boolean }> {
  return gather(connectSocket(test.socketPath), bytes, waitMs);
}

function gather(
  socket: ReturnType<typeof connectSocket>,
  bytes: string | Buffer,
  waitMs: number,
): Promise<{ text: string; closed: boolean }> {
  return new Promise((resolve) => {
    let text = '';
    const timer = setTimeout(() => {
      socket.destroy();
      resolve({ text, closed: false });
    }, waitMs);
    socket.setEncoding('latin1');
    socket.on('data', (part) => {
      text += part;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve({ text, closed: true });
    });
    socket.write(bytes);
  });
}
