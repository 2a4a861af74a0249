#!/usr/bin/env node
/**
 * The users' door: words -> command -> what to print; error -> exit code (0 done, 1 the user's side, 2 ours, the network or wrong usage,
 * 130 interrupted). Starts thousands of times a day: imports cac and Node's own modules, nothing else.
 */
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CAC, type Command as CacCommand, cac } from 'cac';
import manifest from '../package.json' with { type: 'json' };
import { toAppError } from '../src/errors.ts';
import { accountDoubt, type Person, thisPerson } from './client/account-doubt.ts';
import { createClient } from './client/client.ts';
import { type Env, readConfig } from './client/config.ts';
import { type CommandEntry, commandTable, globalOptions, usualForms } from './commands/command-table.ts';
import type { Clock, Command, Context, Outcome } from './commands/outcome.ts';
import { type CommandLine, checkOperands, choiceOf, readArguments } from './terminal/arguments.ts';
import { helpText } from './terminal/help.ts';
import { createProgress } from './terminal/progress.ts';
import { type Display, displayOf } from './terminal/screen.ts';
import { createTalk, type Talk, wantsColours } from './terminal/talk.ts';
import { visibleJson, visibleText } from './terminal/terminal.ts';

/** What a run of the program is given of the world. */
export interface Io {
  /** Resolves when more can be taken. */
  stdout(text: string): Promise<void>;
  stderr(text: string): void;
  /** Whether a person reads stderr. */
  readonly isTerminal: boolean;
  /** The terminal that stdout is; unset where it is none. */
  readonly display?: Display | undefined;
  /** The program that opens a file in the person's browser; unset where there is no screen. */
  readonly opener?: string | undefined;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Calls again and again until the returned function is called. */
  every(ms: number, call: () => void): () => void;
  person(): Person;
  /** What a person types at the end of `prompt`. Unset: nobody can. */
  readonly ask?: ((prompt: string) => Promise<string>) | undefined;
}

/** @param words after the program's name. @returns the exit code */
export async function main(words: readonly string[], env: Env, io: Io): Promise<number> {
  const isColoured = wantsColours(io.isTerminal, env);
  let talk = createTalk({ write: io.stderr, isColoured, isDebug: false });
  try {
    const cli = declareCommands(env);
    const line = readArguments(words, cli.commands, cli.globalCommand.options);
    const isDebug =
      line.options.has('debug') || ['1', 'true', 'yes'].includes(env.TOOLFORGE_DEBUG?.toLowerCase() ?? '');
    talk = createTalk({ write: io.stderr, isColoured, isDebug });
    const done = answerAlone(cli, line, io);
    if (done !== undefined) return done;
    const entry = entryOf(line);
    if (entry.isQuiet) return await runQuietly(entry, line, env, io);
    return await runCommand(entry, line, env, io, talk);
  } catch (error) {
    if (io.signal.aborted) return 130;
    return talk.fail(toAppError(error));
  }
}

/** The table as cac holds it. */
function declareCommands(env: Env): CAC {
  const isPlugin = env.TOOLFORGE_CLI !== undefined;
  const cli = cac(isPlugin ? 'toolforge jobs' : 'toolforge-jobs');
  for (const { usage, alias, description, options } of commandTable) {
    const command = cli.command(usage, description);
    if (alias) command.alias(alias);
    for (const option of options) command.option(option.words, option.description);
  }
  for (const option of globalOptions(isPlugin)) cli.option(option.words, option.description);
  cli.help();
  cli.version(manifest.version);
  return cli;
}

/** @returns the exit code where nothing is to be asked of the service */
function answerAlone(cli: CAC, line: CommandLine<CacCommand>, io: Io): number | undefined {
  const help = () => `${helpText(cli.name, line.command, cli.commands, cli.globalCommand.options)}\n`;
  if (line.options.has('help')) void io.stdout(help());
  else if (line.options.has('version')) void io.stdout(`${cli.name}/${manifest.version}\n`);
  else if (!line.command) {
    io.stderr(help());
    return 2;
  } else {
    checkOperands(line);
    const { answer, forms } = entryOf(line);
    if (!answer) return undefined;
    const form = choiceOf(line, 'output', forms ?? usualForms);
    print(answer({ line, commands: commandTable, globals: globalOptions(false) }), form === 'json', io);
  }
  return 0;
}

function entryOf({ command }: CommandLine<CacCommand>): CommandEntry {
  return commandTable.find(({ usage }) => usage === command?.rawName) as CommandEntry;
}

/** Whoever presses a key in a shell wants to type on. */
const quietTimeoutMs = 1_500;

