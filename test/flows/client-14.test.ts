/**
 * The client of October 2023 (release 14): its requests as it sends them and what it reads of the answers (docs/wire.md, "October 2023"). The
 * client itself is not part of this repository.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type ApiClient, apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'client-14';
/** `api_gateway.url` and `jobs.jobs_endpoint` of its configuration. */
const endpoint = '/jobs/api/v1';
const headers = { 'user-agent': `tool-${tool}@bastion toolforge_weld/1.1.1 python-requests/2.31.0`, accept: '*/*' };
let sandbox: Sandbox;
let client: ApiClient;

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, tool), name: `flow-${tool}` });
  await sandbox.addTool(tool);
  await sandbox.start();
  client = apiClient(sandbox, tool);
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
});

const send = (method: string, path: string, body?: object) =>
  client.call(method, `${endpoint}${path}`, { headers, ...(body ? { body } : {}) });
/** What `run` always sends. */
const newJob = (name: string, more: object = {}) => ({
  name,
  imagename: 'bookworm',
  cmd: `echo ${name}`,
  emails: 'none',
  retry: 0,
  filelog: true,
  ...more,
});
/** How it words an error: the key `error`, else `message`. */
const wordsOf = (answer: Answer) => answer.json().error ?? answer.json().message;

/** Its rules for a job that a file of jobs names: what differs is deleted and made anew. */
function isSameAsFile(job: Record<string, unknown>, entry: Record<string, unknown>): boolean {
  const renamed = {
    command: 'cmd',
    mem: 'memory',
    'filelog-stdout': 'filelog_stdout',
    'filelog-stderr': 'filelog_stderr',
  };
  const keys = ['command', 'schedule', 'continuous', 'image', 'mem', 'cpu', 'filelog-stdout', 'filelog-stderr'];
  const isSame = (key: string) => (job[renamed[key as 'mem'] ?? key] ?? null) === (entry[key] ?? null);
  const isLogged = job.filelog === true || job.filelog === 'True';
  return (
    keys.every(isSame) &&
    (job.emails ?? 'none') === (entry.emails ?? 'none') &&
    (job.retry ?? 0) === (entry.retry ?? 0) &&
    isLogged === !entry['no-filelog']
  );
}

describe('the client of October 2023', () => {
  it('runs jobs of every type, and lists and shows them', async () => {
    const created = await send('POST', '/jobs/', newJob('once'));
    expect(created.status).toBe(201);
    expect(created.json()).toMatchObject({ name: 'once', image: 'bookworm', filelog: 'True', retry: 0 });
    expect((await send('POST', '/jobs/', newJob('nightly', { schedule: '@daily' }))).status).toBe(201);
    expect(
      (await send('POST', '/jobs/', newJob('bot', { cmd: 'trap exit TERM; sleep 1000 & wait', continuous: true })))
        .status,
    ).toBe(201);
    const jobs = (await send('GET', '/jobs/')).json();
    expect(jobs.map(({ name }: { name: string }) => name)).toEqual(['once', 'nightly', 'bot']);
    for (const job of jobs) {
      expect(job).toMatchObject({ cmd: expect.any(String), image_state: 'stable', emails: 'none', mount: 'all' });
      expect([job.status_short, job.status_long]).toEqual([expect.any(String), expect.any(String)]);
    }
    const nightly = (await send('GET', '/jobs/nightly')).json();
    expect(nightly).toMatchObject({ schedule: '@daily', filelog_stdout: `/data/project/${tool}/nightly.out` });
    expect(nightly.schedule_actual).toMatch(/^\d+ \d+ \* \* \*$/);
  });

  it('waits by polling until the status is Completed or Failed', async () => {
    const ends = async (name: string) =>
      until(async () => {
        const job = await send('GET', `/jobs/${name}`);
        return ['Completed', 'Failed'].includes(job.json().status_short) && job.json().status_short;
      }, `${name} ends`);
    await send('POST', '/jobs/', newJob('good'));
    expect(await ends('good')).toBe('Completed');
    await send('POST', '/jobs/', newJob('bad', { cmd: 'exit 3' }));
    expect(await ends('bad')).toBe('Failed');
    await until(async () => /^Running/.test((await send('GET', '/jobs/bot')).json().status_short), 'the bot runs');
  });

  it('loads a file again without making anew what is the same', async () => {
    const file: Record<string, unknown>[] = [
      { name: 'nightly', command: 'echo nightly', image: 'bookworm', schedule: '@daily' },
      { name: 'bot', command: 'trap exit TERM; sleep 1000 & wait', image: 'bookworm', continuous: true },
      {
        name: 'big',
        command: 'echo big',
        image: 'bookworm',
        mem: '1Gi',
        schedule: '1 2 3 4 *',
        'filelog-stdout': 'a.log',
      },
    ];
    const big = newJob('big', { memory: '1Gi', schedule: '1 2 3 4 *', filelog_stdout: 'a.log' });
    expect((await send('POST', '/jobs/', big)).status).toBe(201);
    const listed = (await send('GET', '/list/')).json() as Record<string, unknown>[];
    for (const entry of file) {
      const job = listed.find(({ name }) => name === entry.name) ?? {};
      expect([entry.name, isSameAsFile(job, entry)]).toEqual([entry.name, true]);
      expect(isSameAsFile(job, { ...entry, command: 'other' })).toBe(false);
    }
  });

  it('restarts, and reads errors', async () => {
    expect((await send('POST', '/jobs/bot/restart')).json()).toEqual({});
    expect((await send('POST', '/jobs/nightly/restart')).status).toBe(200);
    const errors = [
      await send('POST', '/jobs/', newJob('bot')),
      await send('POST', '/jobs/', newJob('x', { imagename: 'nothing' })),
      await send('POST', '/jobs/nobody/restart'),
      await send('GET', '/jobs/nobody'),
      await send('DELETE', '/jobs/nobody'),
    ];
    expect(errors.map((answer) => [answer.status, wordsOf(answer)])).toEqual([
      [409, 'A job with the same name exists already'],
      [400, "No such image 'nothing'"],
      [404, "Job 'nobody' does not exist"],
      [404, "Job 'nobody' does not exist"],
      [404, "Job 'nobody' does not exist"],
    ]);
  });

  it('shows images and the quota', async () => {
    const images = (await send('GET', '/images/')).json();
    expect(images).toContainEqual({ shortname: 'bookworm', image: expect.stringContaining(':') });
    const { categories } = (await send('GET', '/quota/')).json();
    expect(categories.map(({ name }: { name: string }) => name)).toEqual([
      'Running jobs',
      'Per-job limits',
      'Job definitions',
    ]);
    expect(categories[2].items).toEqual([
      { name: 'Cron jobs', limit: 50, used: 2 },
      { name: 'Continuous jobs (including web services)', limit: 3, used: 1 },
    ]);
  });

  it('deletes one, and flushes the rest', async () => {
    expect((await send('DELETE', '/jobs/big')).json()).toEqual({});
    expect((await send('DELETE', '/jobs/')).json()).toEqual({});
    expect((await send('GET', '/jobs/')).json()).toEqual([]);
  });
});
