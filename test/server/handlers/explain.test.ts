import { beforeEach, describe, expect, it } from 'vitest';
import type { JobSnapshot, RunEnd } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { causeOfSkip, explainTrouble, wasBegun } from '../../../src/server/handlers/explain.ts';
import { madeAt, makeCondition, makePodFacts, makeRun, makeSnapshot, now } from '../../support/facts.ts';
import { alpha, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
beforeEach(() => {
  deps = scriptDeps();
  deps.events = async () => [{ reason: 'FailedCreate', message: 'exceeded quota: x, limited: limits.cpu=2' }];
});

const words = 'exceeded quota: x, limited: limits.cpu=2';
const explain = (snapshot: JobSnapshot) => explainTrouble(alpha, snapshot, deps);
const askedFor = () => deps.asked.map(([, , uid]) => uid);

describe('trouble', () => {
  it('of a one-off job is asked for by its own uid, of a scheduled one by that of its newest run', async () => {
    expect(await explain(makeSnapshot())).toBe(words);
    const runs = [makeRun({ uid: 'newest' }), makeRun({ uid: 'older' })];
    expect(await explain(makeSnapshot({ kind: 'CronJob', runs }))).toBe(words);
    expect(askedFor()).toEqual(['uid-1', 'newest']);
  });

  it.each([
    ['continuous: its own conditions tell', makeSnapshot({ kind: 'Deployment' })],
    ['done', makeSnapshot({ state: 'succeeded' })],
    ['failed', makeSnapshot({ state: 'failed' })],
    ['only just made', makeSnapshot({ object: { createdAt: now - 1_999 } })],
    ['running in a pod', makeSnapshot({ pods: [makePodFacts({ ownerUid: 'uid-1' })] })],
    ['waiting for its time', makeSnapshot({ kind: 'CronJob', state: 'waiting' })],
    ['between two tries', makeSnapshot({ status: { failed: 1 } })],
    ['about to be done', makeSnapshot({ status: { conditions: [makeCondition('Complete')] } })],
  ])('is not asked for when the job is %s', async (_what, snapshot) => {
    expect(await explain(snapshot)).toBeUndefined();
    expect(deps.asked).toEqual([]);
  });

  it('is asked for when the only pods are of another run', async () => {
    const pods = [makePodFacts({ ownerUid: 'other' })];
    expect(await explain(makeSnapshot({ pods, object: { createdAt: madeAt } }))).toBe(words);
  });

  it('is told by the newest failure, wherever the event keeps its time', async () => {
    const failed = (limited: string, times: object) => ({
      reason: 'FailedCreate',
      message: `exceeded quota: x, limited: ${limited}=2`,
      ...times,
    });
    deps.events = async () => [
      failed('pods', { lastTimestamp: '2026-03-01T12:00:01Z' }),
      failed('limits.cpu', { lastTimestamp: null, eventTime: '2026-03-01T12:00:03.5Z' }),
      failed('memory', { firstTimestamp: '2026-03-01T12:00:02Z' }),
      failed('secrets', {}),
      { reason: 'SuccessfulCreate', message: 'Created pod', lastTimestamp: '2026-03-01T12:00:09Z' },
      { reason: 'FailedCreate', message: 5, lastTimestamp: '2026-03-01T12:00:09Z' },
    ];
    expect(await explain(makeSnapshot())).toBe(words);
  });

  it('is not known when nobody tells or answers', async () => {
    deps.events = async () => [];
    expect(await explain(makeSnapshot())).toBeUndefined();
    deps.events = () => Promise.reject(new AppError('kube.unreachable', 'no answer'));
    expect(await explain(makeSnapshot())).toBeUndefined();
  });
});

describe('a firing without a run', () => {
  const dueAt = Date.parse('2026-03-01T12:00:00Z');
  const full = 'Error creating job: exceeded quota: x, limited: count/jobs.batch=15';
  const event = (reason: string, message: string, lastTimestamp: string) => ({ reason, message, lastTimestamp });
  const cause = (...events: object[]) => {
    deps.events = async () => events as never;
    return causeOfSkip(deps.forward, alpha.tool, { jobUid: 'uid-1', dueAt } as RunEnd);
  };

  it('is explained by what the controller wrote beside its job since then', async () => {
    expect(await cause(event('FailedCreate', full, '2026-03-01T12:00:01Z'))).toEqual({
      reason: 'quota',
      clusterSays: full,
    });
    expect(await cause(event('FailedCreate', 'no', '2026-03-01T12:00:01Z'))).toMatchObject({ reason: 'not_started' });
    expect(await cause(event('JobAlreadyActive', 'x', '2026-03-01T12:00:01Z'))).toEqual({ reason: 'previous_run' });
    expect(deps.asked[0]).toEqual(['eventsOf', 'alpha', 'uid-1']);
  });

  it('is not explained by what was written before, by other words, or by a cluster that does not answer', async () => {
    expect(await cause(event('FailedCreate', full, '2026-03-01T11:59:59Z'))).toEqual({});
    expect(await cause(event('MissSchedule', 'x', '2026-03-01T12:00:31Z'))).toEqual({});
    deps.events = () => Promise.reject(new AppError('kube.unreachable', 'away'));
    expect(await causeOfSkip(deps.forward, alpha.tool, { jobUid: 'uid-1', dueAt } as RunEnd)).toEqual({});
  });

  it('was begun where the controller wrote so of the very minute, which nobody can tell any more after an hour', async () => {
    const asked = (dueMinutes: number, laterMs: number) => {
      const due = dueMinutes * 60_000;
      return wasBegun(deps.forward, alpha.tool, { jobUid: 'uid-1', dueAt: due } as RunEnd, due + laterMs);
    };
    deps.events = async () =>
      [
        event('SuccessfulCreate', 'Created job nightly-29540160', '2026-03-01T12:00:00Z'),
        event('SawCompletedJob', 'Saw completed job: nightly-29540161, condition: Complete', '2026-03-01T12:01:09Z'),
      ] as never;
    expect(await asked(29_540_160, 60_000)).toBe(true);
    expect(await asked(29_540_161, 60_000)).toBe(false);
    expect(await asked(29_540_161, 3_600_000)).toBeUndefined();
    deps.events = () => Promise.reject(new AppError('kube.unreachable', 'away'));
    expect(await asked(29_540_161, 60_000)).toBeUndefined();
  });
});
