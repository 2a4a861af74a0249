import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltDoor, buildDoor } from '../support/build-door.ts';
import { type Authority, createAuthority, issueServer, toolSubject } from '../support/certs.ts';

let door: BuiltDoor;
let directory: string;
beforeAll(async () => {
  [door, directory] = await Promise.all([buildDoor('jobsd'), mkdtemp(join(tmpdir(), 'jobsd-'))]);
});
afterAll(() => Promise.all([door.remove(), rm(directory, { recursive: true })]));

function jobsd(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [door.path, ...args], { env: {} }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

async function jobsdWith(name: string, text: string): ReturnType<typeof jobsd> {
  const path = join(directory, name);
  await writeFile(path, text);
  return jobsd('--config', path);
}

const wrong = `
listen:
  tls: { port: 70000, cert: tls.crt, key: /tls.key, client_ca: /ca.crt }
  health: { port: 9000 }
kubernetes: { act_as: root }
homes: {}
colour: blue
`;

const right = `
listen:
  tls: { port: 0, cert: /tls.crt, key: /tls.key, client_ca: /ca.crt }
  health: { port: 0 }
kubernetes: { kubeconfig: /nonexistent/kubeconfig }
homes: {}
`;

function kubeconfigOf({ cert, issue }: Authority): string {
  const own = issue({ subject: toolSubject('jobsd') });
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return JSON.stringify({
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'jobsd' } }],
    clusters: [
      { name: 'here', cluster: { server: 'https://127.0.0.1:1', 'certificate-authority-data': base64(cert) } },
    ],
    users: [
      {
        name: 'jobsd',
        user: { 'client-certificate-data': base64(own.cert), 'client-key-data': base64(own.key) },
      },
    ],
  });
}

describe('toolforge-jobsd', { concurrent: true, timeout: 20_000 }, () => {
  it('ends with 78 and names every problem of a bad start-up file, a line each', async () => {
    const { code, stderr, stdout } = await jobsdWith('wrong.yaml', wrong);
    expect(code).toBe(78);
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^listen\.tls\.port: /),
      expect.stringMatching(/^listen\.tls\.cert: /),
      expect.stringMatching(/^kubernetes\.act_as: /),
      expect.stringMatching(/colour/),
    ]);
    const lines = stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'error', msg: 'the daemon cannot start', err: { code: 'settings.invalid' } },
    ]);
  });

  it('ends with 78 when the start-up file cannot be read', async () => {
    const { code, stderr } = await jobsd('--config', '/nonexistent/jobsd.yaml');
    expect([code, stderr]).toEqual([78, 'The start-up file /nonexistent/jobsd.yaml cannot be read.\n']);
  });

  it('ends with 78 when a file that it names cannot be read', async () => {
    const { code, stderr } = await jobsdWith('right.yaml', right);
    expect([code, stderr]).toEqual([78, '/nonexistent/kubeconfig cannot be read.\n']);
  });

  it('ends with 78 when its client CA holds no root, since TLS would believe nobody', async () => {
    const [root, own] = [createAuthority('root'), issueServer(createAuthority('own'))];
    const files = {
      'below.crt': createAuthority('below', { by: root }).cert,
      'tls.crt': own.cert,
      'tls.key': own.key,
      kubeconfig: kubeconfigOf(root),
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    const { code, stderr } = await jobsdWith(
      'below.yaml',
      `
listen:
  tls: { port: 0, cert: ${directory}/tls.crt, key: ${directory}/tls.key, client_ca: ${directory}/below.crt }
  health: { port: 0 }
kubernetes: { kubeconfig: ${directory}/kubeconfig }
state_dir: ${directory}/state
homes: {}
`,
    );
    expect([code, stderr]).toEqual([
      78,
      `${directory}/below.crt: none of its certificates is a root (one that has signed itself)\n`,
    ]);
  });

  it.each([[[]], [['--colour']]])('ends with 78 and says how to call it: %j', async (args) => {
    const { code, stderr, stdout } = await jobsd(...args);
    expect(stderr).toContain('Usage: toolforge-jobsd --config FILE');
    expect([code, stdout]).toEqual([78, '']);
  });

  it('shows its version with 0', async () => {
    const { code, stdout } = await jobsd('--version');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
  });
});
