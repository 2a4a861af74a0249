import { describe, expect, test } from 'vitest';
import type { JobEvent, KubeObject, RunEnd } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { jobMachine } from '../../src/machines/job.ts';
import { createJobRoster } from '../../src/machines/roster.ts';
import { makeCronJobObject, makeDeploymentObject, makeJobObject, makePod } from '../support/make.ts';
import { makeGone, makeSeen } from '../support/make-event.ts';

const at = (time: string) => Date.parse(time);
const startedAt = at('2026-03-01T12:00:02Z');
const endedAt = at('2026-03-01T12:00:09Z');
const saidAt = at('2026-03-01T12:00:30Z');

/** Ends told while a roster hears these facts. */
function endsAfter(...events: JobEvent[]): RunEnd[] {
  const ends: RunEnd[] = [];
  const roster = createJobRoster({ log: createLog({ level: 'silent' }), onRunEnded: (end) => void ends.push(end) });
  for (const event of events) roster.accept(event);
  roster.stop();
  return ends;
}

type JobOptions = NonNullable<Parameters<typeof makeJobObject>[0]>;
type PodOptions = NonNullable<Parameters<typeof makePod>[0]>;
const job = (options: JobOptions = {}) => makeSeen(makeJobObject(options));
const pod = (options: PodOptions = {}) => makeSeen(makePod(options));
const complete: JobOptions = { version: '110', succeeded: 1, conditions: [{ type: 'Complete' }] };
const failed: JobOptions = {
  version: '110',
  failed: 1,
  conditions: [{ type: 'Failed', reason: 'BackoffLimitExceeded' }],
};
const late: JobOptions = { version: '110', conditions: [{ type: 'Failed', reason: 'DeadlineExceeded' }] };
const gone = () => makeGone(makeJobObject({ version: '120' }));

