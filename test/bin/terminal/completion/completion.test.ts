import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandTable } from '../../../../bin/commands/command-table.ts';
import { shells } from '../../../../bin/terminal/completion/completion.ts';
import { type CompletionHome, createCompletionHome } from '../../../support/completion-home.ts';

let home: CompletionHome;

beforeAll(() => {
  home = createCompletionHome();
});
afterAll(() => home.remove());

/** What bash would offer behind this line: words are broken as readline breaks them. */
function offered(line: string): string[] {
  const words: string[] = line.match(/[:=]|[^\s:=]+/g) ?? [];
  if (/[\s:=]$/.test(line) && !/[:=]$/.test(line)) words.push('');
  const driver = `
    source ./bash
    COMP_LINE=$1 COMP_POINT=\${#1}
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    compopt() { :; }
    _toolforge_jobs
    printf '%s\\n' "\${COMPREPLY[@]}"
  `;
  const text = execFileSync('bash', ['-c', driver, 'bash', line, ...words], {
    cwd: home.directory,
    env: home.env,
    encoding: 'utf8',
  });
  return text.split('\n').filter((word) => word !== '');
}

describe('completion in bash', () => {
  it.each<[string, readonly string[]]>([
    ['toolforge-jobs r', ['run', 'restart', 'run-now', 'resume']],
    ['toolforge-jobs --cfg x --debug sho', ['show']],
    ['toolforge-jobs --cfg=x sho', ['show']],
    ['toolforge-jobs --d', ['--debug']],
    ['toolforge-jobs show ni', ['nightly', 'nightly-2']],
    ['toolforge-jobs show --debug ni', ['nightly', 'nightly-2']],
    ['toolforge-jobs run x --image py', ['python3.11']],
    ['toolforge-jobs run x --image=py', ['python3.11']],
    ['toolforge-jobs run x --image=', ['python3.11', 'bookworm', 'tool-quick/bot:latest', 'tool-quick/bot:v2']],
    ['toolforge-jobs run x --image tool-quick/bot:l', ['latest']],
    ['toolforge-jobs run x --image tool-quick/bot:', ['latest', 'v2']],
    ['toolforge-jobs run x --image=tool-quick/bot:v', ['v2']],
    ['toolforge-jobs run x --emails onf', ['onfinish', 'onfailure']],
    ['toolforge-jobs run x --health', ['--health-check-script', '--health-check-http']],
    ['toolforge-jobs run x --command ', []],
    ['toolforge-jobs run x --continuous --por', ['--port']],
    ['toolforge-jobs list -o l', ['long']],
    ['toolforge-jobs list --output ', ['normal', 'long', 'name', 'json']],
    ['toolforge-jobs load jo', ['jobs.yaml']],
    ['toolforge-jobs load jobs.yaml --job b', ['bot']],
    ['toolforge-jobs dump -f jobs.y', ['jobs.yaml']],
    ['toolforge-jobs containers --out', ['--output']],
    ['toolforge-jobs completion ', ['bash', 'zsh', 'fish']],
    ['toolforge-jobs nonsense x', []],
  ])('behind %j is %j', (line, words) => {
    expect(offered(line)).toEqual(words);
  });

  it('never runs what a name says', () => {
    expect(offered('toolforge-jobs delete x')).toEqual(['x$(touch pwned)', 'x`touch pwned`', 'x;touch pwned']);
    expect(offered('toolforge-jobs delete *')).toEqual(['*']);
    expect(existsSync(join(home.directory, 'pwned'))).toBe(false);
  });

  it('offers nothing where the program fails or is not there', () => {
    rmSync(join(home.directory, 'toolforge-jobs'));
    expect(offered('toolforge-jobs show ')).toEqual([]);
  });
});

describe('completion', () => {
  it('for bash is a script it can read', () => {
    const { status, stderr } = spawnSync('bash', ['-n', join(home.directory, 'bash')], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('knows every command and option that help shows', () => {
    for (const shell of shells) {
      const script = readFileSync(join(home.directory, shell), 'utf8');
      for (const { usage, description, options } of commandTable) {
        const verb = usage.split(' ')[0] as string;
        const isOffered = script.includes(` ${verb}`) && verb !== '__complete';
        expect(isOffered, `${shell} ${verb}`).toBe(description !== '');
        for (const { words } of options.filter((option) => option.description !== '')) {
          const long = /--([a-z-]+)/.exec(words)?.[1] as string;
          expect(script, `${shell} ${long}`).toContain(shell === 'fish' ? `-l ${long}` : `--${long}`);
        }
      }
    }
  });
});
