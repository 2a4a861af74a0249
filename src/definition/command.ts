/** The command of a container, both ways: what a user typed to what runs, and what runs (in any form it ever had) to what was typed. */
import type { Image } from '../domain.ts';
import { joinWords, quotePath, splitWords } from './shell-words.ts';

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

const shell = ['/bin/sh', '-c', '--'] as const;
/** Starts a program inside an image of the build service (buildpacks.io, "launcher"). */
const launcher = 'launcher';
/** What an empty command is shown as. */
const unknownCommand = 'unknown';

/**
 * The command before `launcher` is put in front. Output is appended to the files; without files it goes to the container's log.
 * @returns undefined when the words of a build-service command cannot be told apart (a quote is not closed)
 */
export function wrapCommand(cmd: string, output: Output | undefined, type: Image['type']): string[] | undefined {
  if (output) return [...shell, `exec 1>>${quotePath(output.stdout)};exec 2>>${quotePath(output.stderr)};${cmd}`];
  return type === 'buildservice' ? splitWords(cmd) : [...shell, cmd];
}

/** What a container runs; undefined as in wrapCommand(). */
export function toContainerCommand(cmd: string, output: Output | undefined, type: Image['type']): string[] | undefined {
  return wrapCommand(type === 'buildservice' ? withLauncher(cmd) : cmd, output, type);
}

/** What checks a copy's health; undefined as in wrapCommand(). */
export function toCheckCommand(script: string, type: Image['type']): string[] | undefined {
  if (type === 'standard') return ['/bin/sh', '-c', script];
  const words = splitWords(script);
  return words && [launcher, ...words];
}

/** The script of a check, whoever wrote its command; undefined where there is none. */
export function readCheckCommand(command: readonly string[]): string | undefined {
  if (command.length === 0) return undefined;
  if (command.length === 3 && command[0] === '/bin/sh' && command[1] === '-c') return command[2];
  return joinWords(command[0] === launcher ? command.slice(1) : command);
}

function withLauncher(cmd: string): string {
  return /^launcher(?:\s|$)/.test(cmd) ? cmd : `${launcher} ${cmd}`;
}

export interface CommandFacts {
  readonly cmd: string;
  /** As written in the command; undefined when output is not sent to files. */
  readonly output: Output | undefined;
}

export interface CommandForm {
  /** Label app.kubernetes.io/version; `1` where it is missing. */
  readonly version: string;
  /** Label jobs.toolforge.org/command-new-format of some objects of version 1. */
  readonly isNewFormat: boolean;
  /** Label jobs.toolforge.org/filelog. */
  readonly hasFilelog: boolean;
  readonly type: Image['type'];
}

/** @returns undefined for a command that no generation wrote */
export function readCommand(
  command: readonly string[],
  args: readonly string[],
  form: CommandForm,
): CommandFacts | undefined {
  if (command.length + args.length === 0) return undefined;
  const text = args.length === 0 ? shellText(command) : undefined;
  if (text === undefined)
    return { cmd: withoutLauncher(joinWords([...command, ...args]), form.type), output: undefined };
  if (form.version === '1' && !form.isNewFormat) return readTrailing(text);
  if (form.version !== '1' && !form.hasFilelog) return { cmd: text || unknownCommand, output: undefined };
  const read = readLeading(text);
  if (!read) return undefined;
  return {
    cmd: withoutLauncher(read.cmd, form.type) || unknownCommand,
    output: form.version === '1' ? toFiles(read.output) : read.output,
  };
}

function shellText(command: readonly string[]): string | undefined {
  return command.length === 4 && shell.every((word, place) => command[place] === word) ? command[3] : undefined;
}

function withoutLauncher(cmd: string, type: Image['type']): string {
  return type === 'buildservice' && cmd.startsWith(`${launcher} `) ? cmd.slice(launcher.length + 1) : cmd;
}

/** Without file logs the first generations sent both streams to /dev/null. */
function toFiles(output: Output | undefined): Output | undefined {
  return output?.stdout === '/dev/null' && output.stderr === '/dev/null' ? undefined : output;
}

/** `<cmd> 1>>NAME.out 2>>NAME.err`, cut at the last redirection. */
function readTrailing(text: string): CommandFacts {
  const [, cmd, stdout, stderr] = /^([\s\S]*) 1>>?(\S+) 2>>?(\S+)$/.exec(text) ?? [];
  if (cmd === undefined || stdout === undefined || stderr === undefined)
    return { cmd: text || unknownCommand, output: undefined };
  return { cmd: cmd || unknownCommand, output: toFiles({ stdout, stderr }) };
}

/** `exec 1>>OUT;exec 2>>ERR;<cmd>`: as quoted here, else with bare paths up to the next semicolon as earlier services wrote them. */
function readLeading(text: string): { cmd: string; output: Output } | undefined {
  const path = "([A-Za-z0-9_./-]+|'(?:[^']|'\\\\'')*')";
  const quoted = new RegExp(`^exec 1>>${path};exec 2>>${path};([\\s\\S]*)$`).exec(text);
  const [, stdout, stderr, cmd] = quoted ?? /^exec 1>>([^;]*);exec 2>>([^;]*);([\s\S]*)$/.exec(text) ?? [];
  if (stdout === undefined || stderr === undefined || cmd === undefined) return undefined;
  return { cmd, output: quoted ? { stdout: unquoted(stdout), stderr: unquoted(stderr) } : { stdout, stderr } };
}

function unquoted(path: string): string {
  return path.startsWith("'") ? path.slice(1, -1).replaceAll("'\\''", "'") : path;
}
