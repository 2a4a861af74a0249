/**
 * The images of the test cluster: what is imported into containerd and the list that users choose from. The list has the form of the
 * ConfigMap `image-config` in the namespace `tf-public` (wikitech.wikimedia.org, "Toolforge image-config"). All images hold the same
 * busybox user land; `broken` is in the list but was never imported, so that it fails to be pulled as a real one would.
 */
interface Entry {
  readonly name: string;
  readonly state: 'stable' | 'deprecated';
  readonly aliases: readonly string[];
  /** The image of the newer generation; without one the variant is used. */
  readonly image?: string;
  readonly variant: string;
  readonly isImported: boolean;
}

const registry = 'docker-registry.example.org';

const entries: readonly Entry[] = [
  {
    name: 'bookworm',
    state: 'stable',
    aliases: ['tf-bookworm-std', 'toolforge-bookworm-sssd-base'],
    image: `${registry}/toolforge-bookworm-sssd-web`,
    variant: `${registry}/toolforge-bookworm-sssd`,
    isImported: true,
  },
  {
    name: 'python3.11',
    state: 'stable',
    aliases: ['tf-python311', 'toolforge-python311', 'toolforge-python311-sssd-base', 'toolforge-python311-sssd-web'],
    image: `${registry}/toolforge-python311-sssd-web`,
    variant: `${registry}/toolforge-python311-sssd-base`,
    isImported: true,
  },
  {
    name: 'node18',
    state: 'deprecated',
    aliases: ['tf-node18', 'toolforge-node18-sssd-base'],
    image: `${registry}/toolforge-node18-sssd-web`,
    variant: `${registry}/toolforge-node18-sssd-base`,
    isImported: true,
  },
  {
    name: 'bullseye',
    state: 'stable',
    aliases: ['tf-bullseye-std'],
    variant: `${registry}/toolforge-bullseye-sssd`,
    isImported: true,
  },
  {
    name: 'broken',
    state: 'stable',
    aliases: [],
    image: 'registry.invalid/toolforge-broken-web',
    variant: 'registry.invalid/toolforge-broken',
    isImported: false,
  },
];

export interface ImportedImage {
  readonly name: string;
  /** With its tag, as a pod names it. */
  readonly url: string;
}

/** What a pod may run, by the name users give. */
export function importedImages(): ImportedImage[] {
  return entries
    .filter((entry) => entry.isImported)
    .map((entry) => ({ name: entry.name, url: `${entry.image ?? entry.variant}:latest` }));
}

/** Every reference that containerd knows, the older generation's included. */
export function importedReferences(): string[] {
  const urls = entries
    .filter((entry) => entry.isImported)
    .flatMap((entry) => [entry.variant, ...(entry.image === undefined ? [] : [entry.image])]);
  return urls.map((url) => `${url}:latest`);
}

/** The value of `images-v1.yaml`. */
export function imageConfigYaml(): string {
  return entries.map(entryYaml).join('');
}

function entryYaml(entry: Entry): string {
  const aliases =
    entry.aliases.length === 0 ? '' : `  aliases:\n${entry.aliases.map((alias) => `    - ${alias}\n`).join('')}`;
  const image = entry.image === undefined ? '' : `  image: ${entry.image}\n`;
  return `${entry.name}:\n  state: ${entry.state}\n${aliases}${image}  variants:\n    jobs-framework:\n      image: ${entry.variant}\n`;
}
