import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { deleteJob, flushJobs } from '../../../src/server/handlers/remove.ts';
import { alpha, beta, jobNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
beforeEach(() => {
  deps = scriptDeps();
  deps.view.set('tool-alpha', [jobNamed('one'), jobNamed('two')]);
  deps.view.set('tool-beta', [jobNamed('theirs', 'beta')]);
});

const refusal = new AppError('kube.state_unknown', 'no answer');

describe('a deletion', () => {
  it('names the life that the view knows, and is answered when nothing of the job is left', async () => {
    await deleteJob(alpha, 'one', deps);
    expect(deps.asked).toEqual([
      ['remove', 'alpha', 'uid-one'],
      ['observeGone', 'one', 'uid-one'],
      ['whenGone', 'tool-alpha', ['one'], 30_000],
    ]);
  });

  it('of what was gone already is done', async () => {
    deps.removed = async () => false;
    await deleteJob(alpha, 'one', deps);
    expect(deps.jobs.find('tool-alpha', 'one')).toBeUndefined();
  });

  it.each(['missing', 'theirs'])('of %s asks nothing of the cluster', async (name) => {
    await expect(deleteJob(alpha, name, deps)).rejects.toMatchObject({ code: 'job.not_found' });
    expect(deps.asked).toEqual([]);
  });

  it('that was refused leaves the job in the view', async () => {
    deps.removed = () => Promise.reject(refusal);
    await expect(deleteJob(alpha, 'one', deps)).rejects.toBe(refusal);
    await expect(flushJobs(alpha, deps)).rejects.toBe(refusal);
    expect(deps.jobs.list('tool-alpha')).toHaveLength(2);
  });
});

describe('a flush', () => {
  it('ends every job of the caller and no other', async () => {
    await flushJobs(alpha, deps);
    expect(deps.asked).toEqual([
      ['removeAll', 'alpha'],
      ['observeGone', 'one', 'uid-one'],
      ['observeGone', 'two', 'uid-two'],
      ['whenGone', 'tool-alpha', ['one', 'two'], 30_000],
    ]);
    expect(deps.jobs.list('tool-beta')).toHaveLength(1);
  });

  it('asks the cluster also where the view knows nothing', async () => {
    deps.view.clear();
    await flushJobs(beta, deps);
    expect(deps.asked[0]).toEqual(['removeAll', 'beta']);
  });

  it('waits for the view to be complete', async () => {
    deps.freshness = { synced: false, live: true, asOf: 0 };
    await expect(flushJobs(alpha, deps)).rejects.toMatchObject({ code: 'view.not_ready' });
    expect(deps.asked).toEqual([]);
  });
});
