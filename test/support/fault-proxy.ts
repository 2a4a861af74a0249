/**
 * A proxy with scripted faults, put before the API server in tests. It works at two levels:
 *
 *     client --- byte level (cut, reset, stall, delay, half-open) --- [HTTP level (answers by rules)] --- target
 *
 * The byte level passes TCP through untouched. The HTTP level ends TLS with the given certificate and begins it anew with the given client
 * certificate, so it is for one identity: the daemon's own watches. Faults can be changed at any moment and act on open connections too.
 */

import type { ServerResponse } from 'node:http';
import {
  createServer as createPlainServer,
  type IncomingMessage,
  Agent as PlainAgent,
  request as plainRequest,
} from 'node:http';
import { createServer as createTlsServer, Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface FaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** `http` with `tls` unset is for plain servers. Unset: `http` when `tls` is given, else `bytes`. */
  readonly level?: 'bytes' | 'http';
  readonly tls?: {
    /** PEM, shown to clients. */
    readonly cert: string;
    readonly key: string;
    /** PEM, shown to the target. */
    readonly clientCert?: string;
    readonly clientKey?: string;
    /** PEM of the authority that signed the target's certificate. */
    readonly ca?: string;
  };
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** Any free one by default. */
  readonly port?: number;
}

/** `toClient` counts what the target sent, `toTarget` what the client sent; on each connection from its beginning. */
export type Direction = 'toClient' | 'toTarget';

export type ByteFault =
  /** Ends both sides in order (FIN) after so many bytes. */
  | { readonly kind: 'cut'; readonly direction: Direction; readonly afterBytes: number }
  /** Ends both sides hard (RST) after so many bytes. */
  | { readonly kind: 'reset'; readonly direction: Direction; readonly afterBytes: number }
  /** Passes nothing on after so many bytes, but keeps it: when the fault is taken away it arrives. */
  | { readonly kind: 'stall'; readonly direction: Direction; readonly afterBytes: number }
  /** Every piece is late by so much; order is kept. */
  | { readonly kind: 'delay'; readonly direction: Direction; readonly delayMs: number }
  /** The other side is gone without a word: nothing passes either way, nothing is closed, what comes is lost. */
  | { readonly kind: 'half-open' }
  /** New connections are reset at once; open ones are left alone. */
  | { readonly kind: 'refuse' };

export type HttpFault =
  /** Answers itself, with a Kubernetes Status as body; `retryAfterS` becomes Retry-After. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly reason?: string;
      readonly message?: string;
      readonly retryAfterS?: number;
    }
  /** Passes so many lines of a watch on, then an ERROR event with this code, then ends. */
  | { readonly kind: 'error-event'; readonly afterLines: number; readonly code: number; readonly reason: string }
  /** Passes so many lines on and so many bytes of the next, then breaks the connection. */
  | { readonly kind: 'cut-line'; readonly afterLines: number; readonly bytes: number }
  /** Passes so many lines on, then nothing more; the connection stays. */
  | { readonly kind: 'silence'; readonly afterLines: number }
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Breaks the connection: `before` the target sees the request, or `after` it has answered, so that a write is done and unanswered. */
  | { readonly kind: 'break'; readonly when: 'before' | 'after' };

export interface SeenRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** ms since the epoch */
  readonly at: number;
}

export interface Rule {
  readonly match: (request: SeenRequest) => boolean;
  /** How often it acts; always when unset. */
  readonly times?: number;
  readonly do: HttpFault;
}

export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** `https://host:port`, or `http://…` without `tls`. */
  readonly url: string;
  /** Accepted since the start. */
  readonly connections: number;
  /** Open at this moment. */
  readonly openConnections: number;
  /** Every request since the start, at the HTTP level. */
  readonly seen: readonly SeenRequest[];
  /** Replaces the byte fault, on open connections too; undefined takes it away. */
  setByteFault(fault: ByteFault | undefined): void;
  /** Adds a rule behind those there are; the first that matches and has turns left acts. Returns its removal. */
  addRule(rule: Rule): () => void;
  clearRules(): void;
  /** Ends every open connection now, in order or hard. */
  dropAll(how: 'cut' | 'reset'): void;
  /** Ends everything. */
  close(): Promise<void>;
}

