/**
 * Mail without the cluster: what it costs until an event is on disk, against a bare fsync of a file of the same size; and how fast mails go to
 * Postfix's smtp-sink, against bare nodemailer with the same mails, connections and sink. Everything between is as daemon.ts puts it together.
 */
import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport as createMailer } from 'nodemailer';
import type { Notice } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { createMailRoster, type MailEffects, type MailRoster } from '../../src/machines/mail-roster.ts';
import { composeMail } from '../../src/mail/compose.ts';
import { createDeliver } from '../../src/mail/deliver.ts';
import { createMailboxFiles, type MailboxFiles } from '../../src/mail/mailbox-files.ts';
import { createPace } from '../../src/mail/pace.ts';
import { createSeal } from '../../src/mail/seal.ts';
import { createTransport } from '../../src/mail/transport.ts';
import { createMailLog } from '../../src/mail-log.ts';
import type { SealedMail } from '../../src/mailbox.ts';
import { parseSettings, type Startup } from '../../src/settings.ts';
import { makeDetails, makeNotice, makeRan } from '../support/notices.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { median, type Row, timed } from './measure.ts';

const rounds = 5;
const eventsAlone = 60;
const toolsAtOnce = 1_000;
const stormTools = 100;
const stormEvents = 10;
const mailsAtOnce = 500;
const connections = 4;
/** As many as a mail shows of a job. */
const outputLines = 20;
const log = createLog({ level: 'error' });

