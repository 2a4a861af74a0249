/** Bundles every door of the house into dist/, one file each, with source maps beside. */
import { chmod, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  outdir: 'dist',
  sourcemap: 'linked',
  minifySyntax: true,
  logLevel: 'warning',
};
/** CommonJS packages inside an ES bundle still call require(). */
const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" };

await rm('dist', { recursive: true, force: true });
await Promise.all([
  build({ ...shared, banner, entryPoints: { jobsd: 'bin/jobsd.ts', admin: 'bin/admin.ts', 'home-reader': 'bin/home-reader.ts' } }),
  // The CLI is small on purpose: what only some commands need (yaml) is split off and loaded when asked for.
  build({ ...shared, entryPoints: { jobs: 'bin/jobs.ts' }, splitting: true, minify: true, chunkNames: 'jobs-[name]' }),
]);
await Promise.all(['jobs', 'jobsd', 'admin'].map((name) => chmod(`dist/${name}.js`, 0o755)));
