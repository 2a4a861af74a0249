/** The first clients, answered to the letter (docs/wire.md): form, JSON and query in, bare values out. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

let sandbox: Sandbox;
let client: ApiClient;

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'seed'), name: 'flow-seed' });
  await sandbox.addTool('seed-tool');
  await sandbox.start();
  client = apiClient(sandbox, 'seed-tool');
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await sandbox?.removeTool('seed-tool');
});

const form = (name: string, more: Record<string, string> = {}) => ({
  name,
  cmd: 'sleep 1',
  imagename: 'bookworm',
  emails: 'none',
  ...more,
});

describe('the first clients', () => {
  it('post a form and get 200 with the body 201', async () => {
    const answer = await client.call('POST', '/api/v1/run/', { form: form('by-form', { filelog: 'true' }) });
    expect([answer.status, answer.text.trim()]).toEqual([200, '201']);
  });

  it('may post JSON or put the arguments into the query', async () => {
    const json = await client.call('POST', '/api/v1/run/', { body: form('by-json', { schedule: '@yearly' }) });
    expect([json.status, json.text.trim()]).toEqual([200, '201']);
    const query = new URLSearchParams(form('by-query', { schedule: '1 1 1 1 *' }));
    const queried = await client.call('POST', `/api/v1/run/?${query}`);
    expect([queried.status, queried.text.trim()]).toEqual([200, '201']);
    expect((await client.call('GET', '/api/v1/show/by-query')).json()).toMatchObject({
      name: 'by-query',
      schedule: '1 1 1 1 *',
      filelog: 'False',
    });
  });

  it('see a job with the fields they know', async () => {
    const expected = {
      name: 'by-form',
      cmd: 'sleep 1',
      image: 'bookworm',
      user: 'seed-tool',
      namespace: 'tool-seed-tool',
      filelog: 'True',
      emails: 'none',
    };
    for (const path of ['/api/v1/show/by-form', '/api/v1/show/by-form/']) {
      const answer = await client.call('GET', path);
      expect(answer.status).toBe(200);
      expect(answer.json()).toMatchObject(expected);
      expect(answer.json()).not.toHaveProperty('memory');
      expect(answer.json()).not.toHaveProperty('cpu');
    }
    await until(
      async () => (await client.call('GET', '/api/v1/show/by-form')).json().status_short === 'Completed',
      'it completes',
    );
  });

  it('see memory and cpu where they asked for some', async () => {
    await client.call('POST', '/api/v1/run/', {
      form: form('sized', { memory: '256Mi', cpu: '200m', continuous: 'true' }),
    });
    expect((await client.call('GET', '/api/v1/show/sized')).json()).toMatchObject({
      memory: expect.any(String),
      cpu: expect.any(String),
      continuous: true,
    });
  });

  it('list one-offs, then scheduled, then continuous jobs', async () => {
    const names = (await client.call('GET', '/api/v1/list/')).json().map(({ name }: { name: string }) => name);
    expect(names.filter((name: string) => name !== 'by-form')).toEqual(['by-json', 'by-query', 'sized']);
  });

  it('get {} with 404 for a job that is not there, and "" for deleting one', async () => {
    const missing = await client.call('GET', '/api/v1/show/nowhere');
    expect([missing.status, missing.text.trim()]).toEqual([404, '{}']);
    const deleted = await client.call('DELETE', '/api/v1/delete/nowhere');
    expect([deleted.status, deleted.text.trim()]).toEqual([200, '""']);
  });

  it('are told what is wrong in one JSON string', async () => {
    const cases: [Record<string, string>, number, RegExp][] = [
      [form('x', { imagename: 'nope' }), 400, /^"Invalid container type/],
      [form('sized'), 409, /^"HTTP 409: a job with the same name exists already"/],
      [form('Not_A_Name'), 400, /^"ERROR: /],
      [form('y', { memory: 'lots' }), 400, /^"ERROR: .*lots.*quantity/],
      [form('z', { emails: 'sometimes' }), 400, /^"ERROR: .*emails/],
    ];
    for (const [args, status, text] of cases) {
      const answer = await client.call('POST', '/api/v1/run/', { form: args });
      expect([answer.status, answer.text.trim()]).toEqual([status, expect.stringMatching(text)]);
    }
  });

  it('take "false" for false', async () => {
    await client.call('POST', '/api/v1/run/', {
      form: form('not-continuous', { continuous: 'false', schedule: '@yearly' }),
    });
    expect((await client.call('GET', '/api/v1/show/not-continuous')).json()).not.toHaveProperty('continuous');
  });

  it('see the images under both names', async () => {
    const containers = await client.call('GET', '/api/v1/containers/');
    expect(containers.json()).toContainEqual({ shortname: 'bookworm', image: expect.stringContaining(':') });
    expect((await client.call('GET', '/api/v1/images/')).text).toBe(containers.text);
  });

  it('are sent to the path with its slash, and get there with their form', async () => {
    const sent = await client.call('POST', '/api/v1/run', { form: form('by-redirect', { schedule: '@yearly' }) });
    expect([sent.status, sent.headers.location]).toEqual([308, '/api/v1/run/']);
    const followed = await client.call('POST', String(sent.headers.location), {
      form: form('by-redirect', { schedule: '@yearly' }),
    });
    expect([followed.status, followed.text.trim()]).toEqual([200, '201']);
  });

  it('restart a job, and are told why a one-off cannot be', async () => {
    const restarted = await client.call('POST', '/api/v1/restart/sized');
    expect([restarted.status, restarted.text.trim()]).toEqual([200, '""']);
    await client.call('POST', '/api/v1/run/', { form: form('single', { cmd: 'trap exit TERM; sleep 30 & wait' }) });
    const single = await client.call('POST', '/api/v1/restart/single');
    expect([single.status, single.json()]).toEqual([400, 'Unable to restart a single job']);
  });

  it('see their quota, things as numbers', async () => {
    const { categories } = (await client.call('GET', '/api/v1/quota/')).json();
    expect(categories[0].items[0]).toMatchObject({ name: 'Total running jobs at once (Kubernetes pods)', limit: 10 });
    expect(categories[1].items).toContainEqual({ name: 'Memory', limit: '4Gi' });
  });

  it('flush with "" and see an empty list of three bytes', async () => {
    const flushed = await client.call('DELETE', '/api/v1/flush/');
    expect([flushed.status, flushed.text.trim()]).toEqual([200, '""']);
    expect((await client.call('GET', '/api/v1/list/')).text).toBe('[]\n');
  });
});
