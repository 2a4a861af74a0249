/**
 * What is gathered in a mailbox, as the subject and the text of a mail: what happened first, then why, then what helps to go on. Pure.
 * The order of what is said and the words are those of docs/mail.md; test/mail/golden shows each kind.
 */
import { nextFirings } from '../definition/cron.ts';
import { zoneNote } from '../definition/zone-words.ts';
import { isQuotaRefusal, keyText, type MemoryAdvice, type Notice, type UnusualRun } from '../domain.ts';
import { type Gap, type GatheredNotice, isLastOfDay, type Mailbox, type WebhookTrouble } from '../mailbox.ts';
import type { MailSettings } from '../settings.ts';
import { rangeWords, shareWords } from '../usage/amount-words.ts';
import { changesBetween } from './changes.ts';
import { cut, visible, wrap } from './lines.ts';
import type { ComposedMail } from './seal.ts';
import {
  causeWords,
  clockWords,
  dayWords,
  exitWords,
  lengthWords,
  minuteWords,
  momentWords,
  shortCauseWords,
  shortDateWords,
} from './words.ts';

export interface Around {
  readonly now: number;
  /** Times of which nothing is known, not told yet. */
  readonly gaps: readonly Gap[];
  readonly settings: Pick<MailSettings, 'perDay' | 'outputLines'>;
}

/** All that there is to tell of one job; the last of its events says how it is now. */
interface Story {
  readonly name: string;
  readonly events: readonly GatheredNotice[];
  readonly last: GatheredNotice;
  /** The last failure, which has the details. */
  readonly failure: GatheredNotice | undefined;
  readonly ending: Ending;
}

export type Ending = 'failed' | 'suspended' | 'recovered' | 'finished' | 'started' | 'restarted' | 'unusual';

const command = 'toolforge-jobs';
const limits = { line: 200, words: 500, stories: 20, threads: 20, textBytes: 60 * 1024 } as const;

export function composeMail(mailbox: Mailbox, around: Around): ComposedMail {
  const stories = storiesOf(mailbox.open);
  const parts =
    stories.length > 1 ? manyStories(stories, around) : stories.flatMap((story) => onlyStory(story, around));
  const text = [...parts, ...notesOf(mailbox, around), ...footer(stories)].join('\n');
  return { subject: subjectOf(mailbox.tool, stories), text: `${text}\n`, references: threadsOf(stories) };
}

/** One event by itself: what it came to, and the sentence that a mail about it begins with. */
export function summaryOf(gathered: GatheredNotice): { readonly ending: Ending; readonly sentence: string } {
  const [story] = storiesOf([gathered]) as [Story];
  return { ending: story.ending, sentence: sentenceOf(story) };
}

/** By job, those that came first first. What a later event of the same run says again is left out. */
function storiesOf(open: readonly GatheredNotice[]): Story[] {
  const byJob = new Map<string, GatheredNotice[]>();
  for (const gathered of open) {
    const { key } = gathered.notice;
    byJob.set(keyText(key), [...(byJob.get(keyText(key)) ?? []), gathered]);
  }
  return [...byJob.values()].flatMap((all) => {
    const events = all.filter((one, at) => !isSaidLater(one, all.slice(at + 1)));
    // That a run was unusual is never all there is to say of a job that failed or recovered.
    const weighty = events.findLast(({ as, notice }) => as === 'recovered' || notice.kind === 'failed');
    const last = events.at(-1)?.notice.kind === 'unusual' ? (weighty ?? events.at(-1)) : events.at(-1);
    if (!last) return [];
    const failure = events.findLast(({ notice }) => notice.kind === 'failed');
    const name = cut(visible(last.notice.key.name), limits.line);
    const ending = endingOf(last, failure !== undefined);
    // A start after a failure makes nothing good: what is told is the failure.
    return [{ name, events, last: ending === 'failed' && failure ? failure : last, failure, ending }];
  });
}

