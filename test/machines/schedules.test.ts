/** Schedules under a mocked clock: what is due, and what is told of it, when clocks and calendars do what they do. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Concurrency } from '../../src/domain.ts';
import { createFiringStage, hour, minute, type Shown, time } from '../support/firing-stage.ts';

const stage = createFiringStage();
const { start, show, run, runGoes, until, told } = stage;
beforeEach(stage.open);
afterEach(stage.close);

const minuteText = (at: number | undefined) => new Date(at ?? 0).toISOString().slice(0, 16);

/** The firings of which a daemon that comes back after a while finds nothing. */
function firings(schedule: string, timeZone: string, first: string, last: string): string[] {
  stage.forget();
  start(last, first);
  show({ schedule, timeZone, madeAt: '2020-01-01T00:00:00Z' });
  return stage.missed().map(({ end }) => minuteText(end.dueAt));
}

describe('where clocks go forward', () => {
  it.each(['0 2 * * *', '30 2 * * *', '59 2 * * *'])('%s has no firing on that day', (schedule) => {
    const minutes = schedule.slice(0, 2).trim().padStart(2, '0');
    expect(firings(schedule, 'Europe/Rome', '2026-03-27T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      `2026-03-28T01:${minutes}`,
      `2026-03-30T00:${minutes}`,
    ]);
  });

  it('the hour before and the hour behind have theirs, a real minute apart', () => {
    expect(firings('59 1 * * *', 'Europe/Rome', '2026-03-29T00:00:00Z', '2026-03-29T12:00:00Z')).toEqual([
      '2026-03-29T00:59',
    ]);
    expect(firings('0 3 * * *', 'Europe/Rome', '2026-03-29T00:00:00Z', '2026-03-29T12:00:00Z')).toEqual([
      '2026-03-29T01:00',
    ]);
  });

  it('a schedule of each hour goes on hour by hour', () => {
    expect(firings('30 * * * *', 'Europe/Rome', '2026-03-28T23:00:00Z', '2026-03-29T03:00:00Z')).toEqual(
      ['2026-03-28T23', '2026-03-29T00', '2026-03-29T01', '2026-03-29T02'].map((at) => `${at}:30`),
    );
  });

  it('a midnight that there is not has no firing', () => {
    expect(firings('0 0 * * *', 'America/Santiago', '2026-09-04T12:00:00Z', '2026-09-07T12:00:00Z')).toEqual([
      '2026-09-05T04:00',
      '2026-09-07T03:00',
    ]);
  });
});

describe('where clocks go back', () => {
  it.each(['0 2 * * *', '30 2 * * *'])('%s fires in both of the hours, and each counts for itself', (schedule) => {
    const minutes = schedule.slice(0, 2).trim().padStart(2, '0');
    expect(firings(schedule, 'Europe/Rome', '2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z')).toEqual([
      `2026-10-25T00:${minutes}`,
      `2026-10-25T01:${minutes}`,
      `2026-10-26T01:${minutes}`,
    ]);
  });

  it('what is outside of that hour fires once', () => {
    expect(firings('30 3 * * *', 'Europe/Rome', '2026-10-24T12:00:00Z', '2026-10-26T00:00:00Z')).toEqual([
      '2026-10-25T02:30',
    ]);
  });

  it('is watched through as it comes: one run begun, the repeated one missed', () => {
    start('2026-10-25T00:10:00Z');
    show({ schedule: '30 2 * * *', timeZone: 'Europe/Rome' });
    until('2026-10-25T00:30:01Z');
    run('run-1', '2026-10-25T00:30:00Z', '2026-10-25T00:30:09Z');
    until('2026-10-25T02:00:00Z');
    expect(told()).toEqual(['2026-10-25T01:30 unexplained']);
  });
});

