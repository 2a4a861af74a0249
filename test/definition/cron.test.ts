import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextFirings, parseSchedule, scheduleWarning } from '../../src/definition/cron.ts';
import { AppError } from '../../src/errors.ts';

const seed = { tool: 'some-tool', job: 'some-job' };
const macroNames = ['@hourly', '@daily', '@weekly', '@monthly', '@yearly'] as const;

function refusalOf(text: string): AppError {
  try {
    parseSchedule(text, seed);
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error(`${JSON.stringify(text)} was accepted`);
}

const times = (actual: string, after: string, count: number, zone?: string) =>
  nextFirings(actual, Date.parse(after), count, zone).map((ms) => new Date(ms).toISOString());

describe('a schedule', () => {
  it.each([
    '1_0 * * * *',
    '+5 * * * *',
    '٥ * * * *',
    '*/ * * * *',
    '1,,2 * * * *',
    '0 0 * * 8',
    '0 0 * * 1-7',
    '*/60 * * * *',
    '* */24 * * *',
    '0 7 * * *\n',
    '',
    '@Daily',
    ' @daily',
    '@daily\n',
    '0-40/5 * * * *',
    '1.5 * * * *',
  ])('refuses %j with one example', (text) => {
    const error = refusalOf(text);
    expect(error.code).toBe('schedule.invalid');
    expect(error.message).toContain('Example: "0 7 * * *"');
  });

  it('runs on Sunday for weekday 7, and remembers what was typed', () => {
    expect(parseSchedule('0 0 * * 1,7', seed)).toEqual({ text: '0 0 * * 1,7', actual: '0 0 * * 1,0' });
    expect(parseSchedule('7 7 7 7 7', seed).actual).toBe('7 7 7 7 0');
  });

  it('refuses a text of a megabyte at once', () => {
    expect(refusalOf('1,'.repeat(500_000)).message.length).toBeLessThan(300);
  });

  it('draws the same for texts of any script, and for none', () => {
    expect(parseSchedule('@weekly', { tool: 'nöt', job: 'ascii' }).actual).toBe('36 19 * * 1');
    expect(parseSchedule('@yearly', { tool: 'my.tool', job: 'x' }).actual).toBe('26 9 31 10 *');
  });

  it('is accepted again in the form that runs', () => {
    fc.assert(
      fc.property(fc.constantFrom(...macroNames), fc.string(), fc.string(), (macro, tool, job) => {
        const { actual } = parseSchedule(macro, { tool, job });
        expect(parseSchedule(actual, seed).actual).toBe(actual);
      }),
    );
  });

  it('chooses a number for each `~`, always the same for a job, and the one of the macro', () => {
    expect(parseSchedule('~ ~ * * *', seed)).toEqual({
      text: '~ ~ * * *',
      actual: parseSchedule('@daily', seed).actual,
    });
    expect(parseSchedule('~ ~ * * ~', seed).actual).toBe(parseSchedule('@weekly', seed).actual);
    expect(parseSchedule('~ ~ * * *', { ...seed, job: 'other' }).actual).not.toBe(parseSchedule('@daily', seed).actual);
  });

  it.each([
    ['10~20 * * * *', /^1\d|20 \* \* \* \*$/],
    ['~5,30~ 8~10 * * *', /^[0-5],[3-5]\d (8|9|10) \* \* \*$/],
    ['~/15 * * * *', /^(\d|1[0-4])\/15 \* \* \* \*$/],
    ['40~59/10 * * * *', /^[45]\d\/10 \* \* \* \*$/],
    ['0 0 ~ ~ 1~5', /^0 0 ([1-9]|1\d|2[0-8]) ([1-9]|1[0-2]) [1-5]$/],
  ])('chooses within the bounds of %j, whatever the job', (text, actual) => {
    fc.assert(
      fc.property(fc.string(), (job) => {
        const chosen = parseSchedule(text, { tool: 'some-tool', job }).actual;
        expect(chosen).toMatch(actual);
        expect(nextFirings(chosen, 0, 1)).toHaveLength(1);
      }),
    );
  });

  it.each([
    ['20~10 * * * *', 'End value 10 must be smaller than start value 20'],
    ['~60 * * * *', 'End value 60 must be at most 59'],
    ['a~ * * * *', "Unable to parse 'a' as an integer"],
    ['1~2~3 * * * *', "Unable to parse '2~3' as an integer"],
    ['~/60 * * * *', "Invalid step value in '~'"],
    ['* * * * ~7', 'End value 7 must be at most 6'],
    ['~-5 * * * *', 'End value -5 must be smaller than start value 0'],
  ])('refuses %j', (text, problem) => {
    expect(refusalOf(text).fields).toMatchObject({ problem });
  });

  it('is warned about where months are left out', () => {
    expect(scheduleWarning({ text: '@monthly', actual: '5 4 31 * *' })).toContain('"5 4 28 * *"');
    expect(scheduleWarning({ text: '@monthly', actual: '5 4 28 * *' })).toBeUndefined();
    expect(scheduleWarning({ text: '5 4 31 * *', actual: '5 4 31 * *' })).toBeUndefined();
    expect(scheduleWarning({ text: '0 0 31 2 *', actual: '0 0 31 2 *' })).toContain('does not exist');
  });
});

describe('firing times', () => {
  it('come after the moment given, never at it', () => {
    expect(times('0 7 * * *', '2026-03-01T07:00:00Z', 2)).toEqual([
      '2026-03-02T07:00:00.000Z',
      '2026-03-03T07:00:00.000Z',
    ]);
    expect(times('0 7 * * *', '2026-03-01T06:59:59.999Z', 1)).toEqual(['2026-03-01T07:00:00.000Z']);
  });

  it('take a step after a number up to the end of the field', () => {
    expect(times('50/5 * * * *', '2026-03-01T00:00:00Z', 3)).toEqual([
      '2026-03-01T00:50:00.000Z',
      '2026-03-01T00:55:00.000Z',
      '2026-03-01T01:50:00.000Z',
    ]);
    expect(times('0 0 * * fri/1', '2026-03-01T00:00:00Z', 3).map((time) => time.slice(0, 10))).toEqual([
      '2026-03-06',
      '2026-03-07',
      '2026-03-13',
    ]);
  });

  it('take either day where both are named', () => {
    expect(times('0 0 3 * mon', '2026-03-01T00:00:00Z', 2)).toEqual([
      '2026-03-02T00:00:00.000Z',
      '2026-03-03T00:00:00.000Z',
    ]);
  });

  it('follow a time zone', () => {
    expect(times('30 4 * * *', '2026-07-01T00:00:00Z', 1, 'Europe/Rome')).toEqual(['2026-07-01T02:30:00.000Z']);
  });

  it('are none for a date that does not exist, and rare for 29 February', () => {
    expect(times('0 0 30-31 2 *', '2026-03-01T00:00:00Z', 1)).toEqual([]);
    expect(times('0 0 29 2 *', '2026-03-01T00:00:00Z', 1)).toEqual(['2028-02-29T00:00:00.000Z']);
  });

  it('are found for what other hands write, where it has a meaning', () => {
    expect(times('@daily', '2026-03-01T00:00:00Z', 1)).toEqual(['2026-03-02T00:00:00.000Z']);
    expect(times('0 0 ? jan *', '2026-03-01T00:00:00Z', 1)).toEqual(['2027-01-01T00:00:00.000Z']);
    expect(times('@every 5m', '2026-03-01T00:00:00Z', 1)).toEqual([]);
  });

  it('are a list for any text at all', () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(nextFirings(text, 0, 1))));
  });
});
