import { beforeEach, describe, expect, it } from 'vitest';
import type { RunOutput } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { readRunLog } from '../../../src/server/handlers/run-logs.ts';
import { readLogRequest } from '../../../src/server/logs/log-line.ts';
import { ended, makePodFacts, makeRunRecord, makeSnapshot, now } from '../../support/facts.ts';
import { alpha, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

const older = '11111111-0000-4000-8000-000000000000';
const newer = '22222222-0000-4000-8000-000000000000';
const endedAt = Date.parse('2026-03-01T12:00:05Z');
let deps: ScriptedDeps;

beforeEach(() => {
  deps = scriptDeps();
  deps.records.set('alpha/demo', [
    makeRunRecord({ id: newer, finishedAt: endedAt }),
    makeRunRecord({ id: older, finishedAt: endedAt }),
  ]);
});

/** Unset: two lines of a pod. */
function keep(run: string, changes: Partial<RunOutput> = {}): void {
  const line = (second: number, message: string) => ({
    origin: 'demo-x7k2p',
    stream: 'both' as const,
    at: `2026-03-01T12:00:0${second}.000000000Z`,
    message,
  });
  deps.keptOutputs.set(`alpha/demo/${run}`, {
    lines: [line(1, 'one'), line(2, 'two')],
    from: 'its output',
    missing: undefined,
    isCut: false,
    ...changes,
  });
}

const read = async (run: string, query: Record<string, string> = {}) => {
  const request = readLogRequest(query, now);
  const lines = await readRunLog(
    { caller: alpha, name: 'demo', run, request, signal: new AbortController().signal },
    deps,
  );
  return lines.map(({ source, message }) => `${source}: ${message}`);
};

describe('the log of one run', () => {
  it('is what was kept of it when everything else is gone, and says where that comes from', async () => {
    keep(newer);
    expect(await read(newer)).toEqual([
      'service: (kept when the run had ended, from its output)',
      'record: one',
      'record: two',
    ]);
  });

  it('says that there was more, also where fewer lines are asked for than are kept', async () => {
    keep(newer, { isCut: true });
    const [first] = await read(newer);
    expect(first).toBe('service: (kept when the run had ended, from its output; what it wrote before is left out)');
    keep(newer);
    expect(await read(newer, { lines: '1' })).toEqual([first, 'record: two']);
    expect(await read(newer, { since: '2026-03-01T12:00:01.5Z' })).toEqual([first, 'record: two']);
  });

  it('is found by how its id begins, and by being the last', async () => {
    keep(older);
    keep(newer, { from: 'demo.out' });
    expect((await read('11111111'))[0]).toContain('its output');
    expect((await read('last'))[0]).toContain('demo.out');
  });

  it('is that of its own pods while they are there', async () => {
    keep(newer);
    deps.view.set('tool-alpha', [
      {
        ...makeSnapshot({ object: { uid: newer } }),
        pods: [
          makePodFacts({ name: 'mine', ownerUid: newer, state: ended(0) }),
          makePodFacts({ name: 'other', ownerUid: older, state: ended(0) }),
        ],
      },
    ]);
    deps.podLog = async (pod) =>
      (async function* () {
        yield Buffer.from(`2026-03-01T12:00:01.5Z of ${pod}\n`);
      })();
    expect(await read(newer)).toEqual(['pod: of mine']);
  });

  it('is what was kept where its pod cannot be read any more', async () => {
    keep(newer);
    const pods = [makePodFacts({ ownerUid: newer, state: ended(0) })];
    deps.view.set('tool-alpha', [{ ...makeSnapshot({ object: { uid: newer } }), pods }]);
    deps.podLog = async () => {
      throw new AppError('kube.unreachable', 'No.');
    };
    expect((await read(newer))[1]).toBe('record: one');
  });

  it.each([
    ['it never ran', { startedAt: undefined }, undefined],
    ['none of it was kept', {}, undefined],
    ['its pod is gone', {}, { lines: [], from: undefined, missing: 'its pod is gone', isCut: false }],
  ])('that has none says why: %s', async (why, changes, output) => {
    deps.records.set('alpha/demo', [makeRunRecord({ id: newer, ...changes })]);
    if (output) keep(newer, output);
    await expect(read(newer)).rejects.toMatchObject({
      code: 'logs.none',
      message: `There is no output of this run of job 'demo': ${why}.`,
    });
  });

  it('is refused for a run that nobody knows, that could be several, or with what only a job can be asked for', async () => {
    deps.records.set('alpha/demo', [makeRunRecord({ id: `${newer}-a` }), makeRunRecord({ id: `${newer}-b` })]);
    await expect(read('33333333')).rejects.toMatchObject({ code: 'run.not_found' });
    await expect(read('2222')).rejects.toMatchObject({ code: 'run.not_found' });
    await expect(read('22222222')).rejects.toMatchObject({ code: 'request.invalid', fields: { field: 'run' } });
    await expect(read(newer, { follow: 'true' })).rejects.toMatchObject({ fields: { field: 'follow' } });
    deps.records.clear();
    await expect(read('last')).rejects.toMatchObject({ code: 'job.not_found' });
  });

  it('is none of a firing that became no run', async () => {
    deps.records.set('alpha/demo', [makeRunRecord({ id: `${newer}/1772339400`, outcome: 'skipped' })]);
    await expect(read('last')).rejects.toMatchObject({
      code: 'run.not_found',
      message: "No run of job 'demo' is known yet.",
    });
  });

  it('is not said to go on where nothing of it has begun', async () => {
    deps.records.clear();
    deps.view.set('tool-alpha', [{ ...makeSnapshot({ object: { uid: newer } }), pods: [] }]);
    await expect(read('last')).rejects.toMatchObject({
      code: 'logs.none',
      message: expect.stringContaining('it has not begun yet, or has just ended'),
    });
  });
});
