/** Keys by node:crypto, certificates by the `openssl` command: Node can read X.509 but not issue it. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.ts';

export interface KeyAndCertificate {
  /** PEM */
  readonly key: string;
  /** PEM */
  readonly cert: string;
}

export interface Leaf {
  /** OpenSSL's form: `/O=toolforge/CN=some-tool` */
  readonly subject: string;
  /** `DNS:localhost`, `IP:127.0.0.1`; a certificate with names is for servers, one without is for clients. */
  readonly names?: readonly string[];
  readonly days?: number;
}

function newKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

/** RSA, because that is what the API server and every client of its tokens expect (RS256). */
export function newServiceAccountKeys(): { readonly key: string; readonly publicKey: string } {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** A self-signed ECDSA P-256 authority, good for ten years. */
export async function createAuthority(commonName: string): Promise<KeyAndCertificate> {
  const key = newKey();
  return await inScratch(async (path) => {
    writeFileSync(path('key'), key, { mode: 0o600 });
    writeFileSync(
      path('conf'),
      '[req]\ndistinguished_name=dn\nx509_extensions=ca\n[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature\nsubjectKeyIdentifier=hash\n',
    );
    const args = [
      'req',
      '-x509',
      '-new',
      '-sha256',
      '-days',
      '3650',
      '-key',
      path('key'),
      '-subj',
      `/CN=${commonName}`,
      '-config',
      path('conf'),
    ];
    return { key, cert: await run('openssl', args) };
  });
}

/** A certificate for a fresh key, signed by `authority`. */
export async function issue(authority: KeyAndCertificate, leaf: Leaf): Promise<KeyAndCertificate> {
  const key = newKey();
  const purpose = leaf.names === undefined ? 'clientAuth' : 'serverAuth,clientAuth';
  const names = leaf.names === undefined ? '' : `subjectAltName=${leaf.names.join(',')}\n`;
  return await inScratch(async (path) => {
    writeFileSync(path('key'), key, { mode: 0o600 });
    writeFileSync(path('ca.key'), authority.key, { mode: 0o600 });
    writeFileSync(path('ca.crt'), authority.cert);
    writeFileSync(path('conf'), '[req]\ndistinguished_name=dn\n[dn]\n');
    writeFileSync(
      path('ext'),
      `basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=${purpose}\n${names}`,
    );
    const request = await run('openssl', [
      'req',
      '-new',
      '-sha256',
      '-key',
      path('key'),
      '-subj',
      leaf.subject,
      '-config',
      path('conf'),
    ]);
    const serial = `0x${Buffer.from(crypto.getRandomValues(new Uint8Array(15))).toString('hex')}`;
    const sign = [
      'x509',
      '-req',
      '-sha256',
      '-days',
      String(leaf.days ?? 365),
      '-CA',
      path('ca.crt'),
      '-CAkey',
      path('ca.key'),
    ];
    const cert = await run('openssl', [...sign, '-set_serial', serial, '-extfile', path('ext')], { input: request });
    return { key, cert };
  });
}

async function inScratch<T>(work: (path: (name: string) => string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'toolforge-jobs-pki-'));
  try {
    return await work((name) => join(directory, name));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
