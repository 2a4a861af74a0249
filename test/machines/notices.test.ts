import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobEvent, Notice } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import type { Graces } from '../../src/machines/notices.ts';
import { createJobRoster, type JobRoster } from '../../src/machines/roster.ts';
import { makeResolved } from '../support/facts.ts';
import { makeCronJobObject, makeDeploymentObject, makeJobObject, makePod } from '../support/make.ts';
import { makeGone, makeSeen } from '../support/make-event.ts';

const began = Date.parse('2026-03-01T12:00:10Z');
const rosters: JobRoster[] = [];
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: began }));
afterEach(() => {
  for (const roster of rosters.splice(0)) roster.stop();
  vi.useRealTimers();
});

/** Hears facts, and says what it tells of them. */
function hear(...events: JobEvent[]) {
  return hearSince(0, ...events);
}

function hearSince(since: number, ...events: JobEvent[]) {
  return hearWith({ troubleMs: 120_000, steadyMs: 300_000 }, since, ...events);
}

function hearWith(graces: Graces, since: number, ...events: JobEvent[]) {
  const notices: Notice[] = [];
  const roster = createJobRoster({
    log: createLog({ level: 'silent' }),
    onNotice: (notice) => void notices.push(notice),
    around: { graces: () => graces, now: Date.now, since: () => since },
  });
  rosters.push(roster);
  for (const event of events) roster.accept(event);
  return {
    notices,
    roster,
    kinds: () => notices.map(({ kind }) => kind),
    ids: () => notices.map(({ id }) => id),
    failures: () => notices.filter(({ kind }) => kind === 'failed'),
  };
}

type JobOptions = NonNullable<Parameters<typeof makeJobObject>[0]>;
type PodOptions = NonNullable<Parameters<typeof makePod>[0]>;
type DeploymentOptions = NonNullable<Parameters<typeof makeDeploymentObject>[0]>;
const readJob = () => ({ job: makeResolved({ emails: 'all', retry: 1 }), definition: undefined });
const job = (options: JobOptions = {}) => makeSeen(makeJobObject(options), readJob);
const pod = (options: PodOptions = {}) => makeSeen(makePod(options));
const bot = (options: DeploymentOptions = {}) => makeSeen(makeDeploymentObject(options), readJob);
const copy = (options: PodOptions = {}) =>
  pod({ component: 'deployments', ownerUid: 'rs-1', createdAt: '2026-03-01T12:00:01Z', ...options });
const old = <Event extends JobEvent>(event: Event): Event => ({ ...event, isOld: true });
const complete: JobOptions = { version: '110', succeeded: 1, conditions: [{ type: 'Complete' }] };
const failed: JobOptions = {
  version: '110',
  failed: 1,
  conditions: [{ type: 'Failed', reason: 'BackoffLimitExceeded' }],
};
const late: JobOptions = { version: '110', conditions: [{ type: 'Failed', reason: 'DeadlineExceeded' }] };

