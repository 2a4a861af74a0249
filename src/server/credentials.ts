/**
 * Under whose name a request goes to the API server. The usual way: with the certificate from the tool's home, one connection pool for each
 * (tool, certificate), made for it and for nothing else. The other way, chosen at start: with our own credentials and impersonation.
 */
import { type Authorities, readAuthorities } from '../authorities.ts';
import type { Tool } from '../domain.ts';
import { AppError } from '../errors.ts';
import type { Homes } from '../homes/homes.ts';
import type { Kube, KubeOptions } from '../kube.ts';
import { checkLeaf, type Leaf, passingRules } from '../leaf.ts';
import type { Log } from '../log.ts';
import { createPools } from './pools.ts';

export interface Credentials {
  /**
   * A connection that acts as the tool. Use it at once; ask again for the next request.
   * @throws AppError `credentials.invalid`, `home.refused`, `home.unavailable`
   */
  kubeFor(tool: Tool): Promise<Kube>;
  /** The API server refused the certificate: the next kubeFor reads it again. */
  refresh(tool: Tool): void;
  /** What is asked from now on goes this way; what is under way is finished. @throws AppError `settings.invalid`, and nothing has changed */
  replace(api: Api): void;
  /** When the first ends of the tools' certificates that are in use, ms since the epoch; undefined where none is. */
  firstEnd(): number | undefined;
  close(): Promise<void>;
}

/** Where the API server is, the PEM that verifies it, and who we are there ourselves. */
export type Api = Pick<KubeOptions, 'server' | 'ca' | 'credentials'>;

interface Shared {
  readonly api: Api;
  readonly userAgent: string;
  readonly createKube: (options: KubeOptions) => Kube;
  readonly maxPools?: number;
  readonly idleMs?: number;
  readonly retireMs?: number;
}

export interface CredentialsOptions extends Shared {
  readonly homes: Pick<Homes, 'credentials' | 'look'>;
  readonly log: Log;
  readonly now?: () => number;
  /** How old the last look at the files may be. */
  readonly recheckMs?: number;
}

interface Pool extends Leaf {
  readonly kube: Kube;
  stamp: string;
  checkedAt: number;
  /** When the files in the home stopped being good, while the pool is still used. */
  failingSince: number | undefined;
}

const maxPools = 500;
const idleMs = 600_000;
const retireMs = 5_000;
const recheckMs = 2_000;
const connectionsOfTool = 4;
const readTries = 3;
const readPauseMs = 30;
/** Longer than any sane way of replacing two files, and within the 60 s in which a revocation must work. */
const halfDoneMs = 30_000;

