import { beforeEach, describe, expect, it } from 'vitest';
import { listRuns } from '../../../src/server/handlers/runs.ts';
import { makeRunRecord } from '../../support/facts.ts';
import { alpha, beta, jobNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
beforeEach(() => {
  deps = scriptDeps();
});

const record = makeRunRecord();

describe('the runs of a job', () => {
  it('are its records, whether the job is there or gone', async () => {
    deps.records.set('alpha/demo', [record]);
    expect(await listRuns(alpha, 'demo', deps)).toEqual([record]);
    deps.view.set('tool-alpha', [jobNamed('demo')]);
    expect(await listRuns(alpha, 'demo', deps)).toEqual([record]);
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
    expect(await listRuns(alpha, 'demo', deps)).toEqual([record]);
    await expect(listRuns(alpha, 'other', deps)).rejects.toMatchObject({ code: 'view.not_ready' });
  });
});
