/**
 * The dashboard: a page on a loopback address, and behind it the service with the tool's own certificate. It can be looked at only (door.ts,
 * service-reads.ts).
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError, errorTable, toAppError } from '../../src/errors.ts';
import type { Following } from '../client/steady-events.ts';
import { createDoor, type Door, type Verdict } from './door.ts';
import { createEventHub, type EventHub } from './event-hub.ts';
import { type PageFile, readPageFiles } from './page-files.ts';
import { type ReadingClient, readFor } from './service-reads.ts';
import { shownJson } from './shown-json.ts';

export interface DashboardOptions {
  readonly client: ReadingClient;
  readonly tool: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly following: Following;
  /** Somebody came with the address for a second time. */
  onSecondUse(): void;
}

export interface Dashboard {
  /** Good once. */
  readonly address: string;
  close(): Promise<void>;
}

/** More than a person has tabs; others of the machine shall not take what there is of the process. */
const maxConnections = 64;

/** @throws AppError `usage.invalid` where the port cannot be had */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const files = await readPageFiles();
  const hub = createEventHub(options.client, options.following);
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 });
  server.maxConnections = maxConnections;
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening').catch((cause: NodeJS.ErrnoException) => {
    throw portRefused(options.port, cause);
  });
  const door = createDoor((server.address() as AddressInfo).port, options.onSecondUse);
  server.on('request', (request, response) => {
    answer(request, response, { ...options, files, hub, door }).catch((error) => fail(response, error));
  });
  return {
    address: door.address,
    async close() {
      hub.close();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Inside extends DashboardOptions {
  readonly files: ReadonlyMap<string, PageFile>;
  readonly hub: EventHub;
  readonly door: Door;
}

async function answer(request: IncomingMessage, response: ServerResponse, inside: Inside): Promise<void> {
  for (const [name, value] of Object.entries(fixedHeaders)) response.setHeader(name, value);
  const { method = '', url: target = '', headers } = request;
  const verdict = inside.door.judge({ method, target, headers });
  if (verdict.may === 'nothing') refuse(response, verdict);
  else if (verdict.may === 'enter') letIn(response, verdict.cookie);
  else await show(verdict.url, response, inside);
}

async function show(url: URL, response: ServerResponse, inside: Inside): Promise<void> {
  const { files, hub, client, tool, following } = inside;
  const file = files.get(url.pathname);
  if (file) return send(response, 200, file.type, file.bytes);
  if (url.pathname === '/api/tool') return sendJson(response, 200, { tool });
  if (url.pathname === '/api/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    return hub.add(response);
  }
  const read = readFor(url, client, following.signal);
  if (!read) return sendJson(response, 404, { error: 'There is nothing at this path.' });
  sendJson(response, 200, await read);
}

/**
 * Nothing of a page comes from elsewhere, nothing is run that is not one of its files, no other page may hold or read it, and no text
 * becomes markup (W3C, "Content Security Policy Level 3"; "Trusted Types").
 */
const fixedHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/**
 * A page of ours that leads to the dashboard: a redirect would still count as asked for by whoever led here, and the cookie would stay at
 * home (RFC 6265bis, "SameSite").
 */
function letIn(response: ServerResponse, cookie: string): void {
  response.setHeader('set-cookie', cookie);
  send(response, 200, 'text/html; charset=utf-8', plainPage('<a href="/">Go on to the jobs</a>', enterHead));
}

const enterHead = '<link rel="icon" href="/icon.svg"><meta http-equiv="refresh" content="0; url=/">';

function refuse(response: ServerResponse, { status, why }: Extract<Verdict, { may: 'nothing' }>): void {
  if (status === 405) response.setHeader('allow', 'GET');
  // What was sent with it is not read.
  response.setHeader('connection', 'close');
  send(response, status, 'text/html; charset=utf-8', plainPage(why.replaceAll('"', '&quot;')));
}

/** @param body HTML that is ours */
function plainPage(body: string, head = ''): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Toolforge Jobs</title>${head}<p>${body}</p></html>\n`;
}

function fail(response: ServerResponse, error: unknown): void {
  const { code, message } = toAppError(error);
  if (response.headersSent) response.destroy();
  else sendJson(response, errorTable[code].http || 502, { error: message, code });
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  send(response, status, 'application/json', shownJson(value));
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

function portRefused(port: number, cause: NodeJS.ErrnoException): AppError {
  const why = cause.code === 'EADDRINUSE' ? 'somebody uses it already' : `${cause.code ?? cause.message}`;
  return new AppError(
    'usage.invalid',
    `--port ${port} cannot be had: ${why}. Without --port one is chosen that is free.`,
    {
      cause,
    },
  );
}
