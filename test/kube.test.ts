import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../src/errors.ts';
import {
  certificateFingerprint,
  createKube,
  fromKubeStatus,
  type Kube,
  type KubeOptions,
  type KubeRequest,
  kubeStatusOf,
} from '../src/kube.ts';
import { createAuthority, toolSubject } from './support/certs.ts';
import { type Recorder, reply, startRecorder } from './support/recorder.ts';

let recorder: Recorder;
let kubes: Kube[];

beforeEach(async () => {
  kubes = [];
  recorder = await startRecorder();
  recorder.script(reply(200, { ok: true }));
});
afterEach(async () => {
  await recorder.stop();
  await Promise.all(kubes.map((kube) => kube.close()));
});

function connect(changes: Partial<KubeOptions> = {}): Kube {
  const kube = createKube({
    server: recorder.url,
    ca: recorder.authority.cert,
    credentials: { kind: 'certificate', ...recorder.authority.issue({ subject: toolSubject('alpha') }) },
    userAgent: 'agent/1',
    ...changes,
  });
  kubes.push(kube);
  return kube;
}

const get: KubeRequest = { method: 'GET', path: '/here' };
const post: KubeRequest = { method: 'POST', path: '/here', body: { a: 'ü' } };
const writes: KubeRequest[] = [
  post,
  { ...post, method: 'PUT' },
  { ...post, method: 'PATCH' },
  { ...post, method: 'DELETE' },
];

async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof AppError) return error;
  throw new Error(`not an AppError: ${error}`);
}

/** Without `connection`, which belongs to the connection and says nothing of who asks. */
const sent = (index = 0) => ({
  line: recorder.requests[index]?.line,
  headers: recorder.requests[index]?.headers.filter((header) => !header.startsWith('connection:')).sort(),
});

describe('what goes upstream', () => {
  it('gives an answer up that is larger than the caller wants it', async () => {
    recorder.script(reply(200, { text: 'x'.repeat(5_000) }));
    expect(await failure(connect().request({ ...get, maxBytes: 4_096 }))).toMatchObject({ code: 'kube.unreachable' });
    expect(await connect().request({ ...get, maxBytes: 8_192 })).toMatchObject({ text: expect.any(String) });
  });

  it('is host, accept and user agent, and nothing else, for a read', async () => {
    expect(await connect().request(get)).toEqual({ ok: true });
    expect(sent()).toEqual({
      line: 'GET /here HTTP/1.1',
      headers: ['accept: application/json', `host: ${new URL(recorder.url).host}`, 'user-agent: agent/1'],
    });
  });

  it('has the type and the length of a body besides', async () => {
    const kube = connect();
    await kube.request(post);
    await kube.request({ ...post, method: 'PATCH', contentType: 'application/merge-patch+json' });
    const shared = ['accept: application/json', 'content-length: 10'];
    const rest = [`host: ${new URL(recorder.url).host}`, 'user-agent: agent/1'];
    expect(sent(0).headers).toEqual([...shared, 'content-type: application/json', ...rest]);
    expect(sent(1).headers).toEqual([...shared, 'content-type: application/merge-patch+json', ...rest]);
    expect(Buffer.from(recorder.requests[0]?.body ?? '', 'latin1').toString()).toBe('{"a":"ü"}');
  });

  it('names the impersonated once, and shows the token that may do so', async () => {
    const credentials = { kind: 'fixed-token', token: 'secret' } as const;
    const impersonate = { user: 'alpha', groups: ['toolforge'] };
    await connect({ credentials, impersonate }).request(get);
    expect(sent().headers).toEqual([
      'accept: application/json',
      'authorization: Bearer secret',
      `host: ${new URL(recorder.url).host}`,
      'impersonate-group: toolforge',
      'impersonate-user: alpha',
      'user-agent: agent/1',
    ]);
  });

  it('has a query that cannot be broken out of', async () => {
    await connect().request({ ...get, query: { labelSelector: 'a=b&watch=true#x', limit: 5, watch: false } });
    expect(sent().line).toBe('GET /here?labelSelector=a%3Db%26watch%3Dtrue%23x&limit=5&watch=false HTTP/1.1');
  });

  it('works with key material that was overwritten once the connection was made', async () => {
    const pair = recorder.authority.issue({ subject: toolSubject('alpha') });
    const [cert, key] = [Buffer.from(pair.cert), Buffer.from(pair.key)];
    const kube = connect({ credentials: { kind: 'certificate', cert, key } });
    cert.fill(0);
    key.fill(0);
    await kube.request(get);
    expect(recorder.connections).toEqual([{ caller: 'alpha', isResumed: false }]);
  });
});

