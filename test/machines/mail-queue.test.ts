import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createActor, fromPromise } from 'xstate';
import type { MailLogRow } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { type MailQueueEmitted, mailQueueMachine } from '../../src/machines/mail-queue.ts';
import { mailRules, type SendingRules, webhookRules } from '../../src/machines/sending-rules.ts';
import { type Mailbox, refOf, type SealedMail } from '../../src/mailbox.ts';
import { parseSettings } from '../../src/settings.ts';
import { makeDetails, makeMailbox, makeNotice, makeSealed } from '../support/notices.ts';

const settings = parseSettings({}).settings.mail;
const seconds = (count: number) => count * 1_000;
const minutes = (count: number) => count * 60_000;
const hours = (count: number) => count * 3_600_000;

beforeEach(
  () =>
    void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: Date.parse('2026-03-01T05:00:00Z') }),
);
afterEach(() => void vi.useRealTimers());

type Answer = 'taken' | 'off' | 'later' | 'refused' | 'never' | 'strange' | 'held';

interface Script {
  readonly saved?: Mailbox;
  readonly settings?: Partial<typeof settings>;
  /** What the mail server answers, one after the other; the last one for good. */
  readonly answers?: readonly Answer[];
  readonly seal?: 'fails once';
  readonly notBefore?: number;
  /** Unset: those of mail. */
  readonly rules?: SendingRules;
}

function run({
  saved = makeMailbox(),
  settings: changes,
  answers = ['taken'],
  seal,
  notBefore,
  rules = mailRules,
}: Script = {}) {
  const sealed: SealedMail[] = [];
  const attempts: { at: number; mail: SealedMail }[] = [];
  const rows: MailLogRow[] = [];
  const ended: string[] = [];
  /** Of attempts that are held: makes them fail. */
  const held: ((error: AppError) => void)[] = [];
  let stores = 0;
  let failures = seal ? 1 : 0;
  const actor = createActor(
    mailQueueMachine.provide({
      actors: {
        seal: fromPromise(async ({ input: { box } }) => {
          if (failures-- > 0) throw new Error('a defect');
          const mail = makeSealed({
            messageId: `<${sealed.length + 1}@toolforge.org>`,
            sealedAt: Date.now(),
            notices: box.open.slice(0, rules.batch).map(({ notice }) => refOf(notice)),
          });
          sealed.push(mail);
          return mail;
        }),
        store: fromPromise(async () => {
          stores += 1;
        }),
        deliver: fromPromise(async ({ input: { mail } }) => {
          const answer = answers[Math.min(attempts.length, answers.length - 1)];
          attempts.push({ at: Date.now(), mail });
          if (answer === 'later') throw new AppError('mail.deferred', 'come back later');
          if (answer === 'refused') throw new AppError('mail.refused', 'no such user');
          if (answer === 'strange') throw new Error('a defect');
          if (answer === 'held') await new Promise((_, fail) => held.push(fail));
          if (answer === 'never') await new Promise(() => {});
          return { isSent: answer === 'taken' };
        }),
      },
    }),
    {
      input: {
        saved,
        around: { rules, settings: () => ({ ...settings, ...changes }), now: Date.now, random: () => 0.5 },
        ...(notBefore === undefined ? {} : { notBefore }),
      },
    },
  );
  actor.on('accounted', (event: Extract<MailQueueEmitted, { type: 'accounted' }>) => void rows.push(...event.rows));
  actor.on('attempted', (event: Extract<MailQueueEmitted, { type: 'attempted' }>) => void ended.push(event.as));
  actor.start();
  const started = Date.now();
  return {
    actor,
    attempts,
    rows,
    ended,
    held,
    box: () => actor.getSnapshot().context.box,
    stores: () => stores,
    fail: (run: string, changed: Parameters<typeof makeNotice>[0] = {}) =>
      actor.send({
        type: 'notice.added',
        notice: makeNotice({
          run,
          key: { namespace: 'tool-alpha', kind: 'CronJob', name: run },
          at: Date.now(),
          ...changed,
        }),
      }),
    pass: (ms: number) => vi.advanceTimersByTimeAsync(ms),
    /** Seconds after the start. */
    times: () => attempts.map(({ at }) => Math.round((at - started) / 1_000)),
    told: () => attempts.map(({ mail }) => mail.notices.map(({ id }) => id.split('/')[0]).join('+')),
  };
}

