/**
 * Files that others replace while the daemon works (certificates, keys): looked at every few seconds, because what mounts them (secrets,
 * network homes) tells nobody. What is new is tried out before it counts; what cannot be used changes nothing and is said once.
 */
import { createHash } from 'node:crypto';
import { toAppError } from './errors.ts';
import type { Log } from './log.ts';

export interface FileFollowerOptions<Texts> {
  /** What the files are, for people. */
  readonly what: string;
  /** @throws where a file cannot be read */
  read(): Promise<Texts>;
  /** What is in force at the start. */
  readonly first: Texts;
  /** Puts it in force. @throws AppError where it cannot be used; then everything is as it was */
  apply(texts: Texts): void | Promise<void>;
  readonly log: Log;
  /** Unset: 5 s. */
  readonly everyMs?: number;
}

export interface FileFollower {
  /** Looks now. Never rejects. */
  look(): Promise<void>;
  /** What is wrong with the files as they are; undefined where they are in force. */
  problem(): string | undefined;
  /** Resolves when no look is under way any more. */
  stop(): Promise<void>;
}

export function followFiles<Texts>(options: FileFollowerOptions<Texts>): FileFollower {
  const { what, read, apply, log, everyMs = 5_000 } = options;
  let inForce = digestOf(options.first);
  /** What was refused last, and for how many looks. */
  let refused = { state: '', looks: 0 };
  let problem: string | undefined;
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  async function check(): Promise<void> {
    let state = '';
    try {
      const texts = await read();
      state = digestOf(texts);
      if (state !== inForce) {
        await apply(texts);
        log.info({}, `${what}: what is new on disk is in force`);
      }
      inForce = state;
      refused = { state: '', looks: 0 };
      problem = undefined;
    } catch (error) {
      const { message } = toAppError(error);
      problem = message;
      refused = { state, looks: refused.state === state ? refused.looks + 1 : 1 };
      // Two files are seldom replaced in one moment: what is wrong for one look only is nobody's business.
      if (refused.looks === 2)
        log.error({ err: error }, `${what}: what is on disk cannot be used; the former stays in force`);
    }
  }

  function look(): Promise<void> {
    looking ??= check().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  function plan(): void {
    timer = setTimeout(() => void look().then(() => isStopped || plan()), everyMs);
    timer.unref();
  }

  plan();
  return {
    look,
    problem: () => problem,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}

/** Enough to see a change by; a key is kept nowhere for it. */
function digestOf(texts: unknown): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex');
}
