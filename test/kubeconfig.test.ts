import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AppError } from '../src/errors.ts';
import { kubeOptionsFromKubeconfig } from '../src/kubeconfig.ts';

const directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
for (const name of ['ca', 'cert', 'key']) writeFileSync(join(directory, name), `${name} of a file`);
afterAll(() => rmSync(directory, { recursive: true }));

const base64 = (text: string) => Buffer.from(text).toString('base64');
const cluster = { server: 'https://127.0.0.1:6443', 'certificate-authority-data': base64('CA') };

function kubeconfig(user: object, more: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { ...cluster, ...more } }],
    users: [{ name: 'u', user }],
  });
}

const problemOf = (text: string) =>
  kubeOptionsFromKubeconfig(text, directory).then(
    () => 'taken',
    (error: unknown) =>
      error instanceof AppError && error.code === 'settings.invalid' ? error.message : String(error),
  );

describe('a kubeconfig of our own', () => {
  it('may hold its certificates', async () => {
    const user = { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') };
    const { server, ca, credentials } = await kubeOptionsFromKubeconfig(kubeconfig(user), directory);
    expect({ server, ca }).toEqual({ server: 'https://127.0.0.1:6443', ca: 'CA' });
    expect(credentials).toEqual({ kind: 'certificate', cert: Buffer.from('CERT'), key: Buffer.from('KEY') });
  });

  it('may name files, relative ones beside it', async () => {
    const user = { 'client-certificate': 'cert', 'client-key': join(directory, 'key') };
    const text = kubeconfig(user, { 'certificate-authority-data': undefined, 'certificate-authority': 'ca' });
    const { ca, credentials } = await kubeOptionsFromKubeconfig(text, directory);
    expect(ca).toBe('ca of a file');
    expect(credentials).toMatchObject({ cert: Buffer.from('cert of a file'), key: Buffer.from('key of a file') });
  });

  it('may hold a token', async () => {
    const { credentials } = await kubeOptionsFromKubeconfig(kubeconfig({ token: 'abc\n' }), directory);
    expect(credentials).toEqual({ kind: 'fixed-token', token: 'abc' });
  });

  it.each([
    ['runs a program', kubeconfig({ exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'touch' } })],
    ['asks a provider', kubeconfig({ 'auth-provider': { name: 'gcp' } })],
    ['has a password', kubeconfig({ username: 'u', password: 'p' })],
    ['impersonates', kubeconfig({ token: 'x', as: 'admin' })],
    ['has no credentials', kubeconfig({})],
    ['has half a pair', kubeconfig({ 'client-certificate': 'cert' })],
    ['names a file that is not there', kubeconfig({ 'client-certificate': 'nothing', 'client-key': 'key' })],
    ['skips verification', kubeconfig({ token: 'x' }, { 'insecure-skip-tls-verify': true })],
    ['has no authority', kubeconfig({ token: 'x' }, { 'certificate-authority-data': undefined })],
    ['goes through a proxy', kubeconfig({ token: 'x' }, { 'proxy-url': 'http://proxy' })],
    ['is not encrypted', kubeconfig({ token: 'x' }, { server: 'http://127.0.0.1:8080' })],
    ['is not one', '[]'],
    ['is no YAML', '{'],
    ['is empty', ''],
  ])('is refused when it %s', async (_, text) => {
    expect(await problemOf(text)).toMatch(/^The kubeconfig /);
  });
});
