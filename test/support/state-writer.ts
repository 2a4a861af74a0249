/**
 * Takes a state directory and writes one file in it as fast as it can, saying each number once it is acknowledged: a process for tests to
 * kill. Argument: the directory.
 */
import { join } from 'node:path';
import { openStateDirectory } from '../../src/state-directory.ts';
import { openDurable } from '../../src/store.ts';

const directory = process.argv[2] as string;
await openStateDirectory(directory);
const parse = (value: unknown) => value as { count: number; padding: string };
const onBad = (keptAs: string) => process.stdout.write(`bad ${keptAs}\n`);
const low = await openDurable({ path: join(directory, 'a', 'b.json'), parse, onBad }, { count: 0, padding: '' });
low.data.padding = 'x'.repeat(256 * 1024);
for (;;) {
  low.data.count += 1;
  await low.write();
  process.stdout.write(`${low.data.count}\n`);
}
