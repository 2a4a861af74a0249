/**
 * `toolforge-jobs/client`: the service for programs. What its methods are called, take and return is made of the table of routes
 * (typed.ts, operations.json); how a request is made, and as whom, is that of the command line.
 */

import { setTimeout as pause } from 'node:timers/promises';
import manifest from '../../package.json' with { type: 'json' };
import { AppError, errorTable } from '../../src/errors.ts';
import { queryText, safeName } from './client.ts';
import { readConfig } from './config.ts';
import operations from './operations.json' with { type: 'json' };
import { createSession, notUnderstood, type Session } from './session.ts';
import { eventsOf, linesOf, type Position } from './stream-text.ts';
import type * as declared from './typed.ts';

/** Requests of one program at once; further ones wait. */
const connections = 4;

/** One row of operations.json. */
interface Operation {
  readonly method: string;
  readonly path: string;
  readonly takesBody: boolean;
  readonly takesQuery: boolean;
  readonly answer: string | null;
  readonly stream: string | null;
}

export const connect: typeof declared.connect = async ({ cfg, env = process.env, signal: given, onMessages } = {}) => {
  const signal = given ?? new AbortController().signal;
  const session = createSession({
    config: await readConfig(env, cfg),
    version: manifest.version,
    program: 'jobs-client',
    connections,
    signal,
    onMessages: (messages) => onMessages?.(messages),
    trace() {},
  });
  const methods = Object.entries(operations).map(([name, operation]) => [name, methodOf(session, operation, signal)]);
  return { ...Object.fromEntries(methods), close: () => session.close() } as declared.Jobs;
};

/** The parts of the path come first among the arguments, then the body or the query. */
function methodOf(session: Session, operation: Operation, signal: AbortSignal) {
  return operation.stream === null
    ? (...given: readonly unknown[]) => askWhole(session, operation, [...given])
    : (...given: readonly unknown[]) => readStream(session, operation, [...given], signal);
}

async function askWhole(session: Session, operation: Operation, rest: unknown[]): Promise<unknown> {
  const { method, path, takesBody, takesQuery, answer } = operation;
  const filled = fill(path, rest);
  const body = takesBody ? rest.shift() : undefined;
  const answered = await session.ask(method, takesQuery ? `${filled}${queryText(rest.shift() ?? {})}` : filled, body);
  if (answer === null) return undefined;
  if (answered[answer] === undefined) throw notUnderstood();
  return answered[answer];
}

async function* readStream(
  session: Session,
  { path, stream }: Operation,
  rest: unknown[],
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  const address = `${fill(path, rest)}${queryText(rest.shift() ?? {})}`;
  yield* stream === 'events' ? followEvents(session, address, signal) : readLines(session, address, signal);
}

function fill(path: string, rest: unknown[]): string {
  return path.replace(/\{\w+\}/g, () => safeName(String(rest.shift())));
}

async function* readLines(session: Session, path: string, signal: AbortSignal): AsyncGenerator<unknown> {
  for await (const line of linesOf(await session.open(path, { signal }))) yield parse(line);
}

const minPauseMs = 1_000;
const maxPauseMs = 30_000;

/** A stream that broke off is taken up again where it was, as long as it takes; one that never began is an error. */
async function* followEvents(session: Session, path: string, signal: AbortSignal): AsyncGenerator<unknown> {
  const position: Position = { id: undefined };
  let pauseMs = minPauseMs;
  while (!signal.aborted) {
    try {
      const headers = position.id === undefined ? {} : { 'last-event-id': position.id };
      for await (const { id, event, data } of eventsOf(await session.open(path, { headers, signal }), position)) {
        pauseMs = minPauseMs;
        yield { id, event, data: parse(data) };
      }
    } catch (error) {
      const isPassing = error instanceof AppError && errorTable[error.code].retry === 'yes';
      if (!isPassing || position.id === undefined) throw error;
    }
    await pause(pauseMs, undefined, { signal }).catch(() => {});
    pauseMs = Math.min(2 * pauseMs, maxPauseMs);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notUnderstood(cause);
  }
}

const Failure: typeof declared.AppError = AppError;

export { Failure as AppError };
