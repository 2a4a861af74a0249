/**
 * What jobs were before they were changed or deleted: `<directory>/<2 hex digits>/<tool>.json`, of the last 7 days, the newest 500 of a tool
 * and 1 MiB of them. Written before the change is, so that a kill in between loses nothing; a disk that refuses keeps nobody from a change.
 */
import { join } from 'node:path';
import { decodeDefinition, encodeDefinition } from './definition/definition.ts';
import type { FormerJob, Tool } from './domain.ts';
import { integerAt, listAt, textAt } from './fields.ts';
import type { Log } from './log.ts';
import { DurableFile, type DurableFileOptions, readDurable, spreadOf } from './store.ts';

export interface FormerJobs {
  /** Resolves when they are on disk, or could not be put there. Never rejects. */
  keep(tool: Tool, former: readonly FormerJob[]): Promise<void>;
  /** Newest first; a definition as often as it was changed or deleted. */
  list(tool: Tool): Promise<readonly FormerJob[]>;
}

export interface FormerJobsOptions {
  readonly directory: string;
  readonly log: Log;
  /** Ms since the epoch. */
  now(): number;
  /** As store.ts has it. */
  readonly mayWrite?: () => boolean;
}

/** A definition is kept as the text that stands beside the object as well, and checked as that is. */
interface Row extends Omit<FormerJob, 'definition'> {
  readonly definition: string;
  /** Before that, the times in which it was so as well, oldest first. */
  readonly earlier?: readonly EarlierTime[];
}

/** Ms since the epoch. */
interface EarlierTime extends Pick<FormerJob, 'from' | 'reason'> {
  readonly to: number;
}

interface FormerFile {
  readonly v: 1;
  readonly tool: string;
  /** Oldest first. */
  readonly rows: readonly Row[];
}

const keptMs = 7 * 24 * 3_600_000;
/** What Date can hold (ECMA-262, "Time Values and Time Range"). */
const farthestMs = 8.64e15;
const maxRows = 500;
const maxListed = 5_000;
const maxTextLength = 1_048_576;
/** Of one definition. */
const maxEarlier = 20;

export const formerKeptMs = keptMs;

export function createFormerJobs({ directory, log, now, mayWrite }: FormerJobsOptions): FormerJobs {
  /** Changes of one tool's file, one after the other. */
  const turns = new Map<string, Promise<void>>();

  const optionsOf = (tool: Tool): DurableFileOptions<FormerFile> => ({
    path: join(directory, spreadOf(tool.name), `${tool.name}.json`),
    parse: (value) => parse(value, tool),
    mayWrite,
    onBad: (keptAs, cause) =>
      log.error({ tool: tool.name, keptAs, err: cause }, 'a file of former jobs cannot be read; it is set aside'),
  });

  async function add(tool: Tool, former: readonly FormerJob[]): Promise<void> {
    try {
      const file = new DurableFile(optionsOf(tool));
      const known = (await file.read())?.rows ?? [];
      await file.write({ v: 1, tool: tool.name, rows: merge(known, former.map(toRow), now() - keptMs) });
    } catch (err) {
      log.warn({ tool: tool.name, jobs: former.length, err }, 'what jobs were before a change cannot be kept');
    }
  }

  return {
    async keep(tool, former) {
      if (former.length === 0) return;
      const turn = (turns.get(tool.name) ?? Promise.resolve()).then(() => add(tool, former));
      turns.set(tool.name, turn);
      await turn;
      if (turns.get(tool.name) === turn) turns.delete(tool.name);
    },
    async list(tool) {
      const rows = (await readDurable(optionsOf(tool)))?.rows ?? [];
      const since = now() - keptMs;
      return rows
        .flatMap(toFormer)
        .filter(({ at }) => at > since)
        .reverse()
        .sort((one, other) => other.at - one.at)
        .slice(0, maxListed);
    },
  };
}

function toRow({ definition, ...former }: FormerJob): Row {
  return { ...former, definition: encodeDefinition(definition) };
}

function toFormer({ definition: text, earlier = [], ...row }: Row): FormerJob[] {
  const definition = decodeDefinition(text);
  if (!definition) return [];
  return [...earlier.map(({ from, to, reason }) => ({ at: to, from, reason, definition })), { ...row, definition }];
}

/** Whoever deletes and makes the same jobs every hour has each of them once, with the times in which it was so. */
function merge(known: readonly Row[], added: readonly Row[], since: number): Row[] {
  const again = new Set(added.map(({ definition }) => definition));
  const kept = known.filter(({ at, definition }) => at > since && !again.has(definition));
  const rows = [...kept, ...added.map((row) => withTimes(row, known, since))].slice(-maxRows);
  let length = rows.reduce((sum, { definition }) => sum + definition.length, 0);
  let first = 0;
  for (; length > maxTextLength; first++) length -= rows[first]?.definition.length ?? 0;
  return rows.slice(first);
}

/** It had been so since it was made, or since the last change. */
function withTimes(row: Row, known: readonly Row[], since: number): Row {
  const name = nameIn(row);
  const changes = known.filter((other) => nameIn(other) === name).map(({ at }) => at);
  const same = known.find(({ definition }) => definition === row.definition);
  const earlier = [...(same?.earlier ?? []), ...(same ? [{ from: same.from, to: same.at, reason: same.reason }] : [])];
  const recent = earlier.filter(({ to }) => to > since).slice(-maxEarlier);
  // Of what was before that the changes are forgotten.
  const from = Math.max(row.from ?? 0, ...changes);
  return {
    ...row,
    ...(from > since ? { from } : {}),
    ...(recent.length > 0 ? { earlier: recent } : {}),
  };
}

function nameIn({ definition }: Row): string | undefined {
  try {
    return textAt(JSON.parse(definition), 'name');
  } catch {
    return undefined;
  }
}

/** @throws Error for what is no file of this tool */
function parse(value: unknown, tool: Tool): FormerFile {
  if (integerAt(value, 'v') !== 1 || textAt(value, 'tool') !== tool.name)
    throw new Error('no former jobs of this tool');
  return { v: 1, tool: tool.name, rows: listAt(value, 'rows').flatMap(parseRow) };
}

function parseRow(value: unknown): Row[] {
  const [at, reason, definition] = [timeIn(value, 'at'), reasonIn(value), textAt(value, 'definition')];
  if (at === undefined || definition === undefined || reason === undefined) return [];
  const [from, earlier] = [timeIn(value, 'from'), listAt(value, 'earlier').flatMap(parseTime)];
  return [
    { at, reason, definition, ...(from === undefined ? {} : { from }), ...(earlier.length > 0 ? { earlier } : {}) },
  ];
}

function parseTime(value: unknown): EarlierTime[] {
  const to = timeIn(value, 'to');
  return to === undefined ? [] : [{ from: timeIn(value, 'from'), to, reason: reasonIn(value) ?? 'changed' }];
}

function reasonIn(value: unknown): FormerJob['reason'] | undefined {
  const reason = textAt(value, 'reason');
  return reason === 'changed' || reason === 'deleted' ? reason : undefined;
}

function timeIn(value: unknown, name: string): number | undefined {
  const at = integerAt(value, name);
  return at !== undefined && Math.abs(at) <= farthestMs ? at : undefined;
}
