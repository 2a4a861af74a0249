/** Bundles every door of the house into dist/, one file each, with source maps beside. */
import { chmod, copyFile, cp, rm } from 'node:fs/promises';
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

const commandLine = { ...shared, platform: 'neutral', minify: true };
const besides = {
  name: 'besides',
  setup({ onResolve }) {
    onResolve({ filter: /^yaml$/ }, () => ({ path: './jobs-yaml.js', external: true }));
    onResolve({ filter: /\/job-rules\.ts$/ }, () => ({ path: './jobs-rules.js', external: true }));
  },
};

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
  build({ ...shared, entryPoints: { 'home-reader': 'bin/home-reader.ts', 'home-readers': 'bin/home-readers.ts' } }),
  // The command line starts anew for every command, so what only some need (a full YAML parser, the service's rules) stays outside.
  build({ ...commandLine, entryPoints: { jobs: 'bin/jobs.ts' }, external: ['node:*'], plugins: [besides] }),
  build({ ...commandLine, entryPoints: { 'jobs-yaml': 'yaml' } }),
  build({ ...commandLine, entryPoints: { 'jobs-rules': 'bin/job-file/job-rules.ts' }, external: ['node:*'] }),
  // For the programs of others: one file, with its types beside it.
  build({ ...commandLine, entryPoints: { client: 'bin/client/connect.ts' }, external: ['node:*'] }),
]);
await copyFile('bin/client/typed.ts', 'dist/client.d.ts');
// What a browser loads of the dashboard is served as it is.
await cp('bin/dashboard/page', 'dist/page', { recursive: true, filter: (path) => !path.endsWith('tsconfig.json') });
await Promise.all(['jobs', 'jobsd', 'admin', 'home-readers'].map((name) => chmod(`dist/${name}.js`, 0o755)));
