import { describe, expect, it } from 'vitest';
import { endOfCertificate, requireGoodNow } from '../src/certificate-dates.ts';
import { createAuthority, issueServer } from './support/certs.ts';

const { cert } = issueServer(createAuthority('one'));

describe('a certificate that the daemon shows', () => {
  it('is good between its two dates', () => {
    const end = endOfCertificate(cert, 'it');
    expect(() => requireGoodNow(cert, 'it', Date.now())).not.toThrow();
    expect(() => requireGoodNow(cert, 'it', end + 1)).toThrow('it ended on');
    expect(() => requireGoodNow(cert, 'it', 0)).toThrow('it is not valid before');
  });

  it.each(['', 'x', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])('is not %j', (text) => {
    expect(() => endOfCertificate(text, 'it')).toThrow('it is no certificate');
  });
});
