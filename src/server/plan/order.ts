/**
 * In which order planned changes are carried out, so that each finds the room that another one makes: what is deleted, what only takes less
 * than before, what gives up a place or the address of the tool, and everything else as it was asked for. Whoever takes the address comes
 * after whoever has it, and a job behind those that its definition says come first. Pure.
 */
import { inLoadOrder } from '../../definition/load-order.ts';
import { compareQuantities } from '../../definition/quantity.ts';
import { amountOf, type Needs, needsOf, together } from './needs.ts';
import type { PlannedJob } from './planned-job.ts';

export function inOrder(jobs: readonly PlannedJob[], defaultCpuLimit: string): PlannedJob[] {
  const ranked = jobs.map((job) => [rankOf(job, defaultCpuLimit), job] as const);
  const sorted = ranked.sort(([one], [other]) => one - other).map(([, job]) => job);
  return inLoadOrder(
    sorted,
    ({ name }) => name,
    ({ definition }) => definition?.after ?? [],
  );
}

function rankOf({ action, after, present, formers }: PlannedJob, defaultCpuLimit: string): number {
  if (action === 'delete') return 0;
  if (action === 'stay') return 4;
  const before = [present, ...formers].flatMap((one) => one?.object.job ?? []);
  const hadAddress = before.some(({ publish }) => publish);
  if (action !== 'update' || !after || (after.publish && !hadAddress)) return 3;
  const givesAddress = hadAddress && !after.publish;
  const now = together(...before.map((job) => needsOf(job, defaultCpuLimit)));
  const then = needsOf(after, defaultCpuLimit);
  if (!isMoreOfAny(then, now)) return givesAddress || isMoreOfAny(now, then) ? 1 : 3;
  return givesAddress || formers.length > 0 ? 2 : 3;
}

function isMoreOfAny(one: Needs, other: Needs): boolean {
  return [...one].some(([resource, amount]) => compareQuantities(amount, amountOf(other, resource)) > 0);
}
