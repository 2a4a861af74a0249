/** Completion in fish. */
import {
  type Offered,
  type ShownCommand,
  type ShownOption,
  shown,
  takesValue,
  verbOf,
  wordsOf,
} from '../shown-command.ts';
import { type Completed, help, quoted } from './completed.ts';

/** @returns a script to be sourced */
export function fishScript({ commands, globals }: Completed): string {
  const row = (condition: string, ...words: string[]) => ['complete -c toolforge-jobs', condition, ...words].join(' ');
  const seen = (command: ShownCommand) =>
    `-n '__fish_seen_subcommand_from ${[verbOf(command), ...(command.alias ? [command.alias] : [])].join(' ')}'`;
  const lines = shown(commands).flatMap((command) => [
    row("-n '__fish_use_subcommand'", '-a', verbOf(command), '-d', quoted(command.description)),
    ...(command.offers ? [row(seen(command), fishOffer(command.offers))] : []),
    ...shown(command.options).map((option) => row(seen(command), fishOption(option))),
  ]);
  return `# Completion of toolforge-jobs for fish, made by 'toolforge-jobs completion fish'.

function __toolforge_jobs_names
  command toolforge-jobs __complete $argv[1] 2>/dev/null
end

complete -c toolforge-jobs -f
${[...lines, ...shown([...globals, help]).map((option) => row('', fishOption(option)))].join('\n').replace(/ {2,}/g, ' ')}
`;
}

function fishOption(option: ShownOption): string {
  const names = wordsOf(option).map((word) => (word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`));
  const value = !takesValue(option) ? [] : option.offers ? [fishOffer(option.offers, true)] : ['-x'];
  return [...names, ...value, '-d', quoted(option.description)].join(' ');
}

/** @param isValue of an option, which then needs one */
function fishOffer(offers: Offered, isValue = false): string {
  if (offers === 'file') return isValue ? '-r -F' : '-F';
  const words = typeof offers === 'string' ? `(__toolforge_jobs_names ${offers})` : offers.join(' ');
  return `${isValue ? '-x ' : ''}-a ${quoted(words)}`;
}
