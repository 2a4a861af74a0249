/**
 * Certificates for tests: an authority, and any leaf it might sign, odd subjects included. Writes DER itself, because no tool will put a NUL,
 * a BMPString or a joined attribute into a subject, and signs with node:crypto.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export type StringType = 'utf8' | 'printable' | 't61' | 'bmp';

/** One attribute; `type` is CN, O, OU or a dotted OID. */
export interface SubjectAttribute {
  readonly type: string;
  readonly value: string;
  readonly as?: StringType;
}

/** Parts in the order of the certificate; a part of several attributes is a multi-valued one. */
export type Subject = readonly (SubjectAttribute | readonly SubjectAttribute[])[];

export interface Issued {
  /** PEM texts. */
  readonly cert: string;
  readonly key: string;
  readonly der: Buffer;
}

export interface LeafOptions {
  readonly subject: Subject;
  /** Unset: client. `none` leaves the extended key usage out. */
  readonly usage?: 'client' | 'server' | 'none';
  /** Unset: an hour ago. */
  readonly notBefore?: Date;
  /** Unset: in a day. */
  readonly notAfter?: Date;
  /** Unset: a new P-256 key. */
  readonly key?: KeyObject;
}

type Lifetime = Pick<LeafOptions, 'notBefore' | 'notAfter'>;

export interface Authority {
  readonly name: string;
  readonly cert: string;
  readonly key: string;
  issue(options: LeafOptions): Issued;
}

const oids: Record<string, string> = { CN: '2.5.4.3', O: '2.5.4.10', OU: '2.5.4.11' };
const stringTags = { utf8: 0x0c, printable: 0x13, t61: 0x14, bmp: 0x1e } as const;
const ecdsaWithSha256 = () => der(0x30, oid('1.2.840.10045.4.3.2'));
const hourMs = 3_600_000;

export function attribute(type: string, value: string, as: StringType = 'utf8'): SubjectAttribute {
  return { type, value, as };
}

/** What a tool's certificate carries: `O=toolforge, CN=name`. */
export function toolSubject(name: string): Subject {
  return [attribute('O', 'toolforge'), attribute('CN', name)];
}

interface AuthorityOptions extends Lifetime {
  /** Of one whose certificate is renewed. */
  readonly key?: KeyObject;
  /** Who vouches for it; unset: itself. */
  readonly by?: Authority;
}

/** An authority with a certificate of its own, valid for a day unless said otherwise. */
export function createAuthority(name = 'test cluster', { by, ...dates }: AuthorityOptions = {}): Authority {
  const key = dates.key ?? newKey();
  const subject: Subject = [attribute('CN', name)];
  const extensions = [
    extension('2.5.29.19', true, der(0x30, der(0x01, Buffer.from([0xff])))),
    extension('2.5.29.15', true, der(0x03, Buffer.from([1, 6]))),
  ];
  const [issuer, signer] = by ? [[attribute('CN', by.name)], createPrivateKey(by.key)] : [subject, key];
  const own = certify({ subject, issuer, key, signer, extensions, ...lifetime(dates) });
  return {
    name,
    cert: pemOf(own),
    key: keyPem(key),
    issue(options) {
      const own = options.key ?? newKey();
      const extensions = leafExtensions(options);
      const leaf = certify({
        subject: options.subject,
        issuer: subject,
        key: own,
        signer: key,
        extensions,
        ...lifetime(options),
      });
      return { cert: pemOf(leaf), key: keyPem(own), der: leaf };
    },
  };
}

/** A server certificate for 127.0.0.1 and localhost. */
export function issueServer(authority: Authority, notAfter?: Date): Issued {
  return authority.issue({
    subject: [attribute('CN', 'localhost')],
    usage: 'server',
    ...(notAfter ? { notAfter } : {}),
  });
}

function lifetime({ notBefore, notAfter }: Lifetime): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: notBefore ?? new Date(Date.now() - hourMs),
    notAfter: notAfter ?? new Date(Date.now() + 24 * hourMs),
  };
}

function leafExtensions({ usage = 'client' }: LeafOptions): Buffer[] {
  if (usage === 'none') return [];
  const purpose = usage === 'client' ? '1.3.6.1.5.5.7.3.2' : '1.3.6.1.5.5.7.3.1';
  const extended = extension('2.5.29.37', false, der(0x30, oid(purpose)));
  const names = der(0x30, der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])));
  return usage === 'client' ? [extended] : [extended, extension('2.5.29.17', false, names)];
}

interface Certificate {
  readonly subject: Subject;
  readonly issuer: Subject;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

function certify({ subject, issuer, key, signer, extensions, notBefore, notAfter }: Certificate): Buffer {
  const serial = randomBytes(16);
  serial[0] = 0x40 | ((serial[0] as number) & 0x3f);
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ecdsaWithSha256(),
    nameDer(issuer),
    der(0x30, time(notBefore), time(notAfter)),
    nameDer(subject),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [der(0xa3, der(0x30, ...extensions))] : []),
  );
  return der(0x30, body, ecdsaWithSha256(), der(0x03, Buffer.from([0]), sign('sha256', body, signer)));
}

/** Made of random numbers: no key of that size is generated in a test's time, and nothing signs with it. */
export function rsaKeyOfBits(bits: number): KeyObject {
  const integer = (...bytes: number[]) => der(0x02, Buffer.from([0, ...bytes]));
  const odd = (size: number) => {
    const bytes = randomBytes(size / 8);
    bytes[0] = (bytes[0] ?? 0) | 0x80;
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) | 1;
    return integer(...bytes);
  };
  const halves = Array.from({ length: 5 }, () => odd(bits / 2));
  const version = der(0x02, Buffer.from([0]));
  const exponent = der(0x02, Buffer.from([1, 0, 1]));
  // PKCS #1 is read as it stands; as JWK, newer releases of Node.js demand that the numbers belong together.
  const key = der(0x30, version, odd(bits), exponent, odd(bits), ...halves);
  return createPrivateKey({ key, format: 'der', type: 'pkcs1' });
}

/** The DER of a whole name; tests of readers use it too. */
export function nameDer(subject: Subject): Buffer {
  return der(0x30, ...subject.map((part) => der(0x31, ...('type' in part ? [part] : part).map(attributeDer))));
}

function attributeDer({ type, value, as = 'utf8' }: SubjectAttribute): Buffer {
  return der(0x30, oid(oids[type] ?? type), der(stringTags[as], stringBytes(value, as)));
}

function stringBytes(value: string, as: StringType): Buffer {
  if (as === 'bmp') return Buffer.from(value, 'utf16le').swap16();
  return Buffer.from(value, as === 'utf8' ? 'utf8' : 'latin1');
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return der(0x30, oid(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));
}

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return der(0x06, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

function base128(arc: number): number[] {
  const digits = [arc % 128];
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) digits.unshift(0x80 | (left % 128));
  return digits;
}

function time(date: Date): Buffer {
  return der(0x18, Buffer.from(`${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`));
}

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function pemOf(certificate: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;
}
