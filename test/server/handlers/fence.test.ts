import { beforeEach, describe, expect, it } from 'vitest';
import { claimFence } from '../../../src/server/handlers/fence.ts';
import { makePodFacts } from '../../support/facts.ts';
import { alpha, beta, continuousNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
type Pod = Parameters<typeof makePodFacts>[0];
const withPods = (pods: readonly Pod[], replicas = 1) => {
  const bot = { ...continuousNamed('bot', { replicas }), pods: pods.map((pod) => makePodFacts(pod)) };
  deps.view.set('tool-alpha', [continuousNamed('other'), bot]);
};
const claimed = () => deps.asked.filter(([what]) => what === 'claimFence');

beforeEach(() => {
  deps = scriptDeps();
});

describe('a fencing number', () => {
  it('is given to a run that goes on, for its job and its age', async () => {
    withPods([{ uid: 'run-2', createdAt: 7_000 }, { uid: 'run-1' }]);
    expect(await claimFence(alpha, 'run-2', deps)).toBe(deps.clock);
    expect(claimed()).toEqual([['claimFence', 'alpha', { job: 'bot', run: 'run-2', createdAt: 7_000 }]]);
  });

  it.each<[string, Pod, string]>([
    ['of another tool', { uid: 'another' }, 'run.not_found'],
    ['that has ended', { uid: 'run-1', phase: 'Failed' }, 'run.superseded'],
    ['that is being ended', { uid: 'run-1', deletingAt: 1 }, 'run.superseded'],
  ])('is not given to a run %s', async (_, pod, code) => {
    withPods([pod]);
    await expect(claimFence(alpha, 'run-1', deps)).rejects.toMatchObject({ code });
    await expect(claimFence(beta, pod?.uid ?? '', deps)).rejects.toMatchObject({ code: 'run.not_found' });
    expect(claimed()).toEqual([]);
  });

  it('is not given to one of several copies', async () => {
    withPods([{ uid: 'run-1' }, { uid: 'run-2' }], 2);
    await expect(claimFence(alpha, 'run-1', deps)).rejects.toMatchObject({ code: 'job.several_copies' });
  });

  it('waits for what runs to be known', async () => {
    deps.freshness = { ...deps.freshness, live: false };
    await expect(claimFence(alpha, 'run-1', deps)).rejects.toMatchObject({ code: 'kube.unreachable' });
    deps.freshness = { ...deps.freshness, synced: false };
    await expect(claimFence(alpha, 'run-1', deps)).rejects.toMatchObject({ code: 'view.not_ready' });
  });
});
