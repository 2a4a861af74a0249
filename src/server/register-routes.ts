/** Puts the rows of routes.ts on a listener's app, and serves the OpenAPI document that is made from them. */
import type { Freshness } from '../domain.ts';
import { AppError } from '../errors.ts';
import { canonical } from './dialects/canonical.ts';
import { october } from './dialects/october.ts';
import { seed } from './dialects/seed.ts';
import { openApiDocument } from './openapi/document.ts';
import { type Dialect, type Reply, sendRedirect, sendStream, sendText, textOf } from './respond.ts';
import { type Call, JsonText, type Route, StreamedText } from './routes/route.ts';
import type { App } from './server.ts';
import type { Streams } from './streams.ts';

export interface RegisterOptions {
  readonly routes: readonly Route[];
  readonly version: string;
  readonly streams: Streams;
  freshness(): Freshness;
  /** ms since the epoch */
  now(): number;
}

/** Both public prefixes, as the canonical routes have them. */
export const openApiPaths = ['/openapi.json', '/jobs/openapi.json'];

export function registerRoutes(app: App, options: RegisterOptions): void {
  for (const route of options.routes) addRoute(app, route, options);
  let text: string | undefined;
  for (const path of openApiPaths) {
    app.get(path, (_request, reply) => {
      text ??= JSON.stringify(openApiDocument(options.routes, options.version));
      return sendText(reply, 200, text);
    });
  }
}

/**
 * Errors that belong to no route take the form of the generation whose paths they look like.
 * @param octoberBase what stands before `/api/v1` in the dialect of October 2023
 */
export function createDialectOf(octoberBase = '/jobs'): (url: string) => Dialect {
  return (url) => {
    if (url.startsWith('/api/')) return seed;
    return url.startsWith(`${octoberBase}/api/`) ? october : canonical;
  };
}

function addRoute(app: App, route: Route, options: RegisterOptions): void {
  const { params, query, body, dialect } = route;
  app.route({
    method: route.method,
    url: route.path,
    schema: {
      ...(params ? { params } : {}),
      ...(query ? { querystring: query } : {}),
      ...(body ? { body } : {}),
    },
    attachValidation: true,
    handler: async (request, reply) => {
      const call = {
        caller: request.caller,
        params: (request.params ?? {}) as Call['params'],
        query: (request.query ?? {}) as Call['query'],
        body: request.body as unknown,
        header: (name: string) => textOfHeader(request.headers[name]),
        release: () => request.release(),
      };
      sayAge(reply, options);
      const elsewhere = route.slash === 'redirect' ? withSlash(route.path, request.url) : undefined;
      if (elsewhere !== undefined) return sendRedirect(reply, elsewhere);
      if (!dialect.takesForms && isForm(request.headers['content-type'])) throw jsonOnly();
      if (request.validationError) {
        await route.explainBody?.(call);
        throw request.validationError;
      }
      const value = await route.handle(call);
      if (value instanceof StreamedText) {
        options.streams.watch(request.id, request.caller, value.pieces, reply.raw);
        return sendStream(reply, route.status, value.pieces, route.answerType ?? 'text/plain');
      }
      return sendText(reply, route.status, value instanceof JsonText ? value.text : textOf(dialect, value));
    },
  });
}

function textOfHeader(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Where the slash is missing: the path as the table has it (none of these holds a parameter), and the query as it came. */
function withSlash(path: string, url: string): string | undefined {
  const [asked = '', ...query] = url.split('?');
  return asked.endsWith('/') ? undefined : `${path}${query.length > 0 ? `?${query.join('?')}` : ''}`;
}

function isForm(type: string | undefined): boolean {
  return type?.startsWith('application/x-www-form-urlencoded') ?? false;
}

function jsonOnly(): AppError {
  return new AppError('request.media_type', "A request body must be 'application/json' here.");
}

/** An answer from a view that is cut off from the cluster says how old it is (RFC 9111 5.1, 5.5). */
function sayAge(reply: Reply, { freshness, now }: RegisterOptions): void {
  const { synced, live, asOf } = freshness();
  if (live || !synced) return;
  reply.header('age', String(Math.max(0, Math.round((now() - asOf) / 1000))));
  reply.header('warning', '110 - "Response is Stale"');
}
