import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Output and errors go to this file instead of being returned; a failure quotes its tail. */
  readonly log?: string;
}

/** Node parts live in sbin, which a plain user's PATH may lack. */
export function pathWithSbin(): string {
  return `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`;
}

/** The last lines of a log file, or a word that there is none. */
export function logTail(path: string, lines = 25): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log was written)';
  }
}

/**
 * Runs a command to its end and returns its standard output.
 * @throws Error with the command, its exit code and what it wrote to its error stream (or the log's tail and path)
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const log = options.log === undefined ? undefined : openSync(options.log, 'w');
  const child = spawn(command, args, {
    env: { ...process.env, PATH: pathWithSbin(), ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ['pipe', log ?? 'pipe', log ?? 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  // A command that ends before it has read its input is judged by its exit code.
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input ?? '');
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode, signal) => resolve(exitCode ?? signal ?? 'unknown'));
    });
    if (code === 0) return Buffer.concat(out).toString('utf8');
    const said =
      options.log === undefined
        ? Buffer.concat(err).toString('utf8').trim() || Buffer.concat(out).toString('utf8').trim()
        : `the end of ${options.log}:\n${logTail(options.log)}`;
    throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${said}`);
  } finally {
    if (log !== undefined) closeSync(log);
  }
}

/** Asks again every `everyMs` until the answer is not undefined. @throws Error naming `what` after `timeoutMs` */
export async function waitFor<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T | undefined> | T | undefined,
  everyMs = 50,
): Promise<T> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > until) throw new Error(`${what}: not so after ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
