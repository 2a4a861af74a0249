/** How runs end, told and kept: on the real cluster, with jobs that are gone by then and a daemon that was killed. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const cluster = inject('cluster');
const tools = ['events-one', 'events-two'] as const;
const [tool, other] = tools;
let sandbox: Sandbox;
let one: ApiClient;
let two: ApiClient;

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'events'), name: 'flow-events' });
  await Promise.all(tools.map((name) => sandbox.addTool(name)));
  await sandbox.start();
  [one, two] = [apiClient(sandbox, tool), apiClient(sandbox, other)];
});

afterAll(async () => {
  one?.close();
  two?.close();
  await sandbox?.stop();
  await Promise.all(tools.map((name) => sandbox?.removeTool(name)));
});

const create = (name: string, cmd: string, more: object = {}) =>
  one.call('POST', jobsPath(tool), { body: { name, cmd, imagename: 'bookworm', ...more } });

async function runsOf(name: string): Promise<Record<string, unknown>[]> {
  const answer = await one.call('GET', `${jobsPath(tool)}/${name}/runs`);
  return answer.status === 404 ? [] : answer.json().runs;
}

const recorded = (name: string) => until(async () => (await runsOf(name))[0], `${name} has a record`);

/** As the cluster does it 30 s after the end. */
const removeJob = (name: string) => kubectl(cluster, ['delete', 'job', name, '-n', `tool-${tool}`]);

describe('the record of a run', () => {
  it('says how it ended, with the exit code and all attempts, and stays when the job is gone', async () => {
    const created = (await create('thrice', 'exit 3', { retry: 1 })).json().job;
    await create('good', 'exit 0');
    const run = await recorded('thrice');
    expect(run).toMatchObject({
      id: created.run_id,
      job: 'thrice',
      job_type: 'one-off',
      outcome: 'failed',
      reason: 'exit_code',
      exit_code: 3,
      attempts: 2,
      message: 'your program ended with code 3',
    });
    expect(Date.parse(String(run.finished))).toBeGreaterThanOrEqual(Date.parse(String(run.started)));
    expect(await recorded('good')).toMatchObject({ outcome: 'succeeded', exit_code: 0, attempts: 1 });
    await removeJob('thrice');
    await until(async () => (await one.call('GET', `${jobsPath(tool)}/thrice`)).status === 404, 'the job is gone');
    expect(await runsOf('thrice')).toEqual([run]);
    expect((await two.call('GET', `${jobsPath(tool)}/thrice/runs`)).status).toBe(403);
    expect((await two.call('GET', `${jobsPath(other)}/thrice/runs`)).status).toBe(404);
  });

  it('survives a kill and is not made twice, and an end that nobody saw is not guessed', async () => {
    await create('unseen', 'trap "exit 1" TERM; sleep 600 & wait');
    await until(async () => {
      const { job } = (await one.call('GET', `${jobsPath(tool)}/unseen`)).json();
      return job?.status.short === 'running';
    }, 'unseen runs');
    const before = await recorded('good');
    await sandbox.stop('SIGKILL');
    await kubectl(cluster, ['delete', 'job', 'unseen', '-n', `tool-${tool}`, '--cascade=foreground']);
    await sandbox.start();
    expect(await runsOf('good')).toEqual([before]);
    expect(await runsOf('unseen')).toEqual([]);
    expect(await mistakesIn(sandbox.logFile)).toEqual([]);
  });

  it('tells of a job that was deleted while it ran', async () => {
    await create('cut-short', 'sleep 600');
    await one.call('DELETE', `${jobsPath(tool)}/cut-short`);
    expect(await recorded('cut-short')).toMatchObject({ outcome: 'stopped', exit_code: null });
  });
});
