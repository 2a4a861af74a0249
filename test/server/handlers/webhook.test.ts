import { beforeEach, describe, expect, it } from 'vitest';
import { renderWebhook } from '../../../src/server/dialects/webhook-2026.ts';
import { removeWebhook, setWebhook, showWebhook, testWebhook } from '../../../src/server/handlers/webhook.ts';
import { parseSettings } from '../../../src/settings.ts';
import { makeGathered, makeSealed } from '../../support/notices.ts';
import { makeWebhook } from '../../support/webhooks.ts';
import { alpha, beta, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

const { url } = makeWebhook();
let deps: ScriptedDeps;
beforeEach(() => {
  deps = scriptDeps();
});

describe('the webhook of a tool', () => {
  it('is set with a secret that is told once, and kept as it is written in full', async () => {
    const secret = await setWebhook(alpha, { url: 'https://HOOKS.example.org' }, deps);
    expect(secret).toMatch(/^whsec_/);
    expect(deps.keptWebhooks.get('alpha')).toMatchObject({
      url: 'https://hooks.example.org/',
      events: 'failures',
      secret,
    });
    expect(await setWebhook(alpha, { url: 'https://hooks.example.org/', events: 'all' }, deps)).toBeUndefined();
    expect(await setWebhook(alpha, { url, renew_secret: true }, deps)).toMatch(/^whsec_/);
  });

  it('goes on to be told of the events that it was set for, until others are asked for', async () => {
    const eventsAfter = async (body: Parameters<typeof setWebhook>[1]) => {
      await setWebhook(alpha, body, deps);
      return deps.keptWebhooks.get('alpha')?.events;
    };
    expect(await eventsAfter({ url, events: 'all' })).toBe('all');
    expect(await eventsAfter({ url, renew_secret: true })).toBe('all');
    expect(await eventsAfter({ url: 'https://other.example.org/' })).toBe('all');
    expect(await eventsAfter({ url, events: 'failures' })).toBe('failures');
  });

  it.each(['https://10.0.0.1/', 'https://[::1]/', 'https://0x7f.1/', 'https://[::ffff:169.254.169.254]/'])(
    'is not set to %s, an address that nothing is ever sent to',
    async (refused) => {
      await expect(setWebhook(alpha, { url: refused }, deps)).rejects.toMatchObject({
        code: 'request.invalid',
        message: expect.stringContaining('no address that webhooks may be sent to'),
        fields: { field: 'url' },
      });
      deps.webhooks.mayReach = () => true;
      await setWebhook(alpha, { url: refused }, deps);
      expect(deps.keptWebhooks.size).toBe(1);
    },
  );

  it('is tried again soon where it is another one, and only then', async () => {
    await setWebhook(alpha, { url }, deps);
    await setWebhook(alpha, { url, events: 'all' }, deps);
    expect(deps.asked).toEqual([['hurry', 'alpha']]);
  });

  it('is refused where it is no place that events may be sent to, and nothing is changed', async () => {
    await expect(setWebhook(alpha, { url: 'http://hooks.example.org/' }, deps)).rejects.toMatchObject({
      code: 'request.invalid',
      fields: { field: 'url' },
    });
    deps.live = parseSettings({ webhook_hosts: '*.toolforge.org' }).settings;
    await expect(setWebhook(alpha, { url }, deps)).rejects.toMatchObject({ code: 'request.invalid' });
    deps.live = parseSettings({ webhooks: 'no' }).settings;
    await expect(setWebhook(alpha, { url }, deps)).rejects.toMatchObject({ code: 'webhook.off' });
    expect(deps.keptWebhooks.size).toBe(0);
  });

  it('is shown with what waits for it and what it met, and without its secret', () => {
    const trouble = { since: Date.parse('2026-03-01T04:00:00Z'), why: 'hooks.example.org answered with 500' };
    deps.keptWebhooks.set('alpha', makeWebhook({ trouble }));
    const sentAt = Date.parse('2026-03-01T03:00:00Z');
    const sent = (at: number, isSent: boolean) => ({ messageId: 'evt_1', subject: 'job.failed', sentAt: at, isSent });
    deps.webhooks.queue = () => ({
      open: [makeGathered(), makeGathered()],
      folded: 3,
      sealed: makeSealed(),
      sent: [sent(sentAt, true), sent(sentAt + 1_000, false)],
    });
    const shown = showWebhook(alpha, deps);
    expect(shown && renderWebhook(shown)).toEqual({
      url,
      events: 'failures',
      set_at: '2026-03-01T00:00:00Z',
      waiting: 6,
      taken_at: '2026-03-01T03:00:00Z',
      failing_since: '2026-03-01T04:00:00Z',
      failure: trouble.why,
    });
    expect(showWebhook(beta, deps)).toBeUndefined();
  });

  it('is tried, with what waits for it, and removed where there is one', async () => {
    deps.keptWebhooks.set('alpha', makeWebhook());
    expect(await testWebhook(alpha, deps)).toBe('hooks.example.org');
    expect(deps.asked).toEqual([
      ['test webhook', 'alpha'],
      ['hurry', 'alpha'],
    ]);
    await removeWebhook(alpha, deps);
    for (const asked of [testWebhook(alpha, deps), removeWebhook(alpha, deps)])
      await expect(asked).rejects.toMatchObject({ code: 'webhook.not_found' });
  });
});
