import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { logLine2023, logLine2026 } from '../../../src/server/dialects/log-line.ts';
import { type LogLine, readLogRequest } from '../../../src/server/logs/log-line.ts';

const now = Date.parse('2026-07-01T12:00:00.250Z');

describe('what is asked of a log', () => {
  it('is 500 lines and no more than there is, unless told otherwise', () => {
    expect(readLogRequest({}, now)).toEqual({ lines: 500, since: undefined, follow: false });
    expect(readLogRequest({ lines: '', since: '', follow: 'false' }, now).lines).toBe(500);
    expect(readLogRequest({ lines: '0', follow: 'true' }, now)).toMatchObject({ lines: 0, follow: true });
    expect(readLogRequest({ lines: '5000' }, now).lines).toBe(5_000);
  });

  it.each([
    ['90', '2026-07-01T11:58:30.250000000Z'],
    ['90s', '2026-07-01T11:58:30.250000000Z'],
    ['10m', '2026-07-01T11:50:00.250000000Z'],
    ['2h', '2026-07-01T10:00:00.250000000Z'],
    ['1d', '2026-06-30T12:00:00.250000000Z'],
    ['999999999d', '1970-01-01T00:00:00.000000000Z'],
    ['2026-07-01T14:00:00.5+02:00', '2026-07-01T12:00:00.500000000Z'],
  ])('may be what came since %s', (since, expected) => {
    expect(readLogRequest({ since }, now).since).toBe(expected);
  });

  it.each([
    [{ lines: 'many' }, 'Unable to parse lines as integer'],
    [{ lines: '-1' }, 'Unable to parse lines as integer'],
    [{ lines: '1.5' }, 'Unable to parse lines as integer'],
    [{ lines: '5001' }, 'Requested number of 5001 lines is over limit of 5000'],
    [{ since: 'yesterday' }, /^since must be a time/],
    [{ since: '2026-13-01T00:00:00Z' }, /^since must be a time/],
    [{ since: '-5m' }, /^since must be a time/],
  ])('is refused for %j', (query, words) => {
    let error: unknown;
    try {
      readLogRequest(query, now);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'request.invalid', message: expect.stringMatching(words) });
  });
});

describe('a line on the wire', () => {
  const pod: LogLine = {
    origin: 'bot-1',
    source: 'pod',
    stream: 'both',
    at: '2026-07-01T12:00:00.123456789Z',
    aroundMs: now,
    message: 'a\u001b[31m\u2028b',
  };
  const file: LogLine = { ...pod, origin: 'logs/bot.err', source: 'file', stream: 'stderr', at: undefined };

  it('is of a pod what it always was', () => {
    expect(logLine2023(pod)).toEqual({
      pod: 'bot-1',
      container: 'job',
      datetime: '2026-07-01T12:00:00+00:00',
      message: 'a\u001b[31m\u2028b',
    });
  });

  it('says of a file which one it is, and that the time is not known', () => {
    expect(logLine2023(file)).toMatchObject({ pod: 'logs/bot.err', container: 'stderr' });
    expect(logLine2026(file)).toMatchObject({ source: 'file', stream: 'stderr', timestamp: null });
    expect(logLine2026(pod).timestamp).toBe('2026-07-01T12:00:00.123456789Z');
  });

  it('holds control characters as data: one line of JSON, whatever the job writes', () => {
    expect(JSON.stringify(logLine2026({ ...pod, message: '\r\n\u0000"' })).split('\n')).toHaveLength(1);
  });
});
