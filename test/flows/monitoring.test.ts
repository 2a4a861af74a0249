/** What operators are called by: the rules, as Prometheus itself judges them, and the metrics of a daemon that many tools have asked many things. */
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { run } from '../cluster/run.ts';
import { createAuthority, toolSubject } from '../support/certs.ts';
import { debianTree } from '../support/debian-packages.ts';
import { cluster } from '../support/flow-cluster.ts';
import { repositoryRoot } from '../support/repository-root.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const dir = join(cluster.stateDir, 'monitoring');
const rules = join(repositoryRoot, 'config/monitoring/alerts.yaml');
const authority = createAuthority();
let sandbox: Sandbox;
let promtool: (words: readonly string[], input?: string) => Promise<string>;

beforeAll(async () => {
  const { root, libraries } = await debianTree('prometheus');
  promtool = (words, input) =>
    run(join(root, 'usr/bin/promtool'), words, { env: { LD_LIBRARY_PATH: libraries }, ...(input ? { input } : {}) });
  sandbox = await createSandbox({ cluster, dir, name: 'flow-monitoring' });
  // Tools enough for this are had from an authority of our own; none of them is in the cluster.
  await writeFile(sandbox.clientCaFile, authority.cert);
  await sandbox.start();
});

afterAll(() => sandbox?.stop());

/** A series that stands still, and one that grows by so much each minute. */
const still = (value: number, minutes = 240) => `${value}+0x${minutes}`;
const grows = (step: number) => `0+${step}x240`;

const job = 'job="jobs-api-health"';
const one = `${job},instance="one"`;

/** All is well: one process works, another one stands by. */
const well: Readonly<Record<string, string>> = {
  [`up{${one}}`]: still(1),
  [`up{${job},instance="two"}`]: still(1),
  [`jobs_leader{${one}}`]: still(1),
  [`jobs_leader{${job},instance="two"}`]: still(0),
  [`process_start_time_seconds{${one}}`]: still(1_000),
  [`jobs_http_request_duration_seconds_count{${one},status="200"}`]: grows(60),
  [`jobs_http_request_duration_seconds_count{${one},status="503"}`]: grows(1),
  [`jobs_http_refused_total{${one},code="caller.unauthenticated"}`]: grows(1),
  [`jobs_http_refused_total{${one},code="connection.capped"}`]: still(7),
  [`jobs_homes{${one},what="stuck"}`]: still(0),
  [`jobs_view_age_seconds{${one}}`]: still(60),
  [`jobs_watch_up{${one},kind="Pod"}`]: still(1),
  [`jobs_checkpoint{${one},what="age"}`]: still(60),
  [`jobs_mail_oldest_age_seconds{${one}}`]: still(600),
  [`jobs_mail_attempts_total{${one},as="sent"}`]: grows(5),
  [`jobs_mail_attempts_total{${one},as="deferred"}`]: grows(1),
  [`jobs_mail_queue{${one},what="parked"}`]: still(0),
  [`jobs_mail_queue{${one},what="unsaved"}`]: still(0),
  [`jobs_settings_last_reload_successful{${one}}`]: still(1),
  [`jobs_images_last_reload_successful{${one}}`]: still(1),
  [`jobs_files_in_force{${one},which="listeners"}`]: still(1),
  [`jobs_certificate_days{${one},which="listener"}`]: still(30),
};

/** What is other than well, and who is called. */
const cases: readonly [string, Readonly<Record<string, string>>, readonly string[]][] = [
  ['all is well', {}, []],
  [
    'no process answers',
    { [`up{${one}}`]: still(0), [`up{${job},instance="two"}`]: still(0) },
    ['JobsAway', 'JobsProcessAway'],
  ],
  ['the spare process is away', { [`up{${job},instance="two"}`]: still(0) }, ['JobsProcessAway']],
  ['nobody leads', { [`jobs_leader{${one}}`]: still(0) }, ['JobsNoLeader']],
  [
    'a process is started every ten minutes',
    {
      [`process_start_time_seconds{${one}}`]: Array.from({ length: 24 }, (_, at) => still(1_000 + at * 600, 9)).join(
        ' ',
      ),
    },
    ['JobsRestarting'],
  ],
  [
    'one request in ten fails',
    { [`jobs_http_request_duration_seconds_count{${one},status="503"}`]: grows(7) },
    ['JobsApiErrors'],
  ],
  [
    'most callers are not trusted',
    { [`jobs_http_refused_total{${one},code="caller.unauthenticated"}`]: grows(90) },
    ['JobsCallersRefused'],
  ],
  [
    'nobody is trusted',
    {
      [`jobs_http_request_duration_seconds_count{${one},status="200"}`]: '',
      [`jobs_http_request_duration_seconds_count{${one},status="503"}`]: '',
    },
    ['JobsCallersRefused'],
  ],
  [
    'an address opens too much',
    { [`jobs_http_refused_total{${one},code="connection.capped"}`]: grows(2) },
    ['JobsConnectionsCapped'],
  ],
  ['homes hang', { [`jobs_homes{${one},what="stuck"}`]: still(4) }, ['JobsHomesHang']],
  [
    'the view grows old, and with it the checkpoint',
    { [`jobs_view_age_seconds{${one}}`]: grows(60), [`jobs_checkpoint{${one},what="age"}`]: grows(60) },
    ['JobsViewStale'],
  ],
  ['a watch is cut off', { [`jobs_watch_up{${one},kind="Pod"}`]: still(0) }, ['JobsWatchDown']],
  ['the disk takes no checkpoint', { [`jobs_checkpoint{${one},what="age"}`]: grows(60) }, ['JobsCheckpointNotWritten']],
  [
    'a mail is older than a day may make it',
    { [`jobs_mail_oldest_age_seconds{${one}}`]: still(100_000) },
    ['JobsMailOld'],
  ],
  [
    'the mail server puts most off',
    { [`jobs_mail_attempts_total{${one},as="deferred"}`]: grows(6) },
    ['JobsMailFailing'],
  ],
  ['mails are given up', { [`jobs_mail_queue{${one},what="parked"}`]: still(2) }, ['JobsMailGivenUp']],
  ['the disk takes no mail', { [`jobs_mail_queue{${one},what="unsaved"}`]: still(3) }, ['JobsMailNotSaved']],
  ['the settings are refused', { [`jobs_settings_last_reload_successful{${one}}`]: still(0) }, ['JobsSettingsRefused']],
  ['the images are refused', { [`jobs_images_last_reload_successful{${one}}`]: still(0) }, ['JobsImagesRefused']],
  [
    'a new certificate is refused',
    { [`jobs_files_in_force{${one},which="listeners"}`]: still(0) },
    ['JobsFilesRefused'],
  ],
  [
    'a certificate ends in ten days',
    { [`jobs_certificate_days{${one},which="listener"}`]: still(10) },
    ['JobsCertificateEnding'],
  ],
  [
    'a certificate has ended',
    { [`jobs_certificate_days{${one},which="listener"}`]: still(-1) },
    ['JobsCertificateEnds'],
  ],
];

