/**
 * What is gathered in a mailbox, as the subject and the text of a mail: what happened first, then why, then what helps to go on. Pure.
 * The order of what is said and the words are those of docs/mail.md; test/mail/golden shows each kind.
 */
import { nextFirings } from '../definition/cron.ts';
import { keyText, type Notice } from '../domain.ts';
import { type Gap, type GatheredNotice, isLastOfDay, type Mailbox } from '../mailbox.ts';
import type { MailSettings } from '../settings.ts';
import { changesBetween } from './changes.ts';
import type { ComposedMail } from './seal.ts';
import { cut, visible, wrap } from './visible.ts';
import {
  causeWords,
  clockWords,
  dayWords,
  exitWords,
  isQuota,
  lengthWords,
  minuteWords,
  momentWords,
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
}

type Ending = 'failed' | 'recovered' | 'finished' | 'started' | 'restarted';

const command = 'toolforge-jobs';
const limits = { line: 200, words: 500, stories: 20, textBytes: 60 * 1024 } as const;

export function composeMail(mailbox: Mailbox, around: Around): ComposedMail {
  const stories = storiesOf(mailbox.open);
  const parts = stories.length === 1 && stories[0] ? onlyStory(stories[0], around) : manyStories(stories, around);
  const text = [...parts, ...notesOf(mailbox, around), ...footer(stories)].join('\n');
  return { subject: subjectOf(mailbox.tool, stories), text: `${text}\n`, references: threadsOf(stories) };
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
    const last = events.at(-1);
    if (!last) return [];
    const failure = events.findLast(({ notice }) => notice.kind === 'failed');
    return [{ name: cut(visible(last.notice.key.name), limits.line), events, last, failure }];
  });
}

function isSaidLater({ notice }: GatheredNotice, later: readonly GatheredNotice[]): boolean {
  return notice.kind === 'started' && later.some((other) => other.notice.run === notice.run);
}

function endingOf({ last: { as, notice } }: Story): Ending {
  if (as === 'recovered') return 'recovered';
  return notice.kind === 'steady' ? 'started' : notice.kind;
}

/** The same for all mails of an incident, so that they are one thread; equal to how the jobs are now. */
function subjectOf(tool: string, stories: readonly Story[]): string {
  const [first] = stories;
  const what = stories.length === 1 && first ? `${first.name} ${endingOf(first)}` : newsOf(stories);
  return `[Toolforge] [${tool}] ${what}`;
}

function newsOf(stories: readonly Story[]): string {
  const failed = stories.filter((story) => endingOf(story) === 'failed');
  if (failed.length > 1) return 'several jobs failed';
  return failed[0] ? `${failed[0].name} failed, and other news` : 'news of several jobs';
}

function threadsOf(stories: readonly Story[]): string[] {
  const threads = stories.flatMap(({ events }) => events.flatMap(({ incident }) => incident?.thread ?? []));
  return [...new Set(threads)];
}

function onlyStory(story: Story, around: Around): string[] {
  return [...wrap(sentenceOf(story)), '', ...detailsOf(story, around)];
}

