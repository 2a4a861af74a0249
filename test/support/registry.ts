/**
 * A real registry on loopback, Debian's docker-registry, unpacked and not installed. The node has a loopback of its own, so a second process
 * over the same files listens there: containerd, too, asks registries on its own machine without TLS.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Cluster } from '../cluster/cluster.ts';
import { pathWithSbin } from '../cluster/run.ts';
import { readState } from '../cluster/state.ts';
import { debianTree } from './debian-packages.ts';
import { freePort, until } from './sandbox.ts';

export interface Registry {
  /** `127.0.0.1:PORT`, for this machine and for the node. */
  readonly host: string;
  /** Repositories that it has. */
  repositories(): Promise<string[]>;
  /** Of a manifest; undefined where it has none. */
  digest(repository: string, tag: string): Promise<string | undefined>;
  stop(): Promise<void>;
}

/**
 * @param dir everything of it lies below
 * @param accounts lines as htpasswd(1) writes them with bcrypt, for a registry that shows strangers nothing
 */
export async function startRegistry(cluster: Cluster, dir: string, accounts?: string): Promise<Registry> {
  const { root } = await debianTree('docker-registry');
  const host = `127.0.0.1:${await freePort()}`;
  await mkdir(dir, { recursive: true });
  const config = join(dir, 'registry.yml');
  const storage = { filesystem: { rootdirectory: join(dir, 'images') } };
  const accountsFile = join(dir, 'accounts');
  if (accounts !== undefined) await writeFile(accountsFile, accounts);
  const auth = accounts === undefined ? {} : { auth: { htpasswd: { realm: 'tests', path: accountsFile } } };
  await writeFile(config, stringify({ version: 0.1, storage, http: { addr: host, secret: 'of the test' }, ...auth }));
  const serve = [join(root, 'usr/bin/docker-registry'), 'serve', config];
  const node = readState(cluster.stateDir)?.nodeInit?.pid;
  if (node === undefined) throw new Error('The registry needs the node of our own cluster.');
  const log = openSync(join(dir, 'registry.log'), 'a');
  const children = [serve, ['nsenter', '--target', String(node), '--net', '--', ...serve]].map(
    ([file = '', ...words]) => spawn(file, words, { stdio: ['ignore', log, log], env: { PATH: pathWithSbin() } }),
  );
  closeSync(log);
  const ask = (path: string, method = 'GET') =>
    fetch(`http://${host}/v2/${path}`, { method, headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } });
  await until(
    () =>
      ask('').then(
        () => true,
        () => false,
      ),
    `a registry answers at ${host}`,
  );
  return {
    host,
    async repositories() {
      const { repositories } = (await (await ask('_catalog')).json()) as { repositories: string[] };
      return repositories;
    },
    async digest(repository, tag) {
      return (await ask(`${repository}/manifests/${tag}`, 'HEAD')).headers.get('docker-content-digest') ?? undefined;
    },
    async stop() {
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const gone = once(child, 'exit');
          child.kill();
          await gone;
        }),
      );
    },
  };
}
