/** Every field of a job at its bounds, asked of the whole service: what is accepted is in the cluster and in the list, what is refused leaves nothing. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSameQuantity } from '../../src/definition/quantity.ts';
import { type JobType, jobTypes } from '../../src/domain.ts';
import { kubectl } from '../cluster/cluster.ts';
import { type Answer, type ApiClient, apiClient } from '../support/api-client.ts';
import { type Accepted, type FieldRow, fieldTable, leastOf, untilEnded } from '../support/field-table.ts';
import { cluster } from '../support/flow-cluster.ts';
import { createSandbox, type Sandbox } from '../support/sandbox.ts';

// biome-ignore lint/suspicious/noExplicitAny: objects as the API server gives them
type Loose = any;

const [taker, refuser] = ['fields-taker', 'fields-refuser'];
const url = 'docker-registry.example.org/toolforge-bookworm-sssd-web:latest';
const table = fieldTable({
  home: `/data/project/${taker}`,
  image: { name: 'bookworm', alias: 'tf-bookworm-std', url },
});
let sandbox: Sandbox;
const clients = new Map<string, ApiClient>();

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'fields'), name: 'flow-fields' });
  await Promise.all([taker, refuser].map((tool) => sandbox.addTool(tool)));
  const hard = {
    pods: 50,
    services: 50,
    'requests.cpu': 50,
    'requests.memory': '50Gi',
    'limits.cpu': 99,
    'limits.memory': '99Gi',
  };
  const counts = { 'count/cronjobs.batch': 200, 'count/jobs.batch': 50, 'count/deployments.apps': 50 };
  const patch = JSON.stringify({ spec: { hard: { ...hard, ...counts } } });
  await kubectl(cluster, ['patch', 'resourcequota', `tool-${taker}`, '-n', `tool-${taker}`, '-p', patch]);
  await sandbox.start();
  for (const tool of [taker, refuser]) clients.set(tool, apiClient(sandbox, tool));
});

afterAll(async () => {
  for (const client of clients.values()) client.close();
  await sandbox?.stop();
  await Promise.all([taker, refuser].map((tool) => sandbox?.removeTool(tool)));
});

const create = (tool: string, body: object): Promise<Answer> =>
  clients.get(tool)?.call('POST', `/v1/tool/${tool}/jobs`, { body }) ?? Promise.reject(new Error(tool));

/** A few at a time, as many as one tool may ask at once. */
async function eachOf<In, Out>(all: readonly In[], act: (one: In, place: number) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  for (let start = 0; start < all.length; start += 4) {
    results.push(...(await Promise.all(all.slice(start, start + 4).map((one, at) => act(one, start + at)))));
  }
  return results;
}

function bodyOf({ field, type, beside }: FieldRow, value: unknown, name: string): Record<string, unknown> {
  const least = type === 'one-off' ? { cmd: untilEnded } : leastOf[type];
  return { name, imagename: 'bookworm', ...least, ...beside, [field]: value };
}

/** The container of an object of any kind, and the part that says how it runs. */
function partsOf(object: Loose, type: JobType): { run: Loose; container: Loose } {
  const run = type === 'scheduled' ? object.spec.jobTemplate.spec : object.spec;
  return { run, container: run.template.spec.containers[0] };
}

/** What the cluster must hold for a field, by its name: each looks at the object and not at what is shown of it. */
const held: Readonly<Record<string, (value: Loose, object: Loose, type: JobType) => unknown>> = {
  name: (value, object) => object.metadata.name === value,
  cmd: (value, object, type) => partsOf(object, type).container.command[3].endsWith(`;${value}`),
  imagename: (_, object, type) => partsOf(object, type).container.image === url,
  filelog: (value, object, type) => partsOf(object, type).container.command[3].startsWith('exec 1>>') === value,
  filelog_stdout: (value, object, type) => hasPath(partsOf(object, type).container.command[3], '1>>', value),
  filelog_stderr: (value, object, type) => hasPath(partsOf(object, type).container.command[3], '2>>', value),
  emails: (value, object) => object.metadata.labels['jobs.toolforge.org/emails'] === value,
  mount: (value, object) => object.metadata.labels['toolforge.org/mount-storage'] === value,
  memory: (value, object, type) => isSameQuantity(partsOf(object, type).container.resources.limits.memory, value),
  cpu: (value, object, type) => isSameQuantity(partsOf(object, type).container.resources.requests.cpu, value),
  retry: (value, object, type) => type === 'continuous' || partsOf(object, type).run.backoffLimit === Number(value),
  timeout: (value, object, type) =>
    (partsOf(object, type).run.activeDeadlineSeconds ?? 0) === (type === 'scheduled' ? Number(value) : 0),
  timezone: (value, object) => (object.spec.timeZone ?? 'UTC') === value,
  concurrency: (value, object) => object.spec.concurrencyPolicy.toLowerCase() === value,
  starting_deadline: (value, object) => object.spec.startingDeadlineSeconds === Number(value ?? 30),
  replicas: (value, object) => object.spec.replicas === Number(value),
  port: (value, object, type) =>
    (partsOf(object, type).container.ports?.[0].containerPort ?? null) === (value === null ? null : Number(value)),
  port_protocol: (value, object, type) => partsOf(object, type).container.ports[0].protocol.toLowerCase() === value,
  health_check: (value, object, type) => hasCheck(partsOf(object, type).container.startupProbe, value),
};

