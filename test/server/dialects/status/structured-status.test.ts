import { describe, expect, it } from 'vitest';
import type { JobSnapshot, Suspension } from '../../../../src/domain.ts';
import { type StatusOptions, structuredStatus } from '../../../../src/server/dialects/status/structured-status.ts';
import {
  at,
  ended,
  madeAt,
  makeCondition,
  makePodFacts,
  makeRun,
  makeSnapshot,
  now,
  running,
  startedAt,
  waiting,
} from '../../../support/facts.ts';

const image = 'registry.example.org/bookworm:latest';
const oom = ended(137, { reason: 'OOMKilled' });
const nextFiringAt = at('2026-11-24T04:17:00Z');
const show = (snapshot: JobSnapshot, options: Partial<StatusOptions> = {}) => {
  const { short, duration, messages } = structuredStatus(snapshot, { now, nextFiringAt, ...options });
  return { short, duration, messages };
};

describe('the status of a one-off job', () => {
  const over = (reason: string, message = 'in the words of the cluster') => ({
    conditions: [makeCondition('Failed', { reason, message })],
  });
  const rows: [what: string, snapshot: JobSnapshot, short: string, duration: string, messages: string[]][] = [
    ['is just made', makeSnapshot(), 'pending', '1h2s', []],
    [
      'waits for a node',
      makeSnapshot({
        pods: [
          makePodFacts({
            noContainer: true,
            conditions: [
              makeCondition('Initialized', { changedAt: undefined }),
              makeCondition('PodScheduled', { status: 'False', message: '0/3 nodes are available: too little cpu.' }),
            ],
          }),
        ],
      }),
      'pending',
      '59m32s',
      ['scheduling', 'no node has room for it: too little cpu'],
    ],
    [
      'is prepared by its node',
      makeSnapshot({ status: { startedAt }, pods: [makePodFacts({ state: waiting('ContainerCreating') })] }),
      'pending',
      '1h',
      ['initializing'],
    ],
    [
      'has an image that is not there',
      makeSnapshot({ pods: [makePodFacts({ state: waiting('ImagePullBackOff', 'Back-off pulling image') })] }),
      'pending',
      '1h2s',
      ['initializing', 'Back-off pulling image', `the image ${image} cannot be pulled (ImagePullBackOff)`],
    ],
    [
      'has an image that was asked for just now',
      makeSnapshot({ pods: [makePodFacts({ state: waiting('ErrImagePull') })] }),
      'pending',
      '1h2s',
      ['initializing', `the image ${image} cannot be pulled (ErrImagePull)`],
    ],
    [
      'has settings that cannot be used',
      makeSnapshot({ pods: [makePodFacts({ state: waiting('CreateContainerConfigError') })] }),
      'pending',
      '1h2s',
      ['initializing', 'the settings of the job cannot be used (CreateContainerConfigError)'],
    ],
    ['runs', makeSnapshot({ state: 'running', pods: [makePodFacts()] }), 'running', '1h', []],
    [
      'is done',
      makeSnapshot({ state: 'succeeded', pods: [makePodFacts({ state: ended(0) })] }),
      'succeeded',
      '59m53s',
      [],
    ],
    [
      'is done and its pod is gone',
      makeSnapshot({ state: 'succeeded', status: { conditions: [makeCondition('Complete')] } }),
      'succeeded',
      '59m32s',
      [],
    ],
    [
      'failed',
      makeSnapshot({
        state: 'failed',
        status: over('BackoffLimitExceeded'),
        pods: [makePodFacts({ state: ended(3) })],
      }),
      'failed',
      '59m53s',
      ['exitcode 3', 'your program ended with code 3', 'it is not tried again (BackoffLimitExceeded)'],
    ],
    [
      'ran out of memory',
      makeSnapshot({ state: 'failed', pods: [makePodFacts({ state: oom })] }),
      'failed',
      '59m53s',
      ['exitcode 137', 'ran out of memory (OOMKilled): its limit is 0.5Gi'],
    ],
    [
      'was evicted',
      makeSnapshot({
        state: 'failed',
        pods: [
          makePodFacts({
            noContainer: true,
            phase: 'Failed',
            reason: 'Evicted',
            message: 'The node was low on memory.',
          }),
        ],
      }),
      'failed',
      '1h2s',
      ['stopped to free its node (Evicted)', 'The node was low on memory.'],
    ],
    [
      'took too long and its pod is gone',
      makeSnapshot({ state: 'failed', job: { timeout: 90 }, status: over('DeadlineExceeded') }),
      'failed',
      '59m32s',
      ['took longer than its time limit of 1m30s (DeadlineExceeded)'],
    ],
    [
      'failed for a reason nobody here knows',
      makeSnapshot({ state: 'failed', status: over('PodFailurePolicy', 'Exit code 42 matched a rule.') }),
      'failed',
      '59m32s',
      ['Exit code 42 matched a rule.'],
    ],
    [
      'waits for its next attempt',
      makeSnapshot({ job: { retry: 2 }, status: { failed: 1 }, pods: [makePodFacts({ state: oom })] }),
      'pending',
      '59m53s',
      ['exitcode 137', 'ran out of memory (OOMKilled): its limit is 0.5Gi', '1 of 3 attempts failed'],
    ],
    [
      'runs after a failed attempt',
      makeSnapshot({
        state: 'running',
        job: { retry: 2 },
        status: { failed: 1 },
        pods: [makePodFacts(), makePodFacts({ state: oom })],
      }),
      'running',
      '1h',
      ['attempt 2 of 3', 'attempt before: ran out of memory (OOMKilled)'],
    ],
    [
      'is on a node out of touch',
      makeSnapshot({ state: 'unknown', pods: [makePodFacts({ phase: 'Unknown' })] }),
      'unknown',
      '1h2s',
      ['its node does not answer (NodeLost)'],
    ],
    [
      'is being deleted',
      makeSnapshot({ state: 'running', object: { deletingAt: now }, pods: [makePodFacts()] }),
      'running',
      '1h',
      ['it is being deleted'],
    ],
    ['tells no time at all', makeSnapshot({ state: 'unknown', object: { createdAt: 0 } }), 'unknown', '0s', []],
  ];

  it.each(rows)('that %s', (_, snapshot, short, duration, messages) => {
    expect(show(snapshot)).toEqual({ short, duration, messages });
    expect(structuredStatus(snapshot, { now })).not.toHaveProperty('next_schedule');
  });

  it('tells the trouble that was found', () => {
    const trouble = 'exceeded quota: x, limited: limits.memory=1Gi';
    expect(show(makeSnapshot(), { trouble }).messages).toEqual(['Unable to start, out of quota for memory']);
  });
});

