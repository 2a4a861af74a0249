/**
 * Whether copies can be replaced while the others run. Kubernetes makes one copy more first, and of fewer than four copies ends none before
 * that one is well (kubernetes.io, "Deployments", maxSurge and maxUnavailable of 25 %): where the quota has no room for it, nothing moves.
 */
import { compareQuantities, parseQuantity, sumOf } from '../../definition/quantity.ts';
import { effectOf } from './effect.ts';
import { amountOf, needsOf } from './needs.ts';
import { objectsOf, type PlannedJob } from './planned-job.ts';
import type { QuotaAfter } from './quota-after.ts';

const endedFirstFrom = 4;

/** Pure. @returns a sentence for a job that would wait with its old copies */
export function rollingDelay(
  planned: PlannedJob,
  quota: readonly QuotaAfter[],
  defaultCpuLimit: string,
): string | undefined {
  const delays = objectsOf(planned).map((object) => delayOf(object, quota, defaultCpuLimit));
  return delays.find((delay) => delay !== undefined);
}

function delayOf(planned: PlannedJob, quota: readonly QuotaAfter[], defaultCpuLimit: string): string | undefined {
  const { after } = planned;
  if (!after || effectOf(planned) !== 'rolls' || after.replicas >= endedFirstFrom) return undefined;
  const one = needsOf({ ...after, replicas: 1 }, defaultCpuLimit);
  const full = quota.filter(({ resource, limit, after: used }) => {
    const [most, level] = [parseQuantity(limit), parseQuantity(used)];
    const isOfPods = !resource.startsWith('count/');
    return most && level && isOfPods && compareQuantities(sumOf(level, amountOf(one, resource)), most) > 0;
  });
  if (full.length === 0) return undefined;
  const names = full.map(({ name }) => name).join(', ');
  return `The quota has no room for the one copy more that comes before an old one goes (${names}): the old copies run on until there is.`;
}
