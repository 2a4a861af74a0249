/** What runs use, as a real metrics-server tells it: read from its API by the account and the rights that the base of the manifests gives. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createMetricsServer, type MetricsServer } from '../support/metrics-server.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'metrics-one';
const mebibyte = 2 ** 20;
/** Holds 100 MB and is busy now and then, until it is told that this was seen. */
const eater = `x=$(head -c 100000000 /dev/zero | tr '\\0' x)
until [ -e seen ]; do head -c 30000000 /dev/zero | sha256sum >/dev/null; sleep 0.2; done`;
let metricsServer: MetricsServer;
let sandbox: Sandbox;
let client: ApiClient;

interface PodMetrics {
  readonly metadata: { readonly namespace: string };
  readonly timestamp: string;
  readonly window: string;
  readonly containers: readonly { readonly name: string; readonly usage: Readonly<Record<string, string>> }[];
}

interface Peaks {
  readonly memory?: { readonly highest: number };
  readonly cpu?: { readonly highest: number };
}

beforeAll(async () => {
  metricsServer = await createMetricsServer(cluster);
  await metricsServer.start();
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'metrics-api'),
    name: 'flow-metrics-api',
    settings: { usage_every_seconds: '1' },
  });
  await sandbox.addTool(tool);
  await sandbox.start();
  client = apiClient(sandbox, tool);
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
  await metricsServer?.remove();
});

async function run(name: string, cmd: string, more: object = {}): Promise<void> {
  const body = { name, cmd, imagename: 'bookworm', filelog: false, ...more };
  const answer = await client.call('POST', jobsPath(tool), { body });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
}

const metricsOfTool = async () => {
  const path = `/apis/metrics.k8s.io/v1beta1/namespaces/tool-${tool}/pods`;
  const value = JSON.parse(await kubectl(cluster, ['get', '--raw', path])) as { items: PodMetrics[] };
  return value.items[0];
};
const peaksOf = async (name: string) => {
  const { job } = (await client.call('GET', `${jobsPath(tool)}/${name}`)).json() as { job: { peaks?: Peaks } };
  return { memory: job.peaks?.memory?.highest ?? 0, cpu: job.peaks?.cpu?.highest ?? 0 };
};
const endOf = (name: string) =>
  until(async () => {
    const answer = await client.call('GET', `${jobsPath(tool)}/${name}/runs`);
    const { runs } = answer.json() as { runs: { outcome: string; peak_memory: number; peak_cpu: number }[] };
    return answer.status === 200 ? runs[0] : undefined;
  }, `a run of ${name} has ended`);
const useOfJobs = async () => /^Use of jobs +(.*?) *$/m.exec((await sandbox.admin('status')).stdout)?.[1] ?? '';

describe('a real metrics-server', () => {
  it('tells what a run uses, and that is on its record', async () => {
    await run('eats', eater);
    const item = await until(metricsOfTool, 'the metrics-server has looked at it twice');
    expect(item).toMatchObject({
      metadata: { namespace: `tool-${tool}`, labels: { 'app.kubernetes.io/managed-by': expect.any(String) } },
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      window: expect.stringMatching(/^[\d.ms]+$/),
      containers: [
        { name: 'job', usage: { cpu: expect.stringMatching(/^\d+n$/), memory: expect.stringMatching(/^\d+Ki$/) } },
      ],
    });
    // Kibibytes and billionths of a core, as the lines above hold.
    const usage = item.containers[0]?.usage ?? {};
    const [memory, millicores] = [
      Number.parseInt(usage.memory ?? '', 10) * 1_024,
      Number.parseInt(usage.cpu ?? '', 10) / 1e6,
    ];
    expect(memory).toBeGreaterThan(95 * mebibyte);
    expect(millicores).toBeGreaterThan(0);
    await until(async () => {
      const peaks = await peaksOf('eats');
      return peaks.memory >= memory && peaks.cpu >= Math.floor(millicores);
    }, 'the peaks are at least what was told of it');
    expect(await useOfJobs()).toMatch(/^1 run, asked of the metrics API \d+ s ago$/);
    await writeFile(join(sandbox.homeOf(tool), 'seen'), '');
    const { outcome, peak_memory: peak, peak_cpu: peakCpu } = await endOf('eats');
    expect(outcome).toBe('succeeded');
    expect(peak).toBeGreaterThanOrEqual(memory);
    expect(peak).toBeLessThan(250 * mebibyte);
    expect(peakCpu).toBeGreaterThanOrEqual(Math.floor(millicores));
  });
});

describe('a metrics-server that dies', () => {
  it('is said once, and asked again as soon as it is back', async () => {
    await run('stays', 'trap exit TERM; sleep 600 & wait', { continuous: true });
    await until(async () => /the metrics API/.test(await useOfJobs()), 'it is asked');
    await metricsServer.kill();
    await until(async () => /^not measured: .* does not answer \(503\)/.test(await useOfJobs()), 'status says why');
    await metricsServer.start();
    await until(async () => /the metrics API \d+ s ago/.test(await useOfJobs()), 'it is asked again');
    const lines = (await readFile(sandbox.logFile, 'utf8')).split('\n').filter((line) => /is not measured/.test(line));
    expect(lines).toHaveLength(1);
  });
});

it('the log has no mistake of ours', async () => {
  expect(await mistakesIn(sandbox.logFile)).toEqual([]);
});
