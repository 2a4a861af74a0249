/**
 * Completion scripts, made of the table of commands. Names of jobs and images come from a call of the program itself, when a key is pressed;
 * nothing is kept. Everything else in a script is text of ours. No script ever evaluates what it was given.
 */
import {
  type Offered,
  type ShownCommand,
  type ShownOption,
  shown,
  takesValue,
  verbOf,
  wordsOf,
} from './shown-command.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export interface Completed {
  readonly commands: readonly ShownCommand[];
  readonly globals: readonly ShownOption[];
}

/** @returns a script to be sourced */
export function completionScript(shell: Shell, completed: Completed): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](completed);
}

const help: ShownOption = { words: '-h, --help', description: 'Show how it is used' };
const heading = (shell: Shell) =>
  `# Completion of toolforge-jobs for ${shell}, made by 'toolforge-jobs completion ${shell}'.`;

/** For bash and zsh alike: which words may follow, by command. */
function verbCases(
  { commands, globals }: Completed,
  append: (name: string, words: readonly string[]) => string,
): string[] {
  const flagsOf = (options: readonly ShownOption[]) =>
    shown(options).flatMap((option) => wordsOf(option).filter((word) => word.startsWith('--')));
  return shown(commands).map((command) => {
    const flags = flagsOf([...command.options, ...globals, help]);
    const operands = Array.isArray(command.offers) ? [append('offers', command.offers)] : [];
    const pattern = [verbOf(command), ...(command.alias ? [command.alias] : [])].join('|');
    return `    ${pattern}) ${[append('flags', flags), ...operands].join('; ')} ;;`;
  });
}

/** What follows an option, or stands beside the options, by command: `run --image` is an image. */
function valueCases(
  { commands, globals }: Completed,
  append: (name: string, words: readonly string[]) => string,
): string[] {
  const caseOf = (pattern: string, offers: Offered | undefined) => {
    if (offers === undefined) return `    ${pattern}) kind=none ;;`;
    return typeof offers === 'string'
      ? `    ${pattern}) kind=${offers} ;;`
      : `    ${pattern}) kind=words; ${append('offers', offers)} ;;`;
  };
  const patternOf = (verb: string, option: ShownOption) =>
    wordsOf(option)
      .map((word) => `'${verb} ${word}'`)
      .join('|');
  const ofOptions = commands.flatMap((command) =>
    shown(command.options)
      .filter(takesValue)
      .map((option) => caseOf(patternOf(verbOf(command), option), option.offers)),
  );
  const ofGlobals = globals.filter(takesValue).map((option) =>
    caseOf(
      wordsOf(option)
        .map((word) => `*' ${word}'`)
        .join('|'),
      option.offers,
    ),
  );
  const beside = shown(commands)
    .filter(({ offers }) => typeof offers === 'string')
    .map((command) => caseOf(`'${verbOf(command)} '`, command.offers));
  return [...ofOptions, ...ofGlobals, ...beside];
}

function assign(name: string, words: readonly string[]): string {
  return `${name}=(${words.join(' ')})`;
}

function bashScript(completed: Completed): string {
  const verbs = shown(completed.commands).map(verbOf);
  return `${heading('bash')}

_toolforge_jobs() {
  local line token word option= verb= kind= head= name at
  local -a offers=() flags=()
  COMPREPLY=()
  # The word as it was typed: bash breaks it at = and :.
  line=\${COMP_LINE:0:COMP_POINT}
  token=\${line##*[[:space:]]}
  word=$token
  line=\${line%"$token"}
  line=\${line%"\${line##*[![:space:]]}"}
  for ((at = 1; at < COMP_CWORD; at++)); do
    name=\${COMP_WORDS[at]}
    if [[ $name == --cfg ]]; then
      ((at++))
      if [[ \${COMP_WORDS[at]-} == '=' ]]; then ((at++)); fi
    elif [[ $name != -* ]]; then
      verb=$name
      break
    fi
  done
  if [[ $token == --*=* ]]; then
    option=\${token%%=*}
    word=\${token#*=}
    if [[ $COMP_WORDBREAKS != *=* ]]; then head=$option=; fi
  elif [[ \${line##*[[:space:]]} == -* ]]; then
    option=\${line##*[[:space:]]}
  fi

  case "$verb" in
    '') ${assign('offers', verbs)}; ${assign('flags', ['--help', '--version', ...completed.globals.filter(({ description }) => description !== '').flatMap(wordsOf)])} ;;
${verbCases(completed, assign).join('\n')}
  esac
  case "$verb $option" in
${valueCases(completed, assign).join('\n')}
    *) if [[ -n $option ]]; then option=; fi ;;
  esac
  # Behind a switch stands what stands beside the options.
  if [[ -z $option && -z $kind ]]; then
    case "$verb " in
${valueCases({ commands: completed.commands.map((command) => ({ ...command, options: [] })), globals: [] }, assign).join('\n')}
    esac
  fi
  if [[ -z $option && $word == -* ]]; then
    kind=words
    offers=("\${flags[@]}")
  fi
  case "$kind" in
    none) return ;;
    file)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    job | image) mapfile -t offers < <(command toolforge-jobs __complete "$kind" 2>/dev/null) ;;
  esac
  at=0
  if [[ $COMP_WORDBREAKS == *:* && $word == *:* ]]; then
    name=\${word%"\${word##*:}"}
    at=\${#name}
  fi
  for name in "\${offers[@]}"; do
    if [[ $name == "$word"* ]]; then COMPREPLY+=("$head\${name:at}"); fi
  done
}
complete -F _toolforge_jobs toolforge-jobs
`;
}

