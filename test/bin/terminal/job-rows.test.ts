import { describe, expect, it } from 'vitest';
import { endOf, longRows, shortRows, showRows } from '../../../bin/terminal/job-rows.ts';
import { makeJob, makeStatus } from '../scripted-service.ts';

const rows = (changes: Record<string, unknown>) => Object.fromEntries(showRows(makeJob(changes)));

describe('what is said of a job', () => {
  it('stands in the order that people know', () => {
    expect(shortRows(makeJob()).map(([label]) => label)).toEqual(['Job name:', 'Job type:', 'Status:']);
    expect(longRows(makeJob())).toEqual([
      ['Job name:', 'test-job'],
      ['Command:', './run.sh'],
      ['Job type:', 'one-off'],
      ['Image:', 'python3.11'],
      ['Port:', 'none'],
      ['File log:', 'yes'],
      ['Output log:', '/data/project/quick/test-job.out'],
      ['Error log:', '/data/project/quick/test-job.err'],
      ['Emails:', 'none'],
      ['Resources:', 'default'],
      ['Replicas:', ''],
      ['Mounts:', 'all'],
      ['Retry:', 'no'],
      ['Timeout:', 'no'],
      ['Health check:', 'none'],
      ['Status:', 'Running for 3s'],
    ]);
    expect(showRows(makeJob()).at(-1)?.[0]).toBe('Hints:');
  });

  it('lists the parts of a job, and of a part its job', () => {
    const parts = [
      { name: 'test-job-0600', schedule: '0 6 * * *', status_short: 'Suspended' },
      { name: 'test-job-frwiki', status_short: 'Running' },
    ];
    expect(rows({ parts })).toMatchObject({
      'Parts:': 'test-job-0600 (0 6 * * *): Suspended\ntest-job-frwiki: Running',
    });
    expect(rows({ group: 'update' })).toMatchObject({ 'Part of:': 'update' });
    expect(Object.keys(rows({}))).not.toContain('Parts:');
  });

  it.each([
    ['Job type:', { schedule: '*/5 * * * *' }, 'schedule: */5 * * * *'],
    ['Job type:', { continuous: true }, 'continuous'],
    ['Image:', { image_state: 'deprecated' }, 'python3.11 (deprecated)'],
    ['Port:', { port: 8080, port_protocol: 'udp' }, '8080/udp'],
    ['Port:', { port: null }, 'none'],
    ['File log:', { filelog: false }, 'no'],
    ['File log:', { filelog: 'True' }, 'yes'],
    ['Output log:', { filelog_stdout: null }, ''],
    ['Error log:', { filelog_stderr: undefined }, 'Unknown'],
    ['Resources:', { memory: '1Gi' }, 'mem: 1Gi, cpu: default'],
    ['Resources:', { cpu: '1.0' }, 'mem: default, cpu: 1.0'],
    ['Resources:', { memory: null, cpu: undefined }, 'default'],
    ['Replicas:', { continuous: true, replicas: 2 }, '2'],
    ['Replicas:', { continuous: true }, 'Unknown'],
    ['Retry:', { retry: 3 }, 'yes: 3 time(s)'],
    ['Timeout:', { timeout: 60 }, 'yes: 60s'],
    ['Timeout:', { timeout: 0 }, 'no'],
    ['Job type:', { schedule: '17 4 * * *', timezone: 'Europe/Rome' }, 'schedule: 17 4 * * * (Europe/Rome)'],
    ['Time zone:', { timezone: 'Europe/Rome' }, 'Europe/Rome'],
    ['Concurrency:', { concurrency: 'replace' }, 'replace'],
    ['Starting deadline:', { starting_deadline: 600 }, '600s'],
    ['Starting deadline:', {}, undefined],
    ['Health check:', { health_check: { type: 'http', path: '/health' } }, 'http: /health'],
    ['Health check:', { health_check: { type: 'script', script: './ok' } }, 'script: ./ok'],
    ['Peaks:', { peaks: { runs: 1, memory: { lowest: 2 ** 20, highest: 2 ** 20 } } }, '1 MiB in one run (sampled)'],
    [
      'Peaks:',
      { peaks: { runs: 10, memory: { lowest: 96 * 2 ** 20, highest: 2 ** 27 }, cpu: { lowest: 100, highest: 350 } } },
      '96-128 MiB, 0.1-0.35 CPU in the last 10 runs (sampled)',
    ],
    ['Peaks:', {}, undefined],
    ['Parameters:', { parameters: { WIKI: 'frwiki', TEXT: 'a\nb' } }, 'WIKI=frwiki\nTEXT=a\\nb'],
    ['Matrix:', { matrix: { WIKI: ['frwiki', 'dewiki'] } }, 'WIKI: frwiki, dewiki'],
    ['After:', { after: ['prepare', 'fetch'] }, 'prepare, fetch'],
    ['Unusual runs:', { unusual: true }, 'told by mail'],
    ['Unusual runs:', { unusual: false }, undefined],
    ['Status:', { status_short: undefined }, 'Unknown'],
    ['Job name:', { name: ['odd'] }, '["odd"]'],
  ])('under %s for %j is %j', (label, changes, words) => {
    expect(rows(changes)[label]).toBe(words);
  });

  it('says in plain words why, and when it runs next', () => {
    const status = { messages: ['out of memory', 'out of memory'], next_schedules: ['2026-01-01T00:00:00Z', 'then'] };
    expect(rows({ status, status_long: 'No pods.' })).toMatchObject({
      'Hints:': 'No pods.\nout of memory',
      'Next runs:': '2026-01-01T00:00:00Z\nthen',
    });
    expect(rows({ status: null })).not.toHaveProperty('Next runs:');
  });

  it('says its next runs on the clocks of its zone, and when these change', () => {
    const status = { next_schedules: ['2026-03-28T01:30:00Z', '2026-03-30T00:30:00Z'] };
    const job = makeJob({ timezone: 'Europe/Rome', status });
    expect(Object.fromEntries(showRows(job, Date.parse('2026-03-27T12:00:00Z')))['Next runs:']).toBe(
      '2026-03-28T01:30:00Z (02:30 Europe/Rome)\n2026-03-30T00:30:00Z (02:30 Europe/Rome; the clocks go 1 h forward on 2026-03-29)',
    );
    expect(rows({ timezone: 'Mars/Olympus', status })['Next runs:']).toBe(status.next_schedules.join('\n'));
    expect(rows({ timezone: 'Europe/Rome', status: { next_schedules: ['then'] } })['Next runs:']).toBe('then');
  });

  it('says how the last run of a scheduled job went, in a column that is there where one of them has any', () => {
    const last_run = { outcome: 'failed', in_a_row: 3, after_failures: 0 };
    expect(shortRows(makeJob({ last_run }), true).at(-1)).toEqual(['Last run:', 'failed (3 in a row)']);
    expect(shortRows(makeJob(), true).at(-1)).toEqual(['Last run:', '']);
  });

  it('says how the last runs went', () => {
    const message = 'your program ended with code 3';
    const last_runs = [
      { due: '2026-03-02T04:17:00Z', outcome: 'succeeded', message: 'finished', in_a_row: 1, after_failures: 2 },
      { due: '2026-03-01T04:17:00Z', outcome: 'failed', message, in_a_row: 2, after_failures: 0 },
    ];
    expect(rows({ last_runs })['Last runs:']).toBe(
      `2026-03-02 04:17:00 succeeded, after 2 failures\n2026-03-01 04:17:00 failed: ${message} (2 in a\nrow)`,
    );
  });

  it('breaks hints at 70 columns', () => {
    const hints = rows({ status_long: `Last run at 2026-01-01T00:00:00Z. ${'word '.repeat(40)}` })['Hints:'] ?? '';
    expect(hints.split('\n').every((line) => line.length <= 70)).toBe(true);
    expect(hints.split('\n')[0]).toHaveLength(68);
  });
});

describe('the end of a job', () => {
  it('is known only from its state', () => {
    expect(
      ['succeeded', 'failed', 'running', 'pending', 'unknown'].map((short) => endOf({ status: makeStatus(short) })),
    ).toEqual(['succeeded', 'failed', undefined, undefined, undefined]);
    expect(endOf({})).toBeUndefined();
    expect(endOf({ status: null, status_short: 'Completed' })).toBeUndefined();
  });
});
