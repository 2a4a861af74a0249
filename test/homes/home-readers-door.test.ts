/** Homes read through a socket, by processes of another program: everything as with processes of our own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Tool } from '../../src/domain.ts';
import { createHomes, type Homes } from '../../src/homes/homes.ts';
import { createLog } from '../../src/log.ts';
import { type BuiltDoor, buildReaders } from '../support/build-door.ts';
import { type Homes as Directories, makeHomes } from '../support/homes.ts';

const [alpha, beta] = [Tool.of('alpha'), Tool.of('beta')];
let built: BuiltDoor;
let directories: Directories;
let directory: string;
let door: ChildProcess;
let homes: Homes;

beforeAll(async () => {
  built = await buildReaders();
  directories = makeHomes();
  return async () => {
    directories.remove();
    await built.remove();
  };
});
beforeEach(async () => {
  directories.clear();
  for (const name of ['alpha', 'beta']) {
    directories.addHome(name);
    directories.addPair(name, `${name}-cert`, `${name}-key`);
  }
  directory = mkdtempSync(join(tmpdir(), 'readers-'));
  await openDoor();
  const log = createLog({ level: 'silent' });
  const reader = { socket: socket() };
  homes = createHomes({
    base: directories.base,
    mount: '/m',
    reader,
    log,
    pauseMs: 100,
    lookFreshMs: 0,
    deadlineMs: 500,
  });
});
afterEach(async () => {
  await homes.stop();
  await closeDoor();
  rmSync(directory, { recursive: true });
});

const socket = () => join(directory, 'private/readers.sock');

async function openDoor(): Promise<void> {
  door = spawn(process.execPath, [built.path, '--socket', socket()], { stdio: ['ignore', 'ignore', 'inherit'] });
  await expect.poll(() => isThere(socket()), { timeout: 10_000 }).toBe(true);
}

async function closeDoor(): Promise<void> {
  if (door.exitCode !== null || door.signalCode !== null) return;
  const gone = once(door, 'exit');
  door.kill('SIGTERM');
  await gone;
}

function isThere(path: string): boolean {
  return readdirSync(dirname(dirname(path))).includes('private') && readdirSync(dirname(path)).length > 0;
}

/** Processes of the reader, as the kernel knows them. */
function readersRunning(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const isReader = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(
          join(dirname(built.path), 'home-reader.js'),
        );
        return isReader && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      } catch {
        return false;
      }
    })
    .map(Number);
}

const pairOf = async (tool: Tool) => {
  const { cert, key } = await homes.credentials(tool);
  return [cert.toString(), key.toString()];
};

describe('homes behind a socket', () => {
  it('are read, many at once', async () => {
    const pairs = await Promise.all([alpha, beta, alpha, beta].map(pairOf));
    expect(pairs[0]).toEqual(['alpha-cert', 'alpha-key']);
    expect(pairs[3]).toEqual(['beta-cert', 'beta-key']);
    expect((await homes.look(alpha)).path).toBe('/m/alpha');
  });

  it('cost a question that hangs its process, and nobody else anything', async () => {
    await pairOf(alpha);
    for (const pid of readersRunning()) process.kill(pid, 'SIGSTOP');
    await expect(pairOf(alpha)).rejects.toMatchObject({ code: 'home.unavailable' });
    expect(await pairOf(beta)).toEqual(['beta-cert', 'beta-key']);
    await expect.poll(() => homes.health().stuck).toBe(0);
    expect(readersRunning().length).toBeGreaterThan(0);
  });

  it('are not available while nobody is there to read them, and are again afterwards', async () => {
    await pairOf(alpha);
    await closeDoor();
    await expect(pairOf(alpha)).rejects.toMatchObject({ code: 'home.unavailable' });
    await openDoor();
    await expect.poll(() => pairOf(alpha).catch(() => []), { timeout: 10_000 }).toEqual(['alpha-cert', 'alpha-key']);
  });

  it('leave no process behind, neither when the daemon has ended nor when the door has', async () => {
    await pairOf(alpha);
    await homes.stop();
    await expect.poll(readersRunning).toEqual([]);
    await closeDoor();
  });

  it('are behind a socket for the group of its directory and nobody else', () => {
    expect(statSync(socket()).mode & 0o777).toBe(0o660);
    expect(statSync(dirname(socket())).mode & 0o777).toBe(0o750);
  });
});

it.each([
  [[], '--socket must be an absolute path.'],
  [['--socket', 'relative'], '--socket must be an absolute path.'],
  [['--colour'], "Unknown option '--colour'"],
])('is refused in words: %j', async (args, words) => {
  const wrong = spawn(process.execPath, [built.path, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  wrong.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  expect((await once(wrong, 'close'))[0]).toBe(78);
  expect(said).toContain(`toolforge-jobs-home-readers: ${words}`);
});
