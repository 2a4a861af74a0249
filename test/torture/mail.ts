/**
 * Kills the mail of the daemon, or its webhooks, again and again, at every place where it can be, and says afterwards whether a mail was lost, misdirected or
 * told twice. It has its own model of what must arrive: every event, to the tool it is of, in one mail; a mail twice only where the cut fell
 * between its first byte and its being known as sent, and then the same bytes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Notice, TellingWay } from '../../src/domain.ts';
import { startCountingSmtp, type TakenMail } from '../support/counting-smtp.ts';
import { makeNotice, makeRan } from '../support/notices.ts';
import { until } from '../support/sandbox.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { startWebhookSink } from '../support/webhook-sink.ts';
import { type CutGap, gapAfter, gaps, type Mark, type Mistake } from './mail-marks.ts';

export interface TortureOptions {
  /** The built test/torture/mail-daemon.ts. */
  readonly program: string;
  readonly cuts: number;
  readonly seed: number;
  /** Unset: none. */
  readonly mistake?: Mistake;
  /** Unset: by mail. */
  readonly via?: TellingWay;
}

export interface TortureResult {
  readonly events: number;
  readonly mails: number;
  readonly cuts: Readonly<Record<CutGap, number>>;
  /** How often a mail had been taken by the server in the life that was cut before it said that the disk has it as sent. */
  readonly cutAfterDot: number;
  /** Events that no mail tells. */
  readonly lost: readonly number[];
  /** Mails that went to another tool than all their events are of. */
  readonly misdirected: number;
  /** Mails beyond the first of the same Message-ID. */
  readonly duplicates: number;
  /** Those of them that no cut after the last byte of the same mail accounts for. */
  readonly duplicatesWithoutCut: number;
  /** Mails that came again with other bytes. */
  readonly changed: number;
  /** Events in two different mails. */
  readonly toldTwice: readonly number[];
}

const tools = ['alpha', 'beta', 'gamma'] as const;
const eventsOfLife = 6;

interface Event {
  readonly number: number;
  readonly notice: Notice;
  isSettled: boolean;
}

