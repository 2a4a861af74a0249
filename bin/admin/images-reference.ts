/** Which names and addresses of images are taken (distribution/reference, "Grammar"). Stricter than what users may type: these are made and pushed. */
import { type Reference, splitReference } from '../../src/image-reference.ts';

const part = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const host = '[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?';
const namePattern = new RegExp(`^${part}$`);
const registryPattern = new RegExp(`^${host}(?:/${part})*$`);
const referencePattern = new RegExp(
  `^(?:${host}/)?${part}(?:/${part})*(?::\\w[\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
);

/** One part of a path: the name of a directory, a prefix. */
export function isImageName(text: string): boolean {
  return text.length <= 128 && namePattern.test(text);
}

/** `host[:port][/path]` */
export function isRegistry(text: string): boolean {
  return text.length <= 255 && registryPattern.test(text);
}

export function isReference(text: string): boolean {
  return text.length <= 512 && referencePattern.test(text);
}

/** Without tag and digest. */
export function repositoryOf({ host: where, path }: Reference): string {
  return where === undefined ? path : `${where}/${path}`;
}

/**
 * Whether a registry is on this machine: those are asked without TLS, as Docker does, and no other is.
 * @param reference or a registry, e.g. `127.0.0.1:5000/tools`
 */
export function isOnThisMachine(reference: string): boolean {
  const where = splitReference(reference.includes('/') ? reference : `${reference}/`).host ?? '';
  return /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}):\d+$/.test(where);
}