describe('the status of a scheduled job', () => {
  const scheduled = (options: Parameters<typeof makeSnapshot>[0]) => makeSnapshot({ kind: 'CronJob', ...options });
  const lastScheduledAt = at('2026-03-01T11:17:00Z');

  it('says between two runs when the next one is', () => {
    expect(show(scheduled({ state: 'waiting' }))).toEqual({
      short: 'pending',
      duration: '1h2s',
      messages: ['next run 2026-11-24T04:17:00Z'],
    });
  });

  it('says that no next run is known rather than nothing', () => {
    expect(show(scheduled({ state: 'waiting' }), { nextFiringAt: undefined }).messages).toEqual([
      'no next run is known',
    ]);
  });

  it.each([now, now - 1, 0, Number.NaN])('never gives a next run that is past: %d', (nextFiringAt) => {
    const status = structuredStatus(scheduled({ state: 'waiting' }), { now, nextFiringAt });
    expect(status.next_schedule).toBeNull();
  });

  it('gives previous and next run as times', () => {
    const status = structuredStatus(scheduled({ state: 'waiting', status: { lastScheduledAt } }), {
      now,
      nextFiringAt,
    });
    expect(status.previous_schedule).toBe('2026-03-01T11:17:00Z');
    expect(status.next_schedule).toBe('2026-11-24T04:17:00Z');
  });

  it('takes a run by hand for the previous one when it is newer', () => {
    const runs = [makeRun({ manual: true, status: { conditions: [makeCondition('Complete')] } })];
    const status = structuredStatus(scheduled({ state: 'waiting', status: { lastScheduledAt }, runs }), { now });
    expect(status.previous_schedule).toBe('2026-03-01T12:00:00Z');
  });

  it('has no previous run before the first', () => {
    expect(structuredStatus(scheduled({ state: 'waiting' }), { now }).previous_schedule).toBeNull();
  });

  it('says how the last run ended and why', () => {
    const conditions = [makeCondition('Failed', { reason: 'BackoffLimitExceeded' })];
    const runs = [makeRun({ status: { failed: 1, conditions } })];
    const snapshot = scheduled({
      state: 'waiting',
      status: { lastScheduledAt },
      runs,
      pods: [makePodFacts({ state: oom })],
    });
    expect(show(snapshot).messages).toEqual([
      'next run 2026-11-24T04:17:00Z',
      'last run failed',
      'exitcode 137',
      'ran out of memory (OOMKilled): its limit is 0.5Gi',
      'it is not tried again (BackoffLimitExceeded)',
    ]);
  });

  it('says that the last run succeeded', () => {
    const runs = [makeRun({ status: { conditions: [makeCondition('Complete')] } })];
    expect(show(scheduled({ state: 'waiting', runs })).messages).toContain('last run succeeded');
  });

  it.each<[string, number | undefined, string]>([
    ['succeeded', lastScheduledAt + 60_000, 'last run succeeded'],
    ['did not', lastScheduledAt - 86_400_000, 'the last run did not succeed'],
    ['never did', undefined, 'the last run did not succeed'],
  ])('still knows of a run that is removed whether it %s', (_, lastSucceededAt, line) => {
    const snapshot = scheduled({ state: 'waiting', status: { lastScheduledAt, lastSucceededAt } });
    expect(show(snapshot).messages).toEqual(['next run 2026-11-24T04:17:00Z', line]);
  });

  it('says that the last firing was skipped, and why, also while the run before it goes on', () => {
    const skipped = { dueAt: at('2026-03-01T12:10:00Z'), reason: 'previous_run', since: madeAt } as const;
    const why =
      'the run of 2026-03-01T12:10:00Z was skipped: the run before it was still going, since 2026-03-01T12:00:00Z';
    const waits = { ...makeSnapshot({ kind: 'CronJob', state: 'waiting' }), skipped };
    expect(show(waits).messages).toEqual(['next run 2026-11-24T04:17:00Z', why]);
    const runs = [makeRun({ status: { active: 1, ready: 1, startedAt } })];
    expect(show({ ...makeSnapshot({ kind: 'CronJob', state: 'running', runs }), skipped }).messages).toContain(why);
  });

  it('has no next run while it is suspended, and says so', () => {
    const snapshot = scheduled({ state: 'suspended', status: { suspended: true } });
    expect(structuredStatus(snapshot, { now, nextFiringAt })).toMatchObject({
      short: 'pending',
      next_schedule: null,
      messages: ['suspended: no run starts until it is resumed'],
    });
  });

  it('says that it is suspended also while a run of it goes on', () => {
    const runs = [makeRun({ status: { active: 1, ready: 1, startedAt } })];
    const snapshot = makeSnapshot({ kind: 'CronJob', state: 'running', status: { suspended: true }, runs });
    expect(show(snapshot).messages).toContain('suspended: no run starts until it is resumed');
  });

  it('says who has suspended it, since when, why and until when, as far as that is known', () => {
    const since = Date.parse('2026-11-24T00:00:00Z');
    const by = { since, by: 'owner', note: undefined, until: undefined, resumedAt: undefined } as const;
    const said = (suspension: Suspension) =>
      structuredStatus(scheduled({ state: 'suspended', status: { suspended: true }, object: { suspension } }), {
        now,
        nextFiringAt,
      }).messages[0];
    expect(said(by)).toBe('suspended since 2026-11-24T00:00:00Z by its owner');
    expect(said({ ...by, by: 'service', note: '5 runs in a row failed', until: since + 3_600_000 })).toBe(
      'suspended since 2026-11-24T00:00:00Z by the service: 5 runs in a row failed; until 2026-11-24T01:00:00Z',
    );
    expect(said({ ...by, resumedAt: since + 1 })).toBe('suspended: no run starts until it is resumed');
  });

  it('is that of the run under way', () => {
    const runs = [makeRun({ status: { active: 1, ready: 1, startedAt } })];
    const snapshot = scheduled({ state: 'running', runs, pods: [makePodFacts()] });
    expect(show(snapshot)).toEqual({ short: 'running', duration: '1h', messages: [] });
  });

  it('is pending while the run under way cannot start', () => {
    const pods = [makePodFacts({ state: waiting('ErrImagePull') })];
    const { short, messages } = show(scheduled({ state: 'running', runs: [makeRun()], pods }));
    expect(short).toBe('pending');
    expect(messages).toContain(`the image ${image} cannot be pulled (ErrImagePull)`);
  });

  it('counts the attempts of the run under way only', () => {
    const before = makeRun({ uid: 'run-0', status: { failed: 3, conditions: [makeCondition('Failed')] } });
    const pods = [makePodFacts(), makePodFacts({ ownerUid: 'run-0', state: ended(1) })];
    expect(
      show(scheduled({ state: 'running', runs: [makeRun({ status: { ready: 1 } }), before], pods })).messages,
    ).toEqual([]);
  });

  it('is running where the CronJob tells of a run that was not seen yet', () => {
    expect(show(scheduled({ state: 'running', status: { active: 1, lastScheduledAt: now - 3_000 } }))).toEqual({
      short: 'running',
      duration: '3s',
      messages: [],
    });
  });
});