describe('a mail queue', () => {
  it('lets the first event of a quiet tool wait 30 s for others, and the next mail 400 s', async () => {
    const queue = run();
    queue.fail('a');
    await queue.pass(seconds(10));
    queue.fail('b');
    await queue.pass(seconds(30));
    queue.fail('c');
    await queue.pass(minutes(10));
    expect([queue.times(), queue.told()]).toEqual([
      [30, 430],
      ['a+b', 'c'],
    ]);
    expect(queue.box()).toMatchObject({ open: [], sealed: undefined, openedAt: undefined, day: { mails: 2 } });
  });

  it('keeps for the next mail what comes while one is made and sent', async () => {
    const queue = run({ answers: ['later', 'taken'] });
    queue.fail('a');
    await queue.pass(seconds(31));
    queue.fail('b');
    await queue.pass(minutes(20));
    expect(queue.told()).toEqual(['a', 'a', 'b']);
    expect(queue.attempts[0]?.mail).toBe(queue.attempts[1]?.mail);
  });

  it('tries the same bytes again after 60 s, doubling to 4,000 s, for five days, then parks them', async () => {
    const queue = run({ answers: ['later'] });
    queue.fail('a');
    await queue.pass(hours(24 * 6));
    const gaps = queue.times().map((at, index, all) => at - (all[index - 1] ?? 0));
    expect(gaps.slice(0, 9)).toEqual([30, 60, 120, 240, 480, 960, 1_920, 3_840, 4_000]);
    expect(new Set(queue.attempts.map(({ mail }) => mail)).size).toBe(1);
    const last = queue.times().at(-1) ?? 0;
    expect(last).toBeGreaterThanOrEqual(5 * 86_400);
    expect(last).toBeLessThan(5 * 86_400 + 4_100);
    expect(queue.box()).toMatchObject({ sealed: undefined, parked: [{ why: 'come back later', isRetried: false }] });
    expect(queue.ended.at(-1)).toBe('parked');
  });

  it('tries what is refused three times over an hour, then parks it and goes on with the next', async () => {
    const queue = run({ answers: ['refused', 'refused', 'refused', 'taken'] });
    queue.fail('a');
    await queue.pass(minutes(1));
    queue.fail('b');
    await queue.pass(hours(2));
    expect(queue.told()).toEqual(['a', 'a', 'a', 'b']);
    expect((queue.times()[2] ?? 0) - (queue.times()[0] ?? 0)).toBeGreaterThanOrEqual(3_600);
    expect(queue.ended).toEqual(['refused', 'refused', 'parked', 'sent']);
  });

  it('takes a failure it does not know for one that passes', async () => {
    const queue = run({ answers: ['strange', 'taken'] });
    queue.fail('a');
    await queue.pass(minutes(5));
    expect(queue.ended).toEqual(['deferred', 'sent']);
  });

  it('tries a parked mail again when an operator wants it, after the one that is on its way', async () => {
    const parked = [{ ...makeSealed(), parkedAt: 0, tries: 3, why: 'refused', isRetried: false }];
    const queue = run({ saved: makeMailbox({ parked }), answers: ['later', 'taken'] });
    queue.fail('a');
    await queue.pass(seconds(40));
    queue.actor.send({ type: 'retry.requested', messageId: '<one@toolforge.org>' });
    await queue.pass(minutes(5));
    expect(queue.attempts.map(({ mail }) => mail.messageId)).toEqual([
      '<1@toolforge.org>',
      '<1@toolforge.org>',
      '<one@toolforge.org>',
    ]);
    expect(queue.box().parked).toEqual([]);
  });

  it('drops a parked mail when an operator wants it, and says so', async () => {
    const parked = [{ ...makeSealed(), parkedAt: 0, tries: 3, why: 'refused', isRetried: false }];
    const queue = run({ saved: makeMailbox({ parked }) });
    queue.actor.send({ type: 'drop.requested', messageId: '<other@toolforge.org>' });
    queue.actor.send({ type: 'drop.requested', messageId: '<one@toolforge.org>' });
    expect(queue.box().parked).toEqual([]);
    expect(queue.rows.map(({ state }) => state)).toEqual(['dropped']);
  });

  it('sends no more mails a day than it may, and the rest on the next', async () => {
    const queue = run({ settings: { perDay: 3 } });
    for (let count = 0; count < 100; count += 1) {
      queue.fail(`job-${count}`);
      await queue.pass(minutes(10));
    }
    expect(queue.attempts).toHaveLength(3);
    await queue.pass(hours(24));
    const second = queue.attempts.map(({ at }) => new Date(at).toISOString().slice(0, 16));
    expect(second.slice(3)).toEqual(['2026-03-02T00:00']);
  });

  it('records where sending is switched off, and never sends it later', async () => {
    const queue = run({ answers: ['off', 'taken'] });
    queue.fail('a');
    await queue.pass(hours(1));
    expect(queue.attempts).toHaveLength(1);
    expect(queue.box().sent).toMatchObject([{ messageId: '<1@toolforge.org>', isSent: false }]);
    expect(queue.rows.at(-1)).toMatchObject({
      state: 'withheld',
      why: expect.stringContaining('send_emails_for_real'),
    });
  });

  it('says of each event what became of it', async () => {
    const queue = run({ answers: ['later', 'taken'] });
    queue.fail('a');
    queue.fail('b', { emails: 'none' });
    await queue.pass(minutes(5));
    expect(queue.rows.map(({ jobName, state, why }) => [jobName, state, why])).toEqual([
      ['a', 'gathered', undefined],
      ['b', 'withheld', 'this job asks for no mail about it (emails: none)'],
      ['a', 'sealed', undefined],
      ['a', 'deferred', expect.stringMatching(/^come back later; next try at \d\d:\d\d UTC$/)],
      ['a', 'sent', undefined],
    ]);
  });

  it('keeps what was collected of an event, as long as the event waits', async () => {
    const queue = run();
    queue.fail('a');
    queue.actor.send({ type: 'details.found', id: 'a/failed', details: makeDetails() });
    const before = queue.box();
    queue.actor.send({ type: 'details.found', id: 'b/failed', details: makeDetails() });
    expect(queue.box()).toBe(before);
    expect(before.open[0]?.details).toEqual(makeDetails());
  });

  it('makes one thread of an incident: what was told first is referred to', async () => {
    const queue = run();
    const key = { namespace: 'tool-alpha', kind: 'CronJob', name: 'daily' } as const;
    for (const at of [1, 2, 3]) {
      queue.fail(`run-${at}`, { key });
      await queue.pass(minutes(10));
    }
    expect(queue.box().incidents).toMatchObject([{ failures: 3, thread: '<1@toolforge.org>' }]);
    queue.fail('run-4', { key, kind: 'finished' });
    expect(queue.box().open).toMatchObject([
      { as: 'recovered', incident: { failures: 3, thread: '<1@toolforge.org>' } },
    ]);
    expect(queue.box().incidents).toEqual([]);
  });

  it('tells each cause of an incident once, beside the first, third and tenth failure', async () => {
    const queue = run();
    const key = { namespace: 'tool-alpha', kind: 'CronJob', name: 'daily' } as const;
    for (const [at, reason] of (
      ['quota', 'out_of_memory', 'out_of_memory', 'quota', 'exit_code', 'quota'] as const
    ).entries()) {
      queue.fail(`run-${at}`, { key, reason });
      await queue.pass(minutes(10));
    }
    expect(queue.told()).toEqual(['run-0', 'run-1', 'run-2', 'run-4']);
    expect(queue.box().incidents).toMatchObject([{ failures: 6, reasons: ['quota', 'out_of_memory', 'exit_code'] }]);
  });

  it('makes the mail again where composing it failed, without losing an event', async () => {
    const queue = run({ seal: 'fails once' });
    queue.fail('a');
    await queue.pass(seconds(40));
    queue.fail('b');
    await queue.pass(minutes(3));
    expect(queue.told()).toEqual(['a+b']);
  });

  it('counts the same event once', async () => {
    const queue = run();
    for (let again = 0; again < 3; again += 1) queue.fail('a');
    const before = queue.box();
    queue.fail('a');
    expect(queue.box()).toBe(before);
    expect(before.open).toHaveLength(1);
  });

  it('has room for 200 events in a mail, and counts the others', async () => {
    const queue = run();
    for (let count = 0; count < 250; count += 1) queue.fail(`job-${count}`);
    expect(queue.box()).toMatchObject({ folded: 50 });
    expect(queue.box().open).toHaveLength(200);
    await queue.pass(minutes(1));
    expect(queue.box()).toMatchObject({ folded: 0, open: [], openedAt: undefined });
  });

  it('goes on after a restart where it was, not before its time', async () => {
    const saved = makeMailbox({ sealed: makeSealed(), tries: 2, retryAt: Date.now() + seconds(100) });
    expect(await timesOf({ saved })).toEqual([100]);
    const due = makeMailbox({ sealed: makeSealed() });
    expect(await timesOf({ saved: due, notBefore: Date.now() + seconds(7) })).toEqual([7]);
  });

  it('never waits longer than the longest pause, whatever the clock did', async () => {
    const saved = makeMailbox({ sealed: makeSealed(), tries: 2, retryAt: Date.now() + hours(24 * 365) });
    expect((await timesOf({ saved }))[0]).toBeLessThanOrEqual(4_800);
    const open = makeMailbox({
      folded: 1,
      openedAt: Date.now() + hours(24 * 365),
      lastSealedAt: Date.now() + hours(9),
    });
    expect(await timesOf({ saved: open })).toEqual([400]);
  });

  it('need not wait longer when the mail server is back', async () => {
    const queue = run({ answers: ['later', 'later', 'later', 'later', 'later', 'taken'] });
    queue.fail('a');
    await queue.pass(minutes(17));
    expect(queue.times()).toHaveLength(5);
    queue.actor.send({ type: 'server.returned' });
    await queue.pass(seconds(6));
    expect(queue.ended.at(-1)).toBe('sent');
  });

  it('plans anew when settings change', async () => {
    const changes = { firstMs: seconds(600) };
    const queue = run({ settings: changes });
    queue.fail('a');
    await queue.pass(seconds(100));
    Object.assign(changes, { firstMs: seconds(120) });
    queue.actor.send({ type: 'settings.changed' });
    await queue.pass(seconds(600));
    expect(queue.times()).toEqual([120]);
  });

  it('tries a mail that was put off soon after settings have changed, and one that was refused in its time', async () => {
    const timesAfterChange = async (answer: Answer) => {
      const queue = run({ answers: [answer, answer, answer, answer, 'taken'] });
      queue.fail('a');
      await queue.pass(minutes(12));
      const tries = queue.times().length;
      queue.actor.send({ type: 'settings.changed' });
      await queue.pass(seconds(6));
      return queue.times().length - tries;
    };
    expect(await timesAfterChange('later')).toBe(1);
    expect(await timesAfterChange('refused')).toBe(0);
  });

  it('tries a mail soon that was on its way when settings changed, and was put off then', async () => {
    const timesAfterFailure = async (code: 'mail.deferred' | 'mail.refused') => {
      const queue = run({ answers: ['later', 'later', 'later', 'held', 'taken'] });
      queue.fail('a');
      await queue.pass(minutes(10));
      const tries = queue.times().length;
      queue.actor.send({ type: 'settings.changed' });
      queue.held[0]?.(new AppError(code, 'of the former server'));
      await queue.pass(seconds(6));
      return queue.times().length - tries;
    };
    expect(await timesAfterFailure('mail.deferred')).toBe(1);
    expect(await timesAfterFailure('mail.refused')).toBe(0);
  });

  async function timesOf(script: Script): Promise<number[]> {
    const queue = run(script);
    await queue.pass(hours(3));
    queue.actor.stop();
    return queue.times();
  }
});

