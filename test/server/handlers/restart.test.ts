import { beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { restartJob } from '../../../src/server/handlers/restart.ts';
import { makeSnapshot, now } from '../../support/facts.ts';
import { alpha, continuousNamed, jobNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
const restart = (name: string) => restartJob(alpha, name, deps, () => {});
const askedFor = (what: string) => deps.asked.filter(([asked]) => asked === what);
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [] } };
const key = { namespace: 'tool-alpha', kind: 'CronJob', name: 'nightly' } as const;

beforeEach(() => {
  deps = scriptDeps();
  deps.view.set('tool-alpha', [
    jobNamed('once'),
    { ...makeSnapshot({ kind: 'CronJob', state: 'waiting', object: { key } }), key },
    continuousNamed('bot'),
  ]);
  deps.stored.set('CronJob/nightly', {
    metadata: { name: 'nightly', uid: 'uid-cron' },
    spec: { jobTemplate: { spec: { backoffLimit: 2, template } } },
  });
});

describe('a restart', () => {
  it('makes the copies of a continuous job anew, by a mark with the time', async () => {
    await restart('bot');
    const [[, , , change] = []] = askedFor('patch');
    const mark = JSON.stringify(change).match(/"app.kubernetes.io\/restartedAt":"([^"]+)"/)?.[1];
    expect(mark).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
  });

  it('of a scheduled job is a run of now that belongs to the schedule', async () => {
    await restart('nightly');
    const [[, , type, run] = []] = askedFor('create');
    expect(type).toBe('one-off');
    expect(run).toEqual({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name: `nightly-${Math.floor(now / 1000)}`,
        namespace: 'tool-alpha',
        labels: { a: 'b' },
        annotations: { 'cronjob.kubernetes.io/instantiate': 'manual' },
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'nightly', uid: 'uid-cron' }],
      },
      spec: { backoffLimit: 2, template },
    });
  });

  it('twice within a second are two runs', async () => {
    const names: unknown[] = [];
    deps.created = async (object: KubeObject) => {
      const { name } = object.metadata as { name: string };
      if (names.includes(name)) throw new AppError('job.conflict', 'taken');
      names.push(name);
      return object;
    };
    await restart('nightly');
    deps.view.set('tool-alpha', deps.view.get('tool-alpha')?.slice(0, 3) ?? []);
    await restart('nightly');
    expect(new Set(names).size).toBe(2);
  });

  it('of a one-off is refused, of a job that is not there as well', async () => {
    await expect(restart('once')).rejects.toMatchObject({ code: 'job.not_restartable' });
    await expect(restart('nobody')).rejects.toMatchObject({ code: 'job.not_found' });
    expect(askedFor('patch')).toEqual([]);
  });
});
