/** Completion in the shells that are not on every machine; bash, which is, stands with the unit tests. Needs no cluster. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CompletionHome, createCompletionHome } from '../support/completion-home.ts';

let home: CompletionHome;

beforeAll(() => {
  home = createCompletionHome();
});
afterAll(() => home.remove());

describe('completion', () => {
  it.each(['fish', 'zsh'])('for %s is a script it can read', (shell) => {
    const { status, stderr } = spawnSync(shell, ['-n', join(home.directory, shell)], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('offers in fish what it offers in bash', () => {
    const ask = (line: string) => {
      const driver = 'source ./fish; complete -C $argv[1]';
      const text = execFileSync('fish', ['-N', '-c', driver, line], {
        cwd: home.directory,
        env: home.env,
        encoding: 'utf8',
      });
      return text.split('\n').flatMap((row) => (row === '' ? [] : [row.split('\t')[0]]));
    };
    expect(ask('toolforge-jobs rest')).toEqual(['restart']);
    expect(ask('toolforge-jobs show ni')).toEqual(['nightly', 'nightly-2']);
    expect(ask('toolforge-jobs run x --image tool-quick/bot:l')).toEqual(['tool-quick/bot:latest']);
    expect(ask('toolforge-jobs run x --emails onfi')).toEqual(['onfinish']);
    expect(ask('toolforge-jobs run x --health-check-h')).toEqual(['--health-check-http']);
    expect(ask('toolforge-jobs dump -f jobs.y')).toEqual(['jobs.yaml']);
    expect(existsSync(join(home.directory, 'pwned'))).toBe(false);
  });

  it('offers in zsh what it offers in bash', () => {
    const ask = (line: string) => {
      const driver = `
        compdef() { :; }
        compset() { PREFIX=\${PREFIX#*=}; }
        _files() { print -l -- $PREFIX*; }
        _describe() { print -l -- \${\${(P)2}%%:*}; }
        compadd() { shift; print -l -- "\${(@M)@:#\${PREFIX}*}"; }
        source ./zsh
        words=(\${(s: :)1}) PREFIX=\${1##* }
        [[ -n $PREFIX ]] || words+=('')
        CURRENT=$#words
        _toolforge_jobs
      `.replaceAll('\\$', '$');
      const { stdout } = spawnSync('zsh', ['-f', '-c', driver, 'zsh', line], {
        cwd: home.directory,
        env: home.env,
        encoding: 'utf8',
      });
      return stdout.split('\n').filter((word) => word !== '');
    };
    expect(ask('toolforge-jobs show ni')).toEqual(['nightly', 'nightly-2']);
    expect(ask('toolforge-jobs show --debug ni')).toEqual(['nightly', 'nightly-2']);
    expect(ask('toolforge-jobs run x --image=tool-quick/bot:l')).toEqual(['tool-quick/bot:latest']);
    expect(ask('toolforge-jobs run x --emails onfi')).toEqual(['onfinish']);
    expect(ask('toolforge-jobs run x --health-check-h')).toEqual(['--health-check-http']);
    expect(ask('toolforge-jobs load jo')).toEqual(['jobs.yaml']);
    expect(ask('toolforge-jobs ')).toContain('restart');
    expect(existsSync(join(home.directory, 'pwned'))).toBe(false);
  });
});
