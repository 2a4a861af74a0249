/** Schedules that are suspended and run by hand on the real cluster. What comes of their firings is in firings.test.ts. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { arrivedMails } from '../support/mails.ts';
import { type Postfix, startPostfix } from '../support/postfix.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'suspend-one';
let sandbox: Sandbox;
let postfix: Postfix;
let client: ApiClient;

beforeAll(async () => {
  const dir = join(cluster.stateDir, 'suspend');
  postfix = await startPostfix({ dir: join(dir, 'postfix'), domains: ['toolforge.org'] });
  sandbox = await createSandbox({
    cluster,
    dir,
    name: 'flow-suspend',
    smtp: { allow: [{ host: 'mx.example.org', address: '127.0.0.1', port: postfix.port }] },
    settings: { mail_first_seconds: '1', task_compose_emails_loop_sleep: '1' },
  });
  await sandbox.addTool(tool);
  await sandbox.start();
  client = apiClient(sandbox, tool);
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await postfix?.stop();
  await sandbox?.removeTool(tool);
});

async function define(name: string, cmd: string, more: object = {}): Promise<void> {
  const body = { name, cmd, imagename: 'bookworm', schedule: '17 4 1 1 *', filelog: false, ...more };
  const answer = await client.call('POST', jobsPath(tool), { body });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
}

interface Run {
  readonly due: string | null;
  readonly created: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly manual: boolean;
  readonly message: string;
}

const runsOf = async (name: string) =>
  (await client.call('GET', `${jobsPath(tool)}/${name}/runs`)).json<{ runs: Run[] }>().runs;
const statusOf = async (name: string) =>
  (await client.call('GET', `${jobsPath(tool)}/${name}`)).json().job.status_short as string;
const specOf = async (name: string) =>
  JSON.parse(await kubectl(cluster, ['get', 'cronjob', name, '-n', `tool-${tool}`, '-o', 'json'])).spec;

/** Up to half a minute later, where a run that fell due could still be begun. */
const goesOn = (name: string) => until(async () => (await specOf(name)).suspend === false, `${name} goes on`, 45_000);

describe('a scheduled job', () => {
  beforeAll(async () => {
    await define('rests', 'true');
    await define('breaks', 'exit 3', { emails: 'onfailure', suspend_after: 2 });
    await define('goes', 'trap exit TERM; sleep 600 & wait');
  });

  it('is suspended with a note, and says so in list', async () => {
    const { stderr } = await sandbox.jobs(tool, 'suspend', 'rests', '--note', 'the wiki moves', '--until', '3d');
    expect(stderr).toMatch(/Job rests is suspended: no run starts until 20\d\d-/);
    const { stdout } = await sandbox.jobs(tool, 'list');
    expect(stdout).toMatch(/rests .* Suspended since 20\S+Z by its owner: the wiki moves; until 20\S+Z/);
    expect((await specOf('rests')).suspend).toBe(true);
    expect((await sandbox.jobs(tool, 'dump')).stdout).toMatch(/suspend: true\n {2}suspend-note: the wiki moves/);
  });

  it('stays suspended by its command whatever of it is dumped, loaded or set, until a command resumes it', async () => {
    const file = join(sandbox.homeOf(tool), 'jobs.yaml');
    await sandbox.jobs(tool, 'dump', '--to-file', file);
    expect((await sandbox.jobs(tool, 'plan', file)).stdout).toContain('Nothing to do.');
    await sandbox.jobs(tool, 'set', 'rests', '--mem', '256Mi');
    await writeFile(file, (await readFile(file, 'utf8')).replace(/^ {2}suspend(-note|-until)?:.*\n/gm, ''));
    expect((await sandbox.jobs(tool, 'plan', file)).stdout).toContain("'resume rests' lets it go on.");
    await sandbox.jobs(tool, 'apply', file, '--yes');
    expect((await specOf('rests')).suspend).toBe(true);
  });

  it('goes on by itself at the time that was named', async () => {
    await sandbox.jobs(tool, 'suspend', 'rests', '--until', '3s');
    await goesOn('rests');
  });

  it('goes on by itself also where the service was away then', async () => {
    await sandbox.jobs(tool, 'suspend', 'rests', '--until', '3s');
    await sandbox.stop('SIGKILL');
    await sandbox.start();
    await goesOn('rests');
  });

  it('that runs already begins no second run, and says which one goes', async () => {
    const { code, stdout } = await sandbox.jobs(tool, 'run-now', 'goes', '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'goes', run_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    const again = await client.call('POST', `${jobsPath(tool)}/goes/run`);
    expect([again.status, again.json()]).toMatchObject([
      409,
      { code: 'job.running', fields: { run: JSON.parse(stdout).run_id } },
    ]);
  });

  it('is suspended by the service after failures in a row, which one mail says, with how to resume it', async () => {
    for (const _ of [1, 2]) {
      const { code, stderr } = await sandbox.jobs(tool, 'run-now', 'breaks', '--wait', '--exit-code');
      expect([code, stderr]).toEqual([3, expect.stringContaining("job 'breaks' failed")]);
    }
    await until(async () => (await statusOf('breaks')).startsWith('Suspended'), 'it is suspended');
    expect(await statusOf('breaks')).toMatch(/^Suspended since \S+ by the service: 2 runs in a row failed$/);
    const mail = await until(
      async () => (await arrivedMails(postfix)).find(({ text }) => text.includes('toolforge-jobs resume breaks')),
      'a mail says how to resume it',
    );
    expect(mail.text.replace(/\s+/g, ' ')).toMatch(/Your job breaks was suspended at .*, after 2 failures in a row/);
    expect((await runsOf('breaks')).map(({ manual }) => manual)).toEqual([true, true]);
  });
});

it('the log has no mistake of ours', async () => {
  expect(await mistakesIn(sandbox.logFile)).toEqual([]);
});
