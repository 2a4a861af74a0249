import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { type Authority, createAuthority, type Issued, issueServer, toolSubject } from '../support/certs.ts';
import {
  ask,
  askSocket,
  client,
  exchange,
  exchangeSocket,
  keepAliveAgent,
  openTls,
  startServer,
  type TestServer,
} from './start-server.ts';

let server: TestServer;
let identity: Issued;

beforeAll(async () => {
  server = await startServer();
  identity = client(server);
});
afterAll(() => server.stop());

const get = (path: string, headers: Record<string, string | string[]> = {}) => ask(server, { identity, path, headers });
const post = (path: string, body: string | Buffer, type = 'application/json', headers: Record<string, string> = {}) =>
  ask(server, { identity, path, method: 'POST', body, headers: { 'content-type': type, ...headers } });
const json = (text: string) => JSON.parse(text) as Record<string, unknown>;
const statusesIn = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

describe('requests that mean two things', () => {
  const chunked = 'Transfer-Encoding: chunked';
  const head = (...lines: string[]) =>
    ['POST /echo HTTP/1.1', 'Host: x', 'Content-Type: application/json', ...lines, '', ''].join('\r\n');
  const inner = 'GET /who HTTP/1.1\r\nHost: x\r\n\r\n';
  const smuggling: Record<string, string> = {
    'length and chunks': `${head('Content-Length: 4', chunked)}0\r\n\r\n${inner}`,
    'chunks and length': `${head(chunked, 'Content-Length: 4')}0\r\n\r\n${inner}`,
    'two lengths': `${head('Content-Length: 0', 'Content-Length: 5')}12345${inner}`,
    'two equal lengths': `${head('Content-Length: 2', 'Content-Length: 2')}{}${inner}`,
    'a list of lengths': `${head('Content-Length: 2, 2')}{}${inner}`,
    'a signed length': `${head('Content-Length: +2')}{}${inner}`,
    'a hexadecimal length': `${head('Content-Length: 0x2')}{}${inner}`,
    'an unknown coding': `${head('Transfer-Encoding: xchunked')}0\r\n\r\n${inner}`,
    'a coding behind chunked': `${head('Transfer-Encoding: chunked, identity')}0\r\n\r\n${inner}`,
    'two codings': `${head(chunked, 'Transfer-Encoding: identity')}0\r\n\r\n${inner}`,
    'a blank before the colon': `${head('Transfer-Encoding : chunked')}0\r\n\r\n${inner}`,
    'a folded header': `${head('X-A: b', ' Transfer-Encoding: chunked')}${inner}`,
    'a bare line feed': `GET /who HTTP/1.1\nHost: x\n\n${inner}`,
    'a bare carriage return': `GET /who HTTP/1.1\r\nHost: x\rX-A: b\r\n\r\n${inner}`,
    'a NUL in a value': `GET /who HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n${inner}`,
    'a NUL in a name': `GET /who HTTP/1.1\r\nHost: x\r\nX\0A: a\r\n\r\n${inner}`,
    'a line feed in a chunk extension': `${head(chunked)}0;a\n\r\n\r\n${inner}`,
    'a chunk of boundless size': `${head(chunked)}fffffffffffffffff\r\n${inner}`,
    'a negative chunk': `${head(chunked)}-1\r\n${inner}`,
    'two hosts': `GET /who HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n${inner}`,
    'no host': `GET /who HTTP/1.1\r\n\r\n${inner}`,
    'the host of another': `GET http://evil/who HTTP/1.1\r\nHost: x\r\n\r\n${inner}`,
    'an old version': `GET /who HTTP/0.9\r\nHost: x\r\n\r\n${inner}`,
    'a new version': `GET /who HTTP/2.0\r\nHost: x\r\n\r\n${inner}`,
    'a change of protocol': `GET /who HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${inner}`,
    'a tunnel': `CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n${inner}`,
    'an expectation': `${head('Content-Length: 2', 'Expect: wonders')}{}${inner}`,
    'the preface of another protocol': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    bytes: '\x16\x03\x01\x00\xa5\x01\r\n\r\n',
  };

  it('are refused over TLS, the connection closed, the request behind them unread', async () => {
    for (const [name, bytes] of Object.entries(smuggling)) {
      const before = server.handled.length;
      const { text, closed } = await exchange(server, identity, Buffer.from(bytes, 'latin1'));
      const statuses = statusesIn(text);
      expect({
        name,
        closed,
        refused: statuses.every((status) => status >= 400 && status < 500),
        answers: statuses.length <= 1,
        handled: server.handled.length - before,
      }).toEqual({ name, closed: true, refused: true, answers: true, handled: 0 });
    }
  });

  it('are refused on the socket of a front', async () => {
    for (const [name, bytes] of Object.entries(smuggling)) {
      const { text, closed } = await exchangeSocket(server, bytes);
      expect({ name, closed, accepted: statusesIn(text).some((status) => status < 400) }).toEqual({
        name,
        closed: true,
        accepted: false,
      });
    }
  });

  it('do not hinder honest ones: HTTP/1.0, absolute form, Continue', async () => {
    const last = 'GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    expect(statusesIn((await exchange(server, identity, 'GET /who HTTP/1.0\r\n\r\n')).text)).toEqual([200]);
    expect(statusesIn((await exchange(server, identity, last.replace('/who', 'https://X/who'))).text)).toEqual([200]);
    const patient = head('Content-Length: 2', 'Expect: 100-continue', 'Connection: close');
    expect(statusesIn((await exchange(server, identity, `${patient}{}`)).text)).toEqual([100, 200]);
    expect(statusesIn((await exchange(server, undefined, `${patient}{}`)).text)).toEqual([400]);
  });

  it('are not read while an answer is still being made: the connection ends with that answer', async () => {
    const before = server.handled.length;
    const answer = exchange(server, identity, `GET /slow HTTP/1.1\r\nHost: x\r\n\r\n${inner}${inner}`);
    await vi.waitFor(() => expect(server.slow).toHaveLength(1));
    server.slow.pop()?.();
    const { text, closed } = await answer;
    expect([statusesIn(text), closed, /connection: close/i.test(text)]).toEqual([[200], true, true]);
    expect(server.handled.length).toBe(before);
  });

  it('gain nothing from identity headers, wherever they stand', async () => {
    for (const name of [
      'ssl-client-subject-dn',
      'SSL_CLIENT_SUBJECT_DN',
      'x-toolforge-tool',
      'impersonate-user',
      'x-remote-group',
    ]) {
      expect((await get('/who', { [name]: 'CN=beta,O=toolforge' })).status).toBe(400);
      expect((await get('/who', { [name]: ['CN=beta,O=toolforge', 'x'] })).status).toBe(400);
      const old = await exchange(server, identity, `GET /who HTTP/1.0\r\n${name}: beta\r\n\r\n`);
      expect(statusesIn(old.text)).toEqual([400]);
    }
    const trailer = `${head(chunked, 'Connection: close')}2\r\n{}\r\n0\r\nssl-client-subject-dn: CN=beta,O=toolforge\r\n\r\n`;
    expect((await exchange(server, identity, trailer)).text).toContain('{"body":{}}');
  });
});

