/** One line of a watch as JSON, with the part nobody reads cut out before parsing: it is half of the work. */

const mark = Buffer.from('"managedFields":[');
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openList = 0x5b;
const closeList = 0x5d;

/** @throws SyntaxError when the line is not JSON */
export function parseWatchLine(line: Buffer): unknown {
  const shorter = cutManagedFields(line);
  if (shorter !== undefined) {
    try {
      return JSON.parse(shorter);
    } catch {
      // The cut went wrong or the line is broken: the whole line tells which.
    }
  }
  return JSON.parse(line.toString('utf8'));
}

/**
 * The text of the line without its first `"managedFields":[…]`; undefined where there is none.
 * The mark cannot stand inside a string, since the quote before its colon would be escaped there.
 */
export function cutManagedFields(line: Buffer): string | undefined {
  const start = line.indexOf(mark);
  if (start < 0) return undefined;
  const end = endOfList(line, start + mark.length);
  if (end === undefined) return undefined;
  const commaAfter = line[end] === comma;
  const commaBefore = !commaAfter && line[start - 1] === comma;
  return line.toString('utf8', 0, commaBefore ? start - 1 : start) + line.toString('utf8', commaAfter ? end + 1 : end);
}

/** The index behind the bracket that closes the list whose first element begins at `index`. */
function endOfList(line: Buffer, index: number): number | undefined {
  let depth = 1;
  for (let at = index; at < line.length; at += 1) {
    const byte = line[at]!;
    if (byte === quote) at = endOfString(line, at + 1);
    else if (byte === openList) depth += 1;
    else if (byte === closeList) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

/** The index of the quote that closes the string whose first character is at `index`. */
function endOfString(line: Buffer, index: number): number {
  let at = index;
  while (at < line.length && line[at] !== quote) at += line[at] === backslash ? 2 : 1;
  return at;
}
