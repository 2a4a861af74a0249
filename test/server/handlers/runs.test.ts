import { beforeEach, describe, expect, it } from 'vitest';
import type { RunOutput } from '../../../src/domain.ts';
import { listRuns, unusualOf } from '../../../src/server/handlers/runs.ts';
import { inOrder } from '../../../src/streak.ts';
import { makeRunRecord, makeSnapshot } from '../../support/facts.ts';
import { alpha, beta, jobNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
beforeEach(() => {
  deps = scriptDeps();
});

const record = makeRunRecord();
const streak = { run: 'run-1', outcome: 'succeeded', reason: undefined, count: 1, before: 0 };
const told = { job: 'demo', run: record, streak: expect.objectContaining(streak), changed: [] };

describe('the runs of a job', () => {
  it('are its records, whether the job is there or gone', async () => {
    deps.records.set('alpha/demo', [record]);
    expect(await listRuns(alpha, 'demo', deps)).toEqual([told]);
    deps.view.set('tool-alpha', [jobNamed('demo')]);
    expect(await listRuns(alpha, 'demo', deps)).toEqual([told]);
  });

  it('of several parts are those of all of them, the newest first, and of a part its own', async () => {
    const runOf = (id: string, createdAt: number) => ({ ...makeRunRecord(), id, createdAt, group: 'demo' });
    deps.records.set('alpha/demo-a', [runOf('3', 3), runOf('1', 1)]);
    deps.records.set('alpha/demo-b', [runOf('2', 2)]);
    const ids = async (name: string) => (await listRuns(alpha, name, deps)).map(({ job, run }) => `${job} ${run.id}`);
    expect(await ids('demo')).toEqual(['demo-a 3', 'demo-b 2', 'demo-a 1']);
    expect(await ids('demo-a')).toEqual(['demo-a 3', 'demo-a 1']);
  });

  it('are none before the first has ended', async () => {
    deps.view.set('tool-alpha', [jobNamed('demo')]);
    expect(await listRuns(alpha, 'demo', deps)).toEqual([]);
  });

  it('of a job that never was, or is of another tool, are not found', async () => {
    deps.records.set('alpha/demo', [record]);
    deps.view.set('tool-alpha', [jobNamed('demo')]);
    await expect(listRuns(beta, 'demo', deps)).rejects.toMatchObject({ code: 'job.not_found' });
    await expect(listRuns(alpha, 'other', deps)).rejects.toMatchObject({ code: 'job.not_found' });
  });

  it('that are recorded are told before the view is complete; nothing else is judged then', async () => {
    deps.freshness = { synced: false, live: false, asOf: 0 };
    deps.records.set('alpha/demo', [record]);
    expect(await listRuns(alpha, 'demo', deps)).toEqual([told]);
    await expect(listRuns(alpha, 'other', deps)).rejects.toMatchObject({ code: 'view.not_ready' });
  });

  it('say what is in a row, what was changed since the run before, and nothing of what is not known', async () => {
    const failed = { type: 'scheduled', outcome: 'failed', reason: 'exit_code' } as const;
    deps.records.set('alpha/demo', [
      makeRunRecord({ ...failed, id: 'run-6', version: 'b', imageDigest: 'sha256:2', jobUid: 'uid-2' }),
      makeRunRecord({ type: 'scheduled', id: 'run-5', version: 'b', imageDigest: 'sha256:2' }),
      makeRunRecord({ ...failed, id: 'run-4', version: 'b', outcome: 'skipped', reason: 'quota' }),
      makeRunRecord({
        ...failed,
        id: 'run-3',
        outcome: 'stopped',
        reason: undefined,
        version: 'b',
        imageDigest: 'sha256:1',
      }),
      makeRunRecord({ ...failed, id: 'run-2', version: 'a', imageDigest: 'sha256:1' }),
      makeRunRecord({ ...failed, id: 'run-1' }),
    ]);
    const rows = (await listRuns(alpha, 'demo', deps)).map(({ run, streak: inRow, changed }) => [
      run.id,
      inRow?.count,
      inRow?.before,
      changed.join(),
    ]);
    expect(rows).toEqual([
      ['run-6', 1, 0, ''],
      ['run-5', 1, 3, 'image'],
      ['run-4', 3, 0, ''],
      ['run-3', undefined, undefined, 'definition'],
      ['run-2', 2, 0, ''],
      ['run-1', 1, 0, ''],
    ]);
  });
});

it('unusual runs are marked of a job that asks to be told, and of no other', async () => {
  const usual = Array.from({ length: 10 }, (_, n) =>
    makeRunRecord({ id: `b-${n}`, startedAt: 0, finishedAt: 180_000 }),
  );
  const quiet = makeRunRecord({ id: 'quiet', startedAt: 0, finishedAt: 180_000 });
  const runs = [quiet, makeRunRecord({ id: 'short', startedAt: 0, finishedAt: 1_000 }), ...usual];
  for (const { id } of usual) deps.keptOutputs.set(`alpha/demo/${id}`, wrote(40));
  deps.keptOutputs.set('alpha/demo/quiet', wrote(3));
  const marked = async () => {
    const listed = inOrder(runs).map((told) => ({ job: 'demo', ...told }));
    return [...(await unusualOf(alpha, listed, deps))].map(([id, { what }]) => [id, what]);
  };
  expect(await marked()).toEqual([]);
  deps.view.set('tool-alpha', [makeSnapshot({ kind: 'CronJob' })]);
  expect(await marked()).toEqual([]);
  deps.view.set('tool-alpha', [makeSnapshot({ kind: 'CronJob', job: { unusual: true } })]);
  expect(await marked()).toEqual([
    ['quiet', 'quiet'],
    ['short', 'short'],
  ]);
});

function wrote(lines: number): RunOutput {
  return { lines: [], from: 'its output', missing: undefined, isCut: false, written: { lines, orMore: false } };
}
