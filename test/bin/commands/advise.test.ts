import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noMessages, runMain, type Service, startService } from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const said = (advice: object) => service.script({ body: { advice, messages: noMessages } });
const advise = (...words: string[]) => runMain(['advise', ...words], { env: service.env });
const memory = { verdict: 'larger', to: '768Mi', message: 'used 512 of 512 MiB; 768Mi would \u001b[31mbe better' };
const cpu = { verdict: 'keep', to: null, message: 'used 0.1 of 1 CPU; leave it as it is' };
const advice = { job: 'daily', job_type: 'scheduled', memory, cpu, fits: true, obstacles: [], request: null };

describe('advise', () => {
  it('says what a job uses, what would be better, and the command that changes it', async () => {
    said(advice);
    const { code, stdout } = await advise('daily');
    expect([code, service.requests.at(-1)?.path]).toEqual([0, '/jobs/v1/tool/quick/jobs/daily/advice']);
    expect(stdout.split('\n')).toEqual([
      'Memory:  used 512 of 512 MiB; 768Mi would \\x1b[31mbe better',
      'CPU:     used 0.1 of 1 CPU; leave it as it is',
      '',
      'The quota has room for that. To change it:',
      '',
      '  toolforge-jobs set daily --mem 768Mi',
      '',
    ]);
  });

  it('says what the quota has against it, with a text to send on', async () => {
    said({ ...advice, fits: false, obstacles: ['One job may have 1Gi.'], request: 'Please\nraise it.' });
    const { stdout } = await advise('daily');
    expect(stdout).toContain('The quota has no room for that: One job may have 1Gi. When it has, to change it:');
    expect(stdout).toMatch(/A text for those who decide about quotas:\n\nPlease\nraise it\.\n$/);
  });

  it('says no command where nothing is to be changed, and of a one-off how to run it again', async () => {
    said({ ...advice, memory: cpu, fits: null });
    expect((await advise('daily')).stdout).not.toContain('toolforge-jobs');
    said({ ...advice, job_type: 'one-off' });
    expect((await advise('daily')).stdout).toContain('toolforge-jobs run daily … --mem 768Mi');
  });

  it('says that a job is gone, of which nothing is known', async () => {
    said({ ...advice, job: 'gone', memory: null, cpu: null, fits: null });
    expect((await advise('gone')).stdout).toBe("Job 'gone' is gone, and nothing of what it used is known.\n");
  });

  it('of the quota shows what is used up', async () => {
    const items = [
      { name: 'Memory', used: '8.0Gi', limit: '8.0Gi', full: true },
      { name: 'CPU', used: '0.5', limit: '4.0', full: false },
    ];
    said({ items, request: 'Please raise it.' });
    const { stdout } = await advise('--quota');
    expect(service.requests.at(-1)?.path).toBe('/jobs/v1/tool/quick/advice');
    expect(stdout).toMatch(/^Memory +8.0Gi +8.0Gi +full, or nearly$/m);
    expect(stdout).toMatch(/^CPU +0.5 +4.0$/m);
    expect(stdout).toContain('Please raise it.');
  });

  it.each([[[]], [['daily', '--quota']]])('wants either a name or --quota: %j', async (words) => {
    expect(await advise(...words)).toMatchObject({ code: 2, stderr: expect.stringContaining('either the name') });
  });
});
