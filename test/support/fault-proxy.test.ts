import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type FaultProxy, type FaultProxyOptions, startFaultProxy } from './fault-proxy.ts';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(server: Server): Promise<{ host: string; port: number }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

/** Sends back what it gets, and remembers it. */
async function startEcho() {
  const sockets = new Set<Socket>();
  const got: Buffer[] = [];
  const ends: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => ends.push('error'));
    socket.on('end', () => ends.push('end'));
    socket.on('data', (data) => {
      got.push(data);
      socket.write(data);
    });
  });
  const target = await listen(server);
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { target, text: () => Buffer.concat(got).toString(), ends };
}

async function startProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = await startFaultProxy(options);
  cleanups.push(() => proxy.close());
  return proxy;
}

/** A connection that collects what it gets and how it ended. */
function dial(proxy: FaultProxy) {
  const socket = connect(proxy.port, proxy.host);
  const got: Buffer[] = [];
  let ending: string | undefined;
  socket.on('data', (data) => got.push(data));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    ending = error.code;
  });
  socket.on('end', () => {
    ending ??= 'end';
  });
  cleanups.push(() => {
    socket.destroy();
  });
  return { socket, text: () => Buffer.concat(got).toString(), ending: () => ending };
}

async function until(isSo: () => boolean): Promise<void> {
  await expect.poll(isSo, { interval: 2, timeout: 3_000 }).toBe(true);
}

describe('byte level', () => {
  it('passes bytes through both ways and counts connections', async () => {
    const echo = await startEcho();
    const proxy = await startProxy({ target: echo.target });
    const one = dial(proxy);
    const two = dial(proxy);
    one.socket.write('abc');
    two.socket.write('def');
    await until(() => one.text() === 'abc' && two.text() === 'def');
    expect([proxy.connections, proxy.openConnections]).toEqual([2, 2]);
    one.socket.end();
    two.socket.end();
    await until(() => proxy.openConnections === 0);
    expect(proxy.connections).toBe(2);
  });

  it('cuts after the given number of bytes towards the client', async () => {
    const echo = await startEcho();
    const proxy = await startProxy({ target: echo.target });
    proxy.setByteFault({ kind: 'cut', direction: 'toClient', afterBytes: 4 });
    const client = dial(proxy);
    client.socket.write('abcdefgh');
    await until(() => client.ending() !== undefined);
    expect([client.text(), client.ending()]).toEqual(['abcd', 'end']);
  });

  it('cuts after the given number of bytes towards the target', async () => {
    const echo = await startEcho();
    const proxy = await startProxy({ target: echo.target });
    proxy.setByteFault({ kind: 'cut', direction: 'toTarget', afterBytes: 3 });
    const client = dial(proxy);
    client.socket.write('abcdefgh');
    await until(() => client.ending() !== undefined && echo.ends.length > 0);
    expect(echo.text()).toBe('abc');
  });

  it('resets hard', async () => {
    const echo = await startEcho();
    const proxy = await startProxy({ target: echo.target });
    const client = dial(proxy);
    client.socket.write('ab');
    await until(() => client.text() === 'ab');
    proxy.setByteFault({ kind: 'reset', direction: 'toClient', afterBytes: 2 });
    client.socket.write('cd');
    await until(() => client.ending() !== undefined);
    expect([client.text(), client.ending()]).toEqual(['ab', 'ECONNRESET']);
  });

  it('holds bytes back while it stalls and delivers them afterwards', async () => {
    const echo = await startEcho();
    const proxy = await startProxy({ target: echo.target });
    proxy.setByteFault({ kind: 'stall', direction: 'toClient', afterBytes: 2 });
    const client = dial(proxy);
    client.socket.write('abcd');
    await until(() => client.text() === 'ab' && echo.text() === 'abcd');
    client.socket.write('ef');
    await until(() => echo.text() === 'abcdef');
    expect(client.text()).toBe('ab');
    proxy.setByteFault(undefined);
    await until(() => client.text() === 'abcdef');
  });

  it('delays pieces without reordering them', async () => {
    const echo = await startEcho();
    const proxy = await startProxy({ target: echo.target });
    proxy.setByteFault({ kind: 'delay', direction: 'toClient', delayMs: 30 });
    const client = dial(proxy);
    const startedAt = Date.now();
    client.socket.write('ab');
    await until(() => echo.text() === 'ab');
    client.socket.write('cd');
    await until(() => client.text() === 'abcd');
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(29);
  });

  it('goes silent without closing when it is half open', async () => {
    const echo = await startEcho();
    const proxy = await startProxy({ target: echo.target });
    const client = dial(proxy);
    client.socket.write('ab');
    await until(() => client.text() === 'ab');
    proxy.setByteFault({ kind: 'half-open' });
    client.socket.write('lost');
    const witness = dial(await startProxy({ target: echo.target }));
    witness.socket.write('cd');
    await until(() => witness.text() === 'cd');
    expect([client.text(), client.ending(), echo.text(), proxy.openConnections]).toEqual(['ab', undefined, 'abcd', 1]);
  });

  it('refuses new connections and leaves open ones alone', async () => {
    const echo = await startEcho();
    const proxy = await startProxy({ target: echo.target });
    const open = dial(proxy);
    open.socket.write('ab');
    await until(() => open.text() === 'ab');
    proxy.setByteFault({ kind: 'refuse' });
    const refused = dial(proxy);
    await until(() => refused.ending() !== undefined);
    open.socket.write('cd');
    await until(() => open.text() === 'abcd');
    expect(refused.ending()).toBe('ECONNRESET');
  });

  it('drops all open connections on demand', async () => {
    const echo = await startEcho();
    const proxy = await startProxy({ target: echo.target });
    const client = dial(proxy);
    client.socket.write('ab');
    await until(() => client.text() === 'ab');
    proxy.dropAll('reset');
    await until(() => client.ending() === 'ECONNRESET' && proxy.openConnections === 0);
  });
});

