/**
 * What happens while no daemon is there: jobs that end and are deleted, names that are used again, and a start that is quick all the same.
 * On the real cluster.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'resume-one';
let sandbox: Sandbox;
let client: ApiClient;

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'resume'), name: 'flow-resume' });
  await sandbox.addTool(tool);
  // Its jobs run side by side.
  await kubectl(cluster, ['delete', 'resourcequota', '--all', '-n', `tool-${tool}`]);
  await sandbox.start();
  client = apiClient(sandbox, tool);
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
});

const create = async (name: string, cmd: string, more: object = {}) => {
  const answer = await client.call('POST', jobsPath(tool), { body: { name, cmd, imagename: 'bookworm', ...more } });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
};
const kube = (...args: string[]) => kubectl(cluster, [...args, '-n', `tool-${tool}`]);
const runsOf = async (name: string): Promise<Record<string, unknown>[]> => {
  const answer = await client.call('GET', `${jobsPath(tool)}/${name}/runs`);
  return answer.status === 404 ? [] : answer.json().runs;
};
const isRunning = (name: string) =>
  until(async () => {
    const { job } = (await client.call('GET', `${jobsPath(tool)}/${name}`)).json();
    return job?.status.short === 'running';
  }, `${name} runs`);
const hasCondition = (job: string, type: string) =>
  until(async () => {
    const { status } = JSON.parse(await kube('get', 'job', job, '-o', 'json'));
    return status.conditions?.some((one: { type: string }) => one.type === type);
  }, `${job} is ${type}`);
/** Undefined before it is first written. */
const checkpoint = async () =>
  JSON.parse(await readFile(join(sandbox.dir, 'state/checkpoint.json'), 'utf8').catch(() => 'null')) ?? undefined;
/** Ends with the code as soon as the file is there. */
const onceThere = (file: string, code: number) => `until [ -e ${file} ]; do sleep 0.1; done; exit ${code}`;
const allow = (file: string) => writeFile(join(sandbox.homeOf(tool), file), '');

describe('a job that ends while the daemon is away', () => {
  it('and is deleted, is recorded as it ended', async () => {
    await create('unseen-bad', onceThere('go', 3), { retry: 1 });
    await create('unseen-good', onceThere('go', 0));
    await create('by-hand', onceThere('go', 5), { schedule: '0 0 1 1 *' });
    await client.call('POST', `${jobsPath(tool)}/by-hand/restart`);
    for (const name of ['unseen-bad', 'unseen-good', 'by-hand']) await isRunning(name);
    await until(async () => (await checkpoint())?.positions.Pod, 'there is a checkpoint');
    const [run] = (await kube('get', 'jobs', '-l', 'app.kubernetes.io/name=by-hand', '-o', 'name')).trim().split('\n');

    await sandbox.stop('SIGKILL');
    await allow('go');
    await hasCondition('unseen-bad', 'Failed');
    await hasCondition('unseen-good', 'Complete');
    await hasCondition(run?.split('/')[1] as string, 'Failed');
    await kube('delete', 'job', 'unseen-bad', 'unseen-good', '--cascade=foreground');
    await kube('delete', 'cronjob', 'by-hand', '--cascade=foreground');
    await sandbox.start();

    expect(await runsOf('unseen-bad')).toMatchObject([
      { outcome: 'failed', reason: 'exit_code', exit_code: 3, attempts: 2 },
    ]);
    expect(await runsOf('unseen-good')).toMatchObject([{ outcome: 'succeeded', exit_code: 0, attempts: 1 }]);
    expect(await runsOf('by-hand')).toMatchObject([{ outcome: 'failed', exit_code: 5, attempts: 1 }]);
    expect((await client.call('GET', jobsPath(tool))).json().jobs).toEqual([]);
  });

  it('and gives its name to another one, is not taken for that one', async () => {
    await create('again', onceThere('go-again', 7));
    await isRunning('again');
    const object = JSON.parse(await kube('get', 'job', 'again', '-o', 'json'));

    await sandbox.stop('SIGKILL');
    await allow('go-again');
    await hasCondition('again', 'Failed');
    await kube('delete', 'job', 'again', '--cascade=background');
    const { name, namespace, labels, annotations } = object.metadata;
    const ours = Object.entries(labels).filter(([label]) => !/controller-uid|job-name/.test(label));
    const { spec } = object.spec.template;
    const template = { metadata: { labels: Object.fromEntries(ours) }, spec: { ...spec, containers: spec.containers } };
    template.spec.containers[0].command = ['/bin/sh', '-c', '--', 'exit 0'];
    const next = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name, namespace, labels: Object.fromEntries(ours), annotations },
      spec: { backoffLimit: 0, template },
    };
    await kubectl(cluster, ['create', '-f', '-'], JSON.stringify(next));
    await hasCondition('again', 'Complete');
    await sandbox.start();

    expect(await runsOf('again')).toMatchObject([
      { outcome: 'succeeded', exit_code: 0 },
      { outcome: 'failed', exit_code: 7 },
    ]);
    expect(await mistakesIn(sandbox.logFile)).toEqual([]);
  });

  it('costs no gap, and a start that is not much longer', async () => {
    const times: number[] = [];
    for (const isQuiet of [true, false]) {
      await sandbox.stop();
      if (!isQuiet) await kube('create', 'configmap', 'something-else');
      const from = performance.now();
      await sandbox.start();
      times.push(Math.round(performance.now() - from));
    }
    console.log(`ready after ${times[0]} ms where nothing had happened, after ${times[1]} ms where something had`);
    expect((await checkpoint()).gaps).toEqual([]);
    expect(Math.max(...times)).toBeLessThan(10_000);
  });
});

describe('a checkpoint that cannot be read', () => {
  it('is set aside, and what may have been missed is noted', async () => {
    await sandbox.stop();
    await writeFile(join(sandbox.dir, 'state/checkpoint.json'), '{"v":1,');
    await sandbox.start();
    const { gaps } = await until(async () => {
      const now = await checkpoint();
      return now?.positions.Pod !== undefined && now;
    }, 'there is a new one');
    expect(gaps).toMatchObject([{ from: 0 }]);
    expect(await readFile(sandbox.logFile, 'utf8')).toContain('the checkpoint cannot be read; it is set aside');
  });
});
