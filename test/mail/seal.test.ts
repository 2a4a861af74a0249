import { describe, expect, it } from 'vitest';
import { createSeal } from '../../src/mail/seal.ts';
import { createTransport } from '../../src/mail/transport.ts';
import type { Gap } from '../../src/mailbox.ts';
import { parseSettings } from '../../src/settings.ts';
import { makeGathered, makeMailbox } from '../support/notices.ts';

const settings = () => parseSettings({}).settings.mail;
const { compile } = createTransport({ settings, smtp: { allow: [] }, secrets: () => ({}) });

function sealing({
  text = 'Hello.',
  subject = '[Toolforge] [alpha] daily failed',
  references = [] as string[],
  gaps = [] as Gap[],
} = {}) {
  return createSeal({
    settings,
    gaps: () => gaps,
    now: () => Date.parse('2026-03-01T04:20:42Z'),
    token: () => 'one',
    compose: () => ({ subject, text, references }),
    compile,
  });
}

describe('a sealed mail', () => {
  it('has one recipient, a fixed set of headers, and its text', async () => {
    const mail = await sealing()(makeMailbox({ open: [makeGathered()] }));
    expect(mail).toMatchObject({
      messageId: '<one@toolforge.org>',
      from: 'noreply@toolforge.org',
      to: 'tools.alpha@toolforge.org',
      notices: [{ id: 'run-1/failed', jobName: 'daily', jobType: 'scheduled' }],
    });
    const [head = '', body] = mail.bytes.split('\r\n\r\n');
    expect(head.split('\r\n').sort()).toEqual([
      'Auto-Submitted: auto-generated',
      'Content-Transfer-Encoding: quoted-printable',
      'Content-Type: text/plain; charset=utf-8',
      'Date: Sun, 01 Mar 2026 04:20:42 +0000',
      'From: noreply@toolforge.org',
      'List-ID: <alpha.jobs.toolforge.org>',
      'MIME-Version: 1.0',
      'Message-ID: <one@toolforge.org>',
      'Precedence: bulk',
      'Subject: [Toolforge] [alpha] daily failed',
      'To: tools.alpha@toolforge.org',
    ]);
    expect(body).toBe('Hello.\r\n');
  });

  it('goes on in the thread that it belongs to', async () => {
    const { bytes } = await sealing({ references: ['<a@x.org>', '<b@x.org>'] })(makeMailbox());
    expect(bytes).toContain('\r\nIn-Reply-To: <b@x.org>\r\n');
    expect(bytes).toContain('\r\nReferences: <a@x.org> <b@x.org>\r\n');
  });

  it('knows up to where it has told of gaps', async () => {
    const gaps = [
      { from: 1, to: 2 },
      { from: 5, to: 9 },
    ];
    expect((await sealing({ gaps })(makeMailbox({ gapsToldUntil: 2 }))).gapsUntil).toBe(9);
    expect((await sealing({ gaps })(makeMailbox({ gapsToldUntil: 9 }))).gapsUntil).toBe(0);
  });

  it.each([
    ['a line end in the subject', { subject: 'x\r\nBcc: evil@example.org\r\n\r\nbody' }],
    ['the end of a mail in its text', { text: 'x\r\n.\r\nMAIL FROM:<evil@example.org>\r\n' }],
    ['all kinds of line ends and controls', { text: 'a\rb\nc\r\n\0\u001b[31m\u0085d\r\r\n.' }],
    ['a very long line', { text: 'x'.repeat(100_000) }],
    ['letters of the world', { text: 'żółw 🐢 ‮ evil', subject: '[Toolforge] [alpha] żółw' }],
  ])('is ASCII in short lines with one recipient, whatever it is made of: %s', async (_, content) => {
    const { bytes } = await sealing(content)(makeMailbox());
    expect(bytes).toMatch(/^[\t\r\n\x20-\x7e]*$/);
    expect(bytes.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(Math.max(...bytes.split('\r\n').map(({ length }) => length))).toBeLessThanOrEqual(998);
    const [head = ''] = bytes.split('\r\n\r\n');
    expect(head.match(/^[A-Za-z-]+(?=:)/gm)?.sort()).toEqual([
      'Auto-Submitted',
      'Content-Transfer-Encoding',
      'Content-Type',
      'Date',
      'From',
      'List-ID',
      'MIME-Version',
      'Message-ID',
      'Precedence',
      'Subject',
      'To',
    ]);
  });
});
