/**
 * One logger, a child per room. JSON lines on stdout; text from outside is escaped by JSON itself and cut at 2 KiB a field.
 * Keys that may hold secrets are never printed, wherever they stand.
 */
import { type Logger as PinoLogger, pino } from 'pino';

/** What the rooms may do with a log: say something at a level, with fields first. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: { room: string }): Log;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const neverPrinted = ['key', 'cert', 'pem', 'token', 'authorization', 'password', 'body'];
const maxFieldChars = 2048;

export interface LogOptions {
  readonly level: LogLevel;
  /** Where lines go; process.stdout when absent. */
  readonly stream?: { write(line: string): void };
}

export function createLog({ level, stream }: LogOptions): Log {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    redact: { paths: neverPrinted.flatMap((name) => [name, `*.${name}`]), censor: '[not printed]' },
    formatters: { level: (label: string) => ({ level: label }), log: shorten },
    serializers: { err: describeError },
  };
  return stream ? pino(options, stream) : pino(options);
}

/** Log levels can be changed while running. */
export function setLogLevel(log: Log, level: LogLevel): void {
  (log as PinoLogger).level = level;
}

function shorten(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, cut(value)]));
}

function cut(value: unknown): unknown {
  return typeof value === 'string' && value.length > maxFieldChars ? `${value.slice(0, maxFieldChars)}…` : value;
}

/** An error with its chain of causes, as plain data. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error) || depth > 5) return cut(String(error));
  const code = 'code' in error ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause, depth + 1) };
  return { name: error.name, message: cut(error.message), ...code, stack: cut(error.stack), ...cause };
}
