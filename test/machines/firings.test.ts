import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunEnd } from '../../src/domain.ts';
import { createFiringStage, hour, key, time } from '../support/firing-stage.ts';

const stage = createFiringStage();
const { start, show, run, byHand, runGoes, until, told, missed, errands } = stage;
beforeEach(stage.open);
afterEach(stage.close);

describe('a firing of a schedule', () => {
  it('that becomes a run is told by its run alone', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:02Z');
    run('run-1', '2026-03-01T13:00:00Z', '2026-03-01T13:00:09Z');
    runGoes('run-1');
    until('2026-03-01T13:59:00Z');
    expect(told()).toEqual([]);
  });

  it('that becomes none is told once, when it can begin no more', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:44Z');
    expect(told()).toEqual([]);
    until('2026-03-01T13:00:46Z');
    expect(told()).toEqual(['2026-03-01T13:00 unexplained']);
    until('2026-03-01T13:59:00Z');
    expect(missed()).toHaveLength(1);
    expect(missed()[0]?.notice).toMatchObject({ kind: 'failed', isSkipped: true, at: time('2026-03-01T13:00:00Z') });
  });

  it('says that the run before it was still going, and since when', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:01Z');
    run('run-1', '2026-03-01T13:00:00Z');
    until('2026-03-01T14:10:00Z');
    run('run-1', '2026-03-01T13:00:00Z', '2026-03-01T14:10:00Z');
    expect(missed().map(({ end }) => end)).toMatchObject([
      { reason: 'previous_run', since: time('2026-03-01T13:00:00Z'), outcome: 'skipped' },
    ]);
  });

  it('says that the run before it had not begun, where the cluster made no pod for it', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:01Z');
    stage.pendingRun('run-1', '2026-03-01T13:00:00Z');
    until('2026-03-01T14:10:00Z');
    expect(missed().map(({ end }) => end)).toMatchObject([
      { reason: 'previous_pending', since: time('2026-03-01T13:00:00Z'), outcome: 'skipped' },
    ]);
  });

  it('of a job that is suspended is recorded, and no news to its owner', () => {
    start('2026-03-01T12:30:00Z');
    show({ suspended: true });
    until('2026-03-01T13:01:00Z');
    expect([told(), missed()[0]?.notice]).toEqual([['2026-03-01T13:00 suspended'], undefined]);
  });

  it('that fell into a suspension says so, with who, and why, also where that is over by then', () => {
    start('2026-03-01T12:30:00Z');
    const suspension = {
      since: time('2026-03-01T12:30:00Z'),
      by: 'owner',
      note: 'the wiki moves',
      until: undefined,
      resumedAt: time('2026-03-01T13:00:40Z'),
    } as const;
    show({ suspended: true, suspension: { ...suspension, resumedAt: undefined } });
    until('2026-03-01T13:00:40Z');
    show({ suspension });
    until('2026-03-01T14:01:00Z');
    expect(told()).toEqual(['2026-03-01T13:00 suspended', '2026-03-01T14:00 unexplained']);
    expect(missed()[0]?.end).toMatchObject({
      since: suspension.since,
      suspension: { by: 'owner', note: 'the wiki moves' },
    });
  });

  it('that found a run by hand still going, under its own name, says so, though that run has gone by then', () => {
    start('2026-03-01T12:30:00Z');
    show();
    byHand('run-1', '2026-03-01T12:59:00Z', '2026-03-01T13:00:00Z');
    until('2026-03-01T13:00:01Z');
    show({ lastScheduledAt: '2026-03-01T13:00:00Z' });
    byHand('run-1', '2026-03-01T12:59:00Z', '2026-03-01T13:00:00Z', '2026-03-01T13:00:05Z');
    runGoes('run-1');
    until('2026-03-01T13:01:00Z');
    expect(told()).toEqual(['2026-03-01T13:00 previous_run']);
    expect([missed()[0]?.end.since, errands()]).toEqual([time('2026-03-01T12:59:00Z'), []]);
  });

  it('that was taken for a run by hand which had ended by then is to be begun a moment late', () => {
    start('2026-03-01T12:30:00Z');
    show();
    byHand('run-1', '2026-03-01T12:59:00Z', '2026-03-01T13:00:00Z', '2026-03-01T12:59:50Z');
    until('2026-03-01T13:00:01Z');
    expect(errands()).toEqual([]);
    show({ lastScheduledAt: '2026-03-01T13:00:00Z' });
    expect(errands()).toMatchObject([{ type: 'begin', due: time('2026-03-01T13:00:00Z'), uid: 'uid-1' }]);
    run('run-2', '2026-03-01T13:00:00Z', '2026-03-01T13:00:09Z');
    show({ lastScheduledAt: '2026-03-01T13:00:00Z' });
    runGoes('run-1');
    until('2026-03-01T13:59:00Z');
    expect([told(), errands().length]).toEqual([[], 1]);
  });

  it('that could not be begun in time after that is on record all the same', () => {
    start('2026-03-01T12:30:00Z');
    show();
    byHand('run-1', '2026-03-01T12:59:00Z', '2026-03-01T13:00:00Z', '2026-03-01T12:59:50Z');
    until('2026-03-01T13:00:01Z');
    show({ lastScheduledAt: '2026-03-01T13:00:00Z' });
    until('2026-03-01T13:00:31Z');
    stage.forget();
    show({ lastScheduledAt: '2026-03-01T13:00:00Z' });
    until('2026-03-01T13:59:00Z');
    expect([told(), errands()]).toEqual([['2026-03-01T13:00 previous_run'], []]);
  });

  it('is not judged before everything that was said of it is known', () => {
    stage.lag(() => time('2026-03-01T12:59:50Z'));
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:20:00Z');
    expect(told()).toEqual([]);
    run('run-1', '2026-03-01T13:00:00Z');
    stage.lag(() => Date.now());
    until('2026-03-01T13:30:00Z');
    expect(told()).toEqual([]);
  });

  it('from before the job was made, before anybody looked, or before its schedule was changed is nobody’s', () => {
    start('2026-03-01T13:30:00Z', '2026-03-01T10:30:00Z');
    show({ madeAt: '2026-03-01T13:10:00Z' });
    show({ uid: 'uid-2', changedAt: '2026-03-01T13:20:00Z' });
    show({ uid: 'uid-3' });
    expect(told()).toEqual(['11', '12', '13'].map((at) => `2026-03-01T${at}:00 unexplained`));
    stage.forget();
    show({ uid: 'uid-3', schedule: '20 * * * *' });
    until('2026-03-01T14:10:00Z');
    expect(told()).toEqual([]);
    until('2026-03-01T14:21:00Z');
    expect(told()).toEqual(['2026-03-01T14:20 unexplained']);
  });

  it('that an edit or a deletion took away in its moment is told to be changed', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:10Z');
    show({ schedule: '30 * * * *' });
    until('2026-03-01T13:30:05Z');
    stage.goes();
    until('2026-03-01T15:00:00Z');
    expect(told()).toEqual(['2026-03-01T13:00 changed', '2026-03-01T13:30 changed']);
    expect(missed().map(({ notice }) => notice)).toEqual([undefined, undefined]);
  });

  it('that could begin no more before an edit or a deletion keeps its cause, though the facts lagged behind', () => {
    start('2026-03-01T12:30:00Z');
    show();
    stage.lag(() => time('2026-03-01T13:00:00Z'));
    until('2026-03-01T13:01:00Z');
    expect(told()).toEqual([]);
    show({ schedule: '30 * * * *' });
    until('2026-03-01T13:30:50Z');
    stage.goes();
    expect(told()).toEqual(['2026-03-01T13:00 unexplained', '2026-03-01T13:30 unexplained']);
    expect(missed().map(({ notice }) => notice?.kind)).toEqual(['failed', 'failed']);
  });

  it('of a suspended job says so, though it was deleted in that moment', () => {
    start('2026-03-01T12:30:00Z');
    show({ suspended: true });
    until('2026-03-01T13:00:05Z');
    stage.goes();
    expect(told()).toEqual(['2026-03-01T13:00 suspended']);
  });

  it('in the second in which the daemon starts is told again with the same id', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:46Z');
    start('2026-03-01T13:00:46Z', '2026-03-01T12:58:46Z');
    show();
    expect(told()).toHaveLength(2);
    expect(new Set(missed().map(({ end }) => end.id)).size).toBe(1);
  });

  it('in a time that nobody saw is told to be none where the cluster was away then and has begun it not since', () => {
    const gap = ['2026-03-01T12:40:00Z', '2026-03-01T15:10:00Z'] as const;
    const outage = ['2026-03-01T13:00:20Z', '2026-03-01T14:30:00Z'] as const;
    start('2026-03-01T15:30:00Z', '2026-03-01T12:30:00Z', [gap], [outage]);
    show({ lastScheduledAt: '2026-03-01T12:00:00Z' });
    expect(told()).toEqual([
      '2026-03-01T13:00 unexplained',
      '2026-03-01T14:00 unexplained',
      '2026-03-01T15:00 unknown',
    ]);
  });

  it('in a time that nobody saw may have been begun where a later one was, though the cluster was away', () => {
    const gap = ['2026-03-01T12:40:00Z', '2026-03-01T15:10:00Z'] as const;
    const outage = ['2026-03-01T13:00:20Z', '2026-03-01T15:10:00Z'] as const;
    start('2026-03-01T15:30:00Z', '2026-03-01T12:30:00Z', [gap], [outage]);
    show({ lastScheduledAt: '2026-03-01T15:00:00Z' });
    expect(told()).toEqual(['2026-03-01T13:00 unknown', '2026-03-01T14:00 unexplained', '2026-03-01T15:00 unknown']);
    expect(missed().map(({ mayHaveBegun }) => mayHaveBegun)).toEqual([true, true, false]);
  });

  it('of which a run was begun that nobody saw is told to be unknown', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:30Z');
    show({ lastScheduledAt: '2026-03-01T13:00:00Z' });
    until('2026-03-01T13:02:00Z');
    expect([told(), missed()[0]?.notice]).toEqual([['2026-03-01T13:00 unknown'], undefined]);
  });

  it('in a time that nobody can have seen is told to be unknown, and so are all of them', () => {
    start('2026-03-01T15:30:00Z', '2026-03-01T12:30:00Z', [['2026-03-01T12:30:00Z', '2026-03-01T14:30:00Z']]);
    show();
    expect(told()).toEqual(['2026-03-01T13:00 unknown', '2026-03-01T14:00 unknown', '2026-03-01T15:00 unexplained']);
  });

  it('is shown with its job as far as it is explained, until a run is begun', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:01:00Z');
    const shown = () => stage.roster().find(key.namespace, key.name)?.skipped;
    expect(shown()).toBeUndefined();
    const end = missed()[0]?.end as RunEnd;
    stage.roster().announce({ ...end, reason: 'quota', clusterSays: 'exceeded quota' });
    const skip = { dueAt: end.dueAt, reason: 'quota', since: undefined, clusterSays: 'exceeded quota' };
    expect([shown(), stage.roster().list(key.namespace)[0]?.skipped]).toEqual([skip, skip]);
    stage.roster().announce({ ...end, dueAt: (end.dueAt ?? 0) - hour, reason: 'suspended' });
    expect(shown()).toEqual(skip);
    run('run-1', '2026-03-01T14:00:00Z');
    expect(shown()).toBeUndefined();
  });

  it('is one of more than a hundred at once: the last twenty are told one by one, the others together', () => {
    start('2026-03-03T12:30:30Z', '2026-03-01T12:30:00Z');
    show({ schedule: '* * * * *' });
    expect(missed()).toHaveLength(21);
    const [first, second] = missed().map(({ end }) => end);
    expect([first?.dueAt, first?.dueUntil]).toEqual([time('2026-03-01T12:31:00Z'), (second?.dueAt ?? 0) - 1]);
    expect(missed().at(-1)?.end.dueAt).toBe(time('2026-03-03T12:29:00Z'));
  });

  it('is missed when the clock jumps over it, and not missed twice when the clock is set back', () => {
    start('2026-03-01T12:30:00Z');
    show();
    vi.setSystemTime(time('2026-03-01T15:30:00Z'));
    vi.advanceTimersByTime(hour);
    expect(told()).toEqual(['13', '14', '15', '16'].map((at) => `2026-03-01T${at}:00 unexplained`));
    vi.setSystemTime(time('2026-03-01T12:30:00Z'));
    vi.advanceTimersByTime(3 * hour);
    expect(missed()).toHaveLength(4);
  });

  it('is told by none of the other kinds of jobs, nor where nobody accounts for them', () => {
    start('2026-03-01T12:30:00Z');
    show({ schedule: '0 0 31 2 *' });
    vi.advanceTimersByTime(48 * hour);
    expect(told()).toEqual([]);
  });
});
