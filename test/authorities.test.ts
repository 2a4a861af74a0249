import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readAuthorities, requireGoodAuthority } from '../src/authorities.ts';
import { createAuthority, toolSubject } from './support/certs.ts';

const hourMs = 3_600_000;
const now = Date.now();
const [one, other] = [createAuthority('one'), createAuthority('other')];
const leafOf = ({ issue }: typeof one) => new X509Certificate(issue({ subject: toolSubject('alpha') }).cert);

describe('a bundle of authorities', () => {
  it('vouches for what one of them has signed, and for nothing else', () => {
    const bundle = readAuthorities(`# two\n${other.cert}\n${one.cert}`, 'it');
    const [mine, theirs] = [one, other].map((each) => bundle.signerOf(leafOf(each)));
    expect(bundle.isGood(mine ?? '', now)).toBe(true);
    expect(theirs).not.toBe(mine);
    expect(readAuthorities(other.cert, 'it').signerOf(leafOf(one))).toBeUndefined();
    // The same name is not enough.
    expect(readAuthorities(createAuthority('one').cert, 'it').signerOf(leafOf(one))).toBeUndefined();
  });

  it('knows an authority again whose certificate was renewed, and forgets one that is gone or has ended', () => {
    const signer = readAuthorities(one.cert, 'it').signerOf(leafOf(one)) ?? '';
    const renewed = createAuthority('one', { key: createPrivateKey(one.key), notAfter: new Date(now + hourMs) });
    const bundle = readAuthorities(renewed.cert, 'it');
    expect([bundle.isGood(signer, now), bundle.isGood(signer, now + 2 * hourMs)]).toEqual([true, false]);
    expect(readAuthorities(other.cert, 'it').isGood(signer, now)).toBe(false);
    expect(readAuthorities(`${renewed.cert}${one.cert}`, 'it').isGood(signer, now + 2 * hourMs)).toBe(true);
  });

  it('ends with the first of them', () => {
    const soon = new Date(Math.floor(now / 1_000) * 1_000 + hourMs);
    const bundle = readAuthorities(one.cert + createAuthority('soon', { notAfter: soon }).cert, 'it');
    expect(bundle.endsAt).toBe(soon.getTime());
  });

  it.each([
    ['', 'it holds no certificate'],
    ['x', 'it holds no certificate'],
    [one.cert + other.cert.slice(0, 200), 'it: part 2 of it is no certificate, or is cut off'],
    [one.cert + other.key, 'it: part 2 of it is no certificate, or is cut off'],
    [`${one.cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`, 'it: part 2 of it is no certificate'],
  ])('is refused as a whole when a part of it cannot be read', (pem, problem) => {
    expect(() => readAuthorities(pem, 'it')).toThrow(problem);
    expect(() => requireGoodAuthority(pem, 'it', now)).toThrow(problem);
  });

  it('replaces another one only with a certificate that is valid now', () => {
    const ended = createAuthority('ended', { notBefore: new Date(now - 2 * hourMs), notAfter: new Date(now - hourMs) });
    expect(() => requireGoodAuthority(ended.cert, 'it', now)).toThrow('none of its certificates is valid now');
    expect(() => requireGoodAuthority(ended.cert + one.cert, 'it', now)).not.toThrow();
  });
});
