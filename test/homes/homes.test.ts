import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { createHomes, type Homes } from '../../src/homes/homes.ts';
import { createLog } from '../../src/log.ts';
import { type BuiltDoor, buildReader } from '../support/build-door.ts';
import { childrenRunning, type Homes as Directories, homeUid, isRoot, makeHomes } from '../support/homes.ts';
import { type HungMount, mountHung } from '../support/hung-mount.ts';

const log = createLog({ level: 'silent' });
const canary = 'VICTIM-CANARY';
const alpha = Tool.of('alpha');
const beta = Tool.of('beta');

let reader: BuiltDoor;
let directories: Directories;
let homes: Homes;

beforeAll(async () => {
  reader = await buildReader();
  directories = makeHomes();
  homes = makeReader();
});
afterAll(async () => {
  await homes.stop();
  directories.remove();
  await reader.remove();
});

beforeEach(() => {
  directories.clear();
  directories.addHome('alpha');
  directories.addPair('alpha', 'alpha-cert', 'alpha-key');
  directories.addHome('victim', isRoot ? 50_666 : homeUid);
  directories.addPair('victim', `cert ${canary}`, `key ${canary}`);
  if (isRoot)
    for (const name of ['client.crt', 'client.key'])
      chownSync(join(directories.base, 'victim/.toolskube', name), 50_666, 50_666);
});

function makeReader(options: Partial<Parameters<typeof createHomes>[0]> = {}): Homes {
  return createHomes({
    base: directories.base,
    mount: '/data/project',
    reader: { program: reader.path },
    log,
    deadlineMs: 1_000,
    pauseMs: 200,
    lookFreshMs: 0,
    ...options,
  });
}

