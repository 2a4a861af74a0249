import fs, {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeHome, removeHome, writeHomeFiles } from '../../../bin/admin/tool-home.ts';
import { Tool } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { type Homes, homeUid, isRoot, makeHomes } from '../../support/homes.ts';

const alpha = Tool.of('alpha');
const files = { pair: { cert: 'CERT', key: 'KEY' }, kubeconfig: 'CONFIG' };
let homes: Homes;
const inHome = (...names: string[]) => join(homes.base, 'alpha', ...names);

beforeEach(() => {
  homes = makeHomes();
});
afterEach(() => homes.remove());

function refusal(use: () => unknown): unknown {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.code;
  }
}

describe('files for a home', () => {
  it('are refused in the words of the disk where that fails', () => {
    homes.addHome('alpha');
    const { fsyncSync } = fs;
    const fail = () => {
      throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' });
    };
    Object.assign(fs, { fsyncSync: fail });
    syncBuiltinESMExports();
    try {
      expect(() => writeHomeFiles(homes.base, alpha, files)).toThrow(
        new AppError('home.refused', "The home of 'alpha' cannot be written: EIO: i/o error, fsync"),
      );
    } finally {
      Object.assign(fs, { fsyncSync });
      syncBuiltinESMExports();
    }
  });
});

describe('a home made for a tool', () => {
  it.runIf(isRoot)('belongs to a uid that follows from the name, and to the group of that number', () => {
    const { owner, made } = makeHome(homes.base, alpha, undefined);
    expect(made).toBe(true);
    expect(owner.uid).toBeGreaterThanOrEqual(50_000);
    expect(statSync(inHome())).toMatchObject({ uid: owner.uid, gid: owner.uid, mode: 0o042775 });
    expect(makeHome(homes.base, alpha, undefined)).toEqual({ owner, made: false });
    removeHome(homes.base, alpha);
    expect(makeHome(homes.base, alpha, undefined).owner).toEqual(owner);
  });

  it.runIf(isRoot)('takes the next uid when another home has it', () => {
    const { uid } = makeHome(homes.base, alpha, undefined).owner;
    removeHome(homes.base, alpha);
    homes.addHome('other', uid);
    expect(makeHome(homes.base, alpha, undefined).owner.uid).toBe(uid + 1);
  });

  it.runIf(isRoot)('belongs to the uid that was asked for, and to no other later', () => {
    expect(makeHome(homes.base, alpha, 60_123).owner.uid).toBe(60_123);
    expect(makeHome(homes.base, alpha, 60_123).made).toBe(false);
    expect(refusal(() => makeHome(homes.base, alpha, 60_124))).toBe('home.refused');
  });

  it.runIf(isRoot)('is not one that is full of files of root', () => {
    mkdirSync(inHome());
    writeFileSync(inHome('file'), '');
    expect(refusal(() => makeHome(homes.base, alpha, undefined))).toBe('home.refused');
  });

  it('is not below a base that others may write', () => {
    chmodSync(homes.base, 0o777);
    expect(refusal(() => makeHome(homes.base, alpha, undefined))).toBe('home.refused');
  });

  it('makes its base where there is none, for all to enter', () => {
    const base = join(homes.base, 'deep/base');
    makeHome(base, alpha, undefined);
    expect(statSync(base).mode & 0o777).toBe(0o755);
  });
});

