/** What the last runs of a job were seen to use, the one under way included. Nothing is asked of the cluster. */
import type { JobSnapshot } from '../../domain.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';

export interface JobPeaks {
  /** Runs that were measured, or copies. */
  readonly runs: number;
  /** Bytes; undefined where nobody has measured it. */
  readonly memory: Range | undefined;
  /** Thousandths of a core. */
  readonly cpu: Range | undefined;
}

export interface Range {
  readonly lowest: number;
  readonly highest: number;
}

export const shownRuns = 10;

/** @returns undefined where nothing was measured */
export async function lastPeaks(
  { tool }: Pick<Caller, 'tool'>,
  { key, object, runs, pods }: JobSnapshot,
  deps: Pick<Deps, 'runs' | 'peaks'>,
): Promise<JobPeaks | undefined> {
  const ended = key.kind === 'Deployment' ? [] : await deps.runs.list(tool, key.name);
  const isEnded = (uid: string) => ended.some(({ id }) => id === uid);
  const owners =
    key.kind === 'Deployment' ? pods.flatMap(({ ownerUid }) => ownerUid ?? []) : [object.uid, ...runs.map(uidOf)];
  const live = [...new Set(owners)].filter((uid) => !isEnded(uid)).flatMap((uid) => deps.peaks.of(uid) ?? []);
  const measured = [...live, ...ended.map(({ peakMemory: memory, peakCpu: cpu }) => ({ memory, cpu }))]
    .filter(({ memory, cpu }) => memory !== undefined || cpu !== undefined)
    .slice(0, shownRuns);
  if (measured.length === 0) return undefined;
  return {
    runs: measured.length,
    memory: rangeOf(measured.flatMap(({ memory }) => memory ?? [])),
    cpu: rangeOf(measured.flatMap(({ cpu }) => cpu ?? [])),
  };
}

function uidOf({ uid }: { readonly uid: string }): string {
  return uid;
}

export function rangeOf(amounts: readonly number[]): Range | undefined {
  if (amounts.length === 0) return undefined;
  return { lowest: Math.ceil(Math.min(...amounts)), highest: Math.ceil(Math.max(...amounts)) };
}
