/** Jobs that change: written only where they differ, never twice at once, never gone in between. On the real cluster. */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'update-one';
const namespace = `tool-${tool}`;
const base = `/v1/tool/${tool}/jobs`;
let sandbox: Sandbox;
let client: ApiClient;

beforeAll(async () => {
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'update'),
    name: 'flow-update',
    settings: { public_domain: 'tools.example.org' },
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

const shown = async (name: string) => (await client.call('GET', `${base}/${name}`)).json().job;
const isRunning = async (name: string) => (await shown(name))?.status.short === 'running';
const patch = (body: object) => client.call('PATCH', base, { body: { imagename: 'bookworm', ...body } });
const get = async (...args: string[]) =>
  JSON.parse(await kubectl(cluster, ['get', '-n', namespace, ...args, '-o', 'json']));
const output = (file: string) => readFile(join(sandbox.homeOf(tool), file), 'utf8').catch(() => '');

/** A bot that leaves a note when it meets another copy of itself, and says which version runs. */
const bot = (name: string, version: string) => ({
  name,
  continuous: true,
  cmd: `mkdir ${name}.lock || echo twice >>${name}.twice; trap 'rmdir ${name}.lock; exit 0' TERM; echo ${version} >>${name}.seen; while :; do sleep 0.1; done`,
});
const sees = async (name: string, version: string) => (await output(`${name}.seen`)).includes(version);
const met = (name: string) => existsSync(join(sandbox.homeOf(tool), `${name}.twice`));

describe('a job that is applied again', () => {
  it('is not touched where it is as asked for, however that is typed', async () => {
    expect((await patch(bot('same', 'v1'))).json()).toMatchObject({ job_changed: true });
    await until(() => sees('same', 'v1'), 'same runs');
    const before = await get('deployment', 'same');
    const again = await patch({ ...bot('same', 'v1'), memory: '0.5Gi', replicas: 1, emails: 'none' });
    expect(again.status).toBe(200);
    expect(again.json()).toMatchObject({
      job_changed: false,
      messages: { info: ['Job same is already up to date'] },
    });
    const after = await get('deployment', 'same');
    expect([after.metadata.uid, after.metadata.generation]).toEqual([before.metadata.uid, before.metadata.generation]);
  });

  it('changes in its place, one copy never meeting the next', async () => {
    const changed = await patch(bot('same', 'v2'));
    expect(changed.json()).toMatchObject({ job_changed: true, messages: { info: ['Job same was updated'] } });
    await until(() => sees('same', 'v2'), 'the new version runs');
    expect(met('same')).toBe(false);
    expect((await shown('same')).status.up_to_date).toBe(true);
    expect((await client.call('POST', `${base}/same/restart`)).status).toBe(200);
    await until(async () => (await output('same.seen')).split('v2').length > 2, 'it runs once more');
    expect(met('same')).toBe(false);
    const generation = (await get('deployment', 'same')).metadata.generation;
    expect((await patch(bot('same', 'v2'))).json().job_changed).toBe(false);
    expect((await get('deployment', 'same')).metadata.generation).toBe(generation);
    await client.call('DELETE', `${base}/same`);
  });

  it('of an earlier generation is taken over with what runs, also by a daemon that is killed meanwhile', async () => {
    await patch(bot('old', 'v1'));
    // One that is ended before it hears signals leaves its lock to the next.
    await until(() => sees('old', 'v1'), 'it runs');
    const made = await get('deployment', 'old');
    await client.call('DELETE', `${base}/old`);
    await rm(join(sandbox.homeOf(tool), 'old.seen'), { force: true });
    const labels = made.spec.template.metadata.labels;
    const former = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'old', namespace, labels },
      spec: { ...made.spec, selector: { matchLabels: labels }, strategy: { type: 'RollingUpdate' } },
    };
    await kubectl(cluster, ['apply', '-f', '-'], JSON.stringify(former));
    await until(() => sees('old', 'v1'), 'the former one runs');
    const { uid } = (await get('deployment', 'old')).metadata;

    const cutOff = patch(bot('old', 'v2')).catch(() => undefined);
    await until(async () => {
      const now = await get('deployment', 'old').catch(() => undefined);
      return now?.metadata.uid !== uid || now.metadata.deletionTimestamp !== undefined;
    }, 'the former one is being released');
    await sandbox.stop('SIGKILL');
    await cutOff;
    const pods = await get('pods', '-l', 'app.kubernetes.io/name=old');
    expect(pods.items.length).toBeGreaterThan(0);

    await sandbox.start();
    await until(async () => (await patch(bot('old', 'v2'))).status === 200, 'it is applied again');
    await until(() => sees('old', 'v2'), 'the new version runs');
    expect(met('old')).toBe(false);
    expect(Object.keys((await get('deployment', 'old')).spec.selector.matchLabels)).toHaveLength(4);
    await client.call('DELETE', `${base}/old`);
  });

  it('changes its type, and is one job afterwards', async () => {
    await patch({ name: 'kind', cmd: 'echo ran', schedule: '@yearly' });
    expect((await patch(bot('kind', 'v1'))).json().job_changed).toBe(true);
    expect(await shown('kind')).toMatchObject({ job_type: 'continuous' });
    expect((await patch({ name: 'kind', cmd: 'echo ran', schedule: '@yearly' })).json().job_changed).toBe(true);
    const { jobs } = (await client.call('GET', base)).json();
    expect(jobs.map(({ name, job_type }: Record<string, string>) => [name, job_type])).toEqual([['kind', 'scheduled']]);
  });
});

