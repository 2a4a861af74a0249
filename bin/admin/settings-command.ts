/** `settings show|check|diff`: what is in force in a running daemon, and what a ConfigMap would make of it. */
import type { Startup } from '../../src/settings.ts';
import { type CommandLine, usage } from '../terminal/arguments.ts';
import { didYouMeanOrHelp, meantWord } from '../terminal/meant-word.ts';
import { simpleTable } from '../terminal/table.ts';
import { visibleText } from '../terminal/terminal.ts';
import { readSettingsFile, sentenceAbout } from './settings-file.ts';

/** What the daemon says of its settings. */
export interface SettingsReport {
  /** resourceVersion of the ConfigMap that is in force. */
  readonly version: string | null;
  readonly since: string;
  readonly is_current: boolean;
  readonly source: 'defaults' | 'last good' | 'ConfigMap';
  readonly problems: readonly string[];
  readonly in_force: Texts;
  readonly defaults: Texts;
  /** Of the ConfigMap as it is now; null where there is none. */
  readonly given: Texts | null;
  /** Keys of it that mean nothing here. */
  readonly not_read: readonly string[];
}

type Texts = Readonly<Record<string, string>>;

export interface SettingsContext {
  readonly line: CommandLine;
  ask(method: 'GET', path: string): Promise<unknown>;
  /** The start-up file that --config names; undefined where it was not given. */
  startup(): Promise<Startup | undefined>;
  print(value: unknown, text: string): void;
}

/** @throws AppError `usage.invalid`, `settings.invalid`, `service.unreachable` */
export async function runSettings(context: SettingsContext): Promise<void> {
  const [verb = '', file] = context.line.operands;
  switch (verb) {
    case 'show':
      if (file !== undefined) throw usage("'settings show' takes no file.");
      return show(context);
    case 'check':
      if (file === undefined) throw usage("'settings check' needs a file with a ConfigMap, or - for standard input.");
      return check(context, file);
    case 'diff':
      return file === undefined ? diffWithMap(context) : diffWithFile(context, file);
    default:
      throw usage(`There is no 'settings ${verb}'.${didYouMeanOrHelp(meantWord(verb, ['show', 'check', 'diff']))}`);
  }
}

async function report({ ask }: SettingsContext): Promise<SettingsReport> {
  return (await ask('GET', '/settings')) as SettingsReport;
}

async function show(context: SettingsContext): Promise<void> {
  const seen = await report(context);
  const rows = Object.entries(seen.in_force).map(([key, value]) => [
    key,
    shown(value),
    value === seen.defaults[key] ? '' : shown(seen.defaults[key]),
  ]);
  const table = simpleTable(['Key', 'In force', 'Default, where it differs'], rows);
  context.print(seen, [...stateOf(seen), '', table].join('\n'));
}

async function check(context: SettingsContext, file: string): Promise<void> {
  const startup = await context.startup();
  const { name, given, notRead } = await readSettingsFile(file, startup?.smtp.allow);
  const unknown = startup
    ? []
    : ['Whether its mail server may be used was not looked at: --config FILE names the start-up file that says so.'];
  const said = [...notRead, ...unknown];
  context.print({ file: name, given, said }, visibleText([`${name} can be used.`, ...said].join('\n')));
}

/** Where the ConfigMap is refused, or gone, it is not what is in force. */
async function diffWithMap(context: SettingsContext): Promise<void> {
  const seen = await report(context);
  const changes = seen.given === null ? [] : changesBetween(seen.in_force, { ...seen.defaults, ...seen.given });
  const table = changes.length > 0 ? ['', tableOf(changes, 'In the ConfigMap')] : [];
  context.print({ changes, problems: seen.problems }, [...stateOf(seen), ...table].join('\n'));
}

async function diffWithFile(context: SettingsContext, file: string): Promise<void> {
  const startup = await context.startup();
  const { name, given } = await readSettingsFile(file, startup?.smtp.allow);
  const { in_force: inForce, defaults } = await report(context);
  const changes = changesBetween(inForce, { ...defaults, ...given });
  const text = changes.length > 0 ? tableOf(changes, 'With the file') : visibleText(`${name} would change nothing.`);
  context.print({ changes, problems: [] }, text);
}

interface Change {
  readonly key: string;
  readonly in_force: string;
  readonly would_be: string;
}

function changesBetween(before: Texts, after: Texts): Change[] {
  return Object.keys(before).flatMap((key) => {
    const [now = '', wouldBe = ''] = [before[key], after[key]];
    return now === wouldBe ? [] : [{ key, in_force: now, would_be: wouldBe }];
  });
}

function tableOf(changes: readonly Change[], heading: string): string {
  return simpleTable(
    ['Key', 'In force', heading],
    changes.map((change) => [change.key, shown(change.in_force), shown(change.would_be)]),
  );
}

/** Sentences, a line each. */
function stateOf(seen: SettingsReport): string[] {
  const since = `since ${seen.since.slice(0, 16).replace('T', ' ')} UTC`;
  const which = {
    defaults: `The defaults are in force, ${since}.`,
    'last good': `Version ${seen.version} of the ConfigMap, as it was kept on disk, is in force, ${since}.`,
    ConfigMap: `Version ${seen.version} of the ConfigMap is in force, ${since}.`,
  }[seen.source];
  const why = seen.problems.map((problem) => `  ${problem}`);
  return [
    which,
    ...(seen.is_current ? [] : ['The ConfigMap as it is now is not in force:', ...why]),
    ...seen.not_read.map(sentenceAbout),
  ].map((sentence) => visibleText(sentence));
}

/** An empty value is seen. */
function shown(value: string | undefined): string {
  return value === '' || value === undefined ? '(empty)' : value;
}
