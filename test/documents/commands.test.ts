/** Every command that a page shows is one that its program knows. What it does is seen in test/flows/docs.test.ts. */
import { cac } from 'cac';
import { describe, expect, it } from 'vitest';
import { commandTable as operatorsTable } from '../../bin/admin/command-table.ts';
import { commandTable, globalOptions } from '../../bin/commands/command-table.ts';
import { checkOperands, readArguments } from '../../bin/terminal/arguments.ts';
import manifest from '../../package.json' with { type: 'json' };
import { splitWords } from '../../src/definition/shell-words.ts';
import { blocksOf, commandsOf, languages, mentionsOf, pages, runElsewhere } from '../support/documented-commands.ts';

const users = cac('toolforge-jobs');
for (const { usage, alias, options } of commandTable) {
  const command = users.command(usage);
  if (alias) command.alias(alias);
  for (const { words } of options) command.option(words, '');
}
for (const { words } of globalOptions(false)) users.option(words, '');
users.help();
users.version(manifest.version);

const operators = cac('toolforge-jobs-admin');
for (const { words, description, options } of operatorsTable) {
  const command = operators.command(words, description);
  for (const [option] of options) command.option(option, '');
}

/** Throws where a program would not understand the words behind its name. */
const programs: Readonly<Record<string, (words: readonly string[]) => void>> = {
  'toolforge-jobs': (words) => checkOperands(readArguments(words, users.commands, users.globalCommand.options)),
  'toolforge-jobs-admin': readAsOperator,
  'toolforge-jobsd': (words) => expect(words[0] ?? '--config').toBe('--config'),
  'toolforge-jobs-home-readers': (words) => expect(words[0] ?? '--socket').toBe('--socket'),
  npm: readAsScript,
};

function readAsOperator(words: readonly string[]): void {
  const line = readArguments(words, operators.commands, []);
  // In the text of a page its verb may be left out: `toolforge-jobs-admin mail`.
  if (words.length > 1) checkOperands(line);
  const [verb] = line.operands;
  if (verb !== undefined && line.command?.args[0]?.value === 'verb') {
    expect(line.command.description.split(/[^\w-]+/)).toContain(verb);
  }
}

function readAsScript([verb = '', ...rest]: readonly string[]): void {
  if (verb === 'ci') return;
  const name = verb === 'run' ? rest.find((word) => !word.startsWith('-')) : verb;
  expect(Object.keys(manifest.scripts)).toContain(name);
}

/** @example ['npm ci', 'npm run demo'] of `npm ci && npm run demo`, and nothing of programs that are not ours */
function partsOf(text: string): string[][] {
  const [typed = ''] = text.split('\n');
  // What stands for something else on a page: `<name>`, `[--push]`, a last `…`.
  const plain = typed
    .replace(/ +# .*$/, '')
    .replace(/[<[]([^\]>]*)[\]>]/g, '$1')
    .replace(/ …$/, '');
  const parts = plain.split(/ && | \| |^source <\(|\)$/).map((part) => splitWords(part) ?? []);
  return parts.filter(([program = '']) => program in programs || program === 'toolforge');
}

function read(text: string): void {
  for (const [program = '', ...words] of partsOf(text)) {
    // `toolforge jobs` is ours; so is what stands for any of its commands.
    const [name, own] = program === 'toolforge' ? ['toolforge-jobs', words.slice(1)] : [program, words];
    if (own.length > 0 && own[0] !== 'command') programs[name]?.(own);
  }
}

describe('the pages for people', () => {
  it.each(pages)('say of each block of %s what it is', (page) => {
    expect(
      blocksOf(page)
        .map(({ language }) => language)
        .filter((language) => !languages.some((one) => one === language)),
    ).toEqual([]);
  });

  it.each(pages)('show no command in %s that its program does not know', (page) => {
    for (const { text } of [...commandsOf(page), ...mentionsOf(page)]) expect(() => read(text), text).not.toThrow();
  });

  it('name nothing as run elsewhere that no page shows', () => {
    const shown = pages.flatMap(commandsOf);
    const idle = runElsewhere.filter(([command]) => !shown.some(({ text }) => command.test(text)));
    expect(idle).toEqual([]);
  });
});
