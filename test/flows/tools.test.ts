/** Tools as an operator adds, shows, disables and removes them, on the real cluster: the command, and the daemon's way to use what it made. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, statSync, symlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AddedTool } from '../../bin/admin/tool-add.ts';
import type { ToolReport } from '../../bin/admin/tool-list.ts';
import type { Renewed } from '../../bin/admin/tool-renew.ts';
import { Tool } from '../../src/domain.ts';
import { createHomes, type Homes } from '../../src/homes/homes.ts';
import { createKube, type Kube, kubeStatusOf } from '../../src/kube.ts';
import { kubeOptionsFromKubeconfig } from '../../src/kubeconfig.ts';
import { createLog } from '../../src/log.ts';
import {
  type Credentials,
  type CredentialsOptions,
  createCredentials,
  createImpersonation,
} from '../../src/server/credentials.ts';
import { kubectl } from '../cluster/cluster.ts';
import { type BuiltDoor, buildDoor, buildReader } from '../support/build-door.ts';
import { cluster } from '../support/flow-cluster.ts';

const names = ['prov-one', 'prov-two'] as const;
const one = Tool.of('prov-one');
const configmap = 'jobs-emailer/flow-tools';
const log = createLog({ level: 'silent' });
const run = promisify(execFile);

let door: BuiltDoor;
let reader: BuiltDoor;
let homes: Homes;
let ca: string;
const opened: Credentials[] = [];

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function admin(...args: string[]): Promise<Outcome> {
  const more = ['--kubeconfig', cluster.adminKubeconfig, '--homes-base', cluster.homesBase, '--configmap', configmap];
  try {
    return {
      code: 0,
      ...(await run(process.execPath, [door.path, ...args, ...more], { env: { PATH: process.env.PATH } })),
    };
  } catch (error) {
    return error as Outcome;
  }
}

async function adminJson<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await admin(...args, '--output', 'json');
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as T;
}

function credentials(options: Partial<CredentialsOptions> = {}): Credentials {
  const made = createCredentials({
    homes,
    api: { server: cluster.server, ca, credentials: { kind: 'fixed-token', token: 'of nobody' } },
    userAgent: 'flow-tools',
    createKube,
    log,
    ...options,
  });
  opened.push(made);
  return made;
}

const podsOf = (tool: string) => ({ method: 'GET', path: `/api/v1/namespaces/tool-${tool}/pods` }) as const;
const inHome = (...path: string[]) => join(cluster.homesBase, 'prov-one', ...path);
const fileOf = (name: string) => readFileSync(inHome('.toolskube', name), 'utf8');

/** Whom the API server takes the connection for. */
async function whoAmI(kube: Kube): Promise<{ username: string; groups: string[] }> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const review = await kube.request({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body,
  });
  return (review as { status: { userInfo: { username: string; groups: string[] } } }).status.userInfo;
}

async function statusOf(asked: Promise<unknown>): Promise<number | undefined> {
  return asked.then(
    () => 200,
    (error: unknown) => kubeStatusOf(error)?.statusCode,
  );
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

beforeAll(async () => {
  [door, reader, ca] = await Promise.all([buildDoor('admin'), buildReader(), readFile(cluster.caFile, 'utf8')]);
  homes = createHomes({ base: cluster.homesBase, mount: '/data/project', reader: { program: reader.path }, log });
  for (const name of names) expect(await admin('tool', 'add', name)).toMatchObject({ code: 0 });
});

afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await homes?.stop();
  await Promise.all(names.map((name) => admin('tool', 'remove', name, '--yes', '--delete-home')));
  await Promise.all([door?.remove(), reader?.remove()]);
});