/** One line for each job, then what there is to say of those that failed, as far as it fits. */
function manyStories(stories: readonly Story[], around: Around): string[] {
  const width = Math.min(40, Math.max(0, ...stories.map(({ name }) => name.length)));
  const lines = stories.map(
    (story) =>
      `  ${story.name.padEnd(width)}  ${endingOf(story).padEnd(9)}  ${minuteWords(story.last.notice.at)}  ${shortOf(story)}`,
  );
  const head = [
    `There is news of ${stories.length} jobs of your tool:`,
    '',
    ...lines.map((line) => cut(line, limits.line)),
    '',
  ];
  const failed = stories.filter((story) => endingOf(story) === 'failed' || endingOf(story) === 'recovered');
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

function shortOf({ last: { notice, as, incident, details }, failure }: Story): string {
  if (as === 'recovered') return `after ${failuresWords(incident?.failures ?? 1)}`;
  if (notice.kind === 'failed') {
    const count = failure?.incident?.failures ?? 1;
    return `${causeWords(notice, details?.refusal)}${count > 1 ? ` (${timesWords(count)})` : ''}`;
  }
  return ranFor(notice) ?? '';
}

/** The first sentence, which stands alone. */
function sentenceOf(story: Story): string {
  const { name, last, failure } = story;
  const { notice } = last;
  const when = momentWords(notice.at);
  switch (endingOf(story)) {
    case 'failed':
      return `Your job ${name} failed at ${when}: ${causeWords(notice, failure?.details?.refusal)}.${onward(notice)}`;
    case 'recovered': {
      const { failures = 1, since = notice.at } = last.incident ?? {};
      return `Your job ${name} works again: it ${goodWords(notice)}. Before that it had failed ${timesWords(failures)} in ${lengthWords(notice.at - since)}.`;
    }
    case 'finished':
      return `Your job ${name} finished at ${when}${notice.startedAt === undefined ? '' : `, after ${lengthWords(notice.at - notice.startedAt)}`}.`;
    case 'restarted':
      return notice.key.kind === 'Deployment'
        ? `Your job ${name} ended by itself at ${when} and is started again.`
        : `An attempt of your job ${name} failed at ${when}; it goes on with another one.`;
    case 'started':
      return `Your job ${name} started at ${when}.`;
  }
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
  const told = endingOf(story) === 'failed' ? (story.failure ?? story.last) : story.last;
  return [...factsOf(told, around), ...saidOf(told), ...outputOf(told, around), ...furtherOf(story, told)];
}

function factsOf({ notice, incident, details }: GatheredNotice, around: Around): string[] {
  const facts: [string, string | undefined][] = [
    ['Exit code', notice.kind === 'failed' || notice.kind === 'restarted' ? exitWords(notice) : undefined],
    ['Ran for', notice.kind === 'failed' ? ranFor(notice) : undefined],
    ['Attempts', notice.key.kind !== 'Deployment' && notice.attempts > 1 ? String(notice.attempts) : undefined],
    ['In a row', incident && incident.failures > 1 && notice.kind === 'failed' ? rowWords(incident) : undefined],
    ['Changed', notice.kind === 'failed' ? changedWords(notice, details) : undefined],
    ['Next run', nextRun(notice, around.now)],
  ];
  const rows = facts.flatMap(([label, value]) =>
    value === undefined ? [] : wrap(visible(value), `  ${label.padEnd(11)}`),
  );
  return rows.length > 0 ? [...rows, ''] : [];
}

function ranFor({ startedAt, finishedAt, at }: Notice): string | undefined {
  if (startedAt === undefined) return undefined;
  const end = finishedAt ?? at;
  return `${lengthWords(end - startedAt)}, from ${clockWords(startedAt)} to ${clockWords(end)}`;
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

function nextRun({ ran }: Notice, now: number): string | undefined {
  if (ran?.schedule === undefined) return undefined;
  const next = nextFirings(ran.schedule, now, 1)[0];
  return next === undefined ? undefined : `${minuteWords(next)} on ${dayWords(next)}`;
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
    .map((line) => `  | ${cut(visible(line), limits.line)}`);
}

function outputOf({ notice, details }: GatheredNotice, { settings }: Around): string[] {
  if (notice.kind !== 'failed' || settings.outputLines === 0) return [];
  const lines = (details?.lines ?? []).slice(-settings.outputLines);
  if (lines.length === 0)
    return [...wrap(`No output is shown: ${visible(details?.linesMissing ?? 'it could not be read')}.`), ''];
  const from = visible(details?.linesFrom ?? 'its output');
  return [
    ...wrap(`The last lines of ${from} (text written by the job):`),
    '',
    ...lines.map((line) => `  | ${cut(visible(line), limits.line)}`),
    '',
  ];
}

function furtherOf({ name }: Story, told: GatheredNotice): string[] {
  return ['To look further:', '', `  ${command} ${furtherCommand(name, told)}`, ''];
}

function furtherCommand(name: string, { notice, details }: GatheredNotice): string {
  if (notice.reason === 'quota' || (details?.refusal && isQuota(details.refusal))) return 'quota';
  const hasOutput = notice.startedAt !== undefined && (details === undefined || details.lines.length > 0);
  return `${hasOutput ? 'logs' : 'show'} ${name}`;
}

/** What concerns the mail, not a job. */
function notesOf(mailbox: Mailbox, { now, gaps, settings }: Around): string[] {
  const notes = [
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

/** @param from 0 where nobody knows since when */
function gapWords(from: number, to: number): string {
  if (from === 0) return `before ${minuteWords(to)} on ${dayWords(to)}`;
  return dayWords(from) === dayWords(to)
    ? `between ${minuteWords(from).replace(' UTC', '')} and ${minuteWords(to)} on ${dayWords(from)}`
    : `between ${minuteWords(from)} on ${dayWords(from)} and ${minuteWords(to)} on ${dayWords(to)}`;
}

function footer(stories: readonly Story[]): string[] {
  const settings = [...new Set(stories.map(({ last }) => last.notice.emails))];
  const asked = settings.map((setting) => `emails: ${setting}`).join(', ');
  const whose = stories.length === 1 ? 'the job asks' : 'these jobs ask';
  return [
    '-- ',
    ...wrap(
      `You get this mail because ${whose} for it (${asked}). With "emails: none" in the definition of a job there is none. What became of each event: ${command} mail-log`,
    ),
  ];
}
