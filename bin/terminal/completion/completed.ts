/** What scripts for every shell are made of. */
import type { ShownCommand, ShownOption } from '../shown-command.ts';

export interface Completed {
  readonly commands: readonly ShownCommand[];
  readonly globals: readonly ShownOption[];
}

/** That every command has, and no table. */
export const help: ShownOption = { words: '-h, --help', description: 'Show how it is used' };

/** Texts of ours hold neither backslashes nor line ends; an apostrophe is written as all shells read it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
