import { describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { problemsOfBody } from '../../../bin/job-file/job-rules.ts';
import { jobsOfFile } from '../../../bin/job-file/jobs-of-file.ts';
import { readEntries } from '../../../bin/job-file/yaml-entries.ts';

function read(text: string) {
  const content = readEntries(yaml, text);
  if (content.kind === 'unreadable') throw new Error(content.why);
  return jobsOfFile(content.entries, problemsOfBody);
}
const needed = 'name: x, command: ./x, image: bookworm';
const one = (rest: string) => read(`- {${needed}${rest && `, ${rest}`}}\n`);
const body = { name: 'x', cmd: './x', imagename: 'bookworm' };

describe('a job of several parts', () => {
  it('has a list of schedules, and lists of values below its matrix', () => {
    expect(
      one('schedule: ["0 6 * * *", "30 18 * * *"], matrix: {WIKI: [frwiki, 007], MODE: fast}').jobs[0]?.body,
    ).toEqual({
      ...body,
      schedules: ['0 6 * * *', '30 18 * * *'],
      matrix: { WIKI: ['frwiki', '007'], MODE: ['fast'] },
    });
    expect(one('schedule: ["0 6 * * *"]').jobs[0]?.body).toEqual({ ...body, schedule: '0 6 * * *' });
  });

  it('has a quoted word for nothing as a value of its matrix', () => {
    expect(one('matrix: {WIKI: ["null", "~"]}').jobs[0]?.body).toMatchObject({ matrix: { WIKI: ['null', '~'] } });
  });

  it.each([
    ['schedule: []', "'schedule' in job 'x' has no value and is left out."],
    ['matrix: frwiki', "'matrix' must be names with lists of values"],
    ['matrix: {WIKI: []}', "'matrix': each name must have a list of values"],
    ['matrix: {WIKI: ~}', "'matrix': 'WIKI' has a value that is empty or null"],
    ['matrix: {WIKI: }', "'matrix': 'WIKI' has a value that is empty or null"],
    ['matrix: {WIKI: [frwiki, null]}', "'matrix': 'WIKI' has a value that is empty or null"],
    ['matrix: {WIKI: {a: b}}', "'matrix': each name must have a list of values"],
    ['matrix: {wiki: [a]}', 'matrix: "wiki" is not a name of A-Z'],
    ['schedule: ["0 6 * * *", "0 6 * * *"]', 'schedule: names the same times twice'],
  ])('says what is wrong with %s', (rest, words) => {
    const { problems, warnings } = one(rest);
    expect([...problems, ...warnings].join()).toContain(words);
  });
});

describe('the jobs of a file', () => {
  it('are as people write them', () => {
    expect(
      read(`- name: daily-report
  command: ./venv/bin/python3 report.py
  image: python3.11
  schedule: "17 4 * * *"
  emails: onfailure
`),
    ).toEqual({
      jobs: [
        {
          number: 1,
          name: 'daily-report',
          wait: undefined,
          body: {
            name: 'daily-report',
            cmd: './venv/bin/python3 report.py',
            imagename: 'python3.11',
            schedule: '17 4 * * *',
            emails: 'onfailure',
          },
        },
      ],
      problems: [],
      warnings: [],
    });
  });

  it.each([
    [
      'schedule: "@daily", timeout: 60, retry: 2, mem: 1Gi, cpu: 0.5',
      { timeout: 60, retry: 2, memory: '1Gi', cpu: '0.5' },
    ],
    [
      'filelog: true, filelog-stdout: o, filelog-stderr: e',
      { filelog: true, filelog_stdout: 'o', filelog_stderr: 'e' },
    ],
    ['no-filelog: yes, emails: none, mount: all', { filelog: false, emails: 'none', mount: 'all' }],
    ['continuous: true, replicas: 2, port: 8080', { continuous: true, replicas: 2, port: 8080, port_protocol: 'tcp' }],
    [
      'continuous: on, port: 53/udp, health-check-script: ./ok',
      { port_protocol: 'udp', health_check: { type: 'script', script: './ok' } },
    ],
    ['schedule: "@daily", suspend: true, suspend-after: 5', { suspend: true, suspend_after: 5 }],
    ['schedule: "@daily", suspend-note: the wiki moves', { suspend: { note: 'the wiki moves' } }],
    [
      'schedule: "@daily", suspend: {note: the wiki moves, until: 2126-12-01T08:00:00Z}',
      { suspend: { note: 'the wiki moves', until: '2126-12-01T08:00:00Z' } },
    ],
    [
      'continuous: True, port: "80", health-check-http: /ok, publish: true',
      { port: 80, publish: true, health_check: { type: 'http', path: '/ok' } },
    ],
  ])('have every option of run: %s', (rest, part) => {
    expect(one(rest)).toMatchObject({ problems: [], warnings: [], jobs: [{ body: { ...body, ...part } }] });
  });

  it.each([
    ['filelog: "yes"', { filelog: true }, "'filelog' in job 'x' should be true without quotes"],
    ['no-filelog: "true"', { filelog: false }, "'no-filelog' in job 'x' should be true without quotes"],
    ['continuous: "true"', { continuous: true }, "'continuous' in job 'x' should be true without quotes"],
    ['filelog: false', {}, "'filelog' in job 'x' can only be true, and is left out. Write 'no-filelog: true'"],
    ['no-filelog: "no"', {}, "'no-filelog' in job 'x' can only be true, and is left out."],
    ['continuous: false', {}, "'continuous' in job 'x' can only be true, and is left out."],
    ['wait: false', {}, "'wait' in job 'x' can only be true or seconds, and is left out."],
    ['mem: ', {}, "'mem' in job 'x' has no value and is left out."],
    ['shedule: "@daily"', {}, "Unknown key 'shedule' in job 'x' definition. Did you mean 'schedule'?"],
    ['zzz: 1', {}, "Unknown key 'zzz' in job 'x' definition"],
    ['memory: 1Gi', {}, "Unknown key 'memory' in job 'x' definition. Did you mean 'mem'?"],
    [
      'schedule: "@daily", wait: true',
      { schedule: '@daily' },
      "'wait' in job 'x' is left out: only one-off jobs come to an end.",
    ],
  ])('are read with a warning: %s', (rest, part, warning) => {
    const { jobs, problems, warnings } = one(rest);
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(warning)]);
    expect(jobs[0]?.body).toEqual({ ...body, ...part });
  });

  it.each([
    ['wait: true', 600],
    ['wait: 30', 30],
    ['wait: yes', 600],
  ])('may be waited for: %s', (rest, wait) => {
    expect(one(rest).jobs[0]).toMatchObject({ wait, body });
  });

  it.each([
    ['filelog: maybe', "'filelog' must be true or left out; 'maybe' is neither."],
    ['wait: long', "wait must be a whole number from 1 to 2147483647; 'long' is not."],
    ['retry: 9', "retry must be a whole number from 0 to 5; '9' is not."],
    [
      'emails: onfail',
      "emails must be one of none, all, onfinish, onfailure; 'onfail' is not. Did you mean 'onfailure'?",
    ],
    ['filelog: true, no-filelog: true', 'no-filelog cannot be used together with filelog.'],
    ['timeout: 5', 'timeout is only valid for scheduled jobs'],
    ['port: 80', 'port is only valid for continuous jobs'],
    ['schedule: "0 7"', 'cron expression "0 7"'],
    ['mem: lots', 'mem: '],
    ['filelog-stdout: "a\\tb"', 'filelog-stdout: '],
    ['schedule: "@daily", continuous: true', "Only one of 'continuous' and 'schedule' can be set at the same time"],
  ])('are refused, naming number, job and key: %s', (rest, problem) => {
    expect(one(rest).problems).toEqual([expect.stringContaining(problem)]);
    expect(one(rest).problems[0]).toMatch(/^Invalid job 1 \('x'\): /);
  });

  it('are refused with all problems of all entries', () => {
    expect(
      read(
        '- {name: a, image: i}\n- {command: c}\n- {name: A, command: c, image: i, cpu: x}\n- {name: b, command: c, image: i}\n- {name: b, command: c, image: i}\n- text\n',
      ).problems,
    ).toEqual([
      "Unable to load job number 1 ('a'): missing configuration parameter command",
      'Unable to load job number 2: missing configuration parameter name',
      'Unable to load job number 2: missing configuration parameter image',
      expect.stringMatching(/^Invalid job 3 \('A'\): Invalid job name/),
      expect.stringMatching(/^Invalid job 3 \('A'\): cpu: /),
      "Invalid job 5 ('b'): 'name' is that of job 4 as well.",
      'Invalid job 6: a job must be keys with values, e.g. "name: my-job".',
      'Unable to load job number 6: missing configuration parameter name',
      'Unable to load job number 6: missing configuration parameter command',
      'Unable to load job number 6: missing configuration parameter image',
    ]);
  });
});
