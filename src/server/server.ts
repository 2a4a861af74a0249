/**
 * The listeners: mutual TLS, the unix socket of a front, and health. The first two carry one fastify instance each with the same routes;
 * everything that can be refused without knowing the route is refused before fastify sees it. The only file that knows fastify.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { type Authorities, readAuthorities } from '../authorities.ts';
import { AppError, errorTable } from '../errors.ts';
import type { Log } from '../log.ts';
import { createAdmission, type Observer, visitOf } from './door/admission.ts';
import { parseFormBody, parseJsonBody, parsePairs } from './door/bodies.ts';
import {
  type ConnectionLimits,
  type Connections,
  defaultConnectionLimits,
  frontConnectionLimits,
  trackConnections,
} from './door/connections.ts';
import { toRequestError } from './door/framework-errors.ts';
import { requestSizes } from './door/guard.ts';
import { createHealthServer, type HealthSources } from './door/health.ts';
import {
  applyLimits,
  closeServer,
  contextOptions,
  createFrontServer,
  createTlsServer,
  listenOnPort,
  refuseBytes,
  type SecureContext,
} from './door/listeners.ts';
import { createQuietLog, type QuietLog } from './door/quiet-log.ts';
import { listenOnSocket } from './door/unix-socket.ts';
import { type Caller, createHeaderIdentity, createTlsIdentity } from './identify.ts';
import { createLimiter, type Limits } from './limits.ts';
import { type Dialect, type Reply, requestIdHeader, sendError } from './respond.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; there for every request a handler sees. */
    readonly caller: Caller;
    /** Gives back the caller's place among the requests at once. */
    release(): void;
  }
}

/** What routes are registered on; schemas are zod. */
export type App = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>;

export interface ServerOptions {
  readonly tls?: (SecureContext & { readonly address: string; readonly port: number }) | undefined;
  /** Header mode: the only listener that believes headers about who calls. A TCP listener cannot be given it. */
  readonly unix?: { readonly path: string; readonly clientCa: string } | undefined;
  readonly health: HealthSources & { readonly address: string; readonly port: number };
  /** Asked at every request. */
  isDenied(tool: string, fingerprint: string): boolean;
  /** ms since the epoch; Date.now when absent. */
  readonly now?: () => number;
  readonly limits: Limits;
  /** Of the TLS listener; the defaults are for the open network, tests and benches come from one address and raise them. */
  readonly connections?: Partial<ConnectionLimits>;
  readonly log: Log;
  readonly observer?: Observer;
  /** Called once per listener. `request.caller` is set in every handler; a handler returns `sendText(reply, ...)`. */
  routes(app: App): void | Promise<void>;
  /** Whose form errors have that belong to no route. */
  dialectOf(url: string): Dialect;
}

/** Of the listeners there are; what is left out stays. */
export interface ListenerCertificates {
  readonly tls?: SecureContext | undefined;
  readonly unix?: { readonly clientCa: string } | undefined;
}

