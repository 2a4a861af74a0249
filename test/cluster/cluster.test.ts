import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { type Cluster, compactEtcd, down, kubectl, restartApiServer, status, up } from './cluster.ts';
import { birthOf, findMarked } from './processes.ts';
import { run } from './run.ts';
import { cgroupOf, clusterId, readState } from './state.ts';

const namespace = 'tf-public';

function newStateDir(): string {
  return mkdtempSync(join(tmpdir(), 'tfj-'));
}

/**
 * What a cluster could leave on the machine, as lines. Other clusters come and go while a test runs, so lines with another cluster's name
 * are left out.
 */
async function observeMachine(mine: readonly string[]): Promise<string[]> {
  const text = await Promise.all([
    run('ip', ['-oneline', 'link', 'show']).then((out) =>
      out.replaceAll(/^\d+: /gm, 'link ').replaceAll(/ state \S+.*$/gm, ''),
    ),
    run('ip', ['-4', 'route', 'show', 'table', 'all']),
    run('iptables-save', []).then((out) => out.replaceAll(/^#.*$/gm, '').replaceAll(/\[\d+:\d+\]/g, '')),
  ]);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').replaceAll(/^(\S+ ){4}/gm, 'mount ');
  const netns = existsSync('/run/netns') ? readdirSync('/run/netns').map((name) => `netns ${name}`) : [];
  const cgroups = listDirectories('/sys/fs/cgroup', 3).map((path) => `cgroup ${path}`);
  const processes = mine.flatMap((directory) => findMarked(directory).map((pid) => `process ${pid}`));
  const isOthers = (line: string) =>
    [...line.matchAll(/tfj-([0-9a-f]{8})/g)].some(
      (match) => !mine.some((directory) => clusterId(directory) === match[1]),
    ) || [...line.matchAll(/tfj(\d+)/g)].some((match) => !blocks.has(Number(match[1])));
  return [...text.flatMap((each) => each.split('\n')), ...mounts.split('\n'), ...netns, ...cgroups, ...processes]
    .filter((line) => line.trim() !== '' && !isOthers(line))
    .sort();
}

/** Networks that clusters of this file have had. */
const blocks = new Set<number>();

function listDirectories(path: string, depth: number): string[] {
  if (depth === 0) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => [join(path, entry.name), ...listDirectories(join(path, entry.name), depth - 1)]);
}

/** Every living process of a namespace, containers included. */
function processesIn(namespaceLink: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && birthOf(Number(pid)) !== undefined && readlinkSync(`/proc/${pid}/ns/pid`) === namespaceLink
      );
    } catch {
      return false;
    }
  });
}

interface Pod {
  status: {
    phase: string;
    containerStatuses?: {
      state: { terminated?: { exitCode: number; reason: string }; waiting?: { reason: string } };
    }[];
  };
}

interface JobRun {
  readonly name: string;
  readonly command: string;
  readonly image?: string;
}

