/** A line of a log, wherever it comes from, and what may be asked of a log. Pure. */
import { AppError } from '../../errors.ts';
import { momentWords, stampOfMoment } from '../../stamps.ts';

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

/**
 * A time, or how long ago, as stampOf() writes it; undefined where nothing is said.
 * @throws AppError `request.invalid`
 */
export function readMoment(field: string, value: unknown, now: number): string | undefined {
  if (value === undefined || value === '') return undefined;
  const stamp = stampOfMoment(String(value), now);
  if (stamp === undefined) throw invalid(`${field} must be ${momentWords}`, field, value);
  return stamp;
}

function invalid(message: string, field: string, value: unknown): AppError {
  return new AppError('request.invalid', message, { fields: { field, value: String(value).slice(0, 100) } });
}
