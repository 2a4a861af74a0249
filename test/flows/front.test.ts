/** The daemon behind Debian's nginx and haproxy, with the configurations that are shipped: haproxy -> nginx (two of them) -> unix socket. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { attribute, createAuthority, type Issued, toolSubject } from '../support/certs.ts';
import { type DebianTree, debianTree } from '../support/debian-packages.ts';
import { cluster } from '../support/flow-cluster.ts';
import { type Haproxy, startHaproxy } from '../support/haproxy.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { streamLogs } from '../support/log-stream.ts';
import { createSandbox, freePort, type Sandbox, until } from '../support/sandbox.ts';
import { shippedFile } from '../support/shipped-file.ts';

const run = promisify(execFile);
const tool = 'fronted';
const other = 'fronted-two';
/** Trusted by nginx and by the daemon, beside the cluster's: nothing else makes certificates that end within seconds. */
const authority = createAuthority('front', { notAfter: new Date(Date.now() + 30 * 24 * 3_600_000) });
/** Trusted by nginx alone. */
const onlyFront = createAuthority('only the front');
const versions = ['TLSv1.2', 'TLSv1.3'] as const;
const started: ChildProcess[] = [];
let sandbox: Sandbox;
let direct: Sandbox;
let dir: string;
let tree: DebianTree;
let haproxy: Haproxy;
let ports: { front: number; nginx: number[] };
let nginx: ChildProcess[];
let ageing: Ageing;

beforeAll(async () => {
  dir = join(cluster.stateDir, 'front');
  await mkdir(dir, { recursive: true });
  tree = await debianTree('nginx');
  ports = { front: await freePort(), nginx: [await freePort(), await freePort()] };
  direct = await createSandbox({ cluster, dir, name: 'flow-front', unix: true });
  sandbox = await createSandbox({
    cluster,
    dir: join(dir, 'users'),
    name: 'flow-front-users',
    at: { url: `https://127.0.0.1:${ports.front}`, caFile: direct.caFile },
  });
  await Promise.all([tool, other].map((name) => sandbox.addTool(name)));
  const trusted = `${await readFile(cluster.caFile, 'utf8')}\n${authority.cert}`;
  await writeFile(join(dir, 'tools.crt'), trusted);
  await writeFile(join(dir, 'clients.crt'), `${trusted}\n${onlyFront.cert}`);
  // The socket alone: nobody reaches the daemon but through nginx.
  const config = join(dir, 'jobsd.yaml');
  const { listen, ...startup } = parse(await readFile(config, 'utf8'));
  const unix = { ...listen.unix, client_ca: join(dir, 'tools.crt') };
  await writeFile(config, stringify({ ...startup, listen: { unix, health: listen.health } }));
  await direct.start();
  nginx = await Promise.all(ports.nginx.map(startNginx));
  const [first, second] = ports.nginx.map((port) => `127.0.0.1:${port}`) as [string, string];
  haproxy = await startHaproxy({ dir, port: ports.front, nodes: [first, second, `127.0.0.1:${await freePort()}`] });
  await until(async () => (await sandbox.jobs(tool, 'list')).code === 0, 'the front answers');
  ageing = await startAgeing();
}, 120_000);

afterAll(async () => {
  ageing?.agent.destroy();
  await haproxy?.stop();
  await Promise.all(started.map(end));
  await direct?.stop();
  await Promise.all([tool, other].map((name) => sandbox?.removeTool(name)));
});

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
  const paths = {
    '/etc/toolforge-jobs/tls/tls.crt': join(dir, 'server.crt'),
    '/etc/toolforge-jobs/tls/tls.key': join(dir, 'server.key'),
    '/etc/toolforge-jobs/client-ca.crt': join(dir, 'clients.crt'),
    '/run/toolforge-jobs/front/api.sock': direct.socketPath ?? '',
    '/run/toolforge-jobs-nginx': own,
    // Node's pipes are sockets, which cannot be opened by that name.
    '/dev/stdout': logOf(port),
    'listen 30001': `listen 127.0.0.1:${port}`,
    // All of the sandbox lies in a directory that is root's alone.
    'user www-data;': 'user root;',
  };
  const file = join(own, 'nginx.conf');
  await writeFile(file, await shippedFile('config/nginx/nginx.conf', paths));
  const args = ['-c', file, '-p', own];
  const program = join(tree.root, 'usr/sbin/nginx');
  const env = { PATH: process.env.PATH ?? '', LD_LIBRARY_PATH: tree.libraries };
  const { stderr } = await run(program, ['-t', ...args], { env });
  expect(stderr).toContain('test is successful');
  const log = openSync(logOf(port), 'a');
  const child = spawn(program, args, { env, stdio: ['ignore', log, log] });
  closeSync(log);
  started.push(child);
  return child;
}

