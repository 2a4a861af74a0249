/** `history NAME`: what became of each run of a job, and of each time at which its schedule asked for one, the newest last. */
import { cpuWords, shareWords } from '../../src/usage/amount-words.ts';
import type { Job } from '../client/client.ts';
import { numberOf } from '../terminal/arguments.ts';
import { momentOf, wordOf } from '../terminal/cells.ts';
import { simpleTable } from '../terminal/table.ts';
import type { Command } from './outcome.ts';

const maxRuns = 100;
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
  const isMeasured = shown.some(({ peak_memory: memory, peak_cpu: cpu }) => (memory ?? cpu ?? null) !== null);
  const head = ['Due (UTC)', 'Began', 'Ran for', ...(isMeasured ? ['Sampled peak'] : []), 'Outcome'];
  const rows = [...shown].reverse().map((run) => cellsOf(run, isMeasured));
  return { text: simpleTable(head, rows), data: shown };
};

function cellsOf(run: Job, isMeasured: boolean): string[] {
  const { due, created, manual, started, finished, outcome, message } = run;
  const isExpected = outcome === 'succeeded' || outcome === 'skipped';
  return [
    manual === true ? 'by hand' : momentOf(due ?? created),
    momentOf(started),
    lengthOf(started, finished),
    ...(isMeasured ? [peakOf(run)] : []),
    isExpected ? wordOf(outcome === 'skipped' ? message : outcome) : `${wordOf(outcome)}: ${wordOf(message)}`,
  ];
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

function lengthOf(started: unknown, finished: unknown): string {
  const seconds = Math.round((Date.parse(wordOf(finished)) - Date.parse(wordOf(started))) / 1_000);
  if (!(seconds >= 0)) return '';
  const [hours, minutes, rest] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}
