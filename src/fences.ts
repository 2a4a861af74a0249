/**
 * Fencing numbers: `<directory>/<2 hex digits>/<tool>.json`. Of each job the newest run that has asked for one, and its number. A number is
 * on disk before anybody hears of it, and no number of a job is ever lower than one before: it counts on from the last, and is at least the
 * time, so that a file that is lost, restored or full forgets nothing that matters.
 */
import { join } from 'node:path';
import type { Tool } from './domain.ts';
import { AppError } from './errors.ts';
import { amountAt, listAt, textAt, textsAt } from './fields.ts';
import type { Log } from './log.ts';
import { DurableFile, type DurableFileOptions, spreadOf } from './store.ts';

/** A run that wants to be known as the newest of its job. */
export interface FenceClaim {
  readonly job: string;
  /** Uid of its pod. */
  readonly run: string;
  /** Of the pod; ms since the epoch, whole seconds as the cluster keeps them. */
  readonly createdAt: number;
}

export interface Fences {
  /**
   * The same run gets the same number, however often it asks.
   * @throws AppError `run.superseded` once a newer run of the job has asked; `state.unwritable`
   */
  claim(tool: Tool, claim: FenceClaim): Promise<number>;
}

export interface FencesOptions {
  readonly directory: string;
  readonly log: Log;
  /** Ms since the epoch. */
  now(): number;
  /** As store.ts has it. */
  readonly mayWrite?: () => boolean;
}

interface Row extends FenceClaim {
  readonly fence: number;
  /** Runs that had a number before, newest first: of two that began in the same second only this tells which is the older. */
  readonly former: readonly string[];
}

interface FenceFile {
  readonly v: 1;
  readonly tool: string;
  readonly rows: readonly Row[];
}

const maxRows = 1_000;
const maxFormer = 20;

export function createFences({ directory, log, now, mayWrite }: FencesOptions): Fences {
  /** Claims of one tool, one after the other. */
  const turns = new Map<string, Promise<unknown>>();

  const optionsOf = (tool: Tool): DurableFileOptions<FenceFile> => ({
    path: join(directory, spreadOf(tool.name), `${tool.name}.json`),
    parse: (value) => parse(value, tool),
    mayWrite,
    onBad: (keptAs, cause) =>
      log.error({ tool: tool.name, keptAs, err: cause }, 'a file of fencing numbers cannot be read; it is set aside'),
  });

  async function decide(tool: Tool, claim: FenceClaim): Promise<number> {
    const file = new DurableFile(optionsOf(tool));
    const rows = (await file.read())?.rows ?? [];
    const last = rows.find(({ job }) => job === claim.job);
    if (last?.run === claim.run) return last.fence;
    if (last && (claim.createdAt < last.createdAt || last.former.includes(claim.run))) throw superseded(claim);
    const fence = Math.max(now(), (last?.fence ?? 0) + 1);
    const former = last ? [last.run, ...last.former].slice(0, maxFormer) : [];
    const others = rows.filter((row) => row !== last).slice(0, maxRows - 1);
    await file.write({ v: 1, tool: tool.name, rows: [{ ...claim, fence, former }, ...others] }).catch(unwritable);
    return fence;
  }

  return {
    async claim(tool, claim) {
      const before = turns.get(tool.name) ?? Promise.resolve();
      const turn = before.catch(() => {}).then(() => decide(tool, claim));
      turns.set(tool.name, turn);
      try {
        return await turn;
      } finally {
        if (turns.get(tool.name) === turn) turns.delete(tool.name);
      }
    },
  };
}

export function superseded({ job, run }: Pick<FenceClaim, 'job' | 'run'>): AppError {
  const text = `A newer run of the job '${job}' is there, or this one is over. It should end.`;
  return new AppError('run.superseded', text, { fields: { name: job, run } });
}

function unwritable(cause: unknown): never {
  throw new AppError('state.unwritable', 'The number could not be put on disk, so none was given. Try again.', {
    cause,
  });
}

/** @throws Error for what is no file of this tool */
function parse(value: unknown, tool: Tool): FenceFile {
  if (amountAt(value, 'v') !== 1 || textAt(value, 'tool') !== tool.name)
    throw new Error('no fencing numbers of this tool');
  return { v: 1, tool: tool.name, rows: listAt(value, 'rows').flatMap(parseRow) };
}

function parseRow(value: unknown): Row[] {
  const [job, run, former] = [textAt(value, 'job'), textAt(value, 'run'), textsAt(value, 'former')];
  const [createdAt, fence] = [amountAt(value, 'createdAt'), amountAt(value, 'fence')];
  const isWhole = job !== undefined && run !== undefined && createdAt !== undefined && fence !== undefined;
  return isWhole ? [{ job, run, createdAt, fence, former: former ?? [] }] : [];
}
