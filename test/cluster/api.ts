/** Requests to the API server as its administrator, one connection each: rare ones, made by the cluster's own code. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Target {
  readonly server: string;
  readonly stateDir: string;
}

/** @throws Error when no answer comes within ten seconds */
export function askApi(target: Target, method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> {
  const pki = (name: string) => readFileSync(join(target.stateDir, 'pki', name), 'utf8');
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(path, target.server),
      {
        method,
        agent: false,
        ca: pki('ca.crt'),
        cert: pki('admin.crt'),
        key: pki('admin.key'),
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    outgoing.setTimeout(10_000, () => outgoing.destroy(new Error(`${target.server} did not answer`)));
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Whether the API server says it is ready. */
export async function isApiReady(target: Target): Promise<boolean> {
  try {
    return (await askApi(target, 'GET', '/readyz')).status === 200;
  } catch {
    return false;
  }
}

/** Creates the object; one that exists already is left as it is. @throws Error with the server's message */
export async function createObject(target: Target, path: string, object: unknown): Promise<void> {
  const answer = await askApi(target, 'POST', path, object);
  if (answer.status !== 201 && answer.status !== 409)
    throw new Error(`${path}: ${answer.status} ${answer.body.slice(0, 500)}`);
}
