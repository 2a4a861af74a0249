import { describe, expect, it } from 'vitest';
import type { JobSnapshot } from '../../../../src/domain.ts';
import { shortStatus, shortStatusSeed } from '../../../../src/server/dialects/status/status-words.ts';
import {
  at,
  ended,
  endedAt,
  makeCondition,
  makePodFacts,
  makeRun,
  makeSnapshot,
  now,
  running,
  startedAt,
  waiting,
} from '../../../support/facts.ts';

const failed = makePodFacts({ state: ended(1) });
const lastScheduledAt = at('2026-03-01T04:17:00Z');
const unavailable = makeCondition('Available', { status: 'False' });
const quota =
  'pods "demo-x" is forbidden: exceeded quota: tool-alpha, requested: limits.cpu=1,requests.cpu=1, used: limits.cpu=2,requests.cpu=2, limited: limits.cpu=2,requests.cpu=2';
const refused = makeCondition('ReplicaFailure', { reason: 'FailedCreate', message: quota });

const rows: [what: string, snapshot: JobSnapshot, of2022: string, of2023: string][] = [
  ['a job just made', makeSnapshot(), 'Unknown', 'Pending'],
  [
    'a job whose pod waits for a node',
    makeSnapshot({ status: { active: 1, startedAt }, pods: [makePodFacts({ noContainer: true })] }),
    'Not running',
    'Pending',
  ],
  [
    'a job that runs',
    makeSnapshot({ state: 'running', status: { active: 1, ready: 1, startedAt }, pods: [makePodFacts()] }),
    'Running',
    'Running for 1h',
  ],
  [
    'a job that runs and does not say since when',
    makeSnapshot({ state: 'running', status: { active: 1 }, object: { createdAt: 0 } }),
    'Running',
    'Running for 0s',
  ],
  ['a job that is done', makeSnapshot({ state: 'succeeded', status: { succeeded: 1 } }), 'Completed', 'Completed'],
  [
    'a job that failed for good',
    makeSnapshot({ state: 'failed', status: { failed: 1 }, pods: [failed] }),
    'Failed',
    'Failed',
  ],
  [
    'a job that will be tried again',
    makeSnapshot({ status: { failed: 1, startedAt }, job: { retry: 2 }, pods: [failed] }),
    'Not running',
    'Waiting to try again after 1 failed attempt',
  ],
  [
    'a job in its third attempt',
    makeSnapshot({
      state: 'running',
      status: { failed: 2, active: 1, startedAt },
      job: { retry: 2 },
      pods: [makePodFacts(), failed, failed],
    }),
    'Running',
    'Running for 1h',
  ],
  [
    'a job whose image is not there',
    makeSnapshot({ status: { active: 1, startedAt }, pods: [makePodFacts({ state: waiting('ImagePullBackOff') })] }),
    'Not running',
    'Unable to start, the image registry.example.org/bookworm:latest cannot be pulled (ImagePullBackOff)',
  ],
  [
    'a job on a node out of touch',
    makeSnapshot({ state: 'unknown', status: { active: 1, startedAt }, pods: [makePodFacts({ phase: 'Unknown' })] }),
    'Unknown',
    'Unknown',
  ],
  [
    'a schedule that was never due',
    makeSnapshot({ kind: 'CronJob', state: 'waiting' }),
    'Last schedule time: unknown',
    'Waiting for scheduled time',
  ],
  [
    'a schedule between two runs',
    makeSnapshot({ kind: 'CronJob', state: 'waiting', status: { lastScheduledAt } }),
    'Last schedule time: 2026-03-01T04:17:00Z',
    'Last schedule time: 2026-03-01T04:17:00Z',
  ],
  [
    'a schedule whose last firing was skipped',
    {
      ...makeSnapshot({ kind: 'CronJob', state: 'waiting', status: { lastScheduledAt } }),
      skipped: { dueAt: at('2026-03-02T04:17:00Z'), reason: 'quota', since: undefined, clusterSays: quota },
    },
    'Last schedule time: 2026-03-01T04:17:00Z',
    'Skipped 2026-03-02T04:17:00Z, no room in the quota',
  ],
  [
    'a run under way',
    makeSnapshot({
      kind: 'CronJob',
      state: 'running',
      status: { active: 1, lastScheduledAt },
      runs: [makeRun({ status: { active: 1, ready: 1, startedAt } })],
      pods: [makePodFacts()],
    }),
    'Last schedule time: 2026-03-01T04:17:00Z',
    'Running for 1h',
  ],
  [
    'a run that will be tried again',
    makeSnapshot({
      kind: 'CronJob',
      state: 'running',
      status: { active: 1, lastScheduledAt },
      job: { retry: 1 },
      runs: [makeRun({ status: { failed: 1, startedAt } })],
      pods: [failed],
    }),
    'Last schedule time: 2026-03-01T04:17:00Z',
    'Waiting to try again after 1 failed attempt',
  ],
  [
    'a run that failed and is about to be given up',
    makeSnapshot({
      kind: 'CronJob',
      state: 'running',
      status: { active: 1, lastScheduledAt },
      runs: [makeRun({ status: { failed: 1, startedAt } })],
      pods: [failed],
    }),
    'Last schedule time: 2026-03-01T04:17:00Z',
    'Ending after 1 failed attempt',
  ],
  [
    'a run that the CronJob tells of before it is seen',
    makeSnapshot({ kind: 'CronJob', state: 'running', status: { active: 1, lastScheduledAt } }),
    'Last schedule time: 2026-03-01T04:17:00Z',
    'Running',
  ],
  [
    'a run of the schedule that failed',
    makeSnapshot({
      kind: 'CronJob',
      state: 'waiting',
      status: { lastScheduledAt },
      runs: [makeRun({ status: { failed: 1, conditions: [makeCondition('Failed')] } })],
    }),
    'Last schedule time: 2026-03-01T04:17:00Z',
    'Last schedule time: 2026-03-01T04:17:00Z',
  ],
  [
    'a run asked for by hand that failed',
    makeSnapshot({
      kind: 'CronJob',
      state: 'waiting',
      status: { lastScheduledAt },
      runs: [makeRun({ manual: true, status: { failed: 1, conditions: [makeCondition('Failed')] } })],
    }),
    'Last schedule time: 2026-03-01T04:17:00Z',
    'Failed',
  ],
  [
    'a schedule that is suspended',
    makeSnapshot({ kind: 'CronJob', state: 'suspended', status: { suspended: true, lastScheduledAt } }),
    'Last schedule time: 2026-03-01T04:17:00Z',
    'Suspended',
  ],
  [
    'a schedule that is suspended while a run of it waits',
    makeSnapshot({
      kind: 'CronJob',
      state: 'running',
      status: { suspended: true, lastScheduledAt },
      runs: [makeRun({ status: { active: 0 } })],
    }),
    'Last schedule time: 2026-03-01T04:17:00Z',
    'Pending; its schedule is suspended',
  ],
  [
    'a copy that ended when it was asked to, while the next one comes',
    makeSnapshot({
      kind: 'Deployment',
      state: 'pending',
      pods: [
        makePodFacts({ uid: 'pod-2', state: waiting('ContainerCreating') }),
        makePodFacts({ state: ended(143), deletingAt: endedAt }),
      ],
    }),
    'Unknown',
    'Pending',
  ],
  [
    'a schedule of which it is known who has suspended it, and why',
    makeSnapshot({
      kind: 'CronJob',
      state: 'suspended',
      status: { suspended: true },
      object: {
        suspension: {
          since: lastScheduledAt,
          by: 'owner',
          note: 'x'.repeat(50),
          until: undefined,
          resumedAt: undefined,
        },
      },
    }),
    'Last schedule time: unknown',
    `Suspended since 2026-03-01T04:17:00Z by its owner: ${'x'.repeat(39)}…`,
  ],
  ['a continuous job just made', makeSnapshot({ kind: 'Deployment' }), 'Unknown', 'Pending'],
  [
    'a continuous job on its way up',
    makeSnapshot({ kind: 'Deployment', status: { conditions: [unavailable] } }),
    'Not running',
    'Not running',
  ],
  [
    'a continuous job that runs',
    makeSnapshot({ kind: 'Deployment', state: 'running', status: { conditions: [makeCondition('Available')] } }),
    'Running',
    'Running',
  ],
  [
    'a continuous job that ends again and again',
    makeSnapshot({
      kind: 'Deployment',
      state: 'failed',
      status: { conditions: [unavailable] },
      pods: [makePodFacts({ state: waiting('CrashLoopBackOff'), restarts: 4, last: ended(1) })],
    }),
    'Not running',
    'Specified command fails to run',
  ],
  [
    'a continuous job out of quota',
    makeSnapshot({ kind: 'Deployment', state: 'failed', status: { conditions: [unavailable, refused] } }),
    'Not running',
    'Unable to start, out of quota for cpu',
  ],
  [
    'a continuous job whose image is not there',
    makeSnapshot({
      kind: 'Deployment',
      status: { conditions: [unavailable] },
      pods: [makePodFacts({ state: waiting('ErrImagePull') })],
    }),
    'Not running',
    'Unable to start, the image registry.example.org/bookworm:latest cannot be pulled (ErrImagePull)',
  ],
  [
    'a continuous job on a node out of touch',
    makeSnapshot({ kind: 'Deployment', state: 'unknown', status: { conditions: [unavailable] } }),
    'Not running',
    'Unknown',
  ],
  [
    'an object that is none of ours',
    makeSnapshot({ kind: 'Deployment', state: 'running', foreign: 'It has no container with an image.' }),
    'Not made by this service',
    'Not made by this service',
  ],
];

