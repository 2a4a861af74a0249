/** Completion in zsh. */
import { shown, verbOf } from '../shown-command.ts';
import { type Completed, quoted } from './completed.ts';
import { lookup } from './lookup.ts';

/** @returns a script to be sourced */
export function zshScript(completed: Completed): string {
  const commandWords = shown(completed.commands)
    .map((command) => `    ${quoted(`${verbOf(command)}:${command.description}`)}`)
    .join('\n');
  return `#compdef toolforge-jobs
# Completion of toolforge-jobs for zsh, made by 'toolforge-jobs completion zsh'.

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

${lookup(completed)}
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
