/**
 * Judges the certificate and key that claim to be a tool's, before anything is done with them (threats: another tool's key in the home,
 * a certificate of another CA, keys made to burn CPU). Used for what lies in a home, by the daemon and by the administrator's command.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Authorities } from './authorities.ts';
import type { Tool } from './domain.ts';
import { AppError } from './errors.ts';

export interface LeafOptions {
  readonly tool: Tool;
  /** PEM; the first certificate in it is the leaf. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** The CAs whose client certificates the API server accepts. */
  readonly authorities: Pick<Authorities, 'signerOf'>;
  /** ms since the epoch */
  readonly now: number;
}

export interface Leaf {
  /** Hex SHA-256 of the DER form. */
  readonly fingerprint: string;
  /** ms since the epoch */
  readonly notAfter: number;
}

/** Rules that a pair in the middle of being replaced may break for a moment. */
export const passingRules: ReadonlySet<unknown> = new Set(['unreadable', 'pair']);

const maxCertificateBytes = 36_500;
const clientAuth = '1.3.6.1.5.5.7.3.2';
/** An RSA-8192 signature blocks the event loop for 50 ms. */
const rsaBits = { min: 2048, max: 4096 };
const curves = new Set(['prime256v1', 'secp384r1']);

/**
 * @throws AppError `credentials.invalid`; `fields.rule` is one of unreadable, key-type, issuer, expired, not-yet-valid, purpose, subject, pair
 */
export function checkLeaf({ tool, cert, key, authorities, now }: LeafOptions): Leaf {
  const leaf = parseLeaf(tool, cert);
  const notAfter = Date.parse(leaf.validTo);
  if (!isReasonableKey(leaf.publicKey)) {
    throw invalid(
      tool,
      'key-type',
      'The key of the certificate in the home of the tool is neither EC P-256 or P-384 nor RSA with 2048 to 4096 bits.',
    );
  }
  if (authorities.signerOf(leaf) === undefined) {
    throw invalid(tool, 'issuer', 'The certificate in the home of the tool is not from this cluster.');
  }
  // `not <=` so that a date nobody can read counts as past.
  if (!(now <= notAfter))
    throw invalid(tool, 'expired', `The certificate in the home of the tool ended on ${leaf.validTo}.`);
  if (!(Date.parse(leaf.validFrom) <= now)) {
    throw invalid(
      tool,
      'not-yet-valid',
      `The certificate in the home of the tool is not valid before ${leaf.validFrom}.`,
    );
  }
  if (leaf.keyUsage && !leaf.keyUsage.includes(clientAuth)) {
    throw invalid(tool, 'purpose', 'The certificate in the home of the tool is not one for clients.');
  }
  if (!isSubjectOf(tool, leaf.subject))
    throw invalid(tool, 'subject', `The certificate in the home of the tool is not that of '${tool.name}'.`);
  if (!leaf.checkPrivateKey(parseKey(tool, key)))
    throw invalid(tool, 'pair', 'The key in the home of the tool does not belong to its certificate.');
  return { fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(), notAfter };
}

function parseLeaf(tool: Tool, cert: Buffer): X509Certificate {
  try {
    if (cert.length <= maxCertificateBytes) return new X509Certificate(cert);
  } catch {
    // Said below: the text of the parser may quote what it read.
  }
  throw invalid(tool, 'unreadable', 'client.crt in the home of the tool is not a certificate.');
}

function parseKey(tool: Tool, key: Buffer): KeyObject {
  try {
    return createPrivateKey(key);
  } catch {
    throw invalid(tool, 'unreadable', 'client.key in the home of the tool is not a private key without a password.');
  }
}

function isReasonableKey(key: KeyObject): boolean {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec') return namedCurve !== undefined && curves.has(namedCurve);
  return key.asymmetricKeyType === 'rsa' && modulusLength >= rsaBits.min && modulusLength <= rsaBits.max;
}

/**
 * Exactly CN=<tool> and O=toolforge, in either order, each alone in its RDN. Node writes one line for each RDN and escapes line ends and
 * other control characters inside values (RFC 4514), so a value cannot pass for a second line.
 */
function isSubjectOf(tool: Tool, subject: string | undefined): boolean {
  // Undefined for an empty subject, which the types do not say.
  const lines = subject?.split('\n').sort() ?? [];
  return lines.length === 2 && lines[0] === `CN=${tool.name}` && lines[1] === 'O=toolforge';
}

function invalid(tool: Tool, rule: string, what: string): AppError {
  return new AppError(
    'credentials.invalid',
    `${what} Ask an administrator for a new one (toolforge-jobs-admin tool add ${tool.name}).`,
    {
      fields: { tool: tool.name, rule },
    },
  );
}
