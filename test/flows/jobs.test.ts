/** Jobs that really run: from a request to a container and back to the list, on the real cluster. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Adoptable } from '../../bin/admin/adopt-command.ts';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { readAudit } from '../support/audit.ts';
import { cluster } from '../support/flow-cluster.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

let sandbox: Sandbox;
let alpha: ApiClient;
let beta: ApiClient;
const base = '/v1/tool/jobs-alpha/jobs';

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'jobs'), name: 'flow-jobs' });
  await Promise.all([sandbox.addTool('jobs-alpha'), sandbox.addTool('jobs-beta')]);
  await sandbox.start();
  alpha = apiClient(sandbox, 'jobs-alpha');
  beta = apiClient(sandbox, 'jobs-beta');
});

afterAll(async () => {
  alpha?.close();
  beta?.close();
  await sandbox?.stop();
  await Promise.all(['jobs-alpha', 'jobs-beta'].map((tool) => sandbox?.removeTool(tool)));
});

const job = (name: string, cmd: string, more: object = {}) => ({ name, cmd, imagename: 'bookworm', ...more });
/** Until it is told to end, which it then does at once. */
const idle = 'trap "exit 0" TERM; sleep 600 & wait';
const shown = async (name: string) => (await alpha.call('GET', `${base}/${name}`)).json().job;

