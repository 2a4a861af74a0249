/** What is in an image, as SPDX 2.3 (spdx.github.io): packages of Debian, Node.js, and the packages in our bundles. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { repositoryRoot } from '../../test/support/repository-root.ts';

export interface Material {
  readonly name: string;
  readonly version: string;
  /** Package URL (github.com/package-url). */
  readonly purl: string;
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly dev?: boolean }>>;
}

/** @returns JSON, the same for the same materials */
export function billOfMaterials(image: string, materials: readonly Material[]): string {
  const text = JSON.stringify(materials);
  const packages = materials.map(({ name, version, purl }, at) => ({
    SPDXID: `SPDXRef-${at + 1}`,
    name,
    versionInfo: version,
    downloadLocation: 'NOASSERTION',
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
  }));
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${image}-${manifest.version}`,
    documentNamespace: `https://spdx.org/spdxdocs/${image}-${createHash('sha256').update(text).digest('hex')}`,
    creationInfo: { created: '1970-01-01T00:00:00Z', creators: [`Tool: ${manifest.name}-${manifest.version}`] },
    packages,
    relationships: packages.map(({ SPDXID }) => ({
      spdxElementId: 'SPDXRef-DOCUMENT',
      relationshipType: 'DESCRIBES',
      relatedSpdxElement: SPDXID,
    })),
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}

/** Everything that is installed for running, which is at least what esbuild took of it. */
export async function bundledMaterials(): Promise<Material[]> {
  const { packages } = JSON.parse(await readFile(join(repositoryRoot, 'package-lock.json'), 'utf8')) as Lock;
  return Object.entries(packages).flatMap(([path, { version, dev }]) => {
    const name = path.split('node_modules/').at(-1) ?? '';
    if (name === '' || dev || version === undefined) return [];
    return [{ name, version, purl: `pkg:npm/${encodeURIComponent(name).replace('%2F', '/')}@${version}` }];
  });
}
