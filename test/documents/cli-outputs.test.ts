import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { commandTable } from '../../bin/commands/command-table.ts';
import { shown, verbOf } from '../../bin/terminal/shown-command.ts';
import { makeJob, noMessages, runMain, type Service, startService } from '../bin/scripted-service.ts';
import { repositoryRoot } from '../support/repository-root.ts';
import { commandOutputs, outputSchemas } from './cli-outputs.ts';
import { cliPage } from './cli-page.ts';
import { currentDocument } from './documents.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const { $defs } = outputSchemas(currentDocument());
const strict = JSON.parse(
  JSON.stringify($defs).replaceAll('"type":"object"', '"additionalProperties":false,"type":"object"'),
);

const said = (body: object) => ({ body: { ...body, messages: noMessages } });
const web = makeJob({
  name: 'web',
  job_type: 'continuous',
  continuous: true,
  replicas: 2,
  port: 53,
  port_protocol: 'udp',
  health_check: { type: 'script', script: './ok' },
  publish: false,
});
const { retry: _, ...continuous } = web;
const set = {
  name: 'web',
  cmd: 'x',
  imagename: 'y',
  filelog: false,
  port: 53,
  port_protocol: 'udp',
  replicas: 1,
  publish: true,
};
const webAsSet = { ...set, job_type: 'continuous' };
const advised = {
  ...{ runs: 3, lowest: 1, highest: 2, killed: 0, limit: 4 },
  ...{ verdict: 'keep', to: null, message: 'used' },
};
const advice = {
  ...{ job: 'x', job_type: 'scheduled', memory: advised, cpu: null },
  ...{ fits: null, obstacles: [], request: null },
};
const item = { name: 'CPU', limit: '1', used: null };
const logLine = {
  pod: 'x.out',
  container: 'stdout',
  datetime: '2026-07-01T12:00:00+00:00',
  message: 'hello',
  source: 'file',
  stream: 'stdout',
  timestamp: null,
};
const run = {
  id: 'run-1',
  job: 'x',
  job_type: 'scheduled',
  job_id: 'uid-1',
  manual: false,
  due: '2026-03-01T04:17:00Z',
  created: '2026-03-01T04:17:00Z',
  started: null,
  finished: null,
  outcome: 'skipped',
  reason: 'previous_run',
  exit_code: null,
  signal: null,
  attempts: 0,
  peak_memory: null,
  memory_limit: null,
  peak_cpu: null,
  message: 'skipped: the run before it was still going',
  trigger: 'schedule',
  definition_version: null,
  image_digest: null,
};
const listedRun = { ...run, changed: [], in_a_row: 1, after_failures: 0, unusual: null };
const gone = { job: 'x', job_type: 'one-off', run_id: null };
const mailed = {
  job: 'x',
  job_type: 'scheduled',
  happened: '2026-03-01T04:20:12Z',
  event: 'failed',
  reason: 'exit_code',
  state: 'sent',
  since: '2026-03-01T04:20:43Z',
  message_id: '<one@toolforge.org>',
  via: 'mail',
  message: 'mailed',
};
const webhook = {
  url: 'https://hooks.example.org/jobs',
  events: 'failures',
  set_at: '2026-03-01T04:20:12Z',
  waiting: 1,
  taken_at: null,
  failing_since: '2026-03-01T04:20:43Z',
  failure: 'hooks.example.org answered with 500',
};
const planned = {
  name: 'a',
  job_type: 'continuous',
  action: 'update',
  changes: [{ field: 'health_check', from: null, to: { type: 'script', script: './ok' } }],
  effect: 'rolls',
  message: 'Rolling.',
  next_schedules: ['2026-03-02T04:17:00Z'],
  warnings: ['Old.'],
  successor: null,
  refusal: null,
};
const plan = {
  jobs: [planned, { ...planned, name: 'b', action: 'create' }, { ...planned, name: 'c', action: 'unchanged' }],
  quota: [{ name: 'CPU', limit: '1.0', used: '0.5', after: '1.5', fits: false }],
  problems: [],
};
const newJob = { name: 'x', cmd: './x', imagename: 'y', schedule: '@daily', filelog: true };
const refusal = { status: 400, body: { error: ['No.'], code: 'job.invalid' } };