describe('what is told of a run', () => {
  it('is that it began and that it finished', () => {
    const told = hear(job(), pod(), pod({ version: '105', exitCode: 0 }), job(complete));
    expect(told.notices).toMatchObject([
      { kind: 'started', id: 'uid-Job-demo/started', emails: 'all', jobUid: 'uid-Job-demo', run: 'uid-Job-demo' },
      { kind: 'finished', id: 'uid-Job-demo/finished', pod: 'demo-x7k2p', exitCode: 0, attempts: 1 },
    ]);
  });

  it('is that an attempt failed and it goes on, then how it ended', () => {
    const second = { uid: 'pod-2', name: 'demo-second', createdAt: '2026-03-01T12:00:20Z' };
    const told = hear(
      job({ retry: 1 }),
      pod({ exitCode: 3 }),
      pod(second),
      pod({ ...second, version: '120', exitCode: 4 }),
      job({ ...failed, failed: 2 }),
    );
    expect(told.notices.map(({ kind, exitCode, reason }) => [kind, exitCode, reason])).toEqual([
      ['started', undefined, undefined],
      ['restarted', 3, undefined],
      ['failed', 4, 'exit_code'],
    ]);
  });

  it.each<[string, PodOptions, Partial<Notice>]>([
    ['code 3', { exitCode: 3 }, { reason: 'exit_code', exitCode: 3 }],
    ['a signal', { exitCode: 137 }, { reason: 'signal', exitCode: 137, signal: 9 }],
    ['a lack of memory', { exitCode: 137, reason: 'OOMKilled' }, { reason: 'out_of_memory' }],
    ['an eviction', { phase: 'Failed', podReason: 'Evicted', noContainer: true }, { reason: 'evicted' }],
    [
      'a program that cannot be run',
      { exitCode: 128, reason: 'StartError', message: 'exec: not found' },
      { reason: 'not_started', clusterSays: 'exec: not found', jobSays: undefined },
    ],
    [
      'its own last words',
      { exitCode: 1, message: 'no such page' },
      { jobSays: 'no such page', clusterSays: undefined },
    ],
  ])('that fails by %s has its cause', (_, options, cause) => {
    expect(hear(job(), pod({ version: '105', ...options }), job(failed)).failures()).toMatchObject([cause]);
  });

  it('past its deadline is a failure', () => {
    const told = hear(
      job(),
      pod(),
      pod({ version: '105', deletingAt: '2026-03-01T12:00:20Z', exitCode: 137 }),
      job(late),
    );
    expect(told.failures()).toMatchObject([{ reason: 'deadline', exitCode: undefined }]);
  });

  it('past its deadline is told while its pods are still there to be asked', () => {
    const soon: JobOptions = { version: '110', conditions: [{ type: 'FailureTarget', reason: 'DeadlineExceeded' }] };
    const told = hear(job(), pod(), job(soon), makeGone(makePod({ version: '112' })), job({ ...late, version: '115' }));
    expect(told.failures()).toMatchObject([{ reason: 'deadline', pod: 'demo-x7k2p' }]);
  });

  it('of a schedule is the same, each with its own id', () => {
    const cronJob = { name: 'demo', uid: 'cron-1' };
    const told = hear(
      makeSeen(makeCronJobObject({ uid: 'cron-1' }), readJob),
      makeSeen(makeJobObject({ cronJob, uid: 'run-1', ...failed })),
      pod({ component: 'cronjobs', ownerUid: 'run-1', ownerName: 'demo-29540160', exitCode: 3 }),
    );
    expect(told.failures()).toMatchObject([{ id: 'run-1/failed', jobUid: 'cron-1', run: 'run-1' }]);
  });

  it('is told once, whatever comes again', () => {
    const story = [job(), pod(), pod({ version: '105', exitCode: 3 }), job(failed)];
    expect(hear(...story, ...story, job({ ...failed, version: '111' })).kinds()).toEqual(['started', 'failed']);
  });

  it('is told by the goodbye where it was not certain before', () => {
    const told = hear(
      job(),
      pod({ version: '105', exitCode: 3 }),
      job({ ...failed, failed: 2 }),
      makeGone(makeJobObject({ version: '120' })),
    );
    expect(told.failures()).toHaveLength(1);
  });
});

describe('what its owner does to a job', () => {
  const stopped = { version: '105', deletingAt: '2026-03-01T12:00:20Z', exitCode: 137 };
  const deleting = '2026-03-01T12:00:15Z';

  it.each<[string, JobEvent[]]>([
    [
      'a run that is deleted',
      [
        job(),
        pod(),
        job({ version: '102', deletingAt: deleting }),
        pod(stopped),
        makeGone(makeJobObject({ version: '120' })),
      ],
    ],
    [
      'a run that is deleted, whose pod is heard of first',
      [job(), pod(), pod(stopped), job({ version: '112', deletingAt: deleting })],
    ],
    [
      'a run whose Job fails because it is deleted',
      [job(), pod(), pod(stopped), job({ ...failed, deletingAt: deleting })],
    ],
    ['a bot that is deleted', [bot(), copy(), bot({ version: '102', deletingAt: deleting }), copy(stopped)]],
    [
      'a bot that is restarted or updated',
      [bot(), copy(), copy(stopped), copy({ uid: 'pod-2', name: 'demo-2', createdAt: '2026-03-01T12:00:30Z' })],
    ],
    [
      'a run that is suspended',
      [
        job(),
        pod(),
        makeSeen({ ...makeJobObject({ version: '104' }), spec: { suspend: true, backoffLimit: 0 } }, readJob),
        pod(stopped),
        makeGone(makePod({ version: '106' })),
      ],
    ],
    [
      'a bot that asks to end for a while',
      [bot(), copy(), copy({ ...stopped, exitCode: 143 }), bot({ version: '120', replicas: 0 })],
    ],
  ])('is no failure: %s', (_, events) => {
    const told = hear(...events);
    vi.advanceTimersByTime(3_600_000);
    expect(told.failures()).toEqual([]);
  });
});

