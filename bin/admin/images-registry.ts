/**
 * Asks a registry whether it has an image (OCI distribution-spec, "Checking if content exists in the registry"), as a node without credentials
 * does: a registry that wants a token even of strangers is asked for one first (distribution/distribution, "Token Authentication Specification").
 */
import { type IncomingHttpHeaders, request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { AppError } from '../../src/errors.ts';
import { textAt } from '../../src/fields.ts';
import { createGetJson } from '../../src/get-json.ts';
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
const maxTokenBytes = 65_536;

/**
 * @param reference with its host; the tag is `latest` where it has neither tag nor digest
 * @param ca PEM that verifies the registry; undefined = what the system trusts
 * @returns the digest of its manifest, as the registry has it; empty where it does not say
 * @throws AppError `image.not_in_registry`, `registry.unavailable`
 */
export async function digestInRegistry(reference: string, ca: string | undefined): Promise<string> {
  const { host = '', path, tag = 'latest', digest } = splitReference(reference);
  const scheme = isOnThisMachine(reference) ? 'http' : 'https';
  const url = new URL(`${scheme}://${host}/v2/${path}/manifests/${digest ?? tag}`);
  const { status, headers } = await ask(url, ca).catch((cause: unknown) => {
    throw new AppError('registry.unavailable', `The registry ${host} does not answer.`, { cause });
  });
  if (status === 200) return digestOf(headers);
  if (status === 404)
    throw new AppError('image.not_in_registry', `The registry ${host} has no ${path}:${digest ?? tag}. Push it first.`);
  const words =
    status === 401 || status === 403
      ? `The registry ${host} shows ${path} to nobody without credentials, so jobs could not fetch it either`
      : `The registry ${host} was asked for ${path} and answered ${status}`;
  throw new AppError('registry.unavailable', `${words}.`);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

async function ask(url: URL, ca: string | undefined): Promise<Answer> {
  const signal = timeLimited(new AbortController().signal, patienceMs);
  const first = await head(url, ca, {}, signal);
  const token = first.status === 401 ? await strangersToken(url, first.headers, ca, signal) : undefined;
  return token === undefined ? first : head(url, ca, { authorization: `Bearer ${token}` }, signal);
}

function head(url: URL, ca: string | undefined, more: Record<string, string>, signal: AbortSignal): Promise<Answer> {
  const open = url.protocol === 'https:' ? request : plainRequest;
  const headers = { accept: manifestTypes.join(', '), ...more };
  const options = { method: 'HEAD', headers, agent: false, signal, ...(ca === undefined ? {} : { ca }) };
  return new Promise((resolve, reject) => {
    open(url, options, (incoming) => {
      incoming.on('error', () => {}).resume();
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers });
    })
      .on('error', reject)
      .end();
  });
}

/** @returns undefined where the registry offers none */
async function strangersToken(
  registry: URL,
  headers: IncomingHttpHeaders,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [, list = ''] = /^Bearer\s+(.*)$/is.exec(headers['www-authenticate'] ?? '') ?? [];
  const given = new Map([...list.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]));
  const realm = given.get('realm') ?? '';
  if (!URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  // A registry without TLS is on this machine, and may send us nowhere else without it.
  if (url.protocol !== 'https:' && url.origin !== registry.origin) return undefined;
  for (const name of ['service', 'scope']) url.searchParams.set(name, given.get(name) ?? '');
  const { origin } = url;
  const trusted = url.host === registry.host ? ca : undefined;
  const getter = createGetJson({
    origin,
    ca: () => trusted,
    userAgent: 'toolforge-jobs-admin',
    maxBytes: maxTokenBytes,
    connections: 1,
  });
  try {
    const { body } = await getter.get(`${url.pathname}${url.search}`, signal);
    const token = textAt(body, 'token') ?? textAt(body, 'access_token') ?? '';
    return /^[\x21-\x7e]+$/.test(token) ? token : undefined;
  } finally {
    getter.close();
  }
}

function digestOf(headers: IncomingHttpHeaders): string {
  const shown = String(headers['docker-content-digest'] ?? '');
  return /^sha256:[0-9a-f]{64}$/.test(shown) ? shown : '';
}
