/** Settings and images, edited while the daemon works: what is good is in force at once, what is bad changes nothing and is said where operators look. */
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:https';
import { dirname, join } from 'node:path';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKube } from '../../src/kube.ts';
import { kubeOptionsFromKubeconfig } from '../../src/kubeconfig.ts';
import { parseSettings, settingKeys } from '../../src/settings.ts';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { createAuthority, issueServer } from '../support/certs.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { streamLogs } from '../support/log-stream.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'live-one';
const map = 'flow-live';
/** What this ground needs: no webhook mounts homes here, and images are there already. */
const usual = { mount_homes: 'yes', image_pull_policy: 'IfNotPresent', requests_per_second_per_tool: '1000' };
const imagesKey = 'images-v1.yaml';
let sandbox: Sandbox;
let one: ApiClient;
let imagesBefore: string;

beforeAll(async () => {
  const dir = join(cluster.stateDir, 'live');
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'mail.password'), 'first\n');
  await writeFile(join(dir, 'mail-ca.crt'), createAuthority('mail').cert);
  sandbox = await createSandbox({
    cluster,
    dir,
    name: map,
    smtp: {
      allow: [{ host: 'mx.example.org', address: '127.0.0.1' }],
      auth: { user: 'jobs', password_file: join(dir, 'mail.password') },
      ca_file: join(dir, 'mail-ca.crt'),
    },
    settings: { send_emails_for_real: 'no' },
  });
  await sandbox.addTool(tool);
  imagesBefore = await readImages();
  await sandbox.start();
  one = apiClient(sandbox, tool);
});

afterAll(async () => {
  one?.close();
  await sandbox?.stop();
  if (imagesBefore) await patch('tf-public', 'image-config', { [imagesKey]: imagesBefore });
  await sandbox?.removeTool(tool);
});

async function readImages(): Promise<string> {
  const path = `jsonpath={.data.${imagesKey.replaceAll('.', '\\.')}}`;
  return kubectl(cluster, ['get', 'configmap', 'image-config', '-n', 'tf-public', '-o', path]);
}

async function patch(namespace: string, name: string, data: Record<string, string | null>): Promise<void> {
  await kubectl(cluster, [
    'patch',
    'configmap',
    name,
    '-n',
    namespace,
    '--type',
    'merge',
    '-p',
    JSON.stringify({ data }),
  ]);
}

const edit = (data: Record<string, string | null>) => patch('jobs-emailer', map, data);

interface MapState {
  readonly version?: string;
  readonly isCurrent: boolean;
  readonly problems: readonly string[];
}

async function states(): Promise<{ settings: MapState; images: MapState }> {
  const response = await fetch(`${sandbox.healthUrl}/readyz`);
  return ((await response.json()) as { detail: { settings: MapState; images: MapState } }).detail;
}

const settled = (isCurrent: boolean, what: 'settings' | 'images' = 'settings') =>
  until(
    async () => {
      const state = (await states())[what];
      return state.isCurrent === isCurrent ? state : undefined;
    },
    `the ${what} are ${isCurrent ? 'in force' : 'refused'}`,
  );

const statusOfList = async () => (await one.call('GET', jobsPath(tool))).status;
const described = (namespace: string, name: string) =>
  kubectl(cluster, ['describe', 'configmap', name, '-n', namespace]);

describe('an edit of the settings', () => {
  it('is in force while the daemon works', async () => {
    expect(await statusOfList()).toBe(200);
    await edit({ denied_tools: tool });
    await until(async () => (await statusOfList()) === 401, 'the tool is refused');
    await edit({ denied_tools: '' });
    await until(async () => (await statusOfList()) === 200, 'the tool is let in again');
    await until(async () => (await described('jobs-emailer', map)).includes('SettingsApplied'), 'an event says so');
  });

  it('with a mistake changes nothing, and says every mistake where an operator looks first', async () => {
    await edit({ denied_tools: tool, requests_at_once: 'many', smtp_server_port: '0' });
    const state = await settled(false);
    expect(state.problems.map((problem) => problem.split(':')[0])).toEqual(['smtp_server_port', 'requests_at_once']);
    expect(await statusOfList()).toBe(200);
    const text = await until(async () => {
      const words = await described('jobs-emailer', map);
      return words.includes('SettingsRefused') ? words : undefined;
    }, 'an event says so');
    expect(text).toMatch(/Warning +SettingsRefused .*requests_at_once/);
    expect(await (await fetch(`${sandbox.healthUrl}/metrics`)).text()).toContain(
      'jobs_settings_last_reload_successful 0',
    );
  });

  it('that was bad does not hinder a restart: what was good last is in force', async () => {
    await edit({ denied_tools: 'somebody-else', requests_at_once: null, smtp_server_port: null });
    await settled(true);
    await edit({ requests_at_once: 'many' });
    await settled(false);
    await sandbox.stop('SIGKILL');
    await sandbox.start();
    await settled(false);
    expect(await statusOfList()).toBe(200);
    await edit({ requests_at_once: null, denied_tools: '' });
    await settled(true);
  });

  it('that deletes the map leaves everything as it was', async () => {
    await kubectl(cluster, ['delete', 'configmap', map, '-n', 'jobs-emailer']);
    expect((await settled(false)).problems).toEqual(['the ConfigMap does not exist']);
    expect(await statusOfList()).toBe(200);
    await kubectl(cluster, [
      'create',
      'configmap',
      map,
      '-n',
      'jobs-emailer',
      ...Object.entries(usual).map(([key, value]) => `--from-literal=${key}=${value}`),
    ]);
    await settled(true);
  });
});

