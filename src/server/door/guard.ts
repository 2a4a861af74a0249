/**
 * What a request must look like before anything reads it: few headers, no identity headers, one Host, a plain path, no protocol change.
 * Node's parser has refused what is not HTTP already; this refuses what is HTTP and still means two things to two readers.
 */
import type { IncomingMessage } from 'node:http';
import { AppError } from '../../errors.ts';
import { frontHeaders } from '../identify.ts';

/** Sizes of one request. Node 20 drops headers silently beyond a limit of its own, which must therefore lie above ours. */
export const requestSizes = {
  headerLines: 100,
  nodeHeaderLines: 200,
  headerBytes: 8 * 1024,
  frontHeaderBytes: 16 * 1024,
  bodyBytes: 256 * 1024,
};

/** `refuse` on every listener but the unix socket of a front. */
export type IdentityHeaders = 'refuse' | 'from-front';

const identityNames: ReadonlySet<string> = new Set([...Object.values(frontHeaders), 'x-toolforge-tool']);
const identityPrefixes = ['x-remote-', 'impersonate-'];
const fromFront: ReadonlySet<string> = new Set(Object.values(frontHeaders));

/** Headers that two readers could read differently if they stood there twice. */
const onceOnly: ReadonlySet<string> = new Set([
  'host',
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'authorization',
  'expect',
  'user-agent',
]);
const hostText = /^[A-Za-z0-9._\-[\]:]{1,261}$/;

/**
 * Refuses, or lets pass and leaves in `request.url` a path that begins with one slash.
 * @throws AppError `request.too_many_headers`, `request.too_large`, `request.invalid`, `caller.bad_header`
 */
export function guardRequest(request: IncomingMessage, identityHeaders: IdentityHeaders): void {
  if (request.rawHeaders.length > 2 * requestSizes.headerLines) {
    throw new AppError(
      'request.too_many_headers',
      `A request may have at most ${requestSizes.headerLines} header lines.`,
    );
  }
  if (request.httpVersionMajor !== 1) throw invalid('Only HTTP/1.1 is spoken here.');
  if (request.headers.host === undefined && request.httpVersionMinor > 0)
    throw invalid("The header 'host' is missing.");
  checkHeaders(request.rawHeaders, identityHeaders);
  request.url = plainPath(request.url ?? '', request.headers.host);
}

/**
 * @param rawHeaders names and values in turn, as Node hands them over
 * @throws AppError `caller.bad_header`, `request.invalid`, `request.too_large`
 */
export function checkHeaders(rawHeaders: readonly string[], identityHeaders: IdentityHeaders): void {
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const raw = (rawHeaders[at] as string).toLowerCase();
    const name = raw.includes('_') ? raw.replaceAll('_', '-') : raw;
    const allowed = identityHeaders === 'from-front' && fromFront.has(raw);
    if (isIdentityHeader(name) && !allowed) throw badHeader(name);
    if (onceOnly.has(name)) {
      if (seen.has(name)) throw invalid(`The header '${name}' stands there twice.`);
      seen.add(name);
    }
    checkValue(name, rawHeaders[at + 1] as string);
  }
}

function checkValue(name: string, value: string): void {
  switch (name) {
    case 'connection':
    case 'proxy-connection':
      checkConnectionTokens(value);
      return;
    case 'upgrade':
      throw invalid('Another protocol is not offered here.');
    case 'expect':
      if (value.toLowerCase() !== '100-continue')
        throw invalid("The header 'expect' asks for what is not offered here.");
      return;
    case 'host':
      if (!hostText.test(value)) throw invalid("The header 'host' is malformed.");
      return;
    case 'content-length':
      if (Number(value) > requestSizes.bodyBytes) throw bodyTooLarge();
  }
}

/** A token names a header that the next hop shall drop: nobody may have an identity header dropped. */
function checkConnectionTokens(value: string): void {
  if (value === 'keep-alive' || value === 'close') return;
  for (const token of value.split(',')) {
    const name = token.trim().toLowerCase().replaceAll('_', '-');
    if (isIdentityHeader(name)) throw badHeader(name);
    if (name === 'upgrade') throw invalid('Another protocol is not offered here.');
  }
}

function isIdentityHeader(name: string): boolean {
  return identityNames.has(name) || identityPrefixes.some((prefix) => name.startsWith(prefix));
}

/**
 * The path and query to route by. An absolute form is taken only when it names the host of the request, in which case it is cut off.
 * @throws AppError `request.invalid` for anything that two decoders could understand differently
 */
export function plainPath(url: string, host: string | undefined): string {
  const path = url.startsWith('/') ? url : withoutAuthority(url, host);
  if (!/^[!-~]*$/.test(path) || /[\\#]|%00/.test(path)) throw badPath();
  const end = path.indexOf('?');
  const routed = end < 0 ? path : path.slice(0, end);
  if (routed.includes('//')) throw badPath();
  if (routed.includes('%') || routed.includes('/.')) checkSegments(routed);
  return path;
}

function withoutAuthority(url: string, host: string | undefined): string {
  const match = /^https?:\/\/([^/?#]+)(\/.*)?$/i.exec(url);
  if (!match || host === undefined || match[1]?.toLowerCase() !== host.toLowerCase()) throw badPath();
  return match[2] ?? '/';
}

function checkSegments(path: string): void {
  if (/%(?:2f|5c|[01][0-9a-f]|7f)/i.test(path)) throw badPath();
  for (const segment of path.split('/')) {
    const decoded = decodeSegment(segment);
    if (decoded === '.' || decoded === '..') throw badPath();
  }
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badPath();
  }
}

export function bodyTooLarge(): AppError {
  return new AppError('request.too_large', `A request body may have at most ${requestSizes.bodyBytes / 1024} KiB.`);
}

function badHeader(name: string): AppError {
  return new AppError(
    'caller.bad_header',
    'The request carries a header that says who calls. Only the client certificate may say that.',
    { cause: name },
  );
}

function badPath(): AppError {
  return invalid('The path of the request is not a plain path.');
}

function invalid(message: string): AppError {
  return new AppError('request.invalid', message);
}
