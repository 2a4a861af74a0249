/** Images of jobs, from their Dockerfiles by a real builder to a real registry, and from there to a job that runs one. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ImageRow } from '../../bin/admin/images-build.ts';
import { kubectl } from '../cluster/cluster.ts';
import { findBusybox } from '../cluster/packages.ts';
import { run } from '../cluster/run.ts';
import { prepareBuildah } from '../support/buildah.ts';
import { cluster } from '../support/flow-cluster.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { repositoryRoot } from '../support/repository-root.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'pipeline';
const dir = join(cluster.stateDir, 'pipeline');
const tree = join(dir, 'tree');
let sandbox: Sandbox;
let registry: Registry;
let environment: Readonly<Record<string, string>>;
let listBefore: string;

/** A Dockerfile that builds on another of the tree. */
const on = (name: string, ...lines: string[]) =>
  ['ARG REGISTRY PREFIX TAG', `FROM \${REGISTRY}/\${PREFIX}-${name}:\${TAG}`, ...lines, ''].join('\n');

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(tree, name)), { recursive: true });
    await writeFile(join(tree, name), text);
  }
}

beforeAll(async () => {
  registry = await startRegistry(cluster, join(dir, 'registry'));
  const base = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n';
  await write({
    'images.yaml': `registry: ${registry.host}\nprefix: tools\n`,
    'base/Dockerfile': base,
    'words/one/Dockerfile': on('base', 'RUN echo made of the base > /words'),
    'words/two/Dockerfile': on('words-one', 'RUN cat /words /words > /twice'),
    'alone/Dockerfile': base,
  });
  for (const name of ['base', 'alone']) await copyFile(findBusybox() ?? '', join(tree, name, 'busybox'));
  environment = await prepareBuildah(join(dir, 'buildah'));
  sandbox = await createSandbox({ cluster, dir, name: 'flow-pipeline' });
  await sandbox.addTool(tool);
  await sandbox.start();
  listBefore = await readList();
});

afterAll(async () => {
  if (listBefore) await patchList(listBefore);
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
  await registry?.stop();
});

const key = 'images-v1.yaml';
const readList = () =>
  kubectl(cluster, [
    'get',
    'configmap',
    'image-config',
    '-n',
    'tf-public',
    '-o',
    `jsonpath={.data.${key.replaceAll('.', '\\.')}}`,
  ]);
const patchList = (text: string) =>
  kubectl(cluster, [
    'patch',
    'configmap',
    'image-config',
    '-n',
    'tf-public',
    '--type',
    'merge',
    '-p',
    JSON.stringify({ data: { [key]: text } }),
  ]);

