/** Schedules that are suspended on the real cluster: by their owner, by their file, by failures in a row; and what comes of their firings. */
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
const slowMs = 220_000;
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
  const body = { name, cmd, imagename: 'bookworm', schedule: '* * * * *', filelog: false, ...more };
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

describe('a scheduled job', () => {
  beforeAll(async () => {
    await define('rests', 'true');
    await define('returns', 'true');
    await define('breaks', 'exit 3', { emails: 'onfailure', suspend_after: 2 });
  });

  it('is suspended with a note, and says so in list', async () => {
    const { stderr } = await sandbox.jobs(tool, 'suspend', 'rests', '--note', 'the wiki moves', '--until', '3d');
    expect(stderr).toMatch(/Job rests is suspended: no run starts until 20\d\d-/);
    const { stdout } = await sandbox.jobs(tool, 'list');
    expect(stdout).toMatch(/rests .* Suspended since 20\S+Z by its owner: the wiki moves; until 20\S+Z/);
    expect((await specOf('rests')).suspend).toBe(true);
  });

  it('goes on by itself at the time that was named, also when the service was away then', async () => {
    await sandbox.jobs(tool, 'suspend', 'returns', '--until', '2s');
    await sandbox.stop('SIGKILL');
    await sandbox.start();
    await until(async () => (await specOf('returns')).suspend === false, 'it goes on', slowMs);
    expect(await statusOf('returns')).not.toContain('Suspended');
  }, 240_000);

  it('leaves a record of each firing that was skipped, with who suspended it, and why', async () => {
    const skip = await until(
      async () =>
        (await runsOf('rests')).find(({ outcome, reason }) => outcome === 'skipped' && reason === 'suspended'),
      'a firing is skipped',
      slowMs,
    );
    expect(skip.message).toBe('skipped: the job was suspended by its owner: the wiki moves');
  }, 240_000);

  it('starts nothing that fell due while it was suspended when it is resumed', async () => {
    const { stderr } = await sandbox.jobs(tool, 'resume', 'rests');
    expect(stderr).toMatch(/Job rests goes on/);
    await until(async () => (await specOf('rests')).suspend === false, 'it goes on', slowMs);
    const resumed = Date.now();
    const first = await until(
      async () => (await runsOf('rests')).findLast(({ outcome }) => outcome === 'succeeded'),
      'it has run',
      slowMs,
    );
    // Nodes stamp whole seconds.
    expect(Date.parse(first.due ?? '')).toBeGreaterThan(resumed - 5_000);
  }, 240_000);

  it('is suspended by the service after failures in a row, which one mail says', async () => {
    await until(async () => (await statusOf('breaks')).startsWith('Suspended'), 'it is suspended', slowMs);
    expect(await statusOf('breaks')).toMatch(/^Suspended since \S+ by the service: 2 runs in a row failed$/);
    const failures = (await runsOf('breaks')).filter(({ outcome }) => outcome === 'failed');
    expect(failures).toHaveLength(2);
    const mail = await until(
      async () => (await arrivedMails(postfix)).find(({ text }) => text.includes('toolforge-jobs resume breaks')),
      'a mail says how to resume it',
    );
    expect(mail.text.replace(/\s+/g, ' ')).toContain('Your job breaks was suspended at');
  }, 300_000);
});

it('the log has no mistake of ours', async () => {
  expect(await mistakesIn(sandbox.logFile)).toEqual([]);
});
