/**
 * From a request to a definition, and from a definition to the object that would run it: its image found, every default filled in. A request
 * with mistakes hears of all of them at once. Nothing is changed yet.
 */
import {
  problemsWith,
  type ReadDefinition,
  readDefinition,
  refusalFor,
  resolveJob,
} from '../../definition/definition.ts';
import type { Problem } from '../../definition/definition-fields.ts';
import { type ToKubeContext, toKubeObject } from '../../definition/manifests.ts';
import { partsOf } from '../../definition/parts.ts';
import { suspended, suspensionFor } from '../../definition/suspension.ts';
import type { Image, JobDefinition, JobSnapshot, KubeObject, ResolvedJob } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';

/** Requests and limits of a job that asks for none (docs/wire.md, "Resources"). */
export const defaults = { memory: '512Mi', cpu: '100m' };

/** One object of a job. */
export interface Prepared {
  readonly definition: JobDefinition;
  readonly job: ResolvedJob;
  readonly object: KubeObject;
}

/**
 * @param input the canonical body (snake_case keys), not yet trusted
 * @param publishers as of prepareJob()
 * @throws AppError `job.invalid` and what a single problem may have as its own code: `schedule.invalid`, `image.unknown`, `limits.exceeded`
 */
export async function readRequest(
  caller: Caller,
  input: Readonly<Record<string, unknown>>,
  deps: Deps,
  publishers: readonly string[] = publishersOf(deps.jobs.list(caller.tool.namespace)),
): Promise<JobDefinition> {
  const read = readDefinition(input);
  if (read.problems.length > 0) throw refusalFor(await allProblems(caller, read, deps, publishers));
  return read.definition;
}

/**
 * @param publishers names of the jobs that will have the address of the tool; as the view has them where absent
 * @returns each object that the job is to be: one, but for a job of several parts
 * @throws AppError as readRequest(), `images.unavailable`, `home.*`
 */
export async function prepareJob(
  caller: Caller,
  definition: JobDefinition,
  deps: Deps,
  publishers: readonly string[] = publishersOf(deps.jobs.list(caller.tool.namespace)),
): Promise<readonly Prepared[]> {
  try {
    return await prepare(caller, definition, deps, publishers);
  } catch (error) {
    if (!(error instanceof AppError) || !requestMistakes.has(error.code)) throw error;
    const problems = await allProblems(caller, { definition, problems: [] }, deps, publishers);
    throw problems.length > 0 ? refusalFor(problems) : error;
  }
}

const requestMistakes: ReadonlySet<AppError['code']> = new Set(['job.invalid', 'image.unknown']);

async function prepare(
  caller: Caller,
  definition: JobDefinition,
  deps: Deps,
  publishers: readonly string[],
): Promise<readonly Prepared[]> {
  const { tool } = caller;
  const image = await deps.images.find(definition.image);
  const home = await deps.homeOf(tool);
  const settings = deps.settings();
  const [unpublishable] = problemsOfPublishing(definition, publishers, deps);
  if (unpublishable) throw refusalFor([unpublishable]);
  const context: ToKubeContext = {
    tool,
    homePath: home.path,
    owner: settings.runAsHomeOwner ? { uid: home.uid, gid: home.gid } : undefined,
    mountHomes: settings.mountHomes ? { hostPath: deps.homes.base, mountPath: deps.homes.mount } : undefined,
    defaultCpuLimit: settings.defaultCpuLimit,
    imagePullPolicy: settings.imagePullPolicy,
  };
  return partsOf(definition).map((part) => {
    const now = deps.now();
    const job = resolveJob(definition, { tool, image, homePath: home.path, defaults, now }, part);
    const object = toKubeObject(job, definition, context);
    const { suspend } = job;
    return { definition, job, object: suspend ? suspended(object, suspensionFor(suspend, { since: now })) : object };
  });
}

/** Beside those of single fields: of the image, of what goes with it, of the limits. Asks no home: where it would lie is known. */
async function allProblems(
  caller: Caller,
  read: ReadDefinition,
  deps: Deps,
  publishers: readonly string[],
): Promise<Problem[]> {
  const { tool } = caller;
  const { definition, problems } = read;
  const isNamed = !problems.some(({ field }) => field === 'imagename');
  const image = isNamed ? await deps.images.find(definition.image).catch(problemOfImage) : undefined;
  return [
    ...problems,
    ...problemsOfImage(definition, image, `${deps.homes.mount}/${tool.name}`).filter(
      ({ field }) => !isIn(problems, field),
    ),
    ...problemsOfPublishing(definition, publishers, deps).filter(({ field }) => !isIn(problems, field)),
    ...(await deps.checkLimits(tool, { ...defaults, ...definition }).then(() => [], problemsOfLimits)),
  ];
}

function isIn(problems: readonly Problem[], wanted: string): boolean {
  return problems.some(({ field }) => field === wanted);
}

/** A registry that is away is no mistake of the request. */
function problemOfImage(error: unknown): Problem | undefined {
  if (!(error instanceof AppError) || error.code !== 'image.unknown') return undefined;
  return { field: 'imagename', text: error.message, cause: error };
}

function problemsOfImage(definition: JobDefinition, image: Image | Problem | undefined, home: string): Problem[] {
  if (!image) return [];
  return 'field' in image ? [image] : problemsWith(definition, image, home);
}

/** Names of the jobs that are reachable from outside, or are to be. */
export function publishersOf(jobs: readonly JobSnapshot[]): string[] {
  return jobs.flatMap(({ key, object }) => (object.job?.publish ? [key.name] : []));
}

/** All of a tool's host leads to one job. */
function problemsOfPublishing({ name, publish }: JobDefinition, publishers: readonly string[], deps: Deps): Problem[] {
  if (!publish) return [];
  if (deps.settings().publicDomain === '') {
    const text = 'publish: this installation does not make jobs reachable from outside. Leave it out.';
    return [{ field: 'publish', text }];
  }
  const other = publishers.find((one) => one !== name);
  if (other === undefined) return [];
  const text = `publish: the address of the tool leads to its job '${other}' already. Delete that one first, or change it.`;
  return [{ field: 'publish', text }];
}

/** Limits that cannot be read are found missing when the job is made. */
function problemsOfLimits(error: unknown): Problem[] {
  if (!(error instanceof AppError) || error.code !== 'limits.exceeded') return [];
  const texts = error.problems ?? [error.message];
  return texts.map((text) => ({
    field: text.startsWith('Requested memory') ? 'memory' : 'cpu',
    text,
    ...(texts.length === 1 ? { cause: error } : {}),
  }));
}
