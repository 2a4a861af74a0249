/**
 * The images of the build service as one daemon knows them: each tool's list is asked for at most once in a few seconds, whoever asks, and
 * the last good one is kept for the time in which the registry does not answer.
 */
import { AppError } from './errors.ts';
import type { BuiltImage, Harbor } from './harbor.ts';
import type { Log } from './log.ts';

/** Images, and how far they can be believed. */
export interface BuiltList {
  readonly images: readonly BuiltImage[];
  /** When the registry said so, ms since the epoch; undefined: never. */
  readonly asOf: number | undefined;
  /** Whether the registry answered when it was last asked. */
  readonly isCurrent: boolean;
}

export interface BuiltImages {
  readonly host: string;
  /** Of a list, for people to choose from. Never throws: a registry that is away makes it an older one, or an empty one. */
  listOf(project: string): Promise<BuiltList>;
  /** Of one repository, asked anew every time. @throws AppError `images.unavailable` */
  tagsOf(project: string, repository: string): Promise<readonly BuiltImage[]>;
}

export interface BuiltImagesOptions {
  readonly harbor: Harbor;
  /** Read at every use. */
  cacheMs(): number;
  now(): number;
  readonly log: Log;
}

interface Kept {
  readonly list: BuiltList;
  /** When it was last asked, with or without success. */
  readonly askedAt: number;
}

/** Lists kept: the most recently asked tools only. */
const maxKept = 256;

export function createBuiltImages({ harbor, cacheMs, now, log }: BuiltImagesOptions): BuiltImages {
  const kept = new Map<string, Kept>();
  const underWay = new Map<string, Promise<BuiltList>>();
  let isAway = false;

  function answered(error?: unknown): void {
    if (error && !isAway) log.warn({ err: error }, 'the registry of the build service does not answer');
    if (!error && isAway) log.info({}, 'the registry of the build service answers again');
    isAway = error !== undefined;
  }

  async function asked<T>(answer: Promise<T>): Promise<T> {
    try {
      const value = await answer;
      answered();
      return value;
    } catch (error) {
      answered(error);
      throw error;
    }
  }

  async function refresh(project: string): Promise<BuiltList> {
    const before = kept.get(project)?.list;
    const list = await asked(harbor.imagesOf(project)).then(
      (images): BuiltList => ({ images, asOf: now(), isCurrent: true }),
      (error: unknown): BuiltList => {
        if (!(error instanceof AppError)) throw error;
        return { images: before?.images ?? [], asOf: before?.asOf, isCurrent: false };
      },
    );
    kept.delete(project);
    kept.set(project, { list, askedAt: now() });
    if (kept.size > maxKept) kept.delete(kept.keys().next().value as string);
    return list;
  }

  return {
    host: harbor.host,
    async listOf(project) {
      const last = kept.get(project);
      if (last && now() - last.askedAt < cacheMs()) return last.list;
      const asking = underWay.get(project) ?? refresh(project).finally(() => underWay.delete(project));
      underWay.set(project, asking);
      return asking;
    },
    tagsOf: (project, repository) => asked(harbor.tagsOf(project, repository)),
  };
}
