import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createKeyAndRequest } from '../../bin/admin/tool-csr.ts';

const openssl = (input: string, ...args: string[]) =>
  execFileSync('openssl', args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });

describe('a certificate request', () => {
  it('is signed by its own key and asks for exactly the subject', () => {
    for (const name of ['a', 'constructor', 'x'.repeat(53)]) {
      const { key, request } = createKeyAndRequest('toolforge', name);
      const text = openssl(request, 'req', '-noout', '-verify', '-subject', '-nameopt', 'RFC2253', '-pubkey');
      expect(text).toContain(`subject=CN=${name},O=toolforge\n`);
      expect(text).toContain(createPublicKey(createPrivateKey(key)).export({ type: 'spki', format: 'pem' }).toString());
    }
  });

  it('holds a new P-256 key each time', () => {
    const [one, two] = [createKeyAndRequest('o', 'n').key, createKeyAndRequest('o', 'n').key];
    expect(createPrivateKey(one).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(one).not.toBe(two);
  });
});