describe('HTTP level', () => {
  const events = ['{"type":"ADDED","n":1}', '{"type":"ADDED","n":2}', '{"type":"ADDED","n":3}'];

  /** Answers `/watch` with three lines and stays open, anything else with what it was sent. */
  async function startTarget() {
    const urls: string[] = [];
    const server = createHttpServer((incoming, response) => {
      urls.push(incoming.url ?? '');
      if (incoming.url?.startsWith('/watch')) {
        for (const event of events) response.write(`${event}\n`);
        return;
      }
      response.setHeader('x-method', incoming.method ?? '');
      incoming.pipe(response);
    });
    const target = await listen(server);
    cleanups.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return { target, urls };
  }

  interface Got {
    status?: number;
    headers?: NodeJS.Dict<string | string[]>;
    body: string;
    ending?: 'end' | 'broken';
  }

  function send(proxy: FaultProxy, path: string, body?: string): Got {
    const got: Got = { body: '' };
    const broken = () => {
      got.ending ??= 'broken';
    };
    const outgoing = httpRequest(
      `${proxy.url}${path}`,
      { method: body === undefined ? 'GET' : 'POST', agent: false },
      (response) => {
        got.status = response.statusCode ?? 0;
        got.headers = response.headers;
        response.on('data', (chunk: Buffer) => {
          got.body += chunk.toString();
        });
        response.once('end', () => {
          got.ending = 'end';
        });
        response.on('error', broken);
      },
    );
    outgoing.on('error', broken);
    outgoing.end(body);
    cleanups.push(() => {
      outgoing.destroy();
    });
    return got;
  }

  it('passes requests and answers through and records them', async () => {
    const { target } = await startTarget();
    const proxy = await startProxy({ target, level: 'http' });
    const got = send(proxy, '/jobs?limit=1', 'hello');
    await until(() => got.ending === 'end');
    expect([got.status, got.body, got.headers?.['x-method']]).toEqual([200, 'hello', 'POST']);
    expect(proxy.seen.map((request) => `${request.method} ${request.url}`)).toEqual(['POST /jobs?limit=1']);
  });

  it('answers by the first matching rule, as often as it says', async () => {
    const { target, urls } = await startTarget();
    const proxy = await startProxy({ target, level: 'http' });
    const match = (request: { url: string }) => request.url.startsWith('/jobs');
    proxy.addRule({ match, times: 1, do: { kind: 'answer', status: 429, reason: 'TooManyRequests', retryAfterS: 7 } });
    proxy.addRule({ match, times: 1, do: { kind: 'answer', status: 410, reason: 'Expired', message: 'too old' } });
    const answers: Got[] = [];
    for (const path of ['/jobs', '/jobs', '/other', '/jobs']) {
      const got = send(proxy, path);
      await until(() => got.ending === 'end');
      answers.push(got);
    }
    expect(answers.map((got) => got.status)).toEqual([429, 410, 200, 200]);
    expect(answers[0]?.headers?.['retry-after']).toBe('7');
    expect(JSON.parse(answers[1]?.body ?? '')).toMatchObject({
      kind: 'Status',
      code: 410,
      reason: 'Expired',
      message: 'too old',
    });
    expect(urls).toEqual(['/other', '/jobs']);
  });

  it('ends a watch with an ERROR event after the given lines', async () => {
    const { target } = await startTarget();
    const proxy = await startProxy({ target, level: 'http' });
    proxy.addRule({ match: () => true, do: { kind: 'error-event', afterLines: 2, code: 410, reason: 'Expired' } });
    const got = send(proxy, '/watch');
    await until(() => got.ending === 'end');
    const lines = got.body.trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual(events.slice(0, 2));
    expect(JSON.parse(lines[2] ?? '')).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
  });

  it('cuts inside a JSON line', async () => {
    const { target } = await startTarget();
    const proxy = await startProxy({ target, level: 'http' });
    proxy.addRule({ match: () => true, do: { kind: 'cut-line', afterLines: 1, bytes: 5 } });
    const got = send(proxy, '/watch');
    await until(() => got.ending !== undefined);
    expect([got.ending, got.body]).toEqual(['broken', `${events[0]}\n${events[1]?.slice(0, 5)}`]);
  });

  it('falls silent after the given lines and keeps the connection', async () => {
    const { target } = await startTarget();
    const proxy = await startProxy({ target, level: 'http' });
    const remove = proxy.addRule({ match: () => true, do: { kind: 'silence', afterLines: 1 } });
    const silent = send(proxy, '/watch');
    await until(() => silent.body.length > 0);
    remove();
    const whole = send(proxy, '/watch');
    await until(() => whole.body.trimEnd().split('\n').length === 3);
    expect([silent.body, silent.ending]).toEqual([`${events[0]}\n`, undefined]);
  });

  it('breaks before the target sees the request, or after it has answered', async () => {
    const { target, urls } = await startTarget();
    const proxy = await startProxy({ target, level: 'http' });
    proxy.addRule({ match: (request) => request.url === '/before', do: { kind: 'break', when: 'before' } });
    proxy.addRule({ match: (request) => request.url === '/after', do: { kind: 'break', when: 'after' } });
    const [before, after] = [send(proxy, '/before', 'x'), send(proxy, '/after', 'x')];
    await until(() => before.ending !== undefined && after.ending !== undefined);
    expect([before.ending, before.status, after.ending, after.status]).toEqual([
      'broken',
      undefined,
      'broken',
      undefined,
    ]);
    expect(urls).toEqual(['/after']);
  });

  it('delays a request', async () => {
    const { target } = await startTarget();
    const proxy = await startProxy({ target, level: 'http' });
    proxy.addRule({ match: () => true, do: { kind: 'delay', delayMs: 40 } });
    const startedAt = Date.now();
    const got = send(proxy, '/jobs');
    await until(() => got.ending === 'end');
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(39);
  });

  it('ends the request to the target when the client goes away', async () => {
    const closed: string[] = [];
    const server = createHttpServer((incoming, response) => {
      response.write('{}\n');
      incoming.once('close', () => closed.push(incoming.url ?? ''));
    });
    const target = await listen(server);
    cleanups.push(() => {
      server.close();
    });
    const proxy = await startProxy({ target, level: 'http' });
    const outgoing = httpRequest(`${proxy.url}/watch`, { agent: false }, (response) => {
      response.on('error', () => {});
      response.once('data', () => outgoing.destroy());
    });
    outgoing.on('error', () => {});
    outgoing.end();
    await until(() => closed.length === 1);
  });

  it('applies byte faults before the HTTP level', async () => {
    const { target } = await startTarget();
    const proxy = await startProxy({ target, level: 'http' });
    proxy.setByteFault({ kind: 'refuse' });
    const got = send(proxy, '/jobs');
    await until(() => got.ending === 'broken');
    proxy.setByteFault(undefined);
    const again = send(proxy, '/jobs');
    await until(() => again.ending === 'end');
    expect(again.status).toBe(200);
  });
});
