import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError, type ErrorCode } from '../src/errors.ts';
import { type DrainableKube, fromKubeStatus, type KubeOptions } from '../src/kube.ts';
import { createOwnKube, type OwnKube } from '../src/own-kube.ts';
import { createAuthority, toolSubject } from './support/certs.ts';

const authority = createAuthority();
const now = Date.now();
const options = (token: string): KubeOptions => ({
  server: 'https://127.0.0.1:1',
  ca: authority.cert,
  credentials: { kind: 'fixed-token', token },
  userAgent: 'test',
});

/** Connections that say what became of them: who asked, what is closed or lets its last requests finish. */
let said: string[];
let refused: Map<string, ErrorCode>;
let kube: OwnKube;

function create({ credentials }: KubeOptions): DrainableKube {
  const name = credentials.kind === 'fixed-token' ? credentials.token : credentials.kind;
  return {
    async request({ path }) {
      const code = refused.get(name);
      if (code) throw new AppError(code, 'refused');
      said.push(`${name} ${path}`);
      return name;
    },
    stream: () => Promise.reject(new Error('unused')),
    drain: async () => void said.push(`${name} drains`),
    close: async () => void said.push(`${name} closes`),
  };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  [said, refused] = [[], new Map()];
  kube = createOwnKube({ first: options('first'), now: () => now, create });
});
afterEach(() => void vi.useRealTimers());

const ask = () => kube.request({ method: 'GET', path: '/here' });

describe('a replacement of our own credentials', () => {
  it('is tried out, then used for all that is asked, while the former finishes what it began', async () => {
    const putInForce = await kube.tryOut(options('second'));
    expect(await ask()).toBe('first');
    putInForce();
    expect(await ask()).toBe('second');
    await vi.advanceTimersByTimeAsync(5_000);
    await kube.close();
    expect(said).toEqual(['second /version', 'first /here', 'second /here', 'first drains', 'second closes']);
  });

  it('that the API server does not believe changes nothing', async () => {
    refused.set('second', 'credentials.invalid');
    await expect(kube.tryOut(options('second'))).rejects.toMatchObject({
      code: 'settings.invalid',
      message: 'The API server does not accept the credentials of the daemon.',
    });
    expect(await ask()).toBe('first');
    expect(said).toEqual(['second closes', 'first /here']);
  });

  it('that the API server believes, and does not allow to ask for its version, is good', async () => {
    refused.set('second', 'kube.forbidden');
    const putInForce = await kube.tryOut(options('second'));
    refused.clear();
    putInForce();
    expect(await ask()).toBe('second');
  });

  it('whose key is another one, or whose CA has ended, is told so, and leaves nothing open', async () => {
    const { cert } = authority.issue({ subject: toolSubject('jobs-api') });
    const { key } = authority.issue({ subject: toolSubject('jobs-api') });
    const real = createOwnKube({ first: options('first'), now: () => now });
    const mixed = { ...options(''), credentials: { kind: 'certificate', cert, key } } as const;
    await expect(real.tryOut(mixed)).rejects.toMatchObject({
      code: 'settings.invalid',
      message: expect.stringMatching(/belong together/),
    });
    expect(() => createOwnKube({ first: mixed, now: () => now })).toThrow('belong together');
    const ended = createAuthority('ended', { notBefore: new Date(now - 10_000), notAfter: new Date(now - 5_000) });
    for (const [ca, problem] of [
      [ended.cert, /valid now/],
      [`${authority.cert}${authority.cert.slice(0, 200)}`, /cut off/],
    ] as const)
      await expect(kube.tryOut({ ...options('second'), ca })).rejects.toThrow(problem);
    expect(said).toEqual([]);
    await real.close();
  });

  it('that has ended is not even tried', async () => {
    const { cert, key } = authority.issue({ subject: toolSubject('jobs-api'), notAfter: new Date(now - 1_000) });
    const ended = { ...options(''), credentials: { kind: 'certificate', cert, key } } as const;
    await expect(kube.tryOut(ended)).rejects.toMatchObject({ code: 'settings.invalid' });
    expect(said).toEqual([]);
  });

  it('leaves nothing open at the end, what still finishes included', async () => {
    (await kube.tryOut(options('second')))();
    await kube.close();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(said.filter((each) => each.endsWith('closes'))).toEqual(['second closes', 'first closes']);
  });
});

describe('how a request of ours went', () => {
  it('is an answer also where it is refused, and none where nobody answers or the API server cannot', async () => {
    const outcomes: boolean[] = [];
    const answers: unknown[] = [];
    const create = (): DrainableKube => ({
      request: async () => {
        const answer = answers.shift();
        if (answer instanceof Error) throw answer;
        return answer;
      },
      stream: () => Promise.reject(new AppError('kube.unreachable', 'No.')),
      drain: async () => {},
      close: async () => {},
    });
    const own = createOwnKube({
      first: options('first'),
      now: () => now,
      create,
      onOutcome: (isAnswered) => void outcomes.push(isAnswered),
    });
    const ask = (signal?: AbortSignal) =>
      own.request({ method: 'GET', path: '/', ...(signal ? { signal } : {}) }).catch(() => {});
    answers.push({}, fromKubeStatus(404, {}), fromKubeStatus(429, {}), fromKubeStatus(503, {}));
    for (let count = 0; count < 4; count++) await ask();
    await own.stream({ method: 'GET', path: '/' }).catch(() => {});
    expect(outcomes).toEqual([true, true, true, false, false]);
    answers.push(new AppError('kube.unreachable', 'We gave it up.'));
    await ask(AbortSignal.abort());
    expect(outcomes).toHaveLength(5);
    await own.close();
  });
});
