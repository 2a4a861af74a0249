/**
 * Tables as the first clients drew them with Python's tabulate: `pretty` for lists, `grid` for one job, `simple` for
 * quotas. Cells are made harmless here; how
 * wide they are is counted in columns of a terminal.
 */
import { visibleLine, visibleText } from './terminal.ts';

/** One line for each row: headers and cells centred, an odd blank goes to the right. */
export function prettyTable(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = [headers, ...rows].map((row) => row.map((cell) => visibleLine(cell.trim())));
  const widths = head.map((_, column) => widest([head, ...body].map((row) => row[column] ?? '')));
  const rule = ruleOf(widths);
  const lineOf = (row: readonly string[]) => framed(row.map((cell, column) => centre(cell, widths[column] ?? 0)));
  return [rule, lineOf(head), rule, ...body.map(lineOf), ...(body.length > 0 ? [rule] : [])].join('\n');
}

/** Two columns without headers, left aligned, a rule after each row; a cell may have several lines. */
export function gridTable(rows: readonly (readonly [string, string])[]): string {
  const cells = rows.map(([left, right]) => [linesOf(left), linesOf(right)] as const);
  const widths = [widest(cells.flatMap(([left]) => left)), widest(cells.flatMap(([, right]) => right))];
  const rule = ruleOf(widths);
  const linesOfRow = ([left, right]: readonly [string[], string[]]) =>
    Array.from({ length: Math.max(left.length, right.length) }, (_, at) =>
      framed([left[at] ?? '', right[at] ?? ''].map((cell, column) => padEnd(cell, widths[column] ?? 0))),
    );
  return [rule, ...cells.flatMap((row) => [...linesOfRow(row), rule])].join('\n');
}

/** Headers, a rule, one line for each row; a column of nothing but numbers stands to the right. */
export function simpleTable(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = [headers, ...rows].map((row) => row.map((cell) => visibleLine(cell.trim())));
  const columns = head.map((title, column) => {
    const cells = body.map((row) => row[column] ?? '');
    return {
      width: Math.max(columnsOf(title) + 2, widest(cells)),
      isRight: cells.length > 0 && cells.every((cell) => /^-?\d+(?:\.\d+)?$/.test(cell)),
    };
  });
  const lineOf = (row: readonly string[]) =>
    columns
      .map(({ width, isRight }, at) => (isRight ? padStart : padEnd)(row[at] ?? '', width))
      .join('  ')
      .trimEnd();
  return [lineOf(head), columns.map(({ width }) => '-'.repeat(width)).join('  '), ...body.map(lineOf)].join('\n');
}

/**
 * Breaks text between words so that no line is wider; a longer word is broken where the line ends.
 * @example wrap('one two', 3) -> 'one\ntwo'
 */
export function wrap(text: string, maxColumns: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const together = line === '' ? word : `${line} ${word}`;
    if (columnsOf(together) <= maxColumns) {
      line = together;
      continue;
    }
    const [full, rest] = brokenWord(word, maxColumns);
    lines.push(...(line === '' ? [] : [line]), ...full);
    line = rest;
  }
  return [...lines, ...(line === '' ? [] : [line])].join('\n');
}

/** Columns a text takes in a terminal: marks take none, East Asian wide characters and emoji two. */
export function columnsOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const char of text) columns += noColumn.test(char) ? 0 : twoColumns.test(char) ? 2 : 1;
  return columns;
}

const noColumn = /[\p{Mn}\p{Me}]/u;
/** Unicode Standard Annex 11, classes W and F. A flag is two letters of one column each. */
const twoColumns =
  /(?!\p{Regional_Indicator})[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2fb}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;

function brokenWord(word: string, maxColumns: number): [full: string[], rest: string] {
  const full: string[] = [];
  let rest = '';
  for (const char of word) {
    if (columnsOf(rest + char) > maxColumns && rest !== '') {
      full.push(rest);
      rest = '';
    }
    rest += char;
  }
  return [full, rest];
}

function linesOf(cell: string): string[] {
  return visibleText(cell.trim()).split('\n').map(withoutTabs);
}

/** How wide a tab is depends on where it stands, so it is replaced by the blanks it stands for. */
function withoutTabs(line: string): string {
  return line.split('\t').reduce((text, part) => padEnd(text, columnsOf(text) + 8 - (columnsOf(text) % 8)) + part);
}

function widest(cells: readonly string[]): number {
  return cells.reduce((widest, cell) => Math.max(widest, columnsOf(cell)), 0);
}

function ruleOf(widths: readonly number[]): string {
  return `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`;
}

function framed(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function centre(cell: string, width: number): string {
  const blanks = Math.max(0, width - columnsOf(cell));
  return padEnd(' '.repeat(Math.floor(blanks / 2)) + cell, width);
}

function padStart(cell: string, width: number): string {
  return ' '.repeat(Math.max(0, width - columnsOf(cell))) + cell;
}

function padEnd(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - columnsOf(cell)));
}
