/** Who gets in, on the running daemon: certificates good, bad, absent, renewed and revoked. */
import { execFile } from 'node:child_process';
import { readFileSync as readSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { readAudit } from '../support/audit.ts';
import { cluster } from '../support/flow-cluster.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const run = promisify(execFile);
let sandbox: Sandbox;
let client: ApiClient;
const base = '/v1/tool/identity/jobs';

beforeAll(async () => {
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'identity'),
    name: 'flow-identity',
    settings: { requests_per_second_per_tool: '1000' },
  });
  await sandbox.addTool('identity');
  await sandbox.start();
  client = apiClient(sandbox, 'identity');
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await sandbox?.removeTool('identity');
});

describe('the listener', () => {
  it('answers a call without a certificate with 400 and one sentence, whatever the path', async () => {
    const nobody = apiClient(sandbox, undefined);
    for (const path of ['/api/v1/list/', base, '/openapi.json', '/healthz', '/metrics', '/nothing']) {
      const answer = await nobody.call('GET', path);
      expect(answer.status).toBe(400);
      expect(answer.text).toContain('No required SSL certificate was sent');
    }
    nobody.close();
  });

  it('answers a certificate of another authority with 401', async () => {
    const [cert, key] = [join(sandbox.dir, 'stranger.crt'), join(sandbox.dir, 'stranger.key')];
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
      '-subj',
      '/O=toolforge/CN=identity',
      '-keyout',
      key,
      '-out',
      cert,
    ]);
    const status = await new Promise((resolve, reject) => {
      const outgoing = request(
        `${sandbox.url}${base}`,
        { ca: caOf(), cert: readSync(cert), key: readSync(key) },
        (incoming) => {
          incoming.resume();
          resolve(incoming.statusCode);
        },
      );
      outgoing.on('error', reject);
      outgoing.end();
    });
    expect(status).toBe(401);
  });

  it('never takes an identity from a header', async () => {
    for (const name of ['ssl-client-subject-dn', 'SSL_Client_Subject_DN', 'x-toolforge-tool', 'impersonate-user']) {
      const answer = await client.call('GET', base, { headers: { [name]: 'CN=other,O=toolforge' } });
      expect(answer.status).toBe(400);
    }
  });

  it('keeps health, readiness and metrics on a listener of their own', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const { stdout } = await run('curl', [
        '-sS',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
        `${sandbox.healthUrl}${path}`,
      ]);
      expect(stdout).toBe('200');
    }
    const metrics = await run('curl', ['-sS', `${sandbox.healthUrl}/metrics`]);
    expect(metrics.stdout).toContain('jobs_view_age_seconds');
  });
});

describe('a certificate renewed on disk', () => {
  it('is in use within 5 s, and no request fails while it is replaced under load', async () => {
    const before = await readFile(join(sandbox.homeOf('identity'), '.toolskube/client.crt'), 'utf8');
    const failures: string[] = [];
    let stop = false;
    let calls = 0;
    const load = [0, 1, 2, 3].map(async (worker) => {
      const own = apiClient(sandbox, 'identity');
      for (let round = 0; !stop; round++) {
        const name = `load-${worker}-${round}`;
        const created = await own.call('POST', base, {
          body: { name, cmd: 'date', imagename: 'bookworm', schedule: '@yearly' },
        });
        if (created.status !== 201) failures.push(`${created.status} ${created.text}`);
        const deleted = await own.call('DELETE', `${base}/${name}`);
        if (deleted.status !== 200) failures.push(`${deleted.status} ${deleted.text}`);
        calls += 2;
      }
      own.close();
    });
    await until(() => calls > 40, 'the load flows');
    const timesInUse = async () =>
      (await readFile(sandbox.logFile, 'utf8')).match(/the certificate of the tool is in use/g)?.length ?? 0;
    for (let round = 0; round < 3; round++) {
      const [known, from] = [await timesInUse(), calls];
      expect((await sandbox.admin('tool', 'add', 'identity', '--renew')).code).toBe(0);
      await until(async () => (await timesInUse()) > known, 'the new certificate is in use', 5_000);
      await until(() => calls > from + 20, 'the load goes on');
    }
    stop = true;
    await Promise.all(load);
    expect(failures).toEqual([]);
    expect(await readFile(join(sandbox.homeOf('identity'), '.toolskube/client.crt'), 'utf8')).not.toBe(before);
  });
});

describe('a kubeconfig in a home', () => {
  it('is never obeyed', async () => {
    const path = join(sandbox.homeOf('identity'), '.kube/config');
    const original = await readFile(path, 'utf8');
    await writeFile(
      path,
      original
        .replace(/server: .*/g, 'server: https://127.0.0.1:1')
        .replace(/client-certificate: .*/g, 'client-certificate: /etc/passwd'),
    );
    const answer = await client.call('POST', base, {
      body: { name: 'unmoved', cmd: 'date', imagename: 'bookworm', schedule: '@yearly' },
    });
    await writeFile(path, original);
    expect(answer.status).toBe(201);
  });
});

describe('a tool that is disabled', () => {
  it('can do nothing in the cluster any more, and everything again once it is added', async () => {
    expect((await sandbox.admin('tool', 'disable', 'identity')).code).toBe(0);
    const refused = await until(async () => {
      const answer = await client.call('POST', base, {
        body: { name: 'late', cmd: 'date', imagename: 'bookworm', schedule: '@yearly' },
      });
      if (answer.status === 201) await client.call('DELETE', `${base}/late`);
      return answer.status === 403 ? answer : undefined;
    }, 'writes are refused');
    expect(refused.json().code).toBe('kube.forbidden');
    await sandbox.addTool('identity');
    await until(
      async () =>
        (
          await client.call('POST', base, {
            body: { name: 'late', cmd: 'date', imagename: 'bookworm', schedule: '@yearly' },
          })
        ).status === 201,
      'writes work again',
    );
  });
});

describe('impersonation mode', () => {
  it('sends the tool as Impersonate-User with the daemon’s own credentials', async () => {
    const other = await createSandbox({
      cluster,
      dir: join(cluster.stateDir, 'impersonation'),
      name: 'flow-impersonation',
      actAs: 'impersonation',
    });
    await other.start();
    const own = apiClient({ ...other, homeOf: sandbox.homeOf }, 'identity');
    try {
      const created = await own.call('POST', base, {
        body: { name: 'as-somebody', cmd: 'date', imagename: 'bookworm', schedule: '@yearly' },
      });
      expect(created.status).toBe(201);
      const event = (await readAudit(cluster)).find(
        ({ verb, objectRef }) => verb === 'create' && objectRef?.name === 'as-somebody',
      );
      expect(event?.user.username).toBe('system:serviceaccount:jobs-api:jobs-api');
      expect(event?.impersonatedUser).toMatchObject({
        username: 'identity',
        groups: expect.arrayContaining(['toolforge']),
      });
    } finally {
      own.close();
      await other.stop();
    }
  });
});

function caOf(): Buffer {
  return readSync(sandbox.caFile);
}
