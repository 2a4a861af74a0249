/**
 * `toolforge-jobs/client`: the service for programs. What its methods are called, take and return is made of the table of routes
 * (typed.ts, operations.json); how a request is made, and as whom, is that of the command line.
 */
import manifest from '../../package.json' with { type: 'json' };
import { AppError } from '../../src/errors.ts';
import { safeName } from './client.ts';
import { readConfig } from './config.ts';
import operations from './operations.json' with { type: 'json' };
import { createSession, notUnderstood, type Session } from './session.ts';
import type * as declared from './typed.ts';

/** Requests of one program at once; further ones wait. */
const connections = 4;

/** One row of operations.json. */
interface Operation {
  readonly method: string;
  readonly path: string;
  readonly takesBody: boolean;
  readonly answer: string | null;
}

export const connect: typeof declared.connect = async ({ cfg, env = process.env, signal, onMessages } = {}) => {
  const session = createSession({
    config: await readConfig(env, cfg),
    version: manifest.version,
    program: 'jobs-client',
    connections,
    signal: signal ?? new AbortController().signal,
    onMessages: (messages) => onMessages?.(messages),
    trace() {},
  });
  const methods = Object.entries(operations).map(([name, operation]) => [name, methodOf(session, operation)]);
  return { ...Object.fromEntries(methods), close: () => session.close() } as declared.Jobs;
};

/** The parts of the path come first among the arguments, then the body. */
function methodOf(session: Session, { method, path, takesBody, answer }: Operation) {
  return async (...given: readonly unknown[]): Promise<unknown> => {
    const rest = [...given];
    const filled = path.replace(/\{\w+\}/g, () => safeName(String(rest.shift())));
    const answered = await session.ask(method, filled, takesBody ? rest.shift() : undefined);
    if (answer === null) return undefined;
    if (answered[answer] === undefined) throw notUnderstood();
    return answered[answer];
  };
}

const Failure: typeof declared.AppError = AppError;

export { Failure as AppError };
