/** The daemon behind Debian's nginx and haproxy, with the configurations that are shipped: haproxy -> nginx (two of them) -> unix socket. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { run as runCommand } from '../cluster/run.ts';
import { attribute, createAuthority, toolSubject } from '../support/certs.ts';
import { type DebianTree, debianTree } from '../support/debian-packages.ts';
import { repositoryRoot } from '../support/repository-root.ts';
import { createSandbox, freePort, type Sandbox, until } from '../support/sandbox.ts';

const cluster = inject('cluster');
const run = promisify(execFile);
const tool = 'fronted';
const other = 'fronted-two';
/** Trusted by nginx beside the cluster's, so that a test can make certificates that nginx knows and the daemon does not. */
const authority = createAuthority('front');
const started: ChildProcess[] = [];
let sandbox: Sandbox;
let direct: Sandbox;
let dir: string;
let trees: { nginx: DebianTree; haproxy: DebianTree };
let ports: { front: number; nginx: number[] };
let nginx: ChildProcess[];

beforeAll(async () => {
  dir = join(cluster.stateDir, 'front');
  await mkdir(dir, { recursive: true });
  trees = { nginx: await debianTree('nginx'), haproxy: await debianTree('haproxy') };
  ports = { front: await freePort(), nginx: [await freePort(), await freePort()] };
  direct = await createSandbox({ cluster, dir, name: 'flow-front', unix: true });
  sandbox = await createSandbox({
    cluster,
    dir: join(dir, 'users'),
    name: 'flow-front-users',
    at: { url: `https://127.0.0.1:${ports.front}`, caFile: direct.caFile },
  });
  await Promise.all([tool, other].map((name) => sandbox.addTool(name)));
  await direct.start();
  await writeFile(join(dir, 'clients.crt'), `${await readFile(cluster.caFile, 'utf8')}\n${authority.cert}`);
  nginx = await Promise.all(ports.nginx.map(startNginx));
  await startHaproxy();
  await until(async () => (await sandbox.jobs(tool, 'list')).code === 0, 'the front answers');
}, 120_000);

afterAll(async () => {
  await Promise.all(started.map(end));
  await direct?.stop();
  await Promise.all([tool, other].map((name) => sandbox?.removeTool(name)));
});