describe('zones', () => {
  it('without changes of clocks have the same hour of UTC all year', () => {
    expect(firings('45 5 1 * *', 'Asia/Kathmandu', '2026-01-01T12:00:00Z', '2026-12-02T00:00:00Z')).toEqual(
      Array.from({ length: 11 }, (_, month) => minuteText(Date.UTC(2026, month + 1, 1))),
    );
  });

  it.each([
    ['CET', 'Europe/Brussels'],
    ['US/Pacific', 'America/Los_Angeles'],
    ['Asia/Calcutta', 'Asia/Kolkata'],
    ['Etc/UTC', 'UTC'],
  ])('of two names fire alike: %s and %s', (alias, name) => {
    const of = (zone: string) => firings('30 2 * * *', zone, '2026-10-20T00:00:00Z', '2026-11-05T00:00:00Z');
    expect(of(alias)).toEqual(of(name));
  });

  it('that move by half an hour are followed, as the controller has it', () => {
    expect(firings('15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T00:00:00Z', '2026-10-05T00:00:00Z')).toEqual([
      '2026-10-02T15:45',
      '2026-10-04T15:15',
    ]);
  });

  it('that nobody here knows have no firings, and harm nothing', () => {
    expect(firings('0 * * * *', 'Mars/Olympus', '2026-10-02T00:00:00Z', '2026-10-05T00:00:00Z')).toEqual([]);
  });
});

describe('the calendar', () => {
  it('has 29 February in leap years only', () => {
    expect(firings('0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', '2033-01-01T00:00:00Z')).toEqual([
      '2028-02-29T00:00',
      '2032-02-29T00:00',
    ]);
  });

  it('has no 31st in some months, and a last day of the year in all zones', () => {
    expect(firings('0 0 31 * *', 'UTC', '2026-01-31T12:00:00Z', '2026-08-01T00:00:00Z')).toEqual(
      ['03', '05', '07'].map((month) => `2026-${month}-31T00:00`),
    );
    expect(firings('59 23 31 12 *', 'Pacific/Kiritimati', '2026-01-01T12:00:00Z', '2027-01-01T00:00:00Z')).toEqual([
      '2026-12-31T09:59',
    ]);
  });
});

describe('a clock that jumps', () => {
  const hourly = '2026-03-01T12:30:00Z';

  it('forward over firings has them judged, each once', () => {
    start(hourly);
    show();
    vi.setSystemTime(time('2026-03-01T15:30:00Z'));
    vi.advanceTimersByTime(hour);
    expect(told()).toEqual(['13', '14', '15', '16'].map((at) => `2026-03-01T${at}:00 unexplained`));
  });

  it('forward while the cluster has not spoken of that time has nothing judged', () => {
    start(hourly);
    stage.lag(() => time('2026-03-01T12:40:00Z'));
    show();
    vi.setSystemTime(time('2026-03-01T15:30:00Z'));
    vi.advanceTimersByTime(hour);
    expect(told()).toEqual([]);
  });

  it('back has nothing told twice, and goes on when the time has come again', () => {
    start(hourly);
    show();
    until('2026-03-01T13:30:00Z');
    vi.setSystemTime(time(hourly));
    vi.advanceTimersByTime(3 * hour);
    expect(told()).toEqual(['13', '14', '15'].map((at) => `2026-03-01T${at}:00 unexplained`));
  });
});

