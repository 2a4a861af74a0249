/** Directories that look like homes, on the disk of this machine. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Ownership can be given away, devices made and file systems mounted only by root. */
export const isRoot = process.getuid?.() === 0;

export interface Homes {
  readonly base: string;
  /** Makes `<base>/<tool>/.toolskube`; the owner is `uid`, where root runs this. */
  addHome(tool: string, uid?: number): string;
  /** Writes `<home>/.toolskube/<name>` as the owner would. */
  addFile(tool: string, name: string, content: string | Buffer, mode?: number): string;
  addPair(tool: string, cert: string | Buffer, key: string | Buffer): void;
  /** As if nothing had been made below the base yet. */
  clear(): void;
  remove(): void;
}

export const homeUid = isRoot ? 50_001 : (process.getuid?.() ?? 0);

export function makeHomes(): Homes {
  const base = mkdtempSync(join(tmpdir(), 'homes-'));
  chmodSync(base, 0o755);
  const give = (path: string, uid = homeUid) => isRoot && chownSync(path, uid, uid);
  const addFile: Homes['addFile'] = (tool, name, content, mode = 0o400) => {
    const path = join(base, tool, '.toolskube', name);
    writeFileSync(path, content, { mode });
    chmodSync(path, mode);
    give(path);
    return path;
  };
  return {
    base,
    addFile,
    addHome(tool, uid = homeUid) {
      const home = join(base, tool);
      mkdirSync(join(home, '.toolskube'), { recursive: true });
      for (const path of [home, join(home, '.toolskube')]) give(path, uid);
      return home;
    },
    addPair(tool, cert, key) {
      addFile(tool, 'client.crt', cert);
      addFile(tool, 'client.key', key);
    },
    clear() {
      for (const name of readdirSync(base)) rmSync(join(base, name), { recursive: true, force: true });
      chmodSync(base, 0o755);
      if (isRoot) chownSync(base, 0, 0);
    },
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** Processes this one started that run `program`, by the kernel's own list. */
export function childrenRunning(program: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const parent = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1];
        return parent === String(process.pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program);
      } catch {
        return false;
      }
    });
}
