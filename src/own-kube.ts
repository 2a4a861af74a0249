/**
 * The daemon's own connection to the API server, whose credentials and CA others replace on disk while it works. A replacement is tried out
 * before it counts; then what is asked goes by it, and what is under way (a watch, for minutes) is finished as it began.
 */
import { requireGoodAuthority } from './authorities.ts';
import { requireGoodNow } from './certificate-dates.ts';
import { AppError } from './errors.ts';
import { createKube, type DrainableKube, type Kube, type KubeOptions, type KubeRequest, kubeStatusOf } from './kube.ts';

export interface OwnKube extends Kube {
  /**
   * Asks the API server with the replacement.
   * @returns puts it in force
   * @throws AppError `settings.invalid`, `kube.*` where it cannot be used; then everything is as it was
   */
  tryOut(next: KubeOptions): Promise<() => void>;
}

/** Whoever holds the former connection may still be about to send. */
const retireMs = 5_000;

export interface OwnKubeOptions {
  readonly first: KubeOptions;
  now(): number;
  /** Told of every request whether the API server answered it. Must not throw. Unset: nobody wants to know. */
  onOutcome?(isAnswered: boolean): void;
  /** Unset: kube.ts. */
  readonly create?: (options: KubeOptions) => DrainableKube;
}

/** @throws AppError `settings.invalid` where nothing can be made of the first credentials */
export function createOwnKube({ first, now, onOutcome, create = createKube }: OwnKubeOptions): OwnKube {
  const open = (options: KubeOptions) => {
    try {
      return create(options);
    } catch (cause) {
      throw invalid('The certificate and the key of the daemon do not belong together, or cannot be read', cause);
    }
  };
  let kube = open(first);
  const former = new Set<DrainableKube>();

  function retire(old: DrainableKube): void {
    former.add(old);
    const timer = setTimeout(() => void old.drain().then(() => former.delete(old)), retireMs);
    timer.unref();
  }

  async function noted<T>(request: KubeRequest, asked: Promise<T>): Promise<T> {
    try {
      const answer = await asked;
      onOutcome?.(true);
      return answer;
    } catch (error) {
      // What we gave up ourselves says nothing.
      if (!request.signal?.aborted) onOutcome?.(isAnswer(error));
      throw error;
    }
  }

  return {
    request: (request) => noted(request, kube.request(request)),
    stream: (request) => noted(request, kube.stream(request)),
    async tryOut(next) {
      const { ca, credentials } = next;
      requireGoodAuthority(ca, 'the CA of the API server', now());
      if (credentials.kind === 'certificate')
        requireGoodNow(String(credentials.cert), 'the certificate of the daemon', now());
      const fresh = open(next);
      try {
        // Everybody may ask this; whoever is not believed is told so.
        await fresh.request({ method: 'GET', path: '/version' });
      } catch (error) {
        const code = error instanceof AppError ? error.code : undefined;
        // Nearly everybody: whoever may not is believed all the same.
        if (code !== 'kube.forbidden') {
          await fresh.close();
          throw code === 'credentials.invalid'
            ? invalid('The API server does not accept the credentials of the daemon', error)
            : error;
        }
      }
      return () => {
        retire(kube);
        kube = fresh;
      };
    },
    async close() {
      await Promise.all([kube, ...former].map((each) => each.close()));
    },
  };
}

/** A refusal is one; that it cannot answer is none. */
function isAnswer(error: unknown): boolean {
  const status = kubeStatusOf(error);
  return status !== undefined && status.statusCode < 500;
}

function invalid(problem: string, cause: unknown): AppError {
  return new AppError('settings.invalid', `${problem}.`, { cause, problems: [problem] });
}
