/**
 * In which order planned changes are carried out, so that each finds the room that another one makes: what is deleted, what only takes less
 * than before, what gives up a place or the address of the tool, and everything else as it was asked for. Whoever takes the address comes
 * after whoever has it, and a job behind those that its definition says come first. Pure.
 */
import { inLoadOrder } from '../../definition/load-order.ts';
import { compareQuantities } from '../../definition/quantity.ts';
import type { ResolvedJob } from '../../domain.ts';
import { amountOf, type Needs, needsOf, together } from './needs.ts';
import { objectsOf, type PlannedJob } from './planned-job.ts';

export function inOrder(jobs: readonly PlannedJob[], defaultCpuLimit: string): PlannedJob[] {
  const ranked = jobs.map((job) => [rankOf(job, defaultCpuLimit), job] as const);
  const sorted = ranked.sort(([one], [other]) => one - other).map(([, job]) => job);
  return inLoadOrder(
    sorted,
    ({ name }) => name,
    ({ definition }) => definition?.after ?? [],
  );
}

/**
 * What a job comes after may be in the way of what it needs: the address of the tool is taken only when it has been given up.
 * @param jobs in the order in which they are sent. @returns whole sentences
 */
export function orderProblems(jobs: readonly PlannedJob[]): string[] {
  const isMade = ({ action }: PlannedJob) => action === 'create' || action === 'update';
  const taker = jobs.findIndex((job) => isMade(job) && job.after?.publish && !hadAddress(job));
  const giver = jobs.findIndex((job) => isMade(job) && !job.after?.publish && hadAddress(job));
  if (taker < 0 || giver < taker) return [];
  return [
    `'${jobs[giver]?.name}' comes after '${jobs[taker]?.name}', which cannot have the address of the tool before '${jobs[giver]?.name}' gives it up.`,
  ];
}

function hadAddress(job: PlannedJob): boolean {
  return formerly(job).some(({ publish }) => publish);
}

/** What it is before, in whatever types. */
function formerly({ present, formers }: PlannedJob): ResolvedJob[] {
  return [present, ...formers].flatMap((one) => one?.object.job ?? []);
}

/** A job of several parts comes when the last of them would. */
function rankOf(job: PlannedJob, defaultCpuLimit: string): number {
  if (job.action === 'stay') return 4;
  return Math.max(...objectsOf(job).map((object) => rankOfObject(object, defaultCpuLimit)));
}

function rankOfObject(object: PlannedJob, defaultCpuLimit: string): number {
  const { action, after, formers } = object;
  if (action === 'delete') return 0;
  const before = formerly(object);
  if (action !== 'update' || !after || (after.publish && !hadAddress(object))) return 3;
  const givesAddress = hadAddress(object) && !after.publish;
  const now = together(...before.map((job) => needsOf(job, defaultCpuLimit)));
  const then = needsOf(after, defaultCpuLimit);
  if (!isMoreOfAny(then, now)) return givesAddress || isMoreOfAny(now, then) ? 1 : 3;
  return givesAddress || formers.length > 0 ? 2 : 3;
}

function isMoreOfAny(one: Needs, other: Needs): boolean {
  return [...one].some(([resource, amount]) => compareQuantities(amount, amountOf(other, resource)) > 0);
}
