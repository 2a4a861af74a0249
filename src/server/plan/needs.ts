/** What jobs take of a quota, by Kubernetes' names of it (kubernetes.io, "Resource Quotas"): by their definition, and as they are. Pure. */
import { parseQuantity, type Quantity, sumOf } from '../../definition/quantity.ts';
import { toResources } from '../../definition/resources.ts';
import type { JobSnapshot, KubeKind, ResolvedJob } from '../../domain.ts';
import type { PlannedJob } from './planned-job.ts';

export type Needs = ReadonlyMap<string, Quantity>;

/** CPU limit of a job that asks for the default. */
type DefaultCpuLimit = string;

const nothing: Quantity = { units: 0n, scale: 0 };
/** What the cluster counts objects of a kind as; one more than it may have is refused, where everything else waits for room. */
export const countedAs: Readonly<Record<KubeKind, string>> = {
  Job: 'count/jobs.batch',
  CronJob: 'count/cronjobs.batch',
  Deployment: 'count/deployments.apps',
};

export function amountOf(needs: Needs, resource: string): Quantity {
  return needs.get(resource) ?? nothing;
}

/** A scheduled job needs nothing to run in until it does. */
export function needsOf(job: ResolvedJob, defaultCpuLimit: DefaultCpuLimit): Needs {
  if (job.type === 'scheduled') return counts({ [countedAs.CronJob]: 1 });
  if (job.type === 'one-off') return together(counts({ [countedAs.Job]: 1 }), podsOf(job, 1, defaultCpuLimit));
  return together(counts({ [countedAs.Deployment]: 1 }), podsOf(job, job.replicas, defaultCpuLimit));
}

/** What it takes now: of a job whose pods the cluster refuses less than it needs, of a scheduled one what its runs take. */
export function takenNow({ present, formers }: PlannedJob, defaultCpuLimit: DefaultCpuLimit): Needs {
  return together(...[...(present ? [present] : []), ...formers].map((one) => takenBy(one, defaultCpuLimit)));
}

/** What it takes when what is planned has been done, and nothing is in the way of it. */
export function takenThen(planned: PlannedJob, defaultCpuLimit: DefaultCpuLimit): Needs {
  const { action, present, after } = planned;
  if (action === 'delete') return new Map();
  const isAsItWas = action === 'unchanged' || action === 'stay' || action === 'refuse';
  if (after?.type === 'continuous' || (after && !isAsItWas && after.type === 'one-off'))
    return needsOf(after, defaultCpuLimit);
  // Runs of a schedule go on, whatever becomes of it.
  if (present) return takenBy(present, defaultCpuLimit);
  return after && !isAsItWas ? needsOf(after, defaultCpuLimit) : new Map();
}

function takenBy({ key, object: { job }, runs, pods }: JobSnapshot, defaultCpuLimit: DefaultCpuLimit): Needs {
  const alive = pods.filter(({ phase }) => phase !== 'Succeeded' && phase !== 'Failed').length;
  const kept = key.kind === 'CronJob' ? counts({ [countedAs.Job]: runs.length }) : new Map();
  return together(counts({ [countedAs[key.kind]]: 1 }), kept, job ? podsOf(job, alive, defaultCpuLimit) : new Map());
}

function podsOf(job: ResolvedJob, pods: number, defaultCpuLimit: DefaultCpuLimit): Needs {
  const { memory, cpu } = toResources(job, defaultCpuLimit).limits;
  const times = (text: string) => sumOf(nothing, parseQuantity(text) ?? nothing, pods);
  return new Map([...counts({ pods }), ['limits.memory', times(memory)], ['limits.cpu', times(cpu)]]);
}

function counts(numbers: Readonly<Record<string, number>>): Map<string, Quantity> {
  return new Map(Object.entries(numbers).map(([resource, count]) => [resource, { units: BigInt(count), scale: 0 }]));
}

export function together(...all: readonly Needs[]): Needs {
  const sum = new Map<string, Quantity>();
  for (const needs of all) {
    for (const [resource, amount] of needs) sum.set(resource, sumOf(amountOf(sum, resource), amount));
  }
  return sum;
}
