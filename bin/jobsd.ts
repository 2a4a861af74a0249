#!/usr/bin/env node
/** The daemon's door: argv -> options -> start; SIGTERM -> stop, a second one -> at once; error -> exit code (78 bad start-up file, 75 the Lease is lost, 70 a bug). */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import manifest from '../package.json' with { type: 'json' };
import { type Daemon, startDaemon } from '../src/daemon.ts';
import { AppError } from '../src/errors.ts';
import { createLog } from '../src/log.ts';
import { parseStartup } from '../src/settings.ts';

const usage = 'Usage: toolforge-jobsd --config FILE\n\nThe start-up file is described in docs/settings.md.\n';
const exitBadSettings = 78;
const exitBug = 70;
const exitLeaseLost = 75;

const log = createLog({ level: 'info' });
process.umask(0o077);
process.on('uncaughtException', (error) => {
  log.error({ err: error }, 'a defect of ours; ending');
  process.exit(exitBug);
});
let running: Daemon | undefined;
const stopping = new AbortController();
// Heard before anything is read, since a signal that nobody hears ends the process, as it does while Node.js itself is starting. SIGHUP is
// never needed.
process.on('SIGHUP', () => running?.reload());
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop());
await main();

async function main(): Promise<void> {
  let options: { config?: string | undefined; help?: boolean | undefined; version?: boolean | undefined };
  try {
    options = parseArgs({
      options: { config: { type: 'string' }, help: { type: 'boolean' }, version: { type: 'boolean' } },
    }).values;
  } catch (error) {
    return end(exitBadSettings, `${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
  if (options.help) return void process.stdout.write(usage);
  if (options.version) return void process.stdout.write(`${manifest.version}\n`);
  if (options.config === undefined) return end(exitBadSettings, usage);

  try {
    const startup = parseStartup(await readStartup(options.config));
    const daemon = await startDaemon({
      startup,
      log,
      homeReaderPath: new URL('home-reader.js', import.meta.url).pathname,
      version: manifest.version,
      // Not a moment more: another process may be at work on the same files.
      onLeaseLost: () => process.exit(exitLeaseLost),
      signal: stopping.signal,
    });
    log.info({ ...daemon.addresses }, 'ready to listen');
    running = daemon;
    if (stopping.signal.aborted) await finish(daemon);
  } catch (error) {
    if (error === stopping.signal.reason) return finish();
    log.error({ err: error }, 'the daemon cannot start');
    const problems = error instanceof AppError ? (error.problems ?? [error.message]) : [String(error)];
    end(
      error instanceof AppError && error.code === 'settings.invalid' ? exitBadSettings : exitBug,
      `${problems.join('\n')}\n`,
    );
  }
}

async function readStartup(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new AppError('settings.invalid', `The start-up file ${path} cannot be read.`, { cause });
  }
}

async function stop(): Promise<void> {
  if (stopping.signal.aborted) process.exit(0);
  stopping.abort();
  if (running) await finish(running);
}

async function finish(daemon?: Daemon): Promise<never> {
  await daemon?.stop();
  log.info({}, 'stopped');
  process.exit(0);
}

function end(code: number, text: string): void {
  process.stderr.write(text);
  process.exitCode = code;
}
