import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../src/errors.ts';
import { createLog, type Log, type LogLevel, setLogLevel } from '../src/log.ts';

function capture(level: LogLevel = 'debug'): { log: Log; lines: string[] } {
  const lines: string[] = [];
  return { log: createLog({ level, stream: { write: (line) => void lines.push(line) } }), lines };
}

/** The only line of what was logged, as an object. */
function logged(fields: object, message = 'said'): Record<string, unknown> {
  const { log, lines } = capture();
  log.info(fields, message);
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

describe('a line of the log', () => {
  it('has level, time, fields and message', () => {
    const { time, ...rest } = logged({ tool: 'alpha', count: 2, list: ['a', 1], at: undefined });
    expect(rest).toEqual({ level: 'info', tool: 'alpha', count: 2, list: ['a', 1], msg: 'said' });
    expect(Date.parse(String(time))).not.toBeNaN();
  });

  it('is one line of JSON, whatever text comes from outside', () => {
    const tricky = fc.constantFrom(
      '\n',
      '\r\n{"level":"error"}',
      '\u2028',
      '\0',
      '"',
      '\\',
      '\ud800',
      '\u001b[2J',
      '}',
    );
    const anyText = fc.oneof(tricky, fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(anyText, anyText, anyText, (name, value, message) => {
        const { log, lines } = capture();
        log.warn({ named: { [name]: value }, listed: [value], value, err: new Error(value) }, message);
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(/^[^\n\r]*\n$/);
        expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn' });
      }),
    );
  });

  it.each(['key', 'cert', 'pem', 'token', 'authorization', 'password', 'body', 'Authorization', 'KEY'])(
    'never prints %s, wherever it stands',
    (name) => {
      const { log, lines } = capture();
      const hidden = { [name]: 'hidden' };
      log.info(hidden, 'top');
      log.info({ a: hidden, list: [hidden, [hidden]], deep: { a: { b: { c: hidden } } } }, 'deeper');
      log.info({ a: { [name]: { inner: 'hidden' } } }, 'as an object');
      log.child({ room: 'server' }).error({ [name]: Buffer.from('hidden'), a: hidden }, 'in a room');
      expect(lines).toHaveLength(4);
      for (const line of lines) {
        expect(line).toContain('[not printed]');
        expect(line).not.toContain('hidden');
        expect(line).not.toContain('104,105,100');
      }
    },
  );

  it('cuts long text wherever it stands', () => {
    const long = 'x'.repeat(5000);
    const cut = `${'x'.repeat(2048)}…`;
    const { value, inner, err } = logged({ value: long, inner: { list: [long] }, err: new Error(long) });
    expect([value, inner]).toEqual([cut, { list: [cut] }]);
    expect(err).toMatchObject({ message: cut, stack: expect.stringMatching(/^.{2049}$/s) });
  });

  it('tells an error with the chain of its causes', () => {
    const socket = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    const { err } = logged({ err: new AppError('kube.unreachable', 'no answer', { cause: socket }) });
    expect(err).toMatchObject({
      name: 'AppError',
      message: 'no answer',
      code: 'kube.unreachable',
      cause: { name: 'Error', message: 'reset', code: 'ECONNRESET' },
    });
    expect(logged({ err: new Error('x', { cause: 'text' }) })).toMatchObject({ err: { cause: 'text' } });
  });

  it('bears what refers to itself', () => {
    const circle: Record<string, unknown> = { name: 'circle' };
    circle.self = circle;
    const error = new Error('circle');
    error.cause = error;
    expect(logged({ circle, err: error })).toMatchObject({ circle: { name: 'circle' }, err: { message: 'circle' } });
  });
});

describe('the level', () => {
  it('can be changed for a log and the rooms made of it', () => {
    const { log, lines } = capture('info');
    const room = log.child({ room: 'watch' });
    room.debug({}, 'unheard');
    setLogLevel(log, 'debug');
    room.debug({}, 'heard');
    log.child({ room: 'server' }).debug({}, 'heard');
    setLogLevel(log, 'error');
    for (const one of [log, room]) one.warn({}, 'unheard');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'debug', room: 'watch', msg: 'heard' },
      { level: 'debug', room: 'server', msg: 'heard' },
    ]);
  });
});
