import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readAuthorities } from '../src/authorities.ts';
import { Tool } from '../src/domain.ts';
import { AppError } from '../src/errors.ts';
import { checkLeaf } from '../src/leaf.ts';
import {
  attribute,
  createAuthority,
  type LeafOptions,
  rsaKeyOfBits,
  type Subject,
  toolSubject,
} from './support/certs.ts';

const authority = createAuthority();
const authorities = readAuthorities(authority.cert, 'the CA');
const alpha = Tool.of('alpha');
const good = authority.issue({ subject: toolSubject('alpha') });
const dayMs = 86_400_000;

function check(cert: string | Buffer, key: string | Buffer, at = Date.now()): ReturnType<typeof checkLeaf> {
  return checkLeaf({ tool: alpha, cert: Buffer.from(cert), key: Buffer.from(key), authorities, now: at });
}

function ruleOf(use: () => unknown): unknown {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'credentials.invalid') throw error;
    return error.fields?.rule;
  }
}

function issue(options: Partial<LeafOptions>): { cert: string; key: string } {
  return authority.issue({ subject: toolSubject('alpha'), ...options });
}

describe("a tool's certificate", () => {
  it('is good when it is of the cluster, of the tool, in time and matches its key', () => {
    const { fingerprint, notAfter } = check(good.cert, good.key);
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(notAfter).toBe(Date.parse(new X509Certificate(good.cert).validTo));
  });

  it('is good with CN before O, without a purpose, with an RSA or P-384 key, with its authority behind it', () => {
    const keys = [
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ];
    const variants = [
      issue({ subject: [attribute('CN', 'alpha'), attribute('O', 'toolforge')] }),
      issue({ usage: 'none' }),
      ...keys.map(({ privateKey }) => issue({ key: privateKey })),
      { cert: good.cert + authority.cert, key: good.key },
    ];
    for (const { cert, key } of variants) expect(check(cert, key).notAfter).toBeGreaterThan(Date.now());
  });

  it('is refused when it is no certificate, or a huge one', () => {
    const huge = `${good.cert}${'#'.repeat(36_501 - good.cert.length)}`;
    for (const cert of [
      '',
      'garbage',
      good.key,
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      randomBytes(36_500),
      huge,
    ]) {
      expect(ruleOf(() => check(cert, good.key))).toBe('unreadable');
    }
  });

  it('is refused when the key is none, or has a password', () => {
    const locked = createPrivateKey(good.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-128-cbc',
      passphrase: 'x',
    });
    for (const key of ['', 'garbage', good.cert, locked])
      expect(ruleOf(() => check(good.cert, key))).toBe('unreadable');
  });

  it('is refused when the key is that of another certificate', () => {
    expect(ruleOf(() => check(good.cert, issue({}).key))).toBe('pair');
  });

  it('is refused from another authority, even of the same name, or from itself', () => {
    const stranger = createAuthority();
    const { cert, key } = stranger.issue({ subject: toolSubject('alpha') });
    expect(ruleOf(() => check(cert, key))).toBe('issuer');
    expect(ruleOf(() => check(stranger.cert, stranger.key))).toBe('issuer');
  });

  it('is refused before and after its time', () => {
    expect(ruleOf(() => check(good.cert, good.key, Date.now() + 2 * dayMs))).toBe('expired');
    expect(ruleOf(() => check(good.cert, good.key, Date.now() - dayMs))).toBe('not-yet-valid');
  });

  it('is refused when it is one for servers', () => {
    const { cert, key } = issue({ usage: 'server' });
    expect(ruleOf(() => check(cert, key))).toBe('purpose');
  });

  it('is refused with a key that costs too much or protects too little', () => {
    const keys = [
      rsaKeyOfBits(16_384),
      rsaKeyOfBits(4_104),
      rsaKeyOfBits(1_024),
      generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
      generateKeyPairSync('ed25519').privateKey,
    ];
    for (const own of keys) {
      const { cert, key } = issue({ key: own });
      expect(ruleOf(() => check(cert, key))).toBe('key-type');
    }
  });

  const o = attribute('O', 'toolforge');
  const cn = (value: string) => attribute('CN', value);
  const strangers: [string, Subject][] = [
    ['of another tool', toolSubject('beta')],
    ['with another tool first', [o, cn('beta'), cn('alpha')]],
    ['with another tool last', [o, cn('alpha'), cn('beta')]],
    ['without an organisation', [cn('alpha')]],
    ['of another organisation', [attribute('O', 'system:masters'), cn('alpha')]],
    ['of two organisations', [o, attribute('O', 'system:masters'), cn('alpha')]],
    ['with something else', [o, attribute('OU', 'x'), cn('alpha')]],
    ['in one part', [[o, cn('alpha')]]],
    ['with a line end that imitates two parts', [cn('alpha\nO=toolforge')]],
    ['with a line end before a part', [o, cn('x\nCN=alpha')]],
    ['with blanks', [o, cn(' alpha')]],
    ['in capitals', [o, cn('ALPHA')]],
    ['with a NUL', [o, cn('alpha\0')]],
    ['with nothing', []],
  ];
  it.each(strangers)('is refused with a subject %s', (_, subject) => {
    const { cert, key } = issue({ subject });
    expect(ruleOf(() => check(cert, key))).toBe('subject');
  });

  it('is never quoted in an error', () => {
    const problem = (() => {
      try {
        return check(good.cert, `${good.key.slice(0, 40)}CANARY${good.key.slice(40)}`);
      } catch (error) {
        return error;
      }
    })();
    expect(problem).toBeInstanceOf(AppError);
    expect((problem as AppError).cause).toBeUndefined();
    expect((problem as AppError).message).not.toContain('CANARY');
  });
});
