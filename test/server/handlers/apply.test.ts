/** Create or update: what is written, and above all what is not. */
import { beforeEach, describe, expect, it } from 'vitest';
import { suspended, suspensionOf } from '../../../src/definition/suspension.ts';
import type { KubeObject } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { textAt } from '../../../src/fields.ts';
import { createApplyJob } from '../../../src/server/handlers/apply.ts';
import { standardImage } from '../../support/definitions.ts';
import { makeSnapshot, now } from '../../support/facts.ts';
import { makeCronJobObject } from '../../support/make.ts';
import { alpha, continuousNamed, jobNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
const input = { name: 'bot', cmd: './run.sh', imagename: 'python3.11', filelog: false, continuous: true };
const running = { cmd: './run.sh', image: standardImage, filelog: false, memory: '512Mi', cpu: '100m' };
const apply = (changes: Record<string, unknown> = {}) => createApplyJob(deps)(alpha, { ...input, ...changes });
const written = () =>
  deps.asked.map(([what]) => what).filter((what) => !['homeOf', 'limitRanges'].includes(String(what)));
const selector = (labels: object) => ({ spec: { selector: { matchLabels: labels } } });
const labels = {
  toolforge: 'tool',
  'app.kubernetes.io/managed-by': 'toolforge-jobs-framework',
  'app.kubernetes.io/created-by': 'alpha',
  'app.kubernetes.io/name': 'bot',
};
const stored = {
  metadata: { uid: 'uid-bot', resourceVersion: '7', annotations: { theirs: 'x' } },
  ...selector(labels),
};
const conflict = new AppError('kube.conflict', 'no');

beforeEach(() => {
  deps = scriptDeps();
});

describe('a job that is asked for', () => {
  it('is created where there is none', async () => {
    expect(await apply()).toEqual({ name: 'bot', outcome: 'created' });
    expect(written()).toEqual(['create', 'observe']);
  });

  it.each([
    ['as it was', {}],
    ['with its defaults typed', { memory: '0.5Gi', cpu: '0.1', replicas: 1, mount: 'all', emails: 'none' }],
    ['under an alias of its image', { imagename: 'toolforge-python311' }],
  ])('is left alone when it is %s', async (_title, changes) => {
    deps.view.set('tool-alpha', [continuousNamed('bot', running)]);
    expect(await apply(changes)).toEqual({ name: 'bot', outcome: 'unchanged' });
    expect(written()).toEqual([]);
  });

  it('is written over exactly the version that was read, and keeps what others wrote', async () => {
    deps.view.set('tool-alpha', [continuousNamed('bot', running)]);
    deps.stored.set('Deployment/bot', stored);
    expect(await apply({ cmd: './other.sh' })).toEqual({ name: 'bot', outcome: 'updated' });
    expect(written()).toEqual(['object', 'replace', 'observe']);
    expect(deps.asked.find(([what]) => what === 'replace')?.[3]).toMatchObject({
      metadata: { resourceVersion: '7', annotations: { theirs: 'x' } },
    });
  });

  it('says since when it has its schedule, once that was changed', async () => {
    const nightly = (schedule: string, timeZone?: string) => ({
      metadata: { uid: 'uid-nightly', resourceVersion: '7' },
      spec: { schedule, ...(timeZone === undefined ? {} : { timeZone }) },
    });
    const job = { type: 'scheduled', schedule: { text: '1 2 * * *', actual: '1 2 * * *' } } as const;
    const since = async (...present: Parameters<typeof nightly>) => {
      deps.view.set('tool-alpha', [
        { ...makeSnapshot({ kind: 'CronJob', job }), key: { namespace: 'tool-alpha', kind: 'CronJob', name: 'bot' } },
      ]);
      deps.stored.set('CronJob/bot', nightly(...present));
      await apply({ continuous: undefined, schedule: '3 4 * * *' });
      const replaced = deps.asked.findLast(([what]) => what === 'replace')?.[3];
      return textAt(replaced, 'metadata', 'annotations', 'jobs.toolforge.org/schedule-since');
    };
    expect([await since('1 2 * * *'), await since('3 4 * * *')]).toEqual([new Date(now).toISOString(), undefined]);
    expect(await since('3 4 * * *', 'Europe/Rome')).toBe(new Date(now).toISOString());
  });

  it('that is suspended anew keeps the suspension before, into which a firing may have fallen', async () => {
    const job = { type: 'scheduled', schedule: { text: '1 2 * * *', actual: '1 2 * * *' } } as const;
    const former = {
      since: now - 120_000,
      by: 'owner',
      note: 'moves',
      until: undefined,
      resumedAt: now - 60_000,
    } as const;
    const key = { namespace: 'tool-alpha', kind: 'CronJob', name: 'bot' } as const;
    deps.view.set('tool-alpha', [{ ...makeSnapshot({ kind: 'CronJob', job }), key }]);
    deps.stored.set('CronJob/bot', suspended(makeCronJobObject(), former));
    await apply({ continuous: undefined, schedule: '1 2 * * *', suspend: true });
    const replaced = deps.asked.findLast(([what]) => what === 'replace')?.[3];
    expect(suspensionOf(replaced as KubeObject)).toMatchObject({ since: now, before: [former] });
  });

  it('keeps the mark of its last restart, so that nothing is rolled for it', async () => {
    const annotations = { 'app.kubernetes.io/restartedAt': '2026-01-01T00:00:00.000000+00:00' };
    deps.view.set('tool-alpha', [continuousNamed('bot', running)]);
    deps.stored.set('Deployment/bot', {
      ...stored,
      spec: { ...stored.spec, template: { metadata: { annotations } } },
    });
    await apply({ replicas: 2 });
    expect(deps.asked.find(([what]) => what === 'replace')?.[3]).toMatchObject({
      spec: { replicas: 2, template: { metadata: { annotations } } },
    });
  });

  it('is read again when somebody else was faster', async () => {
    deps.view.set('tool-alpha', [continuousNamed('bot', running)]);
    deps.stored.set('Deployment/bot', stored);
    let tries = 0;
    deps.replaced = async (object) => (++tries < 3 ? Promise.reject(conflict) : object);
    expect(await apply({ cmd: './other.sh' })).toMatchObject({ outcome: 'updated' });
    deps.replaced = () => Promise.reject(conflict);
    deps.view.set('tool-alpha', [continuousNamed('bot', running)]);
    await expect(apply({ cmd: './third.sh' })).rejects.toBe(conflict);
  });

  it('takes its pods over where the selector of an earlier generation cannot be changed', async () => {
    deps.view.set('tool-alpha', [continuousNamed('bot', running)]);
    deps.stored.set('Deployment/bot', { ...stored, ...selector({ ...labels, 'jobs.toolforge.org/emails': 'none' }) });
    expect(await apply({ emails: 'all' })).toMatchObject({ outcome: 'updated' });
    expect(written()).toEqual(['object', 'release', 'create', 'observe']);
  });

  it('is there in its new type before it goes in its old one', async () => {
    deps.view.set('tool-alpha', [continuousNamed('bot', running)]);
    expect(await apply({ continuous: undefined, schedule: '@daily' })).toMatchObject({ outcome: 'updated' });
    expect(written()).toEqual(['create', 'observe', 'remove', 'whenGone']);
  });

  it('gets rid of what a change of type left behind', async () => {
    deps.view.set('tool-alpha', [jobNamed('bot'), continuousNamed('bot', running)]);
    expect(await apply()).toMatchObject({ outcome: 'updated' });
    expect(written()).toEqual(['remove', 'whenGone']);
  });

  it('that is a one-off still running cannot be changed', async () => {
    deps.view.set('tool-alpha', [jobNamed('bot')]);
    expect(await apply({ continuous: undefined, cmd: './other.sh' })).toEqual({ name: 'bot', outcome: 'refused' });
    expect(written()).toEqual([]);
  });

  it('that is refused leaves what an earlier change of type left behind as it was', async () => {
    deps.view.set('tool-alpha', [jobNamed('bot'), continuousNamed('bot', running)]);
    expect(await apply({ continuous: undefined, cmd: './other.sh' })).toMatchObject({ outcome: 'refused' });
    expect(written()).toEqual([]);
  });

  it('has its Service before it is said to be changed', async () => {
    deps.view.set('tool-alpha', [continuousNamed('bot', running)]);
    deps.stored.set('Deployment/bot', stored);
    await apply({ port: 8080 });
    expect(written()).toEqual(['object', 'replace', 'observe', 'companion', 'createCompanion', 'companion']);
  });

  it('gets the Service that it lacks, and is left alone where it has it', async () => {
    const reachable = continuousNamed('bot', { ...running, port: 8080 });
    deps.view.set('tool-alpha', [reachable]);
    deps.stored.set('Deployment/bot', stored);
    expect(await apply({ port: 8080 })).toMatchObject({ outcome: 'updated' });
    expect(written()).toContain('createCompanion');
    deps.asked.length = 0;
    deps.stored.set('Service/bot', { metadata: { labels } });
    expect(await apply({ port: 8080 })).toMatchObject({ outcome: 'unchanged' });
    expect(written()).toEqual(['companion']);
  });

  it('loses its Service with its port, but never one that is not ours', async () => {
    const ours = { metadata: { labels } };
    for (const [service, ends] of [
      [ours, ['removeCompanions']],
      [{ metadata: {} }, []],
    ] as const) {
      deps = scriptDeps();
      deps.view.set('tool-alpha', [continuousNamed('bot', { ...running, port: 8080 })]);
      deps.stored.set('Deployment/bot', stored);
      deps.stored.set('Service/bot', service);
      await apply();
      expect(written()).toEqual(['object', 'replace', 'observe', 'companion', ...ends, 'companion']);
    }
  });
});

describe('what a job was', () => {
  const former = () =>
    (deps.keptFormer.get('alpha') ?? []).map(({ reason, definition: { name, cmd } }) => `${reason} ${name} ${cmd}`);

  it('is kept before it is changed, also by a change of type, and not where nothing is', async () => {
    deps.view.set('tool-alpha', [continuousNamed('bot', running)]);
    deps.stored.set('Deployment/bot', stored);
    await apply();
    expect(former()).toEqual([]);
    await apply({ cmd: './other.sh' });
    expect(former()).toEqual(['changed bot ./run.sh']);
    deps.view.set('tool-alpha', [continuousNamed('bot', { ...running, cmd: './third.sh' })]);
    await apply({ continuous: undefined, schedule: '@daily' });
    expect(former()).toEqual(['changed bot ./third.sh', 'changed bot ./run.sh']);
  });
});

describe('a new job with a port', () => {
  it('is not made when its Service cannot be made', async () => {
    const full = new AppError('quota.exceeded', 'no');
    deps.companionMade = () => Promise.reject(full);
    await expect(apply({ port: 8080 })).rejects.toBe(full);
    expect(written()).toContain('remove');
  });

  it('says whose the Service of that name is not', async () => {
    deps.stored.set('Service/bot', { metadata: {} });
    await expect(apply({ port: 8080 })).rejects.toMatchObject({ code: 'name.taken', fields: { kind: 'Service' } });
  });

  it('is public only where the installation has a domain for it', async () => {
    await expect(apply({ port: 8080, publish: true })).rejects.toMatchObject({ fields: { field: 'publish' } });
    deps.live = { ...deps.live, publicDomain: 'tools.example.org' };
    await apply({ port: 8080, publish: true });
    const ingress = deps.asked.find(([what, , kind]) => what === 'createCompanion' && kind === 'Ingress');
    expect(ingress?.[3]).toMatchObject({ spec: { rules: [{ host: 'alpha.tools.example.org' }] } });
  });

  it('is the only public one of its tool', async () => {
    deps.live = { ...deps.live, publicDomain: 'tools.example.org' };
    deps.view.set('tool-alpha', [continuousNamed('site', { ...running, port: 80, publish: true })]);
    await expect(apply({ port: 8080, publish: true })).rejects.toMatchObject({
      fields: { field: 'publish' },
      message: expect.stringContaining("'site'"),
    });
    expect(await apply({ port: 8080 })).toMatchObject({ outcome: 'created' });
  });
});
