/**
 * From a connection's certificate, or from the three headers of a front on the unix socket, to the tool that calls. Both ways fail closed
 * and both ask at every request whether the certificate is still good: connections outlive certificates.
 */
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Authorities } from '../authorities.ts';
import type { Tool } from '../domain.ts';
import { AppError } from '../errors.ts';
import { readSubject } from './door/der-subject.ts';
import { parseNameText, toolOfName } from './door/distinguished-name.ts';

/** Who calls. One object per certificate and connection; `validTo` is ms since the epoch. */
export interface Caller {
  readonly tool: Tool;
  /** SHA-256 of the certificate, upper-case hex with colons. */
  readonly fingerprint: string;
  /** Who vouches for the certificate, as authorities.ts names it. */
  readonly authority: string;
  readonly validTo: number;
}

export interface IdentityDeps {
  /** Those that issue the certificates of tools, as they are now. */
  authorities(): Authorities;
  /** Asked at every request, so that a revocation also reaches open connections. */
  isDenied(tool: string, fingerprint: string): boolean;
  /** ms since the epoch */
  now(): number;
}

/** The headers of a front, believed on the unix socket and nowhere else. */
export const frontHeaders = {
  subject: 'ssl-client-subject-dn',
  verify: 'ssl-client-verify',
  certificate: 'ssl-client-cert',
} as const;

interface Known extends Caller {
  readonly validFrom: number;
}

/** Extended key usage clientAuth, RFC 5280 4.2.1.12. */
const clientAuth = '1.3.6.1.5.5.7.3.2';
const maxCertificateChars = 36_500;
const maxKeptCertificates = 512;
const onePem = /^-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*$/;

/**
 * Identity from mutual TLS. The certificate is parsed once per connection.
 * The returned function throws AppError `caller.no_certificate`, `caller.unauthenticated` or `caller.forbidden`.
 */
export function createTlsIdentity(deps: IdentityDeps): (socket: TLSSocket) => Caller {
  const connections = new WeakMap<TLSSocket, Known>();
  return (socket) => {
    let known = connections.get(socket);
    if (!known) {
      known = readConnection(socket, deps.authorities());
      connections.set(socket, known);
    }
    if (!socket.authorized) throw unauthenticated('untrusted', 'the connection is not authorized');
    return stillGood(known, deps);
  };
}

function readConnection(socket: TLSSocket, authorities: Authorities): Known {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) throw new AppError('caller.no_certificate', 'No required SSL certificate was sent');
  // A resumed session brings an identity nobody has verified against today's authority.
  if (socket.isSessionReused()) throw unauthenticated('untrusted', 'the TLS session was resumed');
  if (!socket.authorized) throw verificationFailed(socket.authorizationError);
  return readCertificate(certificate, authorities);
}

/** @param error a code of OpenSSL as Node names it, e.g. `CERT_HAS_EXPIRED` */
function verificationFailed(error: unknown): AppError {
  const why = String(error);
  if (why === 'CERT_HAS_EXPIRED') return unauthenticated('expired', why);
  return unauthenticated(why === 'CERT_NOT_YET_VALID' ? 'early' : 'untrusted', why);
}

/**
 * Identity from a front that has ended TLS. The front's word is not enough: the certificate itself must come along (percent-encoded PEM, as
 * nginx writes `$ssl_client_escaped_cert`), be issued by the authority, and name the same tool as the subject header (RFC 4514 text).
 * The returned function throws as the one above does, and `caller.bad_header` where a header is missing or doubled.
 */
