/**
 * One event on the wire: POST to a place that a user has chosen, over TLS, on a connection of its own. Only an address that was judged is
 * connected to, nothing is followed anywhere else, and nothing of an answer but its status is read.
 */
import { Resolver } from 'node:dns/promises';
import { request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { bareHost } from '../../webhooks.ts';

export interface PostOptions {
  /** Whether this address may be connected to. */
  mayReach(address: string): boolean;
  /** PEM: trusted beside the usual authorities; read for each request. */
  ca(): string | undefined;
  readonly userAgent: string;
  /** Unset: DNS. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
}

export interface Posted {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON */
  readonly body: string;
}

/** @returns the status of the answer. @throws UnreachableError, and whatever ended the request before there was an answer */
export type Post = (posted: Posted, signal: AbortSignal) => Promise<number>;

const minVersion = 'TLSv1.2';
/** How long one of several addresses is waited for before the next is tried (Node.js, "net"); 250 ms are too few across the world. */
const manyAddresses = { autoSelectFamilyAttemptTimeout: 2_000 };

/** Nothing that may be connected to has this name. */
export class UnreachableError extends Error {}

export function createPost({ mayReach, ca, userAgent, resolve = resolveName }: PostOptions): Post {
  async function judgedAddresses(host: string): Promise<readonly string[]> {
    const addresses = isIP(host) === 0 ? await resolve(host) : [host];
    const judged = addresses.filter(mayReach);
    if (addresses.length === 0) throw new UnreachableError('it has no address');
    if (judged.length === 0) throw new UnreachableError('its address is none that webhooks may be sent to');
    return judged;
  }

  let trusted: { readonly pem: string; readonly context: SecureContext } | undefined;

  /** Made once for each text: all usual authorities are read for it. */
  function contextOf(pem: string): SecureContext {
    if (trusted?.pem !== pem)
      trusted = { pem, context: createSecureContext({ ca: [...rootCertificates, pem], minVersion }) };
    return trusted.context;
  }

  return async ({ url, headers, body }, signal) => {
    const host = bareHost(url.hostname);
    const addresses = await unlessAborted(judgedAddresses(host), signal);
    const pem = ca();
    return new Promise((answer, fail) => {
      request(
        url,
        {
          method: 'POST',
          agent: false,
          signal,
          // Not asked for an address that stands in the URL itself, which is then the one that was judged.
          lookup: lookupOf(addresses),
          ...manyAddresses,
          rejectUnauthorized: true,
          ...(pem === undefined ? { minVersion } : { secureContext: contextOf(pem) }),
          headers: {
            ...headers,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
            'user-agent': userAgent,
            connection: 'close',
          },
        },
        (incoming) => {
          incoming.on('error', () => {}).destroy();
          answer(incoming.statusCode ?? 0);
        },
      )
        .on('error', fail)
        .end(body);
    });
  };
}

function lookupOf(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, options, answer) => {
    if (options.all) answer(null, all);
    else answer(null, all[0]?.address ?? '', all[0]?.family);
  };
}

const dns = { timeout: 2_000, tries: 2 };

/** Straight from DNS: the names of this machine and of the cluster's search domains mean nothing here. */
async function resolveName(name: string): Promise<readonly string[]> {
  const resolver = new Resolver(dns);
  const asked = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const found = asked.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  // Some servers know the addresses of one kind only, and fail when they are asked for the other.
  const failures = asked.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  const cause = failures.find(({ code }) => code !== 'ENOTFOUND' && code !== 'ENODATA');
  if (found.length === 0 && cause) throw new UnreachableError('its name could not be looked up', { cause });
  return found;
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    work.then(resolve, reject);
  });
}
