import { describe, expect, it } from 'vitest';
import { type MailContext, runMail } from '../../../bin/admin/mail-command.ts';
import { socketOf } from '../../../bin/admin/operators-door.ts';
import type { CommandLine } from '../../../bin/terminal/arguments.ts';
import { AppError } from '../../../src/errors.ts';

const mail = {
  tool: 'alpha',
  message_id: '<one@toolforge.org>',
  to: 'tools.alpha@toolforge.org',
  subject: '[Toolforge] [alpha] daily failed',
  parked: '2026-03-01T06:00:00.000Z',
  tries: 3,
  why: 'refused it: 550 \u001b[31mno',
  events: 1,
  is_retried: false,
};
const other = { ...mail, tool: 'beta', message_id: '<two@toolforge.org>', is_retried: true };

const lineOf = (operands: string[], options: Record<string, string> = {}): CommandLine => ({
  command: undefined,
  operands,
  options: new Map(Object.entries(options)),
});

async function run(operands: string[], options: Record<string, string> = {}, changes: Partial<MailContext> = {}) {
  const asked: string[] = [];
  const printed: { value: unknown; text: string }[] = [];
  await runMail({
    line: lineOf(operands, options),
    async ask(method, path) {
      asked.push(`${method} ${decodeURIComponent(path)}`);
      return path === '/mail' ? { mails: [mail, other] } : { mail: { ...mail, bytes: 'Subject: x\r\n\r\n\u001b[2J' } };
    },
    isTerminal: true,
    print: (value, text) => void printed.push({ value, text }),
    ...changes,
  });
  return { asked, ...printed[0] };
}

describe('mail list', () => {
  it('is a line for each mail that was given up, with nothing that moves a cursor', async () => {
    const { text = '', value } = await run(['list']);
    const [, , first = '', second = ''] = text.split('\n');
    expect(first).toMatch(/^alpha +2026-03-01 06:00 +3 .*refused it: 550 \\x1b\[31mno +<one@toolforge\.org>$/);
    expect(second).toContain('is tried again');
    expect(value).toEqual([mail, other]);
  });

  it('is of one tool where that is asked for', async () => {
    expect((await run(['list'], { tool: 'beta' })).value).toEqual([other]);
    expect((await run(['list'], { tool: 'gamma' })).text).toBe('No mail was given up.');
  });
});

describe('mail show', () => {
  it('is the mail as it would be sent, harmless on a terminal and as it is anywhere else', async () => {
    expect((await run(['show', 'one@toolforge.org'])).text).toBe('Subject: x\n\n\\x1b[2J');
    const elsewhere = await run(['show', '<one@toolforge.org>'], {}, { isTerminal: false });
    expect(elsewhere.text).toBe('Subject: x\n\n\u001b[2J');
    expect(elsewhere.asked).toEqual(['GET /mail/<one@toolforge.org>']);
  });
});

describe('mail retry', () => {
  it('is of one mail, or of all', async () => {
    expect(await run(['retry', 'one@toolforge.org'])).toMatchObject({ text: 'One mail is tried again.' });
    expect((await run(['retry'], { all: '' })).asked).toEqual([
      'GET /mail',
      'POST /mail/<one@toolforge.org>/retry',
      'POST /mail/<two@toolforge.org>/retry',
    ]);
    expect((await run(['retry'], { all: '', tool: 'beta' })).value).toEqual({ retried: 1 });
  });

  it('of all goes on where one has gone meanwhile', async () => {
    const ask: MailContext['ask'] = async (method, path) => {
      if (method === 'GET') return { mails: [mail, other] };
      if (path.includes('one')) throw new AppError('mail.not_found', 'gone');
      return {};
    };
    expect((await run(['retry'], { all: '' }, { ask })).value).toEqual({ retried: 1 });
    await expect(run(['retry', 'one@toolforge.org'], {}, { ask })).rejects.toMatchObject({ code: 'mail.not_found' });
  });
});

describe('mail drop', () => {
  it('is done when it is really meant', async () => {
    expect((await run(['drop', 'one@toolforge.org'], { yes: '' })).asked).toEqual([
      'POST /mail/<one@toolforge.org>/drop',
    ]);
    await expect(run(['drop', 'one@toolforge.org'])).rejects.toThrow('Say --yes if you mean it');
  });
});

it.each<[string[], Record<string, string>, string]>([
  [['lst'], {}, "There is no 'mail lst'. Did you mean 'list'?"],
  [['show'], {}, "'mail show' needs a Message-ID; 'mail list' shows them."],
  [['list', 'x'], {}, "'mail list' takes no Message-ID."],
  [['retry'], {}, "'mail retry' needs a Message-ID, or --all."],
  [['retry', 'x'], { all: '' }, "'mail retry' needs a Message-ID, or --all."],
])('mail %j with %j says what is wrong', async (operands, options, words) => {
  await expect(run(operands, options)).rejects.toMatchObject({ code: 'usage.invalid', message: words });
});

it('the socket lies in the state directory, which the start-up file may name', async () => {
  expect(await socketOf(lineOf(['list']))).toBe('/var/lib/toolforge-jobs/operators/door');
  expect(await socketOf(lineOf(['list'], { 'state-dir': '/srv/state' }))).toBe('/srv/state/operators/door');
  await expect(socketOf(lineOf(['list'], { 'state-dir': 'state' }))).rejects.toThrow('absolute');
  const config = new URL('../../../config/jobsd.example.yaml', import.meta.url).pathname;
  expect(await socketOf(lineOf(['list'], { config }))).toMatch(/^\/.*\/operators\/door$/);
  await expect(socketOf(lineOf(['list'], { config, 'state-dir': '/srv' }))).rejects.toMatchObject({
    code: 'usage.invalid',
  });
  await expect(socketOf(lineOf(['list'], { config: '/nonexistent' }))).rejects.toMatchObject({
    code: 'settings.invalid',
  });
});