describe('the short status', () => {
  it.each(rows)('of 2022 tells the state alone: %s', (_, snapshot, of2022) => {
    expect(shortStatusSeed(snapshot)).toBe(of2022);
  });

  it.each(rows)('of 2023 tells how long and why as well: %s', (_, snapshot, __, of2023) => {
    expect(shortStatus(snapshot, now)).toBe(of2023);
  });

  it('tells the trouble that was found, as long as nothing runs', () => {
    const trouble = 'exceeded quota: x, limited: limits.memory=1Gi';
    const words = 'Unable to start, out of quota for memory';
    expect(shortStatus(makeSnapshot({ status: { startedAt } }), now, trouble)).toBe(words);
    expect(shortStatus(makeSnapshot({ state: 'failed' }), now, trouble)).toBe('Failed');
    const run = makeRun({ status: { startedAt } });
    const scheduled = makeSnapshot({ kind: 'CronJob', state: 'running', runs: [run] });
    expect(shortStatus(scheduled, now, trouble)).toBe(words);
  });

  it('counts from the run of the schedule, not from the one before', () => {
    const before = makeRun({ uid: 'run-0', status: { startedAt: 1_000, conditions: [makeCondition('Complete')] } });
    const snapshot = makeSnapshot({
      kind: 'CronJob',
      state: 'running',
      runs: [makeRun({ status: { startedAt: now - 5_000, ready: 1 } }), before],
      pods: [makePodFacts({ state: running(now - 4_000) }), makePodFacts({ ownerUid: 'run-0', state: ended(0) })],
    });
    expect(shortStatus(snapshot, now)).toBe('Running for 5s');
  });
});