function isSaidLater({ notice }: GatheredNotice, later: readonly GatheredNotice[]): boolean {
  return notice.kind === 'started' && later.some((other) => other.notice.run === notice.run);
}

function endingOf({ as, notice }: GatheredNotice, hasFailed: boolean): Ending {
  if (as === 'recovered') return 'recovered';
  if (notice.kind === 'suspended') return 'suspended';
  if (hasFailed && notice.kind !== 'finished') return 'failed';
  return notice.kind === 'steady' ? 'started' : notice.kind;
}

/** The same for all mails of an incident, so that they are one thread; equal to how the jobs are now. */
function subjectOf(tool: string, stories: readonly Story[]): string {
  const [first] = stories;
  if (!first) return `[Toolforge] [${tool}] its webhook fails`;
  const what = stories.length === 1 ? `${first.name} ${wordOf(first)}` : newsOf(stories);
  return `[Toolforge] [${tool}] ${what}`;
}

function newsOf(stories: readonly Story[]): string {
  const failed = stories.filter(({ ending }) => ending === 'failed' || ending === 'suspended');
  const [first] = failed;
  if (!first) return 'news of several jobs';
  if (failed.length === 1) return `${first.name} ${wordOf(first)}, and other news`;
  return `several jobs ${failed.every((story) => wordOf(story) === wordOf(first)) ? wordOf(first) : 'failed'}`;
}

function wordOf({ ending, last }: Story): string {
  const { isSkipped, unusual } = last.notice;
  if (ending === 'unusual') return unusualEndings[unusual?.what ?? 'long'];
  return ending === 'failed' && isSkipped ? 'did not run' : ending;
}

const unusualEndings = {
  short: 'ended unusually soon',
  long: 'took unusually long',
  quiet: 'was unusually quiet',
} as const satisfies Record<UnusualRun['what'], string>;

/** Where there are too many for a header, the first and the last ones, as readers of news do it (RFC 5537 3.4.4). */
function threadsOf(stories: readonly Story[]): string[] {
  const threads = new Set(stories.flatMap(({ events }) => events.flatMap(({ incident }) => incident?.thread ?? [])));
  const [first, ...others] = threads;
  return first === undefined ? [] : [first, ...others.slice(1 - limits.threads)];
}

function onlyStory(story: Story, around: Around): string[] {
  return [...wrap(sentenceOf(story)), '', ...detailsOf(story, around)];
}

/** One line for each job, then what there is to say of those that failed, as far as it fits. */
function manyStories(stories: readonly Story[], around: Around): string[] {
  const width = Math.min(40, Math.max(0, ...stories.map(({ name }) => name.length)));
  const isToday = stories.every(({ last }) => dayWords(last.notice.at) === dayWords(around.now));
  const when = isToday ? minuteWords : shortDateWords;
  const wordWidth = Math.max(9, ...stories.map((story) => wordOf(story).length));
  const lines = stories.map((story) =>
    `  ${story.name.padEnd(width)}  ${wordOf(story).padEnd(wordWidth)}  ${when(story.last.notice.at)}  ${shortOf(story)}`.trimEnd(),
  );
  const head = [
    `There is news of ${stories.length} jobs of your tool:`,
    '',
    ...lines.map((line) => cut(line, limits.line)),
    '',
  ];
  const failed = stories.filter(({ ending }) => ['failed', 'suspended', 'recovered'].includes(ending));
  const bodies: string[] = [];
  let [bytes, told] = [Buffer.byteLength(head.join('\n')), 0];
  for (const story of failed) {
    const body = [`${story.name} ${'-'.repeat(Math.max(3, 77 - story.name.length))}`, '', ...onlyStory(story, around)];
    bytes += Buffer.byteLength(body.join('\n'));
    if (bytes > limits.textBytes || told >= limits.stories) break;
    told += 1;
    bodies.push(...body);
  }
  const left = failed.length - told;
  return [
    ...head,
    ...bodies,
    ...(left > 0 ? ['', ...wrap(`What else is known of ${left} more of them had no room here.`), ''] : []),
  ];
}

