import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noMessages, runMain, type Service, startService } from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const run = (changes: object) => ({
  id: '11111111-0000-4000-8000-000000000000',
  job: 'daily',
  job_type: 'scheduled',
  manual: false,
  due: '2026-03-01T04:17:00Z',
  created: '2026-03-01T04:17:00Z',
  started: '2026-03-01T04:17:02Z',
  finished: '2026-03-01T04:20:14Z',
  outcome: 'succeeded',
  message: 'finished',
  ...changes,
});
const runs = [
  run({
    due: '2026-03-04T04:17:00Z',
    changed: ['image'],
    in_a_row: 2,
    outcome: 'failed',
    message: 'ran out of memory \u001b[31m(OOMKilled)',
  }),
  run({ due: null, manual: true, started: '2026-03-03T10:00:00Z', finished: '2026-03-03T12:30:09Z' }),
  run({
    due: '2026-03-02T04:17:00Z',
    started: null,
    finished: null,
    outcome: 'skipped',
    message: 'skipped: the run before it was still going',
  }),
  run({ after_failures: 3 }),
];
beforeEach(() => service.beside({ runs: { body: { runs, messages: noMessages } } }));
const history = (...words: string[]) => runMain(['history', 'daily', ...words], { env: service.env });
const lines = (text: string) => text.split('\n').map((line) => line.trimEnd());

describe('history', () => {
  it('is a line for each run and for each one that was skipped, the newest last, with nothing that moves a cursor', async () => {
    const { code, stdout } = await history();
    expect(code).toBe(0);
    expect(lines(stdout)).toEqual([
      'Due (UTC)            Began                Ran for     Run       Changed    Outcome',
      '-------------------  -------------------  ----------  --------  ---------  ----------------------------------------------------------',
      '2026-03-01 04:17:00  2026-03-01 04:17:02  3 min 12 s  11111111             succeeded, after 3 failures',
      '2026-03-02 04:17:00                                                        skipped: the run before it was still going',
      'by hand              2026-03-03 10:00:00  2 h 30 min  11111111             succeeded',
      '2026-03-04 04:17:00  2026-03-01 04:17:02  3 min 12 s  11111111  image      failed: ran out of memory \\x1b[31m(OOMKilled) (2 in a row)',
      '',
    ]);
  });

  it('shows what runs used at most where that was measured, and says of the others that it was not', async () => {
    const mebibyte = 2 ** 20;
    const measured = [
      run({ peak_memory: 96 * mebibyte, memory_limit: 512 * mebibyte, peak_cpu: 350 }),
      run({ reason: 'out_of_memory', outcome: 'failed', peak_memory: 512 * mebibyte, memory_limit: 512 * mebibyte }),
      run({ peak_memory: null, peak_cpu: null }),
      run({ outcome: 'skipped', started: null, finished: null, peak_memory: null, message: 'skipped: suspended' }),
    ];
    service.beside({ runs: { body: { runs: measured, messages: noMessages } } });
    const [head, , ...rows] = lines((await history()).stdout);
    const column = head?.indexOf('Sampled peak') ?? 0;
    expect(rows.map((row) => row.slice(column, head?.indexOf('Outcome')).trim())).toEqual([
      '',
      'not measured',
      '512 of 512 MiB (limit)',
      '96 of 512 MiB, 0.35 CPU',
      '',
    ]);
  });

  it('marks runs that took suspiciously short or long', async () => {
    service.beside({
      runs: { body: { runs: [run({ unusual: 'short' }), run({ unusual: null })], messages: noMessages } },
    });
    const rows = lines((await history()).stdout).slice(2, 4);
    expect(rows.map((row) => row.split('  ').at(-1))).toEqual(['succeeded', 'succeeded, unusually short']);
  });

  it('of a job of several parts names the part', async () => {
    const ofParts = [run({ job: 'daily-frwiki', group: 'daily' }), run({ job: 'daily-dewiki', group: 'daily' })];
    service.beside({ runs: { body: { runs: ofParts, messages: noMessages } } });
    const [head, , first] = lines((await history()).stdout);
    expect(head).toMatch(/^Part +Due/);
    expect(first).toMatch(/^daily-dewiki +2026/);
  });

  it('shows the last ones, or those that did not succeed, or all as JSON', async () => {
    expect(lines((await history('--last', '1')).stdout)).toHaveLength(4);
    const failed = (await history('--failed')).stdout;
    expect([failed.includes('succeeded'), failed.includes('skipped')]).toEqual([false, true]);
    expect(JSON.parse((await history('-o', 'json')).stdout)).toEqual(runs);
  });

  it('refuses a number of runs that the service does not keep', async () => {
    expect(await history('--last', '1001')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('from 1 to 1000'),
    });
  });

  it('says so where there is nothing to show', async () => {
    service.beside({ runs: { body: { runs: [], messages: noMessages } } });
    expect((await history()).stdout).toBe("No run of job 'daily' has ended yet; a continuous job has none.\n");
    expect((await history('--failed')).stdout).toBe("No run of job 'daily' has failed yet.\n");
  });

  it('says of a run that began late by how much', async () => {
    const late = run({ created: '2026-03-01T04:29:00Z', trigger: 'caught_up' });
    service.beside({ runs: { body: { runs: [late], messages: noMessages } } });
    expect((await history()).stdout).toContain('succeeded (caught up, 12 min 0 s late)');
  });
});
