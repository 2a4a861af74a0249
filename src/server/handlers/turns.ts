/**
 * Changes of one job take turns: a creation, an update, a restart and an end under the same name never run into one another. Other names
 * are not kept waiting.
 */
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';

/** @throws AppError `caller.too_many` when too many changes of the job are waiting already */
export type TakeTurn = <T>(caller: Pick<Caller, 'tool'>, name: string, change: () => Promise<T>) => Promise<T>;

/** More are a program that does not wait for its answers. */
const maxWaiting = 16;

interface Queue {
  last: Promise<unknown>;
  length: number;
}

export function createTurns(): TakeTurn {
  const queues = new Map<string, Queue>();

  return async (caller, name, change) => {
    const key = `${caller.tool.namespace}/${name}`;
    const queue = queues.get(key) ?? { last: Promise.resolve(), length: 0 };
    if (queue.length > maxWaiting) throw tooMany(name);
    queue.length += 1;
    queues.set(key, queue);
    const turn = queue.last.then(change);
    // Whoever comes next waits for the end of this change, whatever it was.
    queue.last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      queue.length -= 1;
      if (queue.length === 0) queues.delete(key);
    }
  };
}

function tooMany(name: string): AppError {
  return new AppError(
    'caller.too_many',
    `Too many changes of the job '${name}' are under way. Wait for their answers.`,
    {
      fields: { name },
      retryAfterSeconds: 2,
    },
  );
}