export function createCredentials(options: CredentialsOptions): Credentials {
  const { homes, log, now = Date.now } = options;
  let { api } = options;
  /** The cluster's own CA signs the tools' certificates. */
  let authorities = authoritiesOf(api);
  const pools = createPools<Pool>({ maxPools, idleMs, retireMs, ...sizes(options) });
  const flights = new Map<string, Promise<Pool>>();
  const refused = new Set<string>();

  function isFresh(tool: Tool, pool: Pool): boolean {
    const at = now();
    return at - pool.checkedAt < (options.recheckMs ?? recheckMs) && at < pool.notAfter && !refused.has(tool.name);
  }

  /** The pool after a look at the home; an older one goes on for a while when its successor is not there yet. */
  async function check(tool: Tool, pool: Pool | undefined): Promise<Pool> {
    const mustRead = refused.delete(tool.name) || !pool || now() >= pool.notAfter;
    try {
      const next =
        mustRead || (await homes.look(tool)).stamp !== pool.stamp
          ? await load(tool, pool, mustRead ? readTries : 1)
          : pool;
      next.failingSince = undefined;
      next.checkedAt = now();
      return next;
    } catch (error) {
      if (pool && canGoOn(tool, pool, error)) return pool;
      pools.drop(tool.name);
      throw error;
    }
  }

  /** A home that only does not answer says nothing against a certificate that is still valid. */
  function canGoOn(tool: Tool, pool: Pool, error: unknown): boolean {
    const at = now();
    if (!(error instanceof AppError) || at >= pool.notAfter) return false;
    if (pool.failingSince === undefined)
      log.warn({ tool: tool.name, code: error.code, ...error.fields }, 'the certificate of the tool cannot be renewed');
    pool.failingSince ??= at;
    pool.checkedAt = at;
    return error.code === 'home.unavailable' || at - pool.failingSince < halfDoneMs;
  }

  /** Several tries only where nothing else would do: a pair in the middle of being replaced is whole again in a moment. */
  async function load(tool: Tool, current: Pool | undefined, tries: number): Promise<Pool> {
    for (let attempt = 1; ; attempt++) {
      const { cert, key, stamp } = await homes.credentials(tool);
      try {
        const leaf = checkLeaf({ tool, cert, key, authorities, now: now() });
        if (current?.fingerprint === leaf.fingerprint) {
          current.stamp = stamp;
          return current;
        }
        const kube = options.createKube(
          kubeOptions(options, { ...api, credentials: { kind: 'certificate', cert, key } }),
        );
        const pool: Pool = { ...leaf, kube, stamp, checkedAt: now(), failingSince: undefined };
        pools.put(tool.name, pool);
        log.info(
          { tool: tool.name, fingerprint: leaf.fingerprint, replaced: current !== undefined },
          'the certificate of the tool is in use',
        );
        return pool;
      } catch (error) {
        if (attempt === tries || !isPassing(error)) throw error;
      } finally {
        cert.fill(0);
        key.fill(0);
      }
      await pause(readPauseMs * attempt);
    }
  }

  return {
    async kubeFor(tool) {
      const pool = pools.get(tool.name);
      if (pool && isFresh(tool, pool)) return pool.kube;
      const flight = flights.get(tool.name) ?? check(tool, pool).finally(() => flights.delete(tool.name));
      flights.set(tool.name, flight);
      return (await flight).kube;
    },
    refresh(tool) {
      refused.add(tool.name);
    },
    replace(next) {
      authorities = authoritiesOf(next);
      api = next;
      pools.clear();
    },
    firstEnd() {
      const ends = pools.all().map(({ notAfter }) => notAfter);
      return ends.length > 0 ? Math.min(...ends) : undefined;
    },
    close: () => pools.close(),
  };
}

/**
 * The same with our own credentials and impersonation: user = name of the tool, group = toolforge, on a connection that carries them from the
 * start. No home is read. Our account may impersonate users and the group `toolforge`.
 */
export function createImpersonation(options: Shared): Credentials {
  let { api } = options;
  const pools = createPools<{ kube: Kube }>({ maxPools, idleMs, retireMs, ...sizes(options) });
  return {
    async kubeFor(tool) {
      const pool = pools.get(tool.name);
      if (pool) return pool.kube;
      const impersonate = { user: tool.name, groups: ['toolforge'] };
      const kube = options.createKube({ ...kubeOptions(options, api), impersonate });
      pools.put(tool.name, { kube });
      return kube;
    },
    refresh(tool) {
      pools.drop(tool.name);
    },
    replace(next) {
      api = next;
      pools.clear();
    },
    firstEnd: () => undefined,
    close: () => pools.close(),
  };
}

function authoritiesOf({ ca }: Api): Authorities {
  return readAuthorities(ca, 'the CA of the API server');
}

function kubeOptions({ userAgent }: Shared, { server, ca, credentials }: Api): KubeOptions {
  return { server, ca, userAgent, credentials, connections: connectionsOfTool };
}

/** Only what was given: an absent option must not hide its default. */
function sizes(given: Shared): { maxPools?: number; idleMs?: number; retireMs?: number } {
  return {
    ...(given.maxPools === undefined ? {} : { maxPools: given.maxPools }),
    ...(given.idleMs === undefined ? {} : { idleMs: given.idleMs }),
    ...(given.retireMs === undefined ? {} : { retireMs: given.retireMs }),
  };
}

function isPassing(error: unknown): boolean {
  return error instanceof AppError && passingRules.has(error.fields?.rule);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
