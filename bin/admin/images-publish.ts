/** `images publish`: puts an image that a registry has into the list of images, which the daemon follows. */
import { AppError } from '../../src/errors.ts';
import { textAt } from '../../src/fields.ts';
import type { Kube } from '../../src/kube.ts';
import { type Publication, publishInto } from './images-list-edit.ts';
import { findInRegistry, type RegistryAccess } from './images-registry.ts';
import { apply, find } from './tool-kube.ts';
import { paths } from './tool-objects.ts';

/** Where the images are named. */
export interface ImageMap {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

export interface Published {
  readonly name: string;
  readonly address: string;
  /** Empty where the registry does not say. */
  readonly digest: string;
  /** Whether the registry shows it to those without credentials. */
  readonly isPublic: boolean;
  /** Whether there was something to change. */
  readonly changed: boolean;
  /** Of the ConfigMap that has it. */
  readonly version: string;
}

const mostTries = 10;

/**
 * The edit is made of the version that was read and written for that version only: where somebody was faster it is made anew of what they wrote.
 * @throws AppError `image.not_in_registry`, `registry.unavailable`, `settings.invalid`, `kube.*`
 */
export async function publishImage(
  kube: Kube,
  map: ImageMap,
  publication: Publication,
  registry: RegistryAccess,
): Promise<Published> {
  const { name, address } = publication;
  const found = await findInRegistry(address, registry);
  for (let tries = 1; ; tries += 1) {
    try {
      return { name, address, ...found, ...(await edit(kube, map, publication)) };
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'kube.conflict') || tries === mostTries) throw error;
    }
  }
}

async function edit(
  kube: Kube,
  map: ImageMap,
  publication: Publication,
): Promise<Pick<Published, 'changed' | 'version'>> {
  const { namespace, name, key } = map;
  const path = paths.configMap(map);
  const found = await find(kube, path);
  const [version, text] = [textAt(found, 'metadata', 'resourceVersion'), textAt(found, 'data', key)];
  if (version === undefined || text === undefined)
    throw new AppError(
      'settings.invalid',
      `There is no list of images to edit: ${namespace}/${name} with a key ${key}.`,
    );
  const data = publishInto(text, publication);
  if (data === text) return { changed: false, version };
  const written = await apply(kube, path, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name, resourceVersion: version },
    data: { [key]: data },
  });
  return { changed: true, version: textAt(written, 'metadata', 'resourceVersion') ?? '' };
}
