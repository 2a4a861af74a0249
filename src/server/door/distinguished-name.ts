/**
 * Subjects of client certificates: what a name is made of, how its text form is read, and which names are a tool's.
 * Everything that is not understood to the last byte is refused.
 */
import { Tool } from '../../domain.ts';
import { AppError } from '../../errors.ts';

/** One attribute of a name. `type` is a dotted OID, e.g. `2.5.4.3` for CN. */
export interface Attribute {
  readonly type: string;
  readonly value: string;
}

/** Parts of a name; each is one attribute unless somebody joined several with `+`. */
export type Name = readonly (readonly Attribute[])[];

export const commonName = '2.5.4.3';
export const organisation = '2.5.4.10';

/** Short names of RFC 4514 3, the only ones a reader must know. */
const shortNames: ReadonlyMap<string, string> = new Map([
  ['CN', commonName],
  ['L', '2.5.4.7'],
  ['ST', '2.5.4.8'],
  ['O', organisation],
  ['OU', '2.5.4.11'],
  ['C', '2.5.4.6'],
  ['STREET', '2.5.4.9'],
  ['DC', '0.9.2342.19200300.100.1.25'],
  ['UID', '0.9.2342.19200300.100.1.1'],
]);

const maxNameChars = 2048;
const attributeType = /[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+/y;
const hexPair = /[0-9A-Fa-f]{2}/y;

/** Characters that may follow a backslash as themselves (RFC 4514 3: special, and the backslash). */
const escapable = ' "#+,;<=>\\';
/** Characters that must not stand in a value without a backslash. */
const reserved = '"+,;<>\\';

/** Same sentence for every odd subject; what was odd goes to the log only. @param why for the log */
export function wrongSubject(why: string): AppError {
  return new AppError('caller.forbidden', 'The client certificate is not one of a tool.', { cause: why });
}

/**
 * The tool a name stands for: exactly one CN and one `O=toolforge`, in any order, nothing else, nothing joined with `+`.
 * @throws AppError `caller.forbidden`
 */
export function toolOfName(name: Name): Tool {
  const attributes = name.map((part) => (part.length === 1 ? part[0] : undefined));
  const cn = attributes.find((attribute) => attribute?.type === commonName);
  const o = attributes.find((attribute) => attribute?.type === organisation);
  if (attributes.length !== 2 || !cn || !o) throw wrongSubject('the subject is not one CN and one O');
  if (o.value !== 'toolforge') throw wrongSubject('the organisation is not toolforge');
  try {
    return Tool.of(cn.value);
  } catch {
    throw wrongSubject('the CN is not a tool name');
  }
}

/**
 * Reads the text form of RFC 4514 (RFC 2253), e.g. `CN=alpha,O=toolforge`: no blanks around separators, no quotes, ASCII only,
 * no `#` hex values. Parts come back in the order of the text, which is the reverse of the certificate's.
 * @throws AppError `caller.forbidden`
 */
export function parseNameText(text: string): Name {
  if (text.length === 0 || text.length > maxNameChars) throw wrongSubject('the name is empty or too long');
  const parts: Attribute[][] = [[]];
  let at = 0;
  for (;;) {
    const [type, afterType] = readType(text, at);
    const [value, afterValue] = readValue(text, afterType);
    (parts.at(-1) as Attribute[]).push({ type, value });
    if (afterValue === text.length) return parts;
    if (text[afterValue] === ',') parts.push([]);
    at = afterValue + 1;
  }
}

function readType(text: string, start: number): [type: string, next: number] {
  attributeType.lastIndex = start;
  const word = attributeType.exec(text)?.[0];
  if (word === undefined || text[start + word.length] !== '=')
    throw wrongSubject('an attribute type is missing or malformed');
  const type = /^\d/.test(word) ? word : shortNames.get(word.toUpperCase());
  if (type === undefined) throw wrongSubject('an attribute type is unknown');
  return [type, start + word.length + 1];
}

/** Ends at the text's end or at an unescaped `,` or `+`. */
function readValue(text: string, start: number): [value: string, next: number] {
  if (text[start] === '#' || text[start] === ' ') throw wrongSubject('a value begins with a blank or a #');
  const bytes: number[] = [];
  let at = start;
  let endsInBlank = false;
  while (at < text.length && text[at] !== ',' && text[at] !== '+') {
    const [byte, next] = readByte(text, at);
    endsInBlank = byte === 0x20 && next === at + 1;
    bytes.push(byte);
    at = next;
  }
  if (endsInBlank) throw wrongSubject('a value ends with a blank');
  return [decodeUtf8(Uint8Array.from(bytes)), at];
}

function readByte(text: string, at: number): [byte: number, next: number] {
  const char = text[at] as string;
  if (char !== '\\') {
    if (char < ' ' || char > '~' || reserved.includes(char)) throw wrongSubject('a character stands unescaped');
    return [char.charCodeAt(0), at + 1];
  }
  hexPair.lastIndex = at + 1;
  const pair = hexPair.exec(text)?.[0];
  if (pair !== undefined) return [Number.parseInt(pair, 16), at + 3];
  const next = text[at + 1];
  if (next === undefined || !escapable.includes(next)) throw wrongSubject('an escape is malformed');
  return [next.charCodeAt(0), at + 2];
}

/** @throws AppError `caller.forbidden` unless the bytes are well-formed UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw wrongSubject('a value is not UTF-8');
  }
}
