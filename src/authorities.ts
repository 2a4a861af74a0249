/**
 * CA bundles: whose word is believed for a certificate. Read for what clients show, for the API server, and for what lies in homes. An
 * authority is known by its key, so that one whose certificate is renewed is the same one still.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { AppError } from './errors.ts';

export interface Authorities {
  /** When the first of those that are good still ends, ms since the epoch; where all have ended, when the last one did. */
  endsAt(now: number): number;
  /**
   * The authority, as `isGood` takes it, that has signed `certificate`, or one of those that were sent along to vouch for it. Undefined
   * where there is none.
   */
  signerOf(certificate: X509Certificate): string | undefined;
  /** Whether it is one of these, and has not ended. */
  isGood(authority: string, now: number): boolean;
}

/** Both ends on lines of their own, a byte order mark before the first aside: TLS takes no other, nor anything behind one, and says nothing. */
const eachPem =
  /(?<![^\n\uFEFF])-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+\n-----END CERTIFICATE-----(?=[^\S\n]*(?:\n|$))/g;
/** A chain of a client may be that long; each step costs a signature. */
const longestChain = 4;

/**
 * @param pem PEM blocks, with any text between them
 * @param what they are, for people: `the client CA`
 * @throws AppError `settings.invalid` where there is none, or a part cannot be read, as at the end of a file that is being written
 */
export function readAuthorities(pem: string, what: string): Authorities {
  const all = readBundle(pem, what).map((certificate) => ({
    certificate,
    key: keyOf(certificate),
    endsAt: Date.parse(certificate.validTo),
  }));
  const endOf = new Map<string, number>();
  for (const { key, endsAt } of all) endOf.set(key, Math.max(endsAt, endOf.get(key) ?? 0));

  function signerOf(certificate: X509Certificate): string | undefined {
    let current: X509Certificate | undefined = certificate;
    for (let step = 0; current && step < longestChain; step += 1) {
      const signed: X509Certificate = current;
      const found = all.find((authority) => isSignedBy(signed, authority.certificate));
      if (found) return found.key;
      const next: X509Certificate | undefined = signed.issuerCertificate;
      current = next && isSignedBy(signed, next) ? next : undefined;
    }
    return undefined;
  }

  return {
    endsAt(now) {
      const ends = all.map((one) => one.endsAt);
      const ahead = ends.filter((end) => end >= now);
      return ahead.length > 0 ? Math.min(...ahead) : Math.max(...ends);
    },
    signerOf,
    // `<=` so that a date nobody can read counts as past.
    isGood: (authority, now) => now <= (endOf.get(authority) ?? Number.NaN),
  };
}

/**
 * What holds of any bundle that is verified with, whenever it is read. Dates are not asked: a daemon starts with authorities that have ended,
 * since there is nothing else it could go on with.
 * @throws AppError `settings.invalid` as readAuthorities, and where there is no root: TLS follows every certificate to one that has signed
 *   itself, so a bundle of intermediate ones alone would vouch for nobody
 */
export function requireRoot(pem: string, what: string): void {
  if (!readBundle(pem, what).some(isRoot))
    throw invalid(`${what}: none of its certificates is a root (one that has signed itself)`);
}

/**
 * What holds of a bundle that takes the place of another one, which is kept otherwise.
 * @throws AppError `settings.invalid` as readAuthorities, and where no root is valid now
 */
export function requireGoodAuthority(pem: string, what: string, now: number): void {
  const bundle = readBundle(pem, what);
  const isGoodNow = ({ validFrom, validTo }: X509Certificate) =>
    Date.parse(validFrom) <= now && now <= Date.parse(validTo);
  const good = bundle.filter(isGoodNow);
  if (good.length === 0) throw invalid(`${what}: none of its certificates is valid now`);
  if (!good.some(isRoot))
    throw invalid(`${what}: none of its certificates that are valid now is a root (one that has signed itself)`);
}

function isRoot(certificate: X509Certificate): boolean {
  return isSignedBy(certificate, certificate);
}

function readBundle(pem: string, what: string): X509Certificate[] {
  const parts = [...pem.matchAll(/-----BEGIN/g)];
  if (parts.length === 0) throw invalid(`${what} holds no certificate`);
  const blocks = new Map([...pem.matchAll(eachPem)].map(({ index, 0: block }) => [index, block]));
  return parts.map(({ index }, at) => {
    const part = `${what}: part ${at + 1} of it`;
    const block = blocks.get(index);
    if (block === undefined)
      throw invalid(`${part} is no certificate, is cut off, or does not begin and end on lines of its own`);
    try {
      return new X509Certificate(block);
    } catch {
      throw invalid(`${part} is no certificate`);
    }
  });
}

function isSignedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function keyOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

function invalid(problem: string): AppError {
  return new AppError('settings.invalid', `${problem}.`, { problems: [problem] });
}
