import { describe, expect, it } from 'vitest';
import type { Notice, RunEnd } from '../src/domain.ts';
import { createMissedFirings, type MissedFiringsOptions } from '../src/missed-firings.ts';
import { makeRunRecord } from './support/facts.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const endOf = (id: string, reason: RunEnd['reason'] = 'unexplained') => ({ id, reason, outcome: 'skipped' }) as RunEnd;
const notice = { id: 'n', reason: 'unexplained' } as Notice;

function create(changes: Partial<MissedFiringsOptions> = {}) {
  const told: [string, RunEnd['reason'], Notice['reason']][] = [];
  const firings = createMissedFirings({
    known: async () => undefined,
    causeOf: async () => ({ reason: 'quota' }),
    wasBegun: async () => undefined,
    onMissed: (end, about) => void told.push([end.id, end.reason, about?.reason]),
    ...changes,
  });
  return { firings, told };
}

describe('a firing that became no run', () => {
  it('is told with what the cluster says of it, where the facts do not say why', async () => {
    const { firings, told } = create();
    firings.accept({ end: endOf('a'), notice });
    firings.accept({ end: endOf('b', 'suspended'), notice: undefined });
    await turn();
    expect(told).toContainEqual(['a', 'quota', 'quota']);
    expect(told).toContainEqual(['b', 'suspended', undefined]);
  });

  it('is told with the time in which the cluster could not be reached, where the cluster says nothing, or that it could not be begun', async () => {
    const outage = { from: 1, to: 2 };
    const says: Record<string, Partial<RunEnd>> = {
      refused: { reason: 'quota' },
      failed: { reason: 'not_started', clusterSays: 'connection refused' },
    };
    const quiet: RunEnd[] = [];
    const firings = createMissedFirings({
      known: async () => undefined,
      causeOf: async ({ id }) => says[id] ?? {},
      wasBegun: async () => undefined,
      onMissed: (end) => void quiet.push(end),
    });
    for (const id of ['away', 'refused', 'failed']) firings.accept({ end: endOf(id), notice, outage });
    firings.accept({ end: endOf('unknown'), notice });
    await turn();
    expect(quiet.map(({ id, reason, since, until }) => [id, reason, since, until])).toEqual([
      ['away', 'cluster_away', 1, 2],
      ['refused', 'quota', undefined, undefined],
      ['failed', 'cluster_away', 1, 2],
      ['unknown', 'unexplained', undefined, undefined],
    ]);
  });

  it('is told to be none where it may have begun only if the cluster says that it was not begun', async () => {
    const told: [string, RunEnd['outcome'], RunEnd['reason'], Notice['reason']][] = [];
    const firings = createMissedFirings({
      known: async ({ id }) =>
        id === 'told' ? makeRunRecord({ outcome: 'skipped', reason: 'cluster_away' }) : undefined,
      causeOf: async () => ({}),
      wasBegun: async ({ id }) => (id === 'nobody-says' ? undefined : id === 'begun'),
      onMissed: (end, about) => void told.push([end.id, end.outcome, end.reason, about?.reason]),
    });
    const outage = { from: 1, to: 2 };
    for (const id of ['begun', 'not-begun', 'nobody-says', 'told'])
      firings.accept({ end: endOf(id), notice, outage, mayHaveBegun: true });
    firings.accept({ end: endOf('other', 'previous_run'), notice, mayHaveBegun: true });
    await turn();
    expect(Object.fromEntries(told.map(([id, ...rest]) => [id, rest]))).toEqual({
      begun: ['unknown', undefined, undefined],
      'not-begun': ['skipped', 'cluster_away', 'cluster_away'],
      'nobody-says': ['unknown', undefined, undefined],
      told: ['skipped', 'cluster_away', 'cluster_away'],
      other: ['skipped', 'previous_run', 'unexplained'],
    });
  });

  it('is let go where its run is on record, and told where that cannot be read', async () => {
    const { firings, told } = create({
      async known({ id }) {
        if (id === 'unreadable') throw new Error('no disk');
        return id === 'ran' ? makeRunRecord() : undefined;
      },
    });
    for (const id of ['ran', 'unreadable']) firings.accept({ end: endOf(id), notice });
    await turn();
    expect(told.map(([id]) => id)).toEqual(['unreadable']);
  });

  it('is told again as it is on record, since its notice may not have reached the disk', async () => {
    const { firings, told } = create({
      known: async () => makeRunRecord({ outcome: 'skipped', reason: 'previous_run' }),
    });
    firings.accept({ end: endOf('a'), notice });
    await turn();
    expect(told).toEqual([['a', 'previous_run', 'previous_run']]);
  });

  it('waits its turn where there are very many', async () => {
    let [asked, most] = [0, 0];
    const { firings, told } = create({
      atOnce: 3,
      async causeOf() {
        asked += 1;
        most = Math.max(most, asked);
        await turn();
        asked -= 1;
        return {};
      },
    });
    for (let at = 0; at < 50; at += 1) firings.accept({ end: endOf(String(at)), notice });
    while (told.length < 50) await turn();
    expect(most).toBe(3);
  });
});
