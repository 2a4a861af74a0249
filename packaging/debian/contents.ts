/** What the package of the command line puts where. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { commandTable, globalOptions } from '../../bin/commands/command-table.ts';
import { completionScript } from '../../bin/terminal/completion/completion.ts';
import manifest from '../../package.json' with { type: 'json' };
import { repositoryRoot } from '../../test/support/repository-root.ts';
import { copyrightText } from './copyright.ts';

/** Content by path from the root of a machine. */
export interface Contents {
  readonly files: ReadonlyMap<string, string | Buffer>;
  /** Those of `files` that are run. */
  readonly programs: readonly string[];
  /** What they lead to, as it is written in the link. */
  readonly links: ReadonlyMap<string, string>;
}

export interface Sources {
  /** `dist` of the repository, unless a test has others. */
  readonly bundles: string;
  readonly version: string;
  readonly changelog: string;
}

/** Where Debian has modules for Node.js; one directory as the repository has it, so that what stands beside is found. */
const moduleDirectory = 'usr/share/nodejs/toolforge-jobs';
/** The first is the program, which loads the next two when it needs them; the last is for the programs of others. */
const bundleNames = ['jobs.js', 'jobs-yaml.js', 'jobs-rules.js', 'client.js'];
/** What a browser loads of the dashboard. */
const pageDirectory = 'page';

const documentation = 'usr/share/doc/toolforge-jobs';
const lintianOverrides = `# A page of the dashboard, which the program serves: no documentation.
toolforge-jobs: package-contains-documentation-outside-usr-share-doc [${moduleDirectory}/dist/${pageDirectory}/index.html]
`;
/** What the manual pages and one another name. */
const pages = ['api.md', 'errors.md', 'mail.md', 'webhooks.md', 'wire.md', 'openapi.json', 'cli-output.json'];

/** @throws Error naming the file where something has not been built yet */
export async function packageContents(sources: Sources): Promise<Contents> {
  const { bundles } = sources;
  const program = `${moduleDirectory}/dist/jobs.js`;
  const files = new Map<string, string | Buffer>([
    ...(await programFiles(sources)),
    ...completions(),
    ...(await manualPages(join(import.meta.dirname, 'man'))),
    [`${documentation}/changelog.gz`, compressed(sources.changelog)],
    [
      `${documentation}/copyright`,
      await copyrightText(await sourceMaps(bundles), join(repositoryRoot, 'node_modules')),
    ],
    ['usr/share/lintian/overrides/toolforge-jobs', lintianOverrides],
    [`${documentation}/examples/jobs-cli.yaml`, await readFile(join(repositoryRoot, 'config/jobs-cli.example.yaml'))],
  ]);
  for (const page of pages) files.set(`${documentation}/${page}`, await readFile(join(repositoryRoot, 'docs', page)));
  // The common command runs every program on the PATH whose name begins with its own: `toolforge jobs` is this link.
  const links = new Map([['usr/bin/toolforge-jobs', `../${program.slice('usr/'.length)}`]]);
  return { files, programs: [program], links };
}

async function programFiles({ bundles, version }: Sources): Promise<[string, string][]> {
  const { name, description, license, type, exports } = manifest;
  const described = { name, version, description, license, type, exports };
  const texts = bundleNames.map(
    async (file): Promise<[string, string]> => [
      `${moduleDirectory}/dist/${file}`,
      installedText(await readFile(join(bundles, file), 'utf8')),
    ],
  );
  return [
    ...(await Promise.all(texts)),
    ...(await pageFiles(bundles)),
    [`${moduleDirectory}/dist/client.d.ts`, await readFile(join(bundles, 'client.d.ts'), 'utf8')],
    [`${moduleDirectory}/package.json`, `${JSON.stringify(described, null, 2)}\n`],
  ];
}

async function pageFiles(bundles: string): Promise<[string, string][]> {
  const names = (await readdir(join(bundles, pageDirectory))).sort();
  const read = names.map(async (name): Promise<[string, string]> => {
    const path = join(pageDirectory, name);
    return [`${moduleDirectory}/dist/${path}`, await readFile(join(bundles, path), 'utf8')];
  });
  return Promise.all(read);
}

/**
 * Runs on the Node.js the package depends on, whatever else the user has first on the PATH (Debian Policy 10.4); its source map stays
 * where it was built.
 */
function installedText(bundle: string): string {
  return bundle
    .replace(/^#!\/usr\/bin\/env node\n/, '#!/usr/bin/node\n')
    .replace(/^\/\/# sourceMappingURL=\S+\n?/m, '');
}

async function sourceMaps(bundles: string): Promise<Map<string, string>> {
  const maps = bundleNames.map(
    async (file): Promise<[string, string]> => [
      `${moduleDirectory}/dist/${file}`,
      await readFile(join(bundles, `${file}.map`), 'utf8'),
    ],
  );
  return new Map(await Promise.all(maps));
}

function completions(): [string, string][] {
  const completed = { commands: commandTable, globals: globalOptions(false) };
  return [
    ['usr/share/bash-completion/completions/toolforge-jobs', completionScript('bash', completed)],
    ['usr/share/zsh/vendor-completions/_toolforge-jobs', completionScript('zsh', completed)],
    ['usr/share/fish/vendor_completions.d/toolforge-jobs.fish', completionScript('fish', completed)],
  ];
}

async function manualPages(directory: string): Promise<[string, Buffer][]> {
  const names = (await readdir(directory)).sort();
  const read = names.map(
    async (name): Promise<[string, Buffer]> => [
      `usr/share/man/man${name.at(-1)}/${name}.gz`,
      compressed(await readFile(join(directory, name), 'utf8')),
    ],
  );
  return Promise.all(read);
}

/** Without a time in it, at the level Debian Policy 12.7 asks for. */
function compressed(text: string): Buffer {
  return gzipSync(text, { level: 9 });
}
