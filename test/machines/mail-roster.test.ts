import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { assign, enqueueActions } from 'xstate';
import type { MailLogRow } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';
import { mailQueueMachine } from '../../src/machines/mail-queue.ts';
import { createMailRoster, type MailRoster, type MailRosterOptions } from '../../src/machines/mail-roster.ts';
import { take } from '../../src/machines/mailbox-changes.ts';
import { webhookRules } from '../../src/machines/sending-rules.ts';
import { type Mailbox, refOf } from '../../src/mailbox.ts';
import { parseSettings } from '../../src/settings.ts';
import { makeGathered, makeMailbox, makeNotice, makeSealed } from '../support/notices.ts';

const opened: MailRoster[] = [];
beforeEach(
  () => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'], now: makeNotice().at }),
);
afterEach(async () => {
  const stopped = Promise.all(opened.splice(0).map((roster) => roster.stop()));
  await vi.advanceTimersByTimeAsync(10_000);
  await stopped;
  vi.useRealTimers();
});

/** A disk that can be made to refuse or to hang, and what it holds. */
function scriptDisk() {
  const disk = new Map<string, Mailbox>();
  const script = { refuses: false, hangs: false, writes: 0 };
  const waiting: (() => void)[] = [];
  return {
    disk,
    script,
    release() {
      script.hangs = false;
      for (const go of waiting.splice(0)) go();
    },
    async save(box: Mailbox) {
      script.writes += 1;
      if (script.hangs) await new Promise<void>((go) => waiting.push(go));
      if (script.refuses) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      disk.set(box.tool, box);
    },
  };
}

/** A mail server that is away at first; when it is back it refuses mails to some. */
function awayServer(refused: readonly string[] = []) {
  const server = { isAway: true };
  const attempts: string[] = [];
  const effects: MailRosterOptions['effects'] = {
    save: async () => {},
    seal: async ({ tool }) => makeSealed({ to: tool, sealedAt: Date.now() }),
    async deliver({ to }) {
      attempts.push(to);
      if (server.isAway) throw new AppError('mail.deferred', 'away');
      if (refused.includes(to)) throw new AppError('mail.refused', 'not this one');
      return { isSent: true };
    },
  };
  return { server, effects, attempts };
}

function create(changes: Partial<MailRosterOptions> = {}) {
  const disk = scriptDisk();
  const lines: string[] = [];
  const delivered: string[] = [];
  const rows: [string, MailLogRow][] = [];
  const seen = { durable: [] as number[], attempts: [] as string[] };
  let count = 0;
  const roster = createMailRoster({
    saved: [],
    effects: {
      save: disk.save,
      async seal({ tool, open }) {
        count += 1;
        const notices = open.map(({ notice }) => refOf(notice));
        return makeSealed({ messageId: `<${tool}-${count}@x>`, sealedAt: Date.now(), notices });
      },
      async deliver({ messageId }) {
        delivered.push(messageId);
        return { isSent: true };
      },
    },
    settings: () => parseSettings({}).settings.mail,
    now: Date.now,
    random: () => 0.5,
    log: createLog({ level: 'info', stream: { write: (line) => void lines.push(JSON.parse(line).msg) } }),
    observer: {
      durable: (ms) => void seen.durable.push(ms),
      handedOver: () => {},
      attempted: (as) => void seen.attempts.push(as),
    },
    onAccounted: (tool, some) => void rows.push(...some.map((row): [string, MailLogRow] => [tool, row])),
    ...changes,
  });
  opened.push(roster);
  return { roster, ...disk, lines, delivered, rows, seen };
}

const failure = (tool: string, run = 'run-1') =>
  makeNotice({ run, key: { namespace: `tool-${tool}`, kind: 'CronJob', name: run } });
const refusing = {
  seal: () => Promise.reject(new Error('a defect')),
  deliver: async () => ({ isSent: true }),
};
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  void promise.then(() => {
    pending = false;
  });
  await pass(0);
  return pending;
}