describe('the alerts', () => {
  it('are rules that Prometheus takes', async () => {
    const { groups } = parse(await readFile(rules, 'utf8')) as { groups: { rules: { alert: string }[] }[] };
    const names = groups.flatMap((group) => group.rules.map(({ alert }) => alert));
    expect(await promtool(['check', 'rules', rules])).toContain(`SUCCESS: ${names.length} rules found`);
    expect([...new Set(cases.flatMap(([, , called]) => called))].sort()).toEqual(names.sort());
  });

  it('call for what is wrong and for nothing else', async () => {
    const file = join(dir, 'rules.test.yaml');
    const tests = cases.map(([name, change, called]) => ({
      name,
      interval: '1m',
      input_series: Object.entries({ ...well, ...change })
        .filter(([, values]) => values !== '')
        .map(([series, values]) => ({ series, values })),
      promql_expr_test: [
        {
          expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
          eval_time: '2h',
          exp_samples: called.map((alertname) => ({
            labels: `{alertname="${alertname}"}`,
            value: countOf(alertname, change),
          })),
        },
      ],
    }));
    await writeFile(file, stringify({ rule_files: [rules], evaluation_interval: '1m', tests }));
    expect(await promtool(['test', 'rules', file])).toContain('SUCCESS');
  });
});

/** Of processes that are away each is named. */
function countOf(alertname: string, change: Readonly<Record<string, string>>): number {
  return alertname === 'JobsProcessAway' ? Object.keys(change).length : 1;
}

async function seriesNow(): Promise<string[]> {
  const text = await (await fetch(`${sandbox.healthUrl}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith('jobs_'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')))
    .sort();
}

/** As a tool of that name; a connection of its own, with a method and a path of its own. */
function ask(tool: string, method: string, path: string): Promise<number | undefined> {
  const { cert, key } = authority.issue({ subject: toolSubject(tool) });
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${sandbox.url}${path}`,
      { method, cert, key, rejectUnauthorized: false, agent: false },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode));
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Everything that a stranger's words could get into: tools, jobs, paths, queries, methods. */
async function askAll(name: string): Promise<void> {
  await ask(name, 'GET', `/v1/tool/${name}/jobs`);
  await ask(name, 'GET', `/v1/tool/${name}/jobs/${name}?include_unset=${name}`);
  await ask(name, 'GET', `/v1/tool/other-${name}/jobs`);
  await ask(name, 'GET', `/api/v1/show/${name}/`);
  await ask(name, 'GET', `/jobs/api/v1/list/?x=${name}`);
  await ask(name, 'GET', `/${name}/${name}`);
  await ask(name, 'PUT', `/${name}`);
  await ask(`${name}--${'x'.repeat(60)}`, 'GET', '/');
}

describe('the metrics', () => {
  it('are what Prometheus reads, with no more series after many tools and paths than after one', async () => {
    await askAll('one');
    // What is written once a second is there from the first time on.
    await until(async () => (await seriesNow()).includes('jobs_checkpoint{what="age"}'), 'a checkpoint is written');
    const before = await seriesNow();
    expect(before.filter((series) => series.includes('route='))).not.toEqual([]);
    for (let at = 0; at < 30; at += 1) await askAll(`tool-${at}`);
    const after = await seriesNow();
    expect(after).toEqual(before);
    expect(after.filter((series) => /tool-\d|other-/.test(series))).toEqual([]);
  });

  it('are named as Prometheus would have it, apart from days, which operators read', async () => {
    const text = await (await fetch(`${sandbox.healthUrl}/metrics`)).text();
    const said = await promtool(['check', 'metrics'], text).catch(String);
    expect(said.match(/jobs_.*/g)).toEqual(['jobs_certificate_days use base unit "seconds" instead of "days"']);
  });
});
