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
    return { text: `No run of job '${name}' ${isFailedOnly ? 'has failed' : 'has ended'} yet.`, data: [] };
  return { text: historyTable([...shown].reverse()), data: shown };
};

/** A column of which every cell would be empty is left out. */
function historyTable(runs: readonly Job[]): string {
  const columns = columnsOf.filter(({ of, isAlways }) => isAlways || runs.some((run) => of(run) !== ''));
  return simpleTable(
    columns.map(({ head }) => head),
    runs.map((run) => columns.map(({ of }) => of(run))),
  );
}

const columnsOf: readonly { readonly head: string; readonly isAlways?: true; of(run: Job): string }[] = [
  {
    head: 'Due (UTC)',
    isAlways: true,
    of: ({ manual, due, created }) => (manual === true ? 'by hand' : momentOf(due ?? created)),
  },
  { head: 'Began', isAlways: true, of: ({ started }) => momentOf(started) },
  { head: 'Ran for', isAlways: true, of: ({ started, finished }) => lengthOf(started, finished) },
  { head: 'Run', of: shortId },
  { head: 'Sampled peak', of: peakOf },
  { head: 'Changed', of: ({ changed }) => (Array.isArray(changed) ? changed.join(', ') : '') },
  { head: 'Outcome', isAlways: true, of: (run) => `${outcomeWords(run)}${lateWords(run)}` },
];

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
