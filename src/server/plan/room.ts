/**
 * Whether the cluster takes every object of a plan, one after the other: it refuses one more than the quota counts, also for the moment in
 * which a job is there in two types. Pure.
 */
import { jobTypes, type KubeKind } from '../../domain.ts';
import type { QuotaItem } from '../handlers/quota.ts';
import { countedAs } from './needs.ts';
import { objectsOf, type PlannedJob } from './planned-job.ts';

interface Shelf {
  readonly name: string;
  readonly limit: number;
  held: number;
  /** Names of the jobs that it has no room for. */
  readonly refused: string[];
  /** At most, with all of them. */
  needed: number;
}

/** @param jobs in the order in which they are sent. @returns a sentence for each kind of object that is refused */
export function roomProblems(jobs: readonly PlannedJob[], quota: readonly QuotaItem[]): string[] {
  const shelves = new Map(quota.map((item) => [item.resource, shelfOf(item)]));
  const shelf = (kind: KubeKind) => shelves.get(countedAs[kind]);
  for (const job of jobs.flatMap(objectsOf)) {
    const { name, type, action, present, formers } = job;
    if (action !== 'create' && action !== 'update' && action !== 'delete') continue;
    // What is written over keeps its place; a one-off that has ended leaves it.
    const isMadeAnew = action === 'create' || !present || present.key.kind === 'Job';
    const ended = action === 'delete' || isMadeAnew ? [present] : [];
    for (const one of ended) takeOut(one?.key.kind, shelf);
    if (action !== 'delete' && isMadeAnew) putIn(name, shelf(jobTypes[type].kind));
    for (const former of formers) takeOut(former.key.kind, shelf);
  }
  return [...shelves.values()].filter(({ refused }) => refused.length > 0).map(sentenceOf);
}

function shelfOf({ name, limit, used }: QuotaItem): Shelf {
  return { name, limit: Number(limit), held: Number(used), refused: [], needed: 0 };
}

function takeOut(kind: KubeKind | undefined, shelf: (kind: KubeKind) => Shelf | undefined): void {
  const found = kind && shelf(kind);
  if (found) found.held -= 1;
}

function putIn(name: string, shelf: Shelf | undefined): void {
  if (!shelf) return;
  shelf.held += 1;
  shelf.needed = Math.max(shelf.needed, shelf.held);
  if (shelf.held > shelf.limit) shelf.refused.push(name);
}

function sentenceOf({ name, limit, refused, needed }: Shelf): string {
  return `The quota has no room for ${refused.join(', ')}: ${name}: ${needed} would be needed, of ${limit}. Delete what is not needed, or ask for more.`;
}
