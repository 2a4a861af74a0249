/** A deployment that is well, then broken in ten ways, one at a time: the doctor names each, and finds it well again afterwards. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { run } from '../cluster/run.ts';
import { apiClient } from '../support/api-client.ts';
import { startApiProxy } from '../support/api-proxy.ts';
import { createAuthority, issueServer } from '../support/certs.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { cluster } from '../support/flow-cluster.ts';
import { mountHung } from '../support/hung-mount.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

const tool = 'doctored';
const map = 'flow-doctor';
let sandbox: Sandbox;
let proxy: FaultProxy;
let sink: SmtpSink;
let disk: string;

beforeAll(async () => {
  const dir = join(cluster.stateDir, 'doctor');
  disk = join(dir, 'state');
  await mkdir(disk, { recursive: true });
  // Small enough to be filled in a moment, large enough to be well.
  await run('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', disk]);
  [proxy, sink] = [await startApiProxy(cluster, 'bytes'), await startSmtpSink()];
  sandbox = await createSandbox({
    cluster,
    dir,
    name: map,
    server: `https://${proxy.host}:${proxy.port}`,
    lease: true,
    smtp: { allow: [{ host: 'mx.example.org', address: '127.0.0.1', port: sink.port }] },
  });
  await sandbox.addTool(tool);
  await sandbox.start();
});

afterAll(async () => {
  await sandbox?.stop();
  await Promise.all([proxy?.close(), sink?.stop()]);
  await run('umount', ['--lazy', disk]);
  await sandbox?.removeTool(tool);
});

const doctor = async (...more: string[]) => {
  const { code, stdout, stderr } = await sandbox.admin('doctor', ...more);
  return { code, text: stdout + stderr };
};
/** Waits until it is found, and the first that is. */
const finds = (words: RegExp, ...more: string[]) =>
  until(async () => {
    const { code, text } = await doctor(...more);
    return code === 1 && words.test(text.split('\n').find((line) => line.startsWith('WRONG')) ?? '');
  }, `the doctor finds ${words}`);
const isWell = () => until(async () => (await doctor()).code === 0, 'all is well again');
const edit = (name: string, namespace: string, data: object) =>
  kubectl(cluster, ['patch', 'configmap', name, '-n', namespace, '--type', 'merge', '-p', JSON.stringify({ data })]);

describe('the doctor', () => {
  it('finds nothing where all is well, and says what it looked at', async () => {
    const { code, text } = await doctor();
    expect(text).toContain('Nothing is wrong.');
    expect(code).toBe(0);
    expect(text.split('\n').filter((line) => line.startsWith('ok ')).length).toBeGreaterThanOrEqual(9);
  });

  it('finds a certificate that has ended', async () => {
    const names = ['server.crt', 'server.key'].map((name) => join(sandbox.dir, name));
    const before = await Promise.all(names.map((name) => readFile(name, 'utf8')));
    const place = (texts: readonly string[]) => Promise.all(names.map((name, at) => writeFile(name, texts[at] ?? '')));
    const soon = new Date(Date.now() + 4_000);
    const { cert, key } = issueServer(createAuthority('short'), soon);
    await place([cert, key]);
    process.kill(sandbox.pid(), 'SIGHUP');
    await finds(/certificate of the service ended on/);
    await place(before);
    process.kill(sandbox.pid(), 'SIGHUP');
    await isWell();
  });

  it('finds that users trust another authority', async () => {
    const other = join(sandbox.dir, 'other-ca.crt');
    await writeFile(other, createAuthority('other').cert);
    await finds(/not signed by the authority that its users trust \([A-Z_]+\)/, '--ca', other);
    const elsewhere = `https://127.0.0.2:${new URL(sandbox.url).port}`;
    await finds(/is not for the name in https:\/\/127\.0\.0\.2/, '--url', elsewhere);
  });

  it('finds a right that is missing', async () => {
    const role = JSON.parse(await kubectl(cluster, ['get', 'clusterrole', 'jobs-api', '-o', 'json'])) as {
      rules: { resources: string[] }[];
    };
    const patch = (rules: unknown) =>
      kubectl(cluster, ['patch', 'clusterrole', 'jobs-api', '--type', 'merge', '-p', JSON.stringify({ rules })]);
    await patch(role.rules.filter(({ resources }) => !resources.includes('deployments')));
    await finds(/account jobs-api\/jobs-api may not list deployments, watch deployments/);
    await patch(role.rules);
    await isWell();
  });

  it('finds settings that are refused', async () => {
    await edit(map, 'jobs-emailer', { requests_at_once: 'many' });
    await finds(/settings in jobs-emailer\/flow-doctor are refused: requests_at_once: must be a whole number/);
    await edit(map, 'jobs-emailer', { requests_at_once: null });
    await isWell();
  });

  it('finds that there are no images', async () => {
    const key = 'images-v1.yaml';
    const path = `jsonpath={.data.${key.replaceAll('.', '\\.')}}`;
    const before = await kubectl(cluster, ['get', 'configmap', 'image-config', '-n', 'tf-public', '-o', path]);
    await edit('image-config', 'tf-public', { [key]: null });
    await finds(/no list of images: tf-public\/image-config/);
    await edit('image-config', 'tf-public', { [key]: before });
    await isWell();
  });

  it('finds a mail server that refuses', async () => {
    const { port } = sink;
    await sink.stop();
    await finds(new RegExp(`mail server mx\\.example\\.org:${port} does not take mail: ECONNREFUSED`));
    sink = await startSmtpSink({ port });
    await isWell();
  });

  it('finds a watch that is dead', async () => {
    proxy.setByteFault({ kind: 'refuse' });
    proxy.dropAll('reset');
    await finds(/A watch is cut off/);
    proxy.setByteFault(undefined);
    await isWell();
  });

  it('finds a disk that is full', async () => {
    await run('fallocate', ['-l', '120M', join(disk, 'filler')]);
    await finds(/disk of the state directory has \d+ MiB left/);
    await run('rm', [join(disk, 'filler')]);
    await isWell();
  });

  it('finds a home that hangs', async (context) => {
    const client = apiClient(sandbox, tool);
    const hung = mountHung(sandbox.homeOf(tool));
    if (!hung) return context.skip('this machine cannot mount a file system that hangs');
    try {
      const body = { name: 'waits', cmd: 'true', imagename: 'bookworm' };
      expect((await client.call('POST', jobsPath(tool), { body })).json().code).toBe('home.unavailable');
      await finds(/readers of homes hang/);
    } finally {
      hung.release();
      client.close();
    }
    await isWell();
  });

  it('finds that nobody leads', async () => {
    await sandbox.stop();
    await finds(
      /Nothing answers at .* \(ECONNREFUSED\)\. Nobody holds the Lease jobs-api\/jobs-api: no process leads\./,
    );
    await sandbox.start();
    await isWell();
  });
});
