/**
 * The mail of many tools in a world of its own: its time is moved by whoever plays, its mail server is there or away. Queues, their files'
 * contents and the pace are those of production.
 */
import type { Notice } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';
import { createMailRoster } from '../../src/machines/mail-roster.ts';
import { createPace } from '../../src/mail/pace.ts';
import { type Mailbox, refOf } from '../../src/mailbox.ts';
import { parseSettings } from '../../src/settings.ts';
import { createHeapClock } from '../support/heap-clock.ts';
import { makeNotice, makeSealed } from '../support/notices.ts';
import { createSeededRandom } from '../support/seeded-random.ts';

export const hour = 3_600_000;
export const began = Date.parse('2026-03-01T00:00:00Z');
export interface Arrival {
  readonly tool: string;
  readonly at: number;
  readonly ids: readonly string[];
}

export function createMailWorld(settings: Record<string, string>, isAway: (now: number) => boolean = () => false) {
  const clock = createHeapClock(began);
  const { now, pass } = clock;
  const mail = parseSettings(settings).settings.mail;
  const pace = createPace({
    settings: () => mail,
    steadyMs: now,
    after(delayMs, run) {
      const id = clock.setTimeout(run, delayMs);
      return () => clock.clearTimeout(id);
    },
  });
  const disk = new Map<string, Mailbox>();
  const arrivals: Arrival[] = [];
  let attempts = 0;
  let made = 0;
  const roster = createMailRoster({
    saved: [],
    effects: {
      save: async (box) => void disk.set(box.tool, box),
      async seal({ tool, open, folded }) {
        made += 1;
        const notices = open.map(({ notice }) => refOf(notice));
        return makeSealed({ messageId: `<${made}@x>`, to: tool, bytes: `${folded}`, sealedAt: now(), notices });
      },
      async deliver({ to, notices }, signal) {
        attempts += 1;
        if (isAway(now())) throw new AppError('mail.deferred', 'it is away');
        await pace.turn(signal);
        arrivals.push({ tool: to, at: now(), ids: notices.map(({ id }) => id) });
        return { isSent: true };
      },
    },
    settings: () => mail,
    now,
    clock,
    spreadMs: 10_000,
    random: createSeededRandom(1).next,
    log: createLog({ level: 'silent' }),
    observer: { durable() {}, handedOver() {}, attempted() {} },
    onAccounted() {},
  });
  const fail = (tool: string, job: string, run: string) => {
    const notice = failure(tool, job, run, now());
    roster.accept(notice);
    return notice.id;
  };
  return { roster, fail, now, pass, disk, arrivals, attempts: () => attempts };
}

function failure(tool: string, job: string, run: string, at: number): Notice {
  return makeNotice({ run, jobUid: job, key: { namespace: `tool-${tool}`, kind: 'CronJob', name: job }, at });
}

export interface Outage {
  readonly tools: number;
  readonly events: number;
  /** When the mail server comes back. */
  readonly mailsWaiting: number;
  readonly bytesOnDisk: number;
  readonly attemptsPerTool: number;
  /** Afterwards. */
  readonly mails: number;
  readonly minutesToDrain: number;
  readonly lost: number;
  readonly toldTwice: number;
  /** Of any 20 mails in a row the shortest time, ms: the pace is 20 in 10 s. */
  readonly shortestStretchMs: number;
}

/** The mail server is away for 48 hours, in which each tool has so many failures, each of another job. */
export async function playOutage({ tools, perTool }: { tools: number; perTool: number }): Promise<Outage> {
  const settings = { task_send_emails_max: '20', task_send_emails_loop_sleep: '10' };
  const { roster, fail, now, pass, disk, arrivals, attempts } = createMailWorld(
    settings,
    (at) => at < began + 48 * hour,
  );
  const accepted = new Set<string>();
  for (let round = 0; round < perTool; round += 1) {
    for (let tool = 0; tool < tools; tool += 1) accepted.add(fail(`t${tool}`, `job-${round}`, `${tool}-${round}`));
    await pass((48 * hour) / perTool);
  }
  const waiting = roster.stats();
  const bytesOnDisk = [...disk.values()].reduce((sum, box) => sum + Buffer.byteLength(JSON.stringify(box)), 0);
  const attemptsPerTool = attempts() / tools;

  const before = now();
  while (roster.stats().oldestAt !== undefined && now() < before + 24 * hour) await pass(60_000);
  const minutesToDrain = (now() - before) / 60_000;
  await roster.stop();
  const told = arrivals.flatMap(({ ids }) => ids);
  const stretches = arrivals.slice(20).map(({ at }, index) => at - (arrivals[index] as Arrival).at);
  return {
    tools,
    events: accepted.size,
    mailsWaiting: waiting.sealed + waiting.parked,
    bytesOnDisk,
    attemptsPerTool,
    mails: arrivals.length,
    minutesToDrain,
    lost: accepted.size - new Set(told).size,
    toldTwice: told.length - new Set(told).size,
    shortestStretchMs: stretches.reduce((least, ms) => Math.min(least, ms), Number.POSITIVE_INFINITY),
  };
}