describe('what is told of a continuous job', () => {
  it('is each crash, once, whether the container is seen ended, waiting or running again', () => {
    const told = hear(
      bot(),
      copy(),
      copy({ version: '101', exitCode: 3, phase: 'Running' }),
      copy({ version: '102', waiting: 'CrashLoopBackOff', lastExitCode: 3 }),
      copy({ version: '103', restarts: 1, lastExitCode: 3 }),
      copy({ version: '104', restarts: 1, exitCode: 4, phase: 'Running' }),
    );
    expect(told.failures().map(({ id, attempts, exitCode }) => [id, attempts, exitCode])).toEqual([
      ['uid-Pod-demo-x7k2p/0/failed', 1, 3],
      ['uid-Pod-demo-x7k2p/1/failed', 2, 4],
    ]);
  });

  it('is that it ended by itself and was started again', () => {
    const told = hear(bot(), copy(), copy({ version: '103', restarts: 1, lastExitCode: 0 }));
    expect(told.kinds()).toEqual(['started', 'restarted']);
  });

  it('is that it has run for a while, once for each start', () => {
    const told = hear(bot(), copy());
    vi.advanceTimersByTime(290_000);
    expect(told.kinds()).toEqual(['started']);
    vi.advanceTimersByTime(5_000);
    expect(told.ids()).toEqual(['uid-Pod-demo-x7k2p/started', 'uid-Pod-demo-x7k2p/0/steady']);
    vi.advanceTimersByTime(900_000);
    expect(told.kinds()).toHaveLength(2);
  });

  it('is that it has run for so long as it has to now', () => {
    const graces = { troubleMs: 86_400_000, steadyMs: 86_400_000 };
    const told = hearWith(graces, 0, bot(), copy());
    vi.advanceTimersByTime(60_000);
    graces.steadyMs = 10_000;
    told.roster.replan();
    expect(told.kinds()).toEqual(['started', 'steady']);
  });

  it('is that it was evicted', () => {
    const evicted = { version: '105', phase: 'Failed', podReason: 'Evicted', exitCode: 137 };
    expect(hear(bot(), copy(), copy(evicted)).failures()).toMatchObject([{ reason: 'evicted' }]);
  });

  it('is that the quota leaves no room for it, when that has lasted', () => {
    const conditions = [
      { type: 'ReplicaFailure', reason: 'FailedCreate', message: 'pods "x" is forbidden: exceeded quota: q' },
    ];
    const told = hear(bot({ conditions }));
    vi.advanceTimersByTime(130_000);
    expect(told.failures()).toEqual([]);
    vi.advanceTimersByTime(20_000);
    expect(told.failures()).toMatchObject([
      { reason: 'quota', clusterSays: expect.stringContaining('exceeded quota') },
    ]);
  });
});

