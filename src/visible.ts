/**
 * Text from outside as it can be shown to people anywhere: nothing in it moves a cursor, hides, or turns around what stands beside it. Used
 * for terminals (bin/terminal) and for mail. Pure.
 */

/**
 * Controls (C0, DEL, C1), format characters (bidi, zero-width, tags), separators that start lines, lone surrogates, and other characters
 * without a shape. Variation selectors only choose between two drawings of the character before them.
 */
export const driving = /(?![\ufe0e\ufe0f])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Text on one line.
 * @example visibleLine('a\x1b[2Jb\n') -> 'a\\x1b[2Jb\\n'
 */
export function visibleLine(text: string): string {
  return text.replace(driving, escapeOf);
}

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

export function escapeOf(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code <= 0xff) return short[char] ?? `\\x${hex(code, 2)}`;
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 1)}}`;
}

/** @example hex(10, 4) -> '000a' */
export function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
