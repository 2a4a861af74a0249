/**
 * Every image a job can run in: the prebuilt ones of the ConfigMap, and what tools have built themselves. A list is for choosing and may be a
 * little old, saying so; the image of a job that is to be made is looked up anew, and what cannot be checked is not guessed.
 */
import type { BuiltImages, BuiltList } from './built-images.ts';
import type { Image, Tool } from './domain.ts';
import { AppError } from './errors.ts';
import type { BuiltImage } from './harbor.ts';
import { projectOf, type Reference, splitReference } from './image-reference.ts';
import type { ImageList } from './images.ts';
import { nearest } from './nearest.ts';

export interface OfferedImages {
  /** By name in byte order. */
  readonly images: readonly Image[];
  /** What a person should know about the list. */
  readonly warnings: readonly string[];
}

export interface ImageCatalog {
  /** Stable prebuilt images and the tool's own. */
  offered(tool: Tool): Promise<OfferedImages>;
  /**
   * `[host/]name[:tag]` of a prebuilt image or one of its aliases; `[host/]tool-x/name[:tag][@digest]` of the build service, of the tool's own
   * project or another's, the tag being `latest` where neither tag nor digest is given.
   * @throws AppError `image.unknown` naming the closest known image; `images.unavailable` where the registry had to be asked and is away
   */
  find(text: string): Promise<Image>;
}

export interface ImageCatalogOptions {
  /** @throws AppError `view.not_ready` before they have been read */
  prebuilt(): ImageList;
  /** Undefined: this installation has no build service. */
  readonly built: BuiltImages | undefined;
  now(): number;
}

export function createImageCatalog({ prebuilt, built, now }: ImageCatalogOptions): ImageCatalog {
  return {
    async offered(tool) {
      const stable = prebuilt().offered();
      if (!built) return { images: stable, warnings: [] };
      const list = await built.listOf(tool.namespace);
      const own = list.images.map((image) => offeredImage(image, built.host));
      return { images: [...stable, ...own].sort(byName), warnings: warningsOf(list, now()) };
    },
    async find(text) {
      const asked = splitReference(text);
      const place = projectOf(asked.path);
      if (!place) {
        const images = prebuilt();
        const image = images.find(text);
        if (image) return image;
        throw unknownImage(text, images.nearest(text));
      }
      if (!built || (asked.host !== undefined && asked.host !== built.host)) throw unknownImage(text, undefined);
      const tags = await built.tagsOf(place.project, place.repository).catch((cause: unknown) => {
        throw uncheckedImage(text, cause);
      });
      const found = tags.find((one) => isMeant(one, asked)) ?? tags.find((one) => isDigest(one, asked));
      if (found) return builtImage(found, built.host, asked.digest);
      throw unknownImage(text, closest(asked, tags.length > 0 ? tags : (await built.listOf(place.project)).images));
    },
  };
}

/** What a list shows says which build it is. */
function offeredImage(image: BuiltImage, host: string): Image {
  const plain = builtImage(image, host, undefined);
  return { ...plain, url: `${plain.url}@${image.digest}`, aliases: [`${plain.name}@${image.digest}`] };
}

/** A job follows the tag: started again, it runs the newest build. Only who names a digest stays with it. */
function builtImage({ path, tag, digest }: BuiltImage, host: string, wanted: string | undefined): Image {
  const name = `${path}:${tag}${wanted === undefined ? '' : `@${digest}`}`;
  const aliases = wanted === undefined ? [`${name}@${digest}`] : [];
  return { name, url: `${host}/${name}`, aliases, state: 'stable', type: 'buildservice' };
}

function isMeant({ tag, digest }: BuiltImage, asked: Reference): boolean {
  return tag === (asked.tag ?? 'latest') && (asked.digest === undefined || digest === asked.digest);
}

/** The tag, or the repository, that somebody probably meant. */
function closest({ path, tag = 'latest' }: Reference, images: readonly BuiltImage[]): string | undefined {
  return nearest(
    `${path}:${tag}`,
    images.map((one) => `${one.path}:${one.tag}`),
  );
}

/** A digest says everything: without a tag beside it any tag of the build will do. */
function isDigest({ digest }: BuiltImage, asked: Reference): boolean {
  return asked.tag === undefined && asked.digest !== undefined && digest === asked.digest;
}

function warningsOf({ isCurrent, asOf }: BuiltList, now: number): string[] {
  if (isCurrent) return [];
  const rest =
    asOf === undefined
      ? 'only the prebuilt images are listed'
      : `images of the build service are those of ${Math.max(0, Math.round((now - asOf) / 1000))} s ago`;
  return [`The registry of the build service does not answer: ${rest}.`];
}

function byName(one: Image, other: Image): number {
  if (one.name === other.name) return 0;
  return one.name < other.name ? -1 : 1;
}

function unknownImage(text: string, near: string | undefined): AppError {
  return new AppError('image.unknown', `No such image '${text}'${near ? `. Did you mean '${near}'?` : ''}`, {
    fields: { field: 'imagename', value: text, ...(near ? { nearest: near } : {}) },
  });
}

function uncheckedImage(text: string, cause: unknown): AppError {
  const message = `The registry of the build service does not answer, so the image '${text}' could not be checked. Nothing was changed. Trying again is safe.`;
  return new AppError('images.unavailable', message, {
    cause,
    fields: { field: 'imagename', value: text },
    retryAfterSeconds: 5,
  });
}
