/** 10,000 events full of what could break a mail, composed and sealed, and read back by a parser that has nothing to do with the writer. */
import { extract, parse } from 'letterparser';
import { describe, expect, it } from 'vitest';
import { failureReasons, type KubeKind, type Notice, type WhatRan } from '../../src/domain.ts';
import { composeMail } from '../../src/mail/compose.ts';
import { createSeal } from '../../src/mail/seal.ts';
import { createTransport } from '../../src/mail/transport.ts';
import type { GatheredNotice, Mailbox, SealedMail } from '../../src/mailbox.ts';
import { parseSettings } from '../../src/settings.ts';
import { makeDetails, makeGathered, makeIncident, makeMailbox, makeNotice, makeRan } from '../support/notices.ts';
import { createSeededRandom } from '../support/seeded-random.ts';

const events = 10_000;
const { between, oneOf, next } = createSeededRandom(20_260_301);
const isRarely = () => next() < 0.1;

const fragments: [string, ...string[]] = [
  '\r\nBcc: evil@example.org\r\n',
  '\nTo: evil@example.org',
  '\r\n\r\n<script>alert(1)</script>',
  '\r\n.\r\nMAIL FROM:<evil@example.org>\r\n',
  '\n.\n',
  '.',
  '..',
  '\r',
  '\n',
  '\0',
  '\u001b[2J\u001b]0;title\u0007',
  '\u009b31m',
  '\u202eevil\u202c',
  '\u200b\u200d\ufeff\u2066',
  '\u2028\u2029',
  '\ud800',
  '\udc00\ud83d',
  '\u{e0041}',
  '👩‍👩‍👧 żółw 木',
  'é',
  '=?utf-8?q?=0D=0ABcc:_evil@example.org?=',
  '=?utf-8?b?DQpCY2M6IGV2aWxAZXhhbXBsZS5vcmc=?=',
  '=0D=0ABcc: evil@example.org',
  '<evil@example.org>, ',
  '"evil" <evil@example.org>;',
  'From evil@example.org Thu Jan  1 00:00:00 1970',
  '--boundary--',
  'Content-Type: text/html\r\n\r\n',
  '-- \n',
  '$(reboot) `id` ; rm -rf / & %s %n {{x}} $HOME',
  '\t',
  '   ',
  '| ',
  'x'.repeat(1_500),
  'word '.repeat(300),
];

function text(): string {
  let made = '';
  for (let count = between(0, 5); count >= 0; count -= 1)
    made += isRarely() ? String.fromCodePoint(between(0, 0xffff)) : oneOf(fragments);
  return made;
}

const maybe = <T>(make: () => T): T | undefined => (next() < 0.5 ? make() : undefined);

/** Times as they should be, and as no clock has them. */
const instant = () =>
  isRarely()
    ? oneOf([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 9e15, -9e15, 1e300])
    : Date.UTC(2026, 2, 1) + between(0, 1e9);

const ran = (): WhatRan =>
  makeRan({
    cmd: text(),
    image: text(),
    imageDigest: maybe(text),
    memory: oneOf(['512Mi', '0', text()]),
    cpu: text(),
    retry: between(-1, 5),
    timeout: oneOf([0, 60, Number.NaN]),
    schedule: maybe(() => oneOf(['17 4 * * *', '@hourly', text()])),
  });

function event(): GatheredNotice {
  const kind = oneOf<Notice['kind']>(['failed', 'failed', 'failed', 'finished', 'started', 'restarted', 'steady']);
  const jobKind = oneOf<KubeKind>(['Job', 'CronJob', 'Deployment']);
  const name = isRarely() ? text() : oneOf(['daily', 'bot', 'import-pages']);
  const notice = makeNotice({
    id: text(),
    kind,
    key: { namespace: 'tool-alpha', kind: jobKind, name },
    at: instant(),
    startedAt: maybe(instant),
    finishedAt: maybe(instant),
    run: `run-${between(0, 3)}`,
    pod: maybe(text),
    reason: maybe(() => (isRarely() ? text() : oneOf(failureReasons))) as Notice['reason'],
    exitCode: maybe(() => oneOf([0, 1, 3, 126, 127, 137, 139, -1, 1e9, Number.NaN])),
    signal: maybe(() => between(-1, 70)),
    attempts: between(0, 1_000),
    clusterSays: maybe(text),
    jobSays: maybe(text),
    ran: maybe(ran),
  });
  return makeGathered({
    notice,
    as: oneOf(['event', 'event', 'recovered']),
    incident: maybe(() =>
      makeIncident({
        name,
        failures: between(0, 100),
        since: instant(),
        thread: maybe(() => `<${between(0, 9)}@x.org>`),
      }),
    ),
    details: maybe(() =>
      makeDetails({
        lines: Array.from({ length: between(0, 30) }, text),
        linesFrom: maybe(text),
        linesMissing: maybe(text),
        refusal: maybe(text),
        lastGood: maybe(() => ({ at: instant(), ran: ran() })),
      }),
    ),
  });
}

