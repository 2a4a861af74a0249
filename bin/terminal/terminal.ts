/**
 * Text written by jobs, or by whoever answers us, may hold sequences that move the cursor, set the clipboard or reverse what is read.
 * Everything a command prints goes through here: such characters are shown as escapes, never sent.
 */
import { driving, escapeOf, hex } from '../../src/visible.ts';

export { visibleLine } from '../../src/visible.ts';

/** Text that may have several lines: `\n` and `\t` stay. */
export function visibleText(text: string): string {
  return text.replace(driving, (char) => (char === '\n' || char === '\t' ? char : escapeOf(char)));
}

/** Indented JSON for programs that is as harmless when a person looks at it: what JSON itself leaves raw is escaped as well. */
export function visibleJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2) ?? 'null';
  // Inside strings JSON.stringify leaves no line ends, so every one of these is the indentation's.
  return text.replace(driving, (char) => (char === '\n' ? char : jsonEscapeOf(char)));
}

/** Whether a text of several lines can be shown as it is. */
export function isHarmless(text: string): boolean {
  return visibleText(text) === text;
}

/** YAML in which everything that is not harmless stands between double quotes (YAML 1.2, 5.7). */
export function yamlEscapes(text: string): string {
  return text.replace(driving, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (char === '\n' || char === '\t') return char;
    return code <= 0xff ? `\\x${hex(code, 2)}` : code <= 0xffff ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  });
}

/** The same on one line. */
export function visibleJsonLine(value: unknown): string {
  return JSON.stringify(value).replace(driving, jsonEscapeOf);
}

function jsonEscapeOf(char: string): string {
  return Array.from({ length: char.length }, (_, index) => `\\u${hex(char.charCodeAt(index), 4)}`).join('');
}