describe('a daemon', () => {
  it('that lists everything again changes nothing', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:30Z');
    show();
    run('run-1', '2026-03-01T13:00:00Z');
    show();
    until('2026-03-01T13:30:00Z');
    expect(told()).toEqual([]);
  });

  it('that starts in the very second of a firing waits for it', () => {
    start('2026-03-01T13:00:00Z', '2026-03-01T12:49:00Z');
    show();
    expect(told()).toEqual([]);
    until('2026-03-01T13:01:00Z');
    expect(told()).toEqual(['2026-03-01T13:00 unexplained']);
  });

  it('that comes back to more than a hundred missed firings tells the last twenty, and the others together', () => {
    start('2026-10-25T03:30:30Z', '2026-10-24T12:00:00Z');
    show({ schedule: '*/5 * * * *', timeZone: 'Europe/Rome' });
    const ends = stage.missed().map(({ end }) => end);
    expect(ends).toHaveLength(21);
    expect(minuteText(ends[0]?.dueAt)).toBe('2026-10-24T12:05');
    expect(ends[0]?.dueUntil).toBe((ends[1]?.dueAt ?? 0) - 1);
    expect(ends.slice(1).map(({ dueAt }) => minuteText(dueAt))).toEqual(
      Array.from({ length: 20 }, (_, at) => minuteText(time('2026-10-25T01:50:00Z') + at * 5 * minute)),
    );
  });
});

describe('an edit', () => {
  const edited = (before: Shown, after: Shown) => {
    start('2026-03-01T12:30:00Z');
    show(before);
    until('2026-03-01T15:30:00Z');
    stage.forget();
    show({ ...after, changedAt: '2026-03-01T15:30:00Z' });
    until('2026-03-01T16:50:00Z');
    return told();
  };

  it('of the schedule has nothing fire for the time before it', () => {
    expect(edited({ schedule: '0 0 * * *' }, { schedule: '40 * * * *' })).toEqual([
      '2026-03-01T15:40 unexplained',
      '2026-03-01T16:40 unexplained',
    ]);
  });

  it('of the time zone counts as one of the schedule', () => {
    // In Rome it is an hour later: the firing of that day has passed there.
    expect(edited({ schedule: '0 16 * * *' }, { schedule: '0 16 * * *', timeZone: 'Europe/Rome' })).toEqual([]);
    expect(edited({ schedule: '0 17 * * *' }, { schedule: '0 17 * * *', timeZone: 'Europe/Rome' })).toEqual([
      '2026-03-01T16:00 unexplained',
    ]);
  });

  it('of nothing but the deadline leaves what is due as it is', () => {
    expect(edited({ schedule: '40 * * * *' }, { schedule: '40 * * * *', deadlineMs: hour })).toEqual([
      '2026-03-01T15:40 unexplained',
    ]);
  });
});

describe('a starting deadline', () => {
  const madeNow = { madeAt: '2026-03-01T12:30:00Z' };

  it('is waited for, and a run that begins within it is the outcome', () => {
    start('2026-03-01T12:30:00Z');
    show({ ...madeNow, deadlineMs: hour / 2 });
    until('2026-03-01T13:25:00Z');
    expect(told()).toEqual([]);
    run('run-1', '2026-03-01T13:00:00Z', undefined, '2026-03-01T13:25:00Z');
    until('2026-03-01T13:55:00Z');
    expect(told()).toEqual([]);
  });

  it('that passes has the firing told', () => {
    start('2026-03-01T12:30:00Z');
    show({ ...madeNow, deadlineMs: hour / 2 });
    until('2026-03-01T13:30:14Z');
    expect(told()).toEqual([]);
    until('2026-03-01T13:30:16Z');
    expect(told()).toEqual(['2026-03-01T13:00 unexplained']);
  });

  it('ends when the next firing is due: that one begins in its place', () => {
    start('2026-03-01T12:30:00Z');
    show({ ...madeNow, deadlineMs: 24 * hour });
    until('2026-03-01T14:00:10Z');
    expect(told()).toEqual([]);
    until('2026-03-01T14:00:16Z');
    expect(told()).toEqual(['2026-03-01T13:00 unexplained']);
  });

  it('that is still open when a daemon starts has the firing before looked at', () => {
    start('2026-03-01T13:40:00Z', '2026-03-01T13:29:00Z');
    show({ deadlineMs: 24 * hour });
    until('2026-03-01T14:01:00Z');
    expect(told()).toEqual(['2026-03-01T13:00 unexplained']);
  });

  it('is no matter of a time before the job was made', () => {
    start('2026-03-01T13:40:00Z', '2026-03-01T13:29:00Z');
    show({ deadlineMs: 24 * hour, madeAt: '2026-03-01T13:10:00Z' });
    until('2026-03-01T14:01:00Z');
    expect(told()).toEqual([]);
  });

  it('blames the run before only where it went on until the end of it', () => {
    start('2026-03-01T11:30:00Z');
    show({ schedule: '0 */4 * * *', deadlineMs: hour, madeAt: '2026-03-01T11:00:00Z' });
    until('2026-03-01T12:00:01Z');
    run('run-1', '2026-03-01T12:00:00Z');
    until('2026-03-01T16:20:00Z');
    run('run-1', '2026-03-01T12:00:00Z', '2026-03-01T16:20:00Z');
    until('2026-03-01T17:01:00Z');
    expect(told()).toEqual(['2026-03-01T16:00 unexplained']);
    run('run-2', '2026-03-01T20:00:00Z');
    until('2026-03-02T01:01:00Z');
    expect(told().slice(1)).toEqual(['2026-03-02T00:00 previous_run']);
  });
});

