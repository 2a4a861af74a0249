/**
 * In which order planned changes are carried out, so that each finds the room that another one makes: what is deleted, what takes less than
 * before, what gives up one thing for another, and everything else as it was asked for. Pure.
 */
import { compareQuantities } from '../../definition/quantity.ts';
import { amountOf, type Needs, needsOf } from './needs.ts';
import type { PlannedJob } from './planned-job.ts';

export function inOrder(jobs: readonly PlannedJob[], defaultCpuLimit: string): PlannedJob[] {
  const ranked = jobs.map((job) => [rankOf(job, defaultCpuLimit), job] as const);
  return ranked.sort(([one], [other]) => one - other).map(([, job]) => job);
}

function rankOf({ action, before, after }: PlannedJob, defaultCpuLimit: string): number {
  if (action === 'delete') return 0;
  if (action === 'stay') return 4;
  if (action !== 'update' || !before || !after) return 3;
  const [now, then] = [needsOf(before, defaultCpuLimit), needsOf(after, defaultCpuLimit)];
  const givesUp = isMoreOfAny(now, then) || (before.publish && !after.publish);
  if (!givesUp) return 3;
  return isMoreOfAny(then, now) ? 2 : 1;
}

function isMoreOfAny(one: Needs, other: Needs): boolean {
  return [...one].some(([resource, amount]) => compareQuantities(amount, amountOf(other, resource)) > 0);
}
