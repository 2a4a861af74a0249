/** A plain HTTPS client for tests: one tool's certificate, one request, the answer as it came. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import type { Sandbox } from './sandbox.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The parsed body. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  json<T = any>(): T;
}

export interface CallOptions {
  readonly body?: unknown;
  /** Sent as a form, as the first clients do. */
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiClient {
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Ends the kept connections. */
  close(): void;
}

/** @param tool whose certificate is shown; none when undefined */
export function apiClient(sandbox: Pick<Sandbox, 'url' | 'caFile' | 'homeOf'>, tool: string | undefined): ApiClient {
  const pair = tool === undefined ? undefined : join(sandbox.homeOf(tool), '.toolskube/client');
  const agent = new Agent({
    keepAlive: true,
    ca: readFileSync(sandbox.caFile),
    ...(pair ? { cert: readFileSync(`${pair}.crt`), key: readFileSync(`${pair}.key`) } : {}),
  });
  return {
    close: () => agent.destroy(),
    call: (method, path, options = {}) =>
      new Promise((resolve, reject) => {
        const { text, type } = bodyOf(options);
        const headers = {
          ...(type ? { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) } : {}),
          ...options.headers,
        };
        const outgoing = request(`${sandbox.url}${path}`, { method, agent, headers, timeout: 60_000 }, (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const answer = Buffer.concat(chunks).toString('utf8');
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              text: answer,
              json: () => JSON.parse(answer),
            });
          });
        });
        outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer to ${method} ${path}`)));
        outgoing.on('error', reject);
        outgoing.end(text);
      }),
  };
}

function bodyOf({ body, form }: CallOptions): { text: string; type?: string } {
  if (form) return { text: new URLSearchParams(form).toString(), type: 'application/x-www-form-urlencoded' };
  return body === undefined ? { text: '' } : { text: JSON.stringify(body), type: 'application/json' };
}
