/** A certificate request (PKCS #10, RFC 2986) for an EC P-256 key, as DER: Node can sign and export keys, but not write requests. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

const sequence = 0x30;
const set = 0x31;
const utf8String = 0x0c;
const bitString = 0x03;
/** attributes [0] IMPLICIT SET OF: none (RFC 2986, 4.1) */
const noAttributes = Buffer.from([0xa0, 0x00]);
const version0 = Buffer.from([0x02, 0x01, 0x00]);
/** Object identifiers, already encoded (RFC 5280, RFC 5758). */
const organizationName = Buffer.from('060355040a', 'hex');
const commonName = Buffer.from('0603550403', 'hex');
const ecdsaWithSha256 = Buffer.from('06082a8648ce3d040302', 'hex');

export interface KeyAndRequest {
  /** PEM, PKCS #8 */
  readonly key: string;
  /** PEM */
  readonly request: string;
}

/** A fresh key and the request to certify it for O=organization, CN=name. */
export function createKeyAndRequest(organization: string, name: string): KeyAndRequest {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    request: pem('CERTIFICATE REQUEST', requestOf(organization, name, privateKey, publicKey)),
  };
}

function requestOf(organization: string, name: string, privateKey: KeyObject, publicKey: KeyObject): Buffer {
  const subject = der(sequence, attribute(organizationName, organization), attribute(commonName, name));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const info = der(sequence, version0, subject, spki, noAttributes);
  const signature = sign('sha256', info, privateKey);
  return der(sequence, info, der(sequence, ecdsaWithSha256), der(bitString, Buffer.from([0]), signature));
}

function attribute(type: Buffer, value: string): Buffer {
  return der(set, der(sequence, type, der(utf8String, Buffer.from(value, 'utf8'))));
}

/** Tag, length, value (X.690, 8.1). */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOf(value.length), value]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  if (length < 0x100) return Buffer.from([0x81, length]);
  return Buffer.from([0x82, length >> 8, length & 0xff]);
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