export async function measureMail(): Promise<readonly Row[]> {
  const directory = await mkdtemp(join(tmpdir(), 'toolforge-jobs-bench-mail-'));
  try {
    return [...(await measureDisk(join(directory, 'disk'))), await measureSending(join(directory, 'sending'))];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Event to durable: one at a time, 1,000 tools at once, and ten events each of 100 tools. */
async function measureDisk(directory: string): Promise<Row[]> {
  const bare = join(directory, 'bare');
  await mkdir(bare, { recursive: true });
  const files = createMailboxFiles({ directory: join(directory, 'mail'), log });
  // No mail is due before the end.
  const { roster, stop } = openRoster(files, directory, settingsFor(25, { mail_first_seconds: '3600' }));
  const bytes = await sizeOfOne(roster, join(directory, 'mail'));
  const alone = { ours: [] as number[], bare: [] as number[] };
  const atOnce = { ours: [] as number[], bare: [] as number[] };
  const storm = { ours: [] as number[], bare: [] as number[] };
  const expected = new Map<string, number>();
  const accept = (tool: string, run: string) => {
    roster.accept(noticeOf(tool, run));
    expected.set(tool, (expected.get(tool) ?? 0) + 1);
  };
  for (let round = 0; round <= rounds; round++) {
    alone.ours.push(
      ...(await timed(eventsAlone, async (index) => {
        accept(`alone-${round}-${index}`, 'run');
        await roster.settled();
      })),
    );
    alone.bare.push(...(await timed(eventsAlone, (index) => bareWrite(join(bare, `alone-${round}-${index}`), bytes))));
    atOnce.ours.push(
      await rateOf(toolsAtOnce, async () => {
        for (let index = 0; index < toolsAtOnce; index++) accept(`many-${round}-${index}`, 'run');
        await roster.settled();
      }),
    );
    atOnce.bare.push(await bareRate(toolsAtOnce, join(bare, `many-${round}`), bytes));
    storm.ours.push(
      await rateOf(stormTools * stormEvents, async () => {
        for (let event = 0; event < stormEvents; event++) {
          for (let index = 0; index < stormTools; index++) accept(`storm-${round}-${index}`, `run-${event}`);
          // As a watch hands them in: not all in one step.
          await new Promise((resolve) => setImmediate(resolve));
        }
        await roster.settled();
      }),
    );
    storm.bare.push(await bareRate(stormTools * stormEvents, join(bare, `storm-${round}`), bytes));
    // Not counted: code that is not compiled yet, directories that are not there yet.
    if (round === 0)
      for (const list of [...Object.values(alone), ...Object.values(storm), ...Object.values(atOnce)]) list.length = 0;
  }
  await stop();
  await checkDisk(join(directory, 'mail'), expected);
  return [
    {
      what: 'event to durable: median, against a bare fsync of as many bytes',
      ...compared(median(alone.ours), median(alone.bare), 'ms'),
      ...goalOf(median(alone.ours) / median(alone.bare), '≤', 3),
    },
    {
      what: `events durable per second, ${toolsAtOnce} tools with one each, against bare fsyncs`,
      ...compared(median(atOnce.ours), median(atOnce.bare), '/s'),
      ...goalOf(median(atOnce.ours) / median(atOnce.bare), '≥', 0.3),
    },
    {
      what: `events durable per second, ${stormTools} tools with ${stormEvents} each, against a bare fsync for each event`,
      ...compared(median(storm.ours), median(storm.bare), '/s'),
      ...goalOf(median(storm.ours) / median(storm.bare), '≥', 0.5),
    },
  ];
}

/** From events that are due at once to mails that are recorded as sent. The rate of the settings is opened as far as it goes. */
async function measureSending(directory: string): Promise<Row> {
  const kept = join(directory, 'sink');
  await mkdir(directory, { recursive: true });
  const sink = await startSmtpSink({ dir: kept });
  const settings = settingsFor(sink.port, { mail_first_seconds: '0' });
  const files = createMailboxFiles({ directory: join(directory, 'mail'), log });
  const sealed: SealedMail[] = [];
  const { roster, stop, sent } = openRoster(files, directory, settings, (mail) => sealed.push(mail));
  const mailer = createMailer({ pool: true, host: '127.0.0.1', port: sink.port, maxConnections: connections });
  const rate = { ours: [] as number[], bare: [] as number[] };
  let mails = 0;
  const checkSink = async (what: string) => {
    mails += mailsAtOnce;
    const taken = (await readdir(kept)).length;
    if (taken !== mails) throw new Error(`${what}: the sink has ${taken} mails, not ${mails}`);
  };
  try {
    for (let round = 0; round <= rounds; round++) {
      sealed.length = 0;
      rate.ours.push(
        await rateOf(mailsAtOnce, async () => {
          const all = sent(mailsAtOnce);
          for (let index = 0; index < mailsAtOnce; index++) roster.accept(noticeOf(`mail-${round}-${index}`, 'run'));
          await all;
          await roster.settled();
        }),
      );
      await checkSink('ours');
      const recorded = [...roster.all()].filter((box) => box.sent.length === 1 && box.sent[0]?.isSent);
      if (recorded.length !== mailsAtOnce * (round + 1))
        throw new Error(`${recorded.length} mails are recorded as sent`);
      const batch = [...sealed];
      rate.bare.push(
        await rateOf(mailsAtOnce, async () => {
          await Promise.all(
            batch.map(({ from, to, bytes }) => mailer.sendMail({ envelope: { from, to: [to] }, raw: bytes })),
          );
        }),
      );
      await checkSink('bare nodemailer');
      if (round === 0) for (const list of Object.values(rate)) list.length = 0;
    }
  } finally {
    mailer.close();
    await stop();
    await sink.stop();
  }
  const [ours, bare] = [median(rate.ours), median(rate.bare)];
  return {
    what: `mails per second, ${mailsAtOnce} tools at once, from event to recorded as sent, against bare nodemailer`,
    ...compared(ours, bare, '/s'),
    ...goalOf(ours / bare, '≥', 0.2),
  };
}

type MailSettingsNow = ReturnType<typeof parseSettings>['settings']['mail'];

const host = 'mail.example.org';
const smtp: Startup['smtp'] = { allow: [{ host, address: '127.0.0.1' }] };

function settingsFor(port: number, more: Readonly<Record<string, string>>): MailSettingsNow {
  const data = {
    send_emails_for_real: 'yes',
    smtp_server_fqdn: host,
    smtp_server_port: String(port),
    smtp_require_tls: 'no',
    smtp_connections: String(connections),
    task_send_emails_max: '10000',
    task_send_emails_loop_sleep: '1',
    ...more,
  };
  return parseSettings(data, { allow: [{ host, port }] }).settings.mail;
}

interface Opened {
  readonly roster: MailRoster;
  /** Resolves when so many more mails were sent. */
  sent(count: number): Promise<void>;
  stop(): Promise<void>;
}

function openRoster(
  files: MailboxFiles,
  directory: string,
  mail: MailSettingsNow,
  onSealed: (mail: SealedMail) => void = () => {},
): Opened {
  const settings = () => mail;
  const now = Date.now;
  const transport = createTransport({ settings, smtp, secrets: () => ({}) });
  const pace = createPace({ settings });
  const history = createMailLog({ directory: join(directory, 'mail-log'), log, now });
  const seal = createSeal({ settings, gaps: () => [], now, compose: composeMail, compile: transport.compile });
  const details = makeDetails({
    lines: Array.from({ length: outputLines }, (_, index) => `2026-03-01 04:20:${index} page ${index}: no such title`),
    lastGood: { at: now() - 86_400_000, ran: makeRan({ cmd: './daily.sh --all' }) },
  });
  let missing = 0;
  let whenSent = () => {};
  const effects: MailEffects = {
    async seal(mailbox) {
      const made = await seal({ ...mailbox, open: mailbox.open.map((one) => ({ ...one, details })) });
      onSealed(made);
      return made;
    },
    save: (mailbox) => files.save(mailbox),
    deliver: createDeliver({ transport, pace, settings }),
  };
  const roster = createMailRoster({
    saved: [],
    effects,
    settings,
    now,
    log,
    observer: {
      durable: () => {},
      handedOver: () => {},
      attempted(as) {
        if (as === 'sent') missing -= 1;
        if (missing === 0) whenSent();
      },
    },
    onAccounted: (tool, rows) => history.add(tool, rows),
  });
  return {
    roster,
    sent: (count) =>
      new Promise((resolve) => {
        missing = count;
        whenSent = resolve;
      }),
    async stop() {
      await roster.stop();
      pace.stop();
      transport.stop();
      await history.stop();
    },
  };
}

function noticeOf(tool: string, run: string): Notice {
  const at = Date.now();
  // One job for each run, so that each is an event of its own.
  const key = { namespace: `tool-${tool}`, kind: 'CronJob', name: `daily-${run}` } as const;
  return makeNotice({ run, at, finishedAt: at, startedAt: at - 192_000, jobUid: `uid-${run}`, key });
}

/** Bytes of a mailbox with one event in it. */
async function sizeOfOne(roster: MailRoster, directory: string): Promise<number> {
  roster.accept(noticeOf('first', 'run'));
  await roster.settled();
  const [name] = (await readdir(directory, { recursive: true })).filter((one) => one.endsWith('first.json'));
  const file = await open(join(directory, name ?? 'none'));
  const { size } = await file.stat();
  await file.close();
  return size;
}

/** Only what is on disk counts. */
async function checkDisk(directory: string, expected: ReadonlyMap<string, number>): Promise<void> {
  const found = new Map(
    (await createMailboxFiles({ directory, log }).load()).map(({ tool, open: events }) => [tool, events.length]),
  );
  for (const [tool, events] of expected) {
    if (found.get(tool) !== events) throw new Error(`${tool}: ${found.get(tool)} events are on disk, not ${events}`);
  }
}

async function bareWrite(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w', 0o600);
  await file.writeFile('x'.repeat(bytes));
  await file.sync();
  await file.close();
}

async function bareRate(count: number, prefix: string, bytes: number): Promise<number> {
  return rateOf(count, async () => {
    await Promise.all(Array.from({ length: count }, (_, index) => bareWrite(`${prefix}-${index}`, bytes)));
  });
}

/** So many in a second. */
async function rateOf(count: number, act: () => Promise<void>): Promise<number> {
  const [ms = Number.NaN] = await timed(1, act);
  return (count * 1000) / ms;
}

function compared(ours: number, anchor: number, unit: string): Pick<Row, 'ours' | 'anchor' | 'ratio'> {
  const text = (value: number) => `${value >= 100 ? value.toFixed(0) : value.toFixed(2)} ${unit}`;
  return { ours: text(ours), anchor: text(anchor), ratio: ours / anchor };
}

function goalOf(ratio: number, side: '≤' | '≥', goal: number): Pick<Row, 'goal' | 'met'> {
  return { goal: `${side} ${goal.toFixed(2)}`, met: side === '≤' ? ratio <= goal : ratio >= goal };
}
