import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { checkHeaders, plainPath } from '../../../src/server/door/guard.ts';

function refusal(act: () => unknown): string {
  try {
    act();
    return 'passes';
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

const headers = (...raw: string[]) => refusal(() => checkHeaders(raw, 'refuse'));
const path = (url: string, host = 'jobs.example:8443') => refusal(() => plainPath(url, host));

describe('headers', () => {
  it('that say who calls are refused in every spelling', () => {
    const names = [
      'ssl-client-subject-dn',
      'ssl-client-verify',
      'ssl-client-cert',
      'x-toolforge-tool',
      'x-remote-user',
      'x-remote-extra-a',
      'impersonate-user',
      'impersonate-uid',
    ];
    for (const name of names) {
      for (const spelled of [name, name.toUpperCase(), name.replaceAll('-', '_'), name.replace('-', '_')]) {
        expect(headers('host', 'x', spelled, 'alpha')).toBe('caller.bad_header');
        expect(headers('connection', `keep-alive, ${spelled}`)).toBe('caller.bad_header');
      }
    }
  });

  it('of a front are let through on its socket only in their exact spelling', () => {
    expect(refusal(() => checkHeaders(['SSL-Client-Verify', 'SUCCESS'], 'from-front'))).toBe('passes');
    expect(refusal(() => checkHeaders(['SSL_Client_Verify', 'SUCCESS'], 'from-front'))).toBe('caller.bad_header');
    expect(refusal(() => checkHeaders(['x-remote-user', 'alpha'], 'from-front'))).toBe('caller.bad_header');
  });

  it('of ordinary clients pass', () => {
    expect(
      headers(
        'Host',
        '127.0.0.1:8443',
        'User-Agent',
        'curl/8',
        'Accept',
        '*/*',
        'Connection',
        'keep-alive',
        'X-Request-Id',
        '1',
        'Accept',
        'a',
        'Content-Length',
        '262144',
        'Expect',
        '100-Continue',
        'Host2',
        'x',
      ),
    ).toBe('passes');
    expect(headers('host', '[::1]:8443')).toBe('passes');
  });

  it('that two readers could read differently are refused', () => {
    expect(headers('Host', 'a', 'host', 'a')).toBe('request.invalid');
    expect(headers('content-type', 'a', 'Content_Type', 'a')).toBe('request.invalid');
    expect(headers('host', 'a/b')).toBe('request.invalid');
    expect(headers('host', '')).toBe('request.invalid');
    expect(headers('upgrade', 'websocket')).toBe('request.invalid');
    expect(headers('connection', 'Upgrade')).toBe('request.invalid');
    expect(headers('expect', 'a-miracle')).toBe('request.invalid');
    expect(headers('content-length', '262145')).toBe('request.too_large');
  });
});

describe('paths', () => {
  it('that are plain pass, as they are', () => {
    const plain = [
      '/',
      '/v1/tool/alpha/jobs/',
      '/api/v1/run/?cmd=.%2Fx%20y&a=//../',
      '/a.b/.c/..d/...',
      '/%E2%82%AC',
      '/a?b?c',
      '/~a!$&()*+,;=:@',
    ];
    expect(plain.map((url) => plainPath(url, 'x'))).toEqual(plain);
  });

  it('in absolute form pass only for the host of the request', () => {
    expect(plainPath('http://jobs.example:8443/a?b', 'Jobs.example:8443')).toBe('/a?b');
    expect(plainPath('HTTPS://x', 'x')).toBe('/');
    const wrong = [
      'http://evil/a',
      'http://jobs.example/a',
      'ftp://x/a',
      'http:///a',
      'http://u@jobs.example:8443/a',
      'jobs.example:8443',
      '*',
      '',
      'a/b',
      'http://jobs.example:8443?x',
      'http://jobs.example:8443//a',
    ];
    expect(wrong.filter((url) => path(url) === 'passes')).toEqual([]);
    expect(refusal(() => plainPath('http://x/a', undefined))).toBe('request.invalid');
  });

  it('that two decoders could read differently are refused', () => {
    const odd = [
      '/a/..%2fb',
      '/a%2Fb',
      '/a%5cb',
      '/a%5Cb',
      '/a\\b',
      '/a%00',
      '/a?b=%00',
      '//a',
      '/a//b',
      '/a//',
      '/./a',
      '/a/../b',
      '/a/..',
      '/%2e%2E/a',
      '/.%2e/a',
      '/%2E/',
      '/a%',
      '/a%2',
      '/a%zz',
      '/%C3',
      '/%ff',
      '/%C0%AF',
      '/%E0%80%AF',
      '/a%0a',
      '/a%7f',
      '/a b',
      '/a\tb',
      '/ä',
      '/a#b',
      '/a\0',
      '/a\x7f',
    ];
    expect(odd.filter((url) => path(url) === 'passes')).toEqual([]);
  });

  it('pass exactly when a slow reference lets them', () => {
    const unit = fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2f',
      '%2F',
      '%5c',
      '%00',
      '%',
      '%41',
      '%C3%A4',
      '%C3',
      '%0a',
      'a',
      'B',
      '?',
      '#',
      '\\',
      ' ',
      'ä',
      ';',
      '=',
      '%25',
      '%252f',
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 10 }), (text) => {
        expect(path(`/${text}`) === 'passes').toBe(isPlain(`/${text}`));
      }),
      { numRuns: 20_000 },
    );
  });
});

/** Decodes each part byte by byte and looks at what comes out. */
function isPlain(url: string): boolean {
  if ([...url].some((char) => char <= ' ' || char > '~' || char === '\\' || char === '#') || url.includes('%00'))
    return false;
  const routed = url.split('?')[0] as string;
  const segments = routed.split('/').slice(1);
  return segments.every((segment, at) => {
    if (segment === '' && at < segments.length - 1) return false;
    const bytes: number[] = [];
    for (let i = 0; i < segment.length; i++) {
      if (segment[i] !== '%') bytes.push(segment.charCodeAt(i));
      else {
        const hex = segment.slice(i + 1, i + 3);
        if (!/^[0-9a-f]{2}$/i.test(hex)) return false;
        bytes.push(Number.parseInt(hex, 16));
        i += 2;
      }
    }
    const text = Buffer.from(bytes).toString();
    return (
      Buffer.from(text).equals(Buffer.from(bytes)) &&
      !/[/\\]/.test(text) &&
      ![...text].some((char) => char < ' ' || char === '\x7f') &&
      text !== '.' &&
      text !== '..'
    );
  });
}
