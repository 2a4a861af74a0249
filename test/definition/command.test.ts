import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type CommandForm, readCommand, toContainerCommand } from '../../src/definition/command.ts';
import { resolveLogPath } from '../../src/definition/log-paths.ts';

const output = { stdout: '/data/project/t/j.out', stderr: '/data/project/t/j.err' };
const present: CommandForm = { version: '2', isNewFormat: false, hasFilelog: true, type: 'standard' };
const shell = ['/bin/sh', '-c', '--'];

describe('the command of a container', () => {
  it('starts with the launcher once on images of the build service', () => {
    expect(toContainerCommand('web', undefined, 'buildservice')).toEqual(['launcher', 'web']);
    expect(toContainerCommand('launcher web', undefined, 'buildservice')).toEqual(['launcher', 'web']);
    expect(toContainerCommand('launcherweb', undefined, 'buildservice')).toEqual(['launcher', 'launcherweb']);
    expect(toContainerCommand('a b', output, 'buildservice')?.[3]).toBe(
      `exec 1>>${output.stdout};exec 2>>${output.stderr};launcher a b`,
    );
    expect(toContainerCommand('web', undefined, 'standard')).toEqual([...shell, 'web']);
  });

  it('is none when a quote is open and no shell will read it', () => {
    expect(toContainerCommand(`a 'b`, undefined, 'buildservice')).toBeUndefined();
    expect(toContainerCommand(`a 'b`, undefined, 'standard')).toEqual([...shell, `a 'b`]);
  });

  it('is read back exactly, whatever the command and the paths', () => {
    const path = fc
      .string({ unit: 'binary' })
      .filter((text) => !text.includes('\0'))
      .map((text) => `/${text}`);
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), path, path, (cmd, stdout, stderr) => {
        const command = toContainerCommand(cmd, { stdout, stderr }, 'standard') ?? [];
        expect(readCommand(command, [], present)).toEqual({ cmd, output: { stdout, stderr } });
      }),
    );
  });

  const read = (text: string, form: Partial<CommandForm>) =>
    readCommand([...shell, text], [], { ...present, hasFilelog: false, ...form });

  it('of version 1 is cut at the last redirection', () => {
    expect(read('./a 1>x 1>>j.out 2>>j.err', { version: '1' })).toEqual({
      cmd: './a 1>x',
      output: { stdout: 'j.out', stderr: 'j.err' },
    });
    expect(read('./a 1>/dev/null 2>/dev/null', { version: '1' })).toEqual({ cmd: './a', output: undefined });
    expect(read('./a', { version: '1' })).toEqual({ cmd: './a', output: undefined });
  });

  it('of version 1 in the new format is cut at the first two semicolons', () => {
    const form = { version: '1', isNewFormat: true };
    expect(read('exec 1>>logs/a b;exec 2>>j.err;a;b', form)).toEqual({
      cmd: 'a;b',
      output: { stdout: 'logs/a b', stderr: 'j.err' },
    });
    expect(read('exec 1>>/dev/null;exec 2>>/dev/null;a', form)).toEqual({ cmd: 'a', output: undefined });
  });

  it('of version 2 without file logs is the whole text, even one that looks like file logs', () => {
    expect(read('exec 1>>x;exec 2>>y;z', {})).toEqual({ cmd: 'exec 1>>x;exec 2>>y;z', output: undefined });
    expect(read('', {})?.cmd).toBe('unknown');
  });

  it('of version 2 with file logs must say where they are', () => {
    expect(read('./a', { hasFilelog: true })).toBeUndefined();
  });

  it('of the build service is joined from all its words', () => {
    const form: CommandForm = { ...present, hasFilelog: false, type: 'buildservice' };
    expect(readCommand(['./run.sh'], ['--x', 'a b'], form)).toEqual({ cmd: `./run.sh --x 'a b'`, output: undefined });
    expect(readCommand(['launcher', 'web'], [], form)).toEqual({ cmd: 'web', output: undefined });
    expect(readCommand([], [], form)).toBeUndefined();
  });
});

describe('the name of a log file', () => {
  const top = mkdtempSync(join(tmpdir(), 'log-names-'));
  afterAll(() => rmSync(top, { recursive: true, force: true }));
  const shells = [['dash'], ['bash'], ['busybox', 'sh']].filter(
    ([program = '']) => !spawnSync(program, ['--help']).error,
  );
  const letters = [
    ...`ab.-_~!@#$%^&*()+={}[]|\\:;"'<>,? \`\t\n\r\x01\x1b\x7f\x85é語😀\u2028`,
    '$(touch x)',
    ';touch x;',
    '`touch x`',
    '..',
    '\ud800',
    '$HOME',
    "'\\''",
  ];
  const random = fc.sample(fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 24 }), {
    seed: 27,
    numRuns: 4000,
  });
  const bytes = Array.from({ length: 255 }, (_, code) => String.fromCharCode(code + 1));
  const chosen = ['a;touch x', '$(touch x)', "'; touch x; '", '-n', '--help', '&1', '~', '#'];
  const names = [...new Set([...random, ...bytes, ...chosen])];

  it('is refused when it holds control characters or is no name', () => {
    const isBad = (name: string) => /[\p{Cc}\p{Cs}\u2028]/u.test(name) || /^\.{1,2}$/.test(name) || name.includes('/');
    const bad = names.filter(isBad).filter((name) => name !== '/');
    expect(bad.length).toBeGreaterThan(100);
    expect(bad.filter((name) => resolveLogPath(name, top) !== undefined)).toEqual([]);
  });

  it.each(shells)('gives exactly that file in a real shell: %s', (...words) => {
    const [program = '', ...options] = words;
    const home = join(top, words.join('-'));
    mkdirSync(home);
    const good = names.filter((name) => !name.includes('/') && resolveLogPath(name, home) !== undefined);
    const script = good.map((name) => {
      const stdout = resolveLogPath(name, home) ?? '';
      return toContainerCommand('echo it', { stdout, stderr: '/dev/null' }, 'standard')?.[3];
    });
    writeFileSync(join(top, 'script'), [`cd ${home}`, ...script, 'exit 7'].join('\n'));
    expect(spawnSync(program, [...options, join(top, 'script')]).status).toBe(7);
    expect(good.length).toBeGreaterThan(1200);
    expect(readdirSync(home).sort()).toEqual([...good].sort());
    expect(good.filter((name) => readFileSync(join(home, name), 'utf8') !== 'it\n')).toEqual([]);
  });

  it('works in the very form in which a container is started', () => {
    const home = join(top, 'one');
    mkdirSync(home);
    const path = resolveLogPath("a 'b'; touch x", home) ?? '';
    const [program = '', ...rest] =
      toContainerCommand('echo out; echo err >&2', { stdout: path, stderr: path }, 'standard') ?? [];
    expect(spawnSync(program, rest, { cwd: home }).status).toBe(0);
    expect(readdirSync(home)).toEqual(["a 'b'; touch x"]);
  });
});
