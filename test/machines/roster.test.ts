import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { JobEvent, JobKey, KubeObject, RunEnd } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { jobMachine } from '../../src/machines/job.ts';
import { createJobRoster, type Life } from '../../src/machines/roster.ts';
import { makeCronJobObject, makeDeploymentObject, makeJobObject, makePod } from '../support/make.ts';
import { makeGone, makeSeen } from '../support/make-event.ts';

const log = createLog({ level: 'silent' });

function rosterOf(...events: JobEvent[]) {
  const roster = createJobRoster({ log });
  for (const event of events) roster.accept(event);
  return roster;
}

const names = (jobs: readonly { readonly key: { readonly name: string } }[]) => jobs.map(({ key }) => key.name);

describe('list', () => {
  test('shows one-off, scheduled and continuous jobs, each by name', () => {
    const roster = rosterOf(
      makeSeen(makeDeploymentObject({ name: 'bot' })),
      makeSeen(makeCronJobObject({ name: 'nightly' })),
      makeSeen(makeJobObject({ name: 'zip' })),
      makeSeen(makeJobObject({ name: 'Alpha' })),
      makeSeen(makeCronJobObject({ name: 'hourly' })),
    );
    expect(names(roster.list('tool-alpha'))).toEqual(['Alpha', 'zip', 'hourly', 'nightly', 'bot']);
  });

  test('shows nothing of another tool', () => {
    const roster = rosterOf(makeSeen(makeJobObject({ tool: 'beta' })));
    expect(roster.list('tool-alpha')).toEqual([]);
    expect(names(roster.list('tool-beta'))).toEqual(['demo']);
  });

  test('shows a job from its object until its object is gone, whatever its pods do', () => {
    const roster = rosterOf(makeSeen(makePod()));
    expect(roster.list('tool-alpha')).toEqual([]);
    roster.accept(makeSeen(makeJobObject()));
    expect(roster.list('tool-alpha')).toMatchObject([{ state: 'running', pods: [{ name: 'demo-x7k2p' }] }]);
    roster.accept(makeGone(makeJobObject()));
    expect(roster.list('tool-alpha')).toEqual([]);
    expect(roster.size()).toBe(1);
    roster.accept(makeGone(makePod()));
    expect(roster.size()).toBe(0);
  });

  test('gives the same array until something changes, and then the same snapshots of the rest', () => {
    const roster = rosterOf(makeSeen(makeJobObject({ name: 'a' })), makeSeen(makeJobObject({ name: 'b' })));
    const before = roster.list('tool-alpha');
    roster.accept(makeSeen(makeJobObject({ name: 'b' })));
    roster.accept(makeSeen(makeJobObject({ name: 'b', tool: 'beta' })));
    expect(roster.list('tool-alpha')).toBe(before);
    roster.accept(makeSeen(makeJobObject({ name: 'b', version: '101' })));
    const now = roster.list('tool-alpha');
    expect(now[0]).toBe(before[0]);
    expect(now[1]).not.toBe(before[1]);
  });

  test('takes names that are words of the language', () => {
    const roster = rosterOf(makeSeen(makeJobObject({ name: 'constructor', tool: 'constructor' })));
    expect(names(roster.list('tool-constructor'))).toEqual(['constructor']);
    expect(roster.find('tool-constructor', 'toString')).toBeUndefined();
  });
});

describe('find', () => {
  test('knows a job of any kind by its name', () => {
    const roster = rosterOf(makeSeen(makeCronJobObject({ name: 'nightly' })));
    expect(roster.find('tool-alpha', 'nightly')?.state).toBe('waiting');
    expect(roster.find('tool-beta', 'nightly')).toBeUndefined();
  });

  test('prefers the one-off job where two kinds carry the name', () => {
    const roster = rosterOf(makeSeen(makeDeploymentObject()), makeSeen(makeJobObject()));
    expect(roster.find('tool-alpha', 'demo')?.key.kind).toBe('Job');
  });
});

describe('a job that is gone', () => {
  test('is not brought back by a word that comes late', () => {
    const roster = rosterOf(makeSeen(makeJobObject({ version: '100' })), makeGone(makeJobObject({ version: '105' })));
    roster.accept(makeSeen(makeJobObject({ version: '104' })));
    expect(roster.size()).toBe(0);
  });

  test('is not brought back when its end was told first', () => {
    const roster = rosterOf(makeGone(makeJobObject()), makeSeen(makeJobObject()));
    expect(roster.size()).toBe(0);
  });

  test('leaves its name to a new one', () => {
    const roster = rosterOf(makeSeen(makeJobObject()), makeGone(makeJobObject()));
    roster.accept(makeSeen(makeJobObject({ uid: 'another', version: '110' })));
    expect(roster.find('tool-alpha', 'demo')?.object.uid).toBe('another');
  });
});

