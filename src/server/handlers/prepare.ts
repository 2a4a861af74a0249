/** From a definition to the object that would run it: its image found, every default filled in. Nothing is changed yet. */
import { resolveJob } from '../../definition/definition.ts';
import { toKubeObject } from '../../definition/manifests.ts';
import type { JobDefinition, KubeObject, ResolvedJob } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';

/** Requests and limits of a job that asks for none (docs/wire.md, "Resources"). */
const defaults = { memory: '512Mi', cpu: '100m' };

export interface Prepared {
  readonly definition: JobDefinition;
  readonly job: ResolvedJob;
  readonly object: KubeObject;
}

/** @throws AppError `job.invalid`, `image.unknown`, `images.unavailable`, `home.*` */
export async function prepareJob({ tool }: Caller, definition: JobDefinition, deps: Deps): Promise<Prepared> {
  const image = await deps.images.find(definition.image);
  const home = await deps.homeOf(tool);
  const job = resolveJob(definition, { tool, image, homePath: home.path, defaults });
  const settings = deps.settings();
  if (job.publish && settings.publicDomain === '') throw notPublic();
  const object = toKubeObject(job, definition, {
    tool,
    homePath: home.path,
    owner: settings.runAsHomeOwner ? { uid: home.uid, gid: home.gid } : undefined,
    mountHomes: settings.mountHomes ? { hostPath: deps.homes.base, mountPath: deps.homes.mount } : undefined,
    defaultCpuLimit: settings.defaultCpuLimit,
    imagePullPolicy: settings.imagePullPolicy,
  });
  return { definition, job, object };
}

function notPublic(): AppError {
  return new AppError(
    'job.invalid',
    'publish: this installation does not make jobs reachable from outside. Leave it out.',
    {
      fields: { field: 'publish' },
    },
  );
}
