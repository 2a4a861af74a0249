import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltDoor, buildDoor } from '../support/build-door.ts';

let door: BuiltDoor;
beforeAll(async () => {
  door = await buildDoor('admin', ['@kubernetes/client-node']);
});
afterAll(() => door.remove());

function admin(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [door.path, ...args], { env: {} }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

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
      const { code, stderr } = await admin('tool', 'add', name, '--kubeconfig', '/nonexistent');
      expect(stderr).toContain('A tool name has');
      expect(stderr).not.toContain('nonexistent');
      expect(code).toBe(1);
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
});