describe('whenGone', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const lifeOf = (object: KubeObject): Life => {
    const { namespace, name, uid } = object.metadata as { namespace: string; name: string; uid: string };
    return { key: { namespace, kind: object.kind as JobKey['kind'], name }, uid };
  };
  const demo = lifeOf(makeJobObject());

  test('is true at once when the life is not there, or another one is', async () => {
    const roster = rosterOf(makeSeen(makeJobObject({ uid: 'another' })));
    await expect(roster.whenGone('tool-alpha', [demo], 1000)).resolves.toBe(true);
    await expect(roster.whenGone('tool-nobody', [demo], 1000)).resolves.toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is true once the object is gone, and not before', async () => {
    const roster = rosterOf(makeSeen(makeJobObject()), makeSeen(makePod()));
    const answers: boolean[] = [];
    const asked = roster.whenGone('tool-alpha', [demo], 1000).then((answer) => answers.push(answer));
    roster.accept(makeGone(makePod()));
    await Promise.resolve();
    expect(answers).toEqual([]);
    roster.accept(makeGone(makeJobObject()));
    await asked;
    expect(answers).toEqual([true]);
  });

  test('waits for all lives, and for nothing else of their names', async () => {
    const nightly = makeCronJobObject({ name: 'nightly' });
    const roster = rosterOf(
      makeSeen(makeJobObject()),
      makeSeen(nightly),
      makeSeen(makeCronJobObject({ name: 'demo' })),
    );
    const asked = roster.whenGone('tool-alpha', [demo, lifeOf(nightly)], 1000);
    roster.accept(makeGone(makeJobObject()));
    vi.advanceTimersByTime(999);
    roster.accept(makeGone(nightly));
    await expect(asked).resolves.toBe(true);
  });

  test('is false when the time is up', async () => {
    const roster = rosterOf(makeSeen(makeJobObject()));
    const asked = roster.whenGone('tool-alpha', [demo], 1000);
    vi.advanceTimersByTime(1000);
    await expect(asked).resolves.toBe(false);
  });

  test('is false when waiting is ended or the roster stops', async () => {
    const roster = rosterOf(makeSeen(makeJobObject()));
    const asked = roster.whenGone('tool-alpha', [demo], 1000);
    roster.endWaiting();
    await expect(asked).resolves.toBe(false);
    const again = roster.whenGone('tool-alpha', [demo], 1000);
    roster.stop();
    await expect(again).resolves.toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('an actor that fails', () => {
  const machine = jobMachine.provide({
    actions: {
      keepPod() {
        throw new Error('a mistake');
      },
    },
  });

  test('is counted and made anew from what it knew, without touching any other', () => {
    const roster = createJobRoster({ log, machine });
    roster.accept(makeSeen(makeJobObject({ name: 'other' })));
    roster.accept(makeSeen(makeJobObject()));
    roster.accept(makeSeen(makePod()));
    expect(roster.failures()).toBe(1);
    expect(names(roster.list('tool-alpha'))).toEqual(['demo', 'other']);
    roster.accept(makeSeen(makeJobObject({ version: '101', conditions: [{ type: 'Complete' }] })));
    expect(roster.find('tool-alpha', 'demo')?.state).toBe('succeeded');
  });

  test('is dropped when it knew nothing', () => {
    const roster = createJobRoster({ log, machine });
    roster.accept(makeSeen(makePod()));
    expect(roster.failures()).toBe(1);
    expect(roster.size()).toBe(0);
  });
});

describe('who subscribes to a namespace', () => {
  function listenTo(namespace: string) {
    const heard: string[] = [];
    const roster = createJobRoster({ log });
    const end = roster.subscribe(namespace, (change) => {
      const name =
        change.type === 'job.changed'
          ? change.job.key.name
          : (change.type === 'job.gone' ? change : change.end).key.name;
      heard.push(`${change.type} ${name}`);
    });
    return { roster, heard, end };
  }

  test('hears every change of its jobs, as it is shown, and the ends of their runs', () => {
    const { roster, heard } = listenTo('tool-alpha');
    roster.accept(makeSeen(makePod({ version: '99' })));
    roster.accept(makeSeen(makeJobObject()));
    roster.accept(makeSeen(makeJobObject()));
    roster.accept(makeSeen(makePod({ version: '101', exitCode: 0 })));
    roster.accept(makeSeen(makeJobObject({ version: '102', conditions: [{ type: 'Complete' }] })));
    roster.accept(makeGone(makeJobObject({ version: '103' })));
    roster.accept(makeGone(makePod({ version: '104' })));
    expect(heard).toEqual([
      'job.changed demo',
      'job.changed demo',
      'run.ended demo',
      'job.changed demo',
      'job.gone demo',
    ]);
  });

  test('hears with the end of a run what was measured of it, as its record does', () => {
    const recorded: RunEnd[] = [];
    const told: RunEnd[] = [];
    const roster = createJobRoster({
      log,
      onRunEnded: (end) => void recorded.push(end),
      usageOf: ({ id }) => (id === 'uid-Job-demo' ? { peakMemory: 7 } : {}),
    });
    roster.subscribe('tool-alpha', (change) => void (change.type === 'run.ended' && told.push(change.end)));
    roster.accept(makeSeen(makeJobObject()));
    roster.accept(makeSeen(makePod({ version: '101', exitCode: 0 })));
    roster.accept(makeSeen(makeJobObject({ version: '102', conditions: [{ type: 'Complete' }] })));
    expect([recorded, told].map((ends) => ends.map(({ peakMemory }) => peakMemory))).toEqual([[7], [7]]);
  });

  test('hears that one job is gone when another has taken its name', () => {
    const { roster, heard } = listenTo('tool-alpha');
    roster.accept(makeSeen(makeDeploymentObject()));
    roster.accept(makeSeen(makeDeploymentObject({ uid: 'next', version: '101' })));
    expect(heard).toEqual(['job.changed demo', 'job.gone demo', 'job.changed demo']);
  });

  test('hears nothing of another namespace, and nothing afterwards', () => {
    const { roster, heard, end } = listenTo('tool-alpha');
    roster.accept(makeSeen(makeJobObject({ tool: 'beta' })));
    end();
    end();
    roster.accept(makeSeen(makeJobObject()));
    expect(heard).toEqual([]);
  });
});
