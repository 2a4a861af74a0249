/** A line of a log, wherever it comes from, and what may be asked of a log. Pure. */
import { AppError } from '../../errors.ts';

export interface LogLine {
  /** The pod, or the file below the home: `logs/bot.out`. */
  readonly origin: string;
  /** `record`: kept when the run had ended. `service`: not written by the job, said by us about the log. */
  readonly source: 'pod' | 'file' | 'record' | 'service';
  /** `both`: the cluster does not keep the two apart. */
  readonly stream: 'stdout' | 'stderr' | 'both';
  /** When it was written, as stampOf() writes it; undefined for lines of files, which carry no times. */
  readonly at: string | undefined;
  /** The same in ms since the epoch; of a line of a file, when the file was last written to, or when the line was seen. */
  readonly aroundMs: number;
  readonly message: string;
}

/** What we have to say about a source, as a line among its lines. */
export function noteOf(origin: string, stream: LogLine['stream'], text: string, aroundMs: number): LogLine {
  return { origin, source: 'service', stream, at: undefined, aroundMs, message: `(${text})` };
}

export interface LogRequest {
  /** The last ones: of each file, and of all pods together. */
  readonly lines: number;
  /** Only what came after it, as stampOf() writes it. */
  readonly since: string | undefined;
  readonly follow: boolean;
}

const defaultLines = 500;
const maxLines = 5_000;

/** @throws AppError `request.invalid` */
export function readLogRequest(query: Readonly<Record<string, unknown>>, now: number): LogRequest {
  return {
    lines: readLines(query.lines),
    since: readMoment('since', query.since, now),
    follow: ['true', 'True', '1'].includes(String(query.follow)),
  };
}

/** The words are those of earlier services. */
function readLines(value: unknown): number {
  if (value === undefined || value === '') return defaultLines;
  if (!/^\d{1,15}$/.test(String(value))) throw invalid('Unable to parse lines as integer', 'lines', value);
  const lines = Number(value);
  if (lines > maxLines)
    throw invalid(`Requested number of ${lines} lines is over limit of ${maxLines}`, 'lines', value);
  return lines;
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A time, or how long ago, as stampOf() writes it; undefined where nothing is said.
 * @throws AppError `request.invalid`
 */
export function readMoment(field: string, value: unknown, now: number): string | undefined {
  if (value === undefined || value === '') return undefined;
  const text = String(value);
  const [, count, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? [];
  if (count !== undefined) return stampOfMs(Math.max(0, now - Number(count) * (unitMs[unit] ?? 0)));
  const stamp = stampOf(text);
  if (stamp !== undefined) return stamp;
  throw invalid(
    `${field} must be a time such as 2026-07-01T12:00:00Z, or how long ago: 90s, 10m, 2h, 1d`,
    field,
    value,
  );
}

function invalid(message: string, field: string, value: unknown): AppError {
  return new AppError('request.invalid', message, { fields: { field, value: String(value).slice(0, 100) } });
}

/**
 * A time of RFC 3339 in a form whose order as text is that of time.
 * @example stampOf('2026-07-01T14:00:00.5+02:00') -> '2026-07-01T12:00:00.500000000Z'
 */
export function stampOf(text: string): string | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (!parts) return undefined;
  const [, day, time, fraction = '', zone = 'Z'] = parts;
  const ms = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(ms) ? undefined : `${secondsOf(ms)}.${fraction.padEnd(9, '0')}Z`;
}

export function stampOfMs(ms: number): string {
  return `${secondsOf(ms)}.${String((ms % 1_000) | 0).padStart(3, '0')}000000Z`;
}

/** `2026-07-01T12:00:00` */
export function secondsOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}
