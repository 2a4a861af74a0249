import { beforeEach, describe, expect, it } from 'vitest';
import { versionOf } from '../../../src/definition/version.ts';
import type { FormerJob, JobDefinition, JobSnapshot } from '../../../src/domain.ts';
import { renderPast2026 } from '../../../src/server/dialects/past-2026.ts';
import { showPast } from '../../../src/server/handlers/past.ts';
import { jobAnswer } from '../../../src/server/schemas.ts';
import { makeRun, makeRunRecord, makeSnapshot } from '../../support/facts.ts';
import { alpha, beta, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

const time = (text: string) => Date.parse(text);
const asked = { name: 'demo', type: 'scheduled', image: 'bookworm', schedules: [{ text: '17 4 * * *' }] } as const;
const definition = (cmd: string): JobDefinition => ({ ...asked, cmd });
let deps: ScriptedDeps;

beforeEach(() => {
  deps = scriptDeps();
  deps.clock = time('2026-03-05T12:00:00Z');
});

/** Unset: what is there runs `./now.sh`, and was made at noon of 1 March. */
function there(changes: Partial<JobSnapshot['object']> = {}, cmd = './now.sh'): JobSnapshot {
  const createdAt = time('2026-03-01T12:00:00Z');
  const snapshot = makeSnapshot({
    kind: 'CronJob',
    job: { cmd },
    definition: definition(cmd),
    object: { createdAt, ...changes },
  });
  deps.view.set('tool-alpha', [snapshot]);
  return snapshot;
}

function was(cmd: string, at: string, more: Partial<FormerJob> = {}): void {
  const row: FormerJob = { at: time(at), reason: 'changed', definition: definition(cmd), ...more };
  deps.keptFormer.set('alpha', [row, ...(deps.keptFormer.get('alpha') ?? [])]);
}

const at = async (text: string) => renderPast2026(await showPast(alpha, 'demo', text, deps));
const cmdAt = async (text: string) => (await at(text)).cmd;

describe('what a job was at a time', () => {
  it('is what it is since its last change, and what it was between two changes before', async () => {
    there();
    was('./first.sh', '2026-03-02T12:00:00Z', { from: time('2026-03-01T12:00:00Z') });
    was('./second.sh', '2026-03-03T12:00:00Z', { from: time('2026-03-02T12:00:00Z') });
    expect(await cmdAt('2026-03-04T12:00:00Z')).toBe('./now.sh');
    expect(await cmdAt('2026-03-03T12:00:00Z')).toBe('./now.sh');
    expect(await cmdAt('2026-03-03T11:59:59Z')).toBe('./second.sh');
    expect(await cmdAt('2026-03-01T12:00:00Z')).toBe('./first.sh');
    expect(await cmdAt('1d')).toBe('./now.sh');
  });

  it('is what it was before it was deleted, and nothing after that', async () => {
    was('./gone.sh', '2026-03-03T12:00:00Z', { reason: 'deleted', from: time('2026-03-01T12:00:00Z') });
    expect(await cmdAt('2026-03-02T12:00:00Z')).toBe('./gone.sh');
    await expect(at('2026-03-04T12:00:00Z')).rejects.toMatchObject({
      code: 'job.not_found',
      message: "No job 'demo' is known to have been there at 2026-03-04T12:00:00Z.",
    });
  });

  it('is what it was each time that it was so', async () => {
    there();
    was('./again.sh', '2026-03-02T12:00:00Z', { from: time('2026-03-01T12:00:00Z') });
    was('./other.sh', '2026-03-03T00:00:00Z', { from: time('2026-03-02T12:00:00Z') });
    was('./again.sh', '2026-03-04T00:00:00Z', { from: time('2026-03-03T00:00:00Z') });
    expect(await cmdAt('2026-03-01T13:00:00Z')).toBe('./again.sh');
    expect(await cmdAt('2026-03-02T13:00:00Z')).toBe('./other.sh');
    expect(await cmdAt('2026-03-03T13:00:00Z')).toBe('./again.sh');
  });

  it('is the nearest one where an earlier release has not said since when', async () => {
    was('./older.sh', '2026-03-02T12:00:00Z');
    was('./newer.sh', '2026-03-03T12:00:00Z');
    expect(await cmdAt('2026-03-01T12:00:00Z')).toBe('./older.sh');
    expect(await cmdAt('2026-03-02T12:00:00Z')).toBe('./newer.sh');
  });

  it('says until when it was so, since when, and which run was going', async () => {
    there();
    was('./first.sh', '2026-03-02T12:00:00Z', { from: time('2026-03-01T12:00:00Z') });
    const [startedAt, finishedAt] = [time('2026-03-02T04:17:00Z'), time('2026-03-02T04:30:00Z')];
    deps.records.set('alpha/demo', [makeRunRecord({ type: 'scheduled', startedAt, finishedAt })]);
    const past = await at('2026-03-02T04:20:00Z');
    expect(past).toMatchObject({
      name: 'demo',
      image: 'bookworm',
      schedule: '17 4 * * *',
      filelog_stdout: '/data/project/alpha/demo.out',
      status_short: 'As it was at 2026-03-02T04:20:00Z',
      status_long: 'This is what the job was at 2026-03-02T04:20:00Z, until it was changed at 2026-03-02T12:00:00Z.',
      run_id: 'run-1',
      last_runs: [{ id: 'run-1', outcome: 'succeeded' }],
      as_of: {
        at: '2026-03-02T04:20:00Z',
        from: '2026-03-01T12:00:00Z',
        until: '2026-03-02T12:00:00Z',
        run_id: 'run-1',
      },
    });
    expect(past.status).toMatchObject({
      short: 'running',
      next_schedule: '2026-03-03T04:17:00Z',
      messages: ['it had been so since 2026-03-01T12:00:00Z', 'its run run-1 was going, since 2026-03-02T04:17:00Z'],
    });
    expect((await at('2026-03-02T05:00:00Z')).as_of.run_id).toBeNull();
  });

  it('knows a run that goes on still', async () => {
    const status = { startedAt: time('2026-03-05T04:17:00Z') };
    deps.view.set('tool-alpha', [{ ...there(), runs: [makeRun({ uid: 'run-9', status })] }]);
    expect((await at('2h')).as_of).toMatchObject({ until: null, run_id: 'run-9' });
    expect((await at('10h')).as_of.run_id).toBeNull();
  });

  it('is, further back than changes are kept, what its runs ran with, and unknown where they do not say', async () => {
    const snapshot = there({ createdAt: time('2026-01-01T00:00:00Z') });
    const before = { type: 'scheduled', createdAt: time('2026-02-01T04:17:00Z') } as const;
    deps.records.set('alpha/demo', [makeRunRecord({ ...before, version: versionOf(snapshot.object) })]);
    expect(await at('2026-02-02T00:00:00Z')).toMatchObject({
      cmd: './now.sh',
      status_long:
        'This is what the job was at 2026-02-02T00:00:00Z, as far as its runs tell: they ran with the definition that it has now.',
      as_of: { from: null },
    });
    deps.records.set('alpha/demo', [makeRunRecord({ ...before, version: 'another' })]);
    await expect(at('2026-02-02T00:00:00Z')).rejects.toMatchObject({
      message:
        "What job 'demo' was at 2026-02-02T00:00:00Z is not known any more: former definitions are kept for 7 days.",
    });
  });

  it('is not known before it was made', async () => {
    there();
    await expect(at('2026-03-01T11:00:00Z')).rejects.toMatchObject({
      message:
        "Job 'demo' is not known to have been there at 2026-03-01T11:00:00Z; the one that is there now was made later.",
    });
  });

  it('is refused for what is no time, or none that has been', async () => {
    there();
    for (const text of ['yesterday', '2027-01-01T00:00:00Z'])
      await expect(at(text)).rejects.toMatchObject({ code: 'request.invalid', fields: { field: 'at' } });
  });

  it('is nothing of another tool, and shown though its image is lost', async () => {
    was('./gone.sh', '2026-03-03T12:00:00Z', { definition: { ...definition('./gone.sh'), image: 'lost' } });
    expect(await at('2026-03-02T12:00:00Z')).toMatchObject({ image: 'lost', image_state: 'unknown' });
    await expect(showPast(beta, 'demo', '2026-03-02T12:00:00Z', deps)).rejects.toMatchObject({ code: 'job.not_found' });
  });

  it('has the shape that the documents show', async () => {
    there();
    const messages = { info: [], warning: [], error: [] };
    const job = await at('1h');
    expect(jobAnswer.parse({ job, messages }).job).toEqual(job);
  });
});