const { mail } = parseSettings({}).settings;
const { compile } = createTransport({ settings: () => mail, smtp: { allow: [] }, secrets: () => ({}) });
const seal = createSeal({
  settings: () => mail,
  gaps: () => (isRarely() ? [{ from: instant(), to: instant() }] : []),
  now: () => Date.UTC(2026, 2, 1, 4, 20, 42),
  token: () => '3f0e2c64-7a53-4f1e-9d0a-0d6a4c4f2b11',
  compose: composeMail,
  compile,
});

/** Each header that there may be, and what its value may look like once it is unfolded. */
const grammar: Readonly<Record<string, RegExp>> = {
  'Auto-Submitted': /^auto-generated$/,
  'Content-Transfer-Encoding': /^quoted-printable$/,
  'Content-Type': /^text\/plain; charset=utf-8$/,
  Date: /^Sun, 01 Mar 2026 04:20:42 \+0000$/,
  From: /^noreply@toolforge\.org$/,
  'In-Reply-To': /^<\d@x\.org>$/,
  'List-ID': /^<[a-z0-9-]+\.jobs\.toolforge\.org>$/,
  'MIME-Version': /^1\.0$/,
  'Message-ID': /^<3f0e2c64-7a53-4f1e-9d0a-0d6a4c4f2b11@toolforge\.org>$/,
  Precedence: /^bulk$/,
  References: /^<\d@x\.org>( <\d@x\.org>)*$/,
  Subject: /^[\x20-\x7e]+$/,
  To: /^tools\.[a-z0-9-]+@toolforge\.org$/,
};
const notAlways = ['In-Reply-To', 'References'];
const required = Object.keys(grammar).filter((name) => !notAlways.includes(name));

/** What is wrong with a mail; nothing, if all is well. */
function faultsOf({ bytes, from, to }: SealedMail, { tool }: Mailbox): string[] {
  const faults: string[] = [];
  const check = (isRight: boolean, what: string) => {
    if (!isRight) faults.push(what);
  };
  check(/^[\t\r\n\x20-\x7e]*$/.test(bytes), 'is more than printable ASCII');
  check(!/[\r\n]/.test(bytes.replaceAll('\r\n', '')), 'has half a line end');
  check(!bytes.split('\r\n').some(({ length }) => length > 998), 'has a line that is too long');
  check(to === `tools.${tool}@toolforge.org` && from === 'noreply@toolforge.org', 'is for or from somebody else');

  const head = bytes.slice(0, bytes.indexOf('\r\n\r\n')).replace(/\r\n(?=[ \t])/g, '');
  const names: string[] = [];
  for (const line of head.split('\r\n')) {
    const [, name = '', value = ''] = /^([A-Za-z-]+): (.*)$/.exec(line) ?? [];
    names.push(name);
    check(grammar[name]?.test(value) ?? false, `has the header ${line}`);
  }
  check(new Set(names).size === names.length, 'has a header twice');
  check(
    required.every((name) => names.includes(name)),
    'lacks a header',
  );

  const read = extract(bytes);
  check(JSON.stringify(read.to?.map(({ address }) => address)) === JSON.stringify([to]), 'is read to be for others');
  check(read.from?.address === from && !read.cc && !read.bcc, 'is read to be from others, or for more');
  check(!read.html && !read.amp && (read.attachments ?? []).length === 0, 'is read to be more than text');
  check(read.subject?.startsWith(`[Toolforge] [${tool}] `) ?? false, `is read with the subject ${read.subject}`);
  const subject = read.subject ?? '';
  const words = read.text ?? '';
  const unseen = [subject, ...words.split(/\r?\n/)].find((line) => /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(line));
  check(unseen === undefined, `has what cannot be seen: ${JSON.stringify(unseen)}`);
  check(typeof parse(bytes).body === 'string', 'is read to have parts');
  check(words.includes('\n-- \nYou get this mail because'), 'does not say why it comes');
  return faults;
}

describe('hostile text', () => {
  it('in 10,000 events makes mails with one recipient, a fixed set of headers, and words that can all be seen', async () => {
    let [told, mails] = [0, 0];
    const wrong: string[] = [];
    while (told < events) {
      const open = Array.from({ length: oneOf([1, 1, 2, 5, 20]) }, event);
      const tool = oneOf(['alpha', 'beta-2', 'a', 'x'.repeat(50)]);
      const mailbox = makeMailbox({ tool, open, folded: isRarely() ? between(1, 1e6) : 0 });
      const sealed = await seal(mailbox);
      wrong.push(...faultsOf(sealed, mailbox).map((fault) => `mail ${mails} ${fault}`));
      told += open.length;
      mails += 1;
    }
    expect(wrong.slice(0, 20)).toEqual([]);
    expect(mails).toBeGreaterThan(1_000);
  }, 60_000);
});
