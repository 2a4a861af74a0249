/** Each way in which a run can end, in real containers, and what is on record of it afterwards. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'outcomes';
const stays = 'trap exit TERM; sleep 600 & wait';
let sandbox: Sandbox;
let client: ApiClient;

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'outcomes'), name: 'flow-outcomes' });
  await sandbox.addTool(tool);
  await kubectl(cluster, ['delete', 'resourcequota', '--all', '-n', `tool-${tool}`]);
  await sandbox.start();
  client = apiClient(sandbox, tool);
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
});

async function run(name: string, cmd: string, more: object = {}): Promise<void> {
  const body = { name, cmd, imagename: 'bookworm', filelog: false, ...more };
  const answer = await client.call('POST', jobsPath(tool), { body });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
}

/** A schedule that never comes by itself, begun by hand: of scheduled jobs only there is a time limit. */
async function runScheduled(name: string, cmd: string, more: object): Promise<void> {
  await run(name, cmd, { schedule: '0 0 1 1 *', ...more });
  await client.call('POST', `${jobsPath(tool)}/${name}/restart`);
}

async function recordOf(name: string): Promise<object> {
  return until(async () => {
    const answer = await client.call('GET', `${jobsPath(tool)}/${name}/runs`);
    return answer.status === 200 ? (answer.json().runs as object[])[0] : undefined;
  }, `the run of ${name} is on record`);
}

async function isRunning(name: string): Promise<boolean> {
  const { job } = (await client.call('GET', `${jobsPath(tool)}/${name}`)).json();
  return job.status.short === 'running';
}

/** As `kubectl drain` does before a machine is looked after. */
async function evict(name: string): Promise<void> {
  const [namespace, label] = [`tool-${tool}`, `app.kubernetes.io/name=${name}`];
  const pod = (await kubectl(cluster, ['get', 'pods', '-n', namespace, '-l', label, '-o', 'name'])).trim().slice(4);
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace } };
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`;
  await kubectl(cluster, ['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
}

describe.concurrent('a run', () => {
  it.each([
    ['done', 'true', {}, { outcome: 'succeeded', reason: null, exit_code: 0 }],
    ['wrong', 'exit 3', {}, { outcome: 'failed', reason: 'exit_code', exit_code: 3 }],
    ['killed', 'sleep 600 & kill -9 $!; wait $!', {}, { outcome: 'failed', reason: 'signal', exit_code: 137 }],
    ['hungry', 'tail /dev/zero', { memory: '100Mi' }, { outcome: 'failed', reason: 'out_of_memory', exit_code: 137 }],
    ['stubborn', 'exit 1', { retry: 1 }, { outcome: 'failed', reason: 'exit_code', attempts: 2 }],
  ])('that is %s is recorded as such', async (name, cmd, more, record) => {
    await run(name, cmd, more);
    expect(await recordOf(name)).toMatchObject(record);
  });

  it('that takes too long is recorded as past its time', async () => {
    await runScheduled('slow', stays, { timeout: 25 });
    expect(await recordOf('slow')).toMatchObject({ outcome: 'failed', reason: 'deadline' });
  });

  it('whose image cannot be had is recorded as never started, with the cause', async () => {
    await runScheduled('imageless', 'true', { timeout: 25, imagename: 'broken' });
    expect(await recordOf('imageless')).toMatchObject({ outcome: 'failed', reason: 'image', started: null });
  });

  it('that the cluster takes off its machine is recorded as evicted', async () => {
    await run('moved', stays);
    await until(() => isRunning('moved'), 'it runs');
    await evict('moved');
    expect(await recordOf('moved')).toMatchObject({ outcome: 'failed', reason: 'evicted' });
  });

  it('that is deleted while it goes on is recorded as stopped', async () => {
    await run('deleted', stays);
    await until(() => isRunning('deleted'), 'it runs');
    await client.call('DELETE', `${jobsPath(tool)}/deleted`);
    expect(await recordOf('deleted')).toMatchObject({ outcome: 'stopped', reason: null });
  });
});
