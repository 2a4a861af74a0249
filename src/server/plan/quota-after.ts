/** The quota of a tool when a plan has been carried out: everything continuous runs, and every one-off as well. Pure. */
import { compareQuantities, parseQuantity, type Quantity, quantityText, sumOf } from '../../definition/quantity.ts';
import type { QuotaCategory, QuotaItem } from '../handlers/quota.ts';
import { amountOf, takenNow, takenThen } from './needs.ts';
import { objectsOf, type PlannedJob } from './planned-job.ts';

export interface QuotaAfter extends QuotaItem {
  readonly used: string;
  readonly after: string;
  readonly fits: boolean;
}

/** Limits of single jobs are left out: nothing uses them up. */
export function quotaAfter(
  categories: readonly QuotaCategory[],
  jobs: readonly PlannedJob[],
  defaultCpuLimit: string,
): QuotaAfter[] {
  const objects = jobs.flatMap(objectsOf);
  const now = objects.map((job) => takenNow(job, defaultCpuLimit));
  const then = objects.map((job) => takenThen(job, defaultCpuLimit));
  return categories
    .flatMap(({ items }) => items)
    .flatMap((item) => {
      const [limit, used] = [parseQuantity(item.limit), parseQuantity(item.used ?? '')];
      if (!limit || !used || item.used === undefined) return [];
      const come = then.reduce((sum, needs) => sumOf(sum, amountOf(needs, item.resource)), used);
      const after = atLeastNothing(now.reduce((sum, needs) => sumOf(sum, amountOf(needs, item.resource), -1), come));
      const fits = compareQuantities(after, limit) <= 0;
      return [{ ...item, used: item.used, after: quantityText(after, item.unit === 'memory'), fits }];
    });
}

/** The cluster's bookkeeping is a moment behind what is seen of the jobs. */
function atLeastNothing(amount: Quantity): Quantity {
  return amount.units < 0n ? { units: 0n, scale: 0 } : amount;
}