export function createHeaderIdentity(deps: IdentityDeps): (rawHeaders: readonly string[]) => Caller {
  const kept = new Map<string, Known>();

  const verified = (escaped: string): Known => {
    const known = kept.get(escaped);
    if (known) return known;
    const certificate = parseEscaped(escaped);
    requireClientAuth(certificate);
    const read = readCertificate(certificate, deps.authorities());
    if (kept.size >= maxKeptCertificates) kept.delete(kept.keys().next().value as string);
    kept.set(escaped, read);
    return read;
  };

  return (rawHeaders) => {
    const verify = once(rawHeaders, frontHeaders.verify);
    // What nginx says of a client that showed none; it leaves empty headers out.
    if (verify === 'NONE') throw new AppError('caller.no_certificate', 'No required SSL certificate was sent');
    const named = once(rawHeaders, frontHeaders.subject);
    const escaped = once(rawHeaders, frontHeaders.certificate);
    if (verify !== 'SUCCESS') throw unauthenticated(verify.includes('expired') ? 'expired' : 'untrusted', verify);
    const tool = toolOfName(parseNameText(named));
    const known = verified(escaped);
    if (tool.name !== known.tool.name)
      throw unauthenticated('untrusted', 'subject header and certificate name different tools');
    return stillGood(known, deps);
  };
}

/** The value of a header that must stand there exactly once, in printable ASCII. */
function once(rawHeaders: readonly string[], name: string): string {
  let value: string | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() !== name) continue;
    if (value !== undefined) throw badFront(name);
    value = rawHeaders[at + 1];
  }
  if (value === undefined || !/^[ -~]+$/.test(value)) throw badFront(name);
  return value;
}

function badFront(name: string): AppError {
  return new AppError('caller.bad_header', 'The front of this service does not pass on who calls.', {
    cause: `${name} is not there exactly once`,
  });
}

function parseEscaped(escaped: string): X509Certificate {
  try {
    const pem = decodeURIComponent(escaped);
    if (pem.length <= maxCertificateChars && onePem.test(pem)) return new X509Certificate(pem);
  } catch {
    // Answered below, like any other text that is no certificate.
  }
  throw unauthenticated('untrusted', 'the certificate header holds no certificate');
}

/** Over TLS OpenSSL sees to it. */
function requireClientAuth(leaf: X509Certificate): void {
  // Node calls the extended key usage keyUsage; without any the certificate may be used for everything.
  const usages = leaf.keyUsage as string[] | undefined;
  if (usages !== undefined && !usages.includes(clientAuth))
    throw unauthenticated('untrusted', 'the certificate is not for clients');
}

function readCertificate(certificate: X509Certificate, authorities: Authorities): Known {
  const authority = authorities.signerOf(certificate);
  if (authority === undefined) throw unauthenticated('untrusted', 'no authority of ours issued the certificate');
  return {
    authority,
    tool: toolOfName(readSubject(certificate.raw)),
    fingerprint: certificate.fingerprint256,
    validFrom: Date.parse(certificate.validFrom),
    validTo: Date.parse(certificate.validTo),
  };
}

function stillGood(known: Known, deps: IdentityDeps): Caller {
  const now = deps.now();
  // Written so that a time that could not be read (NaN) refuses.
  if (!(now >= known.validFrom)) throw unauthenticated('early', 'not yet valid');
  if (!(now <= known.validTo)) throw unauthenticated('expired', 'expired since the connection was made');
  if (!deps.authorities().isGood(known.authority, now))
    throw unauthenticated('untrusted', 'the authority has ended or is trusted no more');
  if (deps.isDenied(known.tool.name, known.fingerprint))
    throw unauthenticated('disabled', `${known.tool.name} is on the deny list`);
  return known;
}

const sentences = {
  untrusted: 'The client certificate was not issued by the authority of this service.',
  expired: 'The client certificate has expired. The operators of the service renew it: tell them.',
  early: 'The client certificate is not valid yet.',
  disabled: 'The client certificate has been disabled.',
} as const;

/** @param why for the log only */
export function untrusted(why: string | undefined): AppError {
  return unauthenticated('untrusted', why ?? 'unknown');
}

/** @param why for the log only; the caller reads one of four fixed sentences */
function unauthenticated(reason: keyof typeof sentences, why: string): AppError {
  return new AppError('caller.unauthenticated', sentences[reason], { cause: why });
}
