/** An SMTP server that takes everything and remembers it: what it has answered 250 to is what has arrived. It knows no STARTTLS. */

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';

export interface TakenMail {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** As it came over the wire, dots not taken out. */
  readonly bytes: string;
}

export interface CountingSmtp {
  readonly port: number;
  /** Every mail whose final dot has come and was not held, in order; each was answered, whether the answer arrived or not. */
  readonly taken: readonly TakenMail[];
  /** From now on a final dot is not answered. @returns what answers those that came meanwhile, and every later one at once */
  hold(): () => void;
  /** Mails whose final dot is not answered yet. */
  held(): number;
  /** The most mails that were ever under way at once, from MAIL to the answer to the dot. */
  mostAtOnce(): number;
  /** Resolves when everything that clients have sent before they went has been read. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

export interface CountingSmtpOptions {
  /** Of this machine. Unset: 127.0.0.1. */
  readonly address?: string;
  /** Unset: any that is free. */
  readonly port?: number;
}

export async function startCountingSmtp(options: CountingSmtpOptions = {}): Promise<CountingSmtp> {
  const { address = '127.0.0.1', port = 0 } = options;
  const taken: TakenMail[] = [];
  const sockets = new Set<Socket>();
  const underWay = new Set<Socket>();
  let mostAtOnce = 0;
  let answers: (() => void)[] | undefined;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      underWay.delete(socket);
    });
    socket.on('error', () => socket.destroy());
    talk(socket, {
      begin() {
        underWay.add(socket);
        mostAtOnce = Math.max(mostAtOnce, underWay.size);
      },
      take(mail, answer) {
        const end = () => {
          underWay.delete(socket);
          taken.push(mail);
          answer();
        };
        if (answers) answers.push(end);
        else end();
      },
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    taken,
    hold() {
      answers ??= [];
      return () => {
        const waiting = answers ?? [];
        answers = undefined;
        for (const answer of waiting) answer();
      };
    },
    held: () => answers?.length ?? 0,
    mostAtOnce: () => mostAtOnce,
    async idle() {
      // Whoever connected and went before this was asked for is accepted within one turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** What a session comes to. */
interface Taker {
  begin(): void;
  take(mail: TakenMail, answer: () => void): void;
}

const endOfData = '\r\n.\r\n';

function talk(socket: Socket, { begin, take }: Taker): void {
  let buffer = '';
  let sender = '';
  let recipients: string[] = [];
  let isData = false;
  const say = (line: string) => socket.write(`${line}\r\n`);
  say('220 mx.example.org');
  socket.on('data', (chunk) => {
    buffer += chunk.toString('latin1');
    for (;;) {
      const end = buffer.indexOf(isData ? endOfData : '\r\n');
      if (end < 0) return;
      const text = buffer.slice(0, end);
      buffer = buffer.slice(end + (isData ? endOfData : '\r\n').length);
      if (isData) {
        isData = false;
        take({ sender, recipients, bytes: text }, () => say('250 taken'));
        recipients = [];
        continue;
      }
      const verb = text.slice(0, 4).toUpperCase();
      if (verb === 'MAIL') {
        sender = addressIn(text);
        begin();
      }
      if (verb === 'RCPT') recipients.push(addressIn(text));
      if (verb === 'DATA') {
        isData = true;
        say('354 go on');
      } else if (verb === 'QUIT') {
        socket.end('221 bye\r\n');
      } else if (verb === 'STAR') {
        say('502 not here');
      } else say('250 ok');
    }
  });
}

function addressIn(text: string): string {
  return /<([^>]*)>/.exec(text)?.[1] ?? '';
}
