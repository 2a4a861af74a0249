/**
 * One watch, from the request to its end, as events. Used by list-watch.ts, which decides where it begins and what comes after it. A watch
 * that says nothing at all for 90 s is given up: bookmarks come about every minute.
 */
import type { KubeObject } from '../domain.ts';
import type { AppError } from '../errors.ts';
import { countAt, recordAt, textAt } from '../fields.ts';
import { fromKubeStatus, type Kube } from '../kube.ts';
import type { Clock } from './clock.ts';
import { type LineOptions, splitLines } from './lines.ts';
import { createCut, watchSilence } from './silence.ts';
import { parseWatchLine } from './watch-line.ts';

export interface WatchEvent {
  /** `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`, or whatever a later Kubernetes may send. */
  readonly type: string | undefined;
  readonly object: KubeObject;
}

export interface WatchStreamOptions extends Omit<LineOptions, 'maxBytes'> {
  readonly path: string;
  readonly query: Readonly<Record<string, string | number | boolean>>;
  readonly clock: Clock;
  /** Ends it; nothing is given back afterwards. */
  readonly signal: AbortSignal;
  onOpen(): void;
}

const silenceLimitMs = 90_000;
const maxLineBytes = 2 * 1024 * 1024;

/** @throws AppError as Kube.stream() does, and for an ERROR event; Error when the connection breaks or brings what is no event */
export async function* watchStream(
  kube: Pick<Kube, 'stream'>,
  { path, query, clock, signal, onOpen, onBytes, onOversized }: WatchStreamOptions,
): AsyncGenerator<WatchEvent> {
  const cut = createCut(signal);
  const silence = watchSilence(clock, silenceLimitMs, () => cut.abort(new Error('nothing was heard for 90 s')));
  const heard = () => {
    silence.heard();
    onBytes();
  };
  try {
    const body = await kube.stream({ method: 'GET', path, query, signal: cut.signal });
    if (signal.aborted) return;
    onOpen();
    for await (const line of splitLines(body, { maxBytes: maxLineBytes, onBytes: heard, onOversized })) {
      if (signal.aborted) return;
      yield readEvent(line);
    }
  } finally {
    silence.end();
    cut.end();
  }
}

function readEvent(line: Buffer): WatchEvent {
  const event = parseWatchLine(line);
  const type = textAt(event, 'type');
  const object = recordAt(event, 'object');
  if (type === 'ERROR') throw errorOf(object);
  return { type, object };
}

/** The Status of an ERROR event as the error that the answer to a request would be. */
function errorOf(status: KubeObject): AppError {
  const seconds = countAt(status, 'details', 'retryAfterSeconds');
  return fromKubeStatus(countAt(status, 'code') || 500, status, seconds > 0 ? String(seconds) : undefined);
}
