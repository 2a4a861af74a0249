/** `history NAME`: what became of each run of a job, and of each time at which its schedule asked for one, the newest last. */
import { cpuWords, shareWords } from '../../src/usage/amount-words.ts';
import type { Job } from '../client/client.ts';
import { numberOf } from '../terminal/arguments.ts';
import { momentOf, wordOf } from '../terminal/cells.ts';
import { outcomeWords, shortId } from '../terminal/run-words.ts';
import { simpleTable } from '../terminal/table.ts';
import type { Command } from './outcome.ts';

const maxRuns = 1_000;
const usualRuns = 20;

export const showHistory: Command = async ({ client, line }) => {
  const name = line.operands[0] ?? '';
  const last = numberOf(line, 'last', 1, maxRuns) ?? usualRuns;
  const runs = await client.listRuns(name);
  const isFailedOnly = line.options.has('failed');
  const isShown = ({ outcome }: Job) => !isFailedOnly || outcome !== 'succeeded';
  const shown = runs.filter(isShown).slice(0, last);
  if (shown.length === 0)
    return {
      text: `No run of job '${name}' ${isFailedOnly ? 'has failed' : 'has ended'} yet${isFailedOnly ? '' : '; a continuous job has none'}.`,
      data: [],
    };
  return { text: historyTable([...shown].reverse(), name), data: shown };
};

/** @param name that was asked for: its parts have names of their own */
function historyTable(runs: readonly Job[], name: string): string {
  const part: Column = { head: 'Part', of: ({ job }) => (job === name ? '' : wordOf(job)) };
  const shown = [part, ...columns].filter(
    ({ isAlways, of, has = (run) => of(run) !== '' }) => isAlways || runs.some(has),
  );
  return simpleTable(
    shown.map(({ head }) => head),
    runs.map((run) => shown.map(({ of }) => of(run))),
  );
}

interface Column {
  readonly head: string;
  of(run: Job): string;
  readonly isAlways?: true;
  /** The column is there where one of the runs shown has it. Unset: where a cell would not be empty. */
  has?(run: Job): boolean;
}

const columns: readonly Column[] = [
  {
    head: 'Due (UTC)',
    of: ({ manual, due, created }) => (manual === true ? 'by hand' : momentOf(due ?? created)),
    isAlways: true,
  },
  { head: 'Began', of: ({ started }) => momentOf(started), isAlways: true },
  { head: 'Ran for', of: ({ started, finished }) => lengthOf(started, finished), isAlways: true },
  { head: 'Run', of: shortId },
  { head: 'Changed', of: ({ changed }) => (Array.isArray(changed) ? changed.join(', ') : '') },
  {
    head: 'Sampled peak',
    of: peakOf,
    has: ({ peak_memory: memory, peak_cpu: cpu }) => (memory ?? cpu ?? null) !== null,
  },
  { head: 'Outcome', of: (run) => `${outcomeWords(run)}${unusualWords(run)}${lateWords(run)}`, isAlways: true },
];

function unusualWords({ unusual }: Job): string {
  return typeof unusual === 'string' ? `, unusually ${wordOf(unusual)}` : '';
}

/** @example '96 of 512 MiB, 0.35 CPU' */
function peakOf({ started, reason, peak_memory: memory, memory_limit: limit, peak_cpu: cpu }: Job): string {
  const parts = [
    ...(typeof memory === 'number' ? [shareWords(memory, typeof limit === 'number' ? limit : undefined)] : []),
    ...(typeof cpu === 'number' ? [cpuWords(cpu)] : []),
  ];
  if (parts.length > 0) return `${parts.join(', ')}${reason === 'out_of_memory' ? ' (limit)' : ''}`;
  return started === null ? '' : 'not measured';
}

function lateWords({ trigger, due, created }: Job): string {
  return trigger === 'caught_up' ? ` (caught up, ${lengthOf(due, created)} late)` : '';
}

function lengthOf(started: unknown, finished: unknown): string {
  const seconds = Math.round((Date.parse(wordOf(finished)) - Date.parse(wordOf(started))) / 1_000);
  if (!(seconds >= 0)) return '';
  const [hours, minutes, rest] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}