describe('files written into a home', () => {
  it('belong to its owner and can be read by nobody else', () => {
    homes.addHome('alpha');
    writeHomeFiles(homes.base, alpha, files);
    for (const [name, text, mode] of [
      ['.toolskube/client.crt', 'CERT', 0o100400],
      ['.toolskube/client.key', 'KEY', 0o100400],
      ['.kube/config', 'CONFIG', 0o100600],
    ] as const) {
      expect(readFileSync(inHome(name), 'utf8')).toBe(text);
      expect(statSync(inHome(name))).toMatchObject({ uid: homeUid, mode });
    }
    expect(statSync(inHome('.kube'))).toMatchObject({ uid: homeUid, mode: 0o040700 });
    expect(readdirSync(inHome('.toolskube')).sort()).toEqual(['client.crt', 'client.key']);
  });

  it('replace older ones as a whole, and what an interrupted run left', () => {
    homes.addHome('alpha');
    homes.addPair('alpha', 'old', 'old');
    homes.addFile('alpha', '.client.key.new', 'left over');
    const inode = statSync(inHome('.toolskube/client.key')).ino;
    writeHomeFiles(homes.base, alpha, files);
    expect(statSync(inHome('.toolskube/client.key')).ino).not.toBe(inode);
    expect(readdirSync(inHome('.toolskube')).sort()).toEqual(['client.crt', 'client.key']);
  });

  const traps: [string, (outside: string) => void][] = [
    ['.toolskube leads elsewhere', (outside) => symlinkSync(outside, inHome('.toolskube'))],
    ['.kube leads elsewhere', (outside) => symlinkSync(outside, inHome('.kube'))],
    [
      'client.key is a link',
      (outside) => {
        makeOwn('.toolskube');
        symlinkSync(join(outside, 'kept'), inHome('.toolskube/client.key'));
      },
    ],
    [
      'the kubeconfig is a link',
      (outside) => {
        makeOwn('.kube');
        symlinkSync(join(outside, 'kept'), inHome('.kube/config'));
      },
    ],
    [
      'client.crt is a directory',
      () => {
        makeOwn('.toolskube');
        mkdirSync(inHome('.toolskube/client.crt'));
      },
    ],
  ];
  it.each(traps)('are not written where %s, and nothing outside changes', (_, set) => {
    const outside = join(homes.base, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'kept'), 'kept');
    makeOwn('');
    set(outside);
    expect(refusal(() => writeHomeFiles(homes.base, alpha, files))).toBe('home.refused');
    expect(readdirSync(outside)).toEqual(['kept']);
    expect(readFileSync(join(outside, 'kept'), 'utf8')).toBe('kept');
  });

  it('do not go through a home that is a link', () => {
    homes.addHome('victim');
    symlinkSync('victim', inHome());
    expect(refusal(() => writeHomeFiles(homes.base, alpha, files))).toBe('home.refused');
    expect(refusal(() => makeHome(homes.base, alpha, undefined))).toBe('home.refused');
    expect(readdirSync(join(homes.base, 'victim/.toolskube'))).toEqual([]);
  });

  it.runIf(isRoot)('do not go into a directory that somebody else made in the home', () => {
    homes.addHome('alpha');
    chownSync(inHome('.toolskube'), 50_999, 50_999);
    expect(refusal(() => writeHomeFiles(homes.base, alpha, files))).toBe('home.refused');
  });

  function makeOwn(name: string): void {
    mkdirSync(inHome(name));
    if (isRoot) chownSync(inHome(name), homeUid, homeUid);
  }
});

describe('a home that is deleted', () => {
  it('takes everything in it along and nothing it points to', () => {
    const outside = join(homes.base, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'kept'), 'kept');
    homes.addHome('alpha');
    mkdirSync(inHome('a/b/c'), { recursive: true });
    writeFileSync(Buffer.concat([Buffer.from(`${inHome('a')}/`), Buffer.from([0xff, 0xfe])]), 'not text');
    symlinkSync(outside, inHome('a/link'));
    linkSync(join(outside, 'kept'), inHome('a/hard'));
    expect(removeHome(homes.base, alpha)).toBe(true);
    expect(existsSync(inHome())).toBe(false);
    expect(readFileSync(join(outside, 'kept'), 'utf8')).toBe('kept');
    expect(removeHome(homes.base, alpha)).toBe(false);
  });

  it('is not one that is a link', () => {
    homes.addHome('victim');
    symlinkSync('victim', inHome());
    expect(() => removeHome(homes.base, alpha)).toThrow();
    expect(lstatSync(join(homes.base, 'victim/.toolskube')).isDirectory()).toBe(true);
  });
});
