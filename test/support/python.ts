/** Python, for what documents show in it: the machine's, else Debian's, unpacked and not installed. */
import { join } from 'node:path';
import { run } from '../cluster/run.ts';
import { debianTree } from './debian-packages.ts';

/** @returns what the program prints. @throws Error where it ends with another code than 0 */
export async function runPython(program: string, input: string): Promise<string> {
  const { command, env } = await run('python3', ['--version']).then(() => ofMachine, ofDebian);
  return run(command, ['-c', program], { input, env: { ...process.env, ...env } });
}

const ofMachine = { command: 'python3', env: {} };

/** Named after its version, which the release of Debian decides. */
async function ofDebian() {
  const depends = await run('apt-cache', ['depends', 'python3-minimal']);
  const [name = 'python3-minimal'] = /python3\.\d+-minimal/.exec(depends) ?? [];
  const { root, libraries } = await debianTree(name);
  const command = join(root, 'usr/bin', name.replace(/-minimal$/, ''));
  return { command, env: { PYTHONHOME: join(root, 'usr'), LD_LIBRARY_PATH: libraries } };
}
