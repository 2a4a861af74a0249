import { beforeEach, expect, it } from 'vitest';
import type { JobSnapshot } from '../../../src/domain.ts';
import { explainJob, explainParts, showJob } from '../../../src/server/handlers/show.ts';
import { makeSnapshot } from '../../support/facts.ts';
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

it('asks about a few parts of a job at once, and tells each its own trouble', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((end) => `update-${end}`);
  deps.view.set('tool-alpha', names.map(partNamed));
  let asking = 0;
  let most = 0;
  deps.events = async () => {
    const message = `exceeded quota: ${deps.asked.length}`;
    asking += 1;
    most = Math.max(most, asking);
    await new Promise(setImmediate);
    asking -= 1;
    return [{ reason: 'FailedCreate', message }];
  };
  const { parts, troubles } = await explainParts(alpha, 'update', deps);
  expect(parts.map(({ key }) => key.name)).toEqual(names);
  expect([...troubles.values()]).toEqual(names.map((_name, index) => `exceeded quota: ${index + 1}`));
  expect(most).toBe(4);
});

it('shows who knows no groups a part by its own name only', async () => {
  deps.view.set('tool-alpha', [partNamed('update-a')]);
  expect((await explainJob(alpha, 'update-a', deps)).snapshot.key.name).toBe('update-a');
  await expect(explainJob(alpha, 'update', deps)).rejects.toMatchObject({ code: 'job.not_found' });
});

function partNamed(name: string): JobSnapshot {
  const key = { namespace: 'tool-alpha', kind: 'Job', name } as const;
  return { ...makeSnapshot({ job: { name, group: 'update' }, object: { key, uid: `uid-${name}` } }), key };
}
