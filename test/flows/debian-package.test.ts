/** The package of the command line in a Debian as new: installed, used against the running daemon, upgraded, removed. */
import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { buildDebianPackage } from '../../packaging/debian/build.ts';
import { newestRelease } from '../../packaging/debian/changelog.ts';
import { type DebianRoot, openDebianRoot } from '../support/debian-root.ts';
import { cluster } from '../support/flow-cluster.ts';
import { repositoryRoot } from '../support/repository-root.ts';
import { createSandbox, type Sandbox } from '../support/sandbox.ts';

const run = promisify(execFile);
const tool = 'deb-tool';
const nextVersion = '99.0';
let sandbox: Sandbox;
let place: string;
let built: string;
let next: string;
let debian: DebianRoot;
/** Lintian brings much with it, from which nothing of ours may profit. */
let bench: DebianRoot;
let asNew: { readonly files: readonly string[]; readonly status: string };

// Where the two systems have to be made first, that takes about a minute.
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'packages-'));
  const say = (line: string) => console.error(line);
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'deb'), name: 'flow-deb' });
  await sandbox.addTool(tool);
  await sandbox.start();
  debian = await openDebianRoot(['nodejs', 'man-db', 'bash-completion', 'fish', 'zsh'], say);
  bench = await openDebianRoot(['lintian'], say);
  built = await buildDebianPackage({ into: place });
  next = await buildNext();
  for (const path of [built, next]) await copyFile(path, debian.path(inside(path)));
  await copyFile(built, bench.path(inside(built)));
  asNew = { files: await debian.list(), status: await statusOfPackages() };
}, 600_000);

afterAll(async () => {
  await Promise.all([debian?.close(), bench?.close()]);
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
  await rm(place, { recursive: true });
});

const inside = (path: string) => join('/tmp', basename(path));
const statusOfPackages = () => readFile(debian.path('/var/lib/dpkg/status'), 'utf8');
const output = async (...words: string[]) => (await debian.run(words)).stdout;

/** Without a question, and without a terminal, as a machine is kept by others. */
async function apt(...words: string[]): Promise<string> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const { code, stdout, stderr } = await debian.run(['apt-get', '-y', '-o', 'DPkg::Use-Pty=0', ...words], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** The same program, told that it is a later one. */
async function buildNext(): Promise<string> {
  const bundles = join(place, 'dist');
  await cp(join(repositoryRoot, 'dist'), bundles, { recursive: true });
  const program = await readFile(join(bundles, 'jobs.js'), 'utf8');
  await writeFile(join(bundles, 'jobs.js'), program.replaceAll(manifest.version, nextVersion));
  const before = await readFile(join(repositoryRoot, 'packaging/debian/changelog'), 'utf8');
  const changelog = `toolforge-jobs (${nextVersion}) unstable; urgency=medium\n\n  * Next.\n\n -- T J <noreply@toolforge.org>  Sat, 28 Nov 2026 12:00:00 +0000\n\n${before}`;
  return buildDebianPackage({ into: place, bundles, changelog });
}

/** As Debian had it: the same paths on the PATH and in the manual, and settings that an operator has changed. */
async function buildFormer(): Promise<string> {
  const tree = join(place, 'former');
  const files = {
    'DEBIAN/control':
      'Package: toolforge-jobs-framework-cli\nVersion: 16.1\nArchitecture: all\nMaintainer: T J <noreply@toolforge.org>\nDescription: former\n',
    'DEBIAN/conffiles': '/etc/toolforge-jobs-framework-cli.cfg\n',
    'etc/toolforge-jobs-framework-cli.cfg': `api_url: ${sandbox.url}/api/v1\n`,
    'usr/bin/toolforge-jobs': '#!/bin/sh\necho former\n',
    'usr/share/bash-completion/completions/toolforge-jobs': '',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(tree, path, '..'), { recursive: true });
    await writeFile(join(tree, path), text, { mode: path.startsWith('usr/bin/') ? 0o755 : 0o644 });
  }
  const path = join(place, 'former.deb');
  await run('dpkg-deb', ['--root-owner-group', '--build', tree, path]);
  await copyFile(path, debian.path(inside(path)));
  return inside(path);
}

