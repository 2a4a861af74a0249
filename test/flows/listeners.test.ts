/** What else listens: the socket of a front in header mode, the OpenAPI document, and settings that change what is made. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRoutes } from '../../src/server/routes.ts';
import { kubectl } from '../cluster/cluster.ts';
import { scriptDeps } from '../server/scripted-deps.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'listeners';
const base = jobsPath(tool);
let sandbox: Sandbox;
let client: ApiClient;

beforeAll(async () => {
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'listeners'),
    name: 'flow-listeners',
    unix: true,
  });
  await sandbox.addTool(tool);
  await sandbox.start();
  client = apiClient(sandbox, tool);
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
});

type FrontHeaders = Readonly<Record<string, string | string[]>>;

/** What nginx passes on of a good connection. */
function goodHeaders() {
  const pem = readFileSync(join(sandbox.homeOf(tool), '.toolskube/client.crt'), 'utf8');
  return {
    'ssl-client-subject-dn': `CN=${tool},O=toolforge`,
    'ssl-client-verify': 'SUCCESS',
    'ssl-client-cert': encodeURIComponent(pem),
  };
}

/** One request as a front sends it. */
function throughFront(
  headers: FrontHeaders,
  { method = 'GET', path = base, body }: { method?: string; path?: string; body?: object } = {},
): Promise<{ status: number; text: string }> {
  const { socketPath } = sandbox;
  if (socketPath === undefined) throw new Error('this sandbox has no socket');
  const type = body ? { 'content-type': 'application/json' } : {};
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, headers: { ...type, ...headers } }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function without(name: keyof ReturnType<typeof goodHeaders>): FrontHeaders {
  return Object.fromEntries(Object.entries(goodHeaders()).filter(([key]) => key !== name));
}

describe('the socket of a front', () => {
  it('lists and runs jobs of the tool that the three headers prove', async () => {
    const created = await throughFront(goodHeaders(), {
      method: 'POST',
      body: { name: 'fronted', cmd: 'sleep 2', imagename: 'bookworm' },
    });
    expect(created).toMatchObject({ status: 201 });
    await until(async () => {
      const { status, text } = await throughFront(goodHeaders());
      expect(status).toBe(200);
      const { jobs } = JSON.parse(text) as { jobs: { name: string; status_short: string }[] };
      return jobs.some((job) => job.name === 'fronted' && job.status_short === 'Completed');
    }, 'the job completes');
  });

  it('keeps a tool from the paths of another one', async () => {
    const { status, text } = await throughFront(goodHeaders(), { path: jobsPath('another') });
    expect([status, JSON.parse(text).code]).toEqual([403, 'caller.forbidden']);
  });

  const names = ['ssl-client-subject-dn', 'ssl-client-verify', 'ssl-client-cert'] as const;
  it.each<[string, () => FrontHeaders, number, string]>([
    ['no header at all', () => ({}), 400, 'caller.bad_header'],
    ...names.map((name): [string, () => FrontHeaders, number, string] => [
      `no ${name}`,
      () => without(name),
      400,
      'caller.bad_header',
    ]),
    ...names.map((name): [string, () => FrontHeaders, number, string] => [
      `${name} twice`,
      () => ({ ...goodHeaders(), [name]: [goodHeaders()[name], goodHeaders()[name]] }),
      400,
      'caller.bad_header',
    ]),
    [
      'the name of another tool',
      () => ({ ...goodHeaders(), 'ssl-client-subject-dn': 'CN=another,O=toolforge' }),
      401,
      'caller.unauthenticated',
    ],
    [
      'a certificate the front could not verify',
      () => ({ ...goodHeaders(), 'ssl-client-verify': 'FAILED:self-signed certificate' }),
      401,
      'caller.unauthenticated',
    ],
    [
      "an authority's certificate in place of the tool's",
      () => ({ ...goodHeaders(), 'ssl-client-cert': encodeURIComponent(readFileSync(sandbox.caFile, 'utf8')) }),
      401,
      'caller.unauthenticated',
    ],
    [
      'the name in the legacy form',
      () => ({ ...goodHeaders(), 'ssl-client-subject-dn': `/O=toolforge/CN=${tool}` }),
      403,
      'caller.forbidden',
    ],
  ])('refuses %s', async (_what, headers, status, code) => {
    const answer = await throughFront(headers());
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([status, code]);
  });

  it('passes on that the client showed no certificate', async () => {
    const { status, text } = await throughFront({ 'ssl-client-verify': 'NONE' });
    expect(status).toBe(400);
    expect(text).toContain('No required SSL certificate was sent');
  });
});

