/** Postfix's `smtp-sink` on loopback: takes every mail, or fails in the way and at the command that a test asks for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { debianTree } from './debian-packages.ts';
import { freePort, until } from './sandbox.ts';

export interface SmtpSink {
  readonly port: number;
  /** Mails taken, as they came over the wire after the dots were taken out, each behind `X-Mail-Args` and `X-Rcpt-Args` of the envelope. */
  mails(): Promise<string[]>;
  stop(): Promise<void>;
}

export interface SmtpSinkOptions {
  /** Where mails are kept; unset: they are counted nowhere. */
  readonly dir?: string;
  /**
   * As smtp-sink(1) has them, e.g. `['-f', 'RCPT']` (5xx), `['-r', 'RCPT']` (4xx), `['-q', 'DATA']` (cut off), `['-Q', 'DATA']` (421 and
   * cut off), `['-W', 'RCPT:5']` (5 s late). Commands are CONNECT, EHLO, MAIL, RCPT, DATA, dot as `.`, QUIT.
   */
  readonly flags?: readonly string[];
  /** Unset: any that is free. */
  readonly port?: number;
}

export async function startSmtpSink({ dir, flags = [], port: wanted }: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const tree = await debianTree('postfix', ['usr/lib/postfix']);
  const port = wanted ?? (await freePort());
  if (dir) await mkdir(dir, { recursive: true });
  const kept = dir ? ['-d', join(dir, '%Y%m%d%H%M%S.')] : [];
  const sink = spawn(
    join(tree.root, 'usr/sbin/smtp-sink'),
    ['-u', 'root', '-4', ...kept, ...flags, `127.0.0.1:${port}`, '100'],
    { env: { PATH: process.env.PATH ?? '', LD_LIBRARY_PATH: tree.libraries }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  sink.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000);
  });
  await until(() => {
    if (sink.exitCode !== null) throw new Error(`smtp-sink ended with ${sink.exitCode}: ${said}`);
    return listens(port);
  }, 'smtp-sink listens');
  return {
    port,
    async mails() {
      if (!dir) return [];
      const names = (await readdir(dir)).sort();
      const mails = await Promise.all(names.map((name) => readFile(join(dir, name), 'latin1').catch(onlyGone)));
      return mails.filter((mail) => mail !== undefined);
    },
    stop: () => end(sink),
  };
}

/** A mail that was cut off half-way is taken away again, at any moment. */
function onlyGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}

async function end(sink: ChildProcess): Promise<void> {
  if (sink.exitCode !== null || sink.signalCode !== null) return;
  const gone = once(sink, 'exit');
  sink.kill('SIGTERM');
  await gone;
}
