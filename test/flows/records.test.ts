/** What is kept of runs on the real cluster: their output after their pods are gone, and what a job was before it was changed. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'records-one';
let sandbox: Sandbox;
let client: ApiClient;

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'records'), name: 'flow-records' });
  await sandbox.addTool(tool);
  await sandbox.start();
  client = apiClient(sandbox, tool);
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
});

const define = async (method: 'POST' | 'PATCH', body: object) => {
  const answer = await client.call(method, jobsPath(tool), { body: { imagename: 'bookworm', ...body } });
  expect([answer.status, answer.text]).toEqual([method === 'POST' ? 201 : 200, expect.any(String)]);
};
const runOf = (name: string) =>
  until(async () => {
    const answer = await client.call('GET', `${jobsPath(tool)}/${name}/runs`);
    return answer.status === 200 ? answer.json().runs[0] : undefined;
  }, `a run of ${name} is on record`);
/** The lines without their times. */
const logOf = async (...words: string[]) =>
  (await sandbox.jobs(tool, 'logs', ...words)).stdout.split('\n').map((line) => line.replace(/^\S+ /, ''));

describe('a run whose pod is gone', () => {
  let before: string;

  beforeAll(async () => {
    await define('POST', { name: 'says', cmd: 'echo one; echo two >&2; exit 3', filelog: false });
    await define('POST', { name: 'writes', cmd: 'echo to a file', filelog: true });
    await define('POST', { name: 'nightly', cmd: './old.sh', schedule: '17 4 * * *' });
    await Promise.all(['says', 'writes'].map(runOf));
    before = new Date().toISOString();
    await until(() => Date.now() > Date.parse(before) + 1_000, 'it has been so for a moment');
    await define('PATCH', { name: 'nightly', cmd: './new.sh', schedule: '17 4 * * *' });
  });

  it('shows the log of its pod while that is there', async () => {
    const lines = await logOf('says', '--run', 'last');
    expect(lines.map((line) => line.replace(/\[says-[^\]]*\]/, '[pod]')).sort()).toEqual([
      '',
      '[pod] [job] one',
      '[pod] [job] two',
    ]);
  });

  it('shows what was kept of it when the job has vanished, also after the daemon was killed', async () => {
    for (const name of ['says', 'writes'])
      await until(
        async () => (await client.call('GET', `${jobsPath(tool)}/${name}`)).status === 404,
        `${name} is gone`,
      );
    await sandbox.stop('SIGKILL');
    await sandbox.start();
    const id = (await runOf('says')).id.slice(0, 8);
    const [note, ...lines] = await logOf('says', '--run', id);
    expect(note).toContain('(kept when the run had ended, from its output)');
    // Of two streams nobody knows which line came first.
    expect(lines.map((line) => line.split(' ').at(-1)).sort()).toEqual(['', 'one', 'two']);
    expect(await logOf('writes', '--run', 'last')).toEqual([
      '[writes.out] [both] (kept when the run had ended, from writes.out)',
      '[writes.out] [stdout] to a file',
      '',
    ]);
    expect((await sandbox.jobs(tool, 'history', 'says')).stdout).toContain(id);
  });

  it('has what it ran with on record', async () => {
    expect(await runOf('says')).toMatchObject({
      trigger: 'manual',
      definition_version: expect.stringMatching(/^[0-9a-f]{8}$/),
      in_a_row: 1,
    });
  });

  it('tells what a job was before it was changed, and that nobody knows of an earlier time', async () => {
    const past = (await sandbox.jobs(tool, 'show', 'nightly', '--at', before)).stdout;
    expect(past).toMatch(/\| Command: +\| \.\/old\.sh +\|/);
    expect(past).toMatch(/As it was at 20/);
    expect((await sandbox.jobs(tool, 'show', 'nightly')).stdout).toContain('./new.sh');
    const { code, stderr } = await sandbox.jobs(tool, 'show', 'nightly', '--at', '1h');
    expect([code, stderr]).toEqual([1, expect.stringContaining("Job 'nightly' is not known to have been there at")]);
  });
});

it('the log has no mistake of ours', async () => {
  expect(await mistakesIn(sandbox.logFile)).toEqual([]);
});