/** How asking failed: the code and the rule of the AppError. */
async function failure(asked: Promise<unknown>): Promise<{ code: string; rule: unknown; ms: number }> {
  const start = performance.now();
  const outcome = await asked.then(
    (value) => new Error(`answered ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (!(outcome instanceof AppError)) throw outcome;
  return { code: outcome.code, rule: outcome.fields?.rule, ms: performance.now() - start };
}

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const inAlpha = (name: string) => join(directories.base, 'alpha/.toolskube', name);

describe('a home as it should be', () => {
  it('gives the two files, and a stamp that only a change changes', async () => {
    const first = await homes.credentials(alpha);
    expect(first.cert.toString()).toBe('alpha-cert');
    expect(first.key.toString()).toBe('alpha-key');
    expect((await homes.look(alpha)).stamp).toBe(first.stamp);
    directories.addFile('alpha', 'client.key.new', 'alpha-kez');
    renameSync(inAlpha('client.key.new'), inAlpha('client.key'));
    expect((await homes.look(alpha)).stamp).not.toBe(first.stamp);
  });

  it('tells path, owner and group, also while there is no certificate yet', async () => {
    directories.addHome('fresh');
    rmdirSync(join(directories.base, 'fresh/.toolskube'));
    const look = await homes.look(Tool.of('fresh'));
    expect(look).toMatchObject({ path: '/data/project/fresh', uid: homeUid, stamp: 'missing' });
  });

  it('answers many tools at once', async () => {
    const tools = Array.from({ length: 40 }, (_, index) => Tool.of(`tool${index}`));
    for (const { name } of tools) {
      directories.addHome(name);
      directories.addPair(name, `cert of ${name}`, `key of ${name}`);
    }
    const pairs = await Promise.all(tools.map((tool) => homes.credentials(tool)));
    expect(pairs.map(({ key }) => key.toString())).toEqual(tools.map(({ name }) => `key of ${name}`));
    expect(homes.health().running).toBeLessThanOrEqual(4);
  });
});

describe('links', () => {
  const layouts: [name: string, at: string, target: (base: string) => string][] = [
    ['the home, relative', 'alpha', () => 'victim'],
    ['the home, absolute', 'alpha', (base) => `${base}/victim`],
    ['the home, to itself', 'alpha', () => 'alpha'],
    ['the home, to nothing', 'alpha', () => 'nothing'],
    ['.toolskube, relative', 'alpha/.toolskube', () => '../victim/.toolskube'],
    ['.toolskube, absolute', 'alpha/.toolskube', (base) => `${base}/victim/.toolskube`],
    ['.toolskube, to itself', 'alpha/.toolskube', () => '.toolskube'],
    ['.toolskube, to nothing', 'alpha/.toolskube', () => 'nothing'],
    ['client.key, relative', 'alpha/.toolskube/client.key', () => '../../victim/.toolskube/client.key'],
    ['client.key, absolute', 'alpha/.toolskube/client.key', (base) => `${base}/victim/.toolskube/client.key`],
    ['client.key, to itself', 'alpha/.toolskube/client.key', () => 'client.key'],
    ['client.key, to nothing', 'alpha/.toolskube/client.key', () => 'nothing'],
    ['client.crt, to a directory', 'alpha/.toolskube/client.crt', (base) => base],
  ];

  it.each(layouts)('are not followed: %s', async (_, at, target) => {
    const path = join(directories.base, at);
    renameSync(path, `${path}-away`);
    symlinkSync(target(directories.base), path);
    expect((await failure(homes.credentials(alpha))).code).toBe('home.refused');
  });

  it('are not followed at the base', async () => {
    const link = `${directories.base}-link`;
    symlinkSync(directories.base, link);
    const linked = makeReader({ base: link });
    expect(await failure(linked.credentials(alpha))).toMatchObject({ code: 'home.unavailable', rule: 'bad_base' });
    await linked.stop();
    unlinkSync(link);
  });
});

describe('files that are not what they should be', () => {
  const kinds: [rule: string, name: string, make: (key: string) => void][] = [
    [
      'hard_link',
      'a hard link to a file of the same owner',
      (key) => {
        writeFileSync(inAlpha('other'), 'k', { mode: 0o400 });
        linkSync(inAlpha('other'), key);
      },
    ],
    [
      'hard_link',
      "a hard link to the victim's key",
      (key) => linkSync(join(directories.base, 'victim/.toolskube/client.key'), key),
    ],
    ['not_file', 'a FIFO', (key) => spawnSync('mkfifo', ['-m', '0400', key])],
    ['not_file', 'a directory', (key) => mkdirSync(key)],
    [
      'too_large',
      'a file of 10 GiB with nothing in it',
      (key) => {
        writeFileSync(key, '', { mode: 0o400 });
        truncateSync(key, 10 * 2 ** 30);
      },
    ],
    ['too_large', 'one byte too many', (key) => writeFileSync(key, Buffer.alloc(64 * 1024 + 1), { mode: 0o400 })],
    ['empty', 'nothing', (key) => writeFileSync(key, '', { mode: 0o400 })],
    ['mode', 'readable by the group', (key) => writeAs(key, 0o440)],
    ['mode', 'readable by others', (key) => writeAs(key, 0o404)],
    ['mode', 'writable by the group', (key) => writeAs(key, 0o620)],
  ];

  it.each(kinds)('are refused as %s: %s', async (rule, _, make) => {
    unlinkSync(inAlpha('client.key'));
    make(inAlpha('client.key'));
    if (isRoot && rule !== 'hard_link') chownSync(inAlpha('client.key'), homeUid, homeUid);
    const { code, ...rest } = await failure(homes.credentials(alpha));
    expect(rest.rule).toBe(rule);
    expect(code).toBe(rule === 'empty' ? 'credentials.invalid' : 'home.refused');
  });

  it.runIf(isRoot)('are refused as a device, endless ones too, and as those of another owner', async () => {
    for (const [minor, rule] of [
      ['5', 'not_file'],
      ['3', 'not_file'],
    ]) {
      unlinkSync(inAlpha('client.key'));
      spawnSync('mknod', ['-m', '0400', inAlpha('client.key'), 'c', '1', String(minor)]);
      chownSync(inAlpha('client.key'), homeUid, homeUid);
      expect((await failure(homes.credentials(alpha))).rule).toBe(rule);
    }
    unlinkSync(inAlpha('client.key'));
    writeFileSync(inAlpha('client.key'), 'k', { mode: 0o400 });
    expect((await failure(homes.credentials(alpha))).rule).toBe('owner');
  });

  it('are refused as a socket', async () => {
    unlinkSync(inAlpha('client.key'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(inAlpha('client.key'), resolve));
    expect((await failure(homes.credentials(alpha))).rule).toBe('not_file');
    server.close();
  });

  it('never give more than the limit while they grow', async () => {
    unlinkSync(inAlpha('client.key'));
    writeAs(inAlpha('client.key'), 0o600);
    if (isRoot) chownSync(inAlpha('client.key'), homeUid, homeUid);
    const writer = spawn('sh', ['-c', 'while :; do printf %01000d 0 >> "$0"; done', inAlpha('client.key')], {
      stdio: 'ignore',
    });
    const outcomes = new Set<unknown>();
    while (!outcomes.has('too_large')) {
      const outcome = await homes.credentials(alpha).catch((error: AppError) => error);
      outcomes.add(outcome instanceof AppError ? outcome.fields?.rule : outcome.key.length <= 64 * 1024);
    }
    writer.kill('SIGKILL');
    outcomes.delete('changing');
    outcomes.delete(true);
    expect([...outcomes]).toEqual(['too_large']);
  });

  it('have a certificate of at most 36,500 bytes', async () => {
    directories.addFile('alpha', 'client.crt.new', Buffer.alloc(36_500, 'x'));
    renameSync(inAlpha('client.crt.new'), inAlpha('client.crt'));
    expect((await homes.credentials(alpha)).cert.length).toBe(36_500);
    directories.addFile('alpha', 'client.crt.new', Buffer.alloc(36_501, 'x'));
    renameSync(inAlpha('client.crt.new'), inAlpha('client.crt'));
    expect((await failure(homes.credentials(alpha))).rule).toBe('too_large');
  });

  function writeAs(path: string, mode: number): void {
    writeFileSync(path, 'k');
    chmodSync(path, mode);
  }
});

describe('directories that are not what they should be', () => {
  it('are refused: no home', async () => {
    expect(await failure(homes.look(beta))).toMatchObject({ code: 'home.refused', rule: 'no_home' });
  });

  it.runIf(isRoot)("are refused: root's own directory is nobody's home", async () => {
    directories.addHome('beta', 0);
    expect(await failure(homes.look(beta))).toMatchObject({ code: 'home.refused', rule: 'owner' });
  });

  it.each([0o775, 0o757, 0o1777])('are refused: a base of mode %o', async (mode) => {
    chmodSync(directories.base, mode);
    expect(await failure(homes.credentials(alpha))).toMatchObject({ code: 'home.unavailable', rule: 'bad_base' });
  });

  it.runIf(isRoot)('are refused: a base of somebody else', async () => {
    chownSync(directories.base, homeUid, homeUid);
    expect((await failure(homes.credentials(alpha))).rule).toBe('bad_base');
  });

  it.runIf(isRoot)('are refused: another file system inside the home', async () => {
    spawnSync('mount', ['-t', 'tmpfs', 'none', join(directories.base, 'alpha/.toolskube')]);
    try {
      expect((await failure(homes.credentials(alpha))).rule).toBe('device');
    } finally {
      spawnSync('umount', [join(directories.base, 'alpha/.toolskube')]);
    }
  });
});

describe('files swapped all the time', () => {
  it('never give a byte of another tool, and every failure is a clean one', { timeout: 60_000 }, async () => {
    const swapper = spawn(
      process.execPath,
      [
        '-e',
        `const fs = require('fs'); const [dir, victim, uid] = process.argv.slice(1);
         const put = (make) => { try { fs.unlinkSync(dir + '/next') } catch {} make(dir + '/next'); fs.renameSync(dir + '/next', dir + '/client.key') };
         const own = (path) => { fs.writeFileSync(path, 'alpha-key', { mode: 0o400 }); try { fs.chownSync(path, +uid, +uid) } catch {} };
         process.stdout.write('go');
         for (let n = 0; ; n++) [() => put(own), () => put((p) => fs.symlinkSync(victim, p)), () => put(own), () => put((p) => fs.linkSync(victim, p)),
           () => put(own), () => { fs.renameSync(dir, dir + '-x'); fs.symlinkSync(require('path').dirname(victim), dir); fs.unlinkSync(dir); fs.renameSync(dir + '-x', dir) }][n % 6]();`,
        join(directories.base, 'alpha/.toolskube'),
        join(directories.base, 'victim/.toolskube/client.key'),
        String(homeUid),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await new Promise((resolve) => swapper.stdout.once('data', resolve));
    const outcomes = new Map<string, number>();
    for (let n = 0; n < 2_000; n++) {
      const outcome = await homes.credentials(alpha).then(
        ({ cert, key }) => `${cert} ${key}`,
        (error: AppError) => error.code,
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    swapper.kill('SIGKILL');
    const allowed = ['alpha-cert alpha-key', 'home.refused', 'home.unavailable', 'credentials.invalid'];
    expect([...outcomes.keys()].filter((outcome) => !allowed.includes(outcome))).toEqual([]);
    expect(outcomes.get('alpha-cert alpha-key')).toBeGreaterThan(10);
    expect(outcomes.size).toBeGreaterThan(1);
  });
});

describe('a reader that ends or stops', () => {
  /** Homes with one process of their own. */
  async function withPid(options: Parameters<typeof makeReader>[0] = {}): Promise<{ own: Homes; pid: number }> {
    const others = childrenRunning(reader.path);
    const own = makeReader(options);
    await own.look(alpha);
    const [pid = 0] = childrenRunning(reader.path).filter((one) => !others.includes(one));
    return { own, pid };
  }

  it('is replaced when it was killed', async () => {
    const { own, pid } = await withPid();
    process.kill(pid, 'SIGKILL');
    expect((await own.credentials(alpha)).key.toString()).toBe('alpha-key');
    await own.stop();
  });

  it('is replaced when it was killed in the middle of a question, which is asked again', async () => {
    const { own, pid } = await withPid();
    process.kill(pid, 'SIGSTOP');
    const asked = own.credentials(alpha);
    await new Promise((resolve) => setImmediate(resolve));
    process.kill(pid, 'SIGKILL');
    expect((await asked).key.toString()).toBe('alpha-key');
    await own.stop();
  });

  it('costs its tool one deadline, then nothing, and the others nothing at all', async () => {
    directories.addHome('beta');
    directories.addPair('beta', 'beta-cert', 'beta-key');
    const { own, pid } = await withPid({ deadlineMs: 400, pauseMs: 300 });
    process.kill(pid, 'SIGSTOP');
    const hung = failure(own.credentials(alpha));
    expect((await own.credentials(beta)).key.toString()).toBe('beta-key');
    expect(await hung).toMatchObject({ code: 'home.unavailable' });
    expect((await failure(own.credentials(alpha))).ms).toBeLessThan(100);
    await until(() =>
      own.credentials(alpha).then(
        () => true,
        () => false,
      ),
    );
    expect(own.health().stuck).toBe(0);
    await own.stop();
  });

  it('is told apart from one that does not start', async () => {
    const broken = makeReader({ reader: { program: '/nonexistent.mjs' } });
    expect((await failure(broken.look(alpha))).code).toBe('home.unavailable');
    await broken.stop();
  });

  it('is not asked again for a look that is still young', async () => {
    const own = makeReader({ lookFreshMs: 60_000 });
    const first = await own.look(alpha);
    chmodSync(join(directories.base, 'alpha/.toolskube/client.crt'), 0o600);
    expect(await own.look(alpha)).toBe(first);
    await own.stop();
    const fresh = makeReader();
    expect((await fresh.look(alpha)).stamp).not.toBe(first.stamp);
    await fresh.stop();
  });

  it('is gone after stop, and nothing is answered any more', async () => {
    const { own, pid } = await withPid();
    await own.stop();
    expect(childrenRunning(reader.path)).not.toContain(pid);
    expect((await failure(own.look(alpha))).code).toBe('home.unavailable');
  });
});

const canHang = isRoot && canMountHung();
describe.runIf(canHang)('a file system that does not answer', () => {
  const mounts: HungMount[] = [];
  const hang = (tool: string) => {
    const mount = mountHung(directories.addHome(tool));
    if (mount) mounts.push(mount);
  };
  const release = () => {
    for (const mount of mounts.splice(0)) mount.release();
  };
  afterEach(release);

  it('holds one reader, which even SIGKILL does not end, and no other tool', async () => {
    hang('beta');
    const quick = makeReader({ deadlineMs: 300, pauseMs: 1 });
    await quick.look(alpha);
    const hung = failure(quick.look(beta));
    const times: number[] = [];
    for (let n = 0; n < 50; n++) {
      const start = performance.now();
      await quick.credentials(alpha);
      times.push(performance.now() - start);
    }
    expect((await hung).code).toBe('home.unavailable');
    expect(quick.health().stuck).toBe(1);
    expect(Math.max(...times)).toBeLessThan(300);
    for (let n = 0; n < 20; n++) expect((await failure(quick.look(beta))).ms).toBeLessThan(50);
    expect(quick.health().stuck).toBe(1);
    release();
    await until(() => quick.health().stuck === 0);
    await quick.stop();
  });

  it('leaves a reader to the tools on others, however many tools it has', async () => {
    hang('hung0');
    const tools = Array.from({ length: 8 }, (_, index) => Tool.of(`hung${index}`));
    for (const { name } of tools.slice(1)) {
      const home = directories.addHome(name);
      spawnSync('mount', ['--bind', join(directories.base, 'hung0'), home]);
      mounts.push({ release: () => spawnSync('umount', ['-l', home]) });
    }
    const quick = makeReader({ deadlineMs: 300 });
    await quick.look(alpha);
    const hung = tools.map((tool) => failure(quick.look(tool)));
    const start = performance.now();
    await quick.credentials(alpha);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect((await Promise.all(hung)).map(({ code }) => code)).toEqual(tools.map(() => 'home.unavailable'));
    expect(quick.health().stuck).toBe(3);
    expect((await failure(quick.look(Tool.of('hung7')))).ms).toBeLessThan(50);
    await quick.credentials(alpha);
    release();
    await until(() => quick.health().stuck === 0);
    await quick.stop();
  });

  it('stops everybody at once when all readers hang, and nobody once it answers', async () => {
    const tools = ['hung0', 'hung1', 'hung2', 'hung3'];
    for (const name of tools) hang(name);
    const quick = makeReader({ deadlineMs: 300 });
    await Promise.all(tools.map((name) => failure(quick.look(Tool.of(name)))));
    await until(() => quick.health().stuck === 4);
    expect(await failure(quick.credentials(alpha))).toMatchObject({ code: 'home.unavailable' });
    expect((await failure(quick.credentials(alpha))).ms).toBeLessThan(50);
    expect(quick.health().running).toBeLessThanOrEqual(4);
    release();
    const start = performance.now();
    await until(() =>
      quick.credentials(alpha).then(
        () => true,
        () => false,
      ),
    );
    expect(performance.now() - start).toBeLessThan(10_000);
    await quick.stop();
  });
});

function canMountHung(): boolean {
  const probe = makeHomes();
  const mount = mountHung(probe.base);
  mount?.release();
  probe.remove();
  return mount !== undefined;
}
