import { describe, expect, test } from 'vitest';
import { initialTransition, type SnapshotFrom, transition } from 'xstate';
import type { JobEvent, JobKey } from '../../src/domain.ts';
import { jobMachine, showJob } from '../../src/machines/job.ts';
import { makeCronJobObject, makeDeploymentObject, makeJobObject, makePod } from '../support/make.ts';
import { keyOf, makeGone, makeSeen } from '../support/make-event.ts';

type Snapshot = SnapshotFrom<typeof jobMachine>;

function told(kind: JobKey['kind'], events: readonly JobEvent[]): Snapshot {
  const [first] = initialTransition(jobMachine, { key: keyOf(kind) });
  return events.reduce<Snapshot>((snapshot, event) => transition(jobMachine, snapshot, event)[0], first);
}

/** The state shown, or in brackets the private state of a job that is not shown. */
function stateAfter(kind: JobKey['kind'], events: readonly JobEvent[]): string {
  const snapshot = told(kind, events);
  return showJob(snapshot)?.state ?? `(${String(snapshot.value)})`;
}

const pod = (options: Parameters<typeof makePod>[0] = {}) => makeSeen(makePod(options));
const job = (options: Parameters<typeof makeJobObject>[0] = {}) => makeSeen(makeJobObject(options));

describe('a one-off job', () => {
  test.each<[string, JobEvent[], string]>([
    ['is pending while it has no pod', [job()], 'pending'],
    ['is pending while its pod waits for an image', [job(), pod({ waiting: 'ContainerCreating' })], 'pending'],
    ['runs when its pod runs', [job(), pod()], 'running'],
    ['runs when the Job says that a pod is ready and none was seen', [job({ active: 1, ready: 1 })], 'running'],
    ['has succeeded when its pod has and the Job says nothing yet', [job(), pod({ exitCode: 0 })], 'succeeded'],
    ['has failed when its only pod has and the Job says nothing yet', [job(), pod({ exitCode: 3 })], 'failed'],
    ['is pending between a failed pod and the next', [job({ retry: 1 }), pod({ exitCode: 3 })], 'pending'],
    [
      'runs again in the second pod',
      [job({ retry: 1 }), pod({ exitCode: 3 }), pod({ name: 'demo-2', createdAt: '2026-03-01T12:01:00Z' })],
      'running',
    ],
    [
      'has failed when the last pod allowed has',
      [
        job({ retry: 1 }),
        pod({ exitCode: 3 }),
        pod({ name: 'demo-2', createdAt: '2026-03-01T12:01:00Z', exitCode: 3 }),
      ],
      'failed',
    ],
    ['believes the Job over its pod', [job({ conditions: [{ type: 'Complete' }] }), pod({ exitCode: 3 })], 'succeeded'],
    ['has failed when the Job says so', [job({ conditions: [{ type: 'Failed' }] }), pod()], 'failed'],
    ['ignores a condition that is not true', [job({ conditions: [{ type: 'Failed', status: 'False' }] })], 'pending'],
    ['is unknown while its node is out of touch', [job(), pod({ phase: 'Unknown' })], 'unknown'],
    ['is not shown when only its pod was seen', [pod()], '(absent)'],
    ['is ending while its pod is left', [job(), pod(), makeGone(makeJobObject())], '(ending)'],
    ['is over when nothing is left', [job(), makeGone(makeJobObject())], '(over)'],
    ['is over when the pod that was left is gone', [pod(), makeGone(makePod())], '(over)'],
  ])('%s', (_, events, state) => {
    expect(stateAfter('Job', events)).toBe(state);
  });

  test('that cannot be read keeps pending after a failed pod, since nobody knows how many are allowed', () => {
    const foreign = makeSeen(makeJobObject(), () => ({ foreign: 'made by hand' }));
    expect(stateAfter('Job', [foreign, pod({ exitCode: 3 })])).toBe('pending');
  });
});

describe('a scheduled job', () => {
  const cron = (options: Parameters<typeof makeCronJobObject>[0] = {}) => makeSeen(makeCronJobObject(options));
  const owner = { name: 'demo', uid: 'uid-CronJob-demo' };
  const run = (options: Parameters<typeof makeJobObject>[0] = {}) => job({ cronJob: owner, ...options });
  const ended = { conditions: [{ type: 'Failed' }] };

  test.each<[string, JobEvent[], string]>([
    ['waits for its time', [cron()], 'waiting'],
    ['is suspended when it is told so', [cron({ suspended: true })], 'suspended'],
    ['runs while a run is under way', [cron(), run()], 'running'],
    ['runs while a run is under way although suspended', [cron({ suspended: true }), run()], 'running'],
    ['runs when asked by hand', [cron(), run({ name: 'demo-1772366400', manual: true })], 'running'],
    ['runs when the CronJob says so and no run was seen', [cron({ activeRuns: ['demo-1'] })], 'running'],
    ['waits again when its run has failed', [cron(), run(ended)], 'waiting'],
    ['believes its run over the list of active ones', [cron({ activeRuns: ['demo-1'] }), run(ended)], 'waiting'],
    ['waits while only a former life runs', [cron(), run({ cronJob: { name: 'demo', uid: 'other' } })], 'waiting'],
    ['is ending while a run is left', [cron(), run(), makeGone(makeCronJobObject())], '(ending)'],
  ])('%s', (_, events, state) => {
    expect(stateAfter('CronJob', events)).toBe(state);
  });

  test('shows the pods of its own runs only', () => {
    const component = 'cronjobs';
    const shown = showJob(
      told('CronJob', [
        cron(),
        run(),
        pod({ component, name: 'own', ownerUid: 'uid-Job-demo-29540160', exitCode: 1 }),
        pod({ component, name: 'strange', ownerUid: 'uid-of-nobody' }),
      ]),
    );
    expect(shown?.runs.map(({ name }) => name)).toEqual(['demo-29540160']);
    expect(shown?.pods.map(({ name }) => name)).toEqual(['own']);
  });
});