function zshScript(completed: Completed): string {
  const verbs = shown(completed.commands).map(verbOf);
  const commandWords = shown(completed.commands)
    .map((command) => `    ${quoted(`${verbOf(command)}:${command.description}`)}`)
    .join('\n');
  return `#compdef toolforge-jobs
${heading('zsh')}

_toolforge_jobs() {
  local option= verb= kind= token at
  local -a offers flags verbs
  verbs=(
${commandWords}
  )
  for ((at = 2; at < CURRENT; at++)); do
    token=$words[at]
    if [[ $token == --cfg ]]; then
      ((at++))
    elif [[ $token != -* ]]; then
      verb=$token
      break
    fi
  done
  if [[ $PREFIX == --*=* ]]; then
    option=\${PREFIX%%=*}
    compset -P '*='
  elif [[ $words[CURRENT-1] == -* ]]; then
    option=$words[CURRENT-1]
  fi

  case "$verb" in
    '') ${assign('offers', verbs)}; ${assign('flags', ['--help', '--version', ...shown(completed.globals).flatMap(wordsOf)])} ;;
${verbCases(completed, assign).join('\n')}
  esac
  case "$verb $option" in
${valueCases(completed, assign).join('\n')}
    *) if [[ -n $option ]]; then option=; fi ;;
  esac
  # Behind a switch stands what stands beside the options.
  if [[ -z $option && -z $kind ]]; then
    case "$verb " in
${valueCases({ commands: completed.commands.map((command) => ({ ...command, options: [] })), globals: [] }, assign).join('\n')}
    esac
  fi
  if [[ -z $option && $PREFIX == -* ]]; then
    kind=words
    offers=("\${flags[@]}")
  fi
  case "$kind" in
    none) return 1 ;;
    file) _files; return ;;
    job | image) offers=("\${(@f)$(command toolforge-jobs __complete "$kind" 2>/dev/null)}") ;;
  esac
  if [[ -z $verb && $PREFIX != -* && -z $kind ]]; then
    _describe command verbs
  else
    compadd -- "\${(@)offers:#}"
  fi
}

if [[ \${zsh_eval_context[-1]} == loadautofunc ]]; then
  _toolforge_jobs "$@"
else
  compdef _toolforge_jobs toolforge-jobs
fi
`;
}

function fishScript({ commands, globals }: Completed): string {
  const row = (condition: string, ...words: string[]) => ['complete -c toolforge-jobs', condition, ...words].join(' ');
  const seen = (command: ShownCommand) =>
    `-n '__fish_seen_subcommand_from ${[verbOf(command), ...(command.alias ? [command.alias] : [])].join(' ')}'`;
  const lines = shown(commands).flatMap((command) => [
    row("-n '__fish_use_subcommand'", '-a', verbOf(command), '-d', quoted(command.description)),
    ...(command.offers ? [row(seen(command), fishOffer(command.offers))] : []),
    ...shown(command.options).map((option) => row(seen(command), fishOption(option))),
  ]);
  return `${heading('fish')}

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

/** Texts of ours hold neither backslashes nor line ends; an apostrophe is written as both shells read it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
