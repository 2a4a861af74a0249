/**
 * What becomes of a mail when the mail server fails: every command that a session has, in every way in which it can go wrong, at Postfix's
 * smtp-sink; servers that speak oddly or not at all; and TLS that is missing, of somebody unknown, or of another name, at Postfix itself.
 * The deadlines are those of production, shortened. No cluster has a part in it.
 */
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AppError } from '../../src/errors.ts';
import { createDeliver } from '../../src/mail/deliver.ts';
import { createTransport } from '../../src/mail/transport.ts';
import { type MailSettings, parseSettings } from '../../src/settings.ts';
import { createAuthority, issueServer } from '../support/certs.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { makeSealed } from '../support/notices.ts';
import { type Postfix, startPostfix } from '../support/postfix.ts';
import { until } from '../support/sandbox.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';

const deadlines = { connectMs: 400, greetingMs: 400, silenceMs: 500, attemptMs: 1_000 };
/** A machine with much to do is late itself. */
const patienceMs = 1_000;
const forever = new AbortController().signal;

interface Outcome {
  readonly became: 'sent' | 'mail.deferred' | 'mail.refused';
  readonly words: string;
  readonly ms: number;
}

interface SenderOptions extends Partial<MailSettings> {
  /** Unset: 127.0.0.1. */
  readonly address?: string;
  readonly ca?: string;
  readonly password?: string;
}

/** All that sends a mail, as the daemon puts it together. */
function sender({ ca, password, address = '127.0.0.1', ...changes }: SenderOptions) {
  const { mail } = parseSettings({}).settings;
  const settings = () => ({ ...mail, isSent: true, isTlsRequired: false, server: 'mx.example.org', ...changes });
  const smtp = {
    allow: [{ host: settings().server, address }],
    ...(password === undefined ? {} : { auth: { user: 'jobs', password_file: '/unused' } }),
  };
  const secrets = { ...(ca === undefined ? {} : { ca }), ...(password === undefined ? {} : { password }) };
  const transport = createTransport({ settings, smtp, secrets: () => secrets, deadlines });
  const deliver = createDeliver({ transport, settings, pace: { turn: async () => {} } });
  onTestFinished(() => transport.stop());
  const send = async (changes: Parameters<typeof makeSealed>[0] = {}, signal = forever): Promise<Outcome> => {
    const began = performance.now();
    const ended = (became: Outcome['became'], words = '') => ({ became, words, ms: performance.now() - began });
    return deliver(makeSealed(changes), signal).then(
      () => ended('sent'),
      ({ code, message }: AppError) => ended(code as Outcome['became'], message),
    );
  };
  /** The next mail goes over a new connection. */
  return Object.assign(send, { hangUp: () => transport.replace() });
}

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'smtp-'));
  // Postfix does its work as somebody else.
  await chmod(dir, 0o755);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const commands = ['CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', '.'] as const;

/** Who is refused EHLO says HELO. */
const bothHellos = (command: string) => (command === 'EHLO' ? 'EHLO,HELO' : command);
const broken = /^the connection to the mail server mx\.example\.org could not be made or broke off$/;
const faults = [
  {
    fault: '5xx',
    flags: (at: string) => ['-f', bothHellos(at)],
    became: 'mail.refused',
    words: /refused it: 500 5\.3\.0/,
  },
  { fault: '4xx', flags: (at: string) => ['-r', bothHellos(at)], became: 'mail.deferred', words: /said: 450 4\.3\.0/ },
  { fault: '421 and the end', flags: (at: string) => ['-Q', at], became: 'mail.deferred', words: /said: 421 4\.0\.0/ },
  { fault: 'the end at once', flags: (at: string) => ['-q', at], became: 'mail.deferred', words: broken },
  {
    fault: 'silence',
    flags: (at: string) => ['-W', `${at}:30`],
    became: 'mail.deferred',
    words: /did not answer in time$/,
  },
] as const;
/** What is refused before any mail is spoken of is no word about this one. */
const ofEveryMail = { became: 'mail.deferred', words: /said: 500 5\.3\.0/ } as const;
const cells = faults.flatMap((fault) =>
  commands.map((at) => {
    const isOfEvery = fault.fault === '5xx' && (at === 'CONNECT' || at === 'EHLO');
    const { became, words } = isOfEvery ? ofEveryMail : fault;
    return [fault.fault, at, became, { flags: fault.flags, words }] as const;
  }),
);

