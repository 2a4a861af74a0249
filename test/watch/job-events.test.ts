import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JobEvent, KubeObject, WatchedKind } from '../../src/domain.ts';
import { recordAt } from '../../src/fields.ts';
import { type ReadJob, toJobEvent } from '../../src/watch/job-events.ts';
import { makeCronJobObject, makeDeploymentObject, makeJobObject, makePod } from '../support/make.ts';
import { makeSeen, readAny } from '../support/make-event.ts';

const noLabels = {
  toolforge: undefined,
  'app.kubernetes.io/created-by': undefined,
  'app.kubernetes.io/version': undefined,
  'app.kubernetes.io/component': undefined,
  'app.kubernetes.io/name': undefined,
};

function convert(object: KubeObject, type: 'ADDED' | 'DELETED' = 'ADDED', readJob: ReadJob = readAny) {
  return toJobEvent(object.kind as WatchedKind, type, object, readJob);
}

/** Where a fact goes, e.g. `run.seen CronJob/nightly`, or why it goes nowhere. */
function place(object: KubeObject, type: 'ADDED' | 'DELETED' = 'ADDED'): string {
  const event = convert(object, type);
  return 'dropped' in event ? event.dropped : `${event.type} ${event.key.kind}/${event.key.name}`;
}

const nightly = { name: 'nightly', uid: 'uid-CronJob-nightly' };

describe('an object belongs to', () => {
  test.each<[string, KubeObject, string]>([
    ['a one-off job, by its component', makeJobObject({ name: 'demo' }), 'object.seen Job/demo'],
    ['a one-off job without any labels', makeJobObject({ labels: noLabels }), 'object.seen Job/demo'],
    [
      'a one-off job of version 1',
      makeJobObject({ labels: { 'app.kubernetes.io/version': '1' } }),
      'object.seen Job/demo',
    ],
    ['a scheduled job', makeCronJobObject({ name: 'nightly' }), 'object.seen CronJob/nightly'],
    ['a continuous job', makeDeploymentObject({ name: 'bot' }), 'object.seen Deployment/bot'],
    ['the scheduled job whose run it is', makeJobObject({ cronJob: nightly }), 'run.seen CronJob/nightly'],
    ['the same by its owner alone', makeJobObject({ cronJob: nightly, labels: noLabels }), 'run.seen CronJob/nightly'],
    [
      'the same by its label alone',
      makeJobObject({
        name: 'x-1',
        labels: { 'app.kubernetes.io/component': 'cronjobs', 'app.kubernetes.io/name': 'nightly' },
      }),
      'run.seen CronJob/nightly',
    ],
    [
      'the same by its own name, where nothing else is left',
      makeJobObject({ name: 'nightly-29540160', labels: { ...noLabels, 'app.kubernetes.io/component': 'cronjobs' } }),
      'run.seen CronJob/nightly',
    ],
    ['the one-off job whose pod it is', makePod({ job: 'demo' }), 'pod.seen Job/demo'],
    ['the same by its owner alone', makePod({ job: 'demo', labels: noLabels }), 'pod.seen Job/demo'],
    [
      'the scheduled job whose pod it is',
      makePod({ job: 'nightly', component: 'cronjobs' }),
      'pod.seen CronJob/nightly',
    ],
    [
      'the continuous job whose pod it is',
      makePod({ job: 'bot', component: 'deployments' }),
      'pod.seen Deployment/bot',
    ],
    [
      'the same by its ReplicaSet alone',
      makePod({ job: 'my-bot', component: 'deployments', labels: noLabels }),
      'pod.seen Deployment/my-bot',
    ],
  ])('%s', (_, object, expected) => {
    expect(place(object)).toBe(expected);
    expect(place(object, 'DELETED')).toBe(expected.replace('seen', 'gone'));
  });
});

test('an object that names another tool is foreign where it stands', () => {
  const event = toJobEvent(
    'Job',
    'ADDED',
    makeJobObject({ labels: { 'app.kubernetes.io/created-by': 'beta' } }),
    readAny,
  );
  expect(event).toMatchObject({
    type: 'object.seen',
    object: { job: undefined, foreign: 'Its labels name another tool.' },
  });
});

