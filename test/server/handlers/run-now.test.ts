import { beforeEach, describe, expect, it } from 'vitest';
import type { Errand, JobSnapshot, KubeObject, RunFacts } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { createCarryOut } from '../../../src/server/handlers/errands.ts';
import { runNow } from '../../../src/server/handlers/run-now.ts';
import { makeCondition, makeRun, makeSnapshot } from '../../support/facts.ts';
import { makeCronJobObject } from '../../support/make.ts';
import { alpha, jobNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

const noon = Date.parse('2026-03-01T12:00:00Z');
const key = { namespace: 'tool-alpha', kind: 'CronJob', name: 'demo' } as const;
/** As the controller names the run of a firing: by its minute. */
const nameOf = (firing: number) => `demo-${firing / 60_000}`;
const hour = 3_600_000;
let deps: ScriptedDeps;
const run = (asked: { parameters?: unknown } = {}) => runNow(alpha, 'demo', asked, deps, () => {});
const made = (): KubeObject[] =>
  deps.asked.flatMap(([asked, , , object]) => (asked === 'create' ? [object as KubeObject] : []));
const metadata = () => made().at(-1)?.metadata as { name: string; annotations: object; ownerReferences: object[] };

/** An hourly job, made long ago, at twenty past twelve. */
function show(
  runs: readonly RunFacts[] = [],
  cronJob: Parameters<typeof makeCronJobObject>[0] = {},
  policy = 'Forbid',
): JobSnapshot {
  const job = { schedule: { text: '0 * * * *', actual: '0 * * * *' } };
  const firing = { timeZone: 'UTC', concurrency: 'forbid', deadlineMs: 30_000, changedAt: undefined } as const;
  const snapshot = makeSnapshot({ kind: 'CronJob', state: 'waiting', job, object: { firing }, runs });
  deps.view.set('tool-alpha', [snapshot, jobNamed('once')]);
  const made = makeCronJobObject({
    uid: 'uid-1',
    createdAt: '2026-02-01T00:00:00Z',
    schedule: '0 * * * *',
    ...cronJob,
  });
  deps.stored.set('CronJob/demo', { ...made, spec: { ...(made.spec as object), concurrencyPolicy: policy } });
  return snapshot;
}

beforeEach(() => {
  deps = scriptDeps();
  deps.clock = noon + 1_200_000;
  show();
});

describe('a run of now', () => {
  it('is a run by hand, and has the name of the next firing, so that the cluster begins no second one then', async () => {
    await run();
    expect(metadata()).toMatchObject({
      name: nameOf(noon + hour),
      annotations: {
        'cronjob.kubernetes.io/instantiate': 'manual',
        'jobs.toolforge.org/holds-firing': '2026-03-01T13:00:00.000Z',
      },
      ownerReferences: [{ kind: 'CronJob', name: 'demo', uid: 'uid-1', controller: true }],
    });
  });

  it('has the name of the firing of just now, where the cluster may still begin that', async () => {
    deps.clock = noon + 5_000;
    await run();
    expect(metadata().name).toBe(nameOf(noon));
  });

  it('has the name of the next one where that of just now was begun, suspended, or is of before its schedule was made', async () => {
    deps.clock = noon + 5_000;
    for (const cronJob of [
      { lastScheduledAt: '2026-03-01T12:00:00Z' },
      { suspended: true },
      { createdAt: '2026-03-01T12:00:01Z' },
    ]) {
      show([], cronJob);
      await run();
      expect(metadata().name).toBe(nameOf(noon + hour));
    }
  });

  it('is refused while one goes, which is named with since when', async () => {
    show([makeRun({ uid: '3f6c1d2e-77aa', name: 'demo-1', createdAt: noon, status: { startedAt: noon + 1_000 } })]);
    await expect(run()).rejects.toMatchObject({
      code: 'job.running',
      fields: { run: '3f6c1d2e-77aa', since: '2026-03-01T12:00:01.000Z' },
      message: expect.stringContaining('since 2026-03-01T12:00:01Z (run 3f6c1d2e)'),
    });
    show([], { activeRuns: ['demo-2'] });
    await expect(run()).rejects.toMatchObject({ code: 'job.running', fields: { run: 'uid-demo-2' } });
    expect(made()).toEqual([]);
  });

  it('is refused where the schedule was quicker by a moment', async () => {
    deps.created = () => Promise.reject(new AppError('job.conflict', 'taken'));
    await expect(run()).rejects.toMatchObject({ code: 'job.running', fields: { name: 'demo' } });
  });

  it('ends the one that goes where its definition has them replaced, and goes beside it where it allows that', async () => {
    const going = makeRun({ uid: 'run-1', name: 'demo-1' });
    const ended = { ...show([going], {}, 'Replace'), runs: [] };
    deps.removed = async () => {
      deps.view.set('tool-alpha', [ended]);
      return true;
    };
    await run();
    expect(deps.asked).toContainEqual(['remove', 'alpha', 'run-1']);
    expect(metadata().name).toBe(nameOf(noon + hour));
    deps.asked.length = 0;
    show([going], {}, 'Allow');
    await run();
    expect(deps.asked.some(([asked]) => asked === 'remove')).toBe(false);
    expect(metadata()).toMatchObject({ name: `demo-${deps.clock / 1_000}`, ownerReferences: [{ kind: 'CronJob' }] });
    expect(metadata().annotations).not.toHaveProperty('jobs.toolforge.org/holds-firing');
  });

  it('is one of several of the same second where its definition allows that', async () => {
    const second = deps.clock / 1_000;
    show([makeRun({ name: `demo-${second}` }), makeRun({ name: `demo-${second + 1}` })], {}, 'Allow');
    await run();
    expect(metadata().name).toBe(`demo-${second + 2}`);
  });

  it('takes the place of one by hand that has ended and has its name', async () => {
    const former = makeRun({
      uid: 'run-1',
      name: nameOf(noon + hour),
      status: { conditions: [makeCondition('Complete')] },
    });
    const without = { ...show([former]), runs: [] };
    deps.removed = async () => {
      deps.view.set('tool-alpha', [without]);
      return true;
    };
    await run();
    expect(deps.asked).toContainEqual(['remove', 'alpha', 'run-1']);
    expect(made()).toHaveLength(1);
  });

  it('has other values of the parameters of its job, where they are asked for', async () => {
    const before = show();
    const job = before.object.job && { ...before.object.job, variables: [{ name: 'WIKI', value: 'dewiki' }] };
    deps.view.set('tool-alpha', [{ ...before, object: { ...before.object, job } }]);
    const cronJob = deps.stored.get('CronJob/demo') as { spec: { jobTemplate: { spec: { template: object } } } };
    const env = [
      { name: 'WIKI', value: 'dewiki' },
      { name: 'HOME', value: '/data/project/alpha' },
    ];
    const template = { spec: { containers: [{ name: 'job', image: 'x', env }] } };
    deps.stored.set('CronJob/demo', { ...cronJob, spec: { ...cronJob.spec, jobTemplate: { spec: { template } } } });
    await run({ parameters: { WIKI: '$(HOME) $x' } });
    expect(made().at(-1)?.spec).toEqual({
      template: {
        spec: { containers: [{ name: 'job', image: 'x', env: [{ name: 'WIKI', value: '$$(HOME) $$x' }, env[1]] }] },
      },
    });
    for (const parameters of [{ MODE: 'x' }, { wiki: 'x' }, { WIKI: 'a\0b' }, { HOME: '/' }, 'WIKI=x']) {
      await expect(run({ parameters })).rejects.toMatchObject({
        code: 'request.invalid',
        fields: { field: 'parameters' },
      });
    }
    expect(made()).toHaveLength(1);
  });

  it('is of a job with a schedule', async () => {
    await expect(runNow(alpha, 'once', {}, deps, () => {})).rejects.toMatchObject({ code: 'job.not_scheduled' });
    await expect(runNow(alpha, 'nobody', {}, deps, () => {})).rejects.toMatchObject({ code: 'job.not_found' });
  });
});

describe('a firing whose place was taken by a run that had ended', () => {
  const begin: Errand = { type: 'begin', id: 'a', key, uid: 'uid-1', due: noon };
  const carryOut = () => createCarryOut(deps)(begin);
  const former = makeRun({
    name: nameOf(noon),
    manual: true,
    holds: noon,
    status: { conditions: [makeCondition('Complete')] },
  });

  beforeEach(() => {
    deps.clock = noon + 2_000;
    show([former], { lastScheduledAt: '2026-03-01T12:00:00Z' });
  });

  it('is begun a moment late, as the run of that firing', async () => {
    await carryOut();
    expect(metadata()).toMatchObject({
      name: nameOf(noon + hour),
      annotations: {
        'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-03-01T12:00:00.000Z',
        'jobs.toolforge.org/holds-firing': '2026-03-01T13:00:00.000Z',
      },
      ownerReferences: [{ controller: true }],
    });
    expect(metadata().annotations).not.toHaveProperty('cronjob.kubernetes.io/instantiate');
  });

  it('is begun once', async () => {
    deps.created = () => Promise.reject(new AppError('job.conflict', 'taken'));
    await carryOut();
    deps.asked.length = 0;
    show([former, makeRun({ uid: 'run-2', dueAt: noon })]);
    await carryOut();
    expect(made()).toEqual([]);
  });

  it('is not begun later than its deadline allows, beside another run, or in another life of the job', async () => {
    deps.clock = noon + 31_000;
    await carryOut();
    deps.clock = noon + 2_000;
    show([former, makeRun({ uid: 'run-2' })]);
    await carryOut();
    show([former], { uid: 'uid-2' });
    await carryOut();
    show([former], { suspended: true });
    await carryOut();
    expect(made()).toEqual([]);
  });
});