describe('a job', () => {
  it('that is a one-off runs in a container, writes to the home as its owner, and is shown as completed', async () => {
    const created = await alpha.call('POST', base, { body: job('hello', 'echo hello; echo oops >&2; sleep 3') });
    expect(created.status).toBe(201);
    expect(created.json().job).toMatchObject({ name: 'hello', job_type: 'one-off', imagename: 'bookworm' });

    const done = await until(async () => {
      const current = await alpha.call('GET', `${base}/hello`);
      return current.json().job?.status_short === 'Completed' && current.json().job;
    }, 'hello completes');
    expect(done.status.short).toBe('succeeded');
    const home = sandbox.homeOf('jobs-alpha');
    expect(await readFile(join(home, 'hello.out'), 'utf8')).toBe('hello\n');
    expect(await readFile(join(home, 'hello.err'), 'utf8')).toBe('oops\n');
    expect((await stat(join(home, 'hello.out'))).uid).toBe((await stat(home)).uid);
  });

  it('that ends with exit code 3 is shown as failed, with the code', async () => {
    await alpha.call('POST', base, { body: job('three', 'exit 3') });
    const failed = await until(async () => {
      const current = await shown('three');
      return current?.status.short === 'failed' && current;
    }, 'three fails');
    expect(failed.status_short).toBe('Failed');
    expect(failed.status_long).toContain("Exit code '3'");
    expect(failed.status.messages.join(' ')).toContain('3');
  });

  it('that takes too much memory is shown as killed for memory', async () => {
    await alpha.call('POST', base, { body: job('hungry', 'tail /dev/zero', { memory: '100Mi' }) });
    const failed = await until(async () => {
      const current = await shown('hungry');
      return current?.status.short === 'failed' && current;
    }, 'hungry fails');
    expect(`${failed.status_long} ${failed.status.messages.join(' ')}`).toContain('OOMKilled');
  });

  it('that is continuous runs until it is deleted, and delete returns when its pod is gone', async () => {
    await alpha.call('POST', base, {
      body: job('bot', 'trap "exit 0" TERM; while true; do sleep 0.2; done', { continuous: true }),
    });
    await until(async () => (await shown('bot'))?.status.short === 'running', 'bot runs');
    const deleted = await alpha.call('DELETE', `${base}/bot`);
    expect(deleted.status).toBe(200);
    const pods = await kubectl(cluster, [
      'get',
      'pods',
      '-n',
      'tool-jobs-alpha',
      '-l',
      'app.kubernetes.io/name=bot',
      '-o',
      'name',
    ]);
    expect(pods.trim()).toBe('');
  });

  it('that is scheduled waits for its time and says when that is', async () => {
    const created = await alpha.call('POST', base, { body: job('yearly', 'date', { schedule: '@yearly' }) });
    expect(created.json().job).toMatchObject({ schedule: '@yearly', job_type: 'scheduled' });
    const next = (await shown('yearly')).status.next_schedule;
    expect(Date.parse(next)).toBeGreaterThan(Date.now());
  });

  it('is in the list as soon as run has returned, and out of it as soon as delete has', async () => {
    for (let round = 0; round < 10; round++) {
      const name = `round-${round}`;
      expect((await alpha.call('POST', base, { body: job(name, 'date', { schedule: '@yearly' }) })).status).toBe(201);
      const names = (await alpha.call('GET', base)).json().jobs.map((one: { name: string }) => one.name);
      expect(names).toContain(name);
      expect((await alpha.call('DELETE', `${base}/${name}`)).status).toBe(200);
      expect((await alpha.call('GET', `${base}/${name}`)).status).toBe(404);
    }
  });

  it('whose name is taken is refused and changes nothing, whatever its type', async () => {
    await alpha.call('POST', base, { body: job('taken', 'date', { schedule: '@yearly' }) });
    const again = await alpha.call('POST', base, { body: job('taken', 'date') });
    expect(again.status).toBe(409);
    expect(again.json()).toMatchObject({ code: 'job.conflict', fields: { field: 'name', value: 'taken' } });
    expect((await shown('taken')).job_type).toBe('scheduled');
  });

  it('takes its name once, when three kinds of it are asked for at the same time', async () => {
    const answers = await Promise.all(
      [{}, { schedule: '@yearly' }, { continuous: true }].map((more) =>
        alpha.call('POST', base, { body: job('thrice', 'sleep 30', more) }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expect((await alpha.call('DELETE', `${base}/thrice`)).status).toBe(200);
    expect((await alpha.call('GET', `${base}/thrice`)).status).toBe(404);
  });

  it('that is deleted as soon as it was created leaves no pod that comes later', async () => {
    for (let round = 0; round < 12; round++) {
      await alpha.call('POST', base, { body: job('short-lived', 'sleep 30') });
      expect((await alpha.call('DELETE', `${base}/short-lived`)).json().messages.warning).toEqual([]);
      const selector = 'app.kubernetes.io/name=short-lived';
      expect(
        (await kubectl(cluster, ['get', 'pods,jobs', '-n', 'tool-jobs-alpha', '-l', selector, '-o', 'name'])).trim(),
      ).toBe('');
    }
  });

  it('that something else holds back is shown until it is really gone', async () => {
    await alpha.call('POST', base, { body: job('held', 'date', { schedule: '@yearly' }) });
    const patch = (finalizers: string[]) =>
      kubectl(cluster, [
        'patch',
        'cronjob',
        'held',
        '-n',
        'tool-jobs-alpha',
        '--type',
        'merge',
        '-p',
        JSON.stringify({ metadata: { finalizers } }),
      ]);
    await patch(['example.org/hold']);
    const deleted = alpha.call('DELETE', `${base}/held`);
    await until(
      async () =>
        (await kubectl(cluster, [
          'get',
          'cronjob',
          'held',
          '-n',
          'tool-jobs-alpha',
          '-o',
          'jsonpath={.metadata.deletionTimestamp}',
        ])) !== '',
      'the end has begun',
    );
    expect((await alpha.call('GET', `${base}/held`)).status).toBe(200);
    await patch([]);
    expect((await deleted).status).toBe(200);
    expect((await alpha.call('GET', `${base}/held`)).status).toBe(404);
  });

  it('that asks for more than the limits of the tool is refused before it is made', async () => {
    const refused = await alpha.call('POST', base, { body: job('giant', 'date', { memory: '99999Gi', cpu: '10m' }) });
    expect(refused.status).toBe(400);
    expect(refused.json().code).toBe('limits.exceeded');
    expect(refused.json().error).toHaveLength(2);
  });

  it('with several mistakes is refused with all of them named', async () => {
    const refused = await alpha.call('POST', base, {
      body: { name: 'No Good', cmd: '', imagename: 'bookworm', memory: 'lots', retry: 9, colour: 'red' },
    });
    expect(refused.status).toBe(400);
    const text = refused.json().error.join('\n');
    for (const field of ['name', 'cmd', 'memory', 'retry', 'colour']) expect(text).toContain(field);
  });

  it('can be found in the cluster by the labels operators know', async () => {
    await alpha.call('POST', base, { body: job('labelled', idle) });
    for (const [kind, component] of [
      ['jobs', 'jobs'],
      ['cronjobs', 'cronjobs'],
    ]) {
      const selector = `app.kubernetes.io/managed-by=toolforge-jobs-framework,app.kubernetes.io/component=${component}`;
      const found = await kubectl(cluster, ['get', kind as string, '-A', '-l', selector, '-o', 'name']);
      expect(found.trim()).not.toBe('');
    }
  });

  it('whose image can never be pulled says so when it is shown', async () => {
    await alpha.call('POST', base, { body: job('no-image', 'date', { imagename: 'broken' }) });
    const troubled = await until(async () => {
      const current = await shown('no-image');
      return /ImagePullBackOff|ErrImagePull/.test(JSON.stringify(current)) && current;
    }, 'the image is not found');
    expect(troubled.status.short).not.toBe('running');
  });

  it('whose pods the quota refuses says so when it is shown', async () => {
    await alpha.call('POST', base, { body: job('too-big', 'date', { memory: '3900Mi', cpu: '1' }) });
    await alpha.call('POST', base, {
      body: job('too-big-2', idle, { memory: '3900Mi', cpu: '1', continuous: true }),
    });
    await alpha.call('POST', base, { body: job('too-big-3', idle, { memory: '3900Mi', cpu: '1' }) });
    await until(async () => /quota/.test(JSON.stringify(await shown('too-big-3'))), 'the quota is named');
  });
});

describe('objects of earlier releases', () => {
  const labels = (name: string, version: string) => ({
    toolforge: 'tool',
    'app.kubernetes.io/version': version,
    'app.kubernetes.io/managed-by': 'toolforge-jobs-framework',
    'app.kubernetes.io/created-by': 'jobs-alpha',
    'app.kubernetes.io/component': 'cronjobs',
    'app.kubernetes.io/name': name,
    'jobs.toolforge.org/emails': 'onfailure',
    'jobs.toolforge.org/filelog': 'yes',
  });
  const cronJob = (name: string, version: string, command: string[]) => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name, namespace: 'tool-jobs-alpha', labels: labels(name, version) },
    spec: {
      schedule: '1 1 1 1 *',
      jobTemplate: {
        spec: {
          template: {
            metadata: { labels: labels(name, version) },
            spec: { restartPolicy: 'Never', containers: [{ name, image: cluster.images[0]?.url, command }] },
          },
        },
      },
    },
  });

  it('are shown to whoever moves in, with what is not understood of them', async () => {
    const strange = cronJob('not-ours', '2', []);
    const old = cronJob('adopted', '1', ['/bin/sh', '-c', '--', './a.sh 1>>adopted.out 2>>adopted.err']);
    await kubectl(cluster, ['apply', '-f', '-'], [strange, old].map((one) => JSON.stringify(one)).join('\n---\n'));
    await alpha.call('POST', base, { body: job('ours', 'true', { schedule: '1 1 1 1 *' }) });
    const { stdout } = await sandbox.admin('adopt', '--dry-run', '--tool', 'jobs-alpha', '--output', 'json');
    const found = new Map((JSON.parse(stdout) as Adoptable[]).map((each) => [each.name, each]));
    expect(found.get('not-ours')).toMatchObject({ understood: false, remark: expect.stringContaining('command') });
    expect(found.get('adopted')).toEqual({
      tool: 'jobs-alpha',
      name: 'adopted',
      kind: 'CronJob',
      made_by: 'an earlier one',
      understood: true,
      remark: 'Its next change writes its definition beside it.',
    });
    expect(found.get('ours')).toMatchObject({ made_by: 'this service', understood: true, remark: '' });
    const { stdout: text } = await sandbox.admin('adopt', '--dry-run');
    expect(text).toMatch(/^jobs-alpha +not-ours +CronJob +an earlier one +no +Its command is not one/m);
    expect(text).toMatch(/1 are not understood: they are listed without their definition, and left alone\./);
    await kubectl(cluster, ['delete', 'cronjob', 'not-ours', 'adopted', '-n', 'tool-jobs-alpha']);
  });

  it('are read from their labels and commands, without our annotation', async () => {
    const objects = [
      cronJob('first-form', '1', ['/bin/sh', '-c', '--', './a.sh 1>>first-form.out 2>>first-form.err']),
      cronJob('second-form', '2', [
        '/bin/sh',
        '-c',
        '--',
        'exec 1>>second-form.out;exec 2>>second-form.err;./b.sh; ./c.sh',
      ]),
    ];
    await kubectl(cluster, ['apply', '-f', '-'], objects.map((one) => JSON.stringify(one)).join('\n---\n'));
    await until(async () => (await shown('second-form')) && (await shown('first-form')), 'both are listed');
    expect(await shown('first-form')).toMatchObject({
      cmd: './a.sh',
      schedule: '1 1 1 1 *',
      emails: 'onfailure',
      filelog: true,
    });
    expect(await shown('second-form')).toMatchObject({ cmd: './b.sh; ./c.sh', filelog: true });
  });

  it('that cannot be read are listed as foreign and break nothing', async () => {
    const odd = cronJob('odd', '2', []);
    odd.spec.jobTemplate.spec.template.spec.containers = [
      { name: 'x', image: 'elsewhere/unknown:1', command: ['/launch', 'me'] },
    ];
    await kubectl(cluster, ['apply', '-f', '-'], JSON.stringify(odd));
    await until(async () => (await shown('odd')) !== undefined, 'odd is listed');
    const listed = await alpha.call('GET', base);
    expect(listed.status).toBe(200);
    expect((await alpha.call('GET', '/api/v1/list/')).status).toBe(200);
  });
});