describe('an object is dropped', () => {
  test.each<[string, KubeObject, string]>([
    ['outside the namespaces of tools', makeJobObject({ namespace: 'kube-system' }), 'no_tool_namespace'],
    [
      'that is a pod and names another tool',
      makePod({ labels: { 'app.kubernetes.io/created-by': 'beta' } }),
      'label_mismatch',
    ],
    ['without a uid', makeJobObject({ uid: '' }), 'no_identity'],
    ['without a version', makeJobObject({ version: '' }), 'no_identity'],
    [
      'that nothing ties to a job',
      { ...makePod(), metadata: { name: 'p', namespace: 'tool-alpha', uid: 'u', resourceVersion: '1' } },
      'no_job',
    ],
  ])('%s', (_, object, reason) => {
    expect(place(object)).toBe(reason);
  });

  test('but its end is believed whatever its labels say by then', () => {
    const object = makeJobObject({ labels: { 'app.kubernetes.io/created-by': 'beta' } });
    expect(place(object, 'DELETED')).toBe('object.gone Job/demo');
  });
});

describe('what is read', () => {
  test('of a Job', () => {
    const event = convert(
      makeJobObject({
        version: '7',
        deletingAt: '2026-03-01T13:00:00Z',
        startedAt: '2026-03-01T12:00:01Z',
        active: 1,
        ready: 1,
        failed: 2,
        conditions: [
          { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'no more', at: '2026-03-01T12:01:00Z' },
        ],
      }),
    );
    expect(event).toMatchObject({
      object: {
        key: { namespace: 'tool-alpha', kind: 'Job', name: 'demo' },
        uid: 'uid-Job-demo',
        resourceVersion: '7',
        createdAt: Date.parse('2026-03-01T12:00:00Z'),
        deletingAt: Date.parse('2026-03-01T13:00:00Z'),
        foreign: undefined,
        status: {
          startedAt: Date.parse('2026-03-01T12:00:01Z'),
          active: 1,
          ready: 1,
          failed: 2,
          succeeded: 0,
          conditions: [
            {
              type: 'Failed',
              status: 'True',
              reason: 'BackoffLimitExceeded',
              message: 'no more',
              changedAt: Date.parse('2026-03-01T12:01:00Z'),
            },
          ],
        },
      },
    });
  });

  test('of a CronJob', () => {
    const event = convert(
      makeCronJobObject({ suspended: true, activeRuns: ['a', 'b'], lastScheduledAt: '2026-03-01T04:17:00Z' }),
    );
    expect(event).toMatchObject({
      object: { status: { active: 2, suspended: true, lastScheduledAt: Date.parse('2026-03-01T04:17:00Z') } },
    });
  });

  test('of a Deployment', () => {
    const restartedAt = '2026-03-01T12:30:00.123456+00:00';
    const event = convert(makeDeploymentObject({ replicas: 3, readyReplicas: 2, unavailableReplicas: 1, restartedAt }));
    expect(event).toMatchObject({
      object: {
        status: { active: 3, ready: 2, readyReplicas: 2, unavailable: 1, restartedAt: Date.parse(restartedAt) },
      },
    });
  });

  test('of a run', () => {
    const event = convert(makeJobObject({ cronJob: nightly, manual: true, active: 1 }));
    expect(event).toMatchObject({
      run: { name: 'nightly-29540160', ownerUid: nightly.uid, manual: true, status: { active: 1 } },
    });
  });

  test('of how a CronJob fires, and of the firing that a run is for', () => {
    const annotations = (key: string, value: string) => (object: KubeObject) => ({
      ...object,
      metadata: { ...recordAt(object, 'metadata'), annotations: { [key]: value } },
    });
    const at = '2026-03-01T04:17:00Z';
    expect(convert(makeCronJobObject())).toMatchObject({
      object: { firing: { timeZone: 'UTC', deadlineMs: 30_000, changedAt: undefined } },
    });
    const changed = annotations('jobs.toolforge.org/schedule-since', at)(makeCronJobObject());
    const foreign = {
      ...changed,
      spec: { ...recordAt(changed, 'spec'), timeZone: 'Asia/Kathmandu', startingDeadlineSeconds: undefined },
    };
    expect(convert(foreign)).toMatchObject({
      object: { firing: { timeZone: 'Asia/Kathmandu', deadlineMs: 600_000, changedAt: Date.parse(at) } },
    });
    const run = annotations('batch.kubernetes.io/cronjob-scheduled-timestamp', '2026-03-01T10:02:00+05:45');
    expect(convert(run(makeJobObject({ cronJob: nightly })))).toMatchObject({ run: { dueAt: Date.parse(at) } });
  });

  test('of a pod', () => {
    const pod = makePod({ exitCode: 137, reason: 'OOMKilled', restarts: 2, lastExitCode: 1, ownerUid: 'uid-of-job' });
    expect(convert(pod)).toMatchObject({
      pod: {
        phase: 'Failed',
        ownerUid: 'uid-of-job',
        container: {
          restarts: 2,
          state: {
            kind: 'terminated',
            exitCode: 137,
            reason: 'OOMKilled',
            finishedAt: Date.parse('2026-03-01T12:00:09Z'),
          },
          last: { kind: 'terminated', exitCode: 1 },
        },
      },
    });
  });

  test('of a pod that was evicted, which has no container any more', () => {
    const pod = makePod({ phase: 'Failed', podReason: 'Evicted', noContainer: true });
    expect(convert(pod)).toMatchObject({ pod: { phase: 'Failed', reason: 'Evicted', container: undefined } });
  });

  test('of a pod with a helper beside the job: the job', () => {
    const pod = makePod({ exitCode: 3 });
    const status = pod.status as { containerStatuses: KubeObject[] };
    status.containerStatuses.unshift({ name: 'proxy', restartCount: 9, state: { running: {} } });
    expect(convert(pod)).toMatchObject({ pod: { container: { restarts: 0, state: { exitCode: 3 } } } });
  });

  test('of a long message: its beginning', () => {
    const pod = makePod({ exitCode: 1, message: 'x'.repeat(5_000) });
    const event = convert(pod) as Extract<JobEvent, { type: 'pod.seen' }>;
    expect(event.pod.container?.state).toMatchObject({ message: 'x'.repeat(2_048) });
  });
});

