/** All jobs of a file, or everything that is wrong with it: nothing is sent of a file with a mistake in it. */

import { inLoadOrder } from '../../src/definition/load-order.ts';
import { readNewJob, waitSecondsOf } from '../commands/new-job.ts';
import type { CommandLine } from '../terminal/arguments.ts';
import { type EntryOptions, optionsOf } from './entry-options.ts';
import { keyOfField, knownKeys } from './keys.ts';
import { problemsOfOrder } from './load-order.ts';
import { type Places, placesOf } from './places.ts';
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

/**
 * @param entries those to be sent, defaults and all
 * @param all of the file, which `after` may name
 * @param problemsOfBody the service's rules
 */
export function jobsOfFile(
  entries: readonly FileEntry[],
  problemsOfBody: (body: FileJob['body']) => readonly string[],
  all: readonly FileEntry[] = entries,
): FileJobs {
  const read = entries.map(optionsOf);
  const checked = read.map((options, index) => {
    const entry = entries[index] as FileEntry;
    return checkEntry(options, entry, problemsOfOrder(entry, all), problemsOfBody);
  });
  const jobs = checked.map(({ job }) => job);
  const found = checked.flatMap(({ problems }, index) => [...problems, ...takenName(read, index)]);
  return {
    jobs: inLoadOrder(jobs, ({ name }) => name, predecessorsOf),
    problems: sentencesOf(found),
    warnings: read.flatMap(({ warnings }) => warnings),
  };
}

/** Names of the jobs that come first. */
export function predecessorsOf({ body }: Pick<FileJob, 'body'>): readonly string[] {
  return Array.isArray(body.after) ? body.after : [];
}

/** A whole sentence, or what is wrong with one job. */
type Found = string | { readonly job: EntryOptions; readonly text: string; readonly places: Places };

function checkEntry(
  entryOptions: EntryOptions,
  entry: FileEntry,
  ofOrder: readonly string[],
  problemsOfBody: (body: FileJob['body']) => readonly string[],
): { job: FileJob; problems: readonly Found[] } {
  const { number, name, options, repeated, missing, problems } = entryOptions;
  const line: CommandLine = { command: undefined, operands: [name], options, repeated };
  const read = readNewJob(line);
  const wait = secondsOf(line);
  const found = [...read.misused, ...read.problems, ...(wait.problem === undefined ? [] : [wait.problem])];
  // Missing keys have been named, and the service's rules would name what was found so far once more.
  const own = [...problems, ...ofOrder, ...found.filter((text) => !text.startsWith("'run' needs "))];
  const isSound = entry.problems.length + missing.length + own.length === 0;
  const rules = isSound ? problemsOfBody(read.body).map(withKeys) : [];
  const about = (text: string): Found => ({
    job: entryOptions,
    text: withoutDashes(text),
    places: placesOf(text, entry),
  });
  return {
    job: { number, name, body: read.body, wait: wait.seconds },
    problems: [...entry.problems.map(about), ...missing, ...[...own, ...rules].map(about)],
  };
}

const maxNamed = 5;

/** What several jobs have of `defaults` is told once. */
function sentencesOf(found: readonly Found[]): string[] {
  const shared = new Map<string, EntryOptions[]>();
  for (const one of found) {
    if (typeof one === 'string' || !one.places.isOfDefaults) continue;
    const text = one.text + one.places.text;
    shared.set(text, [...(shared.get(text) ?? []), one.job]);
  }
  return found.flatMap((one) => {
    if (typeof one === 'string') return [one];
    const text = one.text + one.places.text;
    const jobs = one.places.isOfDefaults ? (shared.get(text) ?? []) : [one.job];
    return jobs[0] === one.job ? [`Invalid ${jobs.length === 1 ? 'job' : 'jobs'} ${namesOf(jobs)}: ${text}`] : [];
  });
}

function namesOf(jobs: readonly EntryOptions[]): string {
  const named = jobs.slice(0, maxNamed).map(({ number, name }) => `${number}${name && ` ('${name}')`}`);
  return [...named, ...(jobs.length > maxNamed ? [`${jobs.length - maxNamed} more`] : [])].join(', ');
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
