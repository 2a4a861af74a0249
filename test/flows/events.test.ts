/** How runs end, told, waited for and kept: on the real cluster, with jobs that are gone by then and a daemon that was killed. */

import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

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

  it('survives a kill and is not made twice, and tells of what ended while no daemon was there', async () => {
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
    expect(await runsOf('unseen')).toMatchObject([{ outcome: 'stopped', exit_code: null }]);
    expect(await mistakesIn(sandbox.logFile)).toEqual([]);
  });

  it('tells of a job that was deleted while it ran', async () => {
    await create('cut-short', 'sleep 600');
    await one.call('DELETE', `${jobsPath(tool)}/cut-short`);
    expect(await recorded('cut-short')).toMatchObject({ outcome: 'stopped', exit_code: null });
  });
});

/** Names of the events that a tool hears, e.g. `run.ended demo`, as they come. */
function listenAs(name: string, query = '', headers: Readonly<Record<string, string>> = {}) {
  const pair = join(sandbox.homeOf(name), '.toolskube/client');
  let text = '';
  const outgoing = request(`${sandbox.url}/v1/tool/${name}/events${query}`, {
    ca: readFileSync(sandbox.caFile),
    cert: readFileSync(`${pair}.crt`),
    key: readFileSync(`${pair}.key`),
    headers,
  });
  outgoing.on('response', (incoming) => {
    incoming.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    incoming.on('error', () => {});
  });
  outgoing.on('error', () => {});
  outgoing.end();
  return {
    events: () =>
      [...text.matchAll(/^event: (.*)\ndata: (.*)$/gm)].map(([, event, data]) =>
        `${event} ${(JSON.parse(data as string) as { job?: string }).job ?? ''}`.trim(),
      ),
    lastId: () => [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1],
    close: () => outgoing.destroy(),
  };
}

describe('the events of a tool', () => {
  it('tell its jobs and nobody else, and go on where they were interrupted', async () => {
    const [ours, filtered, theirs] = [listenAs(tool), listenAs(tool, '?job=other'), listenAs(other)];
    const all = [ours, filtered, theirs];
    await until(() => all.every((heard) => heard.lastId()), 'all listen');
    await create('heard', 'exit 4');
    await until(() => ours.events().includes('run.ended heard'), 'the end is heard');
    expect(ours.events()[0]).toBe('job.changed heard');
    const lastEventId = ours.lastId() as string;
    ours.close();
    await removeJob('heard');
    const again = listenAs(tool, '', { 'last-event-id': lastEventId });
    await until(() => again.events().includes('job.gone heard'), 'what was missed is heard');
    expect(again.events()).not.toContain('reset');
    expect(again.events()).not.toContain('run.ended heard');
    expect([...filtered.events(), ...theirs.events()]).toEqual([]);
    for (const heard of [...all, again]) heard.close();
  });
});

describe('run --wait', () => {
  const run = ['--image', 'bookworm', '--wait', '90', '--exit-code'] as const;
  const isRunning = (name: string) => async () => {
    const { job } = (await one.call('GET', `${jobsPath(tool)}/${name}`)).json();
    return job?.status.short === 'running';
  };

  it('ends with 0, with the exit code of the program, or with 137 when it ran out of memory', async () => {
    const eater = 'x=x; while :; do x=$x$x; done';
    const [good, bad, late, eaten] = await Promise.all([
      sandbox.jobs(tool, 'run', 'w-good', '--command', 'exit 0', ...run),
      sandbox.jobs(tool, 'run', 'w-bad', '--command', 'exit 7', '--retry', '1', ...run),
      sandbox.jobs(tool, 'run', 'w-late', '--command', 'test -e w && exit 0; touch w; exit 3', '--retry', '1', ...run),
      sandbox.jobs(tool, 'run', 'w-eaten', '--command', eater, '--mem', '100Mi', ...run),
    ]);
    // Between them, jobs of one tool may have to wait for room; that is said.
    expect(good).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(/^INFO: job 'w-good' completed\n$/m),
    });
    expect(bad.code).toBe(7);
    expect(bad.stderr).toContain("ERROR: job 'w-bad' failed:\n");
    expect(bad.stdout).toContain('| Status:');
    expect(late.code).toBe(0);
    expect(eaten.code).toBe(137);
    expect(await runsOf('w-eaten')).toMatchObject([{ reason: 'out_of_memory' }]);
  });

  it('judges a job that has gone before it looked by its record', async () => {
    const waiting = sandbox.begin(tool, 'run', 'w-gone', '--command', 'sleep 2; exit 9', ...run);
    await until(isRunning('w-gone'), 'w-gone runs');
    waiting.signal('SIGSTOP');
    await recorded('w-gone');
    await removeJob('w-gone');
    await until(async () => (await one.call('GET', `${jobsPath(tool)}/w-gone`)).status === 404, 'the job is gone');
    await sandbox.stop('SIGKILL');
    await sandbox.start();
    waiting.signal('SIGCONT');
    const { code, stderr } = await waiting.result;
    expect([code, stderr]).toEqual([9, expect.stringContaining("ERROR: job 'w-gone' failed:")]);
  });

  it('goes on waiting while the daemon is killed and comes back, and says so once', async () => {
    const waiting = sandbox.begin(tool, 'run', 'w-kill', '--command', 'sleep 8; exit 5', ...run);
    await until(isRunning('w-kill'), 'w-kill runs');
    await sandbox.stop('SIGKILL');
    await sandbox.start();
    const { code, stderr } = await waiting.result;
    expect(code).toBe(5);
    expect(stderr.split('Still waiting').length).toBeLessThanOrEqual(2);
    expect(stderr).toContain("ERROR: job 'w-kill' failed:");
  });

  it('ends with 2 and says so when the job is deleted under it', async () => {
    const waiting = sandbox.begin(tool, 'run', 'w-stop', '--command', 'trap "exit 1" TERM; sleep 600 & wait', ...run);
    await until(isRunning('w-stop'), 'w-stop runs');
    await one.call('DELETE', `${jobsPath(tool)}/w-stop`);
    const { code, stderr } = await waiting.result;
    expect([code, stderr]).toEqual([2, expect.stringContaining("job 'w-stop' was stopped")]);
    expect(await mistakesIn(sandbox.logFile)).toEqual([]);
  });
});