export async function tortureMail(options: TortureOptions): Promise<TortureResult> {
  const { program, cuts, seed, mistake = 'none', via = 'mail' } = options;
  const random = createSeededRandom(seed);
  const directory = await mkdtemp(join(tmpdir(), 'torture-'));
  const receiver = await (via === 'mail' ? startMailServer() : startReceiver());
  const events: Event[] = [];
  /** By Message-ID: the lives that were cut when the server had the mail. */
  const cutsAfterDot = new Map<string, number>();
  const counts: Record<CutGap, number> = { event: 0, gather: 0, seal: 0, send: 0, record: 0 };
  const start = () =>
    spawn(process.execPath, [program, directory, String(receiver.port), mistake, via, receiver.ca], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  try {
    for (let cut = 0; cut < cuts; cut += 1) {
      for (let count = 0; count < eventsOfLife; count += 1) events.push(makeEvent(events.length, random.oneOf(tools)));
      const rarest = [...gaps].sort((one, other) => counts[one] - counts[other])[0] ?? 'event';
      const aim = { gap: rarest, after: random.between(1, 3), delayMs: random.between(0, 2) };
      const before = receiver.taken().length;
      const end = await live(start(), events, aim);
      if (end.gap) counts[end.gap] += 1;
      await receiver.idle();
      const took = new Set(receiver.taken().slice(before).map(messageIdOf));
      for (const id of end.underWay) if (took.has(id)) cutsAfterDot.set(id, (cutsAfterDot.get(id) ?? 0) + 1);
    }
    await live(start(), events, undefined);
    return judge(events, receiver.taken(), counts, cutsAfterDot);
  } finally {
    await receiver.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Whoever is sent to, and what has arrived there whole. */
interface Receiver {
  readonly port: number;
  /** PEM: verifies it; '' where it speaks no TLS. */
  readonly ca: string;
  taken(): readonly TakenMail[];
  /** Resolves when everything that was sent has been read. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

async function startMailServer(): Promise<Receiver> {
  const { port, taken, idle, stop } = await startCountingSmtp();
  return { port, ca: '', taken: () => taken, idle, stop };
}

/** What a webhook takes, as a mail of the same tool. */
async function startReceiver(): Promise<Receiver> {
  const sink = await startWebhookSink();
  return {
    ...sink,
    taken: () =>
      sink.came.map(({ event, headers, body }) => ({
        sender: '',
        recipients: [`tools.${event.tool}@toolforge.org`],
        bytes: `Message-ID: ${headers['webhook-id']}\n${body}`,
      })),
    idle: () => until(async () => sink.underWay() === 0, 'everything is read').then(() => {}),
  };
}

function makeEvent(number: number, tool: (typeof tools)[number]): Event {
  const key = { namespace: `tool-${tool}`, kind: 'Job', name: `${tool}-${number}-job` } as const;
  const run = `run-${number}`;
  return {
    number,
    notice: makeNotice({ run, key, jobUid: run, ran: makeRan({ schedule: undefined }) }),
    isSettled: false,
  };
}

interface Cut {
  readonly gap: CutGap;
  /** The how-many-eth time that the gap is come to. */
  readonly after: number;
  readonly delayMs: number;
}

/** One life of the process, from its start to its being killed, or to its end where there is no cut. */
async function live(child: ChildProcess, events: readonly Event[], cut: Cut | undefined) {
  let last = 'ready' as Mark;
  let come = 0;
  let rest = '';
  const underWay = new Set<string>();
  const hear = (mark: Mark, id: string) => {
    last = mark;
    // What it was not heard to have on disk comes again, as after a restart from a checkpoint.
    if (mark === 'ready') tell(child, events, cut === undefined);
    const event = mark === 'settled' ? events[Number(id)] : undefined;
    if (event) event.isSettled = true;
    if (mark === 'sending') underWay.add(id);
    if (mark === 'recorded') underWay.delete(id);
    if (cut && gapAfter[mark] === cut.gap && ++come === cut.after) setTimeout(() => child.kill('SIGKILL'), cut.delayMs);
  };
  child.stdin?.on('error', () => {});
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) hear(...(line.split(' ') as [Mark, string]));
  });
  // A gap that this life never comes to: it is killed where it stands.
  const patience = cut && setTimeout(() => child.kill('SIGKILL'), 1_500);
  await once(child, 'close');
  clearTimeout(patience);
  if (!cut && last !== 'done') throw new Error(`the last life ended after '${last}'`);
  return { gap: gapAfter[last], underWay: [...underWay] };
}

function tell(child: ChildProcess, events: readonly Event[], isLast: boolean): void {
  for (const { number, notice, isSettled } of events)
    if (!isSettled) child.stdin?.write(`${JSON.stringify({ number, notice })}\n`);
  if (isLast) child.stdin?.end();
}

function judge(
  events: readonly Event[],
  taken: readonly TakenMail[],
  cuts: Record<CutGap, number>,
  cutsAfterDot: ReadonlyMap<string, number>,
): TortureResult {
  const byId = new Map<string, TakenMail[]>();
  for (const mail of taken) byId.set(messageIdOf(mail), [...(byId.get(messageIdOf(mail)) ?? []), mail]);
  const mailsOf = new Map<number, Set<string>>();
  let misdirected = 0;
  for (const [id, [mail]] of byId) {
    if (!mail) continue;
    const told = [...textOf(mail).matchAll(/\b([a-z]+)-(\d+)-job\b/g)];
    const isRight = told.every(([, tool]) => mail.recipients.join() === `tools.${tool}@toolforge.org`);
    if (!isRight) misdirected += 1;
    for (const [, , number] of told) mailsOf.set(Number(number), (mailsOf.get(Number(number)) ?? new Set()).add(id));
  }
  const copies = [...byId.values()];
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  return {
    events: events.length,
    mails: byId.size,
    cuts,
    cutAfterDot: sum([...cutsAfterDot.values()]),
    lost: events.filter(({ number }) => !mailsOf.has(number)).map(({ number }) => number),
    misdirected,
    duplicates: sum(copies.map(({ length }) => length - 1)),
    duplicatesWithoutCut: sum(
      [...byId].map(([id, { length }]) => Math.max(0, length - 1 - (cutsAfterDot.get(id) ?? 0))),
    ),
    changed: copies.filter((same) => new Set(same.map(({ bytes }) => bytes)).size > 1).length,
    toldTwice: [...mailsOf].filter(([, ids]) => ids.size > 1).map(([number]) => number),
  };
}

function messageIdOf({ bytes }: TakenMail): string {
  return /^Message-ID: (.*)$/m.exec(bytes)?.[1]?.trim() ?? '';
}

/** Quoted-printable as far as our own mails have it (RFC 2045 6.7). */
function textOf({ bytes }: TakenMail): string {
  return bytes
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** What a run must come to. @returns what is wrong; none where nothing is */
export function faultsOf({ lost, misdirected, duplicatesWithoutCut, changed, toldTwice }: TortureResult): string[] {
  return [
    ...(lost.length > 0 ? [`${lost.length} events were lost, the first is ${lost[0]}`] : []),
    ...(misdirected > 0 ? [`${misdirected} mails went to another tool`] : []),
    ...(changed > 0 ? [`${changed} mails came again with other bytes`] : []),
    ...(duplicatesWithoutCut > 0
      ? [`${duplicatesWithoutCut} mails came again that had not been cut off after their last byte`]
      : []),
    ...(toldTwice.length > 0 ? [`${toldTwice.length} events are in two mails, the first is ${toldTwice[0]}`] : []),
  ];
}

/** @returns gaps with too few cuts for the run to say anything */
export function voidGaps({ cuts }: TortureResult, least: number): string[] {
  return gaps.filter((gap) => cuts[gap] < least);
}