describe('a tool that is added', () => {
  it('has a namespace, rights, quota and limits', async () => {
    const get = async (kind: string, ...args: string[]) =>
      JSON.parse(await kubectl(cluster, ['get', kind, ...args, '-o', 'json']));
    expect((await get('namespace', 'tool-prov-one')).metadata.labels).toMatchObject({
      name: 'tool-prov-one',
      tenancy: 'tool',
    });
    const quota = await get('resourcequota', 'tool-prov-one', '-n', 'tool-prov-one');
    expect(quota.spec.hard).toMatchObject({
      'requests.cpu': '2',
      'limits.memory': '8Gi',
      pods: '10',
      'count/jobs.batch': '15',
      'count/deployments.apps': '3',
    });
    const limits = await get('limitrange', 'tool-prov-one', '-n', 'tool-prov-one');
    expect(limits.spec.limits[0]).toMatchObject({
      type: 'Container',
      default: { cpu: '500m', memory: '512Mi' },
      max: { cpu: '1', memory: '4Gi' },
    });
  });

  it('has a home of its own, with a pair that only its owner reads', () => {
    const { uid, gid, mode } = statSync(inHome());
    expect(uid).toBeGreaterThanOrEqual(50_000);
    expect(mode).toBe(0o042775);
    for (const [name, wanted] of [
      ['.toolskube/client.crt', 0o100400],
      ['.toolskube/client.key', 0o100400],
      ['.kube/config', 0o100600],
    ] as const) {
      expect(statSync(inHome(name))).toMatchObject({ uid, gid, mode: wanted });
    }
    expect(statSync(cluster.homesBase).uid).toBe(0);
  });

  it('is that user for the API server, in the group toolforge', async () => {
    const { username, groups } = await whoAmI(await credentials().kubeFor(one));
    expect(username).toBe('prov-one');
    expect(groups).toContain('toolforge');
    expect(groups).not.toContain('system:masters');
  });

  it('may do everything in its namespace and nothing in that of another', async () => {
    const kube = await credentials().kubeFor(one);
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine' } };
    const post = (namespace: string) =>
      kube.request({ method: 'POST', path: `/api/v1/namespaces/${namespace}/configmaps`, body: map });
    expect(await statusOf(post('tool-prov-one'))).toBe(200);
    expect(await statusOf(kube.request(podsOf('prov-one')))).toBe(200);
    expect(await statusOf(post('tool-prov-two'))).toBe(403);
    expect(await statusOf(kube.request(podsOf('prov-two')))).toBe(403);
    expect(await statusOf(kube.request({ method: 'GET', path: '/api/v1/namespaces/tool-prov-one/secrets' }))).toBe(403);
    expect(
      await statusOf(
        kube.request({
          method: 'PATCH',
          path: '/api/v1/namespaces/tool-prov-one/resourcequotas/tool-prov-one',
          contentType: 'application/merge-patch+json',
          body: {},
        }),
      ),
    ).toBe(403);
  });

  it('has a kubeconfig that kubectl takes', async () => {
    const { stdout } = await run(cluster.kubectl, [
      '--kubeconfig',
      inHome('.kube/config'),
      'auth',
      'whoami',
      '-o',
      'json',
    ]);
    expect(JSON.parse(stdout).status.userInfo.username).toBe('prov-one');
    const listed = await run(cluster.kubectl, [
      '--kubeconfig',
      inHome('.kube/config'),
      'get',
      'configmaps',
      '-o',
      'name',
    ]);
    expect(listed.stdout).toContain('configmap/kube-root-ca.crt');
  });

  it('can be impersonated instead, with the same rights and no more', async () => {
    const operator = await kubeOptionsFromKubeconfig(
      await readFile(cluster.adminKubeconfig, 'utf8'),
      dirname(cluster.adminKubeconfig),
    );
    const acting = createImpersonation({ api: operator, userAgent: 'flow-tools', createKube });
    opened.push(acting);
    const kube = await acting.kubeFor(one);
    const { username, groups } = await whoAmI(kube);
    expect(username).toBe('prov-one');
    expect([...groups].sort()).toEqual(['system:authenticated', 'toolforge']);
    expect(await statusOf(kube.request(podsOf('prov-one')))).toBe(200);
    expect(await statusOf(kube.request(podsOf('prov-two')))).toBe(403);
  });
});

