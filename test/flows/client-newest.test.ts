/**
 * The newest known client (October 2025): its requests as it sends them and what it reads of the answers (docs/wire.md, "Canonical"). The
 * client itself is not part of this repository.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type ApiClient, apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'client-newest';
/** The gateway's address, `jobs.jobs_endpoint` and the tool of the kubeconfig's namespace. */
const endpoint = `/jobs/v1/tool/${tool}`;
const headers = { 'user-agent': `tool-${tool}@bastion:jobs-cli`, accept: '*/*' };
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
/** Unset options are left out; `filelog` is always sent. */
const newJob = (name: string, more: object = {}) => ({
  name,
  imagename: 'bookworm',
  cmd: `echo ${name}`,
  filelog: true,
  ...more,
});
/** A list, joined. */
const wordsOf = (answer: Answer) => (answer.json().error as string[]).join('; ');

describe('the newest client', () => {
  it('runs jobs of every type and gets the job and messages', async () => {
    for (const job of [
      newJob('once'),
      newJob('nightly', { schedule: '@daily', retry: 2 }),
      newJob('web', { cmd: 'trap exit TERM; httpd -f -p $PORT & wait', continuous: true, port: '8080', replicas: 1 }),
    ]) {
      const created = await send('POST', '/jobs/', job);
      expect(created.status).toBe(201);
      expect(created.json()).toMatchObject({
        job: { name: job.name },
        messages: { info: [], warning: [], error: [] },
      });
    }
    const { jobs } = (await send('GET', '/jobs/')).json();
    expect(jobs.map(({ name, job_type }: Record<string, string>) => [name, job_type])).toEqual([
      ['once', 'one-off'],
      ['nightly', 'scheduled'],
      ['web', 'continuous'],
    ]);
    expect(jobs[2]).toMatchObject({ port: 8080, port_protocol: 'tcp', filelog: true, imagename: 'bookworm' });
  });

  it('waits until the short status is Completed or Failed', async () => {
    const shown = async (name: string) => (await send('GET', `/jobs/${name}`)).json().job;
    await until(async () => (await shown('once'))?.status_short === 'Completed', 'once completes');
    await send('POST', '/jobs/', newJob('bad', { cmd: 'exit 3' }));
    await until(async () => (await shown('bad'))?.status_short === 'Failed', 'bad fails');
    await until(async () => (await shown('web'))?.status_short === 'Running', 'web runs');
  });

  it('loads by PATCH, and prints the messages', async () => {
    const entry = newJob('nightly', { schedule: '@daily', retry: 2 });
    const same = await send('PATCH', '/jobs/', entry);
    expect([same.status, same.json().job_changed]).toEqual([200, false]);
    const changed = await send('PATCH', '/jobs/', { ...entry, cmd: 'echo other' });
    expect([changed.status, changed.json().job_changed]).toEqual([200, true]);
    expect(changed.json().messages.info).toEqual([expect.stringContaining('nightly')]);
  });

  it('dumps from a list of what was set', async () => {
    const { jobs } = (await send('GET', '/jobs/?include_unset=False')).json();
    const web = jobs.find(({ name }: { name: string }) => name === 'web');
    expect(web).toEqual({
      name: 'web',
      cmd: 'trap exit TERM; httpd -f -p $PORT & wait',
      imagename: 'bookworm',
      image: 'bookworm',
      job_type: 'continuous',
      continuous: true,
      filelog: true,
      port: 8080,
      port_protocol: 'tcp',
      replicas: 1,
    });
  });

  it('restarts, shows images and the quota, and reads errors', async () => {
    expect((await send('POST', '/jobs/web/restart')).json()).toEqual({
      messages: { info: [], warning: [], error: [] },
    });
    const { images } = (await send('GET', '/images/')).json();
    expect(images).toContainEqual({ shortname: 'bookworm', image: expect.any(String) });
    const { quota } = (await send('GET', '/quotas/')).json();
    expect(quota.categories[0].items[3]).toEqual({ name: 'Memory', limit: '8.0Gi', used: expect.any(String) });
    const errors = [
      await send('POST', '/jobs/', newJob('web')),
      await send('GET', '/jobs/nobody'),
      await send('DELETE', '/jobs/nobody'),
      await send('POST', '/jobs/', newJob('x', { imagename: 'nothing' })),
      await send('POST', '/jobs/', newJob('x', { schedule: '* * * *' })),
    ];
    expect(errors.map(({ status }) => status)).toEqual([409, 404, 404, 400, 400]);
    expect(wordsOf(errors[1] as Answer)).toBe("Job 'nobody' does not exist");
    expect(wordsOf(errors[3] as Answer)).toContain("No such image 'nothing'");
    expect(wordsOf(errors[4] as Answer)).toContain('Expected to find 5 space-separated values, found 4');
  });

  it('deletes one, and flushes the rest', async () => {
    expect((await send('DELETE', '/jobs/nightly')).status).toBe(200);
    expect((await send('DELETE', '/jobs/')).status).toBe(200);
    expect((await send('GET', '/jobs/')).json().jobs).toEqual([]);
  });
});
