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
  // What only some starts need (reading a kubeconfig) is split off and loaded when asked for.
  build({
    ...shared,
    banner,
    minifyWhitespace: true,
    splitting: true,
    chunkNames: 'daemon-[name]-[hash]',
    entryPoints: { jobsd: 'bin/jobsd.ts', admin: 'bin/admin.ts' },
  }),
  build({ ...shared, entryPoints: { 'home-reader': 'bin/home-reader.ts' } }),
  build({
    ...shared,
    minify: true,
    splitting: true,
    chunkNames: 'jobs-[name]-[hash]',
    entryPoints: { jobs: 'bin/jobs.ts' },
  }),
]);
await Promise.all(['jobs', 'jobsd', 'admin'].map((name) => chmod(`dist/${name}.js`, 0o755)));
