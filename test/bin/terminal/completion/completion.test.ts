import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandTable, globalOptions } from '../../../../bin/commands/command-table.ts';
import { completionScript, shells } from '../../../../bin/terminal/completion/completion.ts';

let directory: string;
const scriptOf = (shell: (typeof shells)[number]) =>
  completionScript(shell, { commands: commandTable, globals: globalOptions(false) });

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'completion-'));
  for (const shell of shells) writeFileSync(join(directory, shell), scriptOf(shell));
  // Says names as the program does, and more: whoever could put a word there must gain nothing by it.
  const program = join(directory, 'toolforge-jobs');
  writeFileSync(
    program,
    `#!/bin/sh
[ "$1" = __complete ] || exit 9
case $2 in
  job) printf '%s\\n' nightly nightly-2 bot 'x$(touch pwned)' 'x\`touch pwned\`' 'x;touch pwned' '*' ;;
  image) printf '%s\\n' python3.11 bookworm tool-quick/bot:latest tool-quick/bot:v2 ;;
esac
`,
  );
  chmodSync(program, 0o755);
  writeFileSync(join(directory, 'jobs.yaml'), '');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const has = (shell: string) => spawnSync(shell, ['--version']).status === 0;
const env = () => ({ PATH: `${directory}:${process.env.PATH}`, HOME: directory });

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
    cwd: directory,
    env: env(),
    encoding: 'utf8',
  });
  return text.split('\n').filter((word) => word !== '');
}

describe('completion in bash', () => {
  it.each<[string, readonly string[]]>([
    ['toolforge-jobs r', ['run', 'restart']],
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
    expect(existsSync(join(directory, 'pwned'))).toBe(false);
  });

  it.skipIf(!has('fish'))('is the same in fish', () => {
    const ask = (line: string) => {
      const driver = 'source ./fish; complete -C $argv[1]';
      const text = execFileSync('fish', ['-N', '-c', driver, line], { cwd: directory, env: env(), encoding: 'utf8' });
      return text.split('\n').flatMap((row) => (row === '' ? [] : [row.split('\t')[0]]));
    };
    expect(ask('toolforge-jobs res')).toEqual(['restart']);
    expect(ask('toolforge-jobs show ni')).toEqual(['nightly', 'nightly-2']);
    expect(ask('toolforge-jobs run x --image tool-quick/bot:l')).toEqual(['tool-quick/bot:latest']);
    expect(ask('toolforge-jobs run x --emails onfi')).toEqual(['onfinish']);
    expect(ask('toolforge-jobs run x --health-check-h')).toEqual(['--health-check-http']);
    expect(ask('toolforge-jobs dump -f jobs.y')).toEqual(['jobs.yaml']);
    expect(existsSync(join(directory, 'pwned'))).toBe(false);
  });

  it.skipIf(!has('zsh'))('is the same in zsh', () => {
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
        cwd: directory,
        env: env(),
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
    expect(existsSync(join(directory, 'pwned'))).toBe(false);
  });

  it('offers nothing where the program fails or is not there', () => {
    rmSync(join(directory, 'toolforge-jobs'));
    expect(offered('toolforge-jobs show ')).toEqual([]);
  });
});

describe('completion', () => {
  it.each(shells.filter(has))('for %s is a script it can read', (shell) => {
    const { status, stderr } = spawnSync(shell, ['-n', join(directory, shell)], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('knows every command and option that help shows', () => {
    for (const shell of shells) {
      const script = scriptOf(shell);
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
