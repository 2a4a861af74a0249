import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAddressCheck } from '../../../src/mail/webhook/addresses.ts';
import { createPost, type PostOptions, UnreachableError } from '../../../src/mail/webhook/post.ts';
import { startWebhookSink, type WebhookSink } from '../../support/webhook-sink.ts';

let sink: WebhookSink;
beforeAll(async () => {
  sink = await startWebhookSink();
});
beforeEach(() => {
  sink.status = 204;
  sink.headers = {};
});
afterAll(() => sink.stop());

const never = () => new AbortController().signal;
const loopback = createAddressCheck({ allow: ['127.0.0.1/32'], refuse: [] });

function post(url: string, changes: Partial<PostOptions> = {}, signal = never()): Promise<number> {
  const send = createPost({ mayReach: loopback, ca: () => sink.ca, userAgent: 'toolforge-jobs/1', ...changes });
  return send({ url: new URL(url), headers: { 'webhook-id': 'evt_1' }, body: '{"a":"é"}' }, signal);
}

describe('an event on the wire', () => {
  it('arrives with its headers and its bytes, and says who sends it', async () => {
    expect(await post(`${sink.url}?key=1`)).toBe(204);
    expect(sink.came.at(-1)).toMatchObject({
      path: '/receiver?key=1',
      body: '{"a":"é"}',
      headers: {
        host: `127.0.0.1:${sink.port}`,
        'content-type': 'application/json',
        'content-length': '10',
        'user-agent': 'toolforge-jobs/1',
        'webhook-id': 'evt_1',
        connection: 'close',
      },
    });
  });

  it('goes to the address that was judged, under the name that it was sent to', async () => {
    const asked: string[] = [];
    const resolve = async (name: string) => {
      asked.push(name);
      // Whoever looks the name up a second time is led elsewhere.
      return asked.length === 1 ? ['10.0.0.1', '127.0.0.1'] : ['10.0.0.1'];
    };
    expect(await post(`https://localhost:${sink.port}/receiver`, { resolve })).toBe(204);
    expect([asked, sink.came.at(-1)?.headers.host]).toEqual([['localhost'], `localhost:${sink.port}`]);
  });

  it.each<[string, string, readonly string[]]>([
    ['a name behind which only such an address is', 'https://hooks.example.org:PORT/', ['127.0.0.1', '::1']],
    ['an address in the URL itself', 'https://127.0.0.1:PORT/', []],
    ['one that is written in another way', 'https://0x7f.1:PORT/', []],
    ['one of the other kind', 'https://[::ffff:127.0.0.1]:PORT/', []],
  ])('never reaches this machine by %s', async (_, url, found) => {
    const before = sink.came.length;
    const refused = createAddressCheck({ allow: [], refuse: [] });
    const sent = post(url.replace('PORT', String(sink.port)), { mayReach: refused, resolve: async () => found });
    await expect(sent).rejects.toThrow(UnreachableError);
    expect(sink.came.length).toBe(before);
  });

  it('is not sent where the name has no address', async () => {
    await expect(post('https://hooks.example.org/', { resolve: async () => [] })).rejects.toThrow('it has no address');
  });

  it('is not sent again to where an answer points', async () => {
    sink.status = 307;
    sink.headers = { location: sink.url };
    const before = sink.came.length;
    expect(await post(sink.url)).toBe(307);
    expect(sink.came.length).toBe(before + 1);
  });

  it('is sent only to whom an authority vouches for, by the name that was asked for', async () => {
    const resolve = async () => ['127.0.0.1'];
    await expect(post(sink.url, { ca: () => undefined })).rejects.toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    });
    await expect(post(`https://other.example.org:${sink.port}/`, { resolve })).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  it('is given up when nobody waits for it any more, on the way to an address too', async () => {
    sink.status = 0;
    const held = new AbortController();
    const sent = post(sink.url, {}, held.signal);
    held.abort();
    await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
    const asking = new AbortController();
    const looking = post('https://hooks.example.org/', { resolve: () => new Promise(() => {}) }, asking.signal);
    asking.abort();
    await expect(looking).rejects.toMatchObject({ name: 'AbortError' });
  });
});
