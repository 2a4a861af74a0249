/** A registry that answers as Harbor's API does, with what a test put into it, and badly when a test wants that. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, issueServer } from './certs.ts';

export interface Artifact {
  readonly digest: string;
  readonly tags: readonly { readonly name: string }[] | null;
  readonly type: string;
}

/** By project, by repository. */
export type Projects = Record<string, Record<string, readonly Artifact[]>>;

export interface ScriptedHarbor {
  readonly url: string;
  readonly host: string;
  /** PEM that verifies it. */
  readonly ca: string;
  readonly projects: Projects;
  /** Method and path of what was asked, in order. */
  readonly asked: string[];
  /** Connections that were opened. */
  connections: number;
  /** Answers in place of the usual; undefined: the usual. */
  misbehave: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  stop(): Promise<void>;
}

/** `sha256:` and 64 digits made of one. */
export const digestOf = (digit: string) => `sha256:${digit.repeat(64)}`;

export function artifact(digit: string, ...tags: string[]): Artifact {
  return { digest: digestOf(digit), tags: tags.map((name) => ({ name })), type: 'IMAGE' };
}

export async function startHarbor(projects: Projects): Promise<ScriptedHarbor> {
  const authority = createAuthority('registry');
  const server = createServer(issueServer(authority), (request, response) => {
    harbor.asked.push(`${request.method} ${request.url}`);
    if (harbor.misbehave) harbor.misbehave(request, response);
    else answer(harbor.projects, request, response);
  });
  server.on('secureConnection', () => {
    harbor.connections++;
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const harbor: ScriptedHarbor = {
    url: `https://${host}`,
    host,
    ca: authority.cert,
    projects,
    asked: [],
    connections: 0,
    misbehave: undefined,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return harbor;
}

/** Names in paths are decoded once by the router and, those of repositories, once more by the handler (goharbor.io, API v2.0). */
function answer(projects: Projects, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'https://registry');
  const list = listAt(projects, url.pathname);
  if (list) page(url, response, list);
  else reply(response, 404, { errors: [{ code: 'NOT_FOUND', message: 'no such project or repository' }] });
}

function listAt(projects: Projects, path: string): readonly unknown[] | undefined {
  const [, project = '', repository] =
    /^\/api\/v2\.0\/projects\/([^/]+)\/repositories(?:\/([^/]+)\/artifacts)?$/.exec(path) ?? [];
  const repositories = projects[project];
  if (repository !== undefined) return repositories?.[decodeURIComponent(decodeURIComponent(repository))];
  return repositories && Object.keys(repositories).map((name) => ({ name: `${project}/${name}` }));
}

function page(url: URL, response: ServerResponse, all: readonly unknown[]): void {
  const size = Math.min(100, Number(url.searchParams.get('page_size') ?? 10));
  const from = (Number(url.searchParams.get('page') ?? 1) - 1) * size;
  response.setHeader('x-total-count', all.length);
  reply(response, 200, all.slice(from, from + size));
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
