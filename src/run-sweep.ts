/**
 * Records of runs of jobs that run no more go when they are too old, though nobody writes to their files: one of the 256 directories that
 * the tools spread over is looked through at a time, so that nobody ever waits for it. Called by run-records.ts.
 */
import { unlinkSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Tool } from './domain.ts';
import { listAt } from './fields.ts';

export interface RunFileFound {
  readonly path: string;
  readonly job: string;
  /** When it was last written to: nothing in it is newer. Ms since the epoch. */
  readonly at: number;
}

/** The files of one tool, the one longest untouched first. */
export async function runFilesIn(directory: string): Promise<RunFileFound[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.json'));
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      return { path, job: basename(name, '.json'), at: (await stat(path).catch(() => undefined))?.mtimeMs };
    }),
  );
  return files.filter((file): file is RunFileFound => file.at !== undefined).sort((one, other) => one.at - other.at);
}

export interface SweepOptions {
  readonly directory: string;
  /** 0 to 255. */
  readonly number: number;
  /** Ms since the epoch. */
  readonly oldest: number;
  /** Whether somebody is about to write to the file. */
  isBusy(path: string): boolean;
  onForgotten(tool: Tool, job: string): void;
}

export async function sweepRuns({ directory, number, oldest, isBusy, onForgotten }: SweepOptions): Promise<void> {
  const spread = join(directory, number.toString(16).padStart(2, '0'));
  for (const name of await readdir(spread).catch(() => [])) {
    const tool = Tool.ofNamespace(`tool-${name}`);
    for (const { path, job, at } of tool ? await runFilesIn(join(spread, name)) : []) {
      if (at >= oldest) break;
      if (!(await hasRuns(path)) || isBusy(path)) continue;
      // At once: nobody can have begun to write in between.
      unlinkSync(path);
      if (tool) onForgotten(tool, job);
    }
  }
}

/** A continuous job has none; when it last did well is worth knowing for as long as it runs. */
async function hasRuns(path: string): Promise<boolean> {
  try {
    return listAt(JSON.parse(await readFile(path, 'utf8')), 'runs').length > 0;
  } catch {
    return false;
  }
}
