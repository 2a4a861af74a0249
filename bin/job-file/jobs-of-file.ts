/** All jobs of a file, or everything that is wrong with it: nothing is sent of a file with a mistake in it. */
import { readNewJob, waitSecondsOf } from '../commands/new-job.ts';
import type { CommandLine } from '../terminal/arguments.ts';
import { type EntryOptions, optionsOf } from './entry-options.ts';
import { keyOfField, knownKeys } from './keys.ts';
import type { FileEntry } from './yaml-entries.ts';

export interface FileJob {
  readonly number: number;
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Seconds to stay with a one-off. */
  readonly wait: number | undefined;
}

export interface FileJobs {
  readonly jobs: readonly FileJob[];
  /** Whole sentences that name number, job and key. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** @param problemsOfBody the service's rules */
export function jobsOfFile(
  entries: readonly FileEntry[],
  problemsOfBody: (body: FileJob['body']) => readonly string[],
): FileJobs {
  const read = entries.map(optionsOf);
  const checked = read.map((entry) => checkEntry(entry, problemsOfBody));
  return {
    jobs: checked.map(({ job }) => job),
    problems: checked.flatMap(({ problems }, index) => [...problems, ...takenName(read, index)]),
    warnings: read.flatMap(({ warnings }) => warnings),
  };
}

function checkEntry(
  { number, name, options, repeated, problems }: EntryOptions,
  problemsOfBody: (body: FileJob['body']) => readonly string[],
): { job: FileJob; problems: readonly string[] } {
  const line: CommandLine = { command: undefined, operands: [name], options, repeated };
  const read = readNewJob(line);
  const wait = secondsOf(line);
  const found = [...read.misused, ...read.problems, ...(wait.problem === undefined ? [] : [wait.problem])];
  // Missing keys have been named, and the service's rules would name what was found so far once more.
  const own = found.filter((text) => !text.startsWith("'run' needs "));
  const rules = own.length + problems.length === 0 ? problemsOfBody(read.body).map(withKeys) : [];
  return {
    job: { number, name, body: read.body, wait: wait.seconds },
    problems: [
      ...problems,
      ...[...own.map(withoutDashes), ...rules].map((text) => `Invalid job ${number} ('${name}'): ${text}`),
    ],
  };
}

function secondsOf(line: CommandLine): { seconds?: number | undefined; problem?: string } {
  try {
    return { seconds: waitSecondsOf(line) };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function takenName(entries: readonly EntryOptions[], index: number): string[] {
  const { name, number } = entries[index] as EntryOptions;
  const first = entries.find((one) => one.name === name);
  if (name === '' || first === undefined || first.number === number) return [];
  return [`Invalid job ${number} ('${name}'): 'name' is that of job ${first.number} as well.`];
}

/** In a file options stand without dashes. */
function withoutDashes(text: string): string {
  return text.replace(/--([a-z][a-z-]*)/g, (word, key) => (knownKeys.includes(key) ? key : word));
}

/** @example withKeys('memory: "x" is no quantity.') -> 'mem: "x" is no quantity.' */
function withKeys(text: string): string {
  return text.replace(/^([a-z_]+):/, (word, field) => (keyOfField.has(field) ? `${keyOfField.get(field)}:` : word));
}