describe('a tool that is added again', () => {
  it('keeps its certificate, its owner and a quota somebody changed', async () => {
    const before = fileOf('client.crt');
    await kubectl(cluster, [
      'patch',
      'resourcequota',
      'tool-prov-one',
      '-n',
      'tool-prov-one',
      '--type=merge',
      '-p',
      '{"spec":{"hard":{"pods":"99"}}}',
    ]);
    const { code, stdout } = await admin('tool', 'add', 'prov-one');
    expect(code).toBe(0);
    expect(stdout).toContain('certificate: kept');
    expect(stdout).toContain('quota: kept');
    expect(fileOf('client.crt')).toBe(before);
    expect(
      await kubectl(cluster, [
        'get',
        'resourcequota',
        'tool-prov-one',
        '-n',
        'tool-prov-one',
        '-o',
        'jsonpath={.spec.hard.pods}',
      ]),
    ).toBe('99');
  });

  it('gets a new certificate when asked, and when less than a month is left', async () => {
    const asked = await adminJson<AddedTool>('tool', 'add', 'prov-one', '--renew', '--days', '10');
    const days = (Date.parse(asked.certificateEnds) - Date.now()) / 86_400_000;
    expect(asked.certificateNew).toBe(true);
    expect(days).toBeGreaterThan(9);
    expect(days).toBeLessThan(10.1);
    const { stdout } = await admin('tool', 'add', 'prov-one');
    expect(stdout).toContain('issued (less than a month left)');
    expect((await adminJson<AddedTool>('tool', 'add', 'prov-one')).certificateNew).toBe(false);
  });

  it('is renewed with all others when its certificate is about to end, and is left alone before', async () => {
    const before = fileOf('client.crt');
    const kubeconfig = await readFile(inHome('.kube/config'), 'utf8');
    const became = (done: Renewed[]) =>
      done.filter(({ name }) => names.some((one) => one === name)).map((each) => each.became);
    expect(new Set(became(await adminJson<Renewed[]>('tool', 'renew', '--all')))).toEqual(new Set(['kept']));
    expect(fileOf('client.crt')).toBe(before);
    const renewed = await adminJson<Renewed[]>('tool', 'renew', '--all', '--within', '400', '--days', '20');
    expect(became(renewed)).toEqual(names.map(() => 'renewed'));
    expect(fileOf('client.crt')).not.toBe(before);
    expect(await readFile(inHome('.kube/config'), 'utf8')).toBe(kubeconfig);
    expect((await whoAmI(await credentials().kubeFor(one))).username).toBe('prov-one');
    const { code, stdout } = await admin('tool', 'renew', 'prov-one');
    expect([code, stdout.trim().split('\n').at(-1)]).toEqual([0, '1 renewed, 0 still good, 0 failed']);
  });

  it('that cannot be renewed is named, and keeps nobody else waiting', async () => {
    renameSync(inHome(), `${inHome()}.away`);
    const { code, stdout } = await admin('tool', 'renew', '--all', '--within', '400', '--days', '380');
    renameSync(`${inHome()}.away`, inHome());
    expect(code).toBe(1);
    expect(stdout).toMatch(/prov-one: failed\. .*/);
    expect(stdout).toMatch(/prov-two: renewed until/);
    await admin('tool', 'renew', '--all', '--within', '400');
  });

  it('gets a new pair when the old one is spoilt', async () => {
    renameSync(inHome('.toolskube/client.key'), inHome('.toolskube/away'));
    expect((await adminJson<AddedTool>('tool', 'add', 'prov-one')).certificateNew).toBe(true);
    expect((await whoAmI(await credentials().kubeFor(one))).username).toBe('prov-one');
  });

  it('is renewed under load without a request that fails, and the new certificate is in use within 5 s', async () => {
    const seen: string[] = [];
    const acting = credentials({
      recheckMs: 200,
      createKube: (options) => {
        if (options.credentials.kind === 'certificate') seen.push(String(options.credentials.cert));
        return createKube(options);
      },
    });
    const failures: unknown[] = [];
    let requests = 0;
    let ended = false;
    const load = Array.from({ length: 4 }, async () => {
      while (!ended) {
        await acting
          .kubeFor(one)
          .then((kube) => kube.request({ ...podsOf('prov-one'), query: { limit: 1 } }))
          .catch((error: unknown) => failures.push(error));
        requests += 1;
      }
    });
    for (let n = 0; n < 3; n++) {
      await admin('tool', 'add', 'prov-one', '--renew');
      const writtenAt = performance.now();
      await until(async () => seen.at(-1) === fileOf('client.crt'));
      expect(performance.now() - writtenAt).toBeLessThan(5_000);
    }
    ended = true;
    await Promise.all(load);
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(50);
    expect(new Set(seen).size).toBe(4);
  });

  it('is refused while its home is a trap, and nothing behind the trap changes', async () => {
    const [toolskube, away] = [inHome('.toolskube'), inHome('.toolskube-away')];
    const victim = join(cluster.homesBase, 'prov-two/.toolskube');
    const before = readFileSync(join(victim, 'client.key'), 'utf8');
    renameSync(toolskube, away);
    symlinkSync(victim, toolskube);
    try {
      const { code, stderr } = await admin('tool', 'add', 'prov-one');
      expect(code).toBe(1);
      expect(stderr).toContain('not safe to write in');
      expect(readFileSync(join(victim, 'client.key'), 'utf8')).toBe(before);
    } finally {
      renameSync(toolskube, inHome('link'));
      renameSync(away, toolskube);
    }
  });
});

