/** A webhook of this machine, over TLS: it remembers what it is sent, checks the signature by itself, and answers as a test says. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, issueServer } from './certs.ts';

export interface TakenEvent {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The same as JSON. */
  readonly event: Readonly<Record<string, unknown>>;
  readonly status: number;
}

export interface WebhookSink {
  /** `https://127.0.0.1:PORT/receiver`; it is `localhost` as well. */
  readonly url: string;
  readonly port: number;
  /** PEM: verifies it. */
  readonly ca: string;
  /** The same as a file; gone after stop(). */
  readonly caFile: string;
  /** All that came whole, whatever it was answered. */
  readonly came: readonly TakenEvent[];
  /** What it answers with; 0: never. */
  status: number;
  headers: Readonly<Record<string, string>>;
  /** The most that were there at once. */
  mostAtOnce(): number;
  /** Requests that are not answered yet, those that never will be among them. */
  underWay(): number;
  stop(): Promise<void>;
}

export async function startWebhookSink(port = 0): Promise<WebhookSink> {
  const authority = createAuthority('webhook');
  const directory = await mkdtemp(join(tmpdir(), 'webhook-sink-'));
  const caFile = join(directory, 'ca.crt');
  await writeFile(caFile, authority.cert);
  const came: TakenEvent[] = [];
  let [now, most] = [0, 0];
  const server = createServer(issueServer(authority), async (request, response) => {
    now += 1;
    most = Math.max(most, now);
    response.on('close', () => {
      now -= 1;
    });
    const body = await textOf(request);
    if (body === undefined) return;
    const { url: path = '', headers } = request;
    came.push({ path, headers, body, event: JSON.parse(body), status: sink.status });
    if (sink.status !== 0) response.writeHead(sink.status, sink.headers).end('x'.repeat(100_000));
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const { port: listening } = server.address() as AddressInfo;
  const sink: WebhookSink = {
    url: `https://127.0.0.1:${listening}/receiver`,
    port: listening,
    ca: authority.cert,
    caFile,
    came,
    status: 204,
    headers: {},
    mostAtOnce: () => most,
    underWay: () => now,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
  return sink;
}

/** @returns undefined where its sender went before its end */
async function textOf(request: AsyncIterable<Buffer>): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  } catch {
    return undefined;
  }
}

/** The signatures that `secret` makes, as a receiver computes them (standardwebhooks.com). */
export function expectedSignature({ headers, body }: TakenEvent, secret: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}