describe('two tools', () => {
  it('see nothing of each other and are refused when they ask', async () => {
    await alpha.call('POST', base, { body: job('private', 'date', { schedule: '@yearly' }) });
    expect((await beta.call('GET', '/v1/tool/jobs-beta/jobs')).json().jobs).toEqual([]);
    expect((await beta.call('GET', '/api/v1/list/')).json()).toEqual([]);
    for (const [method, path] of [
      ['GET', base],
      ['POST', base],
      ['DELETE', base],
      ['GET', `${base}/private`],
      ['DELETE', `${base}/private`],
    ]) {
      const refused = await beta.call(
        method as string,
        path as string,
        method === 'POST' ? { body: job('x', 'date') } : {},
      );
      expect(refused.status).toBe(403);
      expect(refused.json().code).toBe('caller.forbidden');
    }
    expect((await beta.call('GET', '/api/v1/show/private/')).status).toBe(404);
    expect((await beta.call('DELETE', '/api/v1/delete/private')).status).toBe(200);
    expect((await beta.call('DELETE', '/api/v1/flush/')).status).toBe(200);
    expect((await alpha.call('GET', `${base}/private`)).status).toBe(200);
  });

  it('act in the cluster each under its own name, in its own namespace', async () => {
    const writes = (await readAudit(cluster)).filter(
      ({ verb, user }) => ['create', 'delete', 'deletecollection'].includes(verb) && user.username.startsWith('jobs-'),
    );
    expect(writes.length).toBeGreaterThan(10);
    expect(writes.filter(({ user, objectRef }) => objectRef?.namespace !== `tool-${user.username}`)).toEqual([]);
    expect(writes.every(({ user }) => user.groups.includes('toolforge'))).toBe(true);
  });

  it('are listed without a call to Kubernetes', async () => {
    const before = (await readAudit(cluster)).length;
    for (let round = 0; round < 50; round++) await beta.call('GET', '/v1/tool/jobs-beta/jobs');
    const since = (await readAudit(cluster)).slice(before);
    expect(since.filter(({ user, verb }) => user.username.includes('jobs-') && verb !== 'watch')).toEqual([]);
  });
});

describe('flush', () => {
  it('ends every job of the tool, and of no other', async () => {
    await beta.call('POST', '/v1/tool/jobs-beta/jobs', { body: job('stays', 'date', { schedule: '@yearly' }) });
    expect((await alpha.call('DELETE', base)).status).toBe(200);
    expect((await alpha.call('GET', base)).json().jobs).toEqual([]);
    expect(
      (await kubectl(cluster, ['get', 'jobs,cronjobs,deployments,pods', '-n', 'tool-jobs-alpha', '-o', 'name'])).trim(),
    ).toBe('');
    expect((await beta.call('GET', '/v1/tool/jobs-beta/jobs')).json().jobs).toHaveLength(1);
  });
});
