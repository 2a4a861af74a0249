/**
 * Every live setting, edited while one daemon works that is started once: what is seen of each is its effect on requests, streams, pods or
 * mails. The tests follow one another; each begins with an edit that gives all settings. The last say that no key was left out.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { extract } from 'letterparser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Tool } from '../../src/domain.ts';
import { runFilePath } from '../../src/run-file.ts';
import { retiredKeys, settingDefaults, settingKeys } from '../../src/settings.ts';
import { kubectl } from '../cluster/cluster.ts';
import { type Answer, type ApiClient, apiClient } from '../support/api-client.ts';
import { type CountingSmtp, startCountingSmtp } from '../support/counting-smtp.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { type LogStream, streamLogs } from '../support/log-stream.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';
import { artifact, type ScriptedHarbor, startHarbor } from '../support/scripted-harbor.ts';

const map = 'flow-keys';
const tools = ['keys-one', 'keys-two', 'keys-three'] as const;
const [one, two, three] = tools;
const clients = new Map<string, ApiClient>();
const streams: LogStream[] = [];
let sandbox: Sandbox;
let registry: ScriptedHarbor;
/** At one.example.org, at two.example.org by the same port, and at one.example.org by another port. */
let mailServers: readonly [CountingSmtp, CountingSmtp, CountingSmtp];
/** All settings, as most tests want them: nothing in the way of requests, mails at once, nothing but failures told. */
let usual: Readonly<Record<string, string>>;
let pid: number;

beforeAll(async () => {
  const dir = join(cluster.stateDir, 'keys');
  const first = await startCountingSmtp();
  mailServers = [
    first,
    await startCountingSmtp({ address: '127.0.0.2', port: first.port }),
    await startCountingSmtp(),
  ] as const;
  registry = await startHarbor(
    Object.fromEntries(tools.map((tool) => [`tool-${tool}`, { web: [artifact('1', 'v1')] }])),
  );
  const ca = join(cluster.stateDir, 'keys-registry.crt');
  await writeFile(ca, registry.ca);
  usual = {
    ...settingDefaults,
    mount_homes: 'yes',
    image_pull_policy: 'IfNotPresent',
    harbor_cache_seconds: '0',
    requests_per_second_per_tool: '1000',
    stream_stall_seconds: '3600',
    send_emails_for_real: 'yes',
    smtp_server_fqdn: 'one.example.org',
    smtp_server_port: String(first.port),
    task_send_emails_max: '1000',
    task_send_emails_loop_sleep: '1',
    task_compose_emails_loop_sleep: '1',
    mail_first_seconds: '0',
    mails_per_day_per_tool: '1000',
    mail_trouble_seconds: '86400',
    mail_steady_seconds: '86400',
  };
  sandbox = await createSandbox({
    cluster,
    dir,
    name: map,
    harbor: { url: registry.url, ca_file: ca },
    smtp: {
      allow: [
        { host: 'one.example.org', address: '127.0.0.1', port: first.port },
        { host: 'two.example.org', address: '127.0.0.2', port: first.port },
        { host: 'one.example.org', address: '127.0.0.1', port: mailServers[2].port },
      ],
    },
    settings: usual,
  });
  await Promise.all(tools.map((tool) => sandbox.addTool(tool)));
  await sandbox.start();
  pid = sandbox.pid();
  for (const tool of tools) clients.set(tool, apiClient(sandbox, tool));
});

afterAll(async () => {
  for (const stream of streams) stream.close();
  for (const client of clients.values()) client.close();
  await sandbox?.stop();
  await Promise.all(tools.map((tool) => sandbox?.removeTool(tool)));
  await registry?.stop();
  await Promise.all((mailServers ?? []).map((server) => server.stop()));
});

/** Keys whose effect was seen. */
const observed = new Set<string>();

/** A test that sees the effect of these keys. */
function shows(keys: readonly string[], sentence: string, test: () => Promise<void>): void {
  it(sentence, async () => {
    await test();
    for (const key of keys) observed.add(key);
  });
}

