/** A cluster that was there before: nothing is started, nothing is stopped, only a few files are written for who asks. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { findBinaries } from './binaries.ts';
import type { Cluster } from './cluster.ts';
import { findOnPath } from './packages.ts';
import type { Progress } from './progress.ts';
import { run } from './run.ts';

/** @throws Error when the kubeconfig cannot be read or its cluster does not answer */
export async function describeBrought(kubeconfig: string, stateDir: string, progress: Progress): Promise<Cluster> {
  const kubectl = findOnPath('kubectl') ?? (await findBinaries(progress)).kubectl;
  const path = resolve(kubeconfig);
  const view = JSON.parse(
    await run(kubectl, ['--kubeconfig', path, 'config', 'view', '--raw', '--minify', '--flatten', '-o', 'json']),
  ) as {
    clusters: { cluster: { server: string; 'certificate-authority-data'?: string } }[];
  };
  const cluster = view.clusters[0]?.cluster;
  if (cluster === undefined) throw new Error(`${path}: its current context names no cluster`);
  const version = JSON.parse(await run(kubectl, ['--kubeconfig', path, 'get', '--raw', '/version'])) as {
    gitVersion: string;
  };
  const homesBase = join(stateDir, 'homes');
  mkdirSync(homesBase, { recursive: true, mode: 0o755 });
  const caFile = join(stateDir, 'ca.crt');
  writeFileSync(caFile, Buffer.from(cluster['certificate-authority-data'] ?? '', 'base64'));
  progress(`using the cluster at ${cluster.server} (${version.gitVersion})`);
  return {
    server: cluster.server,
    version: version.gitVersion,
    stateDir,
    caFile,
    caKeyFile: undefined,
    adminKubeconfig: path,
    kubectl,
    bridgeAddress: await addressTowards(new URL(cluster.server)),
    nodeAddress: new URL(cluster.server).hostname,
    homesBase,
    auditLog: '',
    images: [],
    owned: false,
  };
}

/** This machine's address on the way to the cluster: the best guess at how pods reach it. */
function addressTowards(server: URL): Promise<string> {
  return new Promise((done, reject) => {
    const socket = connect(Number(server.port || 443), server.hostname, () => {
      done(socket.localAddress ?? '127.0.0.1');
      socket.destroy();
    });
    socket.once('error', reject);
  });
}
