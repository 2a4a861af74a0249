/**
 * One event on the wire: POST to a place that a user has chosen, over TLS, on a connection of its own. Only an address that was judged is
 * connected to, nothing is followed anywhere else, and nothing of an answer but its status is read.
 */
import { Resolver } from 'node:dns/promises';
import { request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';

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

  return async ({ url, headers, body }, signal) => {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const addresses = await unlessAborted(judgedAddresses(host), signal);
    const trusted = ca();
    return new Promise((answer, fail) => {
      request(
        url,
        {
          method: 'POST',
          agent: false,
          signal,
          // Not asked for an address that stands in the URL itself, which is then the one that was judged.
          lookup: lookupOf(addresses),
          minVersion: 'TLSv1.2',
          rejectUnauthorized: true,
          ...(trusted === undefined ? {} : { ca: [...rootCertificates, trusted] }),
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
  const none = (error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOTFOUND' || error.code === 'ENODATA') return [];
    throw new UnreachableError('its name could not be looked up', { cause: error });
  };
  const found = await Promise.all([resolver.resolve4(name).catch(none), resolver.resolve6(name).catch(none)]);
  return found.flat();
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    work.then(resolve, reject);
  });
}
