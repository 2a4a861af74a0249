/** The one cgroup above all pods of a cluster, in every hierarchy: cgroup v1 has one per controller, v2 one in all. cgroups(7). */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from './run.ts';

const root = '/sys/fs/cgroup';

function isUnified(): boolean {
  return existsSync(join(root, 'cgroup.controllers'));
}

function listHierarchies(): string[] {
  if (isUnified()) return [root];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(root, entry.name));
}

/** The kubelet wants its root to exist, with the controllers it uses. */
export function createCgroups(cgroup: string): void {
  if (isUnified()) enableControllers();
  for (const hierarchy of listHierarchies()) mkdirSync(join(hierarchy, cgroup), { recursive: true });
}

/** One at a time, since one that cannot be enabled must not keep the others away; the kubelet names what it misses. */
function enableControllers(): void {
  for (const controller of readFileSync(join(root, 'cgroup.controllers'), 'utf8').trim().split(' ')) {
    try {
      writeFileSync(join(root, 'cgroup.subtree_control'), `+${controller}`);
    } catch {
      // Enabled by somebody else, or not to be had here.
    }
  }
}

/** Removes the cgroup and what is below it, deepest first. */
export async function removeCgroups(cgroup: string): Promise<void> {
  for (const path of listHierarchies()
    .map((hierarchy) => join(hierarchy, cgroup))
    .filter(existsSync)) {
    // A cgroup stays busy until its last process has been buried.
    await waitFor(`the removal of ${path}`, 10_000, () => (removeTree(path) ? true : undefined), 20);
  }
}

function removeTree(path: string): boolean {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory() && !removeTree(join(path, entry.name))) return false;
  }
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false;
    throw error;
  }
}
