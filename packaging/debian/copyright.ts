/** Whose work a package holds, in the form that Debian asks for (copyright-format 1.0): ours, and what the bundles took in. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const ours = '2026, the authors of Toolforge Jobs';
const ourLicense = 'Apache-2.0';

/** A package of npm that is in a bundle. */
interface TakenIn {
  readonly owners: readonly string[];
  /** Short, and of this package alone: two texts of one licence name different owners. */
  readonly license: string;
  readonly text: string;
}

/**
 * @param maps source maps by the place of their bundle: they say what is in it
 * @param modules the directory node_modules
 * @throws Error where a package says no licence, or no owner
 */
export async function copyrightText(maps: ReadonlyMap<string, string>, modules: string): Promise<string> {
  const namesOf = new Map([...maps].map(([bundle, map]) => [bundle, packagesIn(map)]));
  const names = [...new Set([...namesOf.values()].flat())].sort();
  const takenIn = new Map<string, TakenIn>();
  for (const name of names) takenIn.set(name, await readPackage(name, modules));
  const files = [...namesOf].map(([bundle, inIt]) =>
    fileStanza(
      bundle,
      inIt.map((name) => takenIn.get(name) as TakenIn),
    ),
  );
  const licenses = [...takenIn.values()].map(licenseStanza);
  const common = `License: ${ourLicense}\n The text is in /usr/share/common-licenses/${ourLicense}.\n`;
  return [head, fileStanza('*', []), ...files, common, ...licenses].join('\n');
}

const head = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: toolforge-jobs
`;

/** @example packagesIn('{"sources": ["../node_modules/cac/dist/index.js", "../bin/jobs.ts"]}') -> ['cac'] */
export function packagesIn(map: string): string[] {
  const { sources } = JSON.parse(map) as { sources: readonly string[] };
  const names = sources.map((source) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

async function readPackage(name: string, modules: string): Promise<TakenIn> {
  const directory = join(modules, name);
  const { license } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as { license?: unknown };
  const file = (await readdir(directory)).find((one) => /^licen[cs]e(\.(md|txt))?$/i.test(one));
  if (typeof license !== 'string' || file === undefined) throw new Error(`The package ${name} says no licence.`);
  const text = (await readFile(join(directory, file), 'utf8')).trim();
  const owners = [...text.matchAll(/^Copyright (?:\([cC]\) |© )?(.+)$/gm)].map(([, owner]) => owner as string);
  if (owners.length === 0) throw new Error(`The licence of the package ${name} names no owner.`);
  return { owners, license: `${license}-${name.replace(/[^a-z0-9]+/g, '-')}`, text };
}

function fileStanza(files: string, takenIn: readonly TakenIn[]): string {
  const owners = [ours, ...takenIn.flatMap((one) => one.owners)];
  const licenses = [ourLicense, ...takenIn.map(({ license }) => license)];
  return `Files: ${files}\nCopyright: ${owners.join('\n ')}\nLicense: ${licenses.join(' and ')}\n`;
}

function licenseStanza({ license, text }: TakenIn): string {
  const lines = text.split('\n').map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`));
  return `License: ${license}\n${lines.join('\n')}\n`;
}
