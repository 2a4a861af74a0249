/** Debian's haproxy on loopback, unpacked and not installed, with the configuration that is shipped. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../cluster/run.ts';
import { debianTree } from './debian-packages.ts';
import { repositoryRoot } from './repository-root.ts';
import { shippedFile } from './shipped-file.ts';

export interface Haproxy {
  readonly logFile: string;
  stop(): Promise<void>;
}

export interface HaproxyOptions {
  /** Everything of it lies below. */
  readonly dir: string;
  readonly port: number;
  /** `ADDRESS:PORT` of each. */
  readonly nodes: readonly [string, string, string];
}

const shipped = 'config/haproxy/haproxy.cfg';

/** @throws Error where haproxy does not take the configuration, as it is shipped or as it is changed for this machine */
export async function startHaproxy({ dir, port, nodes }: HaproxyOptions): Promise<Haproxy> {
  const { root, libraries } = await debianTree('haproxy');
  await mkdir(dir, { recursive: true });
  const file = join(dir, 'haproxy.cfg');
  const places = {
    'bind :30001': `bind 127.0.0.1:${port}`,
    '192.0.2.1:30001': nodes[0],
    '192.0.2.2:30001': nodes[1],
    '192.0.2.3:30001': nodes[2],
    'inter 2s': 'inter 200ms',
  };
  await writeFile(file, await shippedFile(shipped, places));
  const program = join(root, 'usr/sbin/haproxy');
  const env = { PATH: process.env.PATH ?? '', LD_LIBRARY_PATH: libraries };
  for (const one of [join(repositoryRoot, shipped), file]) await run(program, ['-c', '-f', one], { env });
  const logFile = join(dir, 'haproxy.log');
  const log = openSync(logFile, 'a');
  const child = spawn(program, ['-db', '-f', file], { env, stdio: ['ignore', log, log] });
  closeSync(log);
  return {
    logFile,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    },
  };
}
