/** A home that does not answer: its tool is told so, and nobody else notices. */
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { mountHung } from '../support/hung-mount.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { startWriter } from '../support/load.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const hung = 'fault-hung';
const fine = 'fault-fine';
let sandbox: Sandbox;
let ofHung: ApiClient;
let ofFine: ApiClient;

beforeAll(async () => {
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'faults-home'),
    name: 'flow-faults-home',
    settings: { requests_per_second_per_tool: '1000', requests_at_once_per_tool: '64' },
  });
  for (const tool of [hung, fine]) {
    await sandbox.addTool(tool);
    await kubectl(cluster, ['delete', 'resourcequota', '--all', '-n', `tool-${tool}`]);
  }
  await sandbox.start();
  ofHung = apiClient(sandbox, hung);
  ofFine = apiClient(sandbox, fine);
});

afterAll(async () => {
  ofHung?.close();
  ofFine?.close();
  await sandbox?.stop();
});

const scheduled = (name: string) => ({ name, cmd: 'date', imagename: 'bookworm', schedule: '@yearly' });

/** Median of so many runs, one after the other, in ms. Every one of them must work. */
async function medianRunMs(runs: number, prefix: string): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const startedAt = performance.now();
    const created = await ofFine.call('POST', jobsPath(fine), { body: scheduled(`${prefix}-${run}`) });
    times.push(performance.now() - startedAt);
    expect(created.status, created.text).toBe(201);
    expect((await ofFine.call('DELETE', `${jobsPath(fine)}/${prefix}-${run}`)).status).toBe(200);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(runs / 2)] ?? 0;
}

describe('a home that hangs', () => {
  it('slows nobody else, its own tool is told at once, and it is used again when it answers', async (context) => {
    expect((await ofHung.call('POST', jobsPath(hung), { body: scheduled('before') })).status).toBe(201);
    await medianRunMs(20, 'warm');
    const without = await medianRunMs(60, 'without');
    const mount = mountHung(sandbox.homeOf(hung));
    if (!mount) return context.skip('this machine cannot mount a file system that hangs');
    const { writes, ...load } = startWriter(ofHung, { tool: hung, prefix: 'stuck', perSecond: 40 });
    try {
      const isRefused = () => writes.filter(({ answer }) => answer?.json().code === 'home.unavailable').length;
      await until(() => isRefused() > 20, 'the tool is refused');
      const from = writes.length;
      const withHang = await medianRunMs(60, 'with');
      console.log(`median of run: ${without.toFixed(1)} ms, ${withHang.toFixed(1)} ms while another home hangs`);
      expect(withHang).toBeLessThan(without * 3 + 10);
      const meanwhile = writes.slice(from).filter(({ method }) => method === 'POST');
      expect(meanwhile.length).toBeGreaterThan(20);
      for (const { answer } of meanwhile) {
        expect([answer?.status, answer?.json().code]).toEqual([503, 'home.unavailable']);
        expect(Number(answer?.headers['retry-after'])).toBeGreaterThan(0);
      }
      expect((await ofHung.call('GET', jobsPath(hung))).status).toBe(200);
      const { stuck } = await homesHealth();
      expect(stuck).toBeGreaterThan(0);
      expect(stuck).toBeLessThanOrEqual(4);
    } finally {
      mount.release();
      await load.stop();
    }
    await until(
      async () => (await ofHung.call('POST', jobsPath(hung), { body: scheduled('after') })).status === 201,
      'the home is used again',
      10_000,
    );
    expect((await homesHealth()).stuck).toBe(0);
  });
});

/** What the daemon says of its readers when it is asked whether it is ready. */
function homesHealth(): Promise<{ running: number; stuck: number; waiting: number }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${sandbox.healthUrl}/readyz`, (answer) => {
      let text = '';
      answer.on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () => resolve(JSON.parse(text).detail.homes));
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}
