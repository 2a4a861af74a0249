/** A move from the earlier service to this one, back, and forth again, over jobs that run meanwhile: nothing is lost, and nothing is started anew. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'mover';
const namespace = `tool-${tool}`;
/** How the earlier service finds the jobs of a tool, of each kind. */
const selector = `toolforge=tool,app.kubernetes.io/managed-by=toolforge-jobs-framework,app.kubernetes.io/created-by=${tool}`;
let sandbox: Sandbox;
let client: ApiClient;

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'moving'), name: 'flow-moving' });
  await sandbox.addTool(tool);
  client = apiClient(sandbox, tool);
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
});

const idle = 'trap exit TERM; sleep 600 & wait';
const components = { Job: 'jobs', CronJob: 'cronjobs', Deployment: 'deployments' } as const;

/** As the service of 2023 wrote it. */
function formerJob(kind: keyof typeof components, name: string, cmd: string, schedule = '1 2 3 4 *'): object {
  const labels = {
    toolforge: 'tool',
    'app.kubernetes.io/managed-by': 'toolforge-jobs-framework',
    'app.kubernetes.io/created-by': tool,
    'app.kubernetes.io/version': '2',
    'app.kubernetes.io/component': components[kind],
    'app.kubernetes.io/name': name,
    'jobs.toolforge.org/filelog': 'no',
    'jobs.toolforge.org/emails': 'none',
  };
  const command = ['/bin/sh', '-c', '--', cmd];
  const template = {
    metadata: { labels },
    spec: {
      restartPolicy: kind === 'Deployment' ? 'Always' : 'Never',
      containers: [{ name: 'job', image: cluster.images[0]?.url, workingDir: `/data/project/${tool}`, command }],
    },
  };
  const run = { template, ttlSecondsAfterFinished: 30, backoffLimit: 0 };
  const specs = {
    Job: run,
    CronJob: { schedule, jobTemplate: { metadata: { labels }, spec: run }, concurrencyPolicy: 'Forbid' },
    Deployment: { replicas: 1, selector: { matchLabels: labels }, template },
  };
  return {
    apiVersion: kind === 'Deployment' ? 'apps/v1' : 'batch/v1',
    kind,
    metadata: { name, namespace, labels },
    spec: specs[kind],
  };
}

const former = [
  formerJob('Job', 'old-once', idle),
  formerJob('CronJob', 'old-nightly', './nightly.sh'),
  formerJob('Deployment', 'old-bot', idle),
];
const write = (...objects: object[]) =>
  kubectl(cluster, ['apply', '-f', '-'], objects.map((one) => JSON.stringify(one)).join('\n---\n'));

/** Of every object, and of every pod that runs. */
async function lives(): Promise<Record<string, string>> {
  const fields = '{range .items[*]}{.kind} {.metadata.name} {.metadata.uid} {.metadata.generation}{"\\n"}{end}';
  const text = await kubectl(cluster, [
    ...['get', 'jobs,cronjobs,deployments,pods', '-n', namespace, '-l', selector],
    ...['-o', `jsonpath=${fields}`],
  ]);
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  return Object.fromEntries(rows.map(([kind, name, ...life]) => [`${kind} ${name}`, life.join(' ')]));
}

async function listed(): Promise<Record<string, string>> {
  const { jobs } = (await client.call('GET', jobsPath(tool))).json<{
    jobs: { name: string; cmd: string; schedule?: string }[];
  }>();
  return Object.fromEntries(jobs.map(({ name, cmd, schedule }) => [name, `${schedule ?? ''} ${cmd}`.trim()]));
}

const oldJobs = { 'old-once': idle, 'old-nightly': '1 2 3 4 * ./nightly.sh', 'old-bot': idle };

describe('jobs of the earlier service', () => {
  let before: Record<string, string>;

  it('are served from the first minute as they are, beside new ones, and what runs goes on', async () => {
    await write(...former);
    await until(
      async () => Object.keys(await lives()).filter((key) => key.startsWith('Pod ')).length === 2,
      'they run',
    );
    before = await lives();
    await sandbox.start();
    expect(await listed()).toEqual(oldJobs);
    const made = { name: 'new-bot', cmd: idle, imagename: 'bookworm', continuous: true, filelog: false };
    expect((await client.call('POST', jobsPath(tool), { body: made })).status).toBe(201);
    expect(await lives()).toMatchObject(before);
  });

  it('are found by the earlier service again, those that were made or changed meanwhile as well', async () => {
    const change = {
      name: 'old-nightly',
      cmd: './nightly.sh',
      imagename: 'bookworm',
      schedule: '5 6 * * *',
      filelog: false,
    };
    expect((await client.call('PATCH', jobsPath(tool), { body: change })).json().job_changed).toBe(true);
    await sandbox.stop();
    const names = Object.keys(await lives()).filter((key) => !key.startsWith('Pod '));
    expect(names.sort()).toEqual(['CronJob old-nightly', 'Deployment new-bot', 'Deployment old-bot', 'Job old-once']);
    const nightly = JSON.parse(
      await kubectl(cluster, ['get', 'cronjob', 'old-nightly', '-n', namespace, '-o', 'json']),
    );
    expect(nightly.spec.schedule).toBe('5 6 * * *');
    expect(nightly.spec.jobTemplate.spec.template.spec.containers[0].command).toEqual([
      '/bin/sh',
      '-c',
      '--',
      './nightly.sh',
    ]);
  });

  it('are shown as the earlier service left them, when this one comes back', async () => {
    // It writes whole objects, and knows nothing of our annotations.
    await kubectl(cluster, ['delete', 'cronjob', 'old-nightly', '-n', namespace]);
    await write(formerJob('CronJob', 'old-nightly', './nightly.sh --more', '7 8 * * *'));
    await sandbox.start();
    expect(await listed()).toEqual({ ...oldJobs, 'old-nightly': '7 8 * * * ./nightly.sh --more', 'new-bot': idle });
    const { 'CronJob old-nightly': _, ...others } = before;
    expect(await lives()).toMatchObject(others);
    expect((await client.call('DELETE', jobsPath(tool))).status).toBe(200);
    expect(await listed()).toEqual({});
  });
});

it('the log has no mistake of ours', async () => {
  expect(await mistakesIn(sandbox.logFile)).toEqual([]);
});
