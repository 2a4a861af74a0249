/**
 * The mail of the daemon and nothing else of it, or its webhooks, to be killed: queues, files, composing and sending as they are in production,
 * with short times. Events come in on stdin, one JSON line each; marks go out on stdout, written at once, so that the one who kills knows where it was.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type { Notice, TellingWay } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { createMailRoster } from '../../src/machines/mail-roster.ts';
import { mailRules, webhookRules } from '../../src/machines/sending-rules.ts';
import { composeMail } from '../../src/mail/compose.ts';
import { createDeliver } from '../../src/mail/deliver.ts';
import { createMailboxFiles } from '../../src/mail/mailbox-files.ts';
import { createPace } from '../../src/mail/pace.ts';
import { createSeal } from '../../src/mail/seal.ts';
import { createTransport } from '../../src/mail/transport.ts';
import { createWebhookDelivery } from '../../src/mail/webhook/deliver.ts';
import { createWebhookSeal } from '../../src/mail/webhook/event.ts';
import { createPost } from '../../src/mail/webhook/post.ts';
import type { Mailbox } from '../../src/mailbox.ts';
import type { MailSettings } from '../../src/settings.ts';
import type { Webhook } from '../../src/webhooks.ts';
import type { Mark, Mistake } from './mail-marks.ts';

const [directory = '', port = '', given, via, ca] = process.argv.slice(2);
const mistake = given as Mistake | 'none';
const isWebhook = (via as TellingWay) === 'webhook';

const settings: MailSettings = {
  isSent: true,
  from: 'noreply@toolforge.org',
  toPrefix: 'tools',
  toDomain: 'toolforge.org',
  server: 'mx.example.org',
  port: Number(port),
  isTlsRequired: false,
  connections: 4,
  paceMails: 1_000_000,
  paceMs: 1_000,
  firstMs: 5,
  windowMs: 10,
  perDay: 1_000_000_000,
  troubleMs: 1,
  steadyMs: 1,
  outputLines: 20,
};

function mark(name: Mark, id = ''): void {
  writeSync(1, `${name} ${id}\n`);
}

const log = createLog({ level: 'silent' });
const files = createMailboxFiles({ directory, log });
const transport = createTransport({
  settings: () => settings,
  smtp: { allow: [{ host: 'mx.example.org', address: '127.0.0.1', port: settings.port }] },
  secrets: () => ({}),
});
const mails = createDeliver({ transport, pace: createPace({ settings: () => settings }), settings: () => settings });
const sealMail = createSeal({
  settings: () => settings,
  gaps: () => [],
  now: Date.now,
  compose: composeMail,
  compile: transport.compile,
});

const webhook: Webhook = {
  url: `https://127.0.0.1:${port}/`,
  events: 'failures',
  setAt: 0,
  secret: 'whsec_AAAA',
  former: undefined,
  trouble: undefined,
};
const webhooks = createWebhookDelivery({
  find: () => webhook,
  settings: () => ({ isOn: true, hosts: ['*'] }),
  post: createPost({ mayReach: () => true, ca: () => ca, userAgent: 'torture' }),
  now: Date.now,
  onAttempt() {},
});
const sealEvent = createWebhookSeal({ now: Date.now, complete: async (mailbox) => mailbox });
const [seal, deliver] = isWebhook ? [sealEvent, webhooks.deliver] : [sealMail, mails];

/** By tool: the mail that was tried and is not known on disk as sent. */
const underWay = new Map<string, string>();

async function save(mailbox: Mailbox): Promise<void> {
  if (mistake === 'acknowledges-first') void pause(4).then(() => files.save(mailbox));
  else if (mistake !== 'sends-unsaved' || mailbox.sealed === undefined) await files.save(mailbox);
  const sent = mailbox.sealed === undefined ? underWay.get(mailbox.tool) : undefined;
  if (sent !== undefined && underWay.delete(mailbox.tool)) mark('recorded', sent);
}

const roster = createMailRoster({
  saved: await files.load(),
  effects: {
    async seal(mailbox) {
      mark('sealing');
      return seal(mailbox);
    },
    save,
    async deliver(mail, signal) {
      const tool = /^tools\.(.+)@/.exec(mail.to)?.[1] ?? mail.to;
      underWay.set(tool, mail.messageId);
      mark('sending', mail.messageId);
      if (mistake === 'sends-twice') await deliver(mail, signal);
      const answer = await deliver(mail, signal);
      mark('taken', mail.messageId);
      return answer;
    },
  },
  settings: () => settings,
  rules: isWebhook ? webhookRules : mailRules,
  now: Date.now,
  log,
  observer: { durable() {}, handedOver() {}, attempted() {} },
  onAccounted() {},
  spreadMs: 5,
});
mark('ready');

for await (const line of createInterface({ input: process.stdin })) {
  const { number, notice } = JSON.parse(line) as { number: number; notice: Notice };
  mark('event', String(number));
  roster.accept(notice);
  void roster.settled().then(() => mark('settled', String(number)));
}

// Nobody sends anything any more: it ends when all mail has gone.
for (let stats = roster.stats(); stats.gathered + stats.sealed + stats.unsaved > 0; stats = roster.stats())
  await pause(5);
await roster.stop();
transport.stop();
mark('done');