export interface RunningServer {
  /** By listener: `https://127.0.0.1:8443`, the path of the socket, `http://127.0.0.1:9000`; ports are the real ones. */
  readonly addresses: Readonly<{ tls?: string; unix?: string; health: string }>;
  /**
   * Swaps certificate and authorities. Connections stay; whoever an authority vouched for that is gone is refused from the next request on.
   * @throws AppError `settings.invalid` when the texts cannot be used; the old ones stay
   */
  setSecureContext(next: ListenerCertificates): void;
  /** Whether a listener still believes the authority of a caller, as authorities.ts names it. */
  isTrusted(authority: string): boolean;
  /** Stops listening, answers what is under way with `Connection: close`, and ends the rest after `graceMs`. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

interface Listener {
  readonly server: Server;
  readonly app: App;
  readonly connections: Connections;
  authorities(): Authorities;
  setContext(next: ListenerCertificates): void;
}

type Parts = ReturnType<typeof sharedParts>;

/** @throws AppError `settings.invalid` when a listener cannot be had; nothing listens then */
export async function createServer(options: ServerOptions): Promise<RunningServer> {
  const parts = sharedParts(options);
  const listeners: Listener[] = [];
  const health = createHealthServer(options.health);
  applyLimits(health, { ...defaultConnectionLimits, total: 100 }, parts.quietLog);
  const addresses: { tls?: string; unix?: string; health: string } = { health: '' };

  try {
    if (options.tls) {
      const listener = await createTlsListener(options, parts, options.tls);
      listeners.push(listener);
      addresses.tls = await listenOnPort(listener.server, 'https', options.tls.address, options.tls.port);
    }
    if (options.unix) {
      const listener = await createFrontListener(options, parts, options.unix.clientCa);
      listeners.push(listener);
      await listenOnSocket(listener.server, options.unix.path);
      addresses.unix = options.unix.path;
    }
    addresses.health = await listenOnPort(health, 'http', options.health.address, options.health.port);
  } catch (error) {
    await stopAll(listeners, health, 0);
    throw error;
  }

  let stopping: Promise<void> | undefined;
  return {
    addresses,
    setSecureContext(next) {
      // Everything is tried out before anything is swapped.
      if (next.tls) contextOptions(next.tls);
      for (const clientCa of [next.tls?.clientCa, next.unix?.clientCa])
        if (clientCa !== undefined) readClientCa(clientCa);
      for (const listener of listeners) listener.setContext(next);
    },
    isTrusted: (authority) => listeners.some((one) => one.authorities().isGood(authority, parts.now())),
    stop(graceMs) {
      stopping ??= stopAll(listeners, health, graceMs);
      return stopping;
    },
  };
}

function sharedParts(options: ServerOptions) {
  return {
    now: options.now ?? Date.now,
    isDenied: (tool: string, fingerprint: string) => options.isDenied(tool, fingerprint),
    limiter: createLimiter(options.limits),
    observer: options.observer ?? { answered() {}, refused() {} },
    quietLog: createQuietLog(options.log),
  };
}

async function createTlsListener(options: ServerOptions, parts: Parts, first: SecureContext): Promise<Listener> {
  const limits = { ...defaultConnectionLimits, ...options.connections };
  let authorities = readClientCa(first.clientCa);
  const server = createTlsServer(first, limits);
  const identify = createTlsIdentity({ ...parts, authorities: () => authorities });
  const door = { isTls: true, limits, identify: (request: IncomingMessage) => identify(request.socket as TLSSocket) };
  const { app, connections } = await createDoor(server, options, parts, door);
  return {
    server,
    app,
    connections,
    authorities: () => authorities,
    setContext({ tls }) {
      if (!tls) return;
      server.setSecureContext(contextOptions(tls));
      authorities = readClientCa(tls.clientCa);
    },
  };
}

async function createFrontListener(options: ServerOptions, parts: Parts, firstCa: string): Promise<Listener> {
  let authorities = readClientCa(firstCa);
  const server = createFrontServer();
  const identify = createHeaderIdentity({ ...parts, authorities: () => authorities });
  const door = {
    isTls: false,
    limits: frontConnectionLimits,
    identify: (request: IncomingMessage) => identify(request.rawHeaders),
  };
  const { app, connections } = await createDoor(server, options, parts, door);
  return {
    server,
    app,
    connections,
    authorities: () => authorities,
    setContext({ unix }) {
      if (unix) authorities = readClientCa(unix.clientCa);
    },
  };
}

function readClientCa(pem: string): Authorities {
  return readAuthorities(pem, 'the client CA');
}

interface Door {
  /** False only on the socket of a front, the one place where identity headers are read. */
  readonly isTls: boolean;
  readonly limits: ConnectionLimits;
  identify(request: IncomingMessage): Caller;
}

async function createDoor(server: Server, options: ServerOptions, parts: Parts, { isTls, limits, identify }: Door) {
  const { quietLog, observer } = parts;
  applyLimits(server, limits, quietLog);
  const connections = trackConnections(server, isTls, limits, (from) => {
    observer.refused('connection.capped');
    quietLog.warn('connection.capped', { from }, 'too many connections from one address');
  });
  const { log, dialectOf } = options;
  const admit = createAdmission({
    ...parts,
    identityHeaders: isTls ? 'refuse' : 'from-front',
    identify,
    connections,
    log,
    dialectOf,
  });
  return { connections, app: await createApp(server, admit, options, quietLog) };
}

async function createApp(
  server: Server,
  admit: (handle: RequestListener) => RequestListener,
  options: ServerOptions,
  quietLog: QuietLog,
): Promise<App> {
  const app: App = fastify({
    serverFactory: (handle) => putDoorBefore(server, admit, handle),
    clientErrorHandler: (error, socket) => refuseBytes(error, socket, quietLog, options.dialectOf('/')),
    frameworkErrors: (error, request, reply) => {
      const { id } = visitOf(request.raw);
      sendError(reply as unknown as Reply, options.dialectOf(request.raw.url ?? '/'), toRequestError(error), id);
    },
    logger: false,
    bodyLimit: requestSizes.bodyBytes,
    exposeHeadRoutes: false,
    trustProxy: false,
    return503OnClosing: false,
    genReqId: (request) => visitOf(request as IncomingMessage).id,
    routerOptions: {
      ignoreTrailingSlash: true,
      // Over-long parameters are the handlers' business: no job or tool has such a name.
      maxParamLength: requestSizes.frontHeaderBytes,
      querystringParser: parsePairs,
    },
  }).withTypeProvider<ZodTypeProvider>();

  app.setValidatorCompiler(validatorCompiler);
  // Response schemas document; what handlers return is held to them by tests, not once more per answer.
  app.setSerializerCompiler(() => JSON.stringify);
  app.decorateRequest('caller', { getter: callerOf });
  app.decorateRequest('release', releasePlace);
  readBodies(app);
  holdPlaces(app);
  answerFailures(app, options);
  await options.routes(app);
  await app.ready();
  return app;
}

function putDoorBefore(
  server: Server,
  admit: (handle: RequestListener) => RequestListener,
  handle: RequestListener,
): Server {
  const listener = admit(handle);
  const listenerThatContinues = admit((request, response) => {
    response.writeContinue();
    handle(request, response);
  });
  // Continue is said only to those who are let in; any other expectation is refused at the door.
  return server.on('request', listener).on('checkContinue', listenerThatContinues).on('checkExpectation', listener);
}

function callerOf(this: { readonly raw: IncomingMessage }): Caller {
  return visitOf(this.raw).caller;
}

function readBodies(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
    parseJsonBody(body),
  );
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => parseFormBody(body),
  );
}

