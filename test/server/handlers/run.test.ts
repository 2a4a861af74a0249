import { beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { fromKubeStatus, kubeStatusOf } from '../../../src/kube.ts';
import { createRunJob } from '../../../src/server/handlers/run.ts';
import { parseSettings } from '../../../src/settings.ts';
import { alpha, jobNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
beforeEach(() => {
  deps = scriptDeps();
});

const input = { name: 'daily', cmd: './run.sh', imagename: 'python3.11' };
const run = (changes: Record<string, unknown> = {}) => createRunJob(deps)(alpha, { ...input, ...changes });
const names = () => deps.asked.map(([name]) => name);
const created = () => deps.asked.find(([name]) => name === 'create') ?? [];

describe('a new job', () => {
  it('is created as the tool, told to its actor as the cluster stored it, and answered', async () => {
    deps.created = async (object) => ({ ...object, stored: true });
    const [snapshot] = await run({ schedule: '@daily' });
    expect(names()).toEqual(['homeOf', 'create', 'observe']);
    expect(created().slice(1, 3)).toEqual(['alpha', 'scheduled']);
    expect(created()[3]).toMatchObject({ metadata: { namespace: 'tool-alpha', name: 'daily' } });
    expect(deps.asked.at(-1)).toEqual(['observe', { ...(created()[3] as object), stored: true }]);
    expect(snapshot).toBe(deps.jobs.find('tool-alpha', 'daily'));
  });

  it('gets 512Mi and 100m when it asks for nothing', async () => {
    await run();
    expect(containerOf(created()[3]).resources).toEqual({
      limits: { memory: '0.5Gi', cpu: deps.live.defaultCpuLimit },
      requests: { memory: '0.5Gi', cpu: '0.1' },
    });
  });

  it('runs as the owner of the home, with the homes mounted, as the settings of the moment say', async () => {
    await run();
    expect(podOf(created()[3])).toMatchObject({ securityContext: { runAsUser: 50_001, runAsGroup: 50_002 } });
    expect(podOf(created()[3]).volumes).toBeUndefined();
    deps = scriptDeps();
    deps.live = parseSettings({ run_as_home_owner: 'no', mount_homes: 'yes' }).settings;
    await run();
    expect(JSON.stringify(podOf(created()[3]).securityContext ?? {})).not.toContain('50001');
    expect(JSON.stringify(podOf(created()[3]).volumes)).toContain('"path":"/srv/homes');
  });
});

describe('nothing is asked of home or cluster', () => {
  it.each([
    ['before the view is complete', () => ({ ...deps.freshness, synced: false }), {}, 'view.not_ready'],
    ['for a definition with mistakes', undefined, { name: 'Not A Name' }, 'job.invalid'],
    ['for a schedule with mistakes', undefined, { schedule: '61 * * * *' }, 'schedule.invalid'],
    ['for an image that is not on the list', undefined, { imagename: 'python3.12' }, 'image.unknown'],
    ['for a name that is taken', undefined, { name: 'taken' }, 'job.conflict'],
  ])('%s', async (_when, freshness, changes, code) => {
    if (freshness) deps.freshness = freshness();
    deps.view.set('tool-alpha', [jobNamed('taken')]);
    await expect(run(changes)).rejects.toMatchObject({ code });
    expect(deps.asked).toEqual([]);
  });
});

describe('a job that cannot be', () => {
  it('names the closest image, where one is close', async () => {
    await expect(run({ imagename: 'python3.12' })).rejects.toMatchObject({
      message: "No such image 'python3.12'. Did you mean 'python3.11'?",
      fields: { nearest: 'python3.11' },
    });
    const error = await run({ imagename: 'completely-different' }).catch((thrown: AppError) => thrown);
    expect([(error as AppError).message, (error as AppError).fields?.nearest]).toEqual([
      "No such image 'completely-different'",
      undefined,
    ]);
  });

  it('may have the name of a job of another tool', async () => {
    deps.view.set('tool-beta', [jobNamed('daily', 'beta')]);
    expect((await run())[0].key.namespace).toBe('tool-alpha');
  });

  it('is a name taken, in the words of the house, when only the cluster knew', async () => {
    deps.created = () =>
      Promise.reject(fromKubeStatus(409, { reason: 'AlreadyExists', message: 'jobs.batch "daily"' }));
    const error = await run().catch((thrown: AppError) => thrown);
    expect([(error as AppError).code, (error as AppError).message]).toEqual([
      'job.conflict',
      'A job with the name daily exists already. Nothing was changed.',
    ]);
    expect(kubeStatusOf((error as AppError).cause)?.statusCode).toBe(409);
    expect(names()).not.toContain('observe');
  });

  it('takes its name while it is on its way, so that two kinds of job never share one', async () => {
    const runJob = createRunJob(deps);
    const both = await Promise.allSettled([runJob(alpha, input), runJob(alpha, { ...input, schedule: '@daily' })]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(both[1]).toMatchObject({ reason: { code: 'job.conflict' } });
    expect(names().filter((name) => name === 'create')).toHaveLength(1);
  });

  it('gives its name back when it was refused', async () => {
    const runJob = createRunJob(deps);
    deps.created = () => Promise.reject(fromKubeStatus(403, { message: 'exceeded quota: x' }));
    await expect(runJob(alpha, input)).rejects.toMatchObject({ code: 'quota.exceeded' });
    deps.created = undefined;
    expect((await runJob(alpha, input))[0].key.name).toBe('daily');
  });

  it('may not ask for more or less than the limits of the tool, and hears of both', async () => {
    const limit = { type: 'Container', min: { cpu: '50m', memory: '100Mi' }, max: { cpu: '1', memory: '4Gi' } };
    deps.ranges = [{ spec: { limits: [{ type: 'Pod', max: { cpu: '1m' } }, limit] } }];
    await expect(run({ memory: '5Gi', cpu: '10m' })).rejects.toMatchObject({
      code: 'limits.exceeded',
      problems: [
        'Requested memory 5.0Gi is over maximum allowed per container (4Gi)',
        'Requested CPU 0.01 is less than minimum required per container (50m)',
      ],
    });
    expect(names()).not.toContain('create');
    expect((await run({ memory: '4Gi', cpu: '50m' }))[0].key.name).toBe('daily');
  });

  it('is told as it is otherwise', async () => {
    const full = fromKubeStatus(403, { message: 'exceeded quota: x' });
    deps.created = () => Promise.reject(full);
    await expect(run()).rejects.toBe(full);
    expect(names()).not.toContain('observe');
  });

  it('never reaches the cluster when the home cannot be looked at', async () => {
    const refusal = new AppError('home.unavailable', 'no home');
    await expect(createRunJob({ ...deps, homeOf: () => Promise.reject(refusal) })(alpha, input)).rejects.toBe(refusal);
    expect(deps.asked).toEqual([]);
  });

  it('is no success when its actor does not know it', async () => {
    const jobs = { ...deps.jobs, observe() {} };
    await expect(createRunJob({ ...deps, jobs })(alpha, input)).rejects.toMatchObject({ code: 'internal' });
  });
});

function podOf(object: unknown): KubeObject {
  return (object as { spec: { template: { spec: KubeObject } } }).spec.template.spec;
}

function containerOf(object: unknown): KubeObject {
  return (podOf(object).containers as KubeObject[])[0] ?? {};
}
