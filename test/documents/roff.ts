/** The Markdown that our pages are written in, as the text of a manual page: groff_man(7). Throws at what our pages do not hold. */

/** @returns blocks, each ended by a line end; headings become `.SH` and `.SS` */
export function roffOf(markdown: string): string {
  return blocksOf(markdown).map(blockText).join('');
}

/** Text of one line without code, links or macros. */
export function roffText(text: string): string {
  return (
    text
      .replaceAll('\\', '\\e')
      .replaceAll("'", '\\(aq')
      .replaceAll('`', '\\(ga')
      .replaceAll('^', '\\(ha')
      .replaceAll('~', '\\(ti')
      // Those of options are typed and searched for; a hyphen within a word is one.
      .replace(/(?<!\w)-+(?=\w)/g, (dashes) => '\\-'.repeat(dashes.length))
  );
}

function blocksOf(markdown: string): string[] {
  // Fences may hold empty lines.
  const parts = markdown.split(/^(```[a-z]*\n[\s\S]*?\n```)$/m);
  return parts.flatMap((part) => (part.startsWith('```') ? [part] : part.split(/\n{2,}/))).flatMap(trimmed);
}

function trimmed(block: string): string[] {
  const text = block.replace(/^\n+|\n+$/g, '');
  return text === '' || text.startsWith('<!--') ? [] : [text];
}

function blockText(block: string): string {
  const lines = block.split('\n');
  const [first = ''] = lines;
  if (first.startsWith('```'))
    return `.PP\n.RS 4\n.nf\n${lines
      .slice(1, -1)
      .map((line) => unlikeMacro(codeText(line)))
      .join('\n')}\n.fi\n.RE\n`;
  if (first.startsWith('### ')) return `.SS ${inline(first.slice(4))}\n`;
  if (first.startsWith('## ')) return `.SH ${inline(first.slice(3).toUpperCase())}\n`;
  if (first.startsWith('|')) return lines.slice(2).map(rowText).join('');
  if (/^(-|\d+\.) /.test(first)) return lines.map(itemText).join('');
  if (/^(#|>|\*|<)/.test(first)) throw new Error(`no manual page can hold: ${first}`);
  return `.PP\n${lines.map(inline).join('\n')}\n`;
}

/** What stands in the first cell is what the second explains. */
function rowText(row: string): string {
  const [tag, text, ...more] = row.split(/(?<!\\)\|/).slice(1, -1);
  if (tag === undefined || text === undefined || more.length > 0) throw new Error(`no row of two cells: ${row}`);
  const [term, meaning] = [tag, text].map((cell) => inline(cell.trim().replaceAll('\\|', '|')));
  return `.TP 7\n${term}\n${meaning}\n`;
}

function itemText(item: string): string {
  const [, mark, text] = /^(-|\d+\.) (.*)$/.exec(item) ?? [];
  if (mark === undefined || text === undefined) throw new Error(`no item of a list: ${item}`);
  return `.IP ${mark === '-' ? '\\(bu 2' : `${mark} 4`}\n${inline(text)}\n`;
}

function unlikeMacro(line: string): string {
  return line.replace(/^\./, '\\&.');
}

/** A line, or a part of one. Code in bold; of a link what it is called. */
function inline(text: string): string {
  const parts = text.split(/(`[^`]+`|\[[^\]]+\]\([^)]+\))/).map((part) => {
    if (part.startsWith('`')) return `\\fB${codeText(part.slice(1, -1))}\\fR`;
    const [, label] = /^\[([^\]]+)\]\(/.exec(part) ?? [];
    return label === undefined ? roffText(part) : inline(label);
  });
  return unlikeMacro(parts.join(''));
}

function codeText(code: string): string {
  return roffText(code).replace(/(?<!\\)-/g, '\\-');
}
