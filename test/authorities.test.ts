import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { readAuthorities, requireGoodAuthority, requireRoot } from '../src/authorities.ts';
import { createAuthority, issueServer, toolSubject } from './support/certs.ts';

const hourMs = 3_600_000;
const now = Date.now();
const [one, other] = [createAuthority('one'), createAuthority('other')];
const leafOf = ({ issue }: typeof one) => new X509Certificate(issue({ subject: toolSubject('alpha') }).cert);

/** Whether a listener with these authorities believes a client of one of them. */
async function isBelieved(ca: string, authority: typeof one): Promise<boolean> {
  const own = issueServer(one);
  const server = createServer({ cert: own.cert, key: own.key, ca, requestCert: true, rejectUnauthorized: false });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const { cert, key } = authority.issue({ subject: toolSubject('alpha') });
  const connection = connect({ host: '127.0.0.1', port, ca: one.cert, cert, key });
  const [accepted] = (await once(server, 'secureConnection')) as [TLSSocket];
  const { authorized } = accepted;
  connection.destroy();
  await once(server.close(), 'close');
  return authorized;
}

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

  it('ends with the first of them that has not ended already', () => {
    const soon = new Date(Math.floor(now / 1_000) * 1_000 + hourMs);
    const bundle = readAuthorities(one.cert + createAuthority('soon', { notAfter: soon }).cert, 'it');
    expect(bundle.endsAt(now)).toBe(soon.getTime());
    expect(bundle.endsAt(soon.getTime() + 1)).toBeGreaterThan(soon.getTime());
    expect(readAuthorities(createAuthority('soon', { notAfter: soon }).cert, 'it').endsAt(now + 2 * hourMs)).toBe(
      soon.getTime(),
    );
  });

  it.each([
    ['', 'it holds no certificate'],
    ['x', 'it holds no certificate'],
    [one.cert + other.cert.slice(0, 200), 'it: part 2 of it is no certificate, is cut off'],
    [other.key + one.cert + other.cert, 'it: part 1 of it is no certificate, is cut off'],
    [one.cert.trimEnd() + other.cert, 'it: part 1 of it is no certificate, is cut off, or does not begin and end on'],
    [`${one.cert}other: ${other.cert}`, 'it: part 2 of it is no certificate, is cut off, or does not begin and end on'],
    [`${one.cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`, 'it: part 2 of it is no certificate'],
  ])('is refused as a whole when a part of it cannot be read', (pem, problem) => {
    expect(() => readAuthorities(pem, 'it')).toThrow(problem);
    expect(() => requireGoodAuthority(pem, 'it', now)).toThrow(problem);
    expect(() => requireRoot(pem, 'it')).toThrow(problem);
  });

  it.each([
    ['lines that end as on Windows', (pem: string) => pem.replaceAll('\n', '\r\n')],
    ['words between its parts', (pem: string) => pem.replaceAll('-----BEGIN', '# an authority - of ours\n-----BEGIN')],
    ['a byte order mark', (pem: string) => `\uFEFF${pem}`],
    ['spaces at the ends of lines, and no last line end', (pem: string) => pem.replaceAll('\n', ' \n').trimEnd()],
  ])('may have %s, for TLS as well as here', async (_what, write) => {
    const pem = write(one.cert + other.cert);
    const bundle = readAuthorities(pem, 'it');
    for (const each of [one, other]) {
      expect(bundle.signerOf(leafOf(each))).toBeDefined();
      expect(await isBelieved(pem, each)).toBe(true);
    }
  });

  it('needs a root, without which TLS would believe nobody', async () => {
    const below = createAuthority('below', { by: one });
    expect(() => requireGoodAuthority(below.cert, 'it', now)).toThrow('is a root (one that has signed itself)');
    expect(() => requireRoot(below.cert, 'it')).toThrow('none of its certificates is a root');
    expect(await isBelieved(below.cert, below)).toBe(false);
    const both = below.cert + one.cert;
    expect(() => requireGoodAuthority(both, 'it', now)).not.toThrow();
    expect(() => requireRoot(both, 'it')).not.toThrow();
    expect(await isBelieved(both, below)).toBe(true);
  });

  it('replaces another one only with a certificate that is valid now', () => {
    const ended = createAuthority('ended', { notBefore: new Date(now - 2 * hourMs), notAfter: new Date(now - hourMs) });
    expect(() => requireGoodAuthority(ended.cert, 'it', now)).toThrow('none of its certificates is valid now');
    expect(() => requireGoodAuthority(ended.cert + one.cert, 'it', now)).not.toThrow();
    // A start has no other one.
    expect(() => requireRoot(ended.cert, 'it')).not.toThrow();
  });
});
