import { expect, it } from 'vitest';
import type { RunEnd } from '../src/domain.ts';
import { createUnbegunRuns } from '../src/unbegun-runs.ts';
import { makeRunEnd } from './support/facts.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const unbegun = (changes: Partial<RunEnd>) => makeRunEnd({ startedAt: undefined, pod: undefined, ...changes });

async function causesOf(says: string | undefined, ...ends: readonly RunEnd[]) {
  const [asked, told]: [string[], RunEnd[]] = [[], []];
  const runs = createUnbegunRuns({
    async refusalOf({ id }) {
      asked.push(id);
      return says;
    },
    onCause: (end) => void told.push(end),
  });
  for (const end of ends) runs.accept(end);
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

it('a run that has begun, one that succeeded and a firing that became none are not asked about', async () => {
  const { asked } = await causesOf(
    'no',
    makeRunEnd({ id: 'ran' }),
    unbegun({ id: 'good', outcome: 'succeeded' }),
    unbegun({ id: 'uid-1/1772370000', jobUid: 'uid-1', outcome: 'unknown' }),
  );
  expect(asked).toEqual([]);
});