describe('a mail server that answers', () => {
  it.each(cells)(
    'with %s at %s: %s, and the next mail is not troubled by it',
    async (fault, at, became, { flags, words }) => {
      const sink = await startSmtpSink({ dir: join(dir, `${fault}-${at}`), flags: flags(at) });
      const send = sender({ port: sink.port });
      const outcome = await send();
      expect(outcome.became, outcome.words).toBe(became);
      expect(outcome.words).toMatch(words);
      expect(outcome.ms).toBeLessThan(deadlines.attemptMs + patienceMs);
      // Nobody tries again but the queue.
      expect((await sink.mails()).length).toBeLessThanOrEqual(1);
      await sink.stop();

      const healthy = await startSmtpSink({ port: sink.port });
      onTestFinished(() => healthy.stop());
      expect(await send()).toMatchObject({ became: 'sent' });
    },
  );

  it.each(faults)('with $fault at QUIT: it has taken the mail, once', async ({ fault, flags }) => {
    const sink = await startSmtpSink({ dir: join(dir, `${fault}-QUIT`), flags: flags('QUIT') });
    onTestFinished(() => sink.stop());
    expect(await sender({ port: sink.port })()).toMatchObject({ became: 'sent' });
    expect(await sink.mails()).toHaveLength(1);
  });

  it('says only HELO where EHLO is not known', async () => {
    const sink = await startSmtpSink({ flags: ['-f', 'EHLO'] });
    onTestFinished(() => sink.stop());
    expect(await sender({ port: sink.port })()).toMatchObject({ became: 'sent' });
  });
});

/** @param talk what the server does on a connection */
async function oddServer(talk: (socket: Socket) => void): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket.on('error', () => {}));
    talk(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

/** Says something every 50 ms, for ever. */
function drip(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 50);
  socket.on('close', () => clearInterval(timer));
}

/** Takes every mail, but never answers about one to tools.slow. */
function oftenSilent(socket: Socket): void {
  let isInText = false;
  socket.write('220 odd\r\n');
  socket.on('data', (chunk) => {
    const said = chunk.toString('latin1');
    if (isInText && !said.endsWith('\r\n.\r\n')) return;
    if (said.startsWith('RCPT TO:<tools.slow@')) return;
    isInText = said.startsWith('DATA');
    socket.write(isInText ? '354 go on\r\n' : '250 fine\r\n');
  });
}

