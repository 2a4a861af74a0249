/** Puts the rows of routes.ts on a listener's app, and serves the OpenAPI document that is made from them. */
import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { Freshness } from '../domain.ts';
import { AppError } from '../errors.ts';
import { canonical } from './dialects/canonical.ts';
import { seed } from './dialects/seed.ts';
import { type Dialect, type Reply, sendText, textOf } from './respond.ts';
import { type Call, JsonText, type Route } from './routes/route.ts';
import { errorAnswer } from './schemas.ts';
import type { App } from './server.ts';

export interface RegisterOptions {
  readonly routes: readonly Route[];
  readonly version: string;
  freshness(): Freshness;
  /** ms since the epoch */
  now(): number;
}

export async function registerRoutes(app: App, options: RegisterOptions): Promise<void> {
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 'Toolforge Jobs', version: options.version } },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(async (scope) => {
    for (const route of options.routes) addRoute(scope as unknown as App, route, options);
    let document: string | undefined;
    scope.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => {
      document ??= JSON.stringify(app.swagger());
      return sendText(reply, 200, document);
    });
  });
}

/** Errors that belong to no route take the form of the generation whose paths they look like. */
export function dialectOf(url: string): Dialect {
  return url.startsWith('/api/') ? seed : canonical;
}

function addRoute(app: App, route: Route, options: RegisterOptions): void {
  const { params, query, body, answer, dialect } = route;
  app.route({
    method: route.method,
    url: route.path,
    schema: {
      summary: route.summary,
      ...(dialect === seed ? { deprecated: true } : {}),
      ...(params ? { params } : {}),
      ...(query ? { querystring: query } : {}),
      ...(body ? { body } : {}),
      response: { [route.status]: answer, ...(dialect === canonical ? { default: errorAnswer } : {}) },
    },
    attachValidation: true,
    handler: async (request, reply) => {
      const call = {
        caller: request.caller,
        params: (request.params ?? {}) as Call['params'],
        query: (request.query ?? {}) as Call['query'],
        body: request.body as unknown,
        release: () => request.release(),
      };
      sayAge(reply, options);
      if (dialect === canonical && isForm(request.headers['content-type'])) throw jsonOnly();
      if (request.validationError) {
        route.explainBody?.(call.body);
        throw request.validationError;
      }
      const value = await route.handle(call);
      return sendText(reply, route.status, value instanceof JsonText ? value.text : textOf(dialect, value));
    },
  });
}

/** Only the first clients post forms; elsewhere they are how a page makes a browser post without being asked (CSRF). */
function isForm(type: string | undefined): boolean {
  return type?.startsWith('application/x-www-form-urlencoded') ?? false;
}

function jsonOnly(): AppError {
  return new AppError('request.media_type', "A request body must be 'application/json' here.");
}

/** An answer from a view that is cut off from the cluster says how old it is (RFC 9111 5.1, 5.5). */
function sayAge(reply: Reply, { freshness, now }: RegisterOptions): void {
  const { live, asOf } = freshness();
  if (live) return;
  reply.header('age', String(Math.max(0, Math.round((now() - asOf) / 1000))));
  reply.header('warning', '110 - "Response is Stale"');
}
