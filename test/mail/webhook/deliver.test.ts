import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AppError } from '../../../src/errors.ts';
import { createAddressCheck } from '../../../src/mail/webhook/addresses.ts';
import { createWebhookDelivery, type WebhookDeliveryOptions } from '../../../src/mail/webhook/deliver.ts';
import { createPost, type Post, UnreachableError } from '../../../src/mail/webhook/post.ts';
import { makeSealed } from '../../support/notices.ts';
import { expectedSignature, startWebhookSink, type WebhookSink } from '../../support/webhook-sink.ts';
import { makeWebhook } from '../../support/webhooks.ts';

const now = Date.parse('2026-03-01T04:20:13Z');
let sink: WebhookSink;
beforeAll(async () => {
  sink = await startWebhookSink();
});
beforeEach(() => {
  sink.status = 204;
});
afterAll(() => sink.stop());

const event = makeSealed({ messageId: 'evt_1', from: '', to: 'alpha', subject: 'job.failed', bytes: '{"id":"evt_1"}' });
const hour = 3_600_000;

function create(changes: Partial<WebhookDeliveryOptions> = {}) {
  const attempts: (string | undefined)[] = [];
  const mayReach = createAddressCheck({ allow: ['127.0.0.1/32'], refuse: [] });
  const delivery = createWebhookDelivery({
    find: (tool) => (tool === 'alpha' ? makeWebhook({ url: sink.url }) : undefined),
    settings: () => ({ isOn: true, hosts: ['*'] }),
    post: createPost({ mayReach, ca: () => sink.ca, userAgent: 'test/1' }),
    now: () => now,
    onAttempt: (_, why) => void attempts.push(why),
    ...changes,
  });
  const deliver = (changed: Partial<typeof event> = {}, signal = new AbortController().signal) =>
    delivery.deliver({ ...event, ...changed }, signal);
  return { ...delivery, deliver, attempts };
}

/** What one that cannot be sent is said to have met. */
async function whyOf(post: Post, url = 'https://hooks.example.org/secret-path?token=s3cret'): Promise<string> {
  const { deliver, attempts } = create({ post, find: () => makeWebhook({ url }) });
  const error = await deliver().catch((thrown: unknown) => thrown as AppError);
  expect(error).toMatchObject({ code: 'webhook.not_taken' });
  expect(attempts).toEqual([(error as AppError).message]);
  return (error as AppError).message;
}