describe('the package', () => {
  it('is the same whoever builds it, and whenever', async () => {
    const into = join(place, 'again');
    await mkdir(into);
    const umask = process.umask(0o077);
    const again = await buildDebianPackage({ into }).finally(() => process.umask(umask));
    expect((await readFile(again)).equals(await readFile(built))).toBe(true);
    const { stdout } = await run('dpkg-deb', ['--contents', built], { env: { ...process.env, TZ: 'UTC' } });
    const times = stdout.match(/\d{4}-\d{2}-\d{2} \d{2}:\d{2}/g);
    const { date } = newestRelease(await readFile(join(repositoryRoot, 'packaging/debian/changelog'), 'utf8'));
    expect(new Set(times?.map((time) => Date.parse(`${time}Z`) / 1000))).toEqual(new Set([date]));
  });

  it('has nothing for lintian to find', async () => {
    const severities = 'error,warning,info,pedantic,experimental';
    const words = ['lintian', '--allow-root', '--display-info', '--pedantic', '--display-experimental'];
    const found = await bench.run([...words, `--fail-on=${severities}`, inside(built)]);
    expect(found).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('is not installed where there is no Node.js', async () => {
    const { code, stderr } = await bench.run(['dpkg', '--install', inside(built)]);
    expect(code).toBe(1);
    expect(stderr).toContain('toolforge-jobs depends on nodejs (>= 20.19)');
  });

  it('takes the place of the command line of before, whose settings stay', async () => {
    await apt('install', await buildFormer());
    expect(await output('toolforge-jobs')).toBe('former\n');
    expect(await apt('install', inside(built))).toMatch(/REMOVED:\n {2}toolforge-jobs-framework-cli\n/);
    expect(await output('cat', '/etc/toolforge-jobs-framework-cli.cfg')).toContain(sandbox.url);
    // Every file is as it was packed.
    expect(await debian.run(['dpkg', '--verify', 'toolforge-jobs'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

describe('installed', () => {
  it('it runs on the Node.js of the system, whatever else stands before it on the PATH', async () => {
    await writeFile(debian.path('/tmp/node'), '#!/bin/sh\necho other\n', { mode: 0o755 });
    const env = { PATH: '/tmp:/usr/bin' };
    const version = await debian.run(['toolforge-jobs', '--version'], { user: 'nobody', env });
    expect(version).toEqual({ code: 0, stdout: `toolforge-jobs/${manifest.version}\n`, stderr: '' });
  });

  it('it is what the common command runs: where the link on the PATH leads, told who asks', async () => {
    const program = (await output('readlink', '-f', '/usr/bin/toolforge-jobs')).trim();
    const { stdout } = await debian.run([program, '--help'], { user: 'nobody', env: { TOOLFORGE_CLI: '1' } });
    expect(stdout).toContain('Usage: toolforge jobs <command>');
  });

  it('it says in words that an account is missing', async () => {
    const { code, stderr } = await debian.run(['toolforge-jobs', 'list'], { user: 'nobody', env: { HOME: '/tmp' } });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        "ERROR: Failed to load configuration, did you forget to run 'become <mytool>'? There is no /tmp/.kube/config. (TJF-X010)\n",
    });
  });

  it('it runs a job, by settings of the machine made of the example', async () => {
    const example = await output('cat', '/usr/share/doc/toolforge-jobs/examples/jobs-cli.yaml');
    const settings = example.replace(/url: .*/, `url: ${sandbox.url}`).replace(/# ca_file: .*/, 'ca_file: /tmp/ca.pem');
    await mkdir(debian.path('/etc/toolforge'));
    await writeFile(debian.path('/etc/toolforge/jobs-cli.yaml'), settings);
    await copyFile(sandbox.caFile, debian.path('/tmp/ca.pem'));
    await cp(join(sandbox.homeOf(tool), '.kube'), debian.path('/tmp/home/.kube'), { recursive: true });
    await cp(join(sandbox.homeOf(tool), '.toolskube'), debian.path('/tmp/home/.toolskube'), { recursive: true });
    const { uid, gid } = await stat(sandbox.homeOf(tool));
    await debian.run(['chown', '-R', `${uid}:${gid}`, '/tmp/home']);
    const as = { user: `${uid}:${gid}`, env: { HOME: '/tmp/home' } };
    const job = ['run', 'packaged', '--image', 'bookworm', '--command', 'true', '--wait'];
    expect(await debian.run(['toolforge-jobs', ...job], as)).toMatchObject({ code: 0, stdout: '' });
    expect((await debian.run(['toolforge-jobs', 'list', '-o', 'name'], as)).stdout).toBe('packaged\n');
  });

  it('its manual is found by its name, by that of the common command, and by what it is about', async () => {
    const page = '/usr/share/man/man1/toolforge-jobs.1.gz\n';
    expect(await output('man', '-w', 'toolforge-jobs')).toBe(page);
    expect(await output('man', '-w', 'toolforge', 'jobs')).toBe(page);
    const text = await output('man', 'toolforge-jobs');
    expect(text).toMatch(/^NAME\n {7}toolforge-jobs +- run one-off/m);
    expect(text).toMatch(/^ {7}--health-check-http <path>$/m);
    const found = (await output('apropos', 'toolforge-jobs')).match(/^\S+ \(\d\)/gm);
    expect(found).toEqual(['toolforge-jobs (1)', 'toolforge-jobs-file (5)', 'toolforge-jobs-settings (5)']);
  });

  it('every page that another one names is there', async () => {
    const directory = '/usr/share/doc/toolforge-jobs';
    const names = (await output('ls', directory)).split('\n');
    const linked = (await output('sh', '-c', `cat ${directory}/*.md`)).matchAll(/\]\((?!https:)([^)#]+)\)/g);
    const named = (await output('man', 'toolforge-jobs')).matchAll(/\b([a-z-]+\.(?:md|json))\b/g);
    const pages = [...linked, ...named].map(([, page]) => page as string);
    expect(pages).toContain('errors.md');
    expect(pages.filter((page) => !names.includes(page))).toEqual([]);
  });

  it('it is completed in every shell, without a line in the files of the user', async () => {
    const bash = '. /usr/share/bash-completion/bash_completion; _comp_load toolforge-jobs; complete -p toolforge-jobs';
    expect(await output('bash', '-c', bash)).toBe('complete -F _toolforge_jobs toolforge-jobs\n');
    const zsh = 'autoload -U compinit; compinit -D; autoload +X _toolforge-jobs; print $_comps[toolforge-jobs]';
    expect(await output('zsh', '-fc', zsh)).toBe('_toolforge-jobs\n');
    const env = { HOME: '/tmp/fish' };
    const { stdout } = await debian.run(['fish', '-c', 'complete -C "toolforge-jobs res"'], { env });
    expect(stdout).toMatch(/^restart\t/);
  });

  it('its client is a module of Node.js, of either kind', async () => {
    const required = "console.log(typeof require('toolforge-jobs/client').connect)";
    expect(await debian.run(['node', '-e', required])).toEqual({ code: 0, stdout: 'function\n', stderr: '' });
    const path = '/usr/share/nodejs/toolforge-jobs/dist/client.js';
    const imported = `import { connect } from '${path}'; console.log(typeof connect)`;
    const { stdout } = await debian.run(['node', '--input-type=module', '-e', imported]);
    expect(stdout).toBe('function\n');
  });
});

describe('in the end', () => {
  it('an upgrade is the next version, and nothing of the one before', async () => {
    expect(await apt('install', inside(next))).toContain(`(${nextVersion}) over (${manifest.version})`);
    expect(await output('toolforge-jobs', '--version')).toBe(`toolforge-jobs/${nextVersion}\n`);
    const owned = (await output('dpkg', '-L', 'toolforge-jobs')).trim().split('\n');
    const ours = (await output('find', '/usr', '-name', '*toolforge[-_]jobs*', '-not', '-type', 'd'))
      .trim()
      .split('\n');
    expect(ours.filter((path) => !owned.includes(path))).toEqual([]);
  });

  it('a removal leaves nothing but what the operator has written, and the records of the package managers', async () => {
    await apt('purge', 'toolforge-jobs', 'toolforge-jobs-framework-cli');
    const records = /^var\/(lib\/(apt\/|dpkg\/(lock|status|triggers))|cache\/(apt|man)\/|log\/)/;
    const files = (lines: readonly string[]) => lines.filter((line) => !records.test(line));
    const now = files(await debian.list());
    const before = files(asNew.files);
    expect(before.filter((line) => !now.includes(line))).toEqual([]);
    const left = now.filter((line) => !before.includes(line)).map((line) => line.split('\t')[0]);
    expect(left).toEqual(['etc/toolforge', 'etc/toolforge/jobs-cli.yaml']);
    expect(await statusOfPackages()).toBe(asNew.status);
  });
});
