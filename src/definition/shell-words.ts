/**
 * Words of a POSIX shell (Shell Command Language, 2.2 "Quoting"): splitting a command where no shell will do it, quoting a text where
 * one will.
 */

/**
 * Splits at blanks and line ends; quotes and backslashes protect, nothing is expanded. Inside double quotes a backslash protects only
 * `"` and `\`.
 * @returns undefined when a quote is not closed or nothing follows the last backslash
 * @example splitWords('./x.sh \'a b\' "c"') -> ['./x.sh', 'a b', 'c']
 */
export function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at] as string;
    const isEscape = letter === '\\' && (quote === '' || (quote === '"' && /["\\]/.test(text[at + 1] ?? '')));
    if (isEscape) {
      at += 1;
      if (at === text.length) return undefined;
      word = (word ?? '') + text[at];
    } else if (letter === quote) quote = '';
    else if (quote !== '') word = (word ?? '') + letter;
    else if (letter === "'" || letter === '"') {
      quote = letter;
      word ??= '';
    } else if (!/[ \t\r\n]/.test(letter)) word = (word ?? '') + letter;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (quote !== '') return undefined;
  return word === undefined ? words : [...words, word];
}

/** One line that splits into these words again. */
export function joinWords(words: readonly string[]): string {
  return words.map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : singleQuoted(word))).join(' ');
}

/** Ordinary paths stay as they are, so that they look as they always did; all others are quoted as a whole. */
export function quotePath(path: string): string {
  return /^[A-Za-z0-9_./-]+$/.test(path) ? path : singleQuoted(path);
}

function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
