/** A new job: checked, created in the cluster as the tool, told to its actor, answered. */
import { parseDefinition, resolveJob } from '../../definition/definition.ts';
import { toKubeObject } from '../../definition/manifests.ts';
import type { Image, JobDefinition, JobSnapshot, KubeObject } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import { type Deps, type Home, readyJobs } from './deps.ts';

/** Requests and limits of a job that asks for none (docs/wire.md, "Resources"). */
const defaults = { memory: '512Mi', cpu: '100m' };

/**
 * @param input the canonical body (snake_case keys), not yet trusted
 * @returns the job as its actor knows it, so that a list straight afterwards shows it
 * @throws AppError `job.invalid`, `image.unknown`, `images.unavailable`, `limits.exceeded`, `job.conflict`, `quota.exceeded`, `home.*`, `credentials.*`, `kube.*`
 */
export type RunJob = (caller: Caller, input: Record<string, unknown>) => Promise<JobSnapshot>;

export function createRunJob(deps: Deps): RunJob {
  /** Names on their way to the cluster: it would take one for each kind of object. */
  const reserved = new Set<string>();

  return async (caller, input) => {
    const { namespace } = caller.tool;
    const jobs = readyJobs(deps);
    const definition = parseDefinition(input);
    const image = await deps.images.find(definition.image);
    const name = `${namespace}/${definition.name}`;
    if (reserved.has(name) || jobs.find(namespace, definition.name)) throw nameTaken(definition);
    reserved.add(name);
    try {
      jobs.observe(await create(caller, definition, image, deps));
    } finally {
      reserved.delete(name);
    }
    const snapshot = jobs.find(namespace, definition.name);
    if (!snapshot) throw new AppError('internal', 'The job was created, but is not seen yet. Look again in a moment.');
    return snapshot;
  };
}

async function create(caller: Caller, definition: JobDefinition, image: Image, deps: Deps): Promise<KubeObject> {
  const { tool } = caller;
  const home = await deps.homeOf(tool);
  const job = resolveJob(definition, { tool, image, homePath: home.path, defaults });
  await deps.checkLimits(tool, job);
  try {
    return await deps.forward.create(
      tool,
      definition.type,
      toKubeObject(job, definition, manifestContext(caller, home, deps)),
    );
  } catch (error) {
    throw error instanceof AppError && error.code === 'job.conflict' ? nameTaken(definition, error) : error;
  }
}

function nameTaken(definition: JobDefinition, cause?: unknown): AppError {
  return new AppError('job.conflict', `A job with the name ${definition.name} exists already. Nothing was changed.`, {
    cause,
    fields: { field: 'name', value: definition.name },
  });
}

function manifestContext(caller: Caller, home: Home, deps: Deps): Parameters<typeof toKubeObject>[2] {
  const settings = deps.settings();
  return {
    tool: caller.tool,
    homePath: home.path,
    owner: settings.runAsHomeOwner ? { uid: home.uid, gid: home.gid } : undefined,
    mountHomes: settings.mountHomes ? { hostPath: deps.homes.base, mountPath: deps.homes.mount } : undefined,
    defaultCpuLimit: settings.defaultCpuLimit,
    imagePullPolicy: settings.imagePullPolicy,
  };
}
