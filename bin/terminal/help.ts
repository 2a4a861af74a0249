/** Help, from the same table the command line is read with. */
import type { CommandRow, OptionRow } from './arguments.ts';

export interface HelpOption extends OptionRow {
  readonly description: string;
}

export interface HelpCommand extends CommandRow {
  /** `run <name>` */
  readonly rawName: string;
  readonly description: string;
  readonly options: readonly HelpOption[];
}

/** All commands, or one with its options. Options without a description are not shown. */
export function helpText(
  program: string,
  command: HelpCommand | undefined,
  commands: readonly HelpCommand[],
  globals: readonly HelpOption[],
): string {
  const usage = `Usage: ${program} ${command ? command.rawName : '<command>'} [options]`;
  const options = section(
    'Options',
    [...(command?.options ?? []), ...globals].map(({ rawName, description }) => [rawName, description]),
  );
  if (command) return [usage, capital(command.description), options].join('\n\n');
  const list = section(
    'Commands',
    commands.map(({ rawName, description }) => [rawName, description]),
  );
  return [usage, list, options, `'${program} <command> --help' shows the options of a command.`].join('\n\n');
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  const shown = rows.filter(([, description]) => description !== '');
  const width = Math.max(...shown.map(([name]) => name.length));
  return [`${title}:`, ...shown.map(([name, description]) => `  ${name.padEnd(width)}  ${description}`)].join('\n');
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