describe('the end of a one-off', () => {
  test('is told with everything that a record needs', () => {
    expect(endsAfter(job(), pod(), pod({ version: '105', exitCode: 0 }), job(complete))).toEqual([
      {
        key: { namespace: 'tool-alpha', kind: 'Job', name: 'demo' },
        id: 'uid-Job-demo',
        jobUid: 'uid-Job-demo',
        manual: false,
        createdAt: at('2026-03-01T12:00:00Z'),
        startedAt,
        finishedAt: endedAt,
        outcome: 'succeeded',
        reason: undefined,
        exitCode: 0,
        signal: undefined,
        attempts: 1,
        ran: expect.objectContaining({ cmd: './run.sh', image: 'bookworm', memory: '0.5Gi' }),
        version: expect.stringMatching(/^[0-9a-f]{8}$/),
        pod: 'demo-x7k2p',
      },
    ]);
  });

  test('is not told before both the Job and its pods have said it', () => {
    expect(endsAfter(job(), pod(), job(complete))).toEqual([]);
    expect(endsAfter(job(), pod({ exitCode: 0 }))).toEqual([]);
    expect(endsAfter(job(failed), pod())).toEqual([]);
    expect(endsAfter(job({ ...failed, retry: 1, failed: 2 }), pod({ exitCode: 1 }))).toEqual([]);
  });

  test('is told once, whichever comes last and whatever comes again', () => {
    const [seen, ended] = [job(complete), pod({ version: '105', exitCode: 0 })];
    for (const order of [
      [seen, ended],
      [ended, seen],
    ]) {
      const more = [job({ ...complete, version: '111' }), pod({ version: '112', exitCode: 0 }), gone(), seen, ended];
      expect(endsAfter(job(), ...order, ...order, ...more)).toHaveLength(1);
    }
  });

  test.each<[string, PodOptions, Partial<RunEnd>]>([
    ['its own exit code', { exitCode: 3 }, { reason: 'exit_code', exitCode: 3, signal: undefined }],
    [
      'a signal, as a shell tells it',
      { exitCode: 139 },
      {
        reason: 'signal',
        exitCode: 139,
        signal: 11,
      },
    ],
    ['a lack of memory', { exitCode: 137, reason: 'OOMKilled' }, { reason: 'out_of_memory', exitCode: 137, signal: 9 }],
    [
      'a program that could not be started',
      { exitCode: 128, reason: 'StartError' },
      { reason: 'not_started', exitCode: undefined },
    ],
    [
      'a node that is gone',
      { exitCode: 137, reason: 'ContainerStatusUnknown' },
      { reason: 'lost', exitCode: undefined },
    ],
    [
      'an eviction',
      { phase: 'Failed', podReason: 'Evicted', noContainer: true },
      { reason: 'evicted', exitCode: undefined },
    ],
    ['a pod that says nothing', { phase: 'Failed', noContainer: true }, { reason: 'lost', exitCode: undefined }],
  ])('has failed by %s', (_, options, end) => {
    expect(endsAfter(job(failed), pod(options))).toMatchObject([{ outcome: 'failed', attempts: 1, ...end }]);
  });

  test('has failed by an eviction also where its pod is gone before the Job says that it failed', () => {
    const evicted = { version: '105', phase: 'Failed', podReason: 'Evicted', noContainer: true } as const;
    const podGone = makeGone(makePod({ ...evicted, version: '109' }));
    expect(endsAfter(job(), pod(), pod(evicted), podGone, job(failed), gone())).toMatchObject([
      { outcome: 'failed', reason: 'evicted' },
    ]);
  });

  test('is told with its eviction though the Job says that it fails before its pod has ended, and before it is counted', () => {
    const failing: JobOptions = {
      version: '110',
      conditions: [{ type: 'FailureTarget', reason: 'BackoffLimitExceeded' }],
    };
    const leaving: PodOptions = { version: '105', conditions: [{ type: 'DisruptionTarget' }] };
    expect(endsAfter(job(), pod(), pod(leaving), job(failing))).toEqual([]);
    const end = { outcome: 'failed', reason: 'evicted' };
    const ended = pod({ ...leaving, version: '111', exitCode: 143 });
    expect(endsAfter(job(), pod(), pod(leaving), job(failing), ended)).toMatchObject([end]);
    expect(endsAfter(job(), pod(), pod(leaving), job(failing), gone())).toMatchObject([end]);
  });

  test('has failed by the last of its attempts', () => {
    const second = { name: 'demo-2', createdAt: '2026-03-01T12:01:00Z' };
    const ends = endsAfter(
      job({ ...failed, retry: 1, failed: 2 }),
      pod({ ...second, exitCode: 4 }),
      pod({ exitCode: 3 }),
    );
    expect(ends).toMatchObject([{ outcome: 'failed', exitCode: 4, attempts: 2 }]);
  });

  test('past its deadline is told without its pods, which the cluster ended', () => {
    expect(endsAfter(job(), pod(), job(late))).toMatchObject([
      { outcome: 'failed', reason: 'deadline', exitCode: undefined, startedAt, finishedAt: saidAt },
    ]);
    expect(endsAfter(job(), pod({ waiting: 'ImagePullBackOff' }), job(late))).toMatchObject([
      { outcome: 'failed', reason: 'image', startedAt: undefined },
    ]);
    expect(endsAfter(job(), pod({ waiting: 'ContainerCreating' }), job(late))).toMatchObject([
      { outcome: 'failed', reason: 'not_started', startedAt: undefined },
    ]);
  });

  test('past its deadline says what kept its pod from starting also where the pod is gone before', () => {
    const stuck = { version: '105', waiting: 'ImagePullBackOff' } as const;
    const podGone = makeGone(makePod({ ...stuck, version: '109' }));
    const leaving = { version: '107', deletingAt: '2026-03-01T12:00:25Z' } as const;
    for (const last of [
      { ...leaving, waiting: 'ContainerCreating' },
      { ...leaving, phase: 'Failed', noContainer: true },
    ] as const)
      expect(endsAfter(job(), pod(stuck), pod(last), job(late))).toMatchObject([{ reason: 'image' }]);
    expect(endsAfter(job(), pod(stuck), podGone, job(late))).toMatchObject([
      { outcome: 'failed', reason: 'image', startedAt: undefined },
    ]);
    expect(endsAfter(job(), pod(), makeGone(makePod({ version: '109' })), job(late))).toMatchObject([
      { outcome: 'failed', reason: 'deadline' },
    ]);
  });
});

