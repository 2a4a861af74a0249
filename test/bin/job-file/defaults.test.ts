import { describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { problemsOfDefaults, warningsOfDefaults, withDefaults } from '../../../bin/job-file/defaults.ts';
import { problemsOfBody } from '../../../bin/job-file/job-rules.ts';
import { jobsOfFile } from '../../../bin/job-file/jobs-of-file.ts';
import { readEntries } from '../../../bin/job-file/yaml-entries.ts';

function read(text: string) {
  const content = readEntries(yaml, text);
  if (content.kind === 'unreadable') throw new Error(content.why);
  const { defaults } = content;
  if (!defaults) throw new Error('no defaults');
  const entries = content.entries.map((entry) => withDefaults(entry, defaults));
  const { jobs, problems, warnings } = jobsOfFile(entries, problemsOfBody);
  return {
    bodies: jobs.map(({ body }) => body),
    problems: [...problemsOfDefaults(defaults), ...problems],
    warnings: [...warningsOfDefaults(defaults), ...warnings],
  };
}

/** What the same jobs come to with every key written out. */
const plain = (text: string) => {
  const content = readEntries(yaml, text);
  if (content.kind === 'unreadable') throw new Error(content.why);
  return jobsOfFile(content.entries, problemsOfBody).jobs.map(({ body }) => body);
};

const fine = { problems: [], warnings: [] };
const job = (rest: string, defaults: string) =>
  read(`defaults: {command: c, image: i, ${defaults}}\njobs:\n- {name: x, ${rest}}\n`);

describe('defaults of a file', () => {
  it('hold for every job that says nothing else', () => {
    const text = `defaults:
  image: python3.11
  emails: onfailure
  mem: 1Gi
  parameters: {LANG: en, MODE: fast}
jobs:
- {name: a, command: ./a}
- {name: b, command: ./b, emails: none, mem: 512Mi, schedule: "@daily"}
- {name: c, command: ./c, parameters: {LANG: fr, WIKI: frwiki}}
`;
    const written = `
- {name: a, command: ./a, image: python3.11, emails: onfailure, mem: 1Gi, parameters: {LANG: en, MODE: fast}}
- {name: b, command: ./b, image: python3.11, emails: none, mem: 512Mi, schedule: "@daily", parameters: {LANG: en, MODE: fast}}
- {name: c, command: ./c, image: python3.11, emails: onfailure, mem: 1Gi, parameters: {LANG: fr, MODE: fast, WIKI: frwiki}}
`;
    expect(read(text)).toEqual({ bodies: plain(written), ...fine });
  });

  it.each([
    ['mem: 1Gi', 'mem: ~'],
    ['mem: 1Gi', 'mem:'],
    ['continuous: true', 'continuous: false'],
    ['continuous: true', 'continuous: ~'],
    ['parameters: {A: b}', 'parameters: ~'],
    ['parameters: {A: b}', 'parameters: {A: ~}'],
    ['after: first', 'after: ~'],
    ['after: [first]', 'after: []'],
  ])('are left out where a job has no value for them: %s and %s', (defaults, rest) => {
    expect(job(rest, defaults)).toEqual({ bodies: [{ name: 'x', cmd: 'c', imagename: 'i' }], ...fine });
  });

  it.each([
    ['filelog: true', 'no-filelog: true', { filelog: false }],
    ['no-filelog: true', 'filelog: true', { filelog: true }],
    ['continuous: true', 'schedule: "@daily"', { schedule: '@daily' }],
    ['schedule: "@daily"', 'continuous: true', { continuous: true }],
  ])('give way to the opposite: %s and %s', (defaults, rest, part) => {
    expect(job(rest, defaults)).toEqual({ bodies: [{ name: 'x', cmd: 'c', imagename: 'i', ...part }], ...fine });
  });

  it('may be shared by anchors, and hold merge keys', () => {
    const text =
      'defaults: &d\n  image: i\n  command: c\njobs:\n- &one {name: a, mem: 1Gi}\n- {<<: *one, name: b}\n- {<<: *d, name: c}\n';
    expect(read(text).bodies).toEqual([
      { name: 'a', cmd: 'c', imagename: 'i', memory: '1Gi' },
      { name: 'b', cmd: 'c', imagename: 'i', memory: '1Gi' },
      { name: 'c', cmd: 'c', imagename: 'i' },
    ]);
  });

  it('are told from the job in what is wrong, with the line, once for all jobs', () => {
    const text = `defaults:
  image: i
  mem: lots
  retry: 2
jobs:
- name: a
  command: a
- name: b
  command: b
  cpu: much
- name: c
  command: c
  mem: 1Gi
  continuous: true
`;
    expect(read(text).problems).toEqual([
      `Invalid jobs 1 ('a'), 2 ('b'): mem: "lots" is not a valid Kubernetes quantity above 0. Example: "512Mi". ('mem' stands in 'defaults', line 3; 'mem: ~' in a job leaves it out)`,
      `Invalid job 2 ('b'): cpu: "much" is not a valid Kubernetes quantity above 0. Example: "500m". ('cpu' stands in the job, line 10)`,
      `Invalid job 3 ('c'): retry: is for one-off and scheduled jobs only. Leave it out. ('retry' stands in 'defaults', line 4; 'retry: ~' in a job leaves it out)`,
    ]);
    expect(job('wait: 5', 'schedule: "@daily"').warnings).toEqual([
      "'wait' in job 'x' is left out: only one-off jobs come to an end.",
    ]);
    const both = `defaults: {image: i, filelog-stdout: a.log}\njobs:\n- name: x\n  command: c\n  no-filelog: true\n`;
    expect(read(both).problems).toEqual([
      `Invalid job 1 ('x'): Specifying filelog-stdout or filelog-stderr requires filelog ('filelog-stdout' stands in 'defaults', line 1; 'filelog-stdout: ~' in a job leaves it out)`,
    ]);
  });

  it('name what they cannot hold themselves', () => {
    expect(read('defaults: [a]\njobs: []\n').problems).toEqual([
      `Invalid 'defaults': 'defaults' must be keys with values, e.g. "image: python3.11".`,
    ]);
    expect(read('defaults:\n  name: x\njobs: []\n').problems).toEqual([
      `Invalid 'defaults': 'name' cannot be a default, as each job has its own (line 2).`,
    ]);
    expect(read('defaults: {emials: all, mem: 1, mem: 2}\njobs: []\n').warnings).toEqual([
      "Unknown key 'emials' in 'defaults'. Did you mean 'emails'?",
      "In 'defaults' 'mem' is there twice; the last one counts.",
    ]);
  });

  it('stand beside jobs, and nothing else does', () => {
    expect(readEntries(yaml, 'jobs:\n- name: x\n')).toMatchObject({ kind: 'entries', defaults: undefined });
    expect(readEntries(yaml, 'defaults:\njobs:\n- name: x\n')).toMatchObject({ kind: 'entries', defaults: undefined });
    expect(readEntries(yaml, 'default: {}\njobs: []\n')).toEqual({
      kind: 'unreadable',
      why: "it must hold a list of jobs, or 'defaults' and 'jobs'; 'default' is neither",
    });
    expect(readEntries(yaml, 'defaults: {image: i}\n')).toMatchObject({ kind: 'unreadable' });
  });
});