describe('a cluster', () => {
  let cluster: Cluster;
  let namespaceLink: string;
  let before: string[];
  const stateDir = newStateDir();

  beforeAll(async () => {
    before = await observeMachine([stateDir]);
    cluster = await up({ stateDir });
    const state = readState(stateDir);
    if (state?.nodeInit === undefined) throw new Error('a running cluster without a state');
    blocks.add(state.block);
    namespaceLink = readlinkSync(`/proc/${state.nodeInit.pid}/ns/pid`);
  });
  afterAll(() => down(stateDir));

  function imageOf(name: string): string {
    const image = cluster.images.find((each) => each.name === name);
    if (image === undefined) throw new Error(`no image ${name}`);
    return image.url;
  }

  async function runJob({ name, command, image = imageOf('bookworm') }: JobRun): Promise<void> {
    const container = {
      name: 'job',
      image,
      imagePullPolicy: 'IfNotPresent',
      command: ['/bin/sh', '-c', command],
      resources: { limits: { memory: '32Mi' }, requests: { cpu: '10m' } },
      volumeMounts: [{ name: 'home', mountPath: '/data/project/some-tool' }],
    };
    const home = { name: 'home', hostPath: { path: cluster.homesBase, type: 'Directory' } };
    const template = {
      metadata: { labels: { name } },
      spec: {
        restartPolicy: 'Never',
        containers: [container],
        volumes: [home],
        securityContext: { runAsUser: 52001, runAsGroup: 52001 },
      },
    };
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name, namespace },
      spec: { backoffLimit: 0, template },
    };
    await kubectl(cluster, ['create', '-f', '-'], JSON.stringify(job));
  }

  async function podOf(name: string): Promise<Pod | undefined> {
    const list = JSON.parse(
      await kubectl(cluster, ['get', 'pods', '-n', namespace, '-l', `name=${name}`, '-o', 'json']),
    ) as { items: Pod[] };
    return list.items[0];
  }

  /** What the job's container ended with. */
  async function endOf(name: string): Promise<{ exitCode: number; reason: string } | undefined> {
    let end: { exitCode: number; reason: string } | undefined;
    await expect
      .poll(
        async () => {
          end = (await podOf(name))?.status.containerStatuses?.[0]?.state.terminated;
          return end !== undefined;
        },
        { timeout: 30_000, interval: 200 },
      )
      .toBe(true);
    return end;
  }

  it('is returned when it already runs', async () => {
    const again = await up({ stateDir });
    expect(again).toEqual(cluster);
    expect(cluster.version).toBe('v1.36.3');
    const { running, parts } = await status(stateDir);
    expect([running, parts.every((part) => part.alive && part.residentBytes > 0), parts.length]).toEqual([
      true,
      true,
      8,
    ]);
  });

  it('runs real containers: they succeed, fail, and are killed for memory', async () => {
    await Promise.all([
      runJob({ name: 'succeeds', command: 'id -u; date' }),
      runJob({ name: 'fails', command: 'exit 3', image: imageOf('python3.11') }),
      runJob({ name: 'grows', command: 'tail /dev/zero' }),
      runJob({ name: 'has-no-image', command: 'true', image: 'registry.invalid/toolforge-broken-web:latest' }),
    ]);
    await kubectl(cluster, ['wait', '-n', namespace, '--for=condition=Complete', 'job/succeeds', '--timeout=30s']);
    expect(await kubectl(cluster, ['logs', '-n', namespace, 'job/succeeds'])).toMatch(/^52001\n/);
    expect(await endOf('fails')).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect(await endOf('grows')).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    const waiting = async () => (await podOf('has-no-image'))?.status.containerStatuses?.[0]?.state.waiting?.reason;
    await expect.poll(waiting, { timeout: 20_000, interval: 200 }).toMatch(/^(ErrImagePull|ImagePullBackOff)$/);
  });

  it('connects pods, services, node ports and this machine', async () => {
    const server = createServer((_, response) => response.end('from this machine'));
    await new Promise<void>((resolve) => server.listen(0, cluster.bridgeAddress, resolve));
    const { port } = server.address() as AddressInfo;
    const web = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace, labels: { app: 'web' } },
      spec: {
        containers: [
          {
            name: 'web',
            image: imageOf('bookworm'),
            imagePullPolicy: 'IfNotPresent',
            command: [
              '/bin/sh',
              '-c',
              'mkdir /tmp/w; echo from the pod > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w',
            ],
          },
        ],
      },
    };
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080, nodePort: 30001 }] },
    };
    await kubectl(
      cluster,
      ['create', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [web, service] }),
    );
    await kubectl(cluster, ['wait', '-n', namespace, '--for=condition=Ready', 'pod/web', '--timeout=30s']);
    const clusterIp = await kubectl(cluster, [
      'get',
      '-n',
      namespace,
      'service/web',
      '-o',
      'jsonpath={.spec.clusterIP}',
    ]);
    const [byService, byNodePort] = [`http://${clusterIp}/`, `http://${cluster.nodeAddress}:30001/`];
    for (const url of [byService, byNodePort]) {
      await expect
        .poll(
          () =>
            fetch(url).then(
              (answer) => answer.text(),
              () => '',
            ),
          { timeout: 10_000 },
        )
        .toBe('from the pod\n');
    }
    const script = `for url in ${byService} ${byNodePort} http://${cluster.bridgeAddress}:${port}/; do wget -q -O- $url; done`;
    const inPod = await kubectl(cluster, ['exec', '-n', namespace, 'web', '--', 'sh', '-c', script]);
    expect(inPod).toBe('from the pod\nfrom the pod\nfrom this machine');
    server.close();
  });

  it('signs client certificates for tools', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'tfj-csr-'));
    const key = join(scratch, 'key');
    const made = [
      'req',
      '-new',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      key,
      '-subj',
      '/O=toolforge/CN=some-tool',
    ];
    const csr = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'some-tool' },
      spec: {
        request: Buffer.from(await run('openssl', made)).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['client auth'],
      },
    };
    await kubectl(cluster, ['create', '-f', '-'], JSON.stringify(csr));
    await kubectl(cluster, ['certificate', 'approve', 'some-tool']);
    let cert = '';
    const signed = async () => {
      cert = await kubectl(cluster, ['get', 'csr', 'some-tool', '-o', 'jsonpath={.status.certificate}']);
      return cert !== '';
    };
    await expect.poll(signed, { timeout: 10_000 }).toBe(true);
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    const answer = await ask(cluster.server, '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      cert: Buffer.from(cert, 'base64').toString(),
      key: readFileSync(key, 'utf8'),
      body: review,
    });
    rmSync(scratch, { recursive: true });
    const { username, groups } = (
      JSON.parse(answer.body) as { status: { userInfo: { username: string; groups: string[] } } }
    ).status.userInfo;
    expect([username, groups]).toEqual(['some-tool', ['toolforge', 'system:authenticated']]);
  });

  async function ask(
    server: string,
    path: string,
    { cert, key, body }: { cert: string; key: string; body?: unknown },
  ): Promise<{ status: number; body: string }> {
    const options = {
      method: body === undefined ? 'GET' : 'POST',
      agent: false as const,
      cert,
      key,
      ca: readFileSync(cluster.caFile),
    };
    const outgoing = request(`${server}${path}`, { ...options, headers: { 'content-type': 'application/json' } });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage];
    let text = '';
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode ?? 0, body: text };
  }

  function adminPair(): { cert: string; key: string } {
    const read = (name: string) => readFileSync(join(dirname(cluster.caFile), name), 'utf8');
    return { cert: read('admin.crt'), key: read('admin.key') };
  }

  it('writes who asked what to the audit log, without its own parts', () => {
    const entries = readFileSync(cluster.auditLog, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const users = new Set(entries.map((entry: { user: { username: string } }) => entry.user.username));
    expect(
      [...users].filter((user) => user.startsWith('system:') && !user.startsWith('system:serviceaccount:')),
    ).toEqual([]);
    const created = entries.find(
      (entry) => entry.verb === 'create' && entry.objectRef?.resource === 'jobs' && entry.objectRef.name === 'fails',
    );
    expect(created).toMatchObject({
      user: { username: 'admin' },
      objectRef: { namespace, name: 'fails' },
      responseStatus: { code: 201 },
    });
  });

  it('offers the list of images', async () => {
    const yaml = await kubectl(cluster, [
      'get',
      'configmap',
      '-n',
      namespace,
      'image-config',
      '-o',
      'jsonpath={.data.images-v1\\.yaml}',
    ]);
    expect(yaml).toContain('bookworm:\n  state: stable\n  aliases:\n    - tf-bookworm-std\n');
    expect(cluster.images.map((image) => image.name)).toEqual(['bookworm', 'python3.11', 'node18', 'bullseye']);
  });

  it('stands behind the fault proxy', async () => {
    const read = (name: string) => readFileSync(join(dirname(cluster.caFile), name), 'utf8');
    const { cert: clientCert, key: clientKey } = adminPair();
    const proxy = await startFaultProxy({
      target: { host: '127.0.0.1', port: Number(new URL(cluster.server).port) },
      tls: {
        cert: read('apiserver.crt'),
        key: read('apiserver.key'),
        clientCert,
        clientKey,
        ca: readFileSync(cluster.caFile, 'utf8'),
      },
    });
    proxy.addRule({
      match: (seen) => seen.url.includes('watch=true'),
      do: { kind: 'error-event', afterLines: 1, code: 410, reason: 'Expired' },
    });
    const watch = await ask(proxy.url, `/api/v1/namespaces?watch=true`, adminPair());
    const plain = await ask(proxy.url, `/api/v1/namespaces/${namespace}`, adminPair());
    await proxy.close();
    const types = watch.body
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect([types, plain.status]).toEqual([['ADDED', 'ERROR'], 200]);
  });

  it('survives a restart of its API server, and forgets old versions on demand', async () => {
    await restartApiServer(cluster, 'SIGKILL');
    const list = JSON.parse(await kubectl(cluster, ['get', '--raw', '/api/v1/namespaces'])) as {
      metadata: { resourceVersion: string };
    };
    await kubectl(cluster, ['label', 'namespace', namespace, 'touched=yes']);
    await compactEtcd(cluster);
    const watch = await ask(
      cluster.server,
      `/api/v1/namespaces?watch=true&timeoutSeconds=1&resourceVersion=${list.metadata.resourceVersion}`,
      adminPair(),
    );
    expect(watch.body).toContain('"code":410');
  });

  it('has a neighbour, started at the same time by two callers, that leaves it alone', async () => {
    const other = newStateDir();
    const [neighbour, same] = await Promise.all([up({ stateDir: other }), up({ stateDir: other })]);
    blocks.add(readState(other)?.block ?? 0);
    expect(same).toEqual(neighbour);
    expect([neighbour.server === cluster.server, neighbour.bridgeAddress === cluster.bridgeAddress]).toEqual([
      false,
      false,
    ]);
    await down(other);
    expect((await status(stateDir)).running).toBe(true);
    expect(existsSync(other)).toBe(false);
  });

  it('leaves nothing when it is taken down', async () => {
    expect((await observeMachine([stateDir])).length).toBeGreaterThan(before.length);
    expect(processesIn(namespaceLink).length).toBeGreaterThan(3);
    await down(stateDir);
    expect(await observeMachine([stateDir])).toEqual(before);
    // One that was killed is there until the kernel has put it away.
    await expect.poll(() => processesIn(namespaceLink)).toEqual([]);
    expect([existsSync(stateDir), existsSync(cluster.homesBase), existsSync(`${stateDir}.lock`)]).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe('a starter that is killed', () => {
  const main = join(dirname(fileURLToPath(import.meta.url)), 'main.ts');

  function startUp(stateDir: string): ChildProcess {
    return spawn(process.execPath, ['--import', 'tsx', main, 'up', '--state', stateDir], { stdio: 'ignore' });
  }

  it.each(['node', 'kube-apiserver', 'kubelet'])(
    'leaves nothing once it is taken down: killed when %s had been started',
    async (part) => {
      const stateDir = newStateDir();
      const before = await observeMachine([stateDir]);
      const starter = startUp(stateDir);
      await expect
        .poll(() => readState(stateDir)?.parts[part] !== undefined, { timeout: 60_000, interval: 5 })
        .toBe(true);
      starter.kill('SIGKILL');
      await once(starter, 'exit');
      const state = readState(stateDir);
      if (state !== undefined && state.block > 0) blocks.add(state.block);
      expect(findMarked(stateDir).length).toBeGreaterThan(0);
      await down(stateDir);
      expect(await observeMachine([stateDir])).toEqual(before);
      expect([existsSync(stateDir), existsSync(`${stateDir}.lock`)]).toEqual([false, false]);
    },
  );

  it('leaves nothing even when it could not write down what it had started', async () => {
    const stateDir = newStateDir();
    const before = await observeMachine([stateDir]);
    const starter = startUp(stateDir);
    await expect
      .poll(() => readState(stateDir)?.parts['kube-apiserver'] !== undefined, { timeout: 60_000, interval: 5 })
      .toBe(true);
    starter.kill('SIGKILL');
    await once(starter, 'exit');
    rmSync(join(stateDir, 'state.json'));
    await down(stateDir);
    expect(await observeMachine([stateDir])).toEqual(before);
    expect(listDirectories('/sys/fs/cgroup', 2).filter((path) => path.endsWith(cgroupOf(stateDir)))).toEqual([]);
  });
});
