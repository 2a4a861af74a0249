/**
 * The subject of a certificate, read from its DER bytes (RFC 5280 4.1). Node's own renderings of a subject lose what matters here: which
 * attributes share a part, which string type they have, and where a value with line breaks ends. Called once per connection, only with
 * certificates that Node has parsed already.
 */
import { type Attribute, decodeUtf8, type Name, wrongSubject } from './distinguished-name.ts';

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

const tags = {
  integer: 0x02,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printable: 0x13,
  t61: 0x14,
  ia5: 0x16,
  bmp: 0x1e,
  version: 0xa0,
} as const;

/**
 * @returns the parts of the subject in the order of the certificate
 * @throws AppError `caller.forbidden` for any form that is not plain DER or any string type that is not known
 */
export function readSubject(certificateDer: Buffer): Name {
  const [certificate] = readAll(certificateDer);
  const [body] = readAll(expect(certificate, tags.sequence));
  const fields = readAll(expect(body, tags.sequence));
  const start = fields[0]?.tag === tags.version ? 1 : 0;
  expect(fields[start], tags.integer);
  // serial, signature algorithm, issuer, validity, subject
  return readAll(expect(fields[start + 4], tags.sequence)).map((part) =>
    readAll(expect(part, tags.set)).map(readAttribute),
  );
}

function readAttribute(element: Element): Attribute {
  const [type, value, ...rest] = readAll(expect(element, tags.sequence));
  if (!value || rest.length > 0) throw wrongSubject('an attribute is not one type and one value');
  return { type: readOid(expect(type, tags.oid)), value: readText(value) };
}

function expect(element: Element | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw wrongSubject('the certificate has an unexpected structure');
  return element.content;
}

/** The elements that fill the bytes exactly. */
function readAll(bytes: Buffer): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number;
    const [length, start] = readLength(bytes, at + 1);
    const end = start + length;
    // Tags of more than one byte never occur in the fields read here.
    if ((tag & 0x1f) === 0x1f || end > bytes.length) throw wrongSubject('the certificate is not plain DER');
    elements.push({ tag, content: bytes.subarray(start, end) });
    at = end;
  }
  return elements;
}

function readLength(bytes: Buffer, at: number): [length: number, next: number] {
  const first = bytes[at] ?? 0x80;
  if (first < 0x80) return [first, at + 1];
  const size = first & 0x7f;
  if (size === 0 || size > 3 || at + size >= bytes.length) throw wrongSubject('the certificate is not plain DER');
  const length = bytes.readUIntBE(at + 1, size);
  const shortest = length < 0x80 ? 0 : Math.ceil((32 - Math.clz32(length)) / 8);
  if (size !== shortest) throw wrongSubject('the certificate is not plain DER');
  return [length, at + 1 + size];
}

function readOid(bytes: Buffer): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of bytes) {
    const padded = arc === 0 && byte === 0x80;
    arc = arc * 128 + (byte & 0x7f);
    if (padded || !Number.isSafeInteger(arc)) throw wrongSubject('an attribute type is malformed');
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const first = arcs.shift();
  if (first === undefined || (bytes.at(-1) as number) >= 0x80) throw wrongSubject('an attribute type is malformed');
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...arcs].join('.');
}

function readText({ tag, content }: Element): string {
  switch (tag) {
    case tags.utf8:
      return decodeUtf8(content);
    case tags.printable:
    case tags.ia5:
    // What T61 means beyond ASCII depends on whom one asks, so it is not read.
    case tags.t61:
      if (content.some((byte) => byte > 0x7f)) throw wrongSubject('a value is not ASCII');
      return content.toString('latin1');
    case tags.bmp:
      if (content.length % 2 !== 0) throw wrongSubject('a value is cut off');
      return Buffer.from(content).swap16().toString('utf16le');
    default:
      throw wrongSubject('a value is of an unknown string type');
  }
}
