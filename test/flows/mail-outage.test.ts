/** The mail of three thousand tools while the mail server is away for two days, and of quiet tools beside a noisy one, in a time of its own. */
import { describe, expect, it } from 'vitest';
import { began, createMailWorld, hour, playOutage } from '../torture/outage.ts';

describe('a mail server that is away for 48 hours', () => {
  it('finds one mail of each tool and one more to be made, and gets them within the pace, and none is missing', async () => {
    const tools = 3_000;
    const outage = await playOutage({ tools, perTool: 30 });
    expect(outage).toMatchObject({ events: 30 * tools, mailsWaiting: tools, lost: 0, toldTwice: 0 });
    expect(outage.bytesOnDisk).toBeLessThan(200 * 1024 * 1024);
    expect(outage.mails).toBeLessThanOrEqual(2 * tools);
    expect(outage.shortestStretchMs).toBeGreaterThanOrEqual(9_999);
    // Each tool tries for itself, ever more seldom.
    expect(outage.attemptsPerTool).toBeLessThan(60);
  });
});

describe('a job that fails a thousand times in an hour', () => {
  it('makes a few mails, and those of others come as if it were not there', async () => {
    const run = async (isNoisy: boolean) => {
      const { roster, fail, pass, arrivals } = createMailWorld({});
      for (let second = 0; second < 3_600; second += 3) {
        if (isNoisy) fail('noisy', 'loop', `loop-${second}`);
        if (second % 60 === 0) fail(`quiet-${second / 60}`, 'daily', `daily-${second}`);
        await pass(3_000);
      }
      await pass(hour);
      await roster.stop();
      return arrivals;
    };
    const [quiet, both] = [await run(false), await run(true)];
    expect(both.filter(({ tool }) => tool === 'noisy').length).toBeLessThanOrEqual(3);
    const others = both.filter(({ tool }) => tool !== 'noisy');
    expect(others).toEqual(quiet.map(({ tool, at, ids }) => ({ tool, at, ids })));
    expect(others).toHaveLength(60);
  });

  it('of a hundred jobs that fail makes no more mails a day than a tool may have', async () => {
    const { roster, fail, pass, arrivals } = createMailWorld({ task_compose_emails_loop_sleep: '60' });
    for (let minute = 0; minute < 24 * 60; minute += 1) {
      for (let job = 0; job < 5; job += 1) fail('noisy', `job-${minute}-${job}`, `${minute}-${job}`);
      await pass(60_000);
    }
    expect(arrivals.filter(({ at }) => at < began + 24 * hour)).toHaveLength(24);
    await roster.stop();
  });
});
