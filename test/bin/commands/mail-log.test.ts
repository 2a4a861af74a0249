import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noMessages, runMain, type Service, startService } from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
beforeEach(() =>
  service.script({ body: { events: [event('b', 'sent'), event('a', 'gathered')], messages: noMessages } }),
);
afterAll(() => service.close());

const event = (job: string, state: string) => ({
  job,
  job_type: 'scheduled',
  happened: '2026-03-01T04:20:12Z',
  event: 'failed',
  reason: 'out_of_memory',
  state,
  since: '2026-03-01T04:20:43Z',
  message_id: null,
  message: state === 'sent' ? 'mailed' : 'waits for \u001b[31mthe next',
});
const mailLog = (...words: string[]) => runMain(['mail-log', ...words], { env: service.env });

describe('mail-log', () => {
  it('is a line for each event, the newest last, with nothing that moves a cursor', async () => {
    const { code, stdout } = await mailLog();
    expect([code, service.requests[0]?.path]).toEqual([0, '/jobs/v1/tool/quick/mail-log']);
    expect(stdout.split('\n').map((line) => line.trimEnd())).toEqual([
      'When (UTC)           Job    Event                   What became of it',
      '-------------------  -----  ----------------------  --------------------------',
      '2026-03-01 04:20:12  a      failed (out of memory)  waits for \\x1b[31mthe next',
      '2026-03-01 04:20:12  b      failed (out of memory)  mailed',
      '',
    ]);
  });

  it('asks for one job and so many events', async () => {
    await mailLog('--job', 'daily', '--last', '7');
    expect(service.requests.at(-1)?.path).toBe('/jobs/v1/tool/quick/mail-log?job=daily&limit=7');
  });

  it('refuses a number of events that the service does not give', async () => {
    expect(await mailLog('--last', '0')).toMatchObject({ code: 2, stderr: expect.stringContaining('from 1 to 1000') });
  });

  it('says so where nothing has happened', async () => {
    service.script({ body: { events: [], messages: noMessages } });
    expect((await mailLog()).stdout).toBe('Nothing has happened that a mail or a webhook would tell of.\n');
  });
});