/** The settings are the usual ones but for these. Resolves when they are in force. */
async function edit(changes: Readonly<Record<string, string>>): Promise<void> {
  const patch = JSON.stringify({ data: { ...usual, ...changes } });
  const version = await kubectl(cluster, [
    ...['patch', 'configmap', map, '-n', 'jobs-emailer', '--type', 'merge', '-p', patch],
    ...['-o', 'jsonpath={.metadata.resourceVersion}'],
  ]);
  await until(async () => {
    const { detail } = (await (await fetch(`${sandbox.healthUrl}/readyz`)).json()) as {
      detail: { settings: { version: string; problems: readonly string[] } };
    };
    expect(detail.settings.problems).toEqual([]);
    return detail.settings.version === version;
  }, 'the edit is in force');
}

const call = (tool: string, method: string, path: string, body?: object): Promise<Answer> =>
  (clients.get(tool) as ApiClient).call(method, path, body ? { body } : {});
const list = (tool: string) => call(tool, 'GET', jobsPath(tool));
const statusOfList = async (tool: string) => (await list(tool)).status;
const log = () => readFile(sandbox.logFile, 'utf8');

/** Runs until it is ended, and ends at once then. */
const goesOn = 'trap "exit 0" TERM; sleep 600 & wait';
const small = { imagename: 'bookworm', cpu: '50m', memory: '100Mi', filelog: false };
const create = (tool: string, body: object) => call(tool, 'POST', jobsPath(tool), { ...small, ...body });
async function run(tool: string, name: string, cmd: string, more: object = {}): Promise<void> {
  const answer = await create(tool, { name, cmd, ...more });
  expect(answer.status, answer.text).toBe(201);
}
const shown = async (tool: string, name: string) => (await call(tool, 'GET', `${jobsPath(tool)}/${name}`)).json().job;
const runs = (tool: string, name: string) =>
  until(async () => (await shown(tool, name))?.status.short === 'running', `${name} runs`);
const get = async (tool: string, ...args: string[]) =>
  JSON.parse(await kubectl(cluster, ['get', '-n', `tool-${tool}`, ...args, '-o', 'json']));

describe('an edit of what is logged', () => {
  const idOf = async (answer: Promise<Answer>) => String((await answer).headers['x-request-id']);

  shows(['debug', ...retiredKeys], 'is followed, and what means nothing any more is said once', async () => {
    await edit({ debug: 'yes' });
    const told = await idOf(list(one));
    await until(
      async () => (await log()).split('\n').some((line) => isDebug(line) && line.includes(told)),
      'it is told',
    );
    await edit({ debug: 'no' });
    const untold = await idOf(list(one));
    const old = 'mean nothing any more';
    await edit({ task_read_configmap_sleep: '10', task_watch_pods_timeout: '60' });
    await until(async () => (await log()).includes(old), 'the log says so');
    await edit({ task_read_configmap_sleep: '20', task_watch_pods_timeout: 'whatever' });
    const text = await log();
    expect(text).not.toContain(untold);
    expect(text.split('\n').filter((line) => line.includes(old))).toEqual([
      expect.stringMatching(/task_read_configmap_sleep.*task_watch_pods_timeout/),
    ]);
  });

  const isDebug = (line: string) => line.includes('"level":"debug"');
});