describe('sizes', () => {
  const many = (count: number) =>
    [
      'GET /who HTTP/1.1',
      'Host: x',
      'Connection: close',
      ...Array.from({ length: count - 2 }, (_, at) => `a${at}:b`),
      '',
      '',
    ].join('\r\n');

  it('of headers: 100 lines pass, 101 and more are 431, none is dropped unseen', async () => {
    const answers = [100, 101, 150, 199, 200, 201, 400].map(
      async (count) => statusesIn((await exchange(server, identity, many(count))).text)[0],
    );
    expect(await Promise.all(answers)).toEqual([200, 431, 431, 431, 431, 431, 431]);
    const hidden = many(2100).replace('\r\n\r\n', '\r\nssl-client-subject-dn: CN=beta,O=toolforge\r\n\r\n');
    expect(statusesIn((await exchange(server, identity, hidden)).text)).toEqual([431]);
  });

  it('of headers: more than 8 KiB are 431', async () => {
    expect((await get('/who', { 'x-long': 'a'.repeat(7000) })).status).toBe(200);
    const { text, closed } = await exchange(
      server,
      identity,
      `GET /who HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(9000)}\r\n\r\n`,
    );
    expect([statusesIn(text), closed]).toEqual([[431], true]);
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code: 'request.too_large', id: 'TJF-V002' });
  });

  it('of bodies: 256 KiB pass and one byte more is 413, with a length or without', async () => {
    const body = (bytes: number) => `"${'a'.repeat(bytes - 2)}"`;
    const limit = 256 * 1024;
    expect((await post('/echo', body(limit))).status).toBe(200);
    expect((await post('/echo', body(limit + 1))).status).toBe(413);
    expect((await post('/echo', body(4 * limit))).status).toBe(413);
    const inChunks = { 'transfer-encoding': 'chunked' };
    expect((await post('/echo', body(limit), 'application/json', inChunks)).status).toBe(200);
    expect((await post('/echo', body(limit + 1), 'application/json', inChunks)).status).toBe(413);
  });
});

