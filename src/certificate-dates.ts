/** When a certificate is good, for those that the daemon itself shows or trusts. */
import { X509Certificate } from 'node:crypto';
import { AppError } from './errors.ts';

/** @returns when it ends, ms since the epoch @throws AppError `settings.invalid` for what is no certificate */
export function endOfCertificate(pem: string, what: string): number {
  return datesOf(pem, what).notAfter;
}

/** @throws AppError `settings.invalid` for what is no certificate, or is not good now */
export function requireGoodNow(pem: string, what: string, now: number): void {
  const { notBefore, notAfter } = datesOf(pem, what);
  // `not <=` so that a date nobody can read counts as past.
  if (!(now <= notAfter)) throw invalid(`${what} ended on ${new Date(notAfter).toISOString()}`);
  if (!(notBefore <= now)) throw invalid(`${what} is not valid before ${new Date(notBefore).toISOString()}`);
}

function datesOf(pem: string, what: string): { notBefore: number; notAfter: number } {
  try {
    const { validFrom, validTo } = new X509Certificate(pem);
    return { notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) };
  } catch {
    throw invalid(`${what} is no certificate`);
  }
}

function invalid(problem: string): AppError {
  return new AppError('settings.invalid', `${problem}.`, { problems: [problem] });
}
