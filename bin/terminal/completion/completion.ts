/**
 * Completion scripts, made of the table of commands. Names of jobs and images come from a call of the program itself, when a key is pressed;
 * nothing is kept. Everything else in a script is text of ours. No script ever evaluates what it was given.
 */
import { bashScript } from './bash.ts';
import type { Completed } from './completed.ts';
import { fishScript } from './fish.ts';
import { zshScript } from './zsh.ts';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };

export type Shell = keyof typeof scripts;
export const shells = ['bash', 'zsh', 'fish'] as const satisfies readonly Shell[];

/** @returns a script to be sourced */
export function completionScript(shell: Shell, completed: Completed): string {
  return scripts[shell](completed);
}
