import { beforeEach, describe, expect, it } from 'vitest';
import { createListJobs, type ListForm } from '../../../src/server/handlers/list.ts';
import { alpha, beta, jobNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
let written: number;
beforeEach(() => {
  deps = scriptDeps();
  deps.view.set('tool-alpha', [jobNamed('mine', 'alpha')]);
  deps.view.set('tool-beta', [jobNamed('theirs', 'beta')]);
  written = 0;
});

const formNamed = (name: string): ListForm => ({
  name,
  write(snapshots, caller) {
    written += 1;
    return `${name} ${caller.tool.name}: ${snapshots.map(({ key }) => key.name)} at ${deps.clock}`;
  },
});
const form = formNamed('form');

describe('a list', () => {
  it('is written once a second', async () => {
    const list = createListJobs(deps);
    deps.clock = 5_000;
    const texts = [await list(alpha, form)];
    for (deps.clock of [5_001, 5_999, 6_000]) texts.push(await list(alpha, form));
    expect(texts).toEqual([5_000, 5_000, 5_000, 6_000].map((at) => `form alpha: mine at ${at}`));
    expect(written).toBe(2);
  });

  it('is written at once when a job changes', async () => {
    const list = createListJobs(deps);
    await list(alpha, form);
    deps.view.set('tool-alpha', [jobNamed('mine'), jobNamed('new')]);
    expect(await list(alpha, form)).toContain('mine,new');
    expect(written).toBe(2);
  });

  it('is never that of another tool, or of another form', async () => {
    const list = createListJobs(deps);
    const other = formNamed('other');
    const texts = () => Promise.all([list(alpha, form), list(beta, form), list(alpha, other), list(beta, other)]);
    const expected = ['form alpha: mine', 'form beta: theirs', 'other alpha: mine', 'other beta: theirs'];
    for (let count = 0; count < 2; count++)
      expect(await texts()).toEqual(expected.map((text) => `${text} at ${deps.clock}`));
    expect(written).toBe(4);
  });

  it('is not that of another tool even where both have nothing', async () => {
    deps.view.clear();
    const list = createListJobs(deps);
    const texts = await Promise.all([alpha, beta].map((caller) => list(caller, form)));
    expect(texts.map((text) => text.split(':')[0])).toEqual(['form alpha', 'form beta']);
  });

  it('is kept for the tools that ask most often', async () => {
    const list = createListJobs(deps);
    const forms = Array.from({ length: 256 }, (_, index) => formNamed(`form${index}`));
    const first = formNamed('first');
    await list(alpha, first);
    for (const one of forms) await list(alpha, one);
    expect(written).toBe(257);
    await list(alpha, forms.at(-1) as ListForm);
    expect(written).toBe(257);
    await list(alpha, first);
    expect(written).toBe(258);
  });

  it('knows the last runs of its jobs before it is written', async () => {
    const list = createListJobs(deps);
    deps.recalled = () => void deps.view.set('tool-alpha', [jobNamed('recalled')]);
    expect(await list(alpha, form)).toContain('recalled');
  });

  it('is refused before the view is complete', async () => {
    deps.freshness = { synced: false, live: true, asOf: 0 };
    const list = createListJobs(deps);
    await expect(list(alpha, form)).rejects.toMatchObject({ code: 'view.not_ready', retryAfterSeconds: 1 });
    expect(written).toBe(0);
  });
});
