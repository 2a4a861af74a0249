/** An SMTP server that takes everything and remembers it: what it has answered 250 to is what has arrived. For tests that cut mail off. */

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';

export interface TakenMail {
  readonly recipients: readonly string[];
  /** As it came over the wire, dots not taken out. */
  readonly bytes: string;
}

export interface CountingSmtp {
  readonly port: number;
  /** Every mail whose final dot has come, in order; each was answered, whether the answer arrived or not. */
  readonly taken: readonly TakenMail[];
  /** Resolves when everything that clients have sent before they went has been read. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

export async function startCountingSmtp(): Promise<CountingSmtp> {
  const taken: TakenMail[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    talk(socket, (mail) => taken.push(mail));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    taken,
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

const endOfData = '\r\n.\r\n';

function talk(socket: Socket, take: (mail: TakenMail) => void): void {
  let buffer = '';
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
        take({ recipients, bytes: text });
        recipients = [];
        say('250 taken');
        continue;
      }
      const verb = text.slice(0, 4).toUpperCase();
      if (verb === 'RCPT') recipients.push(/<([^>]*)>/.exec(text)?.[1] ?? '');
      if (verb === 'DATA') {
        isData = true;
        say('354 go on');
      } else if (verb === 'QUIT') {
        socket.end('221 bye\r\n');
      } else say('250 ok');
    }
  });
}
