import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { canonical } from '../../src/server/dialects/canonical.ts';
import { createDialectOf, registerRoutes } from '../../src/server/register-routes.ts';
import { type Route, StreamedText } from '../../src/server/routes/route.ts';
import { createStreams, type StreamLimits, type Streams } from '../../src/server/streams.ts';
import { until } from '../support/sandbox.ts';
import { client, startServer, type TestServer, wideStreams } from './start-server.ts';

let test: TestServer;
let streams: Streams;
/** What the route answers with, newest last. */
let made: Readable[] = [];

/** How long the route takes to find out what to answer with. */
let prepared = Promise.resolve();
/** Requests that have reached the route, and connections of those that have left. */
const counts = { asked: 0, left: 0 };

async function serve(make: () => Readable, limits: Partial<StreamLimits> = {}, silenceMs = 60_000): Promise<void> {
  streams = createStreams({ ...wideStreams, ...limits });
  made = [];
  const route: Route = {
    method: 'GET',
    path: '/pieces',
    dialect: canonical,
    summary: 'Pieces',
    status: 200,
    answer: z.string(),
    answerType: 'text/plain; charset=utf8',
    async handle({ release }) {
      counts.asked += 1;
      await prepared;
      const pieces = make();
      made.push(pieces);
      release();
      return new StreamedText(pieces);
    },
  };
  test = await startServer({
    limits: { requestsPerSecondPerTool: () => 1000, requestsAtOncePerTool: () => 1, requestsAtOnce: () => 1 },
    connections: { perAddress: 1000, silenceMs },
    routes: (app) => {
      app.addHook('onRequest', async ({ raw }) => void raw.socket.once('close', () => (counts.left += 1)));
      registerRoutes(app, {
        routes: [route],
        version: '1',
        streams,
        freshness: () => ({ synced: true, live: true, asOf: 0 }),
        now: Date.now,
      });
    },
    dialectOf: createDialectOf(),
  });
}

afterEach(() => test.stop());

/** The head of the answer; its body is not read unless a test does. */
async function open(tool = 'alpha'): Promise<IncomingMessage> {
  const [incoming] = (await once(ask(tool), 'response')) as [IncomingMessage];
  incoming.on('error', () => {});
  return incoming;
}

function ask(tool: string): ClientRequest {
  const { cert, key } = client(test, tool);
  const outgoing = request({
    host: '127.0.0.1',
    port: test.port,
    path: '/pieces',
    agent: false,
    ca: test.authority.cert,
    cert,
    key,
  });
  outgoing.on('error', () => {}).end();
  return outgoing;
}

async function readAll(incoming: IncomingMessage): Promise<{ text: string; isWhole: boolean }> {
  let text = '';
  incoming.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  incoming.resume();
  await once(incoming, 'close').catch(() => {});
  return { text, isWhole: incoming.complete };
}

const endless = () => new Readable({ read() {} });

