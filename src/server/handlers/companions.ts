/**
 * What makes a continuous job reachable: its Service, and where it is public its Ingress. Both belong to the job's Deployment
 * (ownerReferences), so that they end with it whoever ends it. Asked for only by jobs that have a port, or had one.
 */
import { labelNames, manager } from '../../definition/labels.ts';
import { toIngress, toService } from '../../definition/ports.ts';
import type { KubeObject, ResolvedJob } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { textAt } from '../../fields.ts';
import type { CompanionKind } from '../forward.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';

/**
 * Makes, changes or removes them so that they fit the job.
 * @param deployment the job's object as the API server stored it
 * @throws AppError `name.taken` where an object of that name is not ours, `quota.exceeded`, `kube.*`
 */
export async function syncCompanions(
  caller: Caller,
  job: ResolvedJob,
  deployment: KubeObject,
  deps: Deps,
): Promise<void> {
  const { publicDomain, ingressClass } = deps.settings();
  const owner = ownerOf(deployment);
  const ingress = job.publish
    ? toIngress(job, caller.tool, { domain: publicDomain, className: ingressClass })
    : undefined;
  await sync(caller, 'Service', job.name, owned(toService(job, caller.tool), owner), deps);
  await sync(caller, 'Ingress', job.name, owned(ingress, owner), deps);
}

function owned(object: KubeObject | undefined, owner: KubeObject): KubeObject | undefined {
  return object && { ...object, metadata: { ...(object.metadata as object), ownerReferences: [owner] } };
}

/** With `blockOwnerDeletion` a deletion in the foreground is over when they are gone as well (kubernetes.io, "Garbage Collection"). */
function ownerOf(deployment: KubeObject): KubeObject {
  const [name, uid] = [textAt(deployment, 'metadata', 'name'), textAt(deployment, 'metadata', 'uid')];
  return { apiVersion: 'apps/v1', kind: 'Deployment', name, uid, blockOwnerDeletion: true };
}

async function sync(
  { tool }: Caller,
  kind: CompanionKind,
  name: string,
  wanted: KubeObject | undefined,
  { forward }: Deps,
): Promise<void> {
  const present = await forward.companion(tool, kind, name);
  if (!present) {
    if (wanted) await forward.createCompanion(tool, kind, wanted);
    return;
  }
  if (!isOurs(present)) {
    if (wanted) throw nameTaken(kind, name);
    return;
  }
  if (wanted) await forward.patchCompanion(tool, kind, name, wanted);
  else await forward.removeCompanions(tool, [kind], name);
}

function isOurs(object: KubeObject): boolean {
  return textAt(object, 'metadata', 'labels', labelNames.managedBy) === manager;
}

function nameTaken(kind: CompanionKind, name: string): AppError {
  return new AppError(
    'name.taken',
    `The tool has a ${kind} named '${name}' that no job made, so the port cannot be offered under that name. Choose another name.`,
    { fields: { field: 'name', value: name, kind } },
  );
}
