/** Finds a Go that can build Kubernetes, or fetches one from the Go module proxy. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { download } from './download.ts';
import { findOnPath } from './packages.ts';
import { type Progress, step } from './progress.ts';
import { run } from './run.ts';
import { cacheRoot, goArch, goVersion, toolchainChecksums } from './versions.ts';

export interface Go {
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The machine's Go if it is new enough, else the same Go asked to fetch what go.mod wants (it can since 1.21), else one of ours.
 * @throws Error when there is none and none can be fetched
 */
export async function findGo(progress: Progress): Promise<Go> {
  const file = findOnPath('go') ?? ['/usr/local/go/bin/go'].find(existsSync);
  if (file === undefined) return { file: await fetchGo(progress), env: { GOTOOLCHAIN: 'local' } };
  const version = /go1\.(\d+)/.exec(await run(file, ['env', 'GOVERSION'], { env: { GOTOOLCHAIN: 'local' } }))?.[1];
  const minor = Number(version ?? 0);
  if (minor >= Number(goVersion.split('.')[1])) return { file, env: {} };
  if (minor >= 21) return { file, env: { GOTOOLCHAIN: 'auto' } };
  return { file: await fetchGo(progress), env: { GOTOOLCHAIN: 'local' } };
}

async function fetchGo(progress: Progress): Promise<string> {
  const home = join(cacheRoot(), `go-${goVersion}`);
  const file = join(home, 'bin', 'go');
  if (existsSync(file)) return file;
  const sha256 = toolchainChecksums[process.arch];
  if (sha256 === undefined)
    throw new Error(`There is no Go here and no pinned one for ${process.arch}: install Go ${goVersion} or newer`);
  await step(progress, `no Go on this machine: fetching Go ${goVersion} from the module proxy`, 30_000, async () => {
    mkdirSync(cacheRoot(), { recursive: true });
    const temporary = mkdtempSync(`${home}.new-`);
    try {
      const zip = join(temporary, 'toolchain.zip');
      await downloadModule(`golang.org/toolchain/@v/v0.0.1-go${goVersion}.linux-${goArch()}.zip`, zip, sha256);
      const tree = join(temporary, 'go');
      unzip(readFileSync(zip), tree);
      for (const tool of listPrograms(tree)) chmodSync(tool, 0o755);
      renameSync(tree, home);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  });
  return file;
}

/** Tries each proxy of `$GOPROXY` in turn; `direct` and `off` are no proxies. */
async function downloadModule(path: string, target: string, sha256: string): Promise<void> {
  const proxies = (process.env.GOPROXY || 'https://proxy.golang.org')
    .split(/[,|]/)
    .filter((each) => /^https?:/.test(each));
  const failures: string[] = [];
  for (const proxy of proxies) {
    try {
      await download(`${proxy.replace(/\/$/, '')}/${path}`, target, sha256, { connectTimeoutMs: 10_000 });
      return;
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  throw new Error(
    `There is no Go on this machine and none could be fetched: ${failures.join('; ') || 'GOPROXY names no proxy'}`,
  );
}

/** Module zips carry no file modes (go.dev/ref/mod, "Module zip files"). */
function listPrograms(tree: string): string[] {
  return [join(tree, 'bin'), join(tree, 'pkg', 'tool', `linux_${goArch()}`)]
    .filter(existsSync)
    .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)));
}

/** Unpacks a module zip, whose names all begin with `MODULE@VERSION/`. APPNOTE.TXT 4.3: the central directory is the list of files. */
function unzip(zip: Buffer, target: string): void {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [nameLength, extraLength, commentLength] = [
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
    ];
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    const inside = name.slice(name.indexOf('@')).split('/').slice(1);
    if (!name.endsWith('/') && !inside.includes('..')) {
      const local = zip.readUInt32LE(at + 42);
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const packed = zip.subarray(start, start + zip.readUInt32LE(at + 20));
      const path = join(target, ...inside);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, zip.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed));
    }
    at += 46 + nameLength + extraLength + commentLength;
  }
}