interface Asked {
  readonly cert?: string;
  readonly key?: string;
  readonly headers?: Record<string, string>;
  /** Unset: that of haproxy. */
  readonly port?: number;
  /** Unset: a connection of its own. */
  readonly agent?: Agent;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** Whether the connection was there before. */
  readonly isReused: boolean;
}

async function ask(path: string, asked: Asked = {}): Promise<Answer> {
  const { cert, key, headers = {}, port = ports.front, agent = false } = asked;
  const pair = cert && key ? { cert, key } : {};
  const outgoing = request({ port, path, ...pair, headers, rejectUnauthorized: false, agent });
  outgoing.end();
  const [answer] = await once(outgoing, 'response');
  let text = '';
  for await (const part of answer) text += part;
  return { status: answer.statusCode, text, isReused: outgoing.reusedSocket };
}

async function pairOf(name: string): Promise<{ cert: string; key: string }> {
  const read = (file: string) => readFile(join(sandbox.homeOf(name), '.toolskube', file), 'utf8');
  return { cert: await read('client.crt'), key: await read('client.key') };
}

type Version = (typeof versions)[number];

/** Connections and sessions of a certificate that soon ends; each was good for an answer. */
interface Ageing extends Issued {
  readonly sessions: ReadonlyMap<Version, Buffer>;
  /** Holds a connection that stays. */
  readonly agent: Agent;
}

const ageingPort = () => ports.nginx[1] as number;

