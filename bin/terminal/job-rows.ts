/** What the columns of `list` and the rows of `show` say of a job: labels, order and words of the newest of the earlier clients. */
import { isTimeZone } from '../../src/definition/time-zone.ts';
import { firingNotes } from '../../src/definition/zone-words.ts';
import { cpuRangeWords, rangeWords } from '../../src/usage/amount-words.ts';
import type { Job } from '../client/client.ts';
import { isRecord } from '../client/session.ts';
import { momentOf } from './cells.ts';
import { outcomeWords } from './run-words.ts';
import { wrap } from './table.ts';
import { visibleLine } from './terminal.ts';

const hintColumns = 70;

/**
 * Labels and words of one job, short form.
 * @param hasLast whether there is a row for how the last run went
 */
export function shortRows(job: Job, hasLast = false): [label: string, words: string][] {
  return [
    ['Job name:', wordsOf(job.name)],
    ['Job type:', typeWords(job)],
    ['Status:', wordsOf(job.status_short)],
    ...(hasLast ? [['Last run:', isRecord(job.last_run) ? outcomeWords(job.last_run) : ''] as [string, string]] : []),
  ];
}

/** Whether the service says of this job how its last run went. */
export function saysLast(job: Job): boolean {
  return isRecord(job.last_run);
}

/** @param hasPublic whether there is a row for what only some services can do: a port that is reached from outside */
export function longRows(job: Job, hasPublic = saysPublic(job)): [label: string, words: string][] {
  return [
    ['Job name:', wordsOf(job.name)],
    ['Command:', wordsOf(job.cmd)],
    ['Job type:', typeWords(job)],
    ['Image:', imageWords(job)],
    ['Port:', job.port ? `${wordsOf(job.port)}/${wordsOf(job.port_protocol ?? 'tcp')}` : 'none'],
    ...(hasPublic ? [['Public:', publicWords(job)] as [string, string]] : []),
    ['File log:', isOn(job.filelog) ? 'yes' : 'no'],
    ['Output log:', wordsOf(job.filelog_stdout)],
    ['Error log:', wordsOf(job.filelog_stderr)],
    ['Emails:', wordsOf(job.emails)],
    ['Resources:', resourceWords(job)],
    ['Replicas:', job.continuous ? wordsOf(job.replicas) : ''],
    ['Mounts:', wordsOf(job.mount)],
    ['Retry:', job.retry ? `yes: ${wordsOf(job.retry)} time(s)` : 'no'],
    ['Timeout:', job.timeout ? `yes: ${wordsOf(job.timeout)}s` : 'no'],
    ['Health check:', healthWords(job.health_check)],
    ['Status:', wordsOf(job.status_short)],
  ];
}

/** Whether the service says of this job who can reach it. */
export function saysPublic(job: Job): boolean {
  return job.publish !== undefined && job.publish !== null;
}

/** Everything, with when it runs next and the hints: what the job's last attempt did, and in plain words why. */
export function showRows(job: Job, now = Date.now()): [label: string, words: string][] {
  const firings = firingTexts(textsIn(job, 'next_schedules'), job.timezone, now);
  const runs = Array.isArray(job.last_runs) ? job.last_runs.filter(isRecord) : [];
  const hints = [wordsOf(job.status_long), ...textsIn(job, 'messages')];
  return [
    ...longRows(job),
    ...firingRows(job),
    ...variableRows(job),
    ...(job.unusual === true ? [['Unusual runs:', 'told by mail'] as [string, string]] : []),
    ...peakRows(job.peaks),
    ...(firings.length > 0 ? [['Next runs:', firings.join('\n')] as [string, string]] : []),
    ...partRows(job),
    ...(runs.length > 0 ? [['Last runs:', runs.map(runLine).join('\n')] as [string, string]] : []),
    ['Hints:', [...new Set(hints)].map((hint) => wrap(hint, hintColumns)).join('\n')],
  ];
}

/** How it fires, where that is not as usual. */
function firingRows(job: Job): [label: string, words: string][] {
  const { timezone, concurrency, starting_deadline: deadline, suspend_after: failures } = job;
  const rows: [string, unknown][] = [
    ['Time zone:', timezone],
    ['Concurrency:', concurrency],
    ['Starting deadline:', typeof deadline === 'number' ? `${deadline}s` : undefined],
    ['Suspend after:', typeof failures === 'number' ? `${failures} failed run(s) in a row` : undefined],
  ];
  return rows.flatMap(([label, value]) => (value === undefined || value === null ? [] : [[label, wordsOf(value)]]));
}

