/** A log that is followed, read line by line over mTLS as a client of the service would. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Sandbox } from './sandbox.ts';

export interface StreamedLine {
  readonly pod: string;
  readonly container: string;
  readonly datetime: string;
  readonly message: string;
  readonly source: string;
  readonly stream: string;
  readonly timestamp: string | null;
}

export interface LogStream {
  readonly status: number;
  readonly incoming: IncomingMessage;
  /** What has come so far. */
  readonly lines: StreamedLine[];
  messages(): string[];
  /** Resolves at the end: whether the stream was ended, and not cut off. */
  readonly ended: Promise<boolean>;
  close(): void;
}

/** @param isRead false: nothing is taken from the connection */
export async function streamLogs(
  sandbox: Pick<Sandbox, 'url' | 'caFile' | 'homeOf'>,
  tool: string,
  path: string,
  isRead = true,
): Promise<LogStream> {
  const pair = join(sandbox.homeOf(tool), '.toolskube/client');
  const outgoing = request(`${sandbox.url}${path}`, {
    agent: false,
    ca: readFileSync(sandbox.caFile),
    cert: readFileSync(`${pair}.crt`),
    key: readFileSync(`${pair}.key`),
  });
  outgoing.on('error', () => {}).end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const lines: StreamedLine[] = [];
  let rest = '';
  incoming.on('error', () => {});
  const ended = once(incoming, 'close').then(
    () => incoming.complete,
    () => false,
  );
  if (isRead)
    incoming.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) lines.push(JSON.parse(part) as StreamedLine);
    });
  return {
    status: incoming.statusCode ?? 0,
    incoming,
    lines,
    messages: () => lines.map(({ message }) => message),
    ended,
    close: () => void outgoing.destroy(),
  };
}