async function startAgeing(): Promise<Ageing> {
  const pair = authority.issue({ subject: toolSubject(other), notAfter: new Date(Date.now() + 5_000) });
  const sessions = new Map<Version, Buffer>();
  for (const version of versions) {
    const { answer, session } = await askRaw(pair, version);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    if (session) sessions.set(version, session);
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  expect(await ask('/api/v1/list/', { ...pair, agent, port: ageingPort() })).toMatchObject({ status: 200 });
  return { ...pair, sessions, agent };
}

/** One request over one version of TLS, with a session to take up if there is one. */
function askRaw(
  { cert, key }: Issued,
  version: Version,
  session?: Buffer,
): Promise<{ answer: string; session: Buffer | undefined; isSessionReused: boolean }> {
  return new Promise((resolve, reject) => {
    let answer = '';
    let isSessionReused = false;
    const only = { minVersion: version, maxVersion: version, rejectUnauthorized: false };
    const socket = connect({ port: ageingPort(), cert, key, ...only, ...(session ? { session } : {}) }, () => {
      isSessionReused = socket.isSessionReused();
      socket.write('GET /api/v1/list/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    });
    let latest: Buffer | undefined;
    socket.on('session', (one: Buffer) => {
      latest = one;
    });
    socket.setEncoding('utf8').on('data', (part: string) => {
      // TLS 1.2 has it with the handshake, TLS 1.3 some time after.
      latest ??= socket.getSession();
      answer += part;
    });
    socket.once('error', reject);
    socket.once('close', () => resolve({ answer, session: latest, isSessionReused }));
  });
}

describe('behind nginx and haproxy', () => {
  it('a tool runs a job, and what it writes comes as it is written', async () => {
    const hold = (name: string) => `until [ -e ~/${name} ]; do sleep 0.1; done`;
    const command = `echo one; ${hold('go-two')}; echo two; ${hold('go-three')}; echo three`;
    const ran = await sandbox.jobs(tool, 'run', 'first', '--image', 'bookworm', '--command', command);
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    const path = `${jobsPath(tool)}/first/logs?follow=true`;
    const stream = await until(async () => {
      const one = await streamLogs(sandbox, tool, path);
      if (one.status === 200) return one;
      one.close();
      return undefined;
    }, 'the log can be followed');
    // The first line may come with the headers; the second one has to come by itself, while the job waits.
    for (const line of ['one', 'two', 'three']) {
      if (line !== 'one') await writeFile(join(sandbox.homeOf(tool), `go-${line}`), '');
      await until(() => stream.messages().includes(line), `the line '${line}'`);
    }
    expect(await stream.ended).toBe(true);
    expect((await sandbox.jobs(tool, 'list')).stdout).toContain('first');
  });

  it('a certificate that has ended since gains nothing: neither a session nor a connection that was kept', async () => {
    const { agent, sessions, ...pair } = ageing;
    const kept = await until(async () => {
      const answer = await ask('/api/v1/list/', { ...pair, agent, port: ageingPort() });
      return answer.status === 200 ? undefined : answer;
    }, 'the certificate has ended');
    expect([kept.isReused, kept.status]).toEqual([true, 401]);
    for (const version of versions) {
      const again = await askRaw(pair, version, sessions.get(version));
      expect([version, again.isSessionReused]).toEqual([version, false]);
      expect(again.answer).toMatch(/^HTTP\/1\.1 401 /);
    }
  });

  it('whoever shows no certificate is told so by nginx, as the manual has it', async () => {
    const { stdout } = await run('curl', ['-sk', '-w', '\n%{http_code}', `${sandbox.url}/api/v1/list/`]);
    expect(stdout).toMatch(/No required SSL certificate was sent[\s\S]*nginx[\s\S]*\n400$/);
  });

  it('the doctor finds nothing wrong', async () => {
    const { code, stdout } = await direct.admin('doctor', '--url', sandbox.url);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Nothing is wrong.')]);
  });

  it('a header that says another name gains nothing, however it is written', async () => {
    const pair = await pairOf(other);
    const { cert } = await pairOf(tool);
    const stranger = createAuthority('stranger').issue({ subject: toolSubject(tool) });
    const spoofed: Record<string, string>[] = [
      { 'ssl-client-subject-dn': `CN=${tool},O=toolforge` },
      { 'SSL-Client-Subject-DN': `CN=${tool},O=toolforge` },
      { ssl_client_subject_dn: `CN=${tool},O=toolforge` },
      { 'Ssl-Client_Subject-DN': `CN=${tool},O=toolforge` },
      { 'ssl-client-verify': 'SUCCESS' },
      { 'ssl-client-cert': encodeURIComponent(cert) },
      {
        'ssl-client-subject-dn': `CN=${tool},O=toolforge`,
        'ssl-client-verify': 'SUCCESS',
        'ssl-client-cert': encodeURIComponent(cert),
      },
    ];
    for (const headers of spoofed) {
      const own = await ask('/api/v1/list/', { ...pair, headers });
      expect([headers, own.status, own.text.trim()]).toEqual([headers, 200, '[]']);
      const theirs = await ask(jobsPath(tool), { ...pair, headers });
      expect([headers, theirs.status]).toEqual([headers, 403]);
      const without = await ask(jobsPath(tool), { headers });
      expect([headers, without.status]).toEqual([headers, 400]);
      const strange = await ask(jobsPath(tool), { ...stranger, headers });
      expect([headers, strange.status]).toEqual([headers, 401]);
    }
    // Nor can a client have the next hop drop what nginx says, or name a tool in the header of another front.
    const dropping = { connection: 'close, ssl-client-verify, ssl-client-cert' };
    expect((await ask(jobsPath(tool), { ...pair, headers: dropping })).status).toBe(403);
    expect((await ask(jobsPath(tool), { ...pair, headers: { 'x-toolforge-tool': tool } })).status).toBe(400);
  });

  it('a certificate that is foreign, has ended, or is known to nginx alone gains nothing', async () => {
    const subject = toolSubject(tool);
    const ended = authority.issue({ subject, notAfter: new Date(Date.now() - 60_000) });
    const unknown = 'The client certificate was not issued by the authority of this service.';
    const cases: [Issued, string][] = [
      [createAuthority('stranger').issue({ subject }), unknown],
      [onlyFront.issue({ subject }), unknown],
      [ended, 'The client certificate has expired. The operators of the service renew it: tell them.'],
    ];
    for (const [pair, words] of cases) {
      const { status, text } = await ask(jobsPath(tool), pair);
      expect([status, JSON.parse(text)]).toMatchObject([401, { code: 'caller.unauthenticated', error: [words] }]);
    }
    const odd = authority.issue({ subject: [attribute('CN', tool)] });
    expect((await ask(jobsPath(tool), odd)).status).toBe(403);
  });

  it('an nginx that has gone is left out and taken in again, and requests go on', async () => {
    const lists = async () => expect((await sandbox.jobs(tool, 'list')).code).toBe(0);
    const said = async (words: string) => (await readFile(haproxy.logFile, 'utf8')).includes(words);
    await end(nginx[0] as ChildProcess);
    await lists();
    await until(() => said('jobs-nodes/node-1 is DOWN'), 'haproxy notices that it is gone');
    for (let turn = 0; turn < 3; turn += 1) await lists();
    nginx[0] = await startNginx(ports.nginx[0] as number);
    await until(() => said('jobs-nodes/node-1 is UP'), 'haproxy notices that it is back');
    await lists();
  });

  it('the log has a line for each request, in the shape that everybody reads', async () => {
    const texts = await Promise.all(ports.nginx.map((port) => readFile(logOf(port), 'utf8')));
    const line =
      /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:[\d:]{8} [+-]\d{4}\] "GET \/api\/v1\/list\/ HTTP\/1\.1" 200 3 "-" ".*"$/m;
    expect(texts.join('')).toMatch(line);
    expect(texts.join('')).not.toMatch(/\[(warn|error|crit|alert|emerg)\]/);
  });
});
