import { X509Certificate } from 'node:crypto';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { createHomes, type ToolPair } from '../../src/homes/homes.ts';
import type { Kube, KubeOptions } from '../../src/kube.ts';
import { createLog } from '../../src/log.ts';
import {
  type Credentials,
  type CredentialsOptions,
  createCredentials,
  createImpersonation,
} from '../../src/server/credentials.ts';
import { buildReader } from '../support/build-door.ts';
import { createAuthority, toolSubject } from '../support/certs.ts';
import { makeHomes } from '../support/homes.ts';

const authority = createAuthority();
const alpha = Tool.of('alpha');
const beta = Tool.of('beta');
const issue = (name = 'alpha') => {
  const { cert, key } = authority.issue({ subject: toolSubject(name) });
  return { cert, key };
};

/** What a connection was made with; the buffers are copied, since they are overwritten at once. */
interface Made {
  readonly kube: Kube;
  readonly cert: string;
  readonly key: string;
  readonly options: KubeOptions;
  closed: boolean;
}

let made: Made[];
let home: ScriptedHome;
let lines: string[];
let time: number;
let credentials: Credentials;

interface ScriptedHome {
  pair: { cert: string; key: string } | AppError;
  /** What look says instead of the stamp. */
  lookError: AppError | undefined;
  stamp: number;
  looks: number;
  reads: number;
  given: ToolPair[];
}

function createKube(options: KubeOptions): Kube {
  const pair = options.credentials.kind === 'certificate' ? options.credentials : { cert: '', key: '' };
  const one: Made = {
    kube: {
      request: async () => undefined,
      stream: () => Promise.reject(new Error('unused')),
      close: async () => {
        one.closed = true;
      },
    },
    cert: String(pair.cert),
    key: String(pair.key),
    options,
    closed: false,
  };
  made.push(one);
  return one.kube;
}

const api = (ca: string, server = 'https://127.0.0.1:1') => ({
  server,
  ca,
  credentials: { kind: 'token', file: '/token' } as const,
});

function make(options: Partial<CredentialsOptions> = {}): Credentials {
  return createCredentials({
    homes: {
      async credentials() {
        home.reads += 1;
        if (home.pair instanceof AppError) throw home.pair;
        const pair = { cert: Buffer.from(home.pair.cert), key: Buffer.from(home.pair.key), stamp: String(home.stamp) };
        home.given.push(pair);
        return pair;
      },
      async look() {
        home.looks += 1;
        if (home.lookError) throw home.lookError;
        return { path: '/', uid: 1, gid: 1, stamp: String(home.stamp) };
      },
    },
    api: api(authority.cert),
    userAgent: 'test',
    createKube,
    log: createLog({ level: 'debug', stream: { write: (line) => void lines.push(line) } }),
    now: () => time,
    retireMs: 0,
    ...options,
  });
}

beforeEach(() => {
  made = [];
  lines = [];
  time = Date.now();
  home = { pair: issue(), lookError: undefined, stamp: 1, looks: 0, reads: 0, given: [] };
  credentials = make();
});
afterEach(() => credentials.close());

function rotate(pair: ScriptedHome['pair']): void {
  home.pair = pair;
  home.stamp += 1;
}

const failure = (kube: Promise<Kube>) =>
  kube.then(
    () => 'given',
    (error: AppError) => error.code,
  );