describe('an edit of how jobs are made', () => {
  shows(
    ['mount_homes', 'run_as_home_owner', 'default_cpu_limit', 'image_pull_policy'],
    'is in the next one, and what runs is not touched',
    async () => {
      await edit({});
      const ofDefaultCpu = { cpu: undefined };
      await run(one, 'early', goesOn, ofDefaultCpu);
      await runs(one, 'early');
      const podOf = async (name: string) =>
        (await get(one, 'pods', '-l', `app.kubernetes.io/name=${name}`)).items.map(
          (pod: { metadata: { uid: string }; spec: object; status: { phase: string } }) => [
            pod.metadata.uid,
            pod.spec,
            pod.status.phase,
          ],
        );
      const [job, pods] = [await get(one, 'job', 'early'), await podOf('early')];
      expect(templateOf(job)).toEqual({ mounts: 1, user: expect.any(Number), cpu: '1', pull: 'IfNotPresent' });

      await edit({ mount_homes: 'no', run_as_home_owner: 'no', default_cpu_limit: '750m', image_pull_policy: 'Never' });
      await run(one, 'late', goesOn, { ...ofDefaultCpu, emails: 'none' });
      const late = templateOf(await get(one, 'job', 'late'));
      expect(late).toEqual({ mounts: 0, user: undefined, cpu: '750m', pull: 'Never' });
      expect((await get(one, 'job', 'early')).spec).toEqual(job.spec);
      expect(await podOf('early')).toEqual(pods);
    },
  );

  interface MadeJob {
    readonly spec: {
      readonly template: {
        readonly spec: {
          readonly volumes?: readonly object[];
          readonly securityContext: { readonly runAsUser?: number };
          readonly containers: readonly [
            { readonly imagePullPolicy: string; readonly resources: { readonly limits: { readonly cpu: string } } },
          ];
        };
      };
    };
  }

  const templateOf = ({ spec: { template } }: MadeJob) => {
    const { volumes = [], securityContext, containers } = template.spec;
    const [{ resources, imagePullPolicy }] = containers;
    return {
      mounts: volumes.length,
      user: securityContext.runAsUser,
      cpu: resources.limits.cpu,
      pull: imagePullPolicy,
    };
  };

  shows(['public_domain', 'ingress_class'], 'lets jobs be published, and not any more', async () => {
    const web = { cmd: goesOn, continuous: true, port: 8080, publish: true };
    await edit({});
    expect((await create(one, { name: 'web', ...web })).status).toBe(400);
    await edit({ public_domain: 'tools.example.org', ingress_class: 'inner' });
    await run(one, 'web', web.cmd, web);
    const { spec } = await get(one, 'ingress', 'web');
    expect([spec.rules[0].host, spec.ingressClassName]).toEqual([`${one}.tools.example.org`, 'inner']);
    await edit({ public_domain: 'jobs.example.org' });
    await run(two, 'web', web.cmd, web);
    const other = (await get(two, 'ingress', 'web')).spec;
    expect([other.rules[0].host, other.ingressClassName]).toEqual([`${two}.jobs.example.org`, undefined]);
    await edit({});
    expect((await create(three, { name: 'web', ...web })).status).toBe(400);
  });
});

const images = (tool: string) => call(tool, 'GET', `/v1/tool/${tool}/images`);

/** From now on the registry answers nobody; `release` lets it answer all who wait, and those who come. */
function hangRegistry(): { waiting(): number; release(): void } {
  const held: ServerResponse[] = [];
  registry.misbehave = (_, response) => void held.push(response);
  return {
    waiting: () => held.length,
    release() {
      registry.misbehave = undefined;
      for (const response of held) response.writeHead(200, { 'content-type': 'application/json' }).end('[]');
    },
  };
}

describe('an edit of how the registry is asked', () => {
  shows(['harbor_cache_seconds'], 'makes lists be kept, and asked for anew', async () => {
    const asks = async () => {
      const before = registry.asked.length;
      expect((await images(one)).status).toBe(200);
      return registry.asked.length > before;
    };
    await edit({ harbor_cache_seconds: '0' });
    expect([await asks(), await asks()]).toEqual([true, true]);
    await edit({ harbor_cache_seconds: '3600' });
    expect([await asks(), await asks()]).toEqual([false, false]);
    await edit({ harbor_cache_seconds: '0' });
    expect([await asks(), await asks()]).toEqual([true, true]);
  });

  shows(['harbor_timeout_seconds'], 'is patient or not with a registry that does not answer', async () => {
    await edit({ harbor_timeout_seconds: '60' });
    const registryHangs = hangRegistry();
    let isAnswered = false;
    const patient = images(one).finally(() => {
      isAnswered = true;
    });
    await until(() => registryHangs.waiting() === 1, 'the registry is asked');
    await edit({ harbor_timeout_seconds: '1' });
    expect((await images(two)).json().messages.warning).toEqual([expect.stringMatching(/does not answer/)]);
    expect(isAnswered).toBe(false);
    registryHangs.release();
    expect((await patient).json().messages.warning).toEqual([]);
  });
});