describe('an answer that goes on', () => {
  it('begins at once, and nobody on the way is to keep it', async () => {
    await serve(endless);
    const { statusCode, headers } = await open();
    expect(statusCode).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/plain; charset=utf8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    expect(headers['x-request-id']).toBeTypeOf('string');
  });

  it('ends whole when its pieces do', async () => {
    await serve(() => Readable.from(['one\n', 'two\n'], { objectMode: false }));
    expect(await readAll(await open())).toEqual({ text: 'one\ntwo\n', isWhole: true });
    await until(() => streams.count() === 0, 'the place is free');
  });

  it('takes none of the places of requests', async () => {
    await serve(endless);
    for (let number = 1; number <= 3; number++) expect((await open()).statusCode).toBe(200);
    expect(streams.count()).toBe(3);
  });

  it('is one of a few for each tool', async () => {
    await serve(endless, { atOncePerTool: () => 2 });
    await Promise.all([open(), open()]);
    const refused = await open();
    expect(refused.statusCode).toBe(429);
    expect(JSON.parse((await readAll(refused)).text).code).toBe('caller.too_many');
    expect(made[2]?.destroyed).toBe(true);
    expect((await open('beta')).statusCode).toBe(200);
  });

  it('stops being made when the reader leaves', async () => {
    await serve(endless);
    (await open()).destroy();
    await until(() => made[0]?.destroyed, 'the pieces are destroyed');
    expect(streams.count()).toBe(0);
  });

  it('is given up where the reader has left before it began', async () => {
    const { promise, resolve } = deferred();
    [prepared, counts.asked, counts.left] = [promise, 0, 0];
    await serve(endless);
    const outgoing = ask('alpha');
    await until(() => counts.asked === 1, 'the request is at the route');
    outgoing.destroy();
    await until(() => counts.left === 1, 'the reader has left');
    resolve();
    await until(() => made[0]?.destroyed, 'the pieces are destroyed');
    expect(streams.count()).toBe(0);
  });

  it('survives silence that ends other connections', async () => {
    const pieces = new PassThrough();
    await serve(() => pieces, {}, 200);
    const answer = readAll(await open());
    const { promise: silence, resolve } = deferred();
    // Three times as long as a silent connection lives.
    setTimeout(resolve, 600);
    await silence;
    pieces.end('late\n');
    expect(await answer).toEqual({ text: 'late\n', isWhole: true });
  });

  it('is cut off when the reader takes nothing, and keeps little for him until then', async () => {
    let madeBytes = 0;
    const flood = () =>
      new Readable({
        read() {
          madeBytes += 65_536;
          this.push(Buffer.alloc(65_536, 0x61));
        },
      });
    await serve(flood, { stallMs: () => 100 });
    const incoming = await open();
    incoming.pause();
    await until(() => streams.count() === 0, 'the reader is turned out');
    // What the kernel's buffers on both sides take is not ours.
    expect(madeBytes).toBeLessThan(32 * 1024 * 1024);
    expect((await readAll(incoming)).isWhole).toBe(false);
  });

  it('is cut off, not ended, when the tool is denied, when the certificate expires, and when the service stops', async () => {
    const denied = new Set<string>();
    let at = Date.now();
    await serve(endless, { stallMs: () => 20, mayAsk: ({ tool }) => !denied.has(tool.name), now: () => at });
    const alpha = readAll(await open());
    denied.add('alpha');
    expect((await alpha).isWhole).toBe(false);
    const beta = readAll(await open('beta'));
    at += 365 * 24 * 3_600_000;
    expect((await beta).isWhole).toBe(false);
    at = Date.now();
    const gamma = readAll(await open('gamma'));
    streams.endAll();
    expect((await gamma).isWhole).toBe(false);
  });
});

describe('an answer that ends before its time', () => {
  const cuts: Parameters<StreamLimits['onCut']>[0][] = [];
  const onCut = (cut: (typeof cuts)[number]) => void cuts.push(cut);

  it('is told with the id that the reader was given, and with the reason', async () => {
    cuts.length = 0;
    await serve(endless, { onCut });
    const failed = await open('alpha');
    const stopped = await open('beta');
    const reading = [failed, stopped].map(readAll);
    made[0]?.destroy(new Error('the source is gone'));
    await reading[0];
    streams.endAll();
    expect((await Promise.all(reading)).map(({ isWhole }) => isWhole)).toEqual([false, false]);
    expect(cuts.map(({ request, tool, err }) => [request, tool, err.message])).toEqual([
      [failed.headers['x-request-id'], 'alpha', 'the source is gone'],
      [stopped.headers['x-request-id'], 'beta', 'the service stops'],
    ]);
  });

  it('is not told where it is whole, or the reader has left', async () => {
    cuts.length = 0;
    await serve(() => Readable.from(['one\n']), { onCut });
    await readAll(await open());
    await test.stop();
    await serve(endless, { onCut });
    (await open()).destroy();
    await until(() => streams.count() === 0, 'the place is free');
    expect(cuts).toEqual([]);
  });
});

describe('an answer that goes on while settings change', () => {
  it('is cut off at once where its tool is denied, and goes on where another one is', async () => {
    const denied = new Set<string>();
    await serve(endless, { mayAsk: ({ tool }) => !denied.has(tool.name) });
    await open('alpha');
    await open('beta');
    denied.add('alpha');
    streams.lookAtAll();
    expect(made.map(({ destroyed }) => destroyed)).toEqual([true, false]);
  });

  it('is cut off by the new measure when its reader takes nothing already', async () => {
    let stallMs = 3_600_000;
    const flood = () =>
      new Readable({
        read() {
          this.push(Buffer.alloc(65_536, 0x61));
        },
      });
    await serve(flood, { stallMs: () => stallMs });
    (await open()).pause();
    stallMs = 20;
    streams.lookAtAll();
    await until(() => streams.count() === 0, 'the reader is turned out', 2_000);
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
