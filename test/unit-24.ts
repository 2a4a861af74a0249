/**
 * `npm run unit:24 [-- FILTER…]`: the unit tests on the Node.js that production runs, whatever the machine has. Programs that a test starts
 * by the name `node` are of the same release. `-- --part` leaves out what no release of Node.js has a say in; `npm test` runs that.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { architectureHere, nodeRelease, nodeVersion } from '../packaging/node-release.ts';
import { repositoryRoot } from './support/repository-root.ts';

/** Processes, TLS and certificates, HTTP, files, streams. */
const part = [
  ...['server', 'streams', 'identify', 'credentials', 'forward', 'pools', 'operators-door', 'door/', 'logs/'].map(
    (name) => `test/server/${name}`,
  ),
  ...['homes/', 'bin/jobsd', 'bin/program', 'bin/client/', 'support/', 'mail/transport', 'watch/l'].map(
    (name) => `test/${name}`,
  ),
  ...['kube', 'own-kube', 'get-json', 'authorities', 'leaf', 'certificate-dates'].map((name) => `test/${name}`),
  ...['file-follower', 'store', 'state-directory', 'time-limit', 'exit-code'].map((name) => `test/${name}`),
];

const { bin } = await nodeRelease(architectureHere());
const filters = process.argv.slice(2).flatMap((word) => (word === '--part' ? part : [word]));
const vitest = join(repositoryRoot, 'node_modules/vitest/vitest.mjs');
const child = spawn(join(bin, 'node'), [vitest, 'run', '--project', 'unit', ...filters], {
  cwd: repositoryRoot,
  env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  stdio: 'inherit',
});
child.on('close', (code, signal) => {
  console.log(`Node.js ${nodeVersion(architectureHere())}: ${code === 0 ? 'passed' : `ended with ${code ?? signal}`}`);
  process.exitCode = code ?? 1;
});
