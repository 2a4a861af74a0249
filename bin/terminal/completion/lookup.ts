/** The part that bash and zsh read alike: from the command and the option before the cursor to what may stand there. */
import { type Offered, type ShownOption, shown, takesValue, verbOf, wordsOf } from '../shown-command.ts';
import { type Completed, help } from './completed.ts';

/** Reads `verb` and `option`; sets `offers`, `flags` and `kind`: none, file, job, image or words. */
export function lookup(completed: Completed): string {
  const verbs = shown(completed.commands).map(verbOf);
  const flags = ['--help', '--version', ...shown(completed.globals).flatMap(wordsOf)];
  const beside = { commands: completed.commands.map((command) => ({ ...command, options: [] })), globals: [] };
  return `  case "$verb" in
    '') ${assign('offers', verbs)}; ${assign('flags', flags)} ;;
${verbCases(completed).join('\n')}
  esac
  case "$verb $option" in
${valueCases(completed).join('\n')}
    *) if [[ -n $option ]]; then option=; fi ;;
  esac
  # Behind a switch stands what stands beside the options.
  if [[ -z $option && -z $kind ]]; then
    case "$verb " in
${valueCases(beside).join('\n')}
    esac
  fi`;
}

/** Which words may follow, by command. */
function verbCases({ commands, globals }: Completed): string[] {
  const flagsOf = (options: readonly ShownOption[]) =>
    shown(options).flatMap((option) => wordsOf(option).filter((word) => word.startsWith('--')));
  return shown(commands).map((command) => {
    const flags = flagsOf([...command.options, ...globals, help]);
    const operands = Array.isArray(command.offers) ? [assign('offers', command.offers)] : [];
    const pattern = [verbOf(command), ...(command.alias ? [command.alias] : [])].join('|');
    return `    ${pattern}) ${[assign('flags', flags), ...operands].join('; ')} ;;`;
  });
}

/** What follows an option, or stands beside the options, by command: `run --image` is an image. */
function valueCases({ commands, globals }: Completed): string[] {
  const caseOf = (pattern: string, offers: Offered | undefined) => {
    if (offers === undefined) return `    ${pattern}) kind=none ;;`;
    return typeof offers === 'string'
      ? `    ${pattern}) kind=${offers} ;;`
      : `    ${pattern}) kind=words; ${assign('offers', offers)} ;;`;
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
