/**
 * A TLS endpoint that writes down what it is sent, to the byte, and answers with bytes a test has given it. It knows nothing of Kubernetes
 * and reads no more of HTTP than where a request ends.
 */
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { type Authority, createAuthority, issueServer } from './certs.ts';

/** One connection, from its handshake on. */
export interface RecordedConnection {
  /** CN of the client's certificate. */
  readonly caller: string | undefined;
  /** Whether the handshake took up a session of an earlier connection. */
  readonly isResumed: boolean;
}

export interface RecordedRequest {
  /** E.g. `GET /api HTTP/1.1`. */
  readonly line: string;
  /** As sent, e.g. `accept: application/json`. */
  readonly headers: readonly string[];
  readonly body: string;
  readonly connection: RecordedConnection;
}

/** Bytes; `cut` ends the connection instead, `silence` leaves it open. */
export type Reply = string | 'cut' | 'silence';

export interface Recorder {
  readonly url: string;
  readonly authority: Authority;
  readonly connections: RecordedConnection[];
  readonly requests: RecordedRequest[];
  /** For the next requests, in order; the last one is given again and again. */
  script(...replies: Reply[]): void;
  stop(): Promise<void>;
}

/** Any answer, e.g. `reply(404, { kind: 'Status' })`. */
export function reply(status: number, body: unknown, headers: readonly string[] = []): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return [`HTTP/1.1 ${status} x`, `content-length: ${Buffer.byteLength(text)}`, ...headers, '', text].join('\r\n');
}

export async function startRecorder(): Promise<Recorder> {
  const authority = createAuthority();
  const { cert, key } = issueServer(authority);
  const connections: RecordedConnection[] = [];
  const requests: RecordedRequest[] = [];
  const sockets = new Set<TLSSocket>();
  let replies: Reply[] = [];

  const take = (): Reply => (replies.length > 1 ? replies.shift() : replies[0]) ?? 'silence';
  const server = createServer({ cert, key, ca: authority.cert, requestCert: true, rejectUnauthorized: false });
  server.on('secureConnection', (socket) => {
    const connection = { caller: callerOf(socket), isResumed: socket.isSessionReused() };
    connections.push(connection);
    sockets.add(socket);
    let unread = '';
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => {
      unread += bytes.toString('latin1');
      for (let end = endOfRequest(unread); end >= 0; end = endOfRequest(unread)) {
        requests.push({ ...split(unread.slice(0, end)), connection });
        unread = unread.slice(end);
        const next = take();
        if (next === 'cut') socket.destroy();
        else if (next !== 'silence') socket.write(next);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `https://127.0.0.1:${port}`,
    authority,
    connections,
    requests,
    script(...next) {
      replies = next;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function callerOf(socket: TLSSocket): string | undefined {
  return /CN=(.*)/.exec(socket.getPeerX509Certificate()?.subject ?? '')?.[1];
}

/** @returns the place behind the first whole request, -1 where it has not come yet */
function endOfRequest(text: string): number {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return -1;
  const end = head + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
  return end <= text.length ? end : -1;
}

function split(text: string): Omit<RecordedRequest, 'connection'> {
  const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s);
  const [line = '', ...headers] = head.split('\r\n');
  return { line, headers, body };
}