describe('a token in a file', () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'token-'));
    file = join(directory, 'token');
  });
  afterEach(async () => {
    vi.useRealTimers();
    await rm(directory, { recursive: true });
  });
  const authorization = (index: number) => sent(index).headers?.find((header) => header.startsWith('authorization'));

  it('is read again after a minute, and not at every request', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const kube = connect({ credentials: { kind: 'token', file } });
    await writeFile(file, 'first\n');
    await kube.request(get);
    await writeFile(file, 'second\n');
    await kube.request(get);
    vi.advanceTimersByTime(60_001);
    await kube.request(get);
    expect([0, 1, 2].map(authorization)).toEqual([
      'authorization: Bearer first',
      'authorization: Bearer first',
      'authorization: Bearer second',
    ]);
  });

  it('that is empty or gone for a moment is the one that was read before', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const kube = connect({ credentials: { kind: 'token', file } });
    await writeFile(file, 'first');
    await kube.request(get);
    for (const replace of [() => writeFile(file, ''), () => rm(file), () => writeFile(file, 'second')]) {
      await replace();
      vi.advanceTimersByTime(60_001);
      await kube.request(get);
    }
    expect([1, 2, 3].map(authorization)).toEqual(
      ['first', 'first', 'second'].map((one) => `authorization: Bearer ${one}`),
    );
  });

  it('that the API server does not believe is read again at once', async () => {
    recorder.script(reply(401, {}), reply(200, {}));
    const kube = connect({ credentials: { kind: 'token', file } });
    await writeFile(file, 'first');
    await failure(kube.request(get));
    await writeFile(file, 'second');
    await kube.request(get);
    expect(authorization(1)).toBe('authorization: Bearer second');
  });

  it('that cannot be read means that nothing was sent', async () => {
    const error = await failure(connect({ credentials: { kind: 'token', file } }).request(post));
    expect(error).toMatchObject({ code: 'kube.unreachable', cause: { code: 'ENOENT' } });
    expect(recorder.connections).toEqual([]);
  });
});

describe('a connection', () => {
  it('never takes up the TLS session of another identity, though it takes up its own', async () => {
    recorder.script(reply(200, {}, ['connection: close']));
    const names = ['alpha', 'beta', 'gamma'];
    const identities = names.map((name) => ({
      name,
      kube: connect({
        credentials: { kind: 'certificate', ...recorder.authority.issue({ subject: toolSubject(name) }) },
      }),
    }));
    for (let round = 0; round < 4; round++) {
      for (const { name, kube } of identities) await kube.request({ method: 'GET', path: `/${name}` });
    }
    for (const { line, connection } of recorder.requests) expect(line).toBe(`GET /${connection.caller} HTTP/1.1`);
    expect(recorder.connections).toHaveLength(12);
    expect(recorder.connections.slice(0, 3).map(({ isResumed }) => isResumed)).toEqual([false, false, false]);
    expect(recorder.connections.slice(3).some(({ isResumed }) => isResumed)).toBe(true);
  });

  it('is kept for the next request', async () => {
    const kube = connect({ connections: 1 });
    for (let count = 0; count < 3; count++) await kube.request(get);
    expect(recorder.connections).toHaveLength(1);
  });

  it('is one of so many at most', async () => {
    const kube = connect({ connections: 2 });
    await Promise.all(Array.from({ length: 6 }, () => kube.request(get)));
    expect(recorder.connections).toHaveLength(2);
    expect(recorder.requests).toHaveLength(6);
  });

  it('lets a request under way finish before it closes', async () => {
    recorder.script('silence');
    const kube = connect();
    const aborter = new AbortController();
    const answered = failure(kube.request({ ...get, signal: aborter.signal }));
    await vi.waitFor(() => expect(recorder.requests).toHaveLength(1));
    const closed = kube.close();
    expect(await Promise.race([closed.then(() => 'closed'), Promise.resolve('open')])).toBe('open');
    aborter.abort();
    await closed;
    expect((await answered).code).toBe('kube.unreachable');
  });
});