describe('the status of a continuous job', () => {
  const continuous = (options: Parameters<typeof makeSnapshot>[0]) =>
    makeSnapshot({ kind: 'Deployment', object: { createdAt: madeAt - 400 * 86_400_000 }, ...options });
  const broke = makeCondition('Available', { status: 'False', changedAt: now - 90_000 });

  it('counts from when its copy began to run', () => {
    expect(show(continuous({ state: 'running', pods: [makePodFacts()] }))).toEqual({
      short: 'running',
      duration: '1h',
      messages: [],
    });
  });

  it('counts from the copy that has run longest, without those that are being ended', () => {
    const pods = [
      makePodFacts({ state: running(now - 5_000) }),
      makePodFacts({ state: running(now - 60_000) }),
      makePodFacts({ state: running(now - 900_000), deletingAt: now }),
    ];
    expect(show(continuous({ state: 'running', pods })).duration).toBe('1m');
  });

  it('counts from when it broke, not from when it was made', () => {
    const pods = [
      makePodFacts({
        state: waiting('CrashLoopBackOff', 'back-off 5m0s restarting failed container'),
        restarts: 7,
        last: ended(1),
      }),
    ];
    expect(show(continuous({ state: 'failed', status: { conditions: [broke] }, pods }))).toEqual({
      short: 'failed',
      duration: '1m30s',
      messages: [
        'restarted (7)',
        'exitcode 1',
        'your program ended with code 1',
        'it will be started again after a pause (CrashLoopBackOff)',
      ],
    });
  });

  it('counts from the end of the last copy where the Deployment tells nothing', () => {
    const pods = [makePodFacts({ phase: 'Running', state: oom, restarts: 1 })];
    expect(show(continuous({ state: 'failed', pods }))).toEqual({
      short: 'failed',
      duration: '59m53s',
      messages: ['restarted (1)', 'exitcode 137', 'ran out of memory (OOMKilled): its limit is 0.5Gi'],
    });
  });

  it('counts from the last restart where nothing else is known', () => {
    expect(show(continuous({ status: { restartedAt: now - 7_000 } })).duration).toBe('7s');
  });

  it('does not hide that a running copy was killed before', () => {
    const pods = [makePodFacts({ restarts: 3, last: oom })];
    expect(show(continuous({ state: 'running', pods })).messages).toEqual([
      'restarted (3)',
      'exitcode 137',
      'ran out of memory (OOMKilled): its limit is 0.5Gi',
    ]);
  });

  it('says how many of its copies run when some do not', () => {
    const pods = [makePodFacts(), makePodFacts({ state: waiting('CrashLoopBackOff'), restarts: 2, last: ended(127) })];
    expect(show(continuous({ state: 'running', job: { replicas: 2 }, pods })).messages).toEqual([
      '1 of 2 copies run',
      'restarted (2)',
      'exitcode 127',
      'command not found',
      'it will be started again after a pause (CrashLoopBackOff)',
    ]);
  });

  it('says what it has not got the quota for', () => {
    const message = 'pods is forbidden: exceeded quota: q, requested: limits.memory=1Gi, limited: limits.memory=2Gi';
    const conditions = [broke, makeCondition('ReplicaFailure', { message, changedAt: now - 60_000 })];
    expect(show(continuous({ state: 'failed', status: { conditions } }))).toEqual({
      short: 'failed',
      duration: '1m',
      messages: ['Unable to start, out of quota for memory'],
    });
  });

  it('says that it did not come up in time', () => {
    const stuck = makeCondition('Progressing', { status: 'False', reason: 'ProgressDeadlineExceeded' });
    expect(show(continuous({ status: { conditions: [broke, stuck] } })).messages).toEqual([
      'it did not come up in time (ProgressDeadlineExceeded)',
    ]);
  });
});

