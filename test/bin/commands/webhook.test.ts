import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noMessages, runMain, type Service, startService } from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const webhook = {
  url: 'https://hooks.example.org/jobs',
  events: 'failures',
  set_at: '2026-03-01T04:20:12Z',
  waiting: 0,
  taken_at: '2026-03-01T04:21:00Z',
  failing_since: null,
  failure: null,
};
const said = (body: object) => ({ body: { ...body, messages: noMessages } });
const typed = (...words: string[]) => runMain(['webhook', ...words], { env: service.env });
const asked = () => {
  const { method, path, body } = service.requests.at(-1) ?? {};
  return [method, path, body];
};

describe('webhook', () => {
  it('set asks for the webhook that was typed, and shows the secret that was made', async () => {
    service.script(said({ webhook, secret: 'whsec_AAAA' }));
    const { code, stdout } = await typed('set', webhook.url, '--events', 'all', '--renew-secret');
    expect([code, asked()]).toEqual([
      0,
      ['PUT', '/jobs/v1/tool/quick/webhook', { url: webhook.url, events: 'all', renew_secret: true }],
    ]);
    expect(stdout).toMatch(/\| https:\/\/hooks\.example\.org\/jobs +\|/);
    expect(stdout).toMatch(/It is not shown again;[\s\S]*whsec_AAAA/);
  });

  it('set leaves out what was not typed, and says that the secret is as it was', async () => {
    service.script(said({ webhook, secret: null }));
    const { stdout } = await typed('set', webhook.url);
    expect(asked()[2]).toEqual({ url: webhook.url });
    expect(stdout).toContain('It signs with the secret that it had.');
  });

  it('show says how it is', async () => {
    const failing = {
      ...webhook,
      taken_at: null,
      failing_since: '2026-03-01T05:00:00Z',
      failure: 'it \u001b[31manswered',
    };
    service.script(said({ webhook: failing }));
    const { stdout } = await typed('show');
    expect(stdout).toContain('no event in the last 24 hours');
    expect(stdout).toContain('since 2026-03-01 05:00:00 UTC: it \\x1b[31manswered');
  });

  it('show says how to set one where there is none', async () => {
    service.script(said({ webhook: null }));
    expect(await typed('show')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("'webhook set URL' sets one"),
    });
  });

  it.each([
    ['test', 'POST', '/webhook/test'],
    ['remove', 'DELETE', '/webhook'],
  ])('%s asks for it and says what the service says', async (action, method, path) => {
    service.script({ body: { messages: { ...noMessages, info: ['done as told'] } } });
    const { code, stderr } = await typed(action);
    expect([code, asked().slice(0, 2)]).toEqual([0, [method, `/jobs/v1/tool/quick${path}`]]);
    expect(stderr).toContain('done as told');
  });

  it.each([
    [[], "'webhook' needs an action."],
    [['set'], 'needs a url'],
    [['rm'], "Did you mean 'remove'?"],
    [['show', 'x'], "does not know what to do with 'x'"],
    [['set', 'x', '--events', 'some'], 'must be one of failures, all'],
  ])('%j is no command line', async (words, why) => {
    expect(await typed(...words)).toMatchObject({ code: 2, stderr: expect.stringContaining(why) });
  });
});
