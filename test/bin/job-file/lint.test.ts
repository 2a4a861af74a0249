import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lintJob, lintSchedule, lintTogether } from '../../../bin/job-file/lint.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'lint-'));
  mkdirSync(join(home, 'bot/venv/bin'), { recursive: true });
  for (const [path, text, mode] of [
    ['run.sh', '#!/bin/sh\n', 0o755],
    ['plain.txt', 'x', 0o644],
    ['top.py', '#!/usr/bin/env python3\n', 0o755],
    ['old.php', '#! /usr/bin/php8.2 -q\n', 0o755],
    ['bot/report.py', '', 0o644],
    ['bot/go.sh', '', 0o755],
  ] as const) {
    writeFileSync(join(home, path), text);
    chmodSync(join(home, path), mode);
  }
  symlinkSync('/usr/bin/no-such-python', join(home, 'bot/venv/bin/python3'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const lint = (cmd: string, imagename = 'python3.11', besides = {}) => lintJob({ cmd, imagename, ...besides }, home);

describe('a job that comes after others', () => {
  it('may find files that are not there yet', async () => {
    expect(await lint('./venv/bin/python3 x.py', 'python3.11', { after: ['bootstrap'] })).toEqual([]);
    expect(await lint('php x.php', 'python3.11', { after: ['bootstrap'] })).toHaveLength(1);
  });
});

describe('a variable', () => {
  it.each([
    ['$HOME/x', "'$HOME'"],
    ['~/x', "'~'"],
    ['a $WIKI', "'$WIKI'"],
    ['$(date)', "'$(date)'"],
  ])('that looks like shell text is told to be none: %s', async (value, shown) => {
    expect(await lint('./run.sh', 'python3.11', { parameters: { WIKI: 'frwiki', DIR: value } })).toEqual([
      `${shown} in the value of 'DIR' is read by no shell: the program finds it as it stands.`,
    ]);
  });

  it.each(['frwiki', '5 $', '$5', 'a~b', '^x$', 's/$/x/', '', 'user@host'])(
    'gives no cause for a word: %j',
    async (value) => {
      expect(await lint('./run.sh', 'python3.11', { parameters: { DIR: value } })).toEqual([]);
    },
  );
});

describe('a command', () => {
  it.each([
    ['./run.sh'],
    ['~/run.sh --all'],
    ['$HOME/run.sh'],
    ['./run.sh >>log 2>&1'],
    ['cd bot && ./go.sh'],
    ['cd ~/bot; python3 report.py'],
    ['cd bot && cd .. && ./run.sh'],
    ['exec LANG=C ./run.sh'],
    ['bot/venv/bin/python3 bot/report.py'],
    ['python3 -m pywikibot'],
    ['python3 bot'],
    ['$BIN/run.sh'],
    ['"./my script" x'],
    ["bash -c 'cd nowhere; ./x'"],
    ['/usr/bin/env true'],
    ['/data/elsewhere/run.sh'],
    ['cd /tmp && ./x'],
    ['cd "$X" && ./x'],
    ['echo hello'],
    [''],
  ])('%j gives no cause for a word', async (cmd) => {
    expect(await lint(cmd)).toEqual([]);
  });

  it.each([
    ['./rum.sh', "'./rum.sh' is not there in the home."],
    ['~/rum.sh', "'~/rum.sh' is not there in the home."],
    ['./go.sh', `'./go.sh' is not there in the home. There is one in 'bot': is "cd bot &&" missing in front?`],
    [
      'python3 report.py',
      `'report.py' is not there in the home. There is one in 'bot': is "cd bot &&" missing in front?`,
    ],
    ['cd bot && python3 repot.py $X', "'repot.py' is not there in 'bot'."],
    ['cd bott && ./go.sh', "The directory 'bott' is not there."],
    ['~/bot && ./go.sh', "'~/bot' is a directory. Is 'cd' missing in front of it?"],
    ['./plain.txt', `'./plain.txt' may not be executed. "chmod +x plain.txt" in the home allows it.`],
    [
      'run.sh',
      "'run.sh' is looked for among the programs of the image, not in the home. If the file is meant, write './run.sh'.",
    ],
  ])('%j: %s', async (cmd, sentence) => {
    expect(await lint(cmd)).toEqual([sentence]);
  });

  it.each([
    ['python3 top.py', 'php8.2', "The image 'php8.2' is made for php, and hardly has 'python3'."],
    ['./top.py', 'tf-node18', "The image 'tf-node18' is made for node, and hardly has 'python3'."],
    ['./old.php', 'python3.11', "The image 'python3.11' is made for python, and hardly has 'php8.2'."],
    ['npm start', 'jdk17', "The image 'jdk17' is made for jdk, and hardly has 'npm'."],
    ['bot/venv/bin/python3 -m x', 'php8.2', "hardly has 'python3'"],
  ])('%j in %s: %s', async (cmd, image, sentence) => {
    const [found] = await lint(cmd, image);
    expect(found).toContain(sentence);
  });

  it.each([
    ['python3 top.py', 'bookworm'],
    ['./top.py', 'python3.13'],
    ['php8.2 x', 'php7.4'],
    ['perl -v', 'python3.11'],
  ])('%j in %s gives none', async (cmd, image) => {
    expect(await lintJob({ cmd, imagename: image }, undefined)).toEqual([]);
  });

  it('of an image that a tool has built, or without a home, is not judged', async () => {
    expect(await lint('./rum.sh', 'tool-x/web:latest')).toEqual([]);
    expect(await lint('./rum.sh', 'python3.11', { mount: 'none' })).toEqual([]);
    expect(await lintJob({ cmd: './rum.sh', imagename: 'python3.11' }, undefined)).toEqual([]);
  });
});

describe('a schedule', () => {
  it.each([['* * */4 * *'], ['* 4 * * *'], ['*/1 4 * * *'], ['0-59 * * * 1'], [' *  * * 1 * ']])(
    '%j fires each minute',
    (text) => {
      expect(lintSchedule(text)).toEqual([expect.stringContaining('fires each minute')]);
    },
  );

  it('that does says what may have been meant', () => {
    expect(lintSchedule('* */4 * * *')[0]).toContain('"7 */4 * * *"');
  });

  it.each([['* * * * *'], ['*/5 4 * * *'], ['17 4 * * *'], ['@daily'], ['* *'], ['']])('%j is as it looks', (text) => {
    expect(lintSchedule(text)).toEqual([]);
  });

  it('at minute 0 is worth a word where several are', () => {
    const at = (name: string, schedule: string) => ({ name, schedule });
    expect(lintTogether([at('a', '0 4 * * *'), at('b', '1 4 * * *'), { name: 'c' }])).toEqual([]);
    expect(lintTogether([at('a', '0 4 * * *'), at('b', '0 * * * *'), at('c', '@daily')])).toEqual([
      expect.stringContaining('2 jobs begin at minute 0, as most others of the cluster do: a, b.'),
    ]);
  });
});