function shortOf({ last: { notice, incident, details }, ending }: Story): string {
  if (ending === 'recovered') return `after ${failuresWords(incident?.failures ?? 1)}`;
  if (ending === 'suspended') return afterFailures(incident);
  if (ending === 'failed') {
    const count = incident?.failures ?? 1;
    return `${shortCauseWords(notice, details?.refusal)}${count > 1 ? ` (${timesWords(count)})` : ''}`;
  }
  const { startedAt, finishedAt, at, unusual } = notice;
  if (unusual) return unusual.what === 'quiet' ? `wrote ${linesWords(unusual.lines)}` : lengthWords(unusual.length);
  return ending === 'finished' && startedAt !== undefined ? `after ${lengthWords((finishedAt ?? at) - startedAt)}` : '';
}

/** The first sentence, which stands alone. */
function sentenceOf(story: Story): string {
  const {
    name,
    last: { notice, incident, details },
  } = story;
  const when = whenWords(notice);
  switch (story.ending) {
    case 'failed':
      if (notice.isSkipped)
        return `Your job ${name} was not started at ${when}, when its schedule asked for it: ${causeWords(notice, notice.clusterSays)}.`;
      return `Your job ${name} failed at ${when}: ${causeWords(notice, details?.refusal)}.${onward(notice)}`;
    case 'suspended':
      return `Your job ${name} was suspended at ${when}, ${afterFailures(incident)}, as its definition asks: no run starts until you resume it.`;
    case 'recovered': {
      const { failures = 1, since = notice.at } = incident ?? {};
      const length = lengthWords(notice.at - since);
      const once = story.failure?.notice.isSkipped ? 'it did not run' : 'it had failed';
      const after = failures === 1 ? `${length} after ${once}` : `after ${failuresWords(failures)} in ${length}`;
      return `Your job ${name} recovered ${after}: it ${goodWords(notice)}.`;
    }
    case 'finished':
      return `Your job ${name} finished at ${when}${notice.startedAt === undefined ? '' : `, after ${lengthWords(notice.at - notice.startedAt)}`}.`;
    case 'restarted':
      return notice.key.kind === 'Deployment'
        ? `Your job ${name} ended by itself at ${when} and is started again.`
        : `An attempt of your job ${name} failed at ${when}; it goes on with another one.`;
    case 'started':
      return `Your job ${name} started at ${when}.`;
    case 'unusual':
      return `Your job ${name} ${unusualWords(notice)}`;
  }
}

function afterFailures(incident: GatheredNotice['incident']): string {
  return `after ${incident ? failuresWords(incident.failures) : 'failures'} in a row`;
}

/** Calm: it may well be right so. */
function unusualWords({ at, startedAt = at, finishedAt, unusual }: Notice): string {
  if (!unusual) return `took another time than usual, at ${momentWords(at)}.`;
  if (unusual.what === 'quiet') {
    const { lines, runs, least } = unusual;
    const usual = `${runs} runs before it that succeeded wrote ${linesWords(least)} or more each.`;
    return `finished at ${momentWords(finishedAt ?? at)} and wrote ${linesWords(lines)}, less than usual: ${usual} Nothing says that it failed.`;
  }
  const { what, length, runs, shortest, longest } = unusual;
  const usual = `The ${runs} runs before it that succeeded took ${lengthWords(shortest)} to ${lengthWords(longest)}.`;
  if (finishedAt === undefined)
    return `has been running for ${lengthWords(length)}, since ${momentWords(startedAt)}, longer than usual. ${usual}`;
  return `finished at ${momentWords(finishedAt)} after ${lengthWords(length)}, ${what === 'short' ? 'sooner' : 'later'} than usual. ${usual} Nothing says that it failed.`;
}

