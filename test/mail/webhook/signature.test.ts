import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { signatureHeaders } from '../../../src/mail/webhook/signature.ts';

const secret = `whsec_${Buffer.from('a secret of twenty-nine bytes').toString('base64')}`;
const event = { id: 'evt_1', bytes: '{"type":"job.failed","message":"naïve ✓"}' };
const at = Date.parse('2026-03-01T04:20:12.987Z');

/** Computed by another program. */
function opensslSignature(content: string, key: string): string {
  const mac = ['-macopt', `hexkey:${Buffer.from(key.slice(6), 'base64').toString('hex')}`];
  const digest = execFileSync('openssl', ['dgst', '-sha256', '-mac', 'HMAC', ...mac, '-binary'], { input: content });
  return `v1,${digest.toString('base64')}`;
}

describe('the signature of an event', () => {
  it('is the HMAC that openssl computes over id, time and body', () => {
    const headers = signatureHeaders(event, [secret], at);
    expect(headers).toEqual({
      'webhook-id': 'evt_1',
      'webhook-timestamp': '1772338812',
      'webhook-signature': opensslSignature(`evt_1.1772338812.${event.bytes}`, secret),
    });
  });

  it('is the one that the libraries of the convention are tested with', () => {
    const signed = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', bytes: '{"test": 2432232314}' };
    const headers = signatureHeaders(signed, ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], 1_614_265_330_000);
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('is one of each secret that counts, with a blank between', () => {
    const former = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const [one, other] = signatureHeaders(event, [secret, former], at)['webhook-signature'].split(' ');
    expect([one, other]).toEqual([
      signatureHeaders(event, [secret], at)['webhook-signature'],
      signatureHeaders(event, [former], at)['webhook-signature'],
    ]);
  });

  it('is another one at another time, and of other bytes', () => {
    const of = (changes: object, when = at) =>
      signatureHeaders({ ...event, ...changes }, [secret], when)['webhook-signature'];
    expect(new Set([of({}), of({}, at + 1_000), of({ id: 'evt_2' }), of({ bytes: `${event.bytes} ` })]).size).toBe(4);
  });
});