describe('an edit of where webhooks may go', () => {
  const path = `/v1/tool/${one}/webhook`;
  const set = async () => {
    const { status, json } = await call(one, 'PUT', path, { url: 'https://hooks.example.org/jobs' });
    return [status, (json() as { code?: string }).code];
  };

  shows(['webhooks', 'webhook_hosts'], 'lets one be set, or not', async () => {
    await edit({ webhook_hosts: '*.toolforge.org, other.example.org' });
    expect(await set()).toEqual([400, 'request.invalid']);
    await edit({ webhook_hosts: '*.example.org' });
    expect(await set()).toEqual([200, undefined]);
    await edit({ webhooks: 'no' });
    expect(await set()).toEqual([403, 'webhook.off']);
    expect((await call(one, 'DELETE', path)).status).toBe(200);
  });
});

describe("an edit of a tool's share", () => {
  shows(['requests_at_once_per_tool', 'requests_at_once'], 'is felt beside a request that goes on', async () => {
    const patience = { harbor_timeout_seconds: '60' };
    await edit({ ...patience, requests_at_once_per_tool: '1' });
    const registryHangs = hangRegistry();
    const held = images(one);
    await until(() => registryHangs.waiting() === 1, 'the registry is asked');
    expect(await Promise.all([one, two].map(statusOfList))).toEqual([429, 200]);
    await edit({ ...patience, requests_at_once: '1' });
    expect(await Promise.all([one, two].map(statusOfList))).toEqual([429, 429]);
    await edit(patience);
    expect(await Promise.all([one, two].map(statusOfList))).toEqual([200, 200]);
    registryHangs.release();
    expect((await held).status).toBe(200);
  });

  shows(['requests_per_second_per_tool'], 'is felt by who asks much, and by nobody else', async () => {
    const burst = async () => new Set(await Promise.all(Array.from({ length: 30 }, () => statusOfList(one))));
    await edit({ requests_per_second_per_tool: '1' });
    expect(await burst()).toEqual(new Set([200, 429]));
    expect(await statusOfList(two)).toBe(200);
    await edit({ requests_per_second_per_tool: '1000' });
    await until(async () => !(await burst()).has(429), 'all are answered');
  });
});