describe('while a run goes on', () => {
  const overlapped = (concurrency: Concurrency) => {
    start('2026-03-01T12:30:00Z');
    show({ concurrency });
    until('2026-03-01T13:00:01Z');
    run('run-1', '2026-03-01T13:00:00Z');
    until('2026-03-01T14:30:00Z');
  };

  it.each([
    ['forbid', 'previous_run'],
    ['replace', 'unexplained'],
    ['allow', 'unexplained'],
  ] as const)(
    'a firing that comes to nothing is not the fault of that run, unless the policy is forbid: %s',
    (concurrency, reason) => {
      overlapped(concurrency);
      expect(told()).toEqual([`2026-03-01T14:00 ${reason}`]);
    },
  );

  it('the policy replace ends it for the next, and its record says so', () => {
    start('2026-03-01T12:30:00Z');
    show({ concurrency: 'replace' });
    until('2026-03-01T13:00:01Z');
    run('run-1', '2026-03-01T13:00:00Z');
    until('2026-03-01T14:00:01Z');
    runGoes('run-1');
    run('run-2', '2026-03-01T14:00:00Z');
    expect(stage.ended()).toMatchObject([
      { id: 'run-1', outcome: 'stopped', reason: 'replaced', finishedAt: time('2026-03-01T14:00:00Z') },
    ]);
  });

  it('the policy replace ends it for the next, also where the cluster never made a pod for it: that is told', () => {
    start('2026-03-01T12:30:00Z');
    show({ concurrency: 'replace' });
    until('2026-03-01T13:00:01Z');
    stage.pendingRun('run-1', '2026-03-01T13:00:00Z');
    until('2026-03-01T14:00:01Z');
    runGoes('run-1');
    expect(stage.ended()).toMatchObject([{ id: 'run-1', reason: 'replaced', startedAt: undefined }]);
    expect(stage.notices()).toMatchObject([{ id: 'run-1/no-pod', kind: 'failed', reason: 'not_started' }]);
  });

  it.each(['forbid', 'allow'] as const)('no other policy does: %s', (concurrency) => {
    overlapped(concurrency);
    runGoes('run-1');
    expect(stage.ended()).toMatchObject([{ id: 'run-1', outcome: 'unknown', reason: undefined }]);
  });

  it.each(['forbid', 'allow', 'replace'] as const)(
    'a run that goes before its time was not replaced: %s',
    (concurrency) => {
      start('2026-03-01T12:30:00Z');
      show({ concurrency });
      until('2026-03-01T13:00:01Z');
      run('run-1', '2026-03-01T13:00:00Z');
      until('2026-03-01T13:40:00Z');
      runGoes('run-1');
      expect(stage.ended()).toMatchObject([{ id: 'run-1', outcome: 'unknown', reason: undefined }]);
    },
  );
});
