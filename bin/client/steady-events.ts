/**
 * What happens to the jobs of a tool, over connections that break: the stream is opened again behind the last event that was heard, and
 * whoever follows it is told when nobody is heard. Used by everything of the command line that stays with jobs.
 */
import { AppError } from '../../src/errors.ts';
import type { Client } from './client.ts';
import type { Position, ServerSentEvent } from './stream-text.ts';

export type News =
  /** Events come from now on, unless it is resumed only those of what happens from now on. */
  | { readonly type: 'begun'; readonly isResumed: boolean }
  | { readonly type: 'event'; readonly event: ServerSentEvent }
  /** Nothing is heard until the next `begun`. */
  | { readonly type: 'away'; readonly error: AppError };

export interface Following {
  /** Unset: all jobs of the tool. */
  readonly name?: string;
  readonly signal: AbortSignal;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const pauseMs = 1_000;
const busyPauseMs = 10_000;
/** Whatever else is said of the route, asking for it again does not change: an older service has none. */
const passing = ['service.unreachable', 'view.not_ready', 'kube.unreachable'];

/** Has no end. @throws AppError where trying again would not help; what the sleep throws when it is interrupted */
export async function* steadyEvents(
  client: Pick<Client, 'followEvents'>,
  { name, signal, sleep }: Following,
): AsyncGenerator<News, never> {
  const position: Position = { id: undefined };
  for (;;) {
    let error = new AppError('service.unreachable', 'The service has ended the connection.');
    const isResumed = position.id !== undefined;
    try {
      const events = await client.followEvents(name, position, signal);
      yield { type: 'begun', isResumed };
      for await (const event of events) yield { type: 'event', event };
    } catch (failure) {
      if (!(failure instanceof AppError) || pauseAfter(failure) === undefined) throw failure;
      error = failure;
    }
    signal.throwIfAborted();
    yield { type: 'away', error };
    await sleep(pauseAfter(error) ?? pauseMs, signal);
  }
}

/** @returns how long to wait before the next try, in ms; undefined where none would help */
function pauseAfter({ code }: AppError): number | undefined {
  if (code === 'caller.too_many') return busyPauseMs;
  return passing.includes(code) ? pauseMs : undefined;
}

/** What is no JSON object has nothing to say. */
export function dataOf({ data }: ServerSentEvent): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
