import { beforeEach, expect, it } from 'vitest';
import { explainJob, showJob } from '../../../src/server/handlers/show.ts';
import { alpha, jobNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
beforeEach(() => {
  deps = scriptDeps();
  deps.view.set('tool-alpha', [jobNamed('mine')]);
  deps.view.set('tool-beta', [jobNamed('theirs', 'beta')]);
});

it('shows a job of the caller', () => {
  expect(showJob(alpha, 'mine', deps).key).toEqual({ namespace: 'tool-alpha', kind: 'Job', name: 'mine' });
});

it.each(['theirs', '', '../tool-beta/theirs', 'constructor', '__proto__'])('knows no job %j', (name) => {
  expect(() => showJob(alpha, name, deps)).toThrow(
    expect.objectContaining({ code: 'job.not_found', fields: { name } }),
  );
});

it('says nothing before the view is complete', () => {
  deps.freshness = { synced: false, live: true, asOf: 0 };
  expect(() => showJob(alpha, 'mine', deps)).toThrow(expect.objectContaining({ code: 'view.not_ready' }));
});

it('says why the cluster makes no pod', async () => {
  deps.events = async () => [{ reason: 'FailedCreate', message: 'exceeded quota: x, limited: pods=5' }];
  expect(await explainJob(alpha, 'mine', deps)).toEqual({
    snapshot: deps.jobs.find('tool-alpha', 'mine'),
    trouble: 'exceeded quota: x, limited: pods=5',
  });
  await expect(explainJob(alpha, 'theirs', deps)).rejects.toMatchObject({ code: 'job.not_found' });
  expect(deps.asked).toEqual([['eventsOf', 'alpha', 'uid-mine']]);
});