describe('a request without an answer', () => {
  it('leaves the state unknown when it was a write, and nothing changed when it was a read', async () => {
    recorder.script('cut');
    const kube = connect();
    expect((await failure(kube.request(get))).code).toBe('kube.unreachable');
    for (const request of writes) expect((await failure(kube.request(request))).code).toBe('kube.state_unknown');
  });

  it('is no different when only the head of the answer came, or no JSON', async () => {
    const half = 'HTTP/1.1 201 x\r\ncontent-length: 10\r\nconnection: close\r\n\r\n{"a"';
    for (const bytes of [half, reply(201, 'no JSON')]) {
      recorder.script(bytes);
      const kube = connect();
      const answered = Promise.all([failure(kube.request(post)), failure(kube.request(get))]);
      if (bytes === half) {
        await vi.waitFor(() => expect(recorder.requests.length).toBeGreaterThanOrEqual(2));
        await recorder.stop();
      }
      expect((await answered).map(({ code }) => code)).toEqual(['kube.state_unknown', 'kube.unreachable']);
      recorder = await startRecorder();
    }
  });

  it('ends after the time it was given', async () => {
    recorder.script('silence');
    const error = await failure(connect().request({ ...get, timeoutMs: 1 }));
    expect(error).toMatchObject({ code: 'kube.unreachable', retryAfterSeconds: 2 });
  });

  it('is unreachable, write or not, when the port refuses', async () => {
    const server = await refusingServer();
    const kube = connect({ server });
    for (const request of [get, ...writes]) {
      expect((await failure(kube.request(request))).code).toBe('kube.unreachable');
    }
  });

  it('is unreachable, and never sent, when another authority signed for the server', async () => {
    const error = await failure(connect({ ca: createAuthority().cert }).request(post));
    expect(error.code).toBe('kube.unreachable');
    expect(recorder.requests).toEqual([]);
  });

  it('is unreachable, and never sent, when the handshake breaks off', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const error = await failure(connect({ server: `https://127.0.0.1:${port}` }).request(post));
    server.close();
    expect(error.code).toBe('kube.unreachable');
  });

  it('is unreachable, and never sent, when the connection was closed before', async () => {
    const kube = connect();
    await kube.close();
    expect((await failure(kube.request(post))).code).toBe('kube.unreachable');
    expect(recorder.requests).toEqual([]);
  });

  it('is a write that began but did not end in time, too, by the word of the API server', async () => {
    recorder.script(reply(504, { kind: 'Status', reason: 'Timeout', message: 'request did not complete' }));
    const kube = connect();
    const error = await failure(kube.request(post));
    expect([error.code, kubeStatusOf(error)?.statusCode]).toEqual(['kube.state_unknown', 504]);
    expect((await failure(kube.request(get))).code).toBe('kube.unreachable');
  });
});

async function refusingServer(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `https://127.0.0.1:${port}`;
}