async function runQuietly(entry: CommandEntry, line: CommandLine, env: Env, io: Io): Promise<number> {
  const quiet: Io = { ...io, stderr() {}, isTerminal: false };
  const talk = createTalk({ write: quiet.stderr, isColoured: false, isDebug: false });
  await runCommand(entry, line, env, quiet, talk, quietTimeoutMs).catch(() => {});
  return 0;
}

async function runCommand(
  entry: CommandEntry,
  line: CommandLine,
  env: Env,
  io: Io,
  talk: Talk,
  timeoutMs?: number,
): Promise<number> {
  const form = choiceOf(line, 'output', entry.forms ?? usualForms);
  const config = await readConfig(env, line.options.get('cfg'));
  const doubt = accountDoubt(config.tool, io.person());
  if (doubt) talk.say('warning', doubt);
  const isShown = io.isTerminal && env.TERM !== 'dumb';
  const progress = createProgress({ write: io.stderr, isShown, every: io.every });
  const say: Talk['say'] = (level, text) => {
    progress.pause();
    talk.say(level, text);
  };
  const client = createClient({
    config: { ...config, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
    version: manifest.version,
    signal: io.signal,
    onMessages({ info, warning, error }) {
      for (const text of info) say('info', text);
      for (const text of warning) say('warning', text);
      for (const text of error) say('error', text);
    },
    trace: (text) => say('debug', text),
  });
  try {
    progress.show('Waiting for the service');
    const run = entry.run as Command;
    const { clock, signal, ask, isTerminal: isWatched } = io;
    const show = (text: string) => {
      progress.clear();
      return io.stdout(text);
    };
    const confirm =
      ask &&
      ((question: string) => {
        progress.clear();
        return isYes(ask(`${visibleText(question)} [y/N] `));
      });
    const context: Context = {
      client,
      tool: config.tool,
      line,
      say,
      print: show,
      progress: progress.show,
      isWatched,
      display: env.TERM === 'dumb' ? undefined : io.display,
      opener: io.opener,
      confirm,
      home: env.HOME,
      runId: env.TOOLFORGE_RUN_ID,
      clock,
      signal,
    };
    const outcome = await run(context);
    progress.clear();
    print(outcome, form === 'json', io);
    return outcome.exit ?? 0;
  } finally {
    progress.clear();
    client.close();
  }
}

async function isYes(answer: Promise<string>): Promise<boolean> {
  return /^\s*y(?:es)?\s*$/i.test(await answer);
}

function print({ text, data }: Outcome, asJson: boolean, io: Io): void {
  if (asJson && data !== undefined) void io.stdout(`${visibleJson(data)}\n`);
  else if (text !== '') void io.stdout(`${text}\n`);
}

if (isEntry()) await runHere();

async function runHere(): Promise<void> {
  const interrupted = new AbortController();
  const { signal } = interrupted;
  // Once: a second Ctrl-C ends the process the hard way.
  process.once('SIGINT', () => interrupted.abort());
  // Whoever read us has read enough (`list | head -1`).
  process.stdout.on('error', () => process.exit(0));
  process.exitCode = await main(process.argv.slice(2), process.env, {
    async stdout(text) {
      if (!process.stdout.write(text)) await once(process.stdout, 'drain', { signal }).catch(() => {});
    },
    stderr: (text) => void process.stderr.write(text),
    isTerminal: process.stderr.isTTY === true,
    display: displayOf(process.stdout),
    opener: openerHere(),
    signal,
    clock: {
      now: () => performance.now(),
      sleep: (ms, needed) => sleep(ms, undefined, { signal: needed ? AbortSignal.any([signal, needed]) : signal }),
    },
    every(ms, call) {
      const timer = setInterval(call, ms).unref();
      return () => clearInterval(timer);
    },
    person: thisPerson,
    ask: process.stdin.isTTY && process.stderr.isTTY ? (prompt) => askHere(prompt, signal) : undefined,
  });
}

function openerHere(): string | undefined {
  if (process.platform === 'darwin') return 'open';
  return process.env.DISPLAY || process.env.WAYLAND_DISPLAY ? 'xdg-open' : undefined;
}

async function askHere(prompt: string, signal: AbortSignal): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  // Without a terminal of its own, so that Ctrl-C stays the process's.
  const reader = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const closed = once(reader, 'close').then(() => '');
    return await Promise.race([reader.question(prompt, { signal }), closed]);
  } finally {
    reader.close();
  }
}

/** Started as a program, also through the link npm makes; not imported. */
function isEntry(): boolean {
  const [, path] = process.argv;
  return path !== undefined && realpathSync(path) === import.meta.filename;
}