describe('a thousand edits, as fast as they can be made, with anything in them', () => {
  const texts = fc.oneof(fc.constantFrom('yes', 'no', '', '5', '-1', '1e12', 'a.example.org'), fc.string());
  const keys = fc.oneof(fc.constantFrom(...settingKeys), fc.stringMatching(/^[a-zA-Z0-9][-._a-zA-Z0-9]{0,19}$/));
  const maps = fc.dictionary(keys, texts, { maxKeys: 6 });
  const logged = async () =>
    (await readFile(sandbox.logFile, 'utf8'))
      .split('\n')
      .filter((line) => /settings.*ConfigMap.*(in force|refused)/.test(line));

  it('leave the daemon alive, its settings valid, and are taken once a second at most', async () => {
    const [pid, before] = [sandbox.pid(), (await logged()).length];
    const kubeconfig = await readFile(cluster.adminKubeconfig, 'utf8');
    const kube = createKube({
      ...(await kubeOptionsFromKubeconfig(kubeconfig, dirname(cluster.adminKubeconfig))),
      userAgent: 'flow-live',
    });
    const path = `/api/v1/namespaces/jobs-emailer/configmaps/${map}`;
    const replace = (data: Record<string, string>) =>
      kube.request({ method: 'PUT', path, body: { metadata: { name: map }, data } });
    const inForce = async () => {
      const { stdout } = await sandbox.admin('settings', 'show', '--output', 'json');
      return JSON.parse(stdout) as { in_force: Record<string, string> };
    };
    const random = fc.sample(maps, { numRuns: 1_000, seed: 20_261_128 });
    for (const [at, data] of random.entries()) {
      await replace(data);
      if (at % 100 === 0) parseSettings((await inForce()).in_force, { allow: [] });
    }
    const last = { ...usual, requests_at_once: '255' };
    await replace(last);
    await until(async () => (await inForce()).in_force.requests_at_once === '255', 'the last one is in force');
    await kube.close();
    expect(sandbox.pid()).toBe(pid);
    expect(await statusOfList()).toBe(200);
    const times = (await logged()).slice(before).map((line) => Date.parse(JSON.parse(line).time));
    expect(times.length).toBeGreaterThan(1);
    const least = Math.min(...times.slice(1).map((time, at) => time - (times[at] ?? 0)));
    expect(least).toBeGreaterThan(900);
  });
});

describe('an edit of the images', () => {
  const run = (name: string, imagename: string, more: object = {}) =>
    one.call('POST', jobsPath(tool), { body: { name, cmd: 'true', imagename, ...more } });

  it('offers an added image at once, and refuses one that is taken out', async () => {
    const url = /image: *(\S+-bookworm-sssd)$/m.exec(imagesBefore)?.[1] ?? '';
    expect((await run('early', 'fresh1.0')).status).toBe(400);
    const offer = (state: string) => {
      const entry = `fresh1.0:\n  aliases: []\n  state: ${state}\n  variants:\n    jobs-framework:\n      image: ${url}\n`;
      return patch('tf-public', 'image-config', { [imagesKey]: `${imagesBefore.trimEnd()}\n${entry}` });
    };
    await offer('stable');
    await until(async () => (await run('fresh', 'fresh1.0')).status === 201, 'the image can be used');
    expect(await readFile(sandbox.logFile, 'utf8')).toContain('Adding available container: fresh1.0');
    const staying = await run('staying', 'fresh1.0', { cmd: 'trap exit TERM; sleep 600 & wait', continuous: true });
    expect([staying.status, staying.json().messages.warning]).toEqual([201, []]);
    const podOf = async () => {
      const path = 'jsonpath={.items[*].metadata.uid} {.items[*].status.phase}';
      return kubectl(cluster, [
        'get',
        'pods',
        '-l',
        'app.kubernetes.io/name=staying',
        '-n',
        `tool-${tool}`,
        '-o',
        path,
      ]);
    };
    const pod = await until(async () => (await podOf()).match(/^\S+ Running$/)?.[0], 'a job runs with it');

    await offer('deprecated');
    await until(
      async () => JSON.stringify((await run('old', 'fresh1.0')).json().messages?.warning ?? []).includes('deprecated'),
      'a new job is warned',
    );
    await patch('tf-public', 'image-config', { [imagesKey]: imagesBefore });
    await until(async () => (await run('late', 'fresh1.0')).status === 400, 'the image is refused');
    expect(await podOf()).toBe(pod);
    expect((await one.call('DELETE', `${jobsPath(tool)}/staying`)).status).toBe(200);
  });

  it('with a mistake changes nothing, not even after a restart', async () => {
    await patch('tf-public', 'image-config', { [imagesKey]: 'a: [' });
    await settled(false, 'images');
    expect((await run('still', 'bookworm')).status).toBe(201);
    await until(
      async () => (await described('tf-public', 'image-config')).includes('ImagesRefused'),
      'an event says so',
    );
    await sandbox.stop('SIGKILL');
    await sandbox.start();
    expect((await run('after', 'bookworm')).status).toBe(201);
    await patch('tf-public', 'image-config', { [imagesKey]: imagesBefore });
    await settled(true, 'images');
  });
});

