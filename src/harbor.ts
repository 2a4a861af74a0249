/**
 * What tools have built: asked of a registry that speaks the Harbor API (goharbor.io, API v2.0), without credentials. Every answer is text
 * from outside: what does not look like the name of an image is left out, and sizes and numbers are bounded.
 */
import { AppError } from './errors.ts';
import type { JsonAnswer } from './get-json.ts';
import { timeLimited } from './time-limit.ts';

/** One tag of one artifact. */
export interface BuiltImage {
  /** `tool-demo/web` */
  readonly path: string;
  readonly tag: string;
  /** `sha256:…` */
  readonly digest: string;
}

export interface Harbor {
  /** As it stands in addresses, with the port where there is one. */
  readonly host: string;
  /**
   * All tags of all images of a project; none where there is no such project.
   * @throws AppError `images.unavailable`
   */
  imagesOf(project: string): Promise<readonly BuiltImage[]>;
  /** The same of one repository, e.g. `web/worker`. @throws AppError `images.unavailable` */
  tagsOf(project: string, repository: string): Promise<readonly BuiltImage[]>;
}

export interface HarborOptions {
  readonly host: string;
  get(path: string, signal: AbortSignal): Promise<JsonAnswer>;
  /** For one request; a whole listing gets four times as long. Read at every use. */
  timeoutMs(): number;
}

/** Harbor gives no more at once. */
const pageSize = 100;
const maxPages = 10;
const maxImages = 1_000;
const repositoriesAtOnce = 4;
/** A project that is missing, or that may not be looked at: to strangers they look alike. */
const noProject: ReadonlySet<number> = new Set([401, 403, 404]);

const projectPattern = /^tool-[a-z0-9][a-z0-9-]{0,62}$/;
const repositoryPattern = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

export function createHarbor(options: HarborOptions): Harbor {
  return {
    host: options.host,
    async imagesOf(project) {
      if (!projectPattern.test(project)) return [];
      return within(options, async (ask) => {
        const repositories = await repositoriesOf(ask, project);
        return inTurns(repositories, (repository) => readTags(ask, project, repository));
      });
    },
    async tagsOf(project, repository) {
      if (!projectPattern.test(project) || !isRepository(repository)) return [];
      return within(options, (ask) => readTags(ask, project, repository));
    },
  };
}

/** All elements of a list, however many pages it has; undefined where there is no such list. */
type Ask = (path: string) => Promise<readonly unknown[] | undefined>;

/** One failure ends the whole: a list that is silently too short would be believed. */
async function within<T>({ get, timeoutMs }: HarborOptions, work: (ask: Ask) => Promise<T>): Promise<T> {
  const failed = new AbortController();
  const whole = timeLimited(failed.signal, 4 * timeoutMs());
  const ask: Ask = (path) => allPages((page) => get(`${path}?${page}`, timeLimited(whole, timeoutMs())));
  try {
    return await work(ask);
  } catch (cause) {
    throw new AppError('images.unavailable', 'The registry of the build service does not answer. Try again later.', {
      cause,
      retryAfterSeconds: 5,
    });
  } finally {
    failed.abort();
  }
}

async function allPages(getPage: (query: string) => Promise<JsonAnswer>): Promise<readonly unknown[] | undefined> {
  const all: unknown[] = [];
  for (let page = 1; page <= maxPages; page++) {
    const { status, body, total } = await getPage(`with_tag=true&page=${page}&page_size=${pageSize}`);
    if (noProject.has(status)) return undefined;
    if (status !== 200 || !Array.isArray(body)) throw new Error(`the registry answered ${status} with no list`);
    all.push(...body);
    const isLast = total === undefined ? body.length < pageSize : all.length >= total;
    if (isLast || body.length === 0) break;
  }
  return all;
}

async function repositoriesOf(ask: Ask, project: string): Promise<string[]> {
  const answered = (await ask(`/api/v2.0/projects/${project}/repositories`)) ?? [];
  const prefix = `${project}/`;
  return answered.flatMap((one) => {
    const name = fieldOf(one, 'name');
    if (typeof name !== 'string' || !name.startsWith(prefix)) return [];
    const repository = name.slice(prefix.length);
    return isRepository(repository) ? [repository] : [];
  });
}

/** A slash in the name is encoded twice (goharbor.io, API v2.0, "repository_name"). */
async function readTags(ask: Ask, project: string, repository: string): Promise<BuiltImage[]> {
  const encoded = encodeURIComponent(encodeURIComponent(repository));
  const artifacts = (await ask(`/api/v2.0/projects/${project}/repositories/${encoded}/artifacts`)) ?? [];
  return artifacts.flatMap((artifact) => tagsOfArtifact(artifact, `${project}/${repository}`));
}

function tagsOfArtifact(artifact: unknown, path: string): BuiltImage[] {
  const digest = fieldOf(artifact, 'digest');
  const tags = fieldOf(artifact, 'tags');
  if (fieldOf(artifact, 'type') !== 'IMAGE' || typeof digest !== 'string' || !digestPattern.test(digest)) return [];
  const names = Array.isArray(tags) ? tags.map((tag) => fieldOf(tag, 'name')) : [];
  return names.flatMap((tag) => (typeof tag === 'string' && tagPattern.test(tag) ? [{ path, tag, digest }] : []));
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<BuiltImage[]>): Promise<BuiltImage[]> {
  const found: BuiltImage[] = [];
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) {
      if (found.length >= maxImages) return;
      found.push(...(await work(item)));
    }
  };
  await Promise.all(Array.from({ length: repositoriesAtOnce }, worker));
  return found.slice(0, maxImages);
}

function isRepository(text: string): boolean {
  return text.length <= 255 && repositoryPattern.test(text);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
