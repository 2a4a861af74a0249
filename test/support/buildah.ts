/** A buildah that keeps everything below one directory, and needs nothing of the machine but to be root. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builderNeeds, ensurePackages } from '../cluster/packages.ts';
import { pathWithSbin } from '../cluster/run.ts';

/** @returns the environment that makes it so */
export async function prepareBuildah(dir: string): Promise<Readonly<Record<string, string>>> {
  await ensurePackages((line) => console.error(line), builderNeeds);
  const at = (name: string) => join(dir, name);
  await mkdir(at('temporary'), { recursive: true });
  const storage = ['[storage]', 'driver = "vfs"', `graphroot = "${at('storage')}"`, `runroot = "${at('run')}"`];
  await writeFile(at('storage.conf'), `${storage.join('\n')}\n`);
  // Where `buildah login` keeps accounts; it wants the file to be there.
  await writeFile(at('accounts.json'), '{}\n', { mode: 0o600 });
  return {
    PATH: pathWithSbin(),
    HOME: dir,
    TMPDIR: at('temporary'),
    // No namespaces, which not every machine allows.
    BUILDAH_ISOLATION: 'chroot',
    CONTAINERS_STORAGE_CONF: at('storage.conf'),
    REGISTRY_AUTH_FILE: at('accounts.json'),
  };
}