describe('the certificate of the listener', () => {
  it('is replaced fifty times under load, and no request fails', async () => {
    const authority = createAuthority('rotating');
    const pairs = [issueServer(authority), issueServer(authority)];
    const place = (pair: { cert: string; key: string }) =>
      Promise.all([
        writeFile(join(sandbox.dir, 'server.crt'), pair.cert),
        writeFile(join(sandbox.dir, 'server.key'), pair.key),
      ]);
    const home = join(sandbox.homeOf(tool), '.toolskube');
    const [cert, key] = await Promise.all(
      ['client.crt', 'client.key'].map((name) => readFile(join(home, name), 'utf8')),
    );
    const known = [authority.cert, await readFile(sandbox.caFile, 'utf8')];
    const kept = new Agent({ keepAlive: true });
    const ask = (agent: Agent | false) =>
      new Promise<number>((resolve, reject) => {
        const options = { ca: known, cert, key, agent, checkServerIdentity: () => undefined };
        get(`${sandbox.url}${jobsPath(tool)}`, options, (response) => {
          response.resume();
          response.once('end', () => resolve(response.statusCode ?? 0));
        }).once('error', reject);
      });
    const served = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(
          { host: '127.0.0.1', port: Number(new URL(sandbox.url).port), rejectUnauthorized: false },
          () => {
            resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
            socket.destroy();
          },
        );
        socket.once('error', reject);
      });

    const [ours = '', ...pairBefore] = await Promise.all(
      [sandbox.clientCaFile, join(sandbox.dir, 'server.crt'), join(sandbox.dir, 'server.key')].map((file) =>
        readFile(file, 'utf8'),
      ),
    );
    const first = { cert: pairBefore[0] ?? '', key: pairBefore[1] ?? '' };
    const answers: number[] = [];
    let isOver = false;
    const load = Promise.all(
      [kept, false, false].map(async (agent) => {
        while (!isOver) answers.push(await ask(agent as Agent | false));
      }),
    );
    for (let turn = 0; turn < 50; turn += 1) {
      const pair = pairs[turn % 2] as (typeof pairs)[number];
      await place(pair);
      // Another authority comes and goes; whom ours has vouched for is not concerned.
      await writeFile(sandbox.clientCaFile, turn % 2 === 0 ? `${ours}${authority.cert}` : ours);
      process.kill(sandbox.pid(), 'SIGHUP');
      const wanted = new X509Certificate(pair.cert).fingerprint256;
      await until(async () => (await served()) === wanted, 'the new one is shown');
    }
    isOver = true;
    await load;
    kept.destroy();
    await place(first);
    expect(answers.length).toBeGreaterThan(50);
    expect(new Set(answers)).toEqual(new Set([200]));
  });

  const problem = async () => {
    const { detail } = (await (await fetch(`${sandbox.healthUrl}/readyz`)).json()) as {
      detail: { files: { listeners: string } };
    };
    return detail.files.listeners;
  };

  it('that cannot be used changes nothing, and readiness says so', async () => {
    const before = await readFile(join(sandbox.dir, 'server.crt'), 'utf8');
    await writeFile(join(sandbox.dir, 'server.crt'), 'no certificate');
    process.kill(sandbox.pid(), 'SIGHUP');
    const words = await until(async () => (await problem()) || undefined, 'it is refused');
    expect(words).toContain('is no certificate');
    expect(await sandbox.ready()).toBe(true);
    await writeFile(join(sandbox.dir, 'server.crt'), before);
    process.kill(sandbox.pid(), 'SIGHUP');
    await until(async () => (await problem()) === '', 'it is in force again');
  });

  it('stays while the authorities of clients are cut off, and whoever one vouched for that is gone is refused', async () => {
    const ours = await readFile(sandbox.clientCaFile, 'utf8');
    const events = await streamLogs(sandbox, tool, `/v1/tool/${tool}/events`, false);
    events.incoming.resume();
    expect([events.status, await statusOfList()]).toEqual([200, 200]);
    await writeFile(sandbox.clientCaFile, ours.slice(0, -100));
    process.kill(sandbox.pid(), 'SIGHUP');
    await until(async () => (await problem()).includes('cut off'), 'it is refused');
    expect(await statusOfList()).toBe(200);
    await writeFile(sandbox.clientCaFile, createAuthority('another').cert);
    process.kill(sandbox.pid(), 'SIGHUP');
    await until(async () => (await statusOfList()) === 401, 'the tool is refused on its open connection');
    expect(await events.ended).toBe(false);
    await writeFile(sandbox.clientCaFile, ours);
    process.kill(sandbox.pid(), 'SIGHUP');
    await until(async () => (await statusOfList()) === 200, 'the tool is let in again');
  });
});