describe('the queue of a webhook', () => {
  const atOnce = { firstMs: 0, windowMs: 0, perDay: Number.POSITIVE_INFINITY };
  const webhook = (script: Script = {}) => run({ rules: webhookRules, settings: atOnce, ...script });

  it('sends each event by itself, at once, in the order in which they came', async () => {
    const queue = webhook();
    for (const name of ['a', 'b', 'c']) queue.fail(name);
    await queue.pass(10);
    expect([queue.times(), queue.told()]).toEqual([
      [0, 0, 0],
      ['a', 'b', 'c'],
    ]);
    expect(queue.box()).toMatchObject({ open: [], sealed: undefined, openedAt: undefined });
  });

  it('tries the same bytes again after 10 s, doubling to an hour, for a day from the event, then gives them up', async () => {
    const queue = webhook({ answers: ['later'] });
    queue.fail('a');
    await queue.pass(hours(25));
    const gaps = queue.times().map((at, index, all) => at - (all[index - 1] ?? 0));
    expect(gaps.slice(0, 11)).toEqual([0, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600]);
    expect(new Set(queue.attempts.map(({ mail }) => mail)).size).toBe(1);
    const last = queue.times().at(-1) ?? 0;
    expect([last >= 86_400, last < 86_400 + 3_600]).toEqual([true, true]);
    expect(queue.box()).toMatchObject({ sealed: undefined, parked: [], openedAt: undefined });
    expect(queue.rows.at(-1)).toMatchObject({ state: 'dropped', why: 'come back later' });
  });

  it('gives up what waited behind it when that is a day old itself, after five tries at least', async () => {
    const queue = webhook({ answers: ['later'] });
    queue.fail('a');
    await queue.pass(hours(12));
    queue.fail('b');
    queue.fail('late', { at: Date.now() - hours(48) });
    await queue.pass(hours(40));
    const tries = (name: string) => queue.told().filter((told) => told === name).length;
    const lastOf = (name: string) => queue.times()[queue.told().lastIndexOf(name)] ?? 0;
    expect([lastOf('b') >= 36 * 3_600, lastOf('b') < 38 * 3_600, tries('late')]).toEqual([true, true, 5]);
    expect(queue.box()).toMatchObject({ open: [], sealed: undefined });
  });

  it('tells of many as long as there is room, then only how many there were', async () => {
    const queue = webhook({ answers: ['later'] });
    for (let count = 0; count < 203; count += 1) queue.fail(`job-${count}`);
    await queue.pass(0);
    // One is on its way, and three came before it was made: 200 had room then.
    expect(queue.box()).toMatchObject({ folded: 0, open: { length: 199 } });
    for (let count = 0; count < 5; count += 1) queue.fail(`late-${count}`);
    expect(queue.box()).toMatchObject({ folded: 4, open: { length: 200 } });
  });

  it('says that nobody was asked where there is none any more', async () => {
    const queue = webhook({ answers: ['off'] });
    queue.fail('a');
    await queue.pass(0);
    expect(queue.rows.at(-1)).toMatchObject({ state: 'withheld', why: expect.stringContaining('removed') });
  });
});