describe('a connection of a tool', () => {
  it('is made once, with the certificate of its home and four sockets, to the server of our settings', async () => {
    const kubes = await Promise.all(Array.from({ length: 20 }, () => credentials.kubeFor(alpha)));
    expect(new Set(kubes).size).toBe(1);
    expect(home.reads).toBe(1);
    expect(made).toHaveLength(1);
    expect(made[0]).toMatchObject(home.pair);
    expect(made[0]?.options).toMatchObject({ server: 'https://127.0.0.1:1', ca: authority.cert, connections: 4 });
    expect(made[0]?.options.impersonate).toBeUndefined();
  });

  it('is not made with the certificate of another tool, whatever is in the home', async () => {
    expect(await failure(credentials.kubeFor(beta))).toBe('credentials.invalid');
    expect(made).toEqual([]);
  });

  it('is not made when the key is another', async () => {
    home.pair = { cert: issue().cert, key: issue().key };
    expect(await failure(credentials.kubeFor(alpha))).toBe('credentials.invalid');
    expect(made).toEqual([]);
    expect(home.reads).toBe(3);
  });

  it('is not made when another authority signed the certificate', async () => {
    credentials = make({ api: api(createAuthority().cert) });
    expect(await failure(credentials.kubeFor(alpha))).toBe('credentials.invalid');
  });

  it('goes where the API server is now, and believes the authority that it has now', async () => {
    const before = await credentials.kubeFor(alpha);
    credentials.replace(api(authority.cert, 'https://moved'));
    expect(await credentials.kubeFor(alpha)).not.toBe(before);
    expect(made.at(-1)?.options.server).toBe('https://moved');
    credentials.replace(api(createAuthority().cert));
    expect(await failure(credentials.kubeFor(alpha))).toBe('credentials.invalid');
    await expect.poll(() => made.map(({ closed }) => closed)).toEqual([true, true]);
  });

  it('is known by the day on which the first of them ends', async () => {
    expect(credentials.firstEnd()).toBeUndefined();
    await credentials.kubeFor(alpha);
    expect(credentials.firstEnd()).toBe(Date.parse(new X509Certificate(made[0]?.cert ?? '').validTo));
  });

  it('leaves nothing of the key behind: neither in the buffers nor in the log', async () => {
    await credentials.kubeFor(alpha);
    rotate({ cert: issue().cert, key: issue().key });
    time += 2_000;
    await credentials.kubeFor(alpha);
    expect(home.given.length).toBe(2);
    for (const { cert, key } of home.given) expect([...cert, ...key].every((byte) => byte === 0)).toBe(true);
    const pem = made[0]?.key.split('\n')[1] ?? 'no key';
    expect(lines.join('')).toContain('alpha');
    expect(lines.join('')).not.toContain(pem);
  });

  it('is one of its own for each of many tools', async () => {
    const names = ['a', 'b', 'c'];
    const kubes = [];
    for (const name of names) {
      home.pair = issue(name);
      kubes.push(await credentials.kubeFor(Tool.of(name)));
    }
    expect(new Set(kubes).size).toBe(3);
  });
});

describe('a certificate that changes', () => {
  it('is looked for every two seconds, not at every request', async () => {
    for (let n = 0; n < 10; n++) await credentials.kubeFor(alpha);
    expect(home).toMatchObject({ looks: 0, reads: 1 });
    time += 2_000;
    for (let n = 0; n < 10; n++) await credentials.kubeFor(alpha);
    expect(home).toMatchObject({ looks: 1, reads: 1 });
  });

  it('is in use at the next look, and the old connection is closed after it', async () => {
    const old = await credentials.kubeFor(alpha);
    rotate(issue());
    expect(await credentials.kubeFor(alpha)).toBe(old);
    time += 2_000;
    expect(await credentials.kubeFor(alpha)).not.toBe(old);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(made.map(({ closed }) => closed)).toEqual([true, false]);
  });

  it('keeps its connection when only the file was touched', async () => {
    const old = await credentials.kubeFor(alpha);
    home.stamp += 1;
    time += 2_000;
    expect(await credentials.kubeFor(alpha)).toBe(old);
    expect(home.reads).toBe(2);
    time += 2_000;
    await credentials.kubeFor(alpha);
    expect(home.reads).toBe(2);
  });

  it('is read at once after a 401', async () => {
    await credentials.kubeFor(alpha);
    rotate(issue());
    credentials.refresh(alpha);
    await credentials.kubeFor(alpha);
    expect(made).toHaveLength(2);
    expect(made[1]).toMatchObject(home.pair);
  });

  it('is not waited for while it is half there: the old connection goes on, and it is tried again', async () => {
    const old = await credentials.kubeFor(alpha);
    const next = issue();
    for (const half of [
      { cert: next.cert, key: made[0]?.key ?? '' },
      { cert: next.cert.slice(0, 100), key: next.key },
      new AppError('credentials.invalid', 'missing'),
      new AppError('home.refused', 'mode'),
    ]) {
      rotate(half);
      time += 2_000;
      expect(await credentials.kubeFor(alpha)).toBe(old);
    }
    rotate(next);
    time += 2_000;
    expect(await credentials.kubeFor(alpha)).not.toBe(old);
    expect(made[1]).toMatchObject(next);
  });

  it('ends the old connection when it stays half there for 30 seconds', async () => {
    await credentials.kubeFor(alpha);
    rotate(new AppError('home.refused', 'no home'));
    const outcomes = [];
    for (let n = 0; n < 16; n++) {
      time += 2_000;
      outcomes.push(await failure(credentials.kubeFor(alpha)));
    }
    expect(outcomes).toEqual([...Array(15).fill('given'), 'home.refused']);
  });

  it('does not end the connection while the home only does not answer', async () => {
    const old = await credentials.kubeFor(alpha);
    home.lookError = new AppError('home.unavailable', 'hung');
    for (let n = 0; n < 100; n++) {
      time += 2_000;
      expect(await credentials.kubeFor(alpha)).toBe(old);
    }
    expect(lines.filter((line) => line.includes('cannot be renewed'))).toHaveLength(1);
  });

  it('is not used beyond its end, whatever the home says', async () => {
    await credentials.kubeFor(alpha);
    time += 2 * 86_400_000;
    home.lookError = new AppError('home.unavailable', 'hung');
    home.pair = home.lookError;
    expect(await failure(credentials.kubeFor(alpha))).toBe('home.unavailable');
  });

  it('waits for nobody: a home that does not answer concerns its tool only', async () => {
    const hung = new Promise<never>(() => {});
    credentials = make({
      homes: {
        credentials: async (tool) =>
          tool.name === 'beta' ? hung : { cert: Buffer.from(issue().cert), key: Buffer.from(''), stamp: '' },
        look: () => hung,
      },
    });
    void credentials.kubeFor(beta);
    expect(await failure(credentials.kubeFor(alpha))).toBe('credentials.invalid');
  });
});

