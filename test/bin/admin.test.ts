import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltDoor, buildDoor } from '../support/build-door.ts';
import { createAuthority } from '../support/certs.ts';

let door: BuiltDoor;
beforeAll(async () => {
  door = await buildDoor('admin', ['@kubernetes/client-node']);
});
afterAll(() => door.remove());

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[], input = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { env: { PATH: process.env.PATH } }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}

function admin(...args: string[]): Promise<Ended> {
  return run(process.execPath, [door.path, ...args]);
}

/** @param line of a shell, in which `"$@"` is the command */
function adminIn(line: string, ...args: string[]): Promise<Ended> {
  return run('sh', ['-c', line, 'sh', process.execPath, door.path, ...args]);
}

const authority = createAuthority('users');
const right = `
listen:
  tls: { port: 0, cert: /tls.crt, key: /tls.key, client_ca: /ca.crt }
  health: { port: 0 }
kubernetes: { kubeconfig: /kubeconfig }
homes: {}
`;

/** No file may grow beyond half a KiB, as where the disk is full. */
const onFullDisk = 'ulimit -f 1; exec "$@"';

describe('toolforge-jobs-admin', { concurrent: true, timeout: 20_000 }, () => {
  it.each([
    [[], "toolforge-jobs-admin: Say what to do, e.g. 'toolforge-jobs-admin tool list'. --help shows all."],
    [['tol', 'list'], "There is no command 'tol'. Did you mean 'tool'?"],
    [['tool', 'ad', 'x'], "There is no 'tool ad'. Did you mean 'add'?"],
    [['tool', 'rm', 'x'], "There is no 'tool rm'. Did you mean 'remove'?"],
    [['tool', 'xyzzy'], "There is no 'tool xyzzy'. --help shows all there are."],
    [['tool', 'add'], "'tool add' needs the name of a tool."],
    [['tool', 'add', 'x', '--kubeconf', 'f'], "'tool' has no option '--kubeconf'. Did you mean '--kubeconfig'?"],
    [['tool', 'add', 'a', 'b', 'c'], "'tool' does not know what to do with 'b c'."],
    [['tool', 'remove', 'x'], "This deletes all jobs of 'x'. Say --yes if you mean it."],
    [['mail', 'lst'], "There is no 'mail lst'. Did you mean 'list'?"],
    [['mail', 'list', '--state-dir', '/nonexistent'], 'No daemon answers at /nonexistent/operators/door.'],
    [['backup'], "'backup' needs a file."],
    [['restore', 'x'], 'This replaces what the state directory holds. Say --yes if you mean it.'],
    [['adopt'], 'Nothing has to be done: jobs are taken as they are. --dry-run shows what is understood of them.'],
    [['doctor', '--account', 'jobs-api'], '--account must be NAMESPACE/NAME.'],
    [['adopt', '--dry-run'], 'Say whose credentials to use: --kubeconfig FILE, or set KUBECONFIG.'],
    [['settings', 'shwo'], "There is no 'settings shwo'. Did you mean 'show'?"],
    [['settings', 'check'], "'settings check' needs a file with a ConfigMap"],
    [['settings', 'show', '--state-dir', '/nonexistent'], 'No daemon answers at /nonexistent/operators/door.'],
    [['images', 'bild'], "There is no 'images bild'. Did you mean 'build'?"],
    [['images', 'build'], "'images build' needs the directory of an image, or of a tree of them."],
    [['images', 'graph', '--push'], "'images graph' has no option '--push'."],
    [['images', 'graph', '/nonexistent'], '/nonexistent is no directory.'],
    [['images', 'build', '/', '--tag', 'newest'], "--tag must be one of testing, latest; 'newest' is not."],
    [['images', 'publish', 'x', '$(x)/y'], "'$(x)/y' is no address of an image"],
    [['images', 'publish', 'x', 'toolforge-x:latest'], "'toolforge-x:latest' is no address of an image"],
    [['images', 'publish', 'x', 'r.example.org/x'], 'Say whose credentials to use'],
    [['tool', 'list'], 'Say whose credentials to use: --kubeconfig FILE, or set KUBECONFIG.'],
    [['tool', 'list', '--kubeconfig', '/nonexistent', '--output', 'yaml'], "--output knows 'json' only."],
  ])('ends with 2 and says why: %j', async (args, words) => {
    const { code, stdout, stderr } = await admin(...args);
    expect(stderr).toContain(words);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });

  it.each(['Upper', 'a'.repeat(54), '../beta'])(
    'ends with 1 for the name %j, before it connects anywhere',
    async (name) => {
      for (const words of [
        ['tool', 'add', name],
        ['adopt', '--dry-run', '--tool', name],
      ]) {
        const { code, stderr } = await admin(...words, '--kubeconfig', '/nonexistent');
        expect(stderr).toContain('A tool name has');
        expect(stderr).not.toContain('nonexistent');
        expect(code).toBe(1);
      }
    },
  );

  it('does not let a file name drive the terminal', async () => {
    const { stderr } = await admin('tool', 'list', '--kubeconfig', '/no\u001b[2Jthing');
    expect(stderr).toContain('/no?[2Jthing');
    expect(stderr).not.toContain('\u001b');
  });

  it('shows help and version with 0', async () => {
    const [help, version] = await Promise.all([admin('tool', '--help'), admin('--version')]);
    expect(help.stdout).toContain('--delete-home');
    expect(version.stdout).toMatch(/^toolforge-jobs-admin\/\d+\.\d+\.\d+/);
    expect([help.code, version.code]).toEqual([0, 0]);
  });

  it('says nothing of a pipe that nobody reads from any more, and ends as it would have', async () => {
    expect(await adminIn('{ "$@"; echo "ended with $?" >&2; } | true', '--help')).toMatchObject({
      stderr: 'ended with 0\n',
    });
  });

  it.each([
    [['doctor', '--config'], right],
    [['images', 'publish', 'one', 'registry.example.org/one:1', '--kubeconfig'], '{}'],
  ])('takes the authorities of %s whole or not at all', async (args, text) => {
    const directory = await mkdtemp(join(tmpdir(), 'admin-ca-'));
    const [file, bundle] = ['file', 'ca.crt'].map((name) => join(directory, name)) as [string, string];
    await writeFile(file, text);
    await writeFile(bundle, `${authority.cert}${authority.cert.slice(0, -100)}`);
    const { code, stderr } = await admin(...args, file, '--ca', bundle);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${bundle}: part 2 of it is no certificate`)]);
    await rm(directory, { recursive: true });
  });

  it('reads standard input, of whatever kind that is', async () => {
    const { stdout, stderr } = await run(process.execPath, [door.path, 'settings', 'check', '-'], 'debug: "yes"\n');
    expect([stdout, stderr]).toEqual([expect.stringMatching(/^What was read can be used\.\n/), '']);
  });

  it('leaves everything as it was where the disk is full', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'full disk '));
    const [state, file] = [join(directory, 'state'), join(directory, 'jobs backup')];
    await mkdir(state);
    await writeFile(join(state, 'settings.json'), randomBytes(2_000).toString('hex'));
    const backup = await adminIn(onFullDisk, 'backup', file, '--state-dir', state);
    expect(backup).toMatchObject({ code: 1, stderr: expect.stringContaining(`${file} cannot be written.`) });
    expect(await readdir(directory)).toEqual(['state']);
    await admin('backup', file, '--state-dir', state);
    const restore = await adminIn(onFullDisk, 'restore', file, '--yes', '--state-dir', state);
    expect(restore).toMatchObject({ code: 1, stderr: expect.stringContaining('what it holds is as it was') });
    expect(await readdir(state)).toEqual(['settings.json']);
    await rm(directory, { recursive: true });
  });
});
