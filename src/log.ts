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

const neverPrinted = new Set(['key', 'cert', 'pem', 'token', 'authorization', 'password', 'body']);
const maxFieldChars = 2048;
const maxDepth = 5;

/** A logger and the children made of it, which would otherwise keep the level they were made with. */
const families = new WeakMap<Log, PinoLogger[]>();

export interface LogOptions {
  readonly level: LogLevel;
  /** Where lines go; process.stdout when absent. */
  readonly stream?: { write(line: string): void };
}

export function createLog({ level, stream }: LogOptions): Log {
  const family: PinoLogger[] = [];
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }), log: (fields: object) => printable(fields, 0) },
    // Pino's own would describe the description once more.
    serializers: { err: (described: unknown) => described },
    onChild: (child: PinoLogger) => void family.push(child),
  };
  const log = stream ? pino(options, stream) : pino(options);
  family.push(log);
  families.set(log, family);
  return log;
}

/** Changes the level of a logger made by createLog() and of all its children, while running. */
export function setLogLevel(log: Log, level: LogLevel): void {
  for (const member of families.get(log) ?? []) member.level = level;
}

function printable(fields: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      neverPrinted.has(name.toLowerCase()) ? '[not printed]' : printableValue(value, depth + 1),
    ]),
  );
}

function printableValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cut(value);
  if (value instanceof Error) return describeError(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > maxDepth) return '[too deep]';
  return Array.isArray(value) ? value.map((one) => printableValue(one, depth + 1)) : printable(value, depth);
}

function cut(text: string | undefined): string | undefined {
  return text !== undefined && text.length > maxFieldChars ? `${text.slice(0, maxFieldChars)}…` : text;
}

/** An error with its chain of causes, as plain data. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error) || depth > maxDepth) return cut(String(error));
  const code = 'code' in error ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause, depth + 1) };
  return { name: error.name, message: cut(error.message), ...code, stack: cut(error.stack), ...cause };
}