describe('a definition', () => {
  test('that is not one of ours makes the object foreign', () => {
    const event = convert(makeJobObject(), 'ADDED', () => ({ foreign: 'made by hand' }));
    expect(event).toMatchObject({ object: { job: undefined, definition: undefined, foreign: 'made by hand' } });
  });

  test('that breaks its reader makes the object foreign as well', () => {
    const event = convert(makeJobObject(), 'ADDED', () => {
      throw new Error('a mistake');
    });
    expect(event).toMatchObject({ object: { foreign: 'The object cannot be read.' } });
  });

  test('is read from an item of a list, which does not say its kind', () => {
    const { kind: _, apiVersion: __, ...item } = makeDeploymentObject();
    const read: KubeObject[] = [];
    toJobEvent('Deployment', 'ADDED', item, (object) => {
      read.push(object);
      return { foreign: '' };
    });
    expect(read).toMatchObject([{ kind: 'Deployment', apiVersion: 'apps/v1' }]);
  });
});

describe('nothing off the wire makes it throw', () => {
  const kinds = fc.constantFrom<WatchedKind>('Pod', 'Job', 'CronJob', 'Deployment');
  const types = fc.constantFrom('ADDED' as const, 'MODIFIED' as const, 'DELETED' as const);
  const samples = [
    makePod({ exitCode: 1 }),
    makeJobObject({ cronJob: nightly }),
    makeCronJobObject(),
    makeDeploymentObject(),
  ];

  test('be it any JSON', () => {
    fc.assert(
      fc.property(kinds, types, fc.jsonValue(), (kind, type, value) => {
        expect(toJobEvent(kind, type, value as KubeObject, readAny)).toBeTypeOf('object');
      }),
      { numRuns: 1_000 },
    );
  });

  test('be it a real object with anything in any place of it', () => {
    const places = samples.flatMap((sample) => pathsOf(sample).map((path) => ({ sample, path })));
    fc.assert(
      fc.property(kinds, types, fc.constantFrom(...places), fc.jsonValue(), (kind, type, { sample, path }, value) => {
        expect(toJobEvent(kind, type, withValue(sample, path, value), readAny)).toBeTypeOf('object');
      }),
      { numRuns: 5_000 },
    );
  });

  test('and what comes out has numbers and texts where they belong', () => {
    const { pod } = makeSeen({
      ...makePod(),
      status: { phase: 7, startTime: 'soon', containerStatuses: [{ restartCount: -1 }] },
    }) as Extract<JobEvent, { type: 'pod.seen' }>;
    expect(pod).toMatchObject({ phase: 'Unknown', startedAt: undefined, container: { restarts: 0, state: undefined } });
  });
});

function pathsOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [[name], ...pathsOf(inner).map((path) => [name, ...path])]);
}

function withValue(sample: KubeObject, path: readonly string[], value: unknown): KubeObject {
  const copy = structuredClone(sample);
  let here: Record<string, unknown> = copy;
  for (const name of path.slice(0, -1)) here = here[name] as Record<string, unknown>;
  here[path.at(-1)!] = value;
  return copy;
}
