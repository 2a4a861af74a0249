/** Images that tools have built: from a registry that speaks Harbor's API to a job in the cluster, while it answers and while it does not. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';
import { artifact, digestOf, type ScriptedHarbor, startHarbor } from '../support/scripted-harbor.ts';

const tool = 'images-alpha';
const base = `/v1/tool/${tool}`;
let registry: ScriptedHarbor;
let sandbox: Sandbox;
let alpha: ApiClient;

beforeAll(async () => {
  registry = await startHarbor({
    [`tool-${tool}`]: { 'web/worker': [artifact('1', 'latest')] },
    'tool-other': { bot: [artifact('2', 'v1')] },
  });
  const dir = join(cluster.stateDir, 'images');
  const ca = join(cluster.stateDir, 'images-registry.crt');
  await writeFile(ca, registry.ca);
  sandbox = await createSandbox({
    cluster,
    dir,
    name: 'flow-images',
    harbor: { url: registry.url, ca_file: ca },
    settings: { harbor_cache_seconds: '0', harbor_timeout_seconds: '1' },
  });
  await sandbox.addTool(tool);
  await sandbox.start();
  alpha = apiClient(sandbox, tool);
});

afterAll(async () => {
  alpha?.close();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
  await registry?.stop();
});

const create = (name: string, imagename: string) =>
  alpha.call('POST', `${base}/jobs`, { body: { name, cmd: 'web', imagename, continuous: true } });

it('lists what the tool has built beside the prebuilt images, in both dialects and at the command line', async () => {
  const built = {
    shortname: `tool-${tool}/web/worker:latest`,
    image: `${registry.host}/tool-${tool}/web/worker:latest@${digestOf('1')}`,
  };
  const { images, messages } = (await alpha.call('GET', `${base}/images`)).json();
  expect(images).toContainEqual(built);
  expect(images.length).toBeGreaterThan(1);
  expect(messages.warning).toEqual([]);
  expect((await alpha.call('GET', '/api/v1/images/')).json()).toEqual(images);
  expect((await sandbox.jobs(tool, 'images')).stdout).toContain(built.shortname);
});

it('creates jobs with an image of its own and with that of another tool, and refuses what is not there', async () => {
  const own = await create('own', `tool-${tool}/web/worker`);
  expect([own.status, own.json().job]).toMatchObject([201, { imagename: `tool-${tool}/web/worker:latest` }]);
  expect((await create('other', `${registry.host}/tool-other/bot:v1@${digestOf('2')}`)).status).toBe(201);
  const images = await kubectl(cluster, [
    ...['get', 'deployments', '-n', `tool-${tool}`, '-o'],
    'jsonpath={range .items[*]}{.spec.template.spec.containers[0].image}{"\\n"}{end}',
  ]);
  expect(images.trim().split('\n').sort()).toEqual([
    `${registry.host}/tool-${tool}/web/worker:latest`,
    `${registry.host}/tool-other/bot:v1@${digestOf('2')}`,
  ]);
  expect((await create('none', 'tool-other/bot:v2')).json()).toMatchObject({ code: 'image.unknown' });
});

it('is honest while the registry does not answer, and goes on showing and creating everything else', async () => {
  registry.misbehave = () => {};
  const listed = (await alpha.call('GET', `${base}/images`)).json();
  expect(listed.messages.warning).toEqual([expect.stringMatching(/does not answer.*those of \d+ s ago/)]);
  expect(listed.images.map(({ shortname }: { shortname: string }) => shortname)).toContain(
    `tool-${tool}/web/worker:latest`,
  );

  const refused = await create('blind', `tool-${tool}/web/worker`);
  expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
  expect(refused.json()).toMatchObject({ code: 'images.unavailable', request_id: refused.headers['x-request-id'] });
  const line = await until(async () => {
    const lines = (await readFile(sandbox.logFile, 'utf8')).split('\n');
    return lines.find((one) => one.includes(refused.json().request_id));
  }, 'the refusal is in the log');
  expect(line).toContain('TimeoutError');

  const jobs = (await alpha.call('GET', `${base}/jobs`)).json().jobs;
  expect(jobs.map(({ imagename }: { imagename: string }) => imagename)).toContain(`tool-${tool}/web/worker:latest`);
  expect((await create('prebuilt', 'bookworm')).status).toBe(201);
});
