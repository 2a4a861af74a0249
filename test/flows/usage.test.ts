/** What runs use, measured on the real node: in the records, in the history, and in the mail about a lack of memory. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'usage-one';
const mebibyte = 2 ** 20;
/** Half a second of one core now and then, so that there is something to be seen of it. */
const busy = 'while :; do head -c 30000000 /dev/zero | sha256sum >/dev/null; sleep 0.5; done';
let sandbox: Sandbox;
let client: ApiClient;

interface Run {
  readonly outcome: string;
  readonly reason: string | null;
  readonly peak_memory: number | null;
  readonly memory_limit: number | null;
  readonly peak_cpu: number | null;
}

beforeAll(async () => {
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'usage'),
    name: 'flow-usage',
    settings: { usage_every_seconds: '1' },
    nodeUsage: true,
  });
  await sandbox.addTool(tool);
  await sandbox.start();
  client = apiClient(sandbox, tool);
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
  // What other flows find is a cluster in which nobody measures.
  await kubectl(cluster, ['delete', 'clusterrole,clusterrolebinding', 'jobs-api-node-usage']);
});

async function run(name: string, cmd: string, more: object = {}): Promise<void> {
  const body = { name, cmd, imagename: 'bookworm', filelog: false, ...more };
  const answer = await client.call('POST', jobsPath(tool), { body });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
}

const endOf = (name: string) =>
  until(async () => {
    const answer = await client.call('GET', `${jobsPath(tool)}/${name}/runs`);
    return answer.status === 200 ? (answer.json().runs as Run[])[0] : undefined;
  }, `a run of ${name} has ended`);

describe('what a run uses', () => {
  it('is on its record when it has ended: the most that was seen of it', async () => {
    await run('eats', `x=$(head -c 100000000 /dev/zero | tr '\\0' x); timeout 30 sh -c '${busy}'; exit 0`);
    const { outcome, peak_memory: memory, memory_limit: limit, peak_cpu: cpu } = await endOf('eats');
    expect([outcome, limit]).toEqual(['succeeded', 512 * mebibyte]);
    expect(memory).toBeGreaterThan(95 * mebibyte);
    expect(memory).toBeLessThan(250 * mebibyte);
    expect(cpu).toBeGreaterThan(0);
    const { stdout } = await sandbox.jobs(tool, 'history', 'eats');
    expect(stdout).toMatch(/Sampled peak/);
    expect(stdout).toMatch(/ \d+ of 512 MiB, [\d.]+ CPU +succeeded/);
  });

  it('is all that it might use where it was killed for memory', async () => {
    await run('hungry', 'tail /dev/zero', { memory: '100Mi' });
    const { reason, peak_memory: memory, memory_limit: limit } = await endOf('hungry');
    expect([reason, memory, limit]).toEqual(['out_of_memory', 100 * mebibyte, 100 * mebibyte]);
    const { stdout } = await sandbox.jobs(tool, 'history', 'hungry');
    expect(stdout).toMatch(/ 100 of 100 MiB.* \(limit\) +failed: ran out of memory/);
  });
});

it('the log has no mistake of ours', async () => {
  expect(await mistakesIn(sandbox.logFile)).toEqual([]);
});
