/** Client certificates, good and odd, that differ in one thing each, with what must become of them; and how a front renders their subjects. */
import {
  type Authority,
  attribute,
  createAuthority,
  type Issued,
  type LeafOptions,
  type Subject,
  type SubjectAttribute,
  toolSubject,
} from '../support/certs.ts';

export interface CertificateCase {
  readonly name: string;
  /** The tool it passes as; undefined: refused. */
  readonly tool?: string;
  readonly status: 200 | 401 | 403;
  readonly options: LeafOptions;
  readonly fromOtherAuthority?: boolean;
}

export interface IssuedCase extends CertificateCase {
  readonly issued: Issued;
}

const o = attribute('O', 'toolforge');
const cn = (value: string) => attribute('CN', value);
const good = toolSubject('alpha');
const dayMs = 86_400_000;

function passes(name: string, tool: string, options: LeafOptions): CertificateCase {
  return { name, tool, status: 200, options };
}

function refused(name: string, subject: Subject): CertificateCase {
  return { name, status: 403, options: { subject } };
}

function certificateCases(): CertificateCase[] {
  return [
    passes('ok', 'alpha', { subject: good }),
    passes('ok_b', 'beta', { subject: toolSubject('beta') }),
    passes('order', 'alpha', { subject: [cn('alpha'), o] }),
    passes('constructor', 'constructor', { subject: toolSubject('constructor') }),
    passes('noeku', 'alpha', { subject: good, usage: 'none' }),
    passes('bmp', 'alpha', { subject: [o, attribute('CN', 'alpha', 'bmp')] }),
    passes('t61', 'alpha', { subject: [o, attribute('CN', 'alpha', 't61')] }),
    passes('short', 'alpha', { subject: good, notAfter: new Date(Date.now() + 60_000) }),
    refused('twocn', [o, cn('alpha'), cn('beta')]),
    refused('multirdn', [[o, cn('alpha')]]),
    refused('multirdn2', [o, [cn('alpha'), cn('beta')]]),
    refused('comma', [o, cn('alpha,O=toolforge')]),
    refused('commacn', [o, cn('x,CN=beta')]),
    refused('newline', [o, cn('x\nCN=beta')]),
    refused('plus', [o, cn('x+CN=beta')]),
    refused('nul', [o, cn('alpha\0evil')]),
    refused('utf8', [o, cn('\u0430lphä')]),
    refused('slash', [o, cn('../beta')]),
    refused('slash2', [o, cn('alpha/CN=beta')]),
    refused('space', [o, cn(' alpha ')]),
    refused('upper', [o, cn('ALPHA')]),
    refused('long', [o, cn('a'.repeat(64))]),
    refused('proto', [o, cn('__proto__')]),
    refused('noo', [cn('alpha')]),
    refused('two_o', [o, attribute('O', 'system:masters'), cn('alpha')]),
    refused('othero', [attribute('O', 'system:masters'), cn('alpha')]),
    refused('ocn', [attribute('O', 'toolforge,CN=beta'), cn('alpha')]),
    refused('oucn', [attribute('OU', 'CN=beta,O=toolforge'), o, cn('alpha')]),
    {
      name: 'expired',
      status: 401,
      options: { subject: good, notBefore: new Date(Date.now() - 2 * dayMs), notAfter: new Date(Date.now() - dayMs) },
    },
    {
      name: 'future',
      status: 401,
      options: { subject: good, notBefore: new Date(Date.now() + dayMs), notAfter: new Date(Date.now() + 2 * dayMs) },
    },
    { name: 'wrongca', status: 401, options: { subject: good }, fromOtherAuthority: true },
  ];
}

export function issueCases(authority: Authority): IssuedCase[] {
  const other = createAuthority();
  return certificateCases().map((one) => ({
    ...one,
    issued: (one.fromOtherAuthority ? other : authority).issue(one.options),
  }));
}

/** The subject as OpenSSL prints it with XN_FLAG_RFC2253, which is what nginx puts into `$ssl_client_s_dn`: reversed, escaped to ASCII. */
export function renderForFront(subject: Subject): string {
  const part = (one: Subject[number]) => ('type' in one ? [one] : [...one]).reverse().map(renderAttribute).join('+');
  return [...subject].reverse().map(part).join(',');
}

function renderAttribute({ type, value }: SubjectAttribute): string {
  const chars = [...value];
  return `${type}=${chars.map((char, at) => renderChar(char, at === 0, at === chars.length - 1)).join('')}`;
}

function renderChar(char: string, isFirst: boolean, isLast: boolean): string {
  if (char < ' ' || char > '~')
    return [...Buffer.from(char)].map((byte) => `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  const isAtEdge = (isFirst && (char === ' ' || char === '#')) || (isLast && char === ' ');
  return isAtEdge || ',+"\\<>;'.includes(char) ? `\\${char}` : char;
}

/** What nginx says of the same certificate in `$ssl_client_verify`. */
export function frontVerdict(one: CertificateCase): string {
  if (one.status !== 401) return 'SUCCESS';
  const reasons: Record<string, string> = {
    expired: 'certificate has expired',
    future: 'certificate is not yet valid',
  };
  return `FAILED:${reasons[one.name] ?? 'unable to verify the first certificate'}`;
}
