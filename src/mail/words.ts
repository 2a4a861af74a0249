/** Times, lengths, amounts and causes in words for the people behind a tool. Pure; all times are UTC. */
import { isQuotaRefusal, type Notice } from '../domain.ts';
import { exitCodeWords } from '../exit-code.ts';
import { cut, visible } from './lines.ts';

const longestName = 200;

const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** The last moment that a date can be; whatever is said to be later or no time at all is said to be at it or at the first one. */
const lastMs = 8_640_000_000_000_000;

function realDate(at: number): Date {
  return new Date(Number.isNaN(at) ? 0 : Math.max(-lastMs, Math.min(lastMs, at)));
}

/** @example dayWords(0) -> '1 January 1970' */
export function dayWords(at: number): string {
  const date = realDate(at);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

/** @example clockWords(0) -> '00:00:00 UTC' */
export function clockWords(at: number): string {
  return `${timeOf(at).slice(0, 8)} UTC`;
}

/** @example minuteWords(0) -> '00:00 UTC' */
export function minuteWords(at: number): string {
  return `${timeOf(at).slice(0, 5)} UTC`;
}

/** @example timeOf(0) -> '00:00:00.000Z'; years of more than four digits stand before the T */
function timeOf(at: number): string {
  return realDate(at).toISOString().split('T')[1] ?? '';
}

/** @example momentWords(0) -> '00:00:00 UTC on 1 January 1970' */
export function momentWords(at: number): string {
  return `${clockWords(at)} on ${dayWords(at)}`;
}

/** For programs. @example instantOf(0) -> '1970-01-01T00:00:00.000Z' */
export function instantOf(at: number): string {
  return realDate(at).toISOString();
}

/** @example shortDateWords(0) -> ' 1 Jan 00:00 UTC' */
export function shortDateWords(at: number): string {
  const date = realDate(at);
  return `${String(date.getUTCDate()).padStart(2)} ${months[date.getUTCMonth()]?.slice(0, 3)} ${minuteWords(at)}`;
}

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** The two largest units that say something. @example lengthWords(11_520_000) -> '3 h 12 min' */
export function lengthWords(ms: number): string {
  let seconds = Math.max(0, Math.round(ms / 1_000));
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
    if (parts.length > 0 && (parts.length === 2 || count === 0)) break;
  }
  return parts.length > 0 ? parts.join(' ') : 'less than a second';
}

const sizes: Readonly<Record<string, string>> = {
  Ki: 'KiB',
  Mi: 'MiB',
  Gi: 'GiB',
  Ti: 'TiB',
  k: 'kB',
  M: 'MB',
  G: 'GB',
  T: 'TB',
};

/** A quantity of Kubernetes. @example memoryWords('512Mi') -> '512 MiB' */
export function memoryWords(quantity: string): string {
  const [, number, unit = ''] = /^([0-9.]+)([A-Za-z]*)$/.exec(quantity) ?? [];
  if (number === undefined) return quantity;
  return unit === '' ? `${number} bytes` : `${number} ${sizes[unit] ?? unit}`;
}

/** Why a job failed, to be put behind a colon. @param refusal what the cluster says of a pod that it does not make */
export function causeWords(notice: Notice, refusal?: string): string {
  const { reason, exitCode, signal, ran } = notice;
  const image = cut(visible(ran?.image ?? 'that it names'), longestName);
  switch (reason) {
    case 'out_of_memory':
      return ran?.memory
        ? `it ran out of memory, having used all of its ${cut(visible(memoryWords(ran.memory)), longestName)} (OOMKilled)`
        : 'it ran out of memory (OOMKilled)';
    case 'deadline':
      return ran && ran.timeout > 0
        ? `it ran longer than its timeout of ${lengthWords(ran.timeout * 1_000)}`
        : 'it ran longer than it may (DeadlineExceeded)';
    case 'evicted':
      return 'the cluster had to take it off its machine (Evicted)';
    case 'image':
      return `its image ${image} could not be had, so it did not start`;
    case 'quota':
      return `the quota of your tool leaves no room for it${notice.isSkipped ? '' : ', so it did not start'}`;
    case 'not_started':
      if (refusal && isQuotaRefusal(refusal))
        return 'the quota of your tool leaves no room for it, so it did not start';
      return 'it could not be started';
    case 'previous_run':
      return `the run before it was still going${notice.since === undefined ? '' : `, since ${momentWords(notice.since)}`}`;
    case 'previous_pending':
      return `the run before it had not begun${notice.since === undefined ? '' : `, and waits since ${momentWords(notice.since)}`}`;
    case 'cluster_away':
      return `the cluster could not be reached${awayWords(notice)}`;
    case 'unexplained':
      return 'the cluster did not begin it within its starting deadline, and does not say why';
    case 'lost':
      return 'the machine that it ran on was lost';
    case 'exit_code':
    case 'signal':
      return exitCode === undefined ? 'nobody saw its exit code' : inSentence(exitCodeWords(exitCode, signal), reason);
    default:
      return 'the cluster gave it up';
  }
}

/** @example awayWords({ since: 0, until: 60_000 }) -> ' from 00:00 UTC to 00:01 UTC on 1 January 1970' */
function awayWords({ since, until }: Pick<Notice, 'since' | 'until'>): string {
  if (since === undefined) return '';
  if (until === undefined) return ` since ${momentWords(since)}`;
  const from = dayWords(since) === dayWords(until) ? minuteWords(since) : `${minuteWords(since)} on ${dayWords(since)}`;
  return ` from ${from} to ${minuteWords(until)} on ${dayWords(until)}`;
}

/** The same in few words, for a line of a table. */
export function shortCauseWords(notice: Notice, refusal?: string): string {
  const { reason, exitCode, signal, ran } = notice;
  const noRoom = 'no room in the quota of your tool';
  switch (reason) {
    case 'out_of_memory':
      return ran?.memory ? `out of memory (${cut(visible(memoryWords(ran.memory)), 20)})` : 'out of memory';
    case 'deadline':
      return 'ran past its timeout';
    case 'evicted':
      return 'taken off its machine';
    case 'image':
      return 'image could not be had';
    case 'quota':
      return noRoom;
    case 'not_started':
      return refusal && isQuotaRefusal(refusal) ? noRoom : 'could not be started';
    case 'previous_run':
      return 'not started: the run before it went on';
    case 'previous_pending':
      return 'not started: the run before it had not begun';
    case 'cluster_away':
      return 'not started: the cluster was away';
    case 'unexplained':
      return 'not started';
    case 'lost':
      return 'its machine was lost';
    case 'exit_code':
    case 'signal':
      return exitCode === undefined
        ? 'exit code not known'
        : exitCodeWords(exitCode, signal).replace('your program ', '');
    default:
      return 'given up by the cluster';
  }
}

function inSentence(words: string, reason: 'exit_code' | 'signal'): string {
  return reason === 'signal' || words === 'found but not executable' || words === 'command not found'
    ? wordsWithSubject(words)
    : words;
}

function wordsWithSubject(words: string): string {
  if (words === 'command not found') return 'its command was not found';
  if (words === 'found but not executable') return 'its command was found but is not executable';
  return `it was ${words}`;
}

/** The number and what it means. @example exitWords(notice) -> '3 (the program itself ended with it)' */
export function exitWords({ exitCode, signal, reason }: Notice): string | undefined {
  if (exitCode === undefined) return undefined;
  const words = exitCodeWords(exitCode, signal, reason === 'out_of_memory' ? 'OOMKilled' : undefined);
  return `${exitCode} (${words.startsWith('your program ended') ? 'your program ended with it' : words})`;
}
