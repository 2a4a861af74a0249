/** Text in the lines of a mail: made harmless, cut, and wrapped. Pure. */
import { visibleLine } from '../visible.ts';

/** Text from outside, on one line; a tab becomes four blanks. @example visible('a\u001b[31mb') -> 'a\\x1b[31mb' */
export function visible(text: string): string {
  return visibleLine(text.replaceAll('\t', '    '));
}

/** At most so many characters, the last of them saying that there were more. */
export function cut(text: string, longest: number): string {
  const characters = Array.from(text.slice(0, longest * 2 + 2));
  return characters.length <= longest ? text : `${characters.slice(0, longest - 1).join('')}…`;
}

/** Prose of our own, with names in it, in lines of at most 78 characters. @param label stands before the first line, the others are indented */
export function wrap(text: string, label = '', width = 78): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const next = line === '' ? word : `${line} ${word}`;
    if (label.length + next.length > width && line !== '') {
      lines.push(line);
      line = word;
    } else line = next;
  }
  return [...lines, line].map((one, at) => `${at === 0 ? label : ' '.repeat(label.length)}${one}`);
}
