import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fromKubeStatus } from '../../src/kube.ts';
import { createLog } from '../../src/log.ts';
import { createPeaks, type Peaks } from '../../src/usage/peaks.ts';
import { createUsageSampler, type UsageSampler } from '../../src/usage/usage-sampler.ts';
import { makePodFacts } from '../support/facts.ts';
import { createScriptedKube, type ScriptedKube } from '../support/scripted-kube.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
let kube: ScriptedKube;
let peaks: Peaks;
let sampler: UsageSampler;
let everyMs: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: 0 });
  kube = createScriptedKube();
  peaks = createPeaks();
  everyMs = 15_000;
  const log = createLog({ level: 'silent' });
  sampler = createUsageSampler({ kube, peaks, everyMs: () => everyMs, now: Date.now, log });
});
afterEach(() => {
  sampler.stop();
  vi.useRealTimers();
});

function runs(name: string, node = 'node-1'): void {
  const pod = makePodFacts({ uid: `uid-${name}`, name, ownerUid: `run-${name}`, node });
  peaks.accept({ type: 'pod.seen', key: pod.key, pod });
}
const metrics = (name: string, memory: string) => ({
  items: [
    {
      metadata: { name, namespace: 'tool-alpha' },
      containers: [{ name: 'job', usage: { memory, cpu: '5m' } }],
    },
  ],
});
const summary = (name: string, workingSetBytes: number) => ({
  pods: [{ podRef: { name, namespace: 'tool-alpha' }, containers: [{ name: 'job', memory: { workingSetBytes } }] }],
});
const refusal = (status: number) => fromKubeStatus(status, {});
const pass = async (ms: number) => {
  await vi.advanceTimersByTimeAsync(ms);
  await turn();
};

describe('the metrics API', () => {
  it('is asked once for all pods, again after each interval, and while no job runs not at all', async () => {
    sampler.start();
    await pass(15_000);
    expect(kube.waitingRequests).toBe(0);
    runs('one');
    runs('two', 'node-2');
    await pass(15_000);
    const { request, answer } = await kube.nextRequest();
    expect([request.path, request.query, kube.waitingRequests]).toEqual([
      '/apis/metrics.k8s.io/v1beta1/pods',
      { labelSelector: 'app.kubernetes.io/managed-by=toolforge-jobs-framework' },
      0,
    ]);
    answer(metrics('one', '1Ki'));
    await turn();
    expect([peaks.of('run-one')?.memory, sampler.stats()]).toEqual([
      1_024,
      { source: 'metrics', running: 2, sampledAt: 30_000, failed: 0, problem: '' },
    ]);
    await pass(14_999);
    expect(kube.waitingRequests).toBe(0);
    await pass(1);
    expect(kube.waitingRequests).toBe(1);
  });

  it('that does not answer in time is left, and asked again', async () => {
    runs('one');
    sampler.start();
    await turn();
    await kube.nextRequest();
    await pass(5_000);
    expect(sampler.stats()).toMatchObject({ source: undefined, failed: 1 });
    expect(sampler.stats().problem).toMatch(/^The metrics API does not say what jobs use/);
    await pass(10_000);
    (await kube.nextRequest()).answer(metrics('one', '1Ki'));
    await turn();
    expect(sampler.stats()).toMatchObject({ source: 'metrics', failed: 1, problem: '' });
  });
});

it('a metrics API with nobody behind it is asked again in the next round, and nodes meanwhile', async () => {
  runs('one');
  sampler.start();
  await turn();
  (await kube.nextRequest()).fail(refusal(503));
  (await kube.nextRequest()).answer(summary('one', 5));
  await turn();
  expect(sampler.stats()).toMatchObject({ source: 'nodes', failed: 0, problem: '' });
  await pass(15_000);
  (await kube.nextRequest()).answer(metrics('one', '1Ki'));
  await turn();
  expect(sampler.stats().source).toBe('metrics');
});

it('a metrics API with nobody behind it is not called missing where nodes may not be asked', async () => {
  runs('one');
  sampler.start();
  await turn();
  (await kube.nextRequest()).fail(refusal(503));
  (await kube.nextRequest()).fail(refusal(403));
  await turn();
  expect(sampler.stats()).toMatchObject({
    source: 'nobody',
    problem: 'The metrics API does not answer (503), and the daemon may not ask nodes.',
  });
  await pass(15_000);
  (await kube.nextRequest()).answer(metrics('one', '1Ki'));
  await turn();
  expect(sampler.stats()).toMatchObject({ source: 'metrics', problem: '' });
});

it('a clock that is set back stops nothing', async () => {
  vi.setSystemTime(86_400_000);
  runs('one');
  sampler.start();
  await turn();
  (await kube.nextRequest()).answer(metrics('one', '1Ki'));
  await turn();
  vi.setSystemTime(0);
  await pass(5_000);
  expect(kube.waitingRequests).toBe(1);
});

describe('where there is no metrics API', () => {
  beforeEach(async () => {
    runs('one');
    runs('two', 'node-2');
    sampler.start();
    await turn();
    (await kube.nextRequest()).fail(refusal(404));
    await turn();
  });

  it('each node on which a job runs is asked, and the API only again after ten minutes', async () => {
    const asked = [await kube.nextRequest(), await kube.nextRequest()];
    expect(asked.map(({ request: { path, query } }) => [path, query]).sort()).toEqual([
      ['/api/v1/nodes/node-1/proxy/stats/summary', { only_cpu_and_memory: true }],
      ['/api/v1/nodes/node-2/proxy/stats/summary', { only_cpu_and_memory: true }],
    ]);
    for (const { request, answer, fail } of asked)
      request.path.includes('node-1') ? answer(summary('one', 5)) : fail(refusal(502));
    await turn();
    expect(sampler.stats()).toMatchObject({ source: 'nodes', failed: 1 });
    expect(sampler.stats().problem).toBe('Node node-2 does not say what jobs use (502).');
    expect(peaks.of('run-one')?.memory).toBe(5);
    await pass(15_000);
    expect((await kube.nextRequest()).request.path).toMatch(/nodes/);
    (await kube.nextRequest()).answer({});
    sampler.stop();
  });

  it('and nodes may not be asked either, it says so and leaves them alone for ten minutes', async () => {
    for (const { fail } of [await kube.nextRequest(), await kube.nextRequest()]) fail(refusal(403));
    await turn();
    expect(sampler.stats()).toMatchObject({
      source: 'nobody',
      problem: 'The metrics API is not there for the account of the daemon, and it may not ask nodes.',
    });
    await pass(590_000);
    expect(kube.waitingRequests).toBe(0);
    await pass(25_000);
    expect((await kube.nextRequest()).request.path).toBe('/apis/metrics.k8s.io/v1beta1/pods');
  });
});

it('of many nodes only eight are asked at once', async () => {
  for (let n = 0; n < 20; n++) runs(`job-${n}`, `node-${n}`);
  sampler.start();
  await turn();
  (await kube.nextRequest()).fail(refusal(404));
  await turn();
  expect(kube.waitingRequests).toBe(8);
});

it('the setting is followed while it waits: off at once, on within seconds', async () => {
  runs('one');
  everyMs = 0;
  sampler.start();
  await pass(60_000);
  expect([kube.waitingRequests, sampler.stats().source]).toEqual([0, 'off']);
  everyMs = 3_600_000;
  await pass(5_000);
  (await kube.nextRequest()).answer(metrics('one', '1Ki'));
  await turn();
  everyMs = 15_000;
  await pass(15_000);
  expect(kube.waitingRequests).toBe(1);
});