describe('what keeps a job from starting', () => {
  const waits = (waiting: string, version = '101') => pod({ version, waiting, message: `${waiting}!` });

  it.each<[string, JobEvent, Partial<Notice>]>([
    [
      'an image that cannot be pulled',
      waits('ImagePullBackOff'),
      { reason: 'image', clusterSays: 'ImagePullBackOff!' },
    ],
    ['a name that is no image', waits('InvalidImageName'), { reason: 'image' }],
    ['a container that cannot be made', waits('CreateContainerConfigError'), { reason: 'not_started' }],
    [
      'that no node takes it',
      pod({
        version: '101',
        noContainer: true,
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'Unschedulable',
            message: 'no memory',
            at: '2026-03-01T12:00:01Z',
          },
        ],
      }),
      { reason: 'not_started', clusterSays: 'no memory' },
    ],
  ])('is a failure when it has lasted: %s', (_, event, cause) => {
    const told = hear(job(), event);
    vi.advanceTimersByTime(110_000);
    expect(told.failures()).toEqual([]);
    vi.advanceTimersByTime(10_000);
    expect(told.failures()).toMatchObject([cause]);
    vi.advanceTimersByTime(900_000);
    expect(told.failures()).toHaveLength(1);
  });

  it('is one failure, though the words for it change', () => {
    const told = hear(job(), waits('ErrImagePull'));
    for (let version = 102; version < 120; version += 1) {
      vi.advanceTimersByTime(20_000);
      told.roster.accept(waits(version % 2 ? 'ErrImagePull' : 'ImagePullBackOff', String(version)));
    }
    expect(told.failures()).toHaveLength(1);
  });

  it('is told of as soon as it has lasted as long as it has to now', () => {
    const graces = { troubleMs: 86_400_000, steadyMs: 86_400_000 };
    const told = hearWith(graces, 0, job(), waits('ErrImagePull'));
    vi.advanceTimersByTime(60_000);
    graces.troubleMs = 90_000;
    told.roster.replan();
    expect(told.failures()).toEqual([]);
    vi.advanceTimersByTime(30_000);
    expect(told.failures()).toMatchObject([{ reason: 'image' }]);
    told.roster.replan();
    expect(told.failures()).toHaveLength(1);
  });

  it('is none when it passes', () => {
    const told = hear(job(), waits('ErrImagePull'), pod({ version: '102' }));
    vi.advanceTimersByTime(900_000);
    expect(told.failures()).toEqual([]);
  });

  it('is a failure where the cluster makes no pod at all', () => {
    const told = hear(job());
    vi.advanceTimersByTime(120_000);
    expect(told.failures()).toMatchObject([{ id: 'uid-Job-demo/no-pod', reason: 'not_started', pod: undefined }]);
  });
});

describe('what was there before the start', () => {
  it('is not told again', () => {
    const told = hear(
      old(job(failed)),
      old(pod({ version: '105', exitCode: 3 })),
      old(bot()),
      old(copy({ restarts: 1, lastExitCode: 3 })),
    );
    expect(told.ids()).toEqual([]);
  });

  it('is told where part of it is news', () => {
    expect(hear(old(job(failed)), pod({ version: '105', exitCode: 3 })).failures()).toHaveLength(1);
    expect(hear(old(pod({ version: '105', exitCode: 3 })), job(failed)).failures()).toHaveLength(1);
  });

  it('is told when it has lasted long enough, which may have been before', () => {
    const told = hear(old(job()), old(pod({ waiting: 'ImagePullBackOff' })));
    vi.advanceTimersByTime(120_000);
    expect(told.failures()).toHaveLength(1);
  });

  it('does not hide what happens afterwards', () => {
    const told = hear(old(job()), old(pod()), pod({ version: '105', exitCode: 3 }), job(failed));
    expect(told.kinds()).toEqual(['failed']);
  });
});

describe('what is news after a start', () => {
  it('is that an attempt known before is followed by another one', () => {
    const second = { uid: 'pod-2', name: 'demo-second', createdAt: '2026-03-01T12:00:20Z' };
    const told = hear(old(job({ retry: 1 })), old(pod({ exitCode: 3 })), pod({ ...second, version: '120' }));
    expect(told.kinds()).toEqual(['restarted']);
  });

  it('is nothing that ended before anybody looked, however it comes to be heard of', () => {
    const events = [
      job(),
      pod({ version: '105', exitCode: 3 }),
      job({ ...failed, deletingAt: '2026-03-08T12:00:00Z' }),
    ];
    const aWeekLater = Date.parse('2026-03-08T12:00:00Z');
    expect(hearSince(aWeekLater, ...events).kinds()).toEqual([]);
    expect(hearSince(began, ...events).kinds()).toEqual(['started', 'failed']);
  });
});
