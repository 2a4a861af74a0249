/** The daemon as pods, from our own image and manifests, used by tools through the NodePort. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { splitWords } from '../../src/definition/shell-words.ts';
import { kubectl } from '../cluster/cluster.ts';
import { cgroupOf } from '../cluster/state.ts';
import { type Deployed, deploy } from '../support/deployed.ts';
import { kubectlOf } from '../support/documented-commands.ts';
import { cluster } from '../support/flow-cluster.ts';
import { repositoryRoot } from '../support/repository-root.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'pod-one';
const run = promisify(execFile);
const toType = kubectlOf('docs/operations.md');
const isOfNginx = (text: string) => text.includes(' -c nginx');
let deployed: Deployed;
let sandbox: Sandbox;

beforeAll(async () => {
  deployed = await deploy(cluster, join(cluster.stateDir, 'deployed'));
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'pods'), name: 'flow-pods', at: deployed });
  await sandbox.addTool(tool);
}, 180_000);

afterAll(async () => {
  await sandbox?.removeTool(tool);
  await deployed?.remove();
});

/** What the kernel says of the processes in pods of this cluster whose command line has a text. */
function processesOf(text: string): Record<string, string>[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text)) return [];
        if (!readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`${cgroupOf(cluster.stateDir)}/`)) return [];
        const lines = readFileSync(`/proc/${pid}/status`, 'utf8').matchAll(/^(\w+):\s*(.*)$/gm);
        return [Object.fromEntries([...lines].map(([, key, value]) => [key, value]))];
      } catch {
        return [];
      }
    });
}

