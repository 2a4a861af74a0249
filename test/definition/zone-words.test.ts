import { describe, expect, it } from 'vitest';
import { nextFirings } from '../../src/definition/cron.ts';
import { firingNotes, zoneNote } from '../../src/definition/zone-words.ts';

const time = (text: string) => Date.parse(text);

describe('a time on the clocks of a zone', () => {
  it('stands behind the one in UTC, with its date where that is another one', () => {
    expect(zoneNote(time('2026-07-01T04:17:00Z'), 'Europe/Rome')).toBe(' (06:17 Europe/Rome)');
    expect(zoneNote(time('2026-07-01T23:30:00Z'), 'Asia/Kathmandu')).toBe(' (2026-07-02 05:15 Asia/Kathmandu)');
  });

  it('is said up to the edges of what a date can be', () => {
    const edge = 8_640_000_000_000_000;
    expect(zoneNote(edge, 'Asia/Kathmandu')).toMatch(/^ \(.* Asia\/Kathmandu\)$/);
    expect(zoneNote(-edge, 'America/New_York')).toMatch(/^ \(.* America\/New_York\)$/);
    expect(firingNotes([edge], 'Europe/Rome', 0)).toHaveLength(1);
  });

  it('is not said where it is UTC, or where nobody knows the zone', () => {
    expect([zoneNote(0, 'UTC'), zoneNote(0, 'Mars/Olympus')]).toEqual(['', '']);
  });
});

describe('the next firings', () => {
  const notes = (schedule: string, zone: string, now: string) =>
    firingNotes(nextFirings(schedule, time(now), 3, zone), zone, time(now));

  it('say on which day the clocks go forward, also where that day has none', () => {
    expect(notes('30 2 * * *', 'Europe/Rome', '2026-03-27T12:00:00Z')).toEqual([
      ' (02:30 Europe/Rome)',
      ' (02:30 Europe/Rome; the clocks go 1 h forward on 2026-03-29)',
      ' (02:30 Europe/Rome)',
    ]);
  });

  it('say on which day they go back, also where that day has two', () => {
    expect(notes('30 2 * * *', 'Europe/Rome', '2026-10-24T12:00:00Z')).toEqual([
      ' (02:30 Europe/Rome)',
      ' (02:30 Europe/Rome; the clocks go 1 h back on 2026-10-25)',
      ' (02:30 Europe/Rome)',
    ]);
  });

  it('say by how much, where that is half an hour', () => {
    expect(notes('0 12 * * *', 'Australia/Lord_Howe', '2026-10-03T12:00:00Z')[0]).toBe(
      ' (12:00 Australia/Lord_Howe; the clocks go 30 min forward on 2026-10-04)',
    );
  });
});
