/**
 * `npm run unit:24 [-- FILTER…]`: the unit tests on the Node.js that production runs, whatever the machine has. Programs that a test starts
 * by the name `node` are of the same release.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { architectureHere, nodeRelease, nodeVersion } from '../packaging/node-release.ts';
import { repositoryRoot } from './support/repository-root.ts';

const { bin } = await nodeRelease(architectureHere());
const vitest = join(repositoryRoot, 'node_modules/vitest/vitest.mjs');
const child = spawn(join(bin, 'node'), [vitest, 'run', '--project', 'unit', ...process.argv.slice(2)], {
  cwd: repositoryRoot,
  env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  stdio: 'inherit',
});
child.on('close', (code, signal) => {
  console.log(`Node.js ${nodeVersion(architectureHere())}: ${code === 0 ? 'passed' : `ended with ${code ?? signal}`}`);
  process.exitCode = code ?? 1;
});
