import { beforeEach, describe, expect, it } from 'vitest';
import type { PodFacts } from '../../src/domain.ts';
import { createPeaks, type Peaks } from '../../src/usage/peaks.ts';
import type { Reading } from '../../src/usage/read-usage.ts';
import { ended, makePodFacts, running } from '../support/facts.ts';

let peaks: Peaks;
beforeEach(() => {
  peaks = createPeaks();
});

const pod = (name: string, changes: Partial<PodFacts> = {}) =>
  makePodFacts({ uid: `uid-${name}`, name, ownerUid: 'run-1', node: 'node-1', ...changes });
const seen = (facts: PodFacts) => peaks.accept({ type: 'pod.seen', key: facts.key, pod: facts });
const gone = (facts: PodFacts) =>
  peaks.accept({ type: 'pod.gone', key: facts.key, uid: facts.uid, resourceVersion: '9' });
const reading = (facts: PodFacts, memory: number | undefined, cpu?: Reading['cpu']): Reading => ({
  pod: `${facts.key.namespace}/${facts.name}`,
  memory,
  cpu,
});
const total = (nanoseconds: number, at: number, startedAt = 0) =>
  ({ kind: 'total', nanoseconds, at, startedAt }) as const;

describe('the peak of a run', () => {
  it('is the highest sample, whichever came when', () => {
    const one = pod('one');
    seen(one);
    for (const [at, memory] of [100, 300, 200].entries()) peaks.take([reading(one, memory)], at);
    expect(peaks.of('run-1')).toEqual({ memory: 300, cpu: undefined, since: 0 });
  });

  it('is that of all its attempts', () => {
    const [first, second] = [pod('first'), pod('second')];
    seen(first);
    peaks.take([reading(first, 300)], 1);
    seen(pod('first', { phase: 'Failed', container: makePodFacts({ state: ended(1) }).container }));
    seen(second);
    peaks.take([reading(second, 200)], 2);
    expect(peaks.of('run-1')).toEqual({ memory: 300, cpu: undefined, since: 1 });
  });

  it('is there when its pods are gone, until two thousand others have ended after it', () => {
    const one = pod('one');
    seen(one);
    peaks.take([reading(one, 300)], 1);
    gone(one);
    expect(peaks.of('run-1')?.memory).toBe(300);
    for (let n = 0; n < 2_000; n++) {
      const other = pod(`other-${n}`, { ownerUid: `run-other-${n}` });
      seen(other);
      peaks.take([reading(other, 1)], 2);
      gone(other);
    }
    expect([peaks.of('run-1'), peaks.of('run-other-0')?.memory]).toEqual([undefined, 1]);
    expect([peaks.running(), peaks.nodes()]).toEqual([0, []]);
  });

  it('of which no sample came is none', () => {
    seen(pod('one'));
    expect(peaks.of('run-1')).toBeUndefined();
  });

  it('takes nothing of pods that are no job, and of those that have ended', () => {
    const one = pod('one');
    peaks.take([reading(one, 300)], 1);
    seen(pod('one', { phase: 'Succeeded', container: makePodFacts({ state: ended(0) }).container }));
    peaks.take([reading(one, 300)], 2);
    expect(peaks.of('run-1')).toBeUndefined();
  });
});

describe('the CPU of a run', () => {
  it('is the mean since its start at the first sample, and from one to the next after that', () => {
    const one = pod('one');
    seen(one);
    peaks.take([reading(one, 1, total(1e9, 10_000))], 1);
    expect(peaks.of('run-1')?.cpu).toBe(100);
    peaks.take([reading(one, 1, total(6e9, 20_000))], 2);
    expect(peaks.of('run-1')?.cpu).toBe(500);
    peaks.take([reading(one, 1, total(6.1e9, 30_000))], 3);
    expect(peaks.of('run-1')?.cpu).toBe(500);
  });

  it('begins anew where its container was started again', () => {
    const one = pod('one');
    seen(one);
    peaks.take([reading(one, 1, total(9e9, 90_000))], 1);
    peaks.take([reading(one, 1, total(2e9, 100_000, 90_000))], 2);
    expect(peaks.of('run-1')?.cpu).toBe(200);
  });

  it('is not reckoned from what the node says twice, or of moments', () => {
    const one = pod('one');
    seen(one);
    peaks.take([reading(one, 1, total(1e9, 900))], 1);
    expect(peaks.of('run-1')?.cpu).toBeUndefined();
    peaks.take([reading(one, 1, total(1e9, 900))], 2);
    expect(peaks.of('run-1')?.cpu).toBeUndefined();
  });

  it('is what the metrics API says of it', () => {
    const one = pod('one');
    seen(one);
    peaks.take([reading(one, 1, { kind: 'rate', millicores: 12.3 })], 1);
    expect(peaks.of('run-1')?.cpu).toBe(12.3);
  });
});

it('the nodes to be asked are those on which a job runs', () => {
  const [one, two, three] = [pod('one'), pod('two', { node: 'node-2' }), pod('three', { node: 'node-2' })];
  for (const each of [one, two, three, pod('waits', { node: undefined })]) seen(each);
  expect(peaks.nodes()).toEqual(['node-1', 'node-2']);
  gone(two);
  gone(one);
  expect([peaks.nodes(), peaks.running()]).toEqual([['node-2'], 1]);
  seen({ ...three, container: { ...(three.container as NonNullable<PodFacts['container']>), state: running() } });
  expect(peaks.running()).toBe(1);
});
