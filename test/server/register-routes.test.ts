import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dialectOf, registerRoutes } from '../../src/server/register-routes.ts';
import { createRoutes } from '../../src/server/routes.ts';
import { scriptDeps } from './scripted-deps.ts';
import { ask, client, startServer, type TestServer } from './start-server.ts';

interface Operation {
  readonly summary?: string;
  readonly deprecated?: boolean;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}

interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const deps = scriptDeps();
const routes = createRoutes(deps);
let server: TestServer;
let document: OpenApi;

beforeAll(async () => {
  server = await startServer({
    routes: (app) =>
      registerRoutes(app, { routes, version: '1.2.3', freshness: () => deps.jobs.freshness(), now: () => deps.now() }),
    dialectOf,
  });
  document = JSON.parse((await ask(server, { identity: client(server), path: '/openapi.json' })).text) as OpenApi;
});
afterAll(() => server.stop());

const templateOf = (path: string) => path.replace(/:(\w+)/g, '{$1}');
const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

describe('the OpenAPI document', () => {
  it('says what it is', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Toolforge Jobs', version: '1.2.3' } });
  });

  it('has every route of the table, and no other', () => {
    const expected = routes.map(({ method, path }) => `${method} ${templateOf(path)}`);
    expect(
      operations()
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    ).toEqual(expected.sort());
  });

  it('says of each what goes in and what comes out', () => {
    for (const { method, path, operation } of operations()) {
      const route = routes.find((one) => one.method === method && templateOf(one.path) === path);
      const inPath = (operation.parameters ?? []).filter((one) => one.in === 'path').map(({ name }) => name);
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      expect(operation).toMatchObject({ summary: route?.summary });
      expect(Object.keys(operation.responses)).toContain(String(route?.status));
      expect(operation.requestBody !== undefined).toBe(route?.body !== undefined);
      expect(operation.deprecated ?? false).toBe(path.startsWith('/api/'));
    }
  });

  it('has no reference that leads nowhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(([, target]) => target ?? '');
    expect(references.length).toBeGreaterThan(0);
    const dangling = references.filter((target) => {
      const steps = target.replace(/^#\//, '').split('/');
      const found = steps.reduce<unknown>(
        (part, step) => (part as Record<string, unknown> | undefined)?.[step],
        document,
      );
      return !target.startsWith('#/') || found === undefined;
    });
    expect(dangling).toEqual([]);
  });

  it('is for callers with a certificate', async () => {
    expect((await ask(server, { path: '/openapi.json' })).status).toBe(400);
  });
});

it.each([
  ['/api/v1/list/', 'seed'],
  ['/api/', 'seed'],
  ['/v1/tool/alpha/jobs', 'canonical'],
  ['/jobs/v1/tool/alpha/jobs', 'canonical'],
  ['/apiary', 'canonical'],
  ['/', 'canonical'],
])('%s without a route is answered in the form of the %s clients', (url, name) => {
  expect(dialectOf(url).name).toBe(name);
});