describe('what the mail server is asked with', () => {
  const files = async () => {
    const { detail } = (await (await fetch(`${sandbox.healthUrl}/readyz`)).json()) as {
      detail: { files: Record<string, string> };
    };
    return detail.files;
  };
  const hasSaid = async (words: string) => (await readFile(sandbox.logFile, 'utf8')).includes(words);
  const inForce = 'what is new on disk is in force';

  it.each([
    ['mail_password', 'mail.password', 'password for the mail server', 'second', '', /is empty/],
    ['mail_ca', 'mail-ca.crt', 'CA of the mail server', createAuthority('new').cert, 'x', /holds no certificate/],
  ])(
    '(%s) is replaced on disk, and what cannot be used changes nothing',
    async (name, file, what, good, bad, words) => {
      const place = async (text: string) => {
        await writeFile(join(sandbox.dir, file), text);
        process.kill(sandbox.pid(), 'SIGHUP');
      };
      await place(bad);
      await until(async () => words.test((await files())[name] ?? ''), 'it is refused');
      expect(await sandbox.ready()).toBe(true);
      await place(good);
      await until(() => hasSaid(`${what}: ${inForce}`), 'the new one is in force');
      expect((await files())[name]).toBe('');
    },
  );
});

describe('the credentials of the daemon itself', () => {
  const file = () => join(sandbox.dir, 'jobsd.kubeconfig');
  const states = async () => {
    const { detail } = (await (await fetch(`${sandbox.healthUrl}/readyz`)).json()) as {
      detail: { files: { kubernetes: string } };
    };
    return detail.files.kubernetes;
  };
  const strangeCa = () => join(sandbox.dir, 'strange-ca.crt');
  beforeAll(() => writeFile(strangeCa(), createAuthority('strange').cert));
  const inForce = 'credentials of the daemon and CA of the API server: what is new on disk is in force';
  const newToken = async () =>
    (await kubectl(cluster, ['create', 'token', 'jobs-api', '-n', 'jobs-api', '--duration', '1h'])).trim();
  const place = async (change: (text: string) => string) => {
    await writeFile(file(), change(await readFile(file(), 'utf8')));
    process.kill(sandbox.pid(), 'SIGHUP');
  };

  it('are replaced while it works, and what it asks goes by the new ones', async () => {
    const token = await newToken();
    await place((text) => text.replace(/token: .*/, `token: ${token}`));
    await until(async () => (await readFile(sandbox.logFile, 'utf8')).includes(inForce), 'the log says so');
    // The daemon itself writes this event, with what it has now.
    await edit({ stream_stall_seconds: '61' });
    await until(
      async () => (await described('jobs-emailer', map)).includes('stream_stall_seconds'),
      'an event is there',
    );
    expect(await statusOfList()).toBe(200);
  });

  it.each([
    [
      'the API server does not believe',
      (text: string) => text.replace(/token: .*/, 'token: nobody.knows.it'),
      /accept/,
    ],
    [
      'do not verify the API server',
      (text: string) => text.replace(/certificate-authority: .*/, `certificate-authority: ${strangeCa()}`),
      /could not reach the cluster/,
    ],
  ])('that %s change nothing, and readiness says so', async (_, change, words) => {
    const before = await readFile(file(), 'utf8');
    await place(change);
    expect(await until(async () => (await states()).match(words)?.[0], 'they are refused')).toBeDefined();
    expect(await sandbox.ready()).toBe(true);
    expect(await statusOfList()).toBe(200);
    await place(() => before);
    await until(async () => (await states()) === '', 'all is as it was');
  });
});

it('the log has no mistake of ours', async () => {
  expect(await mistakesIn(sandbox.logFile)).toEqual([]);
});
