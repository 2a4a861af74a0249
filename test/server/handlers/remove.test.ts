import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { deleteJob, flushJobs } from '../../../src/server/handlers/remove.ts';
import { alpha, beta, jobNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
const release = () => void deps.asked.push(['release']);
beforeEach(() => {
  deps = scriptDeps();
  deps.view.set('tool-alpha', [jobNamed('one'), jobNamed('two')]);
  deps.view.set('tool-beta', [jobNamed('theirs', 'beta')]);
});

const refusal = new AppError('kube.state_unknown', 'no answer');

describe('a deletion', () => {
  it('names the life that the view knows, and waits for its end without keeping a place', async () => {
    expect(await deleteJob(alpha, 'one', deps, release)).toEqual({ left: [] });
    expect(deps.asked).toEqual([
      ['remove', 'alpha', 'uid-one'],
      ['release'],
      ['whenGone', 'tool-alpha', ['uid-one'], 30_000],
      ['hasPods', 'alpha', 'one'],
    ]);
  });

  it('ends every kind of job that carries the name', async () => {
    const twin = { ...jobNamed('one'), key: { namespace: 'tool-alpha', kind: 'CronJob' as const, name: 'one' } };
    deps.view.set('tool-alpha', [jobNamed('one'), twin]);
    await deleteJob(alpha, 'one', deps, release);
    expect(deps.asked.filter(([what]) => what === 'remove')).toHaveLength(2);
  });

  it('waits for a pod that came after its job had gone', async () => {
    deps.latePods = [true, true];
    expect(await deleteJob(alpha, 'one', deps, release)).toEqual({ left: [] });
    expect(deps.asked.filter(([what]) => what === 'hasPods')).toHaveLength(3);
  });

  it('says so when the end takes longer', async () => {
    deps.isGone = false;
    expect(await deleteJob(alpha, 'one', deps, release)).toEqual({ left: [{ name: 'one', why: undefined }] });
    expect((await flushJobs(alpha, deps, release)).left).toContainEqual({ name: 'one', why: undefined });
  });

  it.each(['missing', 'theirs'])('of %s asks nothing of the cluster', async (name) => {
    await expect(deleteJob(alpha, name, deps, release)).rejects.toMatchObject({ code: 'job.not_found' });
    expect(deps.asked).toEqual([]);
  });

  it('that was refused waits for nothing', async () => {
    deps.removed = () => Promise.reject(refusal);
    await expect(deleteJob(alpha, 'one', deps, release)).rejects.toBe(refusal);
    await expect(flushJobs(alpha, deps, release)).rejects.toBe(refusal);
    expect(deps.asked.map(([what]) => what)).not.toContain('whenGone');
  });
});

describe('what was deleted', () => {
  it('is kept before it goes, by a deletion and by a flush', async () => {
    deps.view.set('tool-alpha', [jobNamed('one'), jobNamed('two')]);
    const kept = () => deps.keptFormer.get('alpha')?.map(({ reason, definition: { name } }) => `${reason} ${name}`);
    deps.removed = () => {
      expect(kept()).toContain('deleted one');
      return Promise.resolve(true);
    };
    await deleteJob(alpha, 'one', deps, release);
    expect(kept()).toEqual(['deleted one']);
    await flushJobs(alpha, deps, release);
    expect(kept()).toEqual(['deleted one', 'deleted two', 'deleted one']);
  });
});

describe('a flush', () => {
  it('ends every job of the caller and no other', async () => {
    await flushJobs(alpha, deps, release);
    expect(deps.asked).toEqual([
      ['removeAll', 'alpha'],
      ['release'],
      ['whenGone', 'tool-alpha', ['uid-one', 'uid-two'], 30_000],
      ['hasPods', 'alpha', undefined],
    ]);
  });

  it('asks the cluster also where the view knows nothing', async () => {
    deps.view.clear();
    await flushJobs(beta, deps, release);
    expect(deps.asked[0]).toEqual(['removeAll', 'beta']);
  });

  it('waits for the view to be complete', async () => {
    deps.freshness = { synced: false, live: true, asOf: 0 };
    await expect(flushJobs(alpha, deps, release)).rejects.toMatchObject({ code: 'view.not_ready' });
    expect(deps.asked).toEqual([]);
  });
});