describe('an answer', () => {
  it('without a body is undefined', async () => {
    recorder.script(reply(200, ''));
    expect(await connect().request(get)).toBeUndefined();
  });

  it('with an error whose body is no JSON is an error by its status', async () => {
    recorder.script(reply(503, '<html>'));
    expect(await failure(connect().request(post))).toMatchObject({ code: 'kube.unreachable', retryAfterSeconds: 2 });
  });

  it('is not followed elsewhere', async () => {
    recorder.script(reply(302, '', [`location: ${recorder.url}/there`]));
    expect((await failure(connect().request(get))).code).toBe('kube.refused');
    expect(recorder.requests).toHaveLength(1);
  });

  it('says when to try again', async () => {
    recorder.script(reply(429, {}, ['retry-after: 7']), reply(503, {}, ['retry-after: soon']));
    const kube = connect();
    expect((await failure(kube.request(get))).retryAfterSeconds).toBe(7);
    expect((await failure(kube.request(get))).retryAfterSeconds).toBe(2);
  });
});

describe('a stream', () => {
  const begin = 'HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n';

  it('gives bytes as they come and ends when it is aborted', async () => {
    recorder.script(begin);
    const aborter = new AbortController();
    const bytes = await connect().stream({ ...get, signal: aborter.signal });
    const parts: string[] = [];
    const read = async () => {
      for await (const part of bytes) {
        parts.push(Buffer.from(part).toString());
        aborter.abort();
      }
    };
    await expect(read()).rejects.toThrow();
    expect(parts).toEqual(['first']);
  });

  it('that is refused is an error like any other', async () => {
    recorder.script(reply(410, { reason: 'Expired', message: 'too old' }));
    const error = await failure(connect().stream(get));
    expect(error.code).toBe('kube.gone');
    expect(kubeStatusOf(error)).toMatchObject({ statusCode: 410, reason: 'Expired', message: 'too old' });
  });
});

describe('a status of Kubernetes', () => {
  it.each([
    [400, {}, 'kube.refused'],
    [422, { reason: 'Invalid' }, 'kube.refused'],
    [401, {}, 'credentials.invalid'],
    [403, { reason: 'Forbidden', message: 'jobs is forbidden' }, 'kube.forbidden'],
    [403, { reason: 'Forbidden', message: 'forbidden: exceeded quota: x, requested' }, 'quota.exceeded'],
    [404, {}, 'job.not_found'],
    [409, { reason: 'AlreadyExists' }, 'job.conflict'],
    [409, { reason: 'Conflict' }, 'kube.conflict'],
    [410, {}, 'kube.gone'],
    [415, {}, 'kube.refused'],
    [429, {}, 'kube.unreachable'],
    [500, {}, 'kube.unreachable'],
    [503, {}, 'kube.unreachable'],
  ])('%d %j is %s, its words kept for the log only', (statusCode, answer, code) => {
    const error = fromKubeStatus(statusCode, { message: 'words of the server', ...answer });
    const words = 'message' in answer ? answer.message : 'words of the server';
    expect([error.code, kubeStatusOf(error)?.message]).toEqual([code, words]);
    expect(error.message).not.toContain(words);
  });

  it.each([undefined, null, 'text', 5, [], { message: 5, reason: {} }])('may be %j', (answer) => {
    expect(kubeStatusOf(fromKubeStatus(500, answer))).toMatchObject({ message: '', reason: '' });
  });

  it('is only told of errors that have one', () => {
    expect([undefined, new Error('x'), new AppError('internal', 'x')].map(kubeStatusOf)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('a certificate', () => {
  const authority = createAuthority();
  const [one, other] = [1, 2].map(() => authority.issue({ subject: toolSubject('alpha') }));

  it('has a fingerprint of its own', () => {
    expect(certificateFingerprint(one?.cert ?? '')).toMatch(/^[0-9a-f]{64}$/);
    expect(certificateFingerprint(one?.cert ?? '')).not.toBe(certificateFingerprint(other?.cert ?? ''));
    expect(() => certificateFingerprint('no certificate')).toThrow();
  });
});