async function start(program: string, args: string[], tree: DebianTree, log: string): Promise<ChildProcess> {
  const fd = openSync(log, 'a');
  const env = { PATH: process.env.PATH ?? '', LD_LIBRARY_PATH: tree.libraries };
  const child = spawn(join(tree.root, program), args, { env, stdio: ['ignore', fd, fd] });
  closeSync(fd);
  started.push(child);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

const logOf = (port: number) => join(dir, `nginx-${port}.log`);

/** The shipped file, with the paths of this machine in the place of those it names. */
async function startNginx(port: number): Promise<ChildProcess> {
  const own = join(dir, `nginx-${port}`);
  await mkdir(own, { recursive: true });
  const text = (await readFile(join(repositoryRoot, 'config/nginx/nginx.conf'), 'utf8'))
    .replaceAll('/etc/toolforge-jobs/tls/tls.crt', join(dir, 'server.crt'))
    .replaceAll('/etc/toolforge-jobs/tls/tls.key', join(dir, 'server.key'))
    .replaceAll('/var/run/secrets/kubernetes.io/serviceaccount/ca.crt', join(dir, 'clients.crt'))
    .replaceAll('/run/toolforge-jobs/front/jobsd.sock', direct.socketPath ?? '')
    .replaceAll('/run/toolforge-jobs-nginx', own)
    // Node's pipes are sockets, which cannot be opened by that name.
    .replaceAll('/dev/stdout', logOf(port))
    .replaceAll('listen 30001', `listen 127.0.0.1:${port}`);
  const file = join(own, 'nginx.conf');
  await writeFile(file, text);
  // The socket's directory is root's and its group's.
  const args = ['-c', file, '-p', own, '-g', 'user root;'];
  const env = { PATH: process.env.PATH ?? '', LD_LIBRARY_PATH: trees.nginx.libraries };
  const { stderr } = await run(join(trees.nginx.root, 'usr/sbin/nginx'), ['-t', ...args], { env });
  expect(stderr).toContain('test is successful');
  return start('usr/sbin/nginx', args, trees.nginx, logOf(port));
}

async function startHaproxy(): Promise<void> {
  const [first, second] = ports.nginx;
  const text = (await readFile(join(repositoryRoot, 'config/haproxy/haproxy.cfg'), 'utf8'))
    .replace('bind :30001', `bind 127.0.0.1:${ports.front}`)
    .replace('node-1.example.org:30001', `127.0.0.1:${first}`)
    .replace('node-2.example.org:30001', `127.0.0.1:${second}`)
    .replace('node-3.example.org:30001', `127.0.0.1:${await freePort()}`);
  const file = join(dir, 'haproxy.cfg');
  await writeFile(file, text);
  const env = { LD_LIBRARY_PATH: trees.haproxy.libraries };
  await runCommand(join(trees.haproxy.root, 'usr/sbin/haproxy'), ['-c', '-f', file], { env });
  await start('usr/sbin/haproxy', ['-db', '-f', file], trees.haproxy, join(dir, 'haproxy.log'));
}

interface Asked {
  readonly cert?: string;
  readonly key?: string;
  readonly headers?: Record<string, string>;
}

/** Through haproxy, over a connection of its own. */
async function ask(path: string, { cert, key, headers = {} }: Asked = {}): Promise<{ status: number; text: string }> {
  const pair = cert && key ? { cert, key } : {};
  const outgoing = request(`${sandbox.url}${path}`, { ...pair, headers, rejectUnauthorized: false, agent: false });
  outgoing.end();
  const [answer] = await once(outgoing, 'response');
  let text = '';
  for await (const part of answer) text += part;
  return { status: answer.statusCode, text };
}

async function pairOf(name: string): Promise<{ cert: string; key: string }> {
  const read = (file: string) => readFile(join(sandbox.homeOf(name), '.toolskube', file), 'utf8');
  return { cert: await read('client.crt'), key: await read('client.key') };
}

describe('behind nginx and haproxy', () => {
  it('a tool runs a job and follows its log', async () => {
    const command = 'for n in 1 2 3; do echo line $n; sleep 0.3; done';
    const words = ['run', 'first', '--image', 'bookworm', '--command', command, '--wait', '--logs'];
    const ran = await sandbox.jobs(tool, ...words);
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain('line 3');
    expect((await sandbox.jobs(tool, 'list')).stdout).toContain('first');
  });

  it('whoever shows no certificate is told so by nginx, as the manual has it', async () => {
    const { stdout } = await run('curl', ['-sk', '-w', '\n%{http_code}', `${sandbox.url}/api/v1/list/`]);
    expect(stdout).toMatch(/No required SSL certificate was sent[\s\S]*nginx[\s\S]*\n400$/);
  });

  it('a header that says another name gains nothing, however it is written', async () => {
    const pair = await pairOf(other);
    for (const name of ['ssl-client-subject-dn', 'SSL-Client-Subject-DN', 'ssl_client_subject_dn', 'ssl-client-cert']) {
      const headers = { [name]: `CN=${tool},O=toolforge` };
      const own = await ask('/api/v1/list/', { ...pair, headers });
      expect([name, own.status, own.text.trim()]).toEqual([name, 200, '[]']);
      expect((await ask(`/v1/tool/${tool}/jobs`, { ...pair, headers })).status).toBe(403);
    }
  });

  it('a certificate of another authority gains nothing, and one that only nginx knows neither', async () => {
    const stranger = createAuthority('stranger').issue({ subject: toolSubject(tool) });
    expect((await ask('/api/v1/list/', stranger)).status).toBe(400);
    const known = authority.issue({ subject: toolSubject(tool) });
    expect((await ask('/api/v1/list/', known)).status).toBe(401);
    const odd = authority.issue({ subject: [attribute('CN', tool)] });
    expect((await ask('/api/v1/list/', odd)).status).toBeGreaterThanOrEqual(400);
  });

  it('a session whose certificate has ended since is not taken up again', async () => {
    const { cert, key } = authority.issue({ subject: toolSubject(tool), notAfter: new Date(Date.now() + 3_000) });
    const [port = 0] = ports.nginx;
    const attempt = (session?: Buffer) =>
      new Promise<{ answer: string; session: Buffer | undefined; isReused: boolean }>((resolve, reject) => {
        let answer = '';
        let isReused = false;
        const options = {
          host: '127.0.0.1',
          port,
          cert,
          key,
          rejectUnauthorized: false,
          maxVersion: 'TLSv1.2' as const,
        };
        const socket = connect({ ...options, ...(session ? { session } : {}) }, () => {
          isReused = socket.isSessionReused();
          socket.write('GET /api/v1/list/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
        });
        let kept = socket.getSession();
        socket.on('session', (one: Buffer) => {
          kept = one;
        });
        socket.setEncoding('utf8').on('data', (part: string) => {
          answer += part;
        });
        socket.once('error', reject);
        socket.once('close', () => resolve({ answer, session: kept, isReused }));
      });
    const first = await attempt();
    // nginx lets it in; the daemon does not know the authority.
    expect(first.answer).toMatch(/^HTTP\/1\.1 401 /);
    const later = await until(async () => {
      const again = await attempt(first.session);
      return again.answer.startsWith('HTTP/1.1 400 ') ? again : undefined;
    }, 'the certificate has ended');
    expect(later.isReused).toBe(false);
    expect(later.answer).toContain('The SSL certificate error');
  });

  it('an nginx that has gone is left out, and requests go on', async () => {
    await end(nginx[0] as ChildProcess);
    await until(
      async () => (await readFile(join(dir, 'haproxy.log'), 'utf8')).includes('jobs-nodes/node-1 is DOWN'),
      'it is noticed',
    );
    for (let turn = 0; turn < 5; turn += 1) expect((await sandbox.jobs(tool, 'list')).code).toBe(0);
  });

  it('the log has a line for each request, in the shape that everybody reads', async () => {
    const texts = await Promise.all(ports.nginx.map((port) => readFile(logOf(port), 'utf8')));
    const line =
      /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:[\d:]{8} [+-]\d{4}\] "GET \/api\/v1\/list\/ HTTP\/1\.1" 200 3 "-" ".*"$/m;
    expect(texts.join('')).toMatch(line);
    expect(texts.join('')).not.toMatch(/\[(error|crit|alert|emerg)\]/);
  });
});