function images(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const options = { env: { ...environment, KUBECONFIG: cluster.adminKubeconfig }, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(repositoryRoot, 'dist/admin.js'), 'images', ...words],
      options,
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

/** What became of each image, and what the builder said. */
async function build(verb: string, what: string, ...words: string[]) {
  const { code, stdout, stderr } = await images(verb, join(tree, what), '--output', 'json', ...words);
  const rows = JSON.parse(stdout) as ImageRow[];
  return { code, said: stderr, became: Object.fromEntries(rows.map(({ image, became }) => [image, became])) };
}

const digests = () =>
  Promise.all(['base', 'words-one', 'words-two', 'alone'].map((name) => registry.digest(`tools-${name}`, 'latest')));

describe('a tree of images', () => {
  it('is built from the image that was changed, on its bases, with all that builds on it, and pushed', async () => {
    const { code, became } = await build('build', 'words/one', '--push', '--tag', 'latest');
    expect(became).toEqual({ base: 'pushed', 'words-one': 'pushed', 'words-two': 'pushed' });
    expect(code).toBe(0);
    expect(await registry.repositories()).toEqual(['tools-base', 'tools-words-one', 'tools-words-two']);
  });

  it('takes layers from the last time, unless all of it is made from scratch', async () => {
    const again = await build('build', 'words/one', '--tag', 'latest');
    expect([again.code, again.said.includes('Using cache')]).toEqual([0, true]);
    const before = await digests();
    const anew = await build('rebuild-all', '.', '--push');
    expect([anew.code, anew.said.includes('Using cache')]).toEqual([0, false]);
    const after = await digests();
    expect(after.filter((digest, at) => digest === undefined || digest === before[at])).toEqual([]);
  });

  it('goes on beside a failure, and leaves what belongs with it in the registry as it was', async () => {
    const before = await digests();
    const good = await readFile(join(tree, 'words/one/Dockerfile'), 'utf8');
    await write({ 'words/one/Dockerfile': on('base', 'RUN echo "not so" && exit 3') });
    const { code, became, said } = await build('rebuild-all', '.', '--push');
    await write({ 'words/one/Dockerfile': good });
    expect(became).toEqual({ base: 'held back', 'words-one': 'failed', 'words-two': 'skipped', alone: 'pushed' });
    expect(code).toBe(1);
    expect(said).toContain('words-one | not so');
    const after = await digests();
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
    expect(after[3]).not.toBe(before[3]);
  });

  it('leaves nothing on the machine that no Dockerfile makes', async () => {
    await rm(join(tree, 'alone'), { recursive: true });
    const listed = await images('prune', tree);
    expect(listed.stdout).toContain(`${registry.host}/tools-alone:latest\n`);
    expect(listed.stdout).toContain('Nothing was removed.');
    const pruned = await images('prune', tree, '--yes', '--quiet');
    expect([pruned.code, pruned.stdout]).toEqual([0, expect.stringContaining('tools-alone:latest: removed')]);
    expect((await images('prune', tree)).stdout).toBe('There is nothing that no Dockerfile makes.\n');
  });
});

describe('an image of the registry', () => {
  it('is published, and a job runs it, while the daemon works', async () => {
    const address = `${registry.host}/tools-words-one`;
    const { code, stdout } = await images('publish', 'words', address, '--aliases', 'tf-words', '--output', 'json');
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      expect.objectContaining({ digest: (await digests())[1], changed: true }),
    ]);
    await until(async () => (await sandbox.jobs(tool, 'images')).stdout.includes(address), 'users are offered it');
    const ran = await sandbox.jobs(tool, 'run', 'speaker', '--image', 'tf-words', '--command', 'cat /words', '--wait');
    expect(ran).toMatchObject({ code: 0 });
    expect(await readFile(join(sandbox.homeOf(tool), 'speaker.out'), 'utf8')).toBe('made of the base\n');
    expect(JSON.parse((await images('publish', 'words', address, '--output', 'json')).stdout)).toMatchObject({
      changed: false,
    });
  });

  it('that is not there is not published', async () => {
    const before = await readList();
    const { code, stderr } = await images('publish', 'nothing', `${registry.host}/tools-nothing:latest`);
    expect([code, stderr]).toEqual([1, expect.stringContaining('has no tools-nothing:latest. Push it first.')]);
    expect(await readList()).toBe(before);
  });

  it('loses no edit of others that comes in between', async () => {
    const names = ['p1', 'p2', 'p3', 'p4', 'p5'];
    const done = await Promise.all(names.map((name) => images('publish', name, `${registry.host}/tools-base:latest`)));
    expect(done.map(({ code, stderr }) => [code, stderr])).toEqual(names.map(() => [0, '']));
    const list = parse(await readList()) as Record<string, unknown>;
    expect(Object.keys(list)).toEqual(expect.arrayContaining([...names, 'words', 'bookworm']));
  });
});

describe('a registry that shows strangers nothing', () => {
  /** `open sesame`, in bcrypt. */
  const accounts = 'operator:$2b$05$oosSj.HSrv.e5udnibFo6ucidxJ8LOQY8kkhEU5FqNvoKpzCU6Ziy\n';
  let closed: Registry;
  beforeAll(async () => {
    closed = await startRegistry(cluster, join(dir, 'closed'), accounts);
  });
  afterAll(() => closed?.stop());

  it('is asked with the account that the builder pushes with', async () => {
    const address = `${closed.host}/tools-base`;
    const stranger = await images('publish', 'closed', address);
    expect([stranger.code, stranger.stderr]).toEqual([2, expect.stringContaining('to nobody without credentials')]);
    const login = ['login', '--tls-verify=false', '--username', 'operator', '--password-stdin', closed.host];
    await run('buildah', login, { env: environment, input: 'open sesame' });
    const built = await build('build', 'base', '--push', '--tag', 'latest', '--registry', closed.host);
    expect(built.became).toEqual({ base: 'pushed', 'words-one': 'pushed', 'words-two': 'pushed' });
    const { code, stdout } = await images('publish', 'closed', address);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Its registry wants credentials')]);
  });
});