describe('a restart', () => {
  it('of a scheduled job runs it now, as often as it is asked for', async () => {
    for (const round of [1, 2]) {
      expect((await client.call('POST', `${base}/kind/restart`)).status).toBe(200);
      await until(async () => (await output('kind.out')).split('ran').length > round, 'it has run');
    }
    expect((await shown('kind')).status_short).not.toBe('Failed');
    await client.call('DELETE', `${base}/kind`);
  });

  it('of a one-off is refused, and one that has ended makes room for the next of its name', async () => {
    const once = (text: string) => ({ name: 'once', cmd: `echo ${text}`, imagename: 'bookworm' });
    await client.call('POST', base, { body: once('first') });
    const restarted = await client.call('POST', `${base}/once/restart`);
    expect(restarted.status).toBe(400);
    expect(restarted.json()).toMatchObject({ code: 'job.not_restartable' });
    await until(async () => (await shown('once'))?.status_short === 'Completed', 'it ends');
    expect((await client.call('POST', base, { body: once('second') })).status).toBe(201);
    await until(async () => (await output('once.out')).includes('second'), 'the next one runs');
  });
});

describe('a job with a port', () => {
  it('is reached from another job through its Service, and takes it along when it ends', async () => {
    const web = {
      name: 'web',
      continuous: true,
      port: 8080,
      cmd: 'echo hello from web >index.html; trap "exit 0" TERM; httpd -f -p $PORT & wait',
    };
    expect((await patch({ ...web, publish: true })).json().job_changed).toBe(true);
    await until(() => isRunning('web'), 'web runs');
    const { clusterIP } = (await get('service', 'web')).spec;
    expect((await get('ingress', 'web')).spec.rules[0].host).toBe(`${tool}.tools.example.org`);
    await client.call('POST', base, {
      body: {
        name: 'ask',
        cmd: `until wget -q -O - http://${clusterIP}:8080/; do sleep 0.2; done`,
        imagename: 'bookworm',
      },
    });
    await until(async () => (await output('ask.out')).includes('hello from web'), 'web answers another job');

    expect((await patch({ ...web, port: 8081 })).json().job_changed).toBe(true);
    const service = await get('service', 'web');
    expect([service.spec.ports[0].port, service.spec.clusterIP]).toEqual([8081, clusterIP]);
    expect((await get('ingress')).items).toEqual([]);
    expect((await client.call('DELETE', `${base}/web`)).status).toBe(200);
    expect((await get('service')).items).toEqual([]);
  });

  it('beside one that has the only Service allowed is refused, and leaves nothing', async () => {
    const web = (name: string) => ({
      name,
      continuous: true,
      port: 8080,
      cmd: 'trap "exit 0" TERM; sleep 1000 & wait',
      imagename: 'bookworm',
    });
    expect((await client.call('POST', base, { body: web('first') })).status).toBe(201);
    const refused = await client.call('POST', base, { body: web('second') });
    expect(refused.status).toBe(403);
    expect(refused.json()).toMatchObject({ code: 'quota.exceeded' });
    expect((await get('deployment')).items.map((one: { metadata: { name: string } }) => one.metadata.name)).toEqual([
      'first',
    ]);
  });
});

describe('a flush', () => {
  it('ends everything but what cannot be ended, and names that', async () => {
    for (let index = 0; index < 30; index++) {
      await client.call('POST', base, {
        body: { name: `many-${index}`, cmd: 'date', imagename: 'bookworm', schedule: '@yearly' },
      });
    }
    const finalizers = (value: string[]) =>
      kubectl(cluster, [
        'patch',
        'cronjob',
        'many-7',
        '-n',
        namespace,
        '--type=merge',
        '-p',
        JSON.stringify({ metadata: { finalizers: value } }),
      ]);
    await finalizers(['example.org/kept']);
    const flushed = await client.call('DELETE', base);
    expect(flushed.status).toBe(200);
    expect(flushed.json().messages.warning.join()).toContain('many-7.');
    expect((await client.call('GET', base)).json().jobs.map(({ name }: { name: string }) => name)).toEqual(['many-7']);
    await finalizers([]);
    await until(async () => (await client.call('GET', base)).json().jobs.length === 0, 'it goes');
  });
});
