import { expect, it } from 'vitest';
import type { RunEnd } from '../src/domain.ts';
import { createUnbegunRuns, type UnbegunRunsOptions } from '../src/unbegun-runs.ts';
import { makeRunEnd } from './support/facts.ts';
import { makeNotice } from './support/notices.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const unbegun = (changes: Partial<RunEnd>) => makeRunEnd({ startedAt: undefined, pod: undefined, ...changes });

function create(says: string | undefined, asked: string[], changes: Partial<UnbegunRunsOptions>) {
  return createUnbegunRuns({
    async refusalOf(_, run) {
      asked.push(run);
      return says;
    },
    onEnd: () => expect.fail('no end'),
    onRefusal: () => expect.fail('none waits'),
    ...changes,
  });
}

async function causesOf(says: string | undefined, ...ends: readonly RunEnd[]) {
  const [asked, told]: [string[], RunEnd[]] = [[], []];
  const runs = create(says, asked, { onEnd: (end) => void told.push(end) });
  for (const end of ends) runs.end(end);
  await turn();
  return { asked, told };
}

it('a run that ended without a pod is told again with what the cluster says of that', async () => {
  const { told } = await causesOf(
    'exceeded quota: x',
    unbegun({ id: 'gone', outcome: 'unknown', reason: undefined }),
    unbegun({ id: 'replaced', outcome: 'stopped', reason: 'replaced' }),
    unbegun({ id: 'late', outcome: 'failed', reason: 'not_started' }),
  );
  expect(told).toMatchObject([
    { id: 'gone', outcome: 'stopped', reason: 'quota', clusterSays: 'exceeded quota: x' },
    { id: 'replaced', outcome: 'stopped', reason: 'replaced', clusterSays: 'exceeded quota: x' },
    { id: 'late', outcome: 'failed', reason: 'quota' },
  ]);
  const other = await causesOf(`no ${'x'.repeat(1_000)}`, unbegun({ id: 'gone', outcome: 'stopped' }));
  expect(other.told).toMatchObject([{ reason: 'not_started', clusterSays: expect.stringMatching(/^.{500}$/) }]);
});

it('nothing is told where the cluster says nothing', async () => {
  expect(await causesOf(undefined, unbegun({ id: 'gone', outcome: 'stopped' }))).toEqual({ asked: ['gone'], told: [] });
});

it('a run that has begun, one that succeeded, one whose pod has said why and a firing that became none are not asked about', async () => {
  const { asked } = await causesOf(
    'no',
    makeRunEnd({ id: 'ran' }),
    unbegun({ id: 'good', outcome: 'succeeded' }),
    unbegun({ id: 'stuck', outcome: 'failed', reason: 'image' }),
    unbegun({ id: 'uid-1/1772370000', jobUid: 'uid-1', outcome: 'unknown' }),
  );
  expect(asked).toEqual([]);
});

it('what keeps a run waiting is asked where the trouble is that it has no pod', async () => {
  const [asked, told]: [string[], unknown[]] = [[], []];
  const runs = create('exceeded quota: x', asked, { onRefusal: (...refused) => void told.push(refused) });
  const waits = makeNotice({ run: 'waits', reason: 'not_started', pod: undefined });
  runs.wait(waits);
  runs.wait({ ...waits, run: 'stuck', pod: 'pod-1' });
  runs.wait({ ...waits, run: 'failed', reason: 'exit_code' });
  runs.wait({ ...waits, run: 'skipped', isSkipped: true });
  await turn();
  expect([asked, told]).toEqual([['waits'], [[waits.key, { run: 'waits', says: 'exceeded quota: x' }]]]);
});