describe('a continuous job', () => {
  const deployment = (options: Parameters<typeof makeDeploymentObject>[0] = {}) =>
    makeSeen(makeDeploymentObject(options));
  const copy = (options: Parameters<typeof makePod>[0] = {}) =>
    pod({ component: 'deployments', ownerUid: 'uid-of-replica-set', ...options });
  const later = '2026-03-01T13:00:00Z';

  test.each<[string, JobEvent[], string]>([
    ['is pending while it starts', [deployment()], 'pending'],
    ['runs when a copy runs', [deployment(), copy()], 'running'],
    [
      'runs when it is available and no copy was seen',
      [deployment({ conditions: [{ type: 'Available' }] })],
      'running',
    ],
    ['has failed in a crash loop', [deployment(), copy({ waiting: 'CrashLoopBackOff', restarts: 3 })], 'failed'],
    [
      'has failed when a copy ends badly again',
      [deployment(), copy({ phase: 'Running', exitCode: 1, restarts: 1 })],
      'failed',
    ],
    ['is pending when a copy ended badly once', [deployment(), copy({ phase: 'Running', exitCode: 1 })], 'pending'],
    [
      'is pending when a copy ended well',
      [deployment(), copy({ phase: 'Running', exitCode: 0, restarts: 1 })],
      'pending',
    ],
    ['is pending while its image cannot be pulled', [deployment(), copy({ waiting: 'ImagePullBackOff' })], 'pending'],
    ['has failed when its pods are refused', [deployment({ conditions: [{ type: 'ReplicaFailure' }] })], 'failed'],
    [
      'runs while another copy crashes',
      [deployment(), copy(), copy({ name: 'newer', createdAt: later, waiting: 'CrashLoopBackOff' })],
      'running',
    ],
    ['is pending while its only copy is being ended', [deployment(), copy({ deletingAt: later })], 'pending'],
    ['is pending while only a copy of a former life runs', [deployment({ createdAt: later }), copy()], 'pending'],
  ])('%s', (_, events, state) => {
    expect(stateAfter('Deployment', events)).toBe(state);
  });

  test('takes a pod of its first second for a former one when it is being ended', () => {
    const shown = showJob(told('Deployment', [deployment(), copy({ deletingAt: later })]));
    expect(shown?.pods).toEqual([]);
  });
});

describe('what is known of an object', () => {
  const first = { uid: 'first', version: '100' };
  const second = { uid: 'second', version: '200' };
  const object = (options: Parameters<typeof makeJobObject>[0]) => makeJobObject(options);

  test('is not undone by an older version, nor changed by the same one', () => {
    const newer = told('Job', [job({ version: '101', conditions: [{ type: 'Complete' }] })]);
    for (const version of ['99', '100', '101']) {
      expect(transition(jobMachine, newer, job({ version }))[0]).toBe(newer);
    }
  });

  test('counts versions as numbers, not as text', () => {
    const events = [job({ version: '99' }), job({ version: '100', conditions: [{ type: 'Complete' }] })];
    expect(stateAfter('Job', events)).toBe('succeeded');
  });

  test('ends with the object, and a late word of it brings nothing back', () => {
    const events = [job(first), pod({ ownerUid: 'first' }), makeGone(object({ ...first, version: '150' }))];
    expect(stateAfter('Job', [...events, job({ uid: 'first', version: '149' })])).toBe('(ending)');
    expect(stateAfter('Job', [...events, job({ uid: 'first', version: '160' })])).toBe('(ending)');
  });

  test('belongs to one life: a new uid leaves the pods of the former behind', () => {
    const shown = showJob(told('Job', [job(first), pod({ name: 'old', ownerUid: 'first', exitCode: 1 }), job(second)]));
    expect(shown).toMatchObject({ state: 'pending', pods: [], object: { uid: 'second' } });
  });

  test('keeps the present life when the end of the former one comes late', () => {
    const events = [
      job(first),
      job(second),
      makeGone(object({ ...first, version: '150' })),
      job({ ...first, version: '140' }),
    ];
    expect(showJob(told('Job', events))?.object.uid).toBe('second');
  });
});