describe('a pair replaced on disk again and again', () => {
  it('never fails a request and ends with the last one', { timeout: 30_000 }, async () => {
    const reader = await buildReader();
    const directories = makeHomes();
    directories.addHome('alpha');
    const log = createLog({ level: 'silent' });
    const homes = createHomes({
      base: directories.base,
      mount: '/m',
      reader: { program: reader.path },
      log,
      lookFreshMs: 0,
    });
    const pairs = Array.from({ length: 20 }, () => issue());
    const put = (name: string, text: string) => {
      directories.addFile('alpha', `${name}.new`, text);
      renameSync(
        join(directories.base, 'alpha/.toolskube', `${name}.new`),
        join(directories.base, 'alpha/.toolskube', name),
      );
    };
    directories.addPair('alpha', pairs[0]?.cert ?? '', pairs[0]?.key ?? '');
    credentials = make({ homes, recheckMs: 0, retireMs: 10_000 });
    for (let n = 0; n < 200; n++) {
      const pair = pairs[n % pairs.length];
      put('client.key', pair?.key ?? '');
      const between = credentials.kubeFor(alpha);
      if (n % 2 === 0) await between;
      put('client.crt', pair?.cert ?? '');
      await Promise.all([between, credentials.kubeFor(alpha)]);
    }
    const last = pairs[199 % pairs.length];
    await credentials.kubeFor(alpha);
    expect(made.at(-1)).toMatchObject({ cert: last?.cert, key: last?.key });
    for (const { cert, key } of made) expect(pairs.some((pair) => pair.cert === cert && pair.key === key)).toBe(true);
    await homes.stop();
    directories.remove();
    await reader.remove();
  });
});

describe('impersonation', () => {
  it('fixes the tool and the group toolforge in the connection, with our own credentials', async () => {
    const own = api('CA');
    const acting = createImpersonation({ api: own, userAgent: 'test', createKube, retireMs: 0 });
    expect(await acting.kubeFor(alpha)).toBe(await acting.kubeFor(alpha));
    await acting.kubeFor(beta);
    expect(made.map(({ options }) => options.impersonate)).toEqual([
      { user: 'alpha', groups: ['toolforge'] },
      { user: 'beta', groups: ['toolforge'] },
    ]);
    expect(made.every(({ options }) => options.credentials === own.credentials)).toBe(true);
    const moved = api('CA', 'https://moved');
    acting.replace(moved);
    await acting.kubeFor(alpha);
    expect(made.at(-1)?.options).toMatchObject({ ...moved, impersonate: { user: 'alpha' } });
    await acting.close();
    expect(made.every(({ closed }) => closed)).toBe(true);
  });
});