describe('a mail about a webhook', () => {
  const trouble = (since: number) => ({
    type: 'webhook.failed' as const,
    trouble: { since, why: 'it answered with 500' },
  });

  it('is made though nothing else has happened, once for each time of trouble', async () => {
    const queue = run();
    queue.actor.send(trouble(1_000));
    queue.actor.send(trouble(1_000));
    await queue.pass(seconds(31));
    queue.actor.send(trouble(1_000));
    await queue.pass(hours(1));
    expect(queue.times()).toEqual([30]);
    expect(queue.box()).toMatchObject({ webhookTrouble: undefined, webhookToldSince: 1_000, openedAt: undefined });
    queue.actor.send(trouble(2_000));
    await queue.pass(hours(1));
    expect(queue.times().length).toBe(2);
  });

  it('goes with the events that wait, and leaves to the next what comes while it is made', async () => {
    const queue = run({ answers: ['later', 'taken'] });
    queue.fail('a');
    queue.actor.send(trouble(1_000));
    await queue.pass(seconds(31));
    expect(queue.box()).toMatchObject({ webhookTrouble: undefined, webhookToldSince: 1_000 });
    queue.actor.send(trouble(2_000));
    expect(queue.box()).toMatchObject({ webhookTrouble: { since: 2_000 }, openedAt: Date.now() });
    await queue.pass(hours(1));
    expect(queue.told()).toEqual(['a', 'a', '']);
  });
});