/**
 * A caller who hangs up does not get the place back that a handler still works in. The id goes among the headers of the reply, since one
 * that is set on the response before costs every answer some microseconds.
 */
function holdPlaces(app: App): void {
  app.addHook('onRoute', (route) => {
    const { handler, url } = route;
    route.handler = function (request, reply) {
      const visit = visitOf(request.raw);
      visit.route = url;
      reply.header(requestIdHeader, visit.id);
      const answer: unknown = handler.call(this, request, reply);
      if (answer instanceof Promise) {
        visit.hold();
        const drop = () => visit.drop();
        answer.then(drop, drop);
      }
      return answer;
    };
  });
}

function releasePlace(this: { readonly raw: IncomingMessage }): void {
  visitOf(this.raw).release();
}

/** Errors of handlers and of the framework, and paths without a route. */
function answerFailures(app: App, { log, dialectOf }: ServerOptions): void {
  const routes: KnownRoute[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, segments: segmentsOf(url) });
  });

  app.setNotFoundHandler((request, reply) => {
    const url = request.raw.url ?? '/';
    const allowed = allowedMethods(routes, url);
    if (allowed.length > 0) reply.header('allow', allowed.join(', '));
    return sendError(reply, dialectOf(url), unrouted(request.method, allowed), visitOf(request.raw).id);
  });

  app.setErrorHandler((thrown, request, reply) => {
    const error = toRequestError(thrown);
    const { http } = errorTable[error.code];
    const { id, route, caller } = visitOf(request.raw);
    const fields = { request: id, code: error.code, route, tool: caller.tool.name };
    if (http >= 500 || http === 0) log.error({ ...fields, err: error }, 'request failed');
    else log.debug({ ...fields, why: error.message }, 'request refused');
    return sendError(reply, dialectOf(request.raw.url ?? '/'), error, id);
  });
}

interface KnownRoute {
  readonly method: string;
  readonly segments: readonly string[];
}

function unrouted(method: string, allowed: readonly string[]): AppError {
  if (allowed.length === 0) return new AppError('route.not_found', 'There is nothing at this path. See /openapi.json.');
  return new AppError('request.unsupported', `${method} is not possible here; possible: ${allowed.join(', ')}.`);
}

function segmentsOf(path: string): string[] {
  return (path.split('?', 1)[0] as string).split('/').filter(Boolean);
}

function allowedMethods(routes: readonly KnownRoute[], url: string): string[] {
  const asked = segmentsOf(url);
  const fits = ({ segments }: KnownRoute) =>
    segments.length === asked.length && segments.every((part, at) => part.startsWith(':') || part === asked[at]);
  return [...new Set(routes.filter(fits).map(({ method }) => method))].sort();
}

async function stopAll(listeners: readonly Listener[], health: Server, graceMs: number): Promise<void> {
  await Promise.all(listeners.map((listener) => stopListener(listener, graceMs)));
  const closed = closeServer(health);
  health.closeAllConnections();
  await closed;
}

async function stopListener({ server, app, connections }: Listener, graceMs: number): Promise<void> {
  const closed = closeServer(server);
  connections.startClosing();
  const timer = setTimeout(() => connections.destroyAll(), graceMs);
  await closed;
  clearTimeout(timer);
  await app.close();
}