describe('a one-off that is gone before its end was told', () => {
  test.each<[string, JobEvent[], Partial<RunEnd>]>([
    ['has ended as its Job said', [job(complete)], { outcome: 'succeeded', exitCode: undefined, finishedAt: saidAt }],
    ['has failed as its Job said', [job(failed)], { outcome: 'failed', reason: 'other', attempts: 1 }],
    ['has succeeded when its pod has', [job(), pod({ exitCode: 0 })], { outcome: 'succeeded', exitCode: 0 }],
    ['has failed when its last pod has', [job(), pod({ exitCode: 7 })], { outcome: 'failed', exitCode: 7 }],
    [
      'was stopped when it was being deleted',
      [
        job(),
        pod(),
        job({ version: '101', deletingAt: '2026-03-01T12:05:00Z' }),
        pod({ version: '102', exitCode: 143 }),
      ],
      { outcome: 'stopped', reason: undefined, exitCode: undefined, finishedAt: at('2026-03-01T12:05:00Z') },
    ],
    ['is unknown when it last ran', [job(), pod()], { outcome: 'unknown', finishedAt: undefined, startedAt }],
    ['is unknown when it has tries left', [job({ retry: 1 }), pod({ exitCode: 7 })], { outcome: 'unknown' }],
  ])('%s', (_, events, end) => {
    expect(endsAfter(...events, gone())).toMatchObject([{ id: 'uid-Job-demo', ...end }]);
  });

  test('has no start where no pod of it was ever counted: its Job is said to start when it is made', () => {
    const startedAt = '2026-03-01T12:00:01Z';
    expect(endsAfter(job({ startedAt }), gone())).toMatchObject([{ outcome: 'unknown', startedAt: undefined }]);
    expect(endsAfter(job({ startedAt, active: 1 }), gone())).toMatchObject([
      { outcome: 'unknown', startedAt: at(startedAt) },
    ]);
  });

  test('is told of when another takes its name', () => {
    const next = job({ uid: 'next', version: '130' });
    expect(endsAfter(job(), next)).toMatchObject([{ id: 'uid-Job-demo', outcome: 'unknown' }]);
    expect(endsAfter(job(complete), pod({ exitCode: 0 }), next)).toHaveLength(1);
  });

  test('says nothing where it was never seen', () => {
    expect(endsAfter(pod({ exitCode: 0 }), gone())).toEqual([]);
  });
});

describe('the end of a run of a scheduled job', () => {
  const cron = makeSeen(makeCronJobObject());
  const owner = { name: 'demo', uid: 'uid-CronJob-demo' };
  const run = (options: JobOptions = {}) => job({ cronJob: owner, ...options });
  const runPod = (options: PodOptions = {}) =>
    pod({ component: 'cronjobs', ownerUid: 'uid-Job-demo-29540160', ...options });

  test('is told by the run, with the job it belongs to', () => {
    expect(endsAfter(cron, run(), runPod(), runPod({ version: '105', exitCode: 0 }), run(complete))).toMatchObject([
      {
        key: { kind: 'CronJob', name: 'demo' },
        id: 'uid-Job-demo-29540160',
        jobUid: 'uid-CronJob-demo',
        manual: false,
        outcome: 'succeeded',
        exitCode: 0,
      },
    ]);
  });

  test('is one of several, each once', () => {
    const second = { name: 'demo-1772366400', uid: 'second', manual: true };
    const goneRun = (options: JobOptions) => makeGone(makeJobObject({ cronJob: owner, version: '120', ...options }));
    const ends = endsAfter(
      cron,
      run(),
      run(second),
      run({ ...failed, ...second }),
      runPod({ ownerUid: 'second', uid: 'p2', name: 'p2', exitCode: 1 }),
      goneRun({}),
      goneRun(second),
    );
    expect(ends).toMatchObject([
      { id: 'second', manual: true, outcome: 'failed', exitCode: 1 },
      { id: 'uid-Job-demo-29540160', manual: false, outcome: 'unknown' },
    ]);
  });

  test('is stopped with the job it belongs to', () => {
    const ends = endsAfter(
      cron,
      run(),
      makeGone(makeCronJobObject({ version: '101' })),
      run({ version: '102', deletingAt: '2026-03-01T12:05:00Z' }),
      makeGone(makeJobObject({ cronJob: owner, version: '103' })),
    );
    expect(ends).toMatchObject([{ outcome: 'stopped' }]);
  });
});

describe('a continuous job', () => {
  test('has no end to tell', () => {
    const [seen, left] = ['100', '101'].map((version) => makeDeploymentObject({ version })) as [KubeObject, KubeObject];
    expect(endsAfter(makeSeen(seen), makeGone(left))).toEqual([]);
  });
});

describe('an actor that fails', () => {
  test('does not tell again what it has told', () => {
    const machine = jobMachine.provide({
      guards: {
        isNewPod: (_, { pod: { resourceVersion } }) => {
          if (resourceVersion === '120') throw new Error('a mistake of ours');
          return true;
        },
      },
    });
    const ends: RunEnd[] = [];
    const log = createLog({ level: 'silent' });
    const roster = createJobRoster({ log, machine, onRunEnded: (end) => void ends.push(end) });
    for (const event of [job(complete), pod({ exitCode: 0 })]) roster.accept(event);
    roster.accept(pod({ version: '120', exitCode: 0 }));
    expect(roster.failures()).toBe(1);
    roster.accept(job({ ...complete, version: '121' }));
    roster.accept(makeGone(makeJobObject({ version: '122' })));
    expect(ends).toHaveLength(1);
  });
});