describe('what answers at the port', () => {
  it.each<[string, (socket: Socket) => void]>([
    ['and says nothing', () => {}],
    ['and is no mail server (HTTP)', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['and is no mail server (SSH)', (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n')],
    ['and speaks TLS at once', (socket) => socket.write(Buffer.from('1503030002022800', 'hex'))],
    ['and greets for ever, byte by byte', (socket) => drip(socket, '2')],
    ['and greets for ever, line by line', (socket) => drip(socket, '220-welcome\r\n')],
    [
      'and answers EHLO for ever',
      (socket) => socket.write('220 odd\r\n', () => socket.once('data', () => drip(socket, '250-X\r\n'))),
    ],
    ['and greets with a very long line', (socket) => socket.write(`220-${'x'.repeat(5_000_000)}`)],
    ['and resets the connection', (socket) => socket.resetAndDestroy()],
  ])('%s: the mail waits, and nothing else does', async (_, talk) => {
    const send = sender({ port: await oddServer(talk) });
    const outcome = await send();
    expect(outcome.became, outcome.words).toBe('mail.deferred');
    expect(outcome.ms).toBeLessThan(deadlines.attemptMs + patienceMs);
    expect(outcome.words.length).toBeLessThan(300);
  });

  it('may be nothing at all: the mail waits', async () => {
    const sink = await startSmtpSink();
    await sink.stop();
    expect(await sender({ port: sink.port })()).toMatchObject({ became: 'mail.deferred', words: broken });
  });

  it('does not answer about one mail: those to others go on meanwhile', async () => {
    const send = sender({ port: await oddServer(oftenSilent), connections: 2 });
    const slow = send({ to: 'tools.slow@toolforge.org' });
    const others: Outcome[] = [];
    for (let count = 0; count < 20; count += 1) others.push(await send());
    expect(others.filter(({ became }) => became !== 'sent')).toEqual([]);
    expect(await slow).toMatchObject({ became: 'mail.deferred' });
    expect(others.reduce((sum, { ms }) => sum + ms, 0)).toBeLessThan((await slow).ms + patienceMs);
  });

  it('is left at once when the daemon stops', async () => {
    const send = sender({ port: await oddServer(() => {}) });
    const stopping = new AbortController();
    setTimeout(() => stopping.abort(), 50);
    const outcome = await send({}, stopping.signal);
    expect(outcome.became).toBe('mail.deferred');
    expect(outcome.ms).toBeLessThan(350);
  });
});

describe('TLS', () => {
  const authority = createAuthority('mail authority');
  const account = { user: 'jobs', password: 'päss "word" \\ of today' };
  /** One that nobody else listens at, since the port is given. */
  const ofAccounts = '127.0.46.5';
  let postfix: Postfix;
  let withAccounts: Postfix;
  beforeAll(async () => {
    // For localhost and 127.0.0.1.
    const tls = issueServer(authority);
    const domains = ['toolforge.org'];
    [postfix, withAccounts] = await Promise.all([
      startPostfix({ dir: join(dir, 'postfix'), domains, tls }),
      startPostfix({ dir: join(dir, 'accounts'), domains, tls, smtps: true, account, address: ofAccounts }),
    ]);
  });
  afterAll(() => Promise.all([postfix?.stop(), withAccounts?.stop()]));

  const secure = { isTlsRequired: true, ca: authority.cert };

  it('is spoken where the server offers it, and its certificate is of the name in the settings', async () => {
    const send = sender({ ...secure, port: postfix.port, server: 'localhost' });
    expect(await send()).toMatchObject({ became: 'sent' });
    expect(await sender({ ...secure, isTlsRequired: false, port: postfix.port, server: 'localhost' })()).toMatchObject({
      became: 'sent',
    });
  });

  it.each<[string, SenderOptions, RegExp]>([
    [
      'a certificate of another name',
      { ...secure, server: 'mx.example.org' },
      /no secure connection .*: its certificate is of another name$/,
    ],
    [
      'an authority that we do not know',
      { isTlsRequired: true, server: 'localhost' },
      /no secure connection .*: we know no authority/,
    ],
    [
      'a certificate of another name where TLS need not be',
      { ...secure, isTlsRequired: false, server: 'mx.example.org' },
      /no secure connection/,
    ],
  ])('with %s is none: the mail waits', async (_, options, words) => {
    const outcome = await sender({ ...options, port: postfix.port })({ to: 'tools.nobody@toolforge.org' });
    expect(outcome.became).toBe('mail.deferred');
    expect(outcome.words).toMatch(words);
    expect((await postfix.mails()).map(({ recipient }) => recipient)).not.toContain('tools.nobody@toolforge.org');
  });

  it('is spoken from the first byte at port 465, with the server of the settings alone', async () => {
    const over465 = { ca: authority.cert, address: ofAccounts, port: 465, password: account.password };
    expect(await sender({ ...over465, server: 'localhost' })()).toMatchObject({ became: 'sent' });
    const outcome = await sender({ ...over465, server: 'mx.example.org' })();
    expect(outcome).toMatchObject({ became: 'mail.deferred', words: expect.stringMatching(/is of another name$/) });
  });

  it('carries our name and password; without the right ones each mail waits', async () => {
    const asked = { ...secure, address: ofAccounts, port: withAccounts.port, server: 'localhost' };
    const mail = (name: string) => ({ to: `tools.${name}@toolforge.org`, messageId: `<${name}@toolforge.org>` });
    expect(await sender({ ...asked, password: account.password })(mail('right'))).toMatchObject({ became: 'sent' });
    const outcome = await sender({ ...asked, password: 'of yesterday' })(mail('wrong'));
    expect(outcome).toMatchObject({ became: 'mail.deferred', words: expect.stringMatching(/said: 535 5\.7\.8 /) });
    expect((await sender(asked)(mail('nobody'))).became).toBe('mail.refused');
    const recipients = await until(async () => {
      const all = (await withAccounts.mails()).map(({ recipient }) => recipient);
      return all.includes('tools.right@toolforge.org') && all;
    }, 'the mail of who has the password has arrived');
    expect(recipients).not.toContain('tools.wrong@toolforge.org');
  });

  it('is needed for our name and password, whatever the settings say', async () => {
    const sink = await startSmtpSink({ dir: join(dir, 'no-tls-for-auth') });
    onTestFinished(() => sink.stop());
    const outcome = await sender({ password: 'secret', port: sink.port })();
    expect(outcome).toMatchObject({ became: 'mail.deferred', words: expect.stringMatching(/no secure connection/) });
    expect(await sink.mails()).toEqual([]);
  });

  it('that is asked for and not offered: the mail waits and no word of it goes out', async () => {
    const sink = await startSmtpSink({ dir: join(dir, 'no-tls') });
    onTestFinished(() => sink.stop());
    const outcome = await sender({ ...secure, port: sink.port })();
    expect(outcome).toMatchObject({ became: 'mail.deferred', words: expect.stringMatching(/secure connection/) });
    expect(await sink.mails()).toEqual([]);
  });
});

describe('a connection that is cut', () => {
  let postfix: Postfix;
  let proxy: FaultProxy;
  beforeAll(async () => {
    postfix = await startPostfix({ dir: join(dir, 'postfix-cut'), domains: ['toolforge.org'] });
    proxy = await startFaultProxy({ target: { host: '127.0.0.1', port: postfix.port } });
  });
  afterAll(async () => {
    await proxy?.close();
    await postfix?.stop();
  });

  const directions = [
    ['after every byte that we say', 'toTarget'],
    ['after every byte that the server says', 'toClient'],
  ] as const;

  it.each(directions)(
    '%s: no mail is lost, and none comes twice but for a cut after its last byte',
    async (_, direction) => {
      const send = sender({ port: proxy.port });
      const mailOf = (id: string) => ({
        messageId: `<${id}@toolforge.org>`,
        bytes: `Message-ID: <${id}@toolforge.org>\r\nSubject: cut\r\n\r\n..dots\r\n.\r\nend\r\n`,
      });
      const ids: string[] = [];
      for (let afterBytes = 0, isCut = true; isCut; afterBytes += 1) {
        const id = `${direction}-${afterBytes}`;
        ids.push(id);
        proxy.setByteFault({ kind: 'cut', direction, afterBytes });
        const before = proxy.connections;
        const { became } = await send(mailOf(id));
        // Nobody tries again but the queue.
        expect(proxy.connections - before, id).toBe(1);
        isCut = became !== 'sent';
        if (isCut) expect(became, id).toBe('mail.deferred');
        proxy.setByteFault(undefined);
        send.hangUp();
        if (isCut) expect(await send(mailOf(id)), id).toMatchObject({ became: 'sent' });
        send.hangUp();
      }
      expect(ids.length).toBeGreaterThan(100);

      const count = async () => {
        const counts = new Map(ids.map((id) => [id, 0]));
        for (const { message } of await postfix.mails()) {
          expect(message).toContain('\n..dots\n.\nend\n');
          const [, id = ''] = /^Message-ID: <(.*)@/m.exec(message) ?? [];
          if (counts.has(id)) counts.set(id, (counts.get(id) ?? 0) + 1);
        }
        return counts;
      };
      const counts = await until(async () => {
        const all = await count();
        return [...all.values()].every((times) => times > 0) ? all : undefined;
      }, 'every mail has arrived');
      // The server had it all, and we did not hear so: the answer to the dot is the last thing that it says.
      const longestAnswer = 60;
      const twice = ids.filter((id) => counts.get(id) !== 1);
      expect(twice.filter((id) => counts.get(id) !== 2)).toEqual([]);
      expect(twice.filter((id) => ids.indexOf(id) < ids.length - longestAnswer)).toEqual([]);
      if (direction === 'toClient') expect(twice.length).toBeGreaterThan(0);
    },
  );
});
