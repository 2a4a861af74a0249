/** Request bodies: JSON and forms, refused before they are parsed where parsing or later copying could surprise. Pure. */
import { AppError } from '../../errors.ts';

const maxDepth = 32;

/**
 * @returns undefined for an empty body: clients send `content-type: application/json` with nothing behind it
 * @throws AppError `request.invalid` for text that is not JSON, nests deeper than 32, repeats a key or has a key `__proto__`
 */
export function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const text = decode(body);
  checkJson(text);
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('The body is not JSON.');
  }
}

/**
 * Walks the text once. Well-formedness is left to JSON.parse: a string before a colon is a key in every JSON text.
 * @throws AppError `request.invalid`
 */
function checkJson(text: string): void {
  const keysByDepth: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{' || char === '[') {
      if (keysByDepth.push(new Set()) > maxDepth) throw invalid(`The body nests deeper than ${maxDepth} levels.`);
    } else if (char === '}' || char === ']') {
      keysByDepth.pop();
    } else if (char === '"') {
      const end = endOfString(text, at);
      if (isFollowedByColon(text, end)) addKey(keysByDepth.at(-1), text.slice(at, end));
      at = end - 1;
    }
  }
}

/** @returns the place behind the closing quote */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

function isFollowedByColon(text: string, start: number): boolean {
  let at = start;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
  return text[at] === ':';
}

function addKey(keys: Set<string> | undefined, quoted: string): void {
  const key = unquote(quoted);
  if (key === '__proto__') throw invalid("The body has a key '__proto__'.");
  if (keys?.has(key)) throw invalid('The body has a key twice.');
  keys?.add(key);
}

function unquote(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw invalid('The body is not JSON.');
  }
}

/**
 * A form (`application/x-www-form-urlencoded`) or a query, as a record without prototype.
 * @throws AppError `request.invalid` for a key that comes twice or is `__proto__`
 */
export function parsePairs(text: string): Record<string, string> {
  const record = Object.create(null) as Record<string, string>;
  for (const [key, value] of new URLSearchParams(text)) {
    if (key === '__proto__') throw invalid("There is a parameter '__proto__'.");
    if (key in record) throw invalid('A parameter is given twice.');
    record[key] = value;
  }
  return record;
}

/** @throws AppError `request.invalid` as parsePairs() does, and for bytes that are not UTF-8 */
export function parseFormBody(body: Buffer): Record<string, string> {
  return parsePairs(decode(body));
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw invalid('The body is not UTF-8.');
  }
}

function invalid(message: string): AppError {
  return new AppError('request.invalid', message);
}
