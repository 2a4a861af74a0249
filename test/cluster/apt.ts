/** apt-get for all processes of ours: a second one would not wait for the first to have read the lists, but fail. */
import { join } from 'node:path';
import { withLock } from './lock.ts';
import { type RunOptions, run } from './run.ts';
import { cacheRoot } from './versions.ts';

/** Another package manager may be at work, on a machine that has just been started for instance. */
const patient = ['-q', '-o', 'DPkg::Lock::Timeout=300'];

export function aptGet(words: readonly string[], options: RunOptions = {}): Promise<string> {
  return withLock(join(cacheRoot(), 'apt.lock'), () => run('apt-get', [...patient, ...words], options));
}