describe('the status of an object that is none of ours', () => {
  it('says why, and has its state all the same', () => {
    const snapshot = makeSnapshot({
      state: 'running',
      foreign: 'It has no container with an image.',
      pods: [makePodFacts()],
    });
    expect(show(snapshot)).toEqual({
      short: 'running',
      duration: '1h',
      messages: ['This job was not made by this service. It has no container with an image. It can only be deleted.'],
    });
  });
});

describe('what runs', () => {
  const isUpToDate = (options: Parameters<typeof makeSnapshot>[0]) =>
    structuredStatus(makeSnapshot(options), { now }).up_to_date;

  it('is up to date where nothing says otherwise', () => {
    expect(isUpToDate({})).toBe(true);
    expect(isUpToDate({ foreign: 'x', definition: { cmd: 'other' } })).toBe(true);
    expect(isUpToDate({ definition: { memory: '512Mi', cpu: '100m', retry: 0 } })).toBe(true);
    expect(isUpToDate({ kind: 'CronJob', definition: { schedules: [{ text: '@daily' }] } })).toBe(true);
  });

  it.each<[string, Parameters<typeof makeSnapshot>[0]]>([
    ['command', { definition: { cmd: 'other' } }],
    ['memory', { definition: { memory: '1Gi' } }],
    ['cpu', { definition: { cpu: '1' } }],
    ['number of copies', { kind: 'Deployment', definition: { replicas: 2 }, job: { replicas: 0 } }],
    ['retries', { definition: { retry: 3 } }],
    ['schedule', { kind: 'CronJob', definition: { schedules: [{ text: '@hourly' }] } }],
  ])('is not up to date when another hand changed it: %s', (_, options) => {
    expect(isUpToDate(options)).toBe(false);
    expect(show(makeSnapshot(options)).messages).toContain(
      "The running version of job 'demo' is different from what was configured, please recreate or redeploy.",
    );
  });
});