describe('an edit of what goes for streams', () => {
  async function follow(tool: string, path: string, isRead = true): Promise<LogStream> {
    const stream = await streamLogs(sandbox, tool, path, isRead);
    streams.push(stream);
    return stream;
  }
  const talker = `${jobsPath(one)}/talker/logs?follow=true`;

  shows(['streams_at_once_per_tool'], 'lets a tool follow more, or no more', async () => {
    await edit({ streams_at_once_per_tool: '1' });
    await run(one, 'talker', 'trap "exit 0" TERM; while :; do echo tick; sleep 0.1; done', { emails: 'none' });
    await runs(one, 'talker');
    const first = await follow(one, talker);
    const refused = await follow(one, talker, false);
    expect([first.status, refused.status]).toEqual([200, 429]);
    refused.close();
    await edit({ streams_at_once_per_tool: '2' });
    expect((await follow(one, talker)).status).toBe(200);
    const seen = first.lines.length;
    await until(() => first.lines.length > seen, 'the first goes on');
    for (const stream of streams.splice(0)) stream.close();
  });

  shows(['denied_tools'], 'ends those of a tool that is refused, and lets it in again', async () => {
    await edit({});
    const [lines, events, other] = await Promise.all([
      follow(one, talker),
      follow(one, `/v1/tool/${one}/events`, false),
      follow(two, `/v1/tool/${two}/events`, false),
    ]);
    for (const stream of [events, other]) stream.incoming.resume();
    expect([lines, events, other].map(({ status }) => status)).toEqual([200, 200, 200]);
    await edit({ denied_tools: one });
    expect(await Promise.all([one, two].map(statusOfList))).toEqual([401, 200]);
    expect(await Promise.all([lines.ended, events.ended])).toEqual([false, false]);
    expect(other.incoming.destroyed).toBe(false);
    await edit({ denied_tools: '' });
    expect(await statusOfList(one)).toBe(200);
    other.close();
  });

  shows(['runs_per_job', 'runs_days'], 'shows no more records of runs, and none that is older', async () => {
    const day = 86_400_000;
    const [path, runs] = [
      runFilePath(join(cluster.stateDir, 'keys', 'state', 'runs'), Tool.of(one), 'long-ago') as string,
      [] as object[],
    ];
    for (const [id, days] of [
      ['of-today', 0],
      ['of-last-week', 7],
    ] as const)
      runs.push({ id, type: 'one-off', outcome: 'succeeded', createdAt: Date.now() - days * day, attempts: 1 });
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, JSON.stringify({ v: 1, tool: one, job: 'long-ago', runs }));
    const ids = async () =>
      (await call(one, 'GET', `${jobsPath(one)}/long-ago/runs`)).json().runs.map(({ id }: { id: string }) => id);
    expect(await ids()).toEqual(['of-today', 'of-last-week']);
    await edit({ runs_days: '6' });
    expect(await ids()).toEqual(['of-today']);
    await edit({ runs_per_job: '1' });
    expect(await ids()).toEqual(['of-today']);
    await edit({});
    expect(await ids()).toHaveLength(2);
  });

  shows(['stream_stall_seconds'], 'turns out a reader who takes nothing already', async () => {
    await edit({ stream_stall_seconds: '3600' });
    await run(one, 'flood', `yes ${'0123456789'.repeat(50)} | head -c 30000000; ${goesOn}`, { emails: 'none' });
    const path = `${jobsPath(one)}/flood/logs`;
    await until(async () => (await call(one, 'GET', `${path}?lines=1`)).status === 200, 'it writes');
    const reader = await follow(one, `${path}?follow=true`, false);
    await until(() => reader.incoming.socket.readableLength > 0, 'it has begun');
    await edit({ stream_stall_seconds: '1' });
    await until(async () => (await openStreams()) === 0, 'the reader is turned out');
    reader.incoming.resume();
    expect(await reader.ended).toBe(false);
  });

  async function openStreams(): Promise<number> {
    const text = await (await fetch(`${sandbox.healthUrl}/metrics`)).text();
    return Number(/^jobs_streams_open (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
  }
});

describe('an edit of how often it is asked what jobs use', () => {
  shows(['usage_every_seconds'], 'is followed while jobs run', async () => {
    const source = async () => JSON.parse((await sandbox.admin('status', '--output', 'json')).stdout).usage.source;
    await run(two, 'measured', goesOn, { emails: 'none' });
    await edit({ usage_every_seconds: '0' });
    await until(async () => (await source()) === 'off', 'nobody is asked');
    await edit({ usage_every_seconds: '1' });
    await until(async () => (await source()) !== 'off', 'somebody is asked');
  });
});

interface ReadMail {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly subject: string;
  /** In one line. */
  readonly words: string;
}

const read = ({ sender, recipients, bytes }: CountingSmtp['taken'][number]): ReadMail => {
  const { subject = '', text = '' } = extract(bytes);
  return { sender, recipients, subject, words: text.replace(/\s+/g, ' ') };
};

describe('an edit of what goes for mail', () => {
  const at = (server: CountingSmtp, name: string) =>
    server.taken.map(read).filter(({ words }) => words.includes(`Your job ${name} `));
  const arrives = (name: string, server = mailServers[0], words = /./) =>
    until(() => at(server, name).find((mail) => words.test(mail.words)), `a mail tells of ${name}`);
  const fail = (tool: string, name: string, cmd = 'exit 3') => run(tool, name, cmd, { emails: 'onfailure' });

  interface Row {
    readonly state: string;
    readonly message: string;
  }
  const logged = async (tool: string, name: string): Promise<Row | undefined> =>
    (await call(tool, 'GET', `/v1/tool/${tool}/mail-log?job=${name}`)).json().events[0];
  const becomes = (tool: string, name: string, state: string) =>
    until(async () => {
      const row = await logged(tool, name);
      return row?.state === state ? row : undefined;
    }, `the mail about ${name} is ${state}`);
  const becomeAll = (name: string, state: string) => Promise.all(tools.map((tool) => becomes(tool, name, state)));
  const fiveLines = 'for n in 1 2 3 4 5; do echo line $n; done; exit 3';

  shows(['send_emails_for_real'], 'sends them or not, and never later', async () => {
    await edit({ send_emails_for_real: 'no' });
    await fail(one, 'unsent');
    expect((await becomes(one, 'unsent', 'withheld')).message).toContain('sending is switched off');
    await edit({ send_emails_for_real: 'yes' });
    await fail(one, 'sent', fiveLines);
    const { sender, recipients, words } = await arrives('sent');
    expect([sender, recipients]).toEqual(['noreply@toolforge.org', [`tools.${one}@toolforge.org`]]);
    expect(words).toContain('| line 1 | line 2');
    expect(at(mailServers[0], 'unsent')).toEqual([]);
  });

  // The mail of the test before counts.
  shows(['task_send_emails_max', 'task_send_emails_loop_sleep'], 'lets those go that wait for their turn', async () => {
    const count = () => [...at(mailServers[0], 'turn-two'), ...at(mailServers[0], 'turn-three')].length;
    await edit({ task_send_emails_max: '1', task_send_emails_loop_sleep: '3600' });
    await Promise.all([fail(two, 'turn-two'), fail(three, 'turn-three')]);
    await Promise.all([becomes(two, 'turn-two', 'sealed'), becomes(three, 'turn-three', 'sealed')]);
    expect(count()).toBe(0);
    await edit({ task_send_emails_max: '2', task_send_emails_loop_sleep: '3600' });
    await until(() => count() === 1, 'one more goes');
    await edit({ task_send_emails_max: '2', task_send_emails_loop_sleep: '3599' });
    expect(count()).toBe(1);
    await edit({ task_send_emails_max: '2', task_send_emails_loop_sleep: '1' });
    await until(() => count() === 2, 'the other goes');
  });

  shows(
    ['email_from_addr', 'email_to_prefix', 'email_to_domain', 'mail_output_lines'],
    'is in the addresses and the text of the next',
    async () => {
      await edit({
        email_from_addr: 'jobs@example.org',
        email_to_prefix: 'projects',
        email_to_domain: 'example.net',
        mail_output_lines: '2',
      });
      await fail(one, 'named', fiveLines);
      const { sender, recipients, words } = await arrives('named');
      expect([sender, recipients]).toEqual(['jobs@example.org', [`projects.${one}@example.net`]]);
      expect(words).toContain('| line 4 | line 5');
      expect(words).not.toContain('| line 3');
    },
  );

  shows(['smtp_server_fqdn', 'smtp_server_port'], 'sends the next to another server', async () => {
    const [, byName, byPort] = mailServers;
    await edit({ smtp_server_fqdn: 'two.example.org' });
    await fail(two, 'by-name');
    await arrives('by-name', byName);
    await edit({ smtp_server_port: String(byPort.port) });
    await fail(three, 'by-port');
    await arrives('by-port', byPort);
    expect(mailServers.map(({ taken }) => taken.length)).toEqual([4, 1, 1]);
  });

  shows(['smtp_require_tls'], 'keeps them from a server without TLS, and lets go what waits for that', async () => {
    await edit({ smtp_require_tls: 'yes' });
    await fail(two, 'secret');
    expect((await becomes(two, 'secret', 'deferred')).message).toContain('no secure connection');
    expect(at(mailServers[0], 'secret')).toEqual([]);
    await edit({ smtp_require_tls: 'no' });
    await arrives('secret');
  });

  shows(['mail_first_seconds', 'smtp_connections'], 'makes those that wait, and sends so many at once', async () => {
    const [, server] = mailServers;
    const elsewhere = { smtp_server_fqdn: 'two.example.org' };
    await edit({ ...elsewhere, mail_first_seconds: '3600' });
    await Promise.all(tools.map((tool) => fail(tool, 'alone')));
    await becomeAll('alone', 'gathered');
    let release = server.hold();
    await edit({ ...elsewhere, mail_first_seconds: '0', smtp_connections: '1' });
    await becomeAll('alone', 'sealed');
    await until(() => server.held() === 1, 'one is under way');
    release();
    await until(() => at(server, 'alone').length === tools.length, 'all have arrived');
    expect(server.mostAtOnce()).toBe(1);

    await edit({ ...elsewhere, smtp_connections: '3' });
    release = server.hold();
    await Promise.all(tools.map((tool) => fail(tool, 'together')));
    await until(() => server.held() === tools.length, 'all are under way');
    release();
    await becomeAll('together', 'sent');
  });

  shows(
    ['task_compose_emails_loop_sleep', 'mails_per_day_per_tool'],
    'makes what happens wait for the next, and lets it go',
    async () => {
      await edit({ task_compose_emails_loop_sleep: '86400' });
      await fail(one, 'later');
      await becomes(one, 'later', 'gathered');
      await edit({ mails_per_day_per_tool: '1' });
      expect((await logged(one, 'later'))?.state).toBe('gathered');
      await fail(one, 'tomorrow');
      await becomes(one, 'tomorrow', 'gathered');
      expect((await logged(one, 'later'))?.state).toBe('gathered');
      await edit({});
      expect((await arrives('later')).words).toContain('Your job tomorrow ');
    },
  );

  shows(['mail_trouble_seconds', 'mail_steady_seconds'], 'counts for what lasts already', async () => {
    // The image has no user but root, which no job may be: nothing changes about this one while it waits.
    await edit({ run_as_home_owner: 'no' });
    await run(one, 'rootless', 'true', { emails: 'onfailure' });
    await edit({});
    const once = `test -e fell || { touch fell; exit 4; }; ${goesOn}`;
    await run(two, 'imageless', 'true', { imagename: 'broken', emails: 'onfailure' });
    await run(three, 'wobbly', once, { continuous: true, emails: 'onfailure' });
    await arrives('wobbly', mailServers[0], /code 4/);
    await runs(three, 'wobbly');
    const says = (tool: string, name: string, words: string) =>
      until(async () => (await shown(tool, name))?.status_short.includes(words), `${name} says: ${words}`);
    await says(two, 'imageless', 'cannot be pulled');
    await says(one, 'rootless', 'the settings of the job cannot be used');
    expect(['imageless', 'rootless'].flatMap((name) => at(mailServers[0], name))).toEqual([]);
    await edit({ mail_trouble_seconds: '1' });
    await arrives('imageless', mailServers[0], /could not be had/);
    await arrives('rootless', mailServers[0], /could not be started/);
    expect(at(mailServers[0], 'wobbly').map(({ subject }) => subject)).toEqual([
      `[Toolforge] [${three}] wobbly failed`,
    ]);
    await edit({ mail_steady_seconds: '1' });
    await arrives('wobbly', mailServers[0], /recovered/);
  });
});

it('the effect of every key was seen', () => {
  expect([...observed].sort()).toEqual([...settingKeys, ...retiredKeys].sort());
});

it('the daemon was never started again, and its log has no mistake of ours', async () => {
  expect(sandbox.pid()).toBe(pid);
  process.kill(pid, 0);
  expect(await mistakesIn(sandbox.logFile)).toEqual([]);
});