describe('the daemon in a pod', () => {
  it('has no right of its own on the node, and its readers have the one that homes need', () => {
    const rights = { Seccomp: '2', NoNewPrivs: '1' };
    const ours = '52520\t52520\t52520\t52520';
    const root = '0\t0\t0\t0';
    const daemons = processesOf('\0/app/jobsd.js\0');
    expect(daemons).toHaveLength(2);
    for (const each of daemons)
      expect(each).toMatchObject({ ...rights, Uid: ours, Gid: ours, CapEff: '0000000000000000' });
    const readers = processesOf('\0/app/home-readers.js\0');
    expect(readers).toHaveLength(2);
    // Bit 2: CAP_DAC_READ_SEARCH (capabilities(7)).
    for (const each of readers) expect(each).toMatchObject({ ...rights, Uid: root, CapEff: '0000000000000004' });
  });

  it('runs a job, shows it, and reads its log from a home that is closed to others', async () => {
    const command = 'echo out of a pod; echo and this >&2';
    const ran = await sandbox.jobs(tool, 'run', 'first', '--image', 'bookworm', '--command', command, '--wait');
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    const logs = await sandbox.jobs(tool, 'logs', 'first');
    expect(logs.stdout).toContain('[first.out] [stdout] out of a pod');
    expect(logs.stdout).toContain('[first.err] [stderr] and this');
    const shown = await sandbox.jobs(tool, 'show', 'first');
    expect(shown.stdout).toContain('Completed');
  });

  it('refuses whoever shows no certificate', async () => {
    const { stdout } = await run('curl', ['-sk', '-w', '\n%{http_code}', `${deployed.url}/api/v1/list/`]);
    expect(stdout).toMatch(/No required SSL certificate was sent[\s\S]*\n400$/);
  });

  it('follows an edit of its settings', async () => {
    const edit = (text: string) => {
      const words = ['patch', 'configmap', 'jobs-emailer-configmap', '-n', 'jobs-emailer', '--type', 'merge'];
      return kubectl(cluster, [...words, '-p', JSON.stringify({ data: { denied_tools: text } })]);
    };
    await edit(tool);
    await until(async () => (await sandbox.jobs(tool, 'list')).code === 1, 'the tool is refused');
    await edit('');
    await until(async () => (await sandbox.jobs(tool, 'list')).code === 0, 'the tool is let in');
  });

  it('is followed at once by the one that stands by', async () => {
    const pods = await deployed.pods();
    expect(pods.map(({ isReady }) => isReady).sort()).toEqual([false, true]);
    const leader = pods.find(({ isReady }) => isReady)?.name as string;
    await kubectl(cluster, ['delete', 'pod', leader, '-n', 'jobs-api']);
    await until(async () => (await sandbox.jobs(tool, 'list')).stdout.includes('first'), 'the other one answers');
    expect((await deployed.pods()).find(({ isReady }) => isReady)?.name).not.toBe(leader);
  });

  it('has new certificates of tools in use, which a CronJob beside it has issued', async () => {
    const file = join(sandbox.homeOf(tool), '.toolskube/client.crt');
    const before = readFileSync(file, 'utf8');
    const words = ['create', 'job', 'renew-now', '--from=cronjob/jobs-renew', '-n', 'jobs-api'];
    await kubectl(cluster, words);
    const state = ['get', 'job', 'renew-now', '-n', 'jobs-api', '-o', 'jsonpath={.status.succeeded}'];
    await until(async () => (await kubectl(cluster, state)) === '1', 'the certificates are renewed');
    expect(readFileSync(file, 'utf8')).not.toBe(before);
    expect(statSync(file).uid).toBe(statSync(sandbox.homeOf(tool)).uid);
    expect((await sandbox.jobs(tool, 'list')).stdout).toContain('first');
  });

  it.each(toType.filter((text) => !isOfNginx(text)))('answers what operators are told to type: %s', async (text) => {
    const [, ...words] = splitWords(text) ?? [];
    const [about = ''] = /jobs-emailer-configmap|image-config|jobs-api/.exec(text) ?? [];
    expect(await kubectl(cluster, words)).toContain(about);
  });

  it('says nothing that is a mistake of ours', async () => {
    expect((await deployed.logs()).split('\n').filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
  });
});

describe('behind nginx in its pod', () => {
  beforeAll(() => deployed.change({ nginx: true }), 120_000);

  it('a tool is served, and whoever shows no certificate is told so by nginx', async () => {
    await until(async () => (await sandbox.jobs(tool, 'list')).code === 0, 'the tool is answered');
    const ran = await sandbox.jobs(tool, 'run', 'fronted', '--image', 'bookworm', '--command', 'true');
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    const { stdout } = await run('curl', ['-sk', '-w', '\n%{http_code}', `${deployed.url}/api/v1/list/`]);
    expect(stdout).toMatch(/No required SSL certificate was sent[\s\S]*nginx[\s\S]*\n400$/);
    expect(await deployed.logs()).toMatch(/"GET \/api\/v1\/list\/ HTTP\/[\d.]+" 400 /);
  });

  it.each(toType.filter(isOfNginx))('nginx does what operators are told to type: %s', async (text) => {
    const [, ...words] = splitWords(text) ?? [];
    await expect(kubectl(cluster, words)).resolves.toBeDefined();
  });

  it('nginx has no right on the node, none in the cluster, and no way to the readers of homes', () => {
    const masters = processesOf('nginx: master process /usr/sbin/nginx -e stderr -c /etc/nginx/nginx.conf');
    const rights = { Seccomp: '2', NoNewPrivs: '1', CapEff: '0000000000000000', Uid: '33\t33\t33\t33' };
    expect(masters).toHaveLength(2);
    for (const each of masters) {
      expect(each).toMatchObject(rights);
      const root = `/proc/${each.Pid}/root`;
      expect(readdirSync(`${root}/var/run/secrets/kubernetes.io/serviceaccount`)).toEqual([]);
      expect(readdirSync(`${root}/run/toolforge-jobs`)).not.toContain('readers');
    }
  });
});

/** Of the daemon's account, as the API server reckons them: verbs, resources, names. */
async function rightsIn(namespace: string): Promise<string[]> {
  const who = ['--as', 'system:serviceaccount:jobs-api:jobs-api', '-n', namespace];
  const text = await kubectl(cluster, ['auth', 'can-i', '--list', '--no-headers', ...who]);
  const rows = text.split('\n').map((line) => line.replace(/\s+/g, ' ').trim());
  const ofEverybody = /selfsubject|^(\[\/|\/)/;
  return rows.filter((row) => row !== '' && !row.startsWith('[') && !ofEverybody.test(row)).sort();
}

describe('the account of the daemon', () => {
  // What another sandbox of this cluster has added for itself.
  beforeAll(async () => {
    const added = ['jobs-api-impersonation', 'jobs-api-node-usage'];
    await kubectl(cluster, ['delete', 'clusterrolebinding', ...added, '--ignore-not-found']);
  });

  const everywhere = [
    'cronjobs.batch [] [] [list watch]',
    'deployments.apps [] [] [list watch]',
    'jobs.batch [] [] [list watch]',
    'pods [] [] [list watch]',
    'pods.metrics.k8s.io [] [] [list]',
  ];

  it.each([
    ['tool-pod-one', []],
    ['kube-system', []],
    [
      'jobs-api',
      ['leases.coordination.k8s.io [] [] [create]', 'leases.coordination.k8s.io [] [jobs-api] [get update]'],
    ],
    ['jobs-emailer', ['configmaps [] [jobs-emailer-configmap] [get list watch]', 'events [] [] [create]']],
    ['tf-public', ['configmaps [] [image-config] [get list watch]', 'events [] [] [create]']],
  ])('may in %s what it needs and nothing else', async (namespace, more) => {
    const found = (await rightsIn(namespace)).filter((row) => !/configmaps \[\] \[flow-/.test(row));
    expect(found).toEqual([...everywhere, ...more].sort());
  });
});

describe('the manifests', () => {
  it.each(['toolsbeta', 'tools'])('of %s are taken by the API server', async (overlay) => {
    const text = await kubectl(cluster, ['kustomize', join(repositoryRoot, 'config/manifests/overlays', overlay)]);
    const objects = parseAllDocuments(text).map((document) => document.toJS() as { kind: string });
    // The operator of Prometheus brings these kinds, and is not here.
    const known = objects.filter(({ kind }) => kind !== 'ServiceMonitor' && kind !== 'PrometheusRule');
    expect(objects.length - known.length).toBe(2);
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: known });
    const answer = await kubectl(cluster, ['apply', '--dry-run=server', '-f', '-'], list);
    expect(answer).toContain('deployment.apps/jobs-api');
    expect(answer).toContain('persistentvolumeclaim/jobs-api-state created (server dry run)');
  });
});
