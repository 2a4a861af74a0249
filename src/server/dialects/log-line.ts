/** Lines of logs as clients get them, one JSON object each. Pure. */
import { secondsOf } from '../../stamps.ts';
import type { LogLine } from '../logs/log-line.ts';

/** What clients have read since October 2023. */
export interface LogLine2023 {
  readonly pod: string;
  readonly container: string;
  /** Whole seconds, with offset. */
  readonly datetime: string;
  readonly message: string;
}

/** A file stands where the pod would, and its stream where the container would. */
export function logLine2023({ origin, source, stream, aroundMs, message }: LogLine): LogLine2023 {
  const container = source === 'pod' ? 'job' : stream;
  return { pod: origin, container, datetime: `${secondsOf(aroundMs)}+00:00`, message };
}

export interface LogLine2026 extends LogLine2023 {
  readonly source: LogLine['source'];
  readonly stream: LogLine['stream'];
  /** When it was written, to the nanosecond; null where nobody knows, and `datetime` is only about then. */
  readonly timestamp: string | null;
}

export function logLine2026(line: LogLine): LogLine2026 {
  return { ...logLine2023(line), source: line.source, stream: line.stream, timestamp: line.at ?? null };
}
