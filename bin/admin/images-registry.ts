/**
 * Asks a registry whether it has an image (OCI distribution-spec, "Checking if content exists in the registry"): as a stranger first, as nodes
 * do, and with the account of this user where the registry wants one. A registry may want a token even of strangers
 * (distribution/distribution, "Token Authentication Specification").
 */
import { type IncomingHttpHeaders, request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { AppError } from '../../src/errors.ts';
import { textAt } from '../../src/fields.ts';
import { createGetJson } from '../../src/get-json.ts';
import { splitReference } from '../../src/image-reference.ts';
import { timeLimited } from '../../src/time-limit.ts';
import type { RegistryAccount } from './images-account.ts';
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

export interface RegistryAccess {
  /** PEM that verifies the registry; undefined = what the system trusts. */
  readonly ca: string | undefined;
  /** Asked for where the registry shows the image to no stranger. */
  account(reference: string): Promise<RegistryAccount | undefined>;
}

export interface InRegistry {
  /** Of its manifest, as the registry has it; empty where it does not say. */
  readonly digest: string;
  /** Whether strangers see it, nodes without credentials for instance. */
  readonly isPublic: boolean;
}

/**
 * @param reference with its host; the tag is `latest` where it has neither tag nor digest
 * @throws AppError `image.not_in_registry`, `registry.unavailable`, `settings.invalid`
 */
export async function findInRegistry(reference: string, { ca, account }: RegistryAccess): Promise<InRegistry> {
  const { host = '', path, tag = 'latest', digest } = splitReference(reference);
  const scheme = isOnThisMachine(reference) ? 'http' : 'https';
  const url = new URL(`${scheme}://${host}/v2/${path}/manifests/${digest ?? tag}`);
  const asked = (as: RegistryAccount | undefined) =>
    ask(url, ca, as).catch((cause: unknown) => {
      throw new AppError('registry.unavailable', `The registry ${host} does not answer.`, { cause });
    });
  const stranger = await asked(undefined);
  const known = isRefused(stranger) ? await account(reference) : undefined;
  const { status, headers } = known === undefined ? stranger : await asked(known);
  if (status === 200) return { digest: digestOf(headers), isPublic: known === undefined };
  if (status === 404)
    throw new AppError('image.not_in_registry', `The registry ${host} has no ${path}:${digest ?? tag}. Push it first.`);
  const words =
    status !== 401 && status !== 403
      ? `The registry ${host} was asked for ${path} and answered ${status}`
      : known === undefined
        ? `The registry ${host} shows ${path} to nobody without credentials, and none are kept here ('buildah login ${host}' keeps them)`
        : `The registry ${host} does not show ${path} to the account that ${known.file} has for it`;
  throw new AppError('registry.unavailable', `${words}.`);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

const isRefused = ({ status }: Answer) => status === 401 || status === 403;

async function ask(url: URL, ca: string | undefined, account: RegistryAccount | undefined): Promise<Answer> {
  const signal = timeLimited(new AbortController().signal, patienceMs);
  const first = await head(url, ca, {}, signal);
  if (first.status !== 401) return first;
  const challenge = first.headers['www-authenticate'] ?? '';
  const token = await tokenFor(url, challenge, { ca, account, signal });
  if (token !== undefined) return head(url, ca, { authorization: `Bearer ${token}` }, signal);
  if (account === undefined || !/^Basic\b/i.test(challenge)) return first;
  return head(url, ca, { authorization: account.authorization }, signal);
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

interface TokenRequest {
  readonly ca: string | undefined;
  /** Undefined: as strangers get it. */
  readonly account: RegistryAccount | undefined;
  readonly signal: AbortSignal;
}

/** @returns undefined where the registry offers none */
async function tokenFor(
  registry: URL,
  challenge: string,
  { ca, account, signal }: TokenRequest,
): Promise<string | undefined> {
  const [, list = ''] = /^Bearer\s+(.*)$/is.exec(challenge) ?? [];
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
    ...(account === undefined ? {} : { authorization: account.authorization }),
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