/** @throws Error when the port cannot be had */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const host = options.host ?? '127.0.0.1';
  const level = options.level ?? (options.tls === undefined ? 'bytes' : 'http');
  const seen: SeenRequest[] = [];
  const rules: { rule: Rule; left: number }[] = [];
  const inner = level === 'http' ? await startHttpLevel(options, seen, rules) : undefined;
  const target = inner === undefined ? options.target : { host: '127.0.0.1', port: inner.port };
  const pairs = new Set<Pair>();
  let fault: ByteFault | undefined;
  let connections = 0;

  const server = createServer({ allowHalfOpen: true }, (client) => {
    connections += 1;
    if (fault?.kind === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const pair = joinSockets(client, connect({ ...target, allowHalfOpen: true }), () => fault);
    pairs.add(pair);
    pair.whenClosed(() => pairs.delete(pair));
  });
  const port = await listen(server, options.port ?? 0, host);

  return {
    host,
    port,
    url: `${options.tls === undefined ? 'http' : 'https'}://${host}:${port}`,
    seen,
    get connections() {
      return connections;
    },
    get openConnections() {
      return pairs.size;
    },
    setByteFault(next) {
      fault = next;
      for (const pair of pairs) pair.faultChanged();
    },
    addRule(rule) {
      const entry = { rule, left: rule.times ?? Number.POSITIVE_INFINITY };
      rules.push(entry);
      return () => {
        const at = rules.indexOf(entry);
        if (at >= 0) rules.splice(at, 1);
      };
    },
    clearRules() {
      rules.length = 0;
    },
    dropAll(how) {
      for (const pair of pairs) pair.end(how);
    },
    async close() {
      for (const pair of pairs) pair.end('reset');
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await inner?.close();
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

interface Pair {
  end(how: 'cut' | 'reset'): void;
  faultChanged(): void;
  whenClosed(listener: () => void): void;
}

function joinSockets(client: Socket, target: Socket, faultNow: () => ByteFault | undefined): Pair {
  const end = (how: 'cut' | 'reset') => {
    for (const socket of [client, target]) {
      if (how === 'reset') socket.resetAndDestroy();
      else socket.destroySoon();
    }
  };
  const lanes = [lane(client, target, 'toTarget', faultNow, end), lane(target, client, 'toClient', faultNow, end)];
  for (const [socket, other] of [
    [client, target],
    [target, client],
  ] as const) {
    socket.on('error', () => {});
    socket.once('close', (hadError) => {
      if (faultNow()?.kind === 'half-open') return;
      if (hadError) other.resetAndDestroy();
      else other.destroySoon();
    });
  }
  return {
    end,
    faultChanged: () => {
      for (const each of lanes) each.faultChanged();
    },
    whenClosed: (listener) => {
      let open = 2;
      for (const socket of [client, target]) socket.once('close', () => --open === 0 && listener());
    },
  };
}

/** One direction of one connection. */
function lane(
  from: Socket,
  to: Socket,
  direction: Direction,
  faultNow: () => ByteFault | undefined,
  end: (how: 'cut' | 'reset') => void,
): { faultChanged(): void } {
  let passed = 0;
  let held: Buffer[] = [];
  let ended = false;
  let late = 0;
  let lateUntil: Promise<void> = Promise.resolve();

  const write = (piece: Buffer) => {
    passed += piece.length;
    if (to.writable && !to.write(piece)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  };
  const finish = () => {
    if (to.writable) to.end();
  };
  /** What is late keeps its place: later pieces wait behind it even when the fault is gone. */
  const writeLate = (piece: Buffer, delayMs: number) => {
    late += 1;
    lateUntil = lateUntil
      .then(() => pause(delayMs))
      .then(() => {
        late -= 1;
        write(piece);
      });
  };
  const pass = (piece: Buffer): void => {
    const fault = faultNow();
    if (fault?.kind === 'half-open') return;
    if (held.length > 0) held.push(piece);
    else if (fault !== undefined && fault.kind !== 'refuse' && fault.direction === direction) passWith(fault, piece);
    else if (late > 0) writeLate(piece, 0);
    else write(piece);
  };
  const passWith = (fault: Exclude<ByteFault, { kind: 'half-open' | 'refuse' }>, piece: Buffer) => {
    if (fault.kind === 'delay') {
      writeLate(piece, fault.delayMs);
      return;
    }
    const room = Math.max(fault.afterBytes - passed, 0);
    if (room > 0) write(piece.subarray(0, room));
    if (fault.kind === 'stall') {
      if (piece.length > room) held.push(piece.subarray(room));
    } else if (piece.length >= room) {
      // What was just written must leave before a reset throws the rest away.
      if (fault.kind === 'cut') end('cut');
      else setImmediate(() => end('reset'));
    }
  };
  const endSoon = () => {
    ended = true;
    if (held.length === 0 && faultNow()?.kind !== 'half-open') void lateUntil.then(finish);
  };
  from.on('data', pass);
  from.once('end', endSoon);
  return {
    faultChanged: () => {
      const pieces = held;
      held = [];
      for (const piece of pieces) pass(piece);
      if (ended) endSoon();
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

interface HttpLevel {
  readonly port: number;
  close(): Promise<void>;
}

async function startHttpLevel(
  options: FaultProxyOptions,
  seen: SeenRequest[],
  rules: { rule: Rule; left: number }[],
): Promise<HttpLevel> {
  const { tls, target } = options;
  const identity =
    tls?.clientCert === undefined || tls.clientKey === undefined ? {} : { cert: tls.clientCert, key: tls.clientKey };
  // A kept connection may be dead by the time it is used again, which would be a fault that nobody scripted.
  const agent =
    tls === undefined
      ? new PlainAgent({ keepAlive: false })
      : new TlsAgent({ keepAlive: false, ...identity, ...(tls.ca === undefined ? {} : { ca: tls.ca }) });
  const forward = (incoming: IncomingMessage, answer: (response: IncomingMessage) => void, failed: () => void) => {
    const send = tls === undefined ? plainRequest : tlsRequest;
    const { host: _, ...headers } = incoming.headers;
    const outgoing = send(
      { ...target, agent, method: incoming.method ?? 'GET', path: incoming.url ?? '/', headers },
      answer,
    );
    outgoing.once('error', failed);
    incoming.pipe(outgoing);
    return () => outgoing.destroy();
  };
  const handle = (incoming: IncomingMessage, response: ServerResponse) => {
    const request: SeenRequest = {
      method: incoming.method ?? '',
      url: incoming.url ?? '',
      headers: incoming.headers,
      at: Date.now(),
    };
    seen.push(request);
    const entry = rules.find((each) => each.left > 0 && each.rule.match(request));
    if (entry !== undefined) entry.left -= 1;
    void serve(incoming, response, entry?.rule.do, forward);
  };
  const server =
    tls === undefined ? createPlainServer(handle) : createTlsServer({ cert: tls.cert, key: tls.key }, handle);
  const port = await listen(server, 0, '127.0.0.1');
  return {
    port,
    close: async () => {
      server.closeAllConnections();
      agent.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

type Forward = (
  incoming: IncomingMessage,
  answer: (response: IncomingMessage) => void,
  failed: () => void,
) => () => void;

async function serve(
  incoming: IncomingMessage,
  response: ServerResponse,
  fault: HttpFault | undefined,
  forward: Forward,
): Promise<void> {
  if (fault?.kind === 'answer') return answerStatus(response, fault);
  if (fault?.kind === 'break' && fault.when === 'before') {
    incoming.socket.destroy();
    return;
  }
  if (fault?.kind === 'delay') await pause(fault.delayMs);
  if (incoming.destroyed && !incoming.complete) return;
  const breakOff = () => response.socket?.destroy();
  const abandon = forward(
    incoming,
    (answer) => {
      if (fault?.kind === 'break') {
        answer.resume();
        answer.once('end', breakOff);
        return;
      }
      answer.once('error', breakOff);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // A watch without events yet must still show that it was accepted.
      response.flushHeaders();
      passBody(answer, response, fault);
    },
    breakOff,
  );
  response.once('close', () => {
    if (!response.writableFinished) abandon();
  });
}

function passBody(answer: IncomingMessage, response: ServerResponse, fault: HttpFault | undefined): void {
  if (fault === undefined || fault.kind === 'delay' || !('afterLines' in fault)) {
    answer.pipe(response);
    return;
  }
  let lines = 0;
  let isOver = false;
  const finish = () => {
    isOver = true;
    if (fault.kind === 'error-event') response.end(errorEvent(fault.code, fault.reason));
  };
  if (fault.afterLines === 0 && fault.kind !== 'cut-line') finish();
  answer.on('data', (chunk: Buffer) => {
    let rest = chunk;
    while (!isOver && rest.length > 0) {
      if (lines === fault.afterLines && fault.kind === 'cut-line') {
        isOver = true;
        // Only what the response has handed to the socket leaves before it ends.
        response.write(rest.subarray(0, fault.bytes), () => response.socket?.destroySoon());
        return;
      }
      const at = rest.indexOf(0x0a);
      response.write(at < 0 ? rest : rest.subarray(0, at + 1));
      if (at < 0) return;
      rest = rest.subarray(at + 1);
      lines += 1;
      if (lines === fault.afterLines && fault.kind !== 'cut-line') finish();
    }
  });
  answer.once('end', () => {
    if (!isOver) response.end();
  });
}

function answerStatus(response: ServerResponse, fault: Extract<HttpFault, { kind: 'answer' }>): void {
  const retry = fault.retryAfterS === undefined ? {} : { 'retry-after': String(fault.retryAfterS) };
  response.writeHead(fault.status, { 'content-type': 'application/json', ...retry });
  response.end(
    JSON.stringify(statusObject(fault.status, fault.reason ?? 'InternalError', fault.message ?? 'a scripted fault')),
  );
}

/** As the API server ends a watch that it cannot go on with. */
function errorEvent(code: number, reason: string): string {
  return `${JSON.stringify({ type: 'ERROR', object: statusObject(code, reason, 'a scripted fault') })}\n`;
}

function statusObject(code: number, reason: string, message: string): unknown {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}