function linesWords(count: number): string {
  if (count === 0) return 'nothing';
  return count === 1 ? 'one line' : `${count} lines`;
}

function onward({ key, reason }: Notice): string {
  if (reason === 'image' || reason === 'quota' || reason === 'not_started') return ' The cluster keeps trying.';
  return key.kind === 'Deployment' && reason !== 'evicted' ? ' It is started again.' : '';
}

function goodWords({ kind, at, startedAt }: Notice): string {
  if (kind === 'finished') return `finished at ${momentWords(at)}`;
  return `has been running since ${momentWords(startedAt ?? at)}`;
}

function failuresWords(count: number): string {
  return count === 1 ? 'one failure' : `${count} failures`;
}

function timesWords(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function detailsOf(story: Story, around: Around): string[] {
  const { last, failure, ending } = story;
  return [
    ...factsOf(story, last, around),
    ...(ending === 'recovered' && failure ? lastFailure(story, failure, around, 'It had failed') : []),
    ...(ending === 'suspended' && failure ? lastFailure(story, failure, around, 'It failed last') : []),
    ...(ending === 'failed' ? [...saidOf(last), ...outputOf(last, around)] : []),
    ...furtherOf(story),
  ];
}

/** What its schedule asked for is said on the clocks of its zone as well. */
function whenWords({ at, isSkipped, ran }: Notice): string {
  return `${momentWords(at)}${isSkipped ? zoneNote(at, ran?.timeZone ?? 'UTC') : ''}`;
}

/** A failure that no mail has told of before it was over, or that this mail tells as well. */
function lastFailure(story: Story, failure: GatheredNotice, around: Around, words: string): string[] {
  const { notice, details } = failure;
  const what = notice.isSkipped ? 'It was not started' : words;
  return [
    ...wrap(`${what} at ${whenWords(notice)}: ${causeWords(notice, details?.refusal ?? notice.clusterSays)}.`),
    '',
    ...factsOf(story, failure, around),
    ...saidOf(failure),
    ...outputOf(failure, around),
  ];
}

function factsOf(story: Story, told: GatheredNotice, around: Around): string[] {
  const { notice, incident, details } = told;
  const isLast = told === story.last;
  const facts: [string, string | undefined][] = [
    ['Exit code', notice.kind === 'failed' || notice.kind === 'restarted' ? exitWords(notice) : undefined],
    ['Ran for', notice.kind === 'failed' ? ranFor(notice) : undefined],
    ['Attempts', notice.key.kind !== 'Deployment' && notice.attempts > 1 ? String(notice.attempts) : undefined],
    ['Memory', details?.memory && peakWords(details.memory)],
    ['In a row', incident && incident.failures > 1 && notice.kind === 'failed' ? rowWords(incident) : undefined],
    ['Changed', notice.kind === 'failed' ? changedWords(notice, details) : undefined],
    ['Also', isLast ? alsoWords(story) : undefined],
    ['Next run', isLast && story.ending !== 'suspended' ? nextRun(notice, around.now) : undefined],
  ];
  const rows = facts.flatMap(([label, value]) =>
    value === undefined ? [] : wrap(visible(value), `  ${label.padEnd(11)}`),
  );
  return rows.length > 0 ? [...rows, ''] : [];
}

function ranFor({ startedAt, finishedAt, at }: Notice): string | undefined {
  if (startedAt === undefined) return undefined;
  const end = finishedAt ?? at;
  const from = dayWords(startedAt) === dayWords(end) ? clockWords(startedAt) : momentWords(startedAt);
  return `${lengthWords(end - startedAt)}, from ${from} to ${clockWords(end)}`;
}

/** What else is gathered of a job, as numbers; failures in a row are counted elsewhere. */
function alsoWords({ events, last, ending }: Story): string | undefined {
  const counts = new Map<string, number>();
  for (const { notice } of events) {
    const isCounted = notice.kind === 'failed' && ['failed', 'suspended', 'recovered'].includes(ending);
    if (notice === last.notice || isCounted) continue;
    const kind = notice.kind === 'steady' ? 'started' : notice.kind;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const words = [...counts].map(([kind, count]) => `${kind} ${timesWords(count)}`);
  return words.length > 0 ? words.join(', ') : undefined;
}

/** @example 'used 512 of 512 MiB; the last 10 runs that were measured peaked at 430-512 MiB' */
function peakWords({ limit, peaks }: MemoryAdvice): string | undefined {
  if (!peaks) return undefined;
  return `used ${shareWords(limit, limit)}; the last ${peaks.runs} runs that were measured peaked at ${rangeWords(peaks.lowest, peaks.highest)}`;
}

function rowWords({ failures, since }: NonNullable<GatheredNotice['incident']>): string {
  return `failure ${failures}, the first at ${momentWords(since)}`;
}

function changedWords({ ran }: Notice, details: GatheredNotice['details']): string | undefined {
  const good = details?.lastGood;
  if (!good?.ran || !ran) return undefined;
  const changes = changesBetween(good.ran, ran);
  const since = `since it last did well, at ${momentWords(good.at)}`;
  return changes.length > 0 ? `${since}: ${changes.join(', ')}` : `nothing that we know of, ${since}`;
}

function nextRun({ ran, isSuspended }: Notice, now: number): string | undefined {
  if (ran?.schedule === undefined) return undefined;
  if (isSuspended) return 'none: the job is suspended';
  const { timeZone = 'UTC' } = ran;
  const next = nextFirings(ran.schedule, now, 1, timeZone)[0];
  return next === undefined ? undefined : `${minuteWords(next)} on ${dayWords(next)}${zoneNote(next, timeZone)}`;
}

/** Words of the cluster and of the job itself, each named as what it is. */
function saidOf({ notice, details }: GatheredNotice): string[] {
  if (notice.kind !== 'failed') return [];
  const cluster = details?.refusal ?? notice.clusterSays;
  return [
    ...(cluster ? ['The cluster says:', '', ...quoted(cluster), ''] : []),
    ...(notice.jobSays
      ? ['Its termination message (text written by the job):', '', ...quoted(notice.jobSays), '']
      : []),
  ];
}

function quoted(text: string): string[] {
  return text
    .slice(0, limits.words)
    .split(/\r\n|\r|\n/)
    .map(quotedLine);
}

function quotedLine(line: string): string {
  return `  | ${cut(visible(line), limits.line)}`.trimEnd();
}

function outputOf({ notice, details }: GatheredNotice, { settings }: Around): string[] {
  if (notice.kind !== 'failed' || notice.isSkipped || settings.outputLines === 0) return [];
  const lines = (details?.lines ?? []).slice(-settings.outputLines);
  if (lines.length === 0)
    return [...wrap(`No output is shown: ${visible(details?.linesMissing ?? 'it could not be read')}.`), ''];
  const from = visible(details?.linesFrom ?? 'its output');
  return [...wrap(`The last lines of ${from} (text written by the job):`), '', ...lines.map(quotedLine), ''];
}

function furtherOf({ name, last, failure, ending }: Story): string[] {
  const isSuspended = ending === 'suspended';
  const told = isSuspended && failure ? failure : last;
  const memory = ending === 'failed' || isSuspended ? told.details?.memory : undefined;
  return [
    ...(memory ? moreMemory(told, memory) : []),
    'To look further:',
    '',
    `  ${command} ${furtherCommand(name, told)}`,
    '',
    ...(isSuspended ? ['When it is mended:', '', `  ${command} resume ${name}`, ''] : []),
  ];
}

function moreMemory({ notice }: GatheredNotice, { job, to, fits }: MemoryAdvice): string[] {
  const name = cut(visible(job), limits.line);
  const room =
    fits === undefined ? '' : fits ? ' (your quota has room for that)' : ', for which your quota has no room now';
  const isOnce = notice.key.kind === 'Job';
  return [
    ...wrap(`To ${isOnce ? 'run it again with' : 'give it'} more memory${room}:`),
    '',
    `  ${command} ${isOnce ? `run ${name} …` : `set ${name}`} --mem ${cut(visible(to), limits.line)}`,
    ...(fits === false
      ? [
          '',
          ...wrap('A text that asks for more, for those who decide about quotas:'),
          '',
          `  ${command} advise ${name}`,
        ]
      : []),
    '',
  ];
}

function furtherCommand(name: string, { notice, details }: GatheredNotice): string {
  if (notice.reason === 'quota' || (details?.refusal && isQuotaRefusal(details.refusal))) return 'quota';
  if (notice.isSkipped || notice.unusual) return `history ${name}`;
  const hasOutput = notice.startedAt !== undefined && (details === undefined || details.lines.length > 0);
  if (!hasOutput) return `show ${name}`;
  return isOnlyInItsRecord(notice) ? `logs ${name} --run ${visible(notice.run).slice(0, 8)}` : `logs ${name}`;
}

/** What went to the pod of a run is gone when somebody reads of it, but for what was kept of the run. */
function isOnlyInItsRecord({ key, kind, finishedAt, ran }: Notice): boolean {
  const isInFiles = ran?.filelogStdout !== undefined || ran?.filelogStderr !== undefined;
  return key.kind !== 'Deployment' && kind !== 'restarted' && finishedAt !== undefined && !isInFiles;
}

/** What concerns the mail, not a job. */
function notesOf(mailbox: Mailbox, { now, gaps, settings }: Around): string[] {
  const notes = [
    ...(mailbox.webhookTrouble ? [webhookWords(mailbox.webhookTrouble)] : []),
    ...(mailbox.folded > 0 ? [`${mailbox.folded} more events had no room in this mail.`] : []),
    ...gaps.map(({ from, to }) => `Activity ${gapWords(from, to)} may be missing: the service could not see it.`),
    ...(isLastOfDay(mailbox, settings, now)
      ? [
          `This is the last mail of today: your tool has had ${settings.perDay}, as many as a day allows. What happens until midnight UTC is told tomorrow.`,
        ]
      : []),
  ];
  return notes.flatMap((note) => [...wrap(note), '']);
}

function webhookWords({ since, why }: WebhookTrouble): string {
  return `The webhook of your tool has taken nothing since ${momentWords(since)}: ${visible(why)}. What happens is kept for it and sent again for a day. '${command} webhook show' says how it is, '${command} webhook test' tries it, and '${command} webhook remove' ends it.`;
}

/** @param from 0 where nobody knows since when */
function gapWords(from: number, to: number): string {
  if (from === 0) return `before ${minuteWords(to)} on ${dayWords(to)}`;
  return dayWords(from) === dayWords(to)
    ? `between ${minuteWords(from).replace(' UTC', '')} and ${minuteWords(to)} on ${dayWords(from)}`
    : `between ${minuteWords(from)} on ${dayWords(from)} and ${minuteWords(to)} on ${dayWords(to)}`;
}

function footer(stories: readonly Story[]): string[] {
  if (stories.length === 0) return ['-- ', 'You get this mail, once, because your tool has a webhook.'];
  const settings = [...new Set(stories.map(({ last }) => last.notice.emails))];
  const asked = `(emails: ${settings.join(', ')})`;
  const whose = stories.length === 1 ? 'the job asks' : 'these jobs ask';
  return [
    '-- ',
    ...wrap(
      `You get this mail because ${whose} for it ${asked}. To stop it, define ${stories.length === 1 ? 'the job' : 'them'} with "emails: none".`,
    ),
    `What became of each event: ${command} mail-log`,
  ];
}
