/** Asks a registry whether it has an image (OCI distribution-spec, "Checking if content exists in the registry"). Shows no credentials. */
import { request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { AppError } from '../../src/errors.ts';
import { splitReference } from '../../src/image-reference.ts';
import { timeLimited } from '../../src/time-limit.ts';
import { isOnThisMachine } from './images-reference.ts';

/** One image, or one for each kind of machine, in the form of either of the two families of registries. */
const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const patienceMs = 10_000;

/**
 * @param reference with its host; the tag is `latest` where it has neither tag nor digest
 * @param ca PEM that verifies the registry; undefined = what the system trusts
 * @returns the digest of its manifest, as the registry has it
 * @throws AppError `image.not_in_registry`, `registry.unavailable`
 */
export async function digestInRegistry(reference: string, ca: string | undefined): Promise<string> {
  const { host = '', path, tag = 'latest', digest } = splitReference(reference);
  const isPlain = isOnThisMachine(reference);
  const url = `${isPlain ? 'http' : 'https'}://${host}/v2/${path}/manifests/${digest ?? tag}`;
  const answer = await head(url, isPlain ? undefined : ca).catch((cause: unknown) => {
    throw new AppError('registry.unavailable', `The registry ${host} does not answer.`, { cause });
  });
  if (answer.status === 200) return answer.digest;
  if (answer.status === 404)
    throw new AppError('image.not_in_registry', `The registry ${host} has no ${path}:${digest ?? tag}. Push it first.`);
  const words =
    answer.status === 401 || answer.status === 403
      ? `The registry ${host} shows ${path} to nobody without credentials, so jobs could not fetch it either`
      : `The registry ${host} was asked for ${path} and answered ${answer.status}`;
  throw new AppError('registry.unavailable', `${words}.`);
}

function head(url: string, ca: string | undefined): Promise<{ status: number; digest: string }> {
  const open = url.startsWith('https:') ? request : plainRequest;
  const signal = timeLimited(new AbortController().signal, patienceMs);
  const options = { method: 'HEAD', headers: { accept: manifestTypes.join(', ') }, agent: false, signal };
  return new Promise((resolve, reject) => {
    open(url, { ...options, ...(ca === undefined ? {} : { ca }) }, (incoming) => {
      incoming.on('error', () => {}).resume();
      const shown = String(incoming.headers['docker-content-digest'] ?? '');
      // Not every registry shows it.
      const digest = /^sha256:[0-9a-f]{64}$/.test(shown) ? shown : '';
      resolve({ status: incoming.statusCode ?? 0, digest });
    })
      .on('error', reject)
      .end();
  });
}