describe('a refusal', () => {
  it('reaches a client that reads only after it has written everything', async () => {
    const socket = await openTls(server, identity);
    const body = Buffer.alloc(4 * 1024 * 1024, 0x20);
    socket.write(
      `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    await new Promise((resolve, reject) => socket.write(body, (error) => (error ? reject(error) : resolve(undefined))));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(statusesIn(answer.toString())).toEqual([413]);
    await once(socket, 'close');
  });
});

describe('bodies', () => {
  it('come as JSON or as a form; nothing else is read', async () => {
    expect((await post('/echo', '{"a":[1]}', 'application/json; charset=utf-8')).text).toBe('{"body":{"a":[1]}}');
    expect((await post('/echo', 'a=1&b=c+d', 'application/x-www-form-urlencoded')).text).toBe(
      '{"body":{"a":"1","b":"c d"}}',
    );
    for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/json-seq']) {
      const { status, text } = await post('/echo', '{}', type);
      expect([status, json(text).code]).toEqual([415, 'request.media_type']);
    }
  });

  it('may be left out although a type is named', async () => {
    expect((await post('/echo', '')).text).toBe('{"body":null}');
    const deleted = await ask(server, {
      identity,
      method: 'DELETE',
      path: '/echo',
      headers: { 'content-type': 'application/json' },
    });
    expect([deleted.status, deleted.text]).toEqual([200, '{"body":null}']);
  });

  it('are refused in the form of the caller, with the field and the rule in words', async () => {
    const said = async (body: object) => json((await post('/shaped', JSON.stringify(body))).text).message;
    expect((await post('/shaped', '{"name":')).status).toBe(400);
    expect(await said({})).toBe("'name' is missing");
    expect(await said({ name: 1 })).toBe("'name' must be a string");
    expect(await said({ name: 'a', mem: '1' })).toBe("'mem' is not a field known here");
    expect(await said({ name: 'a', retry: 6 })).toContain("'retry' is not accepted");
  });
});

describe('routes', () => {
  it('are found with and without a trailing slash, their parameters decoded once', async () => {
    expect((await get('/who/')).status).toBe(200);
    expect((await get('/named/a%2541')).text).toBe('{"name":"a%41"}');
    expect((await get(`/named/${'a'.repeat(500)}`)).status).toBe(200);
  });

  it('that do not exist are 404, and 405 for another method, without an echo', async () => {
    const missing = await get('/nothing/%3Cscript%3E');
    expect([missing.status, json(missing.text).code, missing.text.includes('script')]).toEqual([
      404,
      'route.not_found',
      false,
    ]);
    const wrong = await ask(server, { identity, method: 'PUT', path: '/echo/' });
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'DELETE, POST']);
    expect((await ask(server, { identity, method: 'HEAD', path: '/who' })).status).toBe(405);
  });

  it('refuse odd paths before looking for a route', async () => {
    for (const path of [
      '//who',
      '/named/a%2Fb',
      '/named/a%00',
      '/named/..',
      '/named/%2e%2e',
      '/named/%',
      '/who?a=%00',
    ]) {
      const { text } = await exchange(server, identity, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect([path, ...statusesIn(text)]).toEqual([path, 400]);
    }
  });

  it('see queries as records without repeated keys', async () => {
    expect((await get('/query?a=1&b=%2F')).text).toBe('{"a":"1","b":"/"}');
    expect((await get('/query?a=1&a=2')).status).toBe(400);
    expect((await get('/query?__proto__=1')).status).toBe(400);
    expect((await get('/who')).status).toBe(200);
  });

  it('that fail say nothing of why, and the log says all', async () => {
    const { status, text } = await get('/broken');
    expect([status, json(text).code, text.includes('secret')]).toEqual([500, 'internal', false]);
    expect(JSON.stringify(server.logged)).toContain('secret detail');
  });
});

describe('the id of a request', () => {
  const idOf = ({ headers }: { readonly headers: Readonly<Record<string, unknown>> }) =>
    String(headers['x-request-id']);
  const linesOf = (id: string) => server.logged.filter(({ request }) => request === id);

  it('is in every answer, never the same twice, and never the one a client sends', async () => {
    const answers = [
      await get('/who', { 'x-request-id': 'mine' }),
      await get('/nowhere'),
      await get('/named/%'),
      await post('/shaped', '{}'),
      await ask(server),
      await ask(server, { identity: createAuthority().issue({ subject: toolSubject('alpha') }) }),
      await askSocket(server, {}),
    ];
    const ids = answers.map(idOf);
    expect(ids.every((id) => /^[0-9a-f-]{36}$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(answers.length);
  });

  it('leads from the words of a failure on our side to its cause in the log', async () => {
    const answer = await get('/broken');
    const id = idOf(answer);
    expect(json(answer.text)).toMatchObject({
      requestId: id,
      message: expect.stringContaining(`id of the request: ${id}.`),
    });
    await vi.waitFor(() => expect(linesOf(id).map(({ msg }) => msg)).toEqual(['request failed', 'request']));
    expect(JSON.stringify(linesOf(id)[0])).toContain('secret detail');
  });

  it('is beside the words, not in them, where trying again helps, and nowhere in what is the side of the caller', async () => {
    const away = json((await get('/away')).text);
    expect([away.message, typeof away.requestId]).toEqual(['The cluster is away.', 'string']);
    expect(json((await get('/nowhere')).text)).not.toHaveProperty('requestId');
  });
});

describe('connections', () => {
  it('that send their headers slowly, or nothing, are closed', async () => {
    const slow = await startServer({
      connections: { headersMs: 200, requestMs: 400, checkEveryMs: 50, handshakeMs: 200 },
    });
    const own = client(slow);
    const [drip, silent, body] = await Promise.all([
      exchange(slow, own, 'GET /who HTTP/1.1\r\nHost'),
      exchange(slow, own, ''),
      exchange(
        slow,
        own,
        'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
      ),
    ]);
    expect([drip.closed, silent.closed, body.closed]).toEqual([true, true, true]);
    expect(statusesIn(drip.text)).toEqual([408]);
    await slow.stop();
  });

  it('over the cap of an address are dropped, and counted again when some have gone', async () => {
    const capped = await startServer({ connections: { perAddress: 2 } });
    const own = client(capped);
    const [first, second] = [await openTls(capped, own), await openTls(capped, own)];
    await expect(openTls(capped, own)).rejects.toThrow();
    expect(capped.refused).toEqual(['connection.capped']);
    first.destroy();
    await vi.waitFor(async () => (await openTls(capped, own)).destroy());
    second.destroy();
    await capped.stop();
  });

  it('end after so many requests, with the last answer', async () => {
    const own = await startServer({ connections: { requestsPerConnection: 3 } });
    const bytes = 'GET /who HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5);
    const { text, closed } = await exchange(own, client(own), bytes);
    expect([statusesIn(text), closed]).toEqual([[200, 200, 200], true]);
    expect(text.match(/connection: \S+/gi)).toEqual([
      'Connection: keep-alive',
      'Connection: keep-alive',
      'Connection: close',
    ]);
    await own.stop();
  });

  it('speak HTTP/1.1 and TLS 1.2 or newer only', async () => {
    const socket = await openTls(server, identity, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
    await expect(openTls(server, identity, { ALPNProtocols: ['h2'] })).rejects.toThrow();
    await expect(
      openTls(server, identity, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow();
  });

  it('cannot change their certificate under way', async () => {
    const socket = await openTls(server, identity, { maxVersion: 'TLSv1.2' });
    const outcome = await new Promise((resolve) => {
      socket.on('error', () => resolve('refused'));
      socket.on('data', () => resolve('refused'));
      socket.renegotiate({}, (error) => resolve(error === null ? 'renegotiated' : 'refused'));
      socket.write('GET /who HTTP/1.1\r\nHost: x\r\n\r\n');
    });
    expect(outcome).toBe('refused');
    socket.destroy();
  });

  it('stay when the certificate of the server is renewed, and new ones see the new one', async () => {
    const own = await startServer();
    const agent = keepAliveAgent();
    const alpha = client(own);
    expect((await ask(own, { identity: alpha, agent })).status).toBe(200);
    const next = issueServer(own.authority);
    own.running.setSecureContext({ tls: { ...next, clientCa: own.authority.cert } });
    expect((await ask(own, { identity: alpha, agent })).status).toBe(200);
    const fresh = await openTls(own, alpha);
    expect(fresh.getPeerX509Certificate()?.raw.equals(next.der)).toBe(true);
    fresh.destroy();
    agent.destroy();
    await own.stop();
  });

  it('stay when an authority is added or its certificate renewed, and are refused when it is gone', async () => {
    const own = await startServer();
    const agent = keepAliveAgent();
    const alpha = client(own);
    const underWay = ask(own, { identity: alpha, path: '/slow' });
    await vi.waitFor(() => expect(own.slow).toHaveLength(1));
    const askHere = async () => (await ask(own, { identity: alpha, agent })).status;
    const trust = (...bundle: Authority[]) => {
      const clientCa = bundle.map(({ cert }) => cert).join('');
      own.running.setSecureContext({ tls: { ...issueServer(own.authority), clientCa }, unix: { clientCa } });
    };
    const throughFront = {
      'ssl-client-verify': 'SUCCESS',
      'ssl-client-subject-dn': 'CN=alpha,O=toolforge',
      'ssl-client-cert': encodeURIComponent(alpha.cert),
    };
    const askFront = async () => (await askSocket(own, { headers: throughFront })).status;
    const other = createAuthority('another');
    expect([await askHere(), await askFront()]).toEqual([200, 200]);
    trust(other, own.authority);
    expect([await askHere(), await askFront()]).toEqual([200, 200]);
    trust(createAuthority('test cluster', { key: createPrivateKey(own.authority.key) }));
    expect([await askHere(), await askFront()]).toEqual([200, 200]);
    trust(other);
    expect([await askHere(), await askFront()]).toEqual([401, 401]);
    expect((await ask(own, { identity: alpha })).status).toBe(401);
    expect((await ask(own, { identity: other.issue({ subject: toolSubject('alpha') }) })).status).toBe(200);
    // What was under way began while it was believed.
    own.slow[0]?.();
    expect((await underWay).status).toBe(200);
    agent.destroy();
    await own.stop();
  });

  it('are refused from the moment in which the authority of their client ends', async () => {
    const own = await startServer();
    const agent = keepAliveAgent();
    const ends = new Date(Date.now() + 3_600_000);
    const short = createAuthority('short', { notAfter: ends });
    own.running.setSecureContext({ tls: { ...issueServer(own.authority), clientCa: short.cert } });
    const identity = short.issue({ subject: toolSubject('alpha') });
    expect((await ask(own, { identity, agent })).status).toBe(200);
    own.clock = ends.getTime() + 1_000;
    expect((await ask(own, { identity, agent })).status).toBe(401);
    agent.destroy();
    await own.stop();
  });

  it('keep old certificate and authority when the new ones cannot be used', async () => {
    const { cert, key } = issueServer(server.authority);
    const good = { cert, key, clientCa: server.authority.cert };
    const strange = issueServer(server.authority).key;
    // An empty file is one that is being written.
    const cutOff = `${server.authority.cert}${createAuthority().cert.slice(0, 200)}`;
    const authorities = ['', 'x', cutOff].map((clientCa) => ({ clientCa }));
    for (const bad of [{ cert: 'x' }, { cert: '' }, { key: strange }, { key: '' }, ...authorities]) {
      expect(() => server.running.setSecureContext({ tls: { ...good, ...bad } })).toThrow(AppError);
    }
    expect((await get('/who')).status).toBe(200);
  });
});

describe('limits', () => {
  const limited = (perTool: number, perSecond: number) =>
    startServer({
      limits: {
        requestsPerSecondPerTool: () => perSecond,
        requestsAtOncePerTool: () => perTool,
        requestsAtOnce: () => 100,
      },
    });

  it('turn a tool that is too fast away with 429 and Retry-After, on an open connection, and no other tool', async () => {
    const own = await limited(10, 1);
    const agent = keepAliveAgent();
    const alpha = client(own);
    const answers = [];
    for (let count = 0; count < 12; count++) answers.push(await ask(own, { identity: alpha, agent }));
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(200), 429, 429]);
    expect([answers[11]?.headers['retry-after'], answers[11]?.headers.connection]).toEqual(['1', 'keep-alive']);
    expect((await ask(own, { identity: client(own, 'beta') })).status).toBe(200);
    agent.destroy();
    await own.stop();
  });

  it('do not give a place back while its handler works on, though the caller has hung up', async () => {
    const own = await limited(1, 1000);
    const alpha = client(own);
    const socket = await openTls(own, alpha);
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await vi.waitFor(() => expect(own.slow).toHaveLength(1));
    socket.destroy();
    const before = own.handled.length;
    const next = ask(own, { identity: alpha });
    expect((await ask(own, { identity: client(own, 'beta') })).status).toBe(200);
    expect(own.handled.length).toBe(before + 1);
    own.slow[0]?.();
    expect((await next).status).toBe(200);
    await own.stop();
  });
});

describe('a connection that is lost', () => {
  it('gives back the places of requests whose answers were still to come', async () => {
    const own = await startServer({
      limits: { requestsPerSecondPerTool: () => 1000, requestsAtOncePerTool: () => 1, requestsAtOnce: () => 100 },
    });
    const alpha = client(own);
    const socket = await openTls(own, alpha);
    // The first answer is made at once and cannot leave, since nobody reads it; the second has its turn after it.
    socket.write('GET /big HTTP/1.1\r\nHost: x\r\n\r\nGET /who HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'readable');
    const next = ask(own, { identity: alpha });
    expect((await ask(own, { identity: client(own, 'beta') })).status).toBe(200);
    socket.destroy();
    expect((await next).status).toBe(200);
    expect((await ask(own, { identity: alpha })).status).toBe(200);
    await own.stop();
  });
});

describe('stopping', () => {
  it('finishes what is under way, closes what is idle and takes nothing new', async () => {
    const own = await startServer();
    const [idle, agent] = [await openTls(own, client(own)), keepAliveAgent()];
    const closed = once(idle.resume(), 'close');
    const underWay = ask(own, { identity: client(own), path: '/slow', agent });
    await vi.waitFor(() => expect(own.slow).toHaveLength(1));
    const stopped = own.running.stop(5000);
    await closed;
    await expect(openTls(own, client(own))).rejects.toThrow('ECONNREFUSED');
    own.slow[0]?.();
    expect((await underWay).headers.connection).toBe('close');
    await stopped;
    await own.running.stop(0);
    agent.destroy();
    await own.stop();
  });

  it('cuts off what is still under way when the time is up', async () => {
    const own = await startServer();
    const underWay = ask(own, { identity: client(own), path: '/slow' }).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    await vi.waitFor(() => expect(own.slow).toHaveLength(1));
    await own.running.stop(50);
    expect(await underWay).toBe('ECONNRESET');
    own.slow[0]?.();
    await own.stop();
  });

  it('leaves nothing listening when one of the listeners cannot be had', async () => {
    const taken = new URL(server.running.addresses.health);
    const health = {
      address: '127.0.0.1',
      port: Number(taken.port),
      live: () => '',
      stuckWatches: () => [],
      ready: () => ({ ok: true, detail: {} }),
      metrics: async () => '',
    };
    await expect(startServer({ health })).rejects.toMatchObject({ code: 'settings.invalid' });
  });
});
