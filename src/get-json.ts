/**
 * GET and JSON from one origin that is no Kubernetes, within limits: time, size and connections. Nothing is followed anywhere else: a redirect
 * is an answer like any other. On node:https, because the pools of kube.ts are for the identities that Kubernetes knows.
 */
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent, request } from 'node:https';

export interface JsonAnswer {
  readonly status: number;
  /** Parsed where the status is 200, else undefined. */
  readonly body: unknown;
  /** The header X-Total-Count, where it is a number. */
  readonly total: number | undefined;
}

export interface GetJson {
  /**
   * @param path absolute, every part of it percent-encoded
   * @param signal ends the request, reading the answer included
   * @throws whatever ended the request before an answer was read and parsed
   */
  get(path: string, signal: AbortSignal): Promise<JsonAnswer>;
  close(): void;
}

export interface GetJsonOptions {
  /** `https://host` or `http://host`, perhaps with a port. */
  readonly origin: string;
  /** PEM, read for each request; undefined: what the system trusts. */
  ca(): string | undefined;
  readonly userAgent: string;
  /** Shown with every request; nothing by default. */
  readonly authorization?: string;
  readonly maxBytes: number;
  readonly connections: number;
}

export function createGetJson(options: GetJsonOptions): GetJson {
  const { origin, ca, userAgent, authorization, maxBytes, connections } = options;
  const pool = { keepAlive: true, maxSockets: connections };
  const agent = origin.startsWith('https:') ? new Agent({ ...pool, rejectUnauthorized: true }) : new PlainAgent(pool);
  const open = agent instanceof Agent ? request : plainRequest;
  const identity = authorization === undefined ? {} : { authorization };
  const headers = { accept: 'application/json', 'user-agent': userAgent, ...identity };

  return {
    get: (path, signal) =>
      new Promise((resolve, reject) => {
        // A connection is kept for the CA it was made with: it is part of its name in the agent.
        open(`${origin}${path}`, { agent, headers, signal, ...trusting(ca()) }, (incoming) => {
          readAnswer(incoming, maxBytes).then(resolve, reject);
        })
          .on('error', reject)
          .end();
      }),
    close: () => agent.destroy(),
  };
}

function trusting(ca: string | undefined): { ca?: string } {
  return ca === undefined ? {} : { ca };
}

async function readAnswer(incoming: IncomingMessage, maxBytes: number): Promise<JsonAnswer> {
  const { statusCode: status = 0, headers } = incoming;
  const count = String(headers['x-total-count'] ?? '');
  const total = /^\d{1,9}$/.test(count) ? Number(count) : undefined;
  if (status !== 200) {
    // Read to its end, so that the connection can be used again; the signal ends one that has none.
    incoming.on('error', () => {}).resume();
    return { status, body: undefined, total };
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return { status, body: JSON.parse(Buffer.concat(chunks).toString('utf8')), total };
}
