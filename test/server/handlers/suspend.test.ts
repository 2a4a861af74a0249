import { beforeEach, describe, expect, it } from 'vitest';
import { suspended, suspensionOf } from '../../../src/definition/suspension.ts';
import type { Errand, RunRecord, Suspension } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { createCarryOut, failuresInRow } from '../../../src/server/handlers/errands.ts';
import { resumeJob, suspendJob } from '../../../src/server/handlers/suspend.ts';
import { makeRunRecord, makeSnapshot, now } from '../../support/facts.ts';
import { makeCronJobObject } from '../../support/make.ts';
import { alpha, continuousNamed, jobNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

const hour = 3_600_000;
const lasting: Suspension = { since: now - hour, by: 'owner', note: 'moves', until: now + hour, resumedAt: undefined };
const key = { namespace: 'tool-alpha', kind: 'CronJob', name: 'demo' } as const;
let deps: ScriptedDeps;

/** The last word written about the suspension, and whether the schedule stands still. */
function written(): [Suspension | undefined, unknown] | undefined {
  const [, , , change] = deps.asked.findLast(([asked]) => asked === 'patch') ?? [];
  return change === undefined
    ? undefined
    : [
        suspensionOf(change as object as Record<string, unknown>),
        (change as { spec: { suspend: unknown } }).spec.suspend,
      ];
}

beforeEach(() => {
  deps = scriptDeps();
  const firing = { timeZone: 'UTC', concurrency: 'forbid', deadlineMs: 30_000, changedAt: undefined } as const;
  const object = { firing, suspension: lasting };
  deps.view.set('tool-alpha', [makeSnapshot({ kind: 'CronJob', state: 'waiting', object }), jobNamed('once')]);
  deps.stored.set('CronJob/demo', makeCronJobObject({ uid: 'uid-1' }));
});

describe('a suspension', () => {
  it('says who, since when, why and until when, in the object itself', async () => {
    await suspendJob(alpha, 'demo', { note: 'moves', until: '2026-03-02T08:00:00Z' }, deps);
    const until = Date.parse('2026-03-02T08:00:00Z');
    expect(written()).toEqual([{ since: now, by: 'owner', note: 'moves', until, resumedAt: undefined }, true]);
  });

  it('that lasts keeps its beginning, and takes the note and the end that are asked for now', async () => {
    deps.stored.set('CronJob/demo', suspended(makeCronJobObject(), lasting));
    await suspendJob(alpha, 'demo', {}, deps);
    expect(written()?.[0]).toEqual({ ...lasting, note: undefined, until: undefined });
  });

  it('keeps the one before it, into which a firing may have fallen that nobody has accounted for yet', async () => {
    const former = { ...lasting, resumedAt: now - 60_000 };
    deps.stored.set('CronJob/demo', suspended(makeCronJobObject(), former));
    await suspendJob(alpha, 'demo', {}, deps);
    expect(written()?.[0]).toMatchObject({ since: now, before: [former] });
  });

  it.each([
    [{ note: 'two\nlines' }, 'note'],
    [{ until: 'tomorrow' }, 'until'],
    [{ until: '2020-01-01T00:00:00Z' }, 'until'],
  ])('%j is refused, and the field is named', async (asked, field) => {
    await expect(suspendJob(alpha, 'demo', asked, deps)).rejects.toMatchObject({
      code: 'request.invalid',
      fields: { field },
      message: expect.stringMatching(`^${field}: must be`),
    });
    expect(written()).toBeUndefined();
  });

  it('is for jobs with a schedule', async () => {
    await expect(suspendJob(alpha, 'once', {}, deps)).rejects.toMatchObject({ code: 'job.not_scheduled' });
    await expect(resumeJob(alpha, 'once', deps)).rejects.toMatchObject({ code: 'job.not_scheduled' });
    await expect(suspendJob(alpha, 'nobody', {}, deps)).rejects.toMatchObject({ code: 'job.not_found' });
  });

  it.each([
    ['once', /A one-off job runs once: it can be deleted, and run again\.$/],
    ['bot', /A continuous job stands still with 'replicas: 0' in its file, or is deleted\.$/],
  ])('of a job without a schedule is refused with what can be done instead: %s', async (name, message) => {
    deps.view.set('tool-alpha', [jobNamed('once'), continuousNamed('bot')]);
    const refusal = { code: 'job.not_scheduled', message: expect.stringMatching(message) };
    await expect(suspendJob(alpha, name, {}, deps)).rejects.toMatchObject(refusal);
  });

  it('is about the version that was read: where another one comes between, it is read again', async () => {
    const { patch } = deps.forward;
    let lost = 2;
    const forward = {
      ...deps.forward,
      patch: async (...call: Parameters<typeof patch>) => {
        lost -= 1;
        if (lost >= 0) throw new AppError('kube.conflict', 'Another one.');
        return patch(...call);
      },
    };
    await suspendJob(alpha, 'demo', {}, { ...deps, forward });
    expect(written()?.[1]).toBe(true);
    expect(deps.asked.filter(([asked]) => asked === 'object')).toHaveLength(3);
  });
});

describe('a job that is resumed', () => {
  it('goes on, and its object says when it did', async () => {
    deps.stored.set('CronJob/demo', suspended(makeCronJobObject(), lasting));
    await resumeJob(alpha, 'demo', deps);
    expect(written()).toEqual([{ ...lasting, resumedAt: now }, false]);
  });

  it('goes on also where another hand has suspended it', async () => {
    deps.stored.set('CronJob/demo', makeCronJobObject({ suspended: true }));
    await resumeJob(alpha, 'demo', deps);
    expect(written()).toMatchObject([{ since: now, resumedAt: now }, false]);
  });

  it('is left alone where it is not suspended', async () => {
    expect(await resumeJob(alpha, 'demo', deps)).toBeUndefined();
    expect(written()).toBeUndefined();
  });
});

describe('what the service does by itself', () => {
  const resume = (until: number, uid = 'uid-1'): Errand => ({ type: 'resume', id: 'a', key, uid, until });
  const suspendAfter = (after: number): Errand => ({ type: 'suspend-after', id: 'a', key, uid: 'uid-1', after });
  const carryOut = (errand: Errand) => createCarryOut(deps)(errand);
  const failed = (id: string, changes: Partial<RunRecord> = {}) =>
    makeRunRecord({ id, type: 'scheduled', outcome: 'failed', reason: 'exit_code', exitCode: 1, ...changes });

  it('is to resume a job as the tool, when its time has come', async () => {
    const until = now - 1_000;
    deps.stored.set('CronJob/demo', suspended(makeCronJobObject({ uid: 'uid-1' }), { ...lasting, until }));
    await carryOut(resume(until));
    expect(written()).toEqual([{ ...lasting, until, resumedAt: now }, false]);
    expect(deps.asked.every(([, tool]) => typeof tool !== 'string' || tool === 'alpha')).toBe(true);
  });

  it('is nothing where the job was suspended anew, resumed, made anew or deleted meanwhile', async () => {
    const until = now - 1_000;
    for (const object of [
      suspended(makeCronJobObject({ uid: 'uid-1' }), lasting),
      suspended(makeCronJobObject({ uid: 'uid-1' }), { ...lasting, until, resumedAt: now - 500 }),
      suspended(makeCronJobObject({ uid: 'uid-2' }), { ...lasting, until }),
    ]) {
      deps.stored.set('CronJob/demo', object);
      await carryOut(resume(until));
    }
    deps.stored.delete('CronJob/demo');
    await carryOut(resume(until));
    expect(written()).toBeUndefined();
  });

  it('is to suspend a job after so many failures in a row, and to say so', async () => {
    deps.records.set('alpha/demo', [failed('run-3'), failed('run-2'), makeRunRecord({ id: 'run-1' })]);
    await carryOut(suspendAfter(3));
    expect(written()).toBeUndefined();
    await carryOut(suspendAfter(2));
    const note = '2 runs in a row failed';
    expect(written()).toEqual([{ since: now, by: 'service', note, until: undefined, resumedAt: undefined }, true]);
  });

  it('is to be tried again where the tool cannot be acted for', async () => {
    const forward = { ...deps.forward, object: () => Promise.reject(new AppError('credentials.invalid', 'Expired.')) };
    await expect(createCarryOut({ ...deps, forward })(resume(now))).rejects.toMatchObject({
      code: 'credentials.invalid',
    });
  });

  it.each<[string, readonly RunRecord[], number | undefined, number]>([
    ['since the last success', [failed('c'), makeRunRecord({ id: 'b' }), failed('a')], undefined, 1],
    [
      'since the job was resumed',
      [failed('b', { createdAt: now }), failed('a', { createdAt: now - hour })],
      now - 1,
      1,
    ],
    ['of this life of the job', [failed('b'), failed('a', { jobUid: 'uid-0' })], undefined, 1],
    [
      'but firings that were skipped, and runs that were ended',
      [
        failed('d'),
        failed('c', { outcome: 'skipped', reason: 'quota' }),
        failed('b', { outcome: 'stopped' }),
        failed('a'),
      ],
      undefined,
      2,
    ],
  ])('counts failures %s', (_, runs, since, expected) => {
    expect(failuresInRow(runs, 'uid-1', since)).toBe(expected);
  });
});

it('a job of several parts is suspended and resumed with all of them, and none is left out', async () => {
  const names = ['demo-1', 'demo-2'];
  deps.view.set(
    'tool-alpha',
    names.map((name) => {
      const part = makeSnapshot({ kind: 'CronJob', state: 'waiting', job: { name, group: 'demo' } });
      return { ...part, key: { ...part.key, name } };
    }),
  );
  for (const name of names) deps.stored.set(`CronJob/${name}`, makeCronJobObject({ name }));
  await suspendJob(alpha, 'demo', {}, deps);
  for (const name of names) deps.stored.set(`CronJob/${name}`, suspended(makeCronJobObject({ name }), lasting));
  await resumeJob(alpha, 'demo', deps);
  const patched = deps.asked.flatMap(([asked, , object]) => (asked === 'patch' ? [object] : []));
  expect(patched).toEqual(['CronJob/demo-1', 'CronJob/demo-2', 'CronJob/demo-1', 'CronJob/demo-2']);
});
