/** Completion in bash. */
import type { Completed } from './completed.ts';
import { lookup } from './lookup.ts';

/** @returns a script to be sourced */
export function bashScript(completed: Completed): string {
  return `# Completion of toolforge-jobs for bash, made by 'toolforge-jobs completion bash'.

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

${lookup(completed)}
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
