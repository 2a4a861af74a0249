import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { createDialectOf, registerRoutes } from '../../src/server/register-routes.ts';
import { createRoutes } from '../../src/server/routes.ts';
import { createStreams } from '../../src/server/streams.ts';
import { createAuthority, toolSubject } from '../support/certs.ts';
import { jobNamed, scriptDeps } from './scripted-deps.ts';
import { type Ask, ask, client, startServer, type TestServer, wideStreams } from './start-server.ts';

interface Operation {
  readonly operationId: string;
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
  readonly security: unknown;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const deps = scriptDeps();
const routes = createRoutes(deps);
let server: TestServer;
let document: OpenApi;

beforeAll(async () => {
  server = await startServer({
    routes: (app) =>
      registerRoutes(app, {
        routes,
        version: '1.2.3',
        streams: createStreams(wideStreams),
        freshness: () => deps.jobs.freshness(),
        now: () => deps.now(),
      }),
    dialectOf: createDialectOf(),
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
      expect(Object.keys(operation.responses)).toEqual(
        expect.arrayContaining([String(route?.status), '400', '401', '403', '429', '500', '503']),
      );
      expect(operation.requestBody !== undefined).toBe(route?.body !== undefined);
      expect(operation.deprecated ?? false).toBe(!route?.dialect.isCurrent);
    }
  });

  it('gives every operation a name of its own', () => {
    const names = operations().map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(['list', 'run', 'show', 'delete', 'flush', 'images']));
  });

  it('asks for the certificate of a tool everywhere', () => {
    expect(document.security).toEqual([{ toolCertificate: [] }]);
    expect(document.components.securitySchemes?.toolCertificate).toMatchObject({ type: 'mutualTLS' });
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

  it('is the same at both public paths', async () => {
    const other = await ask(server, { identity: client(server), path: '/jobs/openapi.json' });
    expect(JSON.parse(other.text)).toEqual(document);
  });

  it('is for callers with a certificate', async () => {
    expect((await ask(server, { path: '/openapi.json' })).status).toBe(400);
  });
});

describe('every error that comes is one the document lists, in the form it says', () => {
  const away = () => Promise.reject(new AppError('kube.unreachable', 'The cluster is away.'));
  const unknown = () => Promise.reject(new AppError('kube.state_unknown', 'Nobody knows.'));
  const newJob = { name: 'demo', cmd: './run.sh', imagename: 'python3.11' };
  /** Where the route takes one. */
  const withBody =
    (body: string, type = 'application/json') =>
    (send: Partial<Ask>) =>
      send.body === undefined ? send : { ...send, body, headers: { 'content-type': type } };
  const situations: Record<string, (send: Partial<Ask>) => Partial<Ask>> = {
    'without a certificate': ({ identity: _, ...rest }) => rest,
    'with a stranger’s': (send) => ({ ...send, identity: createAuthority().issue({ subject: toolSubject('alpha') }) }),
    'for another tool': (send) => ({ ...send, path: send.path?.replace('/tool/alpha/', '/tool/beta/') ?? '' }),
    'with an identity header': (send) => ({ ...send, headers: { ...send.headers, 'x-toolforge-tool': 'beta' } }),
    'with a body that is none': withBody('{'),
    'with a form': withBody('a=b', 'application/x-www-form-urlencoded'),
    'with another type': withBody('a', 'text/plain'),
    'with a job that breaks a rule': withBody(JSON.stringify({ ...newJob, memory: 'much' })),
    'with an unknown image': withBody(JSON.stringify({ ...newJob, imagename: 'nothing' })),
    'for a name that is taken or missing': (send) => send,
    'while the view is not ready': (send) => {
      deps.freshness = { ...deps.freshness, synced: false };
      return send;
    },
    'while the cluster is away': (send) => {
      [deps.created, deps.removed] = [away, away];
      return send;
    },
    'of which nobody knows the end': (send) => {
      [deps.created, deps.removed] = [unknown, unknown];
      return send;
    },
  };

  it.each(Object.entries(situations))('%s', async (what, change) => {
    for (const route of routes) {
      const fresh = { synced: true, live: true, asOf: deps.now() };
      Object.assign(deps, { freshness: fresh, created: undefined, removed: undefined });
      // There for whoever wants to change it, in the way of whoever wants to create it; elsewhere the other way round.
      const isTrouble = what.includes('the cluster') || what.includes('nobody');
      deps.view.set('tool-alpha', isTrouble === (route.body === undefined) ? [jobNamed('demo')] : []);
      const body = route.body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(newJob) } : {};
      const path = route.path.replace(':tool', 'alpha').replace(':name', 'demo');
      const answer = await ask(server, change({ identity: client(server), method: route.method, path, ...body }));
      const said = `${route.method} ${route.path} ${answer.status}`;
      const operation = document.paths[templateOf(route.path)]?.[route.method.toLowerCase()];
      expect(
        Object.keys(operation?.responses ?? {}).map((status) => `${route.method} ${route.path} ${status}`),
      ).toContain(said);
      if (answer.status < 300 || what === 'without a certificate') continue;
      expect(route.dialect.errorShape.safeParse(JSON.parse(answer.text)).error).toBeUndefined();
    }
  });
});

it.each([
  ['/api/v1/list/', 'seed'],
  ['/api/', 'seed'],
  ['/v1/tool/alpha/jobs', 'canonical'],
  ['/jobs/v1/tool/alpha/jobs', 'canonical'],
  ['/jobs/api/v1/jobs/', 'october'],
  ['/apiary', 'canonical'],
  ['/', 'canonical'],
])('%s without a route is answered in the form of the %s clients', (url, name) => {
  expect(createDialectOf()(url).name).toBe(name);
});