/** What its program finds in its environment, and what comes before it. */
function variableRows({ parameters, matrix, after }: Job): [label: string, words: string][] {
  const lines = (values: unknown, of: (name: string, value: unknown) => string) =>
    isRecord(values) ? Object.entries(values).map(([name, value]) => of(name, value)) : [];
  const rows: [string, string[]][] = [
    ['Parameters:', lines(parameters, (name, value) => `${name}=${visibleLine(wordsOf(value))}`)],
    ['Matrix:', lines(matrix, (name, values) => `${name}: ${namesIn(values)}`)],
    ['After:', Array.isArray(after) ? [namesIn(after)] : []],
  ];
  return rows.flatMap(([label, words]) => (words.length > 0 ? [[label, words.join('\n')]] : []));
}

function namesIn(values: unknown): string {
  return Array.isArray(values) ? values.map(wordsOf).join(', ') : wordsOf(values);
}

/** With what the clocks of the job's zone show. */
export function firingTexts(texts: readonly string[], zone: unknown, now: number): string[] {
  const times = texts.map(Date.parse);
  if (typeof zone !== 'string' || !isTimeZone(zone) || times.some(Number.isNaN)) return [...texts];
  const notes = firingNotes(times, zone, now);
  return texts.map((text, index) => `${text}${notes[index]}`);
}

function runLine(run: Job): string {
  const when = momentOf(run.due ?? run.started ?? run.created);
  return wrap(`${when} ${outcomeWords(run)}`, hintColumns);
}

/** @example '96-110 MiB, 0.1-0.35 CPU in the last 10 runs (sampled)' */
function peakRows(peaks: unknown): [label: string, words: string][] {
  if (typeof peaks !== 'object' || peaks === null) return [];
  const { runs, memory, cpu } = peaks as Job;
  const parts = [rangeOf(memory, rangeWords), rangeOf(cpu, cpuRangeWords)].filter((words) => words !== undefined);
  const where = runs === 1 ? 'one run' : `the last ${wordsOf(runs)} runs`;
  return [['Peaks:', `${parts.join(', ')} in ${where} (sampled)`]];
}

function rangeOf(range: unknown, words: (lowest: number, highest: number) => string): string | undefined {
  const { lowest, highest } = typeof range === 'object' && range !== null ? (range as Job) : {};
  return typeof lowest === 'number' && typeof highest === 'number' ? words(lowest, highest) : undefined;
}

/** Each part of a job with how it is; of a part its job. */
function partRows({ parts, group }: Job): [label: string, words: string][] {
  const whole: [string, string][] = typeof group === 'string' ? [['Part of:', group]] : [];
  if (!Array.isArray(parts)) return whole;
  const rows = parts.filter((part): part is Job => typeof part === 'object' && part !== null);
  const lines = rows.map(({ name, schedule, status_short }) => {
    const times = schedule === undefined ? '' : ` (${wordsOf(schedule)})`;
    return `${wordsOf(name)}${times}: ${wordsOf(status_short)}`;
  });
  return [...whole, ['Parts:', lines.join('\n')]];
}

/** A list of texts in the structured status. */
function textsIn({ status }: Job, key: string): string[] {
  const value = typeof status === 'object' && status !== null ? (status as Job)[key] : undefined;
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** How the job ends, as far as it has: what `run --wait` waits for. */
export function endOf(job: Job): 'succeeded' | 'failed' | undefined {
  const status = job.status;
  const short = typeof status === 'object' && status !== null ? (status as Job).short : undefined;
  return short === 'succeeded' || short === 'failed' ? short : undefined;
}

/** A value as words: nothing for null, `Unknown` for what the service did not say. */
function wordsOf(value: unknown): string {
  if (value === undefined) return 'Unknown';
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function typeWords(job: Job): string {
  const zone = job.timezone ? ` (${wordsOf(job.timezone)})` : '';
  if (job.schedule !== undefined && job.schedule !== null) return `schedule: ${wordsOf(job.schedule)}${zone}`;
  return job.continuous ? 'continuous' : 'one-off';
}

function publicWords(job: Job): string {
  if (!saysPublic(job)) return '';
  return job.publish === true ? 'yes' : 'no';
}

function imageWords(job: Job): string {
  const state = job.image_state;
  return `${wordsOf(job.image)}${state === undefined || state === 'stable' ? '' : ` (${wordsOf(state)})`}`;
}

/** What a job gets that asks for nothing is not worth a number. */
function resourceWords(job: Job): string {
  const orDefault = (value: unknown, usual: string) =>
    value === undefined || value === null || value === usual ? 'default' : wordsOf(value);
  const memory = orDefault(job.memory, '0.5Gi');
  const cpu = orDefault(job.cpu, '0.1');
  return memory === 'default' && cpu === 'default' ? 'default' : `mem: ${memory}, cpu: ${cpu}`;
}

function healthWords(check: unknown): string {
  if (typeof check !== 'object' || check === null) return 'none';
  const { type, script, path } = check as Job;
  return `${wordsOf(type)}: ${wordsOf(script ?? path)}`;
}

/** Older services write truth values as text. */
function isOn(value: unknown): boolean {
  return value === true || (typeof value === 'string' && value.toLowerCase() === 'true');
}