describe('the mail of all tools', () => {
  it('keeps tools apart, by namespace alone', async () => {
    const { roster, delivered } = create();
    roster.accept(failure('alpha'));
    roster.accept(failure('beta'));
    roster.accept(makeNotice({ key: { namespace: 'kube-system', kind: 'Job', name: 'x' } }));
    roster.accept(makeNotice({ key: { namespace: 'alpha', kind: 'Job', name: 'x' } }));
    await pass(40_000);
    expect(delivered.sort()).toEqual(['<alpha-1@x>', '<beta-2@x>']);
    expect([...roster.all()].map(({ tool }) => tool)).toEqual(['alpha', 'beta']);
  });

  it('is settled when everything that was accepted before is on disk', async () => {
    const { roster, disk, script, release } = create();
    await roster.settled();
    script.hangs = true;
    roster.accept(failure('alpha'));
    const settled = roster.settled();
    expect(await isPending(settled)).toBe(true);
    release();
    await settled;
    expect(disk.get('alpha')?.open).toHaveLength(1);
  });

  it('is settled in the end however many events go on coming', async () => {
    const { roster, script, release } = create();
    script.hangs = true;
    roster.accept(failure('alpha', 'first'));
    const settled = roster.settled();
    roster.accept(failure('alpha', 'second'));
    release();
    roster.accept(failure('alpha', 'third'));
    script.hangs = true;
    roster.accept(failure('alpha', 'fourth'));
    expect(await isPending(settled)).toBe(false);
  });

  it('is not settled, and sends nothing, while the disk refuses; then it goes on', async () => {
    const { roster, script, delivered, lines } = create();
    script.refuses = true;
    roster.accept(failure('alpha'));
    const settled = roster.settled();
    await pass(120_000);
    expect([await isPending(settled), delivered, roster.stats().unsaved]).toEqual([true, [], 1]);
    script.refuses = false;
    await pass(60_000);
    expect([await isPending(settled), delivered]).toEqual([false, ['<alpha-1@x>']]);
    expect(lines).toEqual([
      'a mailbox cannot be written; it is tried again, nothing is lost',
      'the mailbox is on disk again',
    ]);
  });

  it('writes nothing for an event that changes nothing', async () => {
    const { roster, script } = create();
    roster.accept(makeNotice({ kind: 'steady' }));
    roster.accept(makeNotice({ kind: 'finished' }));
    roster.accept(makeNotice({ kind: 'failed', emails: 'none' }));
    await roster.settled();
    expect(script.writes).toBe(0);
  });

  it('spreads what is due after a restart over ten seconds', async () => {
    const saved = [makeMailbox({ open: [makeGathered()], openedAt: 0 })];
    const { delivered } = create({ saved });
    await pass(4_900);
    expect(delivered).toEqual([]);
    await pass(200);
    expect(delivered).toEqual(['<alpha-1@x>']);
  });

  it('lets a queue that fails begin anew from its mailbox, and the others alone', async () => {
    let mistakes = 0;
    const machine = mailQueueMachine.provide({
      actions: {
        takeBatch: assign(({ context: { box } }) => {
          if (box.tool === 'alpha' && mistakes++ === 0) throw new Error('a defect');
          return { batch: { events: box.open.length, folded: box.folded, trouble: undefined } };
        }),
      },
    });
    const { roster, delivered, lines } = create({ machine });
    roster.accept(failure('alpha'));
    roster.accept(failure('beta'));
    await pass(35_000);
    roster.accept(failure('alpha', 'run-2'));
    await pass(60_000);
    expect(delivered).toEqual(['<beta-1@x>', '<alpha-2@x>']);
    expect([roster.stats().failures, lines]).toEqual([1, ['a mail queue failed and begins anew']]);
  });

  it.each([
    { what: 'once keeps it', mistakes: 1, delivers: ['<alpha-1@x>'] },
    { what: 'twice begins anew without it', mistakes: 2, delivers: [] },
  ])('whose queue fails over an event $what', async ({ mistakes, delivers }) => {
    let left = mistakes;
    const machine = mailQueueMachine.provide({
      actions: {
        take: enqueueActions(({ context: { box, around }, enqueue }, { notice }) => {
          if (left-- > 0) throw new Error('a defect');
          enqueue.assign({ box: take(box, notice, around.now()).box });
        }),
      },
    });
    const { roster, delivered } = create({ machine });
    roster.accept(failure('alpha'));
    await pass(60_000);
    expect([delivered, roster.stats().failures]).toEqual([delivers, mistakes]);
  });

  it('tells those who were put off when the mail server takes mail again, unless only one was', async () => {
    const play = async (tools: readonly string[]) => {
      const { server, effects, attempts } = awayServer();
      const { roster } = create({ effects });
      for (const tool of tools) roster.accept(failure(tool));
      await pass(32_000);
      server.isAway = false;
      roster.accept(failure('fresh'));
      await pass(40_000);
      return attempts.slice(tools.length);
    };
    expect((await play(['alpha', 'beta', 'gamma'])).sort()).toEqual(['alpha', 'beta', 'fresh', 'gamma']);
    expect(await play(['alpha'])).toEqual(['fresh']);
  });

  it('does not hurry those whom the mail server has refused since', async () => {
    const { server, effects, attempts } = awayServer(['alpha', 'beta', 'gamma']);
    const { roster } = create({ effects });
    for (const tool of ['alpha', 'beta', 'gamma']) roster.accept(failure(tool));
    await pass(32_000);
    server.isAway = false;
    await pass(90_000);
    expect(attempts).toHaveLength(6);
    roster.accept(failure('fresh'));
    await pass(60_000);
    expect(attempts.slice(6)).toEqual(['fresh']);
  });

  it('says of whom no mail can be made', async () => {
    const { roster, lines } = create({ effects: { ...refusing, save: async () => {} } });
    roster.accept(failure('alpha'));
    await pass(40_000);
    expect(lines).toEqual(['a mail could not be composed; it is tried again, nothing is lost']);
    expect(roster.find('alpha')?.open).toHaveLength(1);
  });

  it('waits at the end for the answer to a mail that is on its way, but not for long', async () => {
    const play = async (answersAfterMs: number) => {
      const disk = scriptDisk();
      const { roster } = create({
        effects: {
          save: disk.save,
          seal: async ({ tool }) => makeSealed({ to: tool, sealedAt: Date.now() }),
          async deliver() {
            await new Promise((resolve) => setTimeout(resolve, answersAfterMs));
            return { isSent: true };
          },
        },
      });
      roster.accept(failure('alpha'));
      await pass(30_000);
      let isStopped = false;
      void roster.stop().then(() => {
        isStopped = true;
      });
      await pass(5_000);
      return [isStopped, disk.disk.get('alpha')?.sealed === undefined];
    };
    expect(await play(2_000)).toEqual([true, true]);
    expect(await play(60_000)).toEqual([true, false]);
  });

  it('says how much waits, and since when', async () => {
    const { roster } = create({
      saved: [makeMailbox({ sealed: makeSealed({ sealedAt: 5_000 }), open: [makeGathered()], openedAt: 7_000 })],
    });
    roster.accept(failure('beta'));
    expect(roster.stats()).toMatchObject({ mailboxes: 2, gathered: 2, sealed: 1, parked: 0, oldestAt: 5_000 });
  });

  it('knows whether an event waits for its details', () => {
    const { roster } = create();
    roster.accept(failure('alpha'));
    expect([roster.isWaiting(failure('alpha')), roster.isWaiting(failure('beta'))]).toEqual([true, false]);
    roster.addDetails('alpha', failure('alpha').id, makeGathered().details as never);
    expect(roster.isWaiting(failure('alpha'))).toBe(false);
  });

  it('says whether there is a parked mail to be tried again or dropped', async () => {
    const parked = [{ ...makeSealed(), parkedAt: 0, tries: 3, why: 'refused', isRetried: false }];
    const { roster, delivered } = create({ saved: [makeMailbox({ parked })] });
    expect([roster.retry('beta', '<one@toolforge.org>'), roster.retry('alpha', '<two@toolforge.org>')]).toEqual([
      false,
      false,
    ]);
    expect(roster.drop('alpha', '<two@toolforge.org>')).toBe(false);
    expect(roster.retry('alpha', '<one@toolforge.org>')).toBe(true);
    await pass(10_000);
    expect(delivered).toEqual(['<one@toolforge.org>']);
  });

  it('begins anew with a tool whose events nobody wants any more, and says what became of them', async () => {
    let isAborted = false;
    const { roster, disk, rows } = create({
      rules: webhookRules,
      settings: () => ({ firstMs: 0, windowMs: 0, perDay: 100 }),
      effects: {
        save: async (box) => void disk.set(box.tool, box),
        seal: async ({ open }) =>
          makeSealed({ sealedAt: Date.now(), notices: open.slice(0, 1).map(({ notice }) => refOf(notice)) }),
        async deliver(_, signal) {
          await new Promise((ended) => signal.addEventListener('abort', ended, { once: true }));
          isAborted = true;
          return { isSent: false };
        },
      },
    });
    for (const run of ['run-1', 'run-2']) roster.accept(failure('alpha', run));
    await pass(0);
    roster.reset('alpha', 'nobody wants it');
    roster.reset('beta', 'nobody wants it');
    await pass(0);
    expect([isAborted, roster.find('beta')]).toEqual([true, undefined]);
    expect(disk.get('alpha')).toEqual(makeMailbox());
    const dropped = rows.filter(([, { state }]) => state === 'dropped').map(([tool, { id, why }]) => [tool, id, why]);
    expect(dropped.sort()).toEqual(['run-1', 'run-2'].map((run) => ['alpha', `${run}/failed`, 'nobody wants it']));
    roster.accept(failure('alpha', 'run-3'));
    expect(roster.find('alpha')?.open.length).toBe(1);
  });

  it('hurries nobody by another one’s success where each has a server of its own', async () => {
    const tools = ['alpha', 'beta', 'gamma'];
    const attempts: string[] = [];
    let isBack = false;
    const { roster } = create({
      rules: webhookRules,
      settings: () => ({ firstMs: 0, windowMs: 0, perDay: 100 }),
      effects: {
        save: async () => {},
        seal: async ({ tool }) => makeSealed({ to: tool, sealedAt: Date.now() }),
        async deliver({ to }) {
          attempts.push(to);
          if (to === 'alpha' && isBack) return { isSent: true };
          throw new AppError('webhook.not_taken', 'away');
        },
      },
    });
    for (const tool of tools) roster.accept(failure(tool));
    await pass(4_000_000);
    isBack = true;
    attempts.length = 0;
    roster.replan('alpha');
    await pass(11_000);
    expect(attempts).toEqual(['alpha']);
  });

  it('makes a mail for a tool of which nothing was known, when its webhook takes nothing', async () => {
    const { roster, disk, delivered } = create();
    roster.addWebhookTrouble('alpha', { since: 1, why: 'it answered with 500' });
    await pass(0);
    expect(disk.get('alpha')).toMatchObject({ webhookTrouble: { since: 1 } });
    await pass(31_000);
    expect(delivered).toEqual(['<alpha-1@x>']);
  });
});
