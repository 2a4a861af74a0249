import { describe, expect, it } from 'vitest';
import { nextOfOdd, oddities } from '../../src/definition/odd-schedule.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const timed = (actual: string, timeZone = 'UTC') => ({ schedule: { text: actual, actual }, timeZone });

describe('a schedule', () => {
  it('that names both kinds of days fires on each of them', () => {
    expect(oddities(timed('0 7 1 * mon'), now)).toEqual([
      'The schedule "0 7 1 * mon" names days of the month and of the week: it fires on each of both, not only where they meet.',
    ]);
    expect(nextOfOdd(timed('0 7 1 * mon'), now)).toEqual([
      'The next runs of "0 7 1 * mon" are due at 2026-03-02T07:00:00Z, 2026-03-09T07:00:00Z, 2026-03-16T07:00:00Z.',
    ]);
  });

  it.each([
    ['30 2 * * *', 'Europe/Rome', 'has no run on 2026-03-29, and two runs on 2026-10-25.'],
    ['0 0 * * *', 'America/Havana', 'has no run on 2026-03-08, and two runs on 2026-11-01.'],
    ['45 1 * * *', 'Australia/Lord_Howe', 'has two runs on 2026-04-05.'],
  ])('%s at an hour that the clocks of %s skip or repeat', (schedule, zone, words) => {
    expect(oddities(timed(schedule, zone), now)).toEqual([
      `On the clocks of ${zone}, which change, the schedule "${schedule}" ${words}`,
    ]);
  });

  it('that fires each minute of some hours has its next runs told', () => {
    expect(oddities(timed('* */4 * * *'), now)).toEqual([]);
    expect(nextOfOdd(timed('* */4 * * *', 'Europe/Rome'), now)).toEqual([
      'The next runs of "* */4 * * *" are due at 2026-03-01T15:00:00Z (16:00 Europe/Rome), 2026-03-01T15:01:00Z (16:01 Europe/Rome), 2026-03-01T15:02:00Z (16:02 Europe/Rome).',
    ]);
  });

  it.each([
    ['17 4 * * *', 'Europe/Rome'],
    ['17 * * * *', 'Europe/Rome'],
    ['* * * * *', 'Europe/Rome'],
    ['30 2 * * *', 'Asia/Tokyo'],
    ['30 2 * * *', 'UTC'],
    ['30 2 * * *', 'Mars/Olympus'],
    ['0 0 31 2 *', 'UTC'],
  ])('%s in %s is as it looks', (schedule, zone) => {
    expect([...oddities(timed(schedule, zone), now), ...nextOfOdd(timed(schedule, zone), now)]).toEqual([]);
  });
});
