/** Texts a job could print or be named with to drive the terminal of whoever looks. */

const starts = ['\x1b[', '\x1b]', '\x1bP', '\x1b_', '\x1b^', '\x1bX', '\x1b(', '\x1b', '\x9b', '\x9d', '\x90', '\x9f', '\x9e', '\x98', '\x8d', '\x0e', '\x0f', '\x05', '\x08', '\r', '\x7f', '\x07', '\x0b', '\x0c', '\x00', '\u202e', '\u2066', '\u200f', '\u200b', '\u2060', '\ufeff', '\u061c', '\u2028', '\u{e0041}']; // biome-ignore format: one list
const middles = [
  '2J',
  '31m',
  '?1049h',
  '0;owned\x07',
  '52;c;cm0gLXJmIC8=\x07',
  '8;;http://evil\x1b\\',
  '6n',
  '1;1H',
  '+q544e',
  '%G',
  'c',
  '$q"p',
  '>0q',
  '999D',
  '3J',
];
const ends = ['', '\x1b\\', '\x07', '\x9c', '\n', '\r\n', '\x18', '\x1a', '\ud800', '\udfff', 'tail'];

/** The same texts for the same number. */
export function hostileTexts(count: number): string[] {
  return Array.from({ length: count }, (_, at) => {
    const pick = (list: readonly string[], step: number) =>
      list[(at * step + Math.floor(at / list.length)) % list.length] ?? '';
    return `job ${at} ${pick(starts, 1)}${pick(middles, 7)}${pick(ends, 3)}${at % 5 === 0 ? String.fromCharCode(at % 160) : ''}`;
  });
}