describe('an event for the webhook of a tool', () => {
  it('is sent as it was sealed, signed at the time of the attempt', async () => {
    const { deliver, attempts } = create();
    expect(await deliver()).toEqual({ isSent: true });
    const taken = sink.came.at(-1);
    expect(taken).toMatchObject({
      body: event.bytes,
      headers: { 'webhook-id': 'evt_1', 'webhook-timestamp': '1772338813' },
    });
    expect(taken?.headers['webhook-signature']).toBe(taken && expectedSignature(taken, makeWebhook().secret));
    expect(attempts).toEqual([undefined]);
  });

  it('is signed with the former secret as well, until that has ended', async () => {
    const former = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
    for (const [until, signatures] of [
      [now + hour, 2],
      [now, 1],
    ] as const) {
      const { deliver } = create({ find: () => makeWebhook({ url: sink.url, former: { secret: former, until } }) });
      await deliver();
      const taken = sink.came.at(-1);
      const signed = taken?.headers['webhook-signature']?.toString().split(' ') ?? [];
      expect(signed.length).toBe(signatures);
      expect(taken && signed.includes(expectedSignature(taken, former))).toBe(signatures === 2);
    }
  });

  it.each([
    [200, true],
    [204, true],
    [299, true],
    [301, false],
    [400, false],
    [410, false],
    [500, false],
  ])('that is answered with %d is taken: %s', async (status, isTaken) => {
    sink.status = status;
    const { deliver, attempts } = create();
    const said = await deliver().catch(({ code, message }: AppError) => `${code}: ${message}`);
    const also = status === 301 ? ', and redirects are not followed' : '';
    expect(said).toEqual(
      isTaken ? { isSent: true } : `webhook.not_taken: 127.0.0.1:${sink.port} answered with ${status}${also}`,
    );
    expect(attempts.length).toBe(1);
  });

  it('waits for the end of the one before it, of the same tool only', async () => {
    const held: (() => void)[] = [];
    const posted: string[] = [];
    const { deliver } = create({
      find: (tool) => makeWebhook({ url: `https://${tool}.example.org/` }),
      async post({ url, body }) {
        posted.push(`${url.hostname} ${body}`);
        await new Promise<void>((go) => held.push(go));
        return 204;
      },
    });
    const all = [deliver({ bytes: 'one' }), deliver({ bytes: 'two' }), deliver({ to: 'beta', bytes: 'three' })];
    await new Promise(setImmediate);
    expect(posted).toEqual(['alpha.example.org one', 'beta.example.org three']);
    held.shift()?.();
    await all[0];
    await new Promise(setImmediate);
    expect(posted.at(-1)).toBe('alpha.example.org two');
    for (const go of held) go();
    expect(await Promise.all(all)).toEqual(Array(3).fill({ isSent: true }));
  });

  it('goes nowhere where there is no webhook any more, and where they are switched off', async () => {
    const before = sink.came.length;
    expect(await create().deliver({ to: 'beta' })).toEqual({ isSent: false });
    expect(await create({ settings: () => ({ isOn: false, hosts: ['*'] }) }).deliver()).toEqual({ isSent: false });
    expect(sink.came.length).toBe(before);
  });

  it('is not sent while another process may be sending it, nor to a host that is not open any more', async () => {
    const before = sink.came.length;
    await expect(create({ maySend: () => false }).deliver()).rejects.toThrow('another process');
    const closed = create({ settings: () => ({ isOn: true, hosts: ['*.toolforge.org'] }) });
    await expect(closed.deliver()).rejects.toThrow('webhook_hosts');
    expect(sink.came.length).toBe(before);
  });

  it('that is not answered is given up after a time', async () => {
    sink.status = 0;
    const { deliver } = create({ deadlineMs: 300 });
    await expect(deliver()).rejects.toThrow(`127.0.0.1:${sink.port} did not answer in time`);
  });

  it('says nothing of the webhook where it was we who ended the attempt', async () => {
    sink.status = 0;
    const { deliver, attempts } = create();
    const end = new AbortController();
    const sent = deliver({}, end.signal);
    end.abort();
    await expect(sent).rejects.toMatchObject({ code: 'webhook.not_taken' });
    expect(attempts).toEqual([]);
  });

  it.each([204, 500])('answered with %d after the webhook was changed says nothing of the new one', async (status) => {
    let url = 'https://former.example.org/';
    const changed: Partial<WebhookDeliveryOptions> = {
      find: () => makeWebhook({ url }),
      async post() {
        url = 'https://new.example.org/';
        return status;
      },
    };
    const { deliver, attempts } = create(changed);
    await deliver().catch(() => {});
    expect(attempts).toEqual([]);
    await deliver().catch(() => {});
    expect(attempts).toEqual([status === 204 ? undefined : 'new.example.org answered with 500']);
    url = 'https://former.example.org/';
    const tested = create(changed);
    await tested.test('alpha').catch(() => {});
    expect(tested.attempts).toEqual([]);
  });

  it.each<[string, unknown]>([
    [
      'no secure connection to hooks.example.org was to be had: its certificate has expired',
      { code: 'CERT_HAS_EXPIRED' },
    ],
    ['the connection to hooks.example.org could not be made or broke off', { code: 'ECONNREFUSED' }],
    ['the connection to hooks.example.org could not be made or broke off', new Error('nobody knows')],
    ['hooks.example.org cannot be reached: it has no address', new UnreachableError('it has no address')],
  ])('that meets a failure says: %s', async (words, failure) => {
    expect(await whyOf(() => Promise.reject(failure))).toBe(words);
  });

  it('never names more of the address than its host: the rest may be a secret', async () => {
    expect(await whyOf(async () => 500)).toBe('hooks.example.org answered with 500');
  });
});

describe('a test of a webhook', () => {
  it('sends an event that tells of nothing, signed as any other', async () => {
    const { test } = create();
    await test('alpha');
    const taken = sink.came.at(-1);
    expect(taken?.event).toMatchObject({ type: 'webhook.test', id: taken?.headers['webhook-id'] });
    expect(taken?.headers['webhook-signature']).toBe(taken && expectedSignature(taken, makeWebhook().secret));
  });

  it('says what it met, and holds that against nobody', async () => {
    sink.status = 500;
    const { test, attempts } = create();
    await expect(test('alpha')).rejects.toMatchObject({ code: 'webhook.not_taken' });
    await expect(test('beta')).rejects.toMatchObject({ code: 'webhook.not_found' });
    await expect(create({ settings: () => ({ isOn: false, hosts: ['*'] }) }).test('alpha')).rejects.toMatchObject({
      code: 'webhook.off',
    });
    expect(attempts).toEqual([]);
  });
});
