/** The operators' way into a running daemon: HTTP on the socket in its state directory. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { AppError, type ErrorCode, errorTable } from '../../src/errors.ts';
import { startupDefaults } from '../../src/settings.ts';
import { type CommandLine, usage } from '../terminal/arguments.ts';
import { readStartup } from './startup-file.ts';

const timeoutMs = 10_000;
const maxAnswerBytes = 64 * 1024 * 1024;

/** @throws as stateDirectoryOf() */
export async function socketOf(line: CommandLine): Promise<string> {
  return socketIn(await stateDirectoryOf(line));
}

/** Whether a process listens there, busy or not. */
export function isAtDoor(stateDirectory: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketIn(stateDirectory), () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

export function socketIn(stateDirectory: string): string {
  return join(stateDirectory, 'operators/door');
}

/** @throws AppError `usage.invalid`, and `settings.invalid` where the start-up file cannot be used */
export async function stateDirectoryOf({ options }: CommandLine): Promise<string> {
  const config = options.get('config');
  const named = options.get('state-dir');
  if (config !== undefined && named !== undefined) throw usage('Say either --state-dir or --config.');
  const directory = config === undefined ? (named ?? startupDefaults.stateDir) : (await readStartup(config)).state_dir;
  if (!directory.startsWith('/')) throw usage('--state-dir must be an absolute path.');
  return directory;
}

/**
 * @param path absolute, its parts percent-encoded
 * @throws AppError `service.unreachable` where no daemon answers there, and what the daemon answers with
 */
export function askDaemon(socketPath: string, method: 'GET' | 'POST', path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        new AppError(
          'service.unreachable',
          `No daemon answers at ${socketPath}. Say where its state directory is with --state-dir, and be its user or root.`,
          { cause },
        ),
      );
    const asked = request({ socketPath, method, path, timeout: timeoutMs }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) asked.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.once('error', fail);
      response.once('end', () => {
        try {
          const answer: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
          if (response.statusCode === 200) resolve(answer);
          else reject(failureOf(answer));
        } catch (cause) {
          fail(cause);
        }
      });
    });
    asked.once('error', fail);
    asked.once('timeout', () => asked.destroy(new Error('no answer came in time')));
    asked.end();
  });
}

function failureOf(answer: unknown): AppError {
  const { code, error } = answer as { code?: string; error?: string };
  const known = code !== undefined && Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'service.failed';
  return new AppError(known, error ?? 'The daemon could not say what is wrong.');
}