function hasPath(command: string, stream: string, value: string): boolean {
  const path = value.startsWith('/') ? value.replace('//a/./b', '/a/b') : `/data/project/${taker}/${value}`;
  const quoted = /^[A-Za-z0-9_./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
  return command.includes(`exec ${stream}${quoted};`);
}

function hasCheck(probe: Loose, value: Loose): boolean {
  if (value?.type === 'script') return probe.exec.command[2] === value.script;
  return value ? probe.httpGet.path === value.path : probe?.httpGet === undefined && probe?.exec === undefined;
}

const accepted = table.flatMap((row) => row.accepted.map((one): FieldRow & Accepted => ({ ...row, ...one })));
const refused = table.flatMap((row) => row.refused.map((value) => ({ ...row, value })));
const titleOf = ({ field, type }: FieldRow, value: unknown) =>
  `${field} ${JSON.stringify(value).slice(0, 60)} (${type})`;

describe('every field of a job', () => {
  it('is taken at its bounds: the job is in the cluster as it was asked for, and shown so', async () => {
    const named = accepted.map((row, at) => ({ ...row, name: row.field === 'name' ? String(row.value) : `f-${at}` }));
    const answers = await eachOf(named, (row) => create(taker, bodyOf(row, row.value, row.name)));
    const failed = answers.flatMap(({ status, text }, at) =>
      status === 201 ? [] : [`${titleOf(named[at] as FieldRow, named[at]?.value)}: ${status} ${text}`],
    );
    expect(failed).toEqual([]);

    const { jobs } = (await clients.get(taker)?.call('GET', `/v1/tool/${taker}/jobs`))?.json() ?? {};
    const listed = new Map<string, Loose>(jobs.map((job: Loose) => [job.name, job]));
    const text = await kubectl(cluster, [
      'get',
      'cronjobs,jobs,deployments,services',
      '-n',
      `tool-${taker}`,
      '-o',
      'json',
    ]);
    const objects = new Map<string, Loose>(
      JSON.parse(text).items.map((object: Loose) => [`${object.kind}/${object.metadata.name}`, object]),
    );
    for (const row of named) {
      const title = titleOf(row, row.value);
      const job = listed.get(row.name);
      expect([title, job?.job_type, job?.[row.field]]).toEqual([
        title,
        row.type,
        'shown' in row ? row.shown : row.value,
      ]);
      const object = objects.get(`${jobTypes[row.type].kind}/${row.name}`);
      expect([title, object && (held[row.field]?.(row.value, object, row.type) ?? true)]).toEqual([title, true]);
      if (row.type === 'scheduled') expect(object.spec.schedule).toBe(job.schedule_actual);
      expect([title, objects.get(`Service/${row.name}`)?.spec.ports[0].port]).toEqual([title, job.port ?? undefined]);
    }
    expect(jobs).toHaveLength(named.length);
  }, 120_000);

  it('is refused beyond its bounds, with one sentence that names it, and leaves nothing', async () => {
    const answers = await eachOf(refused, (row) => create(refuser, bodyOf(row, row.value, 'refused')));
    for (const [at, answer] of answers.entries()) {
      const title = titleOf(refused[at] as FieldRow, refused[at]?.value);
      expect([title, answer.status]).toEqual([title, 400]);
      expect([title, answer.json().error.length]).toEqual([title, 1]);
      expect(answer.json().code).toMatch(/^(job\.invalid|schedule\.invalid|image\.unknown|limits\.exceeded)$/);
    }
    const kinds = 'cronjobs,jobs,deployments,replicasets,pods,services';
    expect((await kubectl(cluster, ['get', kinds, '-n', `tool-${refuser}`, '-o', 'name'])).trim()).toBe('');
    expect((await clients.get(refuser)?.call('GET', `/v1/tool/${refuser}/jobs`))?.json().jobs).toEqual([]);
  }, 60_000);

  it('is named beside every other one that has a mistake, in one answer', async () => {
    const wrong = {
      name: 'A',
      cmd: '',
      imagename: 'none-such',
      memory: '5Gi',
      cpu: 'x',
      schedule: '@reboot',
      retry: 9,
    };
    const answer = await create(refuser, wrong);
    expect([answer.status, answer.json().code, answer.json().error.length]).toEqual([400, 'job.invalid', 7]);
  });

  it('that has no effect, or not always, is said at creation', async () => {
    const said = async (more: object) =>
      (await create(refuser, { imagename: 'bookworm', ...more })).json().messages.warning.join();
    const check = { port: 53, port_protocol: 'udp', health_check: { type: 'http', path: '/' } };
    expect(await said({ name: 'udp', ...leastOf.continuous, ...check })).toContain('over UDP');
    expect(await said({ name: 'gaps', cmd: 'true', schedule: '0 0 31 2 *' })).toContain('will never run');
  });
});