/** What `watch` hears; the last of it ends the test. */
const heard = [
  ['job.changed', { ...gone, status: { short: 'running', up_to_date: true, messages: [] } }],
  ['run.ended', run],
  ['job.gone', gone],
].map(([event, data]) => `id: 1-1\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);

/** Of what has no end by itself. */
const isEnough = /"job\.gone"|"url"/;

/** What is typed, and what the service answers. */
const cases: Readonly<
  Record<string, readonly [words: readonly string[], ...answers: { body: unknown; status?: number }[]]>
> = {
  run: [['run', 'x', '--command', 'x', '--image', 'y', '--output', 'json'], said({ job: makeJob() })],
  list: [['list', '-o', 'json'], said({ jobs: [makeJob(), continuous] })],
  show: [['show', 'web', '-o', 'json'], said({ job: continuous })],
  logs: [['logs', 'x', '-o', 'json'], { body: `${JSON.stringify(logLine)}\n` }],
  restart: [['restart', 'x', '-o', 'json'], said({})],
  'run-now': [['run-now', 'x', '-o', 'json'], said({ run_id: 'run-1', job: makeJob() })],
  suspend: [['suspend', 'x', '-o', 'json'], said({})],
  resume: [['resume', 'x', '-o', 'json'], said({})],
  fence: [['fence', '--run', 'uid-1', '-o', 'json'], said({ fence: 1_767_225_600_000 })],
  delete: [['delete', 'x', '-o', 'json'], said({})],
  flush: [['flush', '-o', 'json'], said({})],
  images: [['images', '-o', 'json'], said({ images: [{ shortname: 'a', image: 'b' }] })],
  load: [['load', 'FILE', '-o', 'json'], said({ job_changed: true }), refusal],
  plan: [['plan', 'FILE', '-o', 'json'], said({ plan })],
  apply: [['apply', 'FILE', '-o', 'json'], said({ plan }), said({ job_changed: true }), refusal, said({ plan })],
  undo: [['undo', '-o', 'json'], said({ former: [{ at: '2026-03-01T04:20:12Z', reason: 'deleted', job: newJob }] })],
  dump: [['dump', '-o', 'json'], said({ jobs: [set] })],
  history: [['history', 'x', '-o', 'json'], said({ runs: [listedRun] })],
  advise: [['advise', 'x', '-o', 'json'], said({ advice })],
  set: [['set', 'web', '--mem', '1Gi', '-o', 'json'], said({ jobs: [webAsSet] }), said({ job_changed: true })],
  'mail-log': [['mail-log', '-o', 'json'], said({ events: [mailed] })],
  webhook: [['webhook', 'set', webhook.url, '-o', 'json'], said({ webhook, secret: 'whsec_AAAA' })],
  quota: [['quota', '-o', 'json'], said({ quota: { categories: [{ name: 'Per-job limits', items: [item] }] } })],
  watch: [['watch', '-o', 'json'], said({ jobs: [makeJob(), continuous] })],
  dashboard: [['dashboard', '-o', 'json']],
  completion: [['completion', 'fish', '-o', 'json']],
};

describe('--output json', () => {
  it('has a schema on every command, and a case here', () => {
    const verbs = shown(commandTable).map(verbOf).sort();
    expect(Object.keys(commandOutputs).sort()).toEqual(verbs);
    expect(Object.keys(cases).sort()).toEqual(verbs);
  });

  it.each(Object.keys(cases))('of %s is what its schema says, and no more', async (verb) => {
    const [words, ...answers] = cases[verb] ?? [[]];
    const file = join(service.home, 'jobs.yaml');
    writeFileSync(file, '- {name: a, command: x, image: y}\n- {name: b, command: x, image: y}\n');
    service.script(...answers);
    if (verb === 'history') service.beside(answers[0] ? { runs: answers[0] } : {});
    if (verb === 'watch') service.beside({ events: [heard] });
    const { stdout } = await runMain(
      words.map((word) => (word === 'FILE' ? file : word)),
      { env: service.env, onPrint: (text, interrupt) => (isEnough.test(text) ? interrupt() : undefined) },
    );
    const shape = z.fromJSONSchema({ $defs: strict, ...strict[verb] });
    const values = verb === 'watch' ? stdout.trimEnd().split('\n') : [stdout];
    for (const value of values) expect(shape.safeParse(JSON.parse(value)).error?.issues).toBeUndefined();
    expect(shape.safeParse({ novel: 1 }).success).toBe(false);
  });
});

describe('docs/cli.md', () => {
  const page = cliPage();

  it('names every variable and file that the programs in bin/ read for users', () => {
    const sources = [
      'jobs.ts',
      ...['client', 'commands', 'dashboard', 'terminal', 'job-file'].flatMap((folder) => filesOf(`bin/${folder}`)),
    ]
      .map((path) => readFileSync(join(repositoryRoot, 'bin', path), 'utf8'))
      .join('\n');
    const names = [
      ...[...sources.matchAll(/\benv\.([A-Z_]+)/g)].map(([, name]) => name as string),
      ...[...sources.matchAll(/'(\/etc\/[^']+|\.(?:config\/)?toolforge\.yaml)'/g)].map(([, name]) => name as string),
    ];
    expect(names.length).toBeGreaterThan(8);
    expect(names.filter((name) => !page.includes(name))).toEqual([]);
  });

  it('says everything in words', () => {
    expect(page).not.toMatch(/undefined|\[object|readonly /);
  });
});

function filesOf(folder: string): string[] {
  return readdirSync(join(repositoryRoot, folder))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder.slice('bin/'.length), name));
}