describe('tools that are looked at', () => {
  it('are listed with state, certificate and quota', async () => {
    const tools = await adminJson<ToolReport[]>('tool', 'list');
    for (const name of names) {
      const tool = tools.find((one) => one.name === name);
      expect(tool).toMatchObject({ namespace: `tool-${name}`, state: 'active' });
      expect(Date.parse(tool?.certificateEnds ?? '')).toBeGreaterThan(Date.now());
      expect(tool?.quota['requests.memory']).toEqual({ used: '0', hard: '6Gi' });
    }
    const { stdout } = await admin('tool', 'list');
    expect(stdout).toMatch(/^Tool +State +Certificate +Pods +Memory\n/);
    expect(stdout).toMatch(/^prov-two +active +until \d{4}-\d\d-\d\d +0\/10 +0\/6Gi$/m);
  });

  it('are shown one by one; one that is not there is said to be so', async () => {
    expect((await admin('tool', 'show', 'prov-two')).stdout).toContain('State: active\nCertificate: until ');
    expect(await admin('tool', 'show', 'prov-nobody')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("There is no tool 'prov-nobody'"),
    });
  });
});

describe('a tool that is disabled', () => {
  it('can do nothing any more until it is added again', async () => {
    const kube = await credentials().kubeFor(one);
    const deniedTools = () =>
      kubectl(cluster, ['get', 'configmap', 'flow-tools', '-n', 'jobs-emailer', '-o', 'jsonpath={.data.denied_tools}']);
    expect(await admin('tool', 'disable', 'prov-one')).toMatchObject({ code: 0 });
    await until(async () => (await statusOf(kube.request(podsOf('prov-one')))) === 403);
    expect(await deniedTools()).toBe('prov-one');
    expect((await adminJson<ToolReport>('tool', 'show', 'prov-one')).state).toBe('disabled');
    expect((await admin('tool', 'disable', 'prov-one')).stdout).toContain('gone already');
    await admin('tool', 'disable', 'prov-two');
    expect(await deniedTools()).toBe('prov-one,prov-two');

    for (const name of names) expect(await admin('tool', 'add', name)).toMatchObject({ code: 0 });
    await until(async () => (await statusOf(kube.request(podsOf('prov-one')))) === 200);
    expect(await deniedTools()).toBe('');
    expect((await adminJson<ToolReport>('tool', 'show', 'prov-one')).state).toBe('active');
  });
});

describe('a wrong name', () => {
  it('changes nothing, in the cluster or on the disk', async () => {
    const state = async () => [
      ...(await kubectl(cluster, ['get', 'namespaces', '-o', 'name'])).split('\n'),
      ...readdirSync(cluster.homesBase),
    ];
    const before = await state();
    for (const name of ['Upper', '../prov-one', 'a'.repeat(54), 'prov-one\n']) {
      for (const verb of ['add', 'disable', 'remove']) {
        expect((await admin('tool', verb, name, '--yes', '--delete-home')).code).not.toBe(0);
      }
    }
    const after = await state();
    expect(after.filter((name) => !before.includes(name))).toEqual([]);
    expect(after).toEqual(expect.arrayContaining(['namespace/tool-prov-one', 'prov-one']));
  });
});

describe('a tool that is removed', () => {
  it('is gone with its home, can be removed again and added anew with the same owner', async () => {
    const { uid } = statSync(inHome());
    expect((await admin('tool', 'remove', 'prov-one', '--delete-home')).code).toBe(2);
    const { code, stdout } = await admin('tool', 'remove', 'prov-one', '--delete-home', '--yes');
    expect(stdout).toContain('namespace tool-prov-one: deleted');
    expect(code).toBe(0);
    expect(readdirSync(cluster.homesBase)).not.toContain('prov-one');
    expect(await kubectl(cluster, ['get', 'namespaces', '-o', 'name'])).not.toContain('tool-prov-one\n');
    expect((await admin('tool', 'remove', 'prov-one', '--yes')).stdout).toContain('gone already');
    expect((await adminJson<AddedTool>('tool', 'add', 'prov-one')).uid).toBe(uid);
  });
});

describe('the cluster', () => {
  it('keeps no certificate request behind', async () => {
    expect(await kubectl(cluster, ['get', 'csr', '-o', 'name'])).not.toContain('prov-');
  });
});
