/**
 * The small part of YAML that kubeconfigs and settings files are written in by the programs that write them: block mappings and lists,
 * one-line scalars, comments on lines of their own. A full parser costs every start of the command line some 20 ms, most of what it does.
 * Whatever is outside this part is not guessed at: the answer is then undefined, and the full parser is asked.
 */

interface Line {
  readonly indent: number;
  readonly text: string;
}

/** Thrown and caught in this file: the text is outside the part. */
class Unsure extends Error {}

/**
 * @returns `{ value }` exactly as a YAML 1.2 parser would have it, or undefined where this reader is not sure
 * @example parsePlainYaml('a:\n- b: 1') -> { value: { a: [{ b: 1 }] } }
 */
export function parsePlainYaml(text: string): { value: unknown } | undefined {
  // Printable ASCII only: no tabs, no carriage returns, nothing whose meaning depends on a version of Unicode.
  if (!/^[\x20-\x7e\n]*$/.test(text)) return undefined;
  try {
    const lines = text.split('\n').flatMap(readLine);
    const value = lines.length === 0 ? null : readBlock(lines, lines[0]?.indent ?? 0);
    return lines.length === 0 ? { value } : undefined;
  } catch (error) {
    if (error instanceof Unsure) return undefined;
    throw error;
  }
}

function readLine(line: string): Line[] {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return [];
  return [{ indent: line.length - line.trimStart().length, text }];
}

/** Takes the lines of one mapping or list off the front. */
function readBlock(lines: Line[], indent: number): unknown {
  return lines[0]?.text.startsWith('- ') ? readList(lines, indent) : readMapping(lines, indent);
}

function readList(lines: Line[], indent: number): unknown[] {
  const items: unknown[] = [];
  for (let line = lines[0]; line?.indent === indent && line.text.startsWith('- '); line = lines[0]) {
    const text = line.text.slice(2).trimStart();
    // What follows the dash is a block of its own, as far in as it stands.
    const inner = { indent: indent + line.text.length - text.length, text };
    if (text.startsWith('- ')) throw new Unsure();
    if (pair.test(text)) {
      lines[0] = inner;
      items.push(readMapping(lines, inner.indent));
    } else {
      lines.shift();
      items.push(readScalar(text));
    }
    if ((lines[0]?.indent ?? 0) > indent) throw new Unsure();
  }
  return items;
}

/** A key that no schema takes for anything but text. */
const pair = /^([A-Za-z][A-Za-z0-9._-]*):(?: +(.*))?$/;

function readMapping(lines: Line[], indent: number): Record<string, unknown> {
  const entries = new Map<string, unknown>();
  for (let line = lines[0]; line?.indent === indent && !line.text.startsWith('- '); line = lines[0]) {
    const [, key = '', text] = pair.exec(line.text) ?? [];
    if (key === '' || isSpecial(key) || entries.has(key)) throw new Unsure();
    lines.shift();
    entries.set(key, text === undefined ? readInner(lines, indent) : readScalar(text));
    // Further in after a value: a scalar of several lines, or a mistake.
    if ((lines[0]?.indent ?? 0) > indent) throw new Unsure();
  }
  return Object.fromEntries(entries);
}

/** The value of a key with nothing behind its colon. A list may stand as far in as its key. */
function readInner(lines: Line[], indent: number): unknown {
  const [next] = lines;
  if (next && next.indent > indent) return readBlock(lines, next.indent);
  if (next?.indent === indent && next.text.startsWith('- ')) return readList(lines, indent);
  return null;
}

function readScalar(text: string): unknown {
  if (text === '{}') return {};
  if (text === '[]') return [];
  const [, quoted] = /^"([^"\\]*)"$/.exec(text) ?? /^'([^']*)'$/.exec(text) ?? [];
  if (quoted !== undefined) return quoted;
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  // Begins like nothing else in YAML, and holds neither a comment nor a key.
  if (/^[A-Za-z/][^#]*$/.test(text) && !/:(?: |$)/.test(text) && !isSpecial(text)) return text;
  throw new Unsure();
}

/** Words that some version of YAML takes for a truth value or for nothing. */
function isSpecial(text: string): boolean {
  return /^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
}