interface Operation {
  readonly deprecated?: boolean;
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: object }[];
  readonly responses: Readonly<Record<string, { description?: string }>>;
}

describe('the OpenAPI document', () => {
  let document: { openapi: string; info: object; paths: Record<string, Record<string, Operation>> };
  beforeAll(async () => {
    const answer = await client.call('GET', '/openapi.json');
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json; charset=utf-8' } });
    document = answer.json();
  });
  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );

  it('has the structure of OpenAPI 3.1', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
    for (const { path, method, operation } of operations()) {
      expect(path).toMatch(/^\//);
      expect(method).toMatch(/^(get|put|post|patch|delete)$/);
      const { parameters = [], responses } = operation;
      const inPath = parameters.filter((one) => one.in === 'path');
      expect(inPath.map(({ name }) => name)).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      expect(inPath.every(({ required }) => required)).toBe(true);
      expect(parameters.every(({ schema }) => typeof schema === 'object')).toBe(true);
      expect(Object.keys(responses)).not.toEqual([]);
      for (const [status, { description }] of Object.entries(responses)) {
        expect(status).toMatch(/^([1-5]\d\d|default)$/);
        expect(description).toEqual(expect.any(String));
      }
    }
  });

  it('has every route, and marks those of earlier clients as deprecated', () => {
    const expected = createRoutes(scriptDeps()).map(
      ({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`,
    );
    expect(
      operations()
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    ).toEqual(expected.sort());
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/v1/tool/{tool}/jobs', '/jobs/api/v1/jobs/', '/api/v1/run/']),
    );
    for (const { path, operation } of operations())
      expect([path, operation.deprecated ?? false]).toEqual([path, /^(\/jobs)?\/api\//.test(path)]);
  });

  it('has no reference that leads nowhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(([, target]) => target ?? '');
    expect(references).not.toEqual([]);
    const resolve = (target: string) =>
      target
        .replace(/^#\//, '')
        .split('/')
        .reduce<unknown>((part, step) => (part as Record<string, unknown> | undefined)?.[step], document);
    expect(references.filter((target) => !target.startsWith('#/') || resolve(target) === undefined)).toEqual([]);
  });
});

describe('the settings mount_homes and run_as_home_owner', () => {
  interface PodSpec {
    readonly volumes?: unknown;
    readonly securityContext?: { readonly runAsUser?: number };
    readonly containers: readonly { readonly volumeMounts?: unknown; readonly securityContext?: object }[];
  }

  async function podSpecOf(api: ApiClient, name: string): Promise<PodSpec> {
    const body = { name, cmd: 'date', imagename: 'bookworm', schedule: '@yearly' };
    const created = await api.call('POST', base, { body });
    expect([created.status, created.text]).toEqual([201, expect.any(String)]);
    const text = await kubectl(cluster, ['get', 'cronjob', name, '-n', `tool-${tool}`, '-o', 'json']);
    return JSON.parse(text).spec.jobTemplate.spec.template.spec;
  }

  it('put the homes into pods and make their owner the user, where they are on', async () => {
    const spec = await podSpecOf(client, 'with-home');
    expect(spec.volumes).toHaveLength(1);
    expect(spec.containers[0]?.volumeMounts).toHaveLength(1);
    expect(JSON.stringify(spec)).toMatch(/"runAsUser":[1-9]\d*/);
  });

  it('leave both to the cluster where they are off', async () => {
    const other = await createSandbox({
      cluster,
      dir: join(cluster.stateDir, 'listeners-bare'),
      name: 'flow-listeners-bare',
      settings: { mount_homes: 'no', run_as_home_owner: 'no' },
    });
    await other.start();
    const own = apiClient(other, tool);
    try {
      const spec = await podSpecOf(own, 'without-home');
      expect(spec).not.toHaveProperty('volumes');
      expect(JSON.stringify(spec)).not.toMatch(/volumeMounts|runAsUser/);
    } finally {
      own.close();
      await other.stop();
    }
  });
});
