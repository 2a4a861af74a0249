/**
 * How much memory and CPU a job should have by what its runs have used, and whether the quota has room for that; for the tool as a whole, what
 * of its quota is used up. With words for whoever decides about quotas. Nothing is changed.
 */
import { toResources } from '../../definition/resources.ts';
import {
  type JobSnapshot,
  type JobType,
  type MemoryAdvice,
  type PodFacts,
  type RunRecord,
  type Tool,
  typeOfKind,
} from '../../domain.ts';
import {
  type Advice,
  adviseCpu,
  adviseMemory,
  cpuText,
  type Enough,
  enoughTime,
  type Measured,
  memoryText,
} from '../../usage/advice.ts';
import { bytesOf, millicoresOf } from '../../usage/amounts.ts';
import type { Caller } from '../identify.ts';
import { type Deps, readyJobs } from './deps.ts';
import { type Range, rangeOf, shownRuns } from './peaks.ts';
import { type QuotaCategory, type QuotaItem, readQuota } from './quota.ts';
import { jobNotFound } from './show.ts';

export interface JobAdvice {
  readonly name: string;
  readonly type: JobType;
  /** Undefined for a job that is gone, of which the limit is not on record either. */
  readonly memory: Advice | undefined;
  readonly cpu: Advice | undefined;
  /** What the quota has against it, a sentence each; empty where it fits. */
  readonly obstacles: readonly Obstacle[];
}

export interface Obstacle {
  readonly resource: QuotaItem['resource'];
  readonly limit: string;
  /** What would be needed. */
  readonly needed: string;
  readonly isOfOneJob: boolean;
}

type AdviceDeps = Pick<Deps, 'jobs' | 'runs' | 'peaks' | 'forward' | 'settings' | 'now'>;

/** @throws AppError `job.not_found` for a name of which neither a job nor a record is known; `view.not_ready`, `credentials.*`, `kube.*` */
export async function adviseJob(caller: Pick<Caller, 'tool'>, name: string, deps: AdviceDeps): Promise<JobAdvice> {
  const { snapshot, ...found } = await look(caller, name, deps);
  const isLarger = found.memory?.verdict === 'larger' || found.cpu?.verdict === 'larger';
  return { ...found, obstacles: isLarger ? obstaclesTo(found, snapshot, await readQuota(caller, deps)) : [] };
}

/**
 * For the mail about a job that ran out of memory. A quota that cannot be read keeps nothing else from being said.
 * @returns undefined where nothing is known of the job, or it has enough by now
 */
export async function adviseOnMemory(tool: Tool, name: string, deps: AdviceDeps): Promise<MemoryAdvice | undefined> {
  const found = await look({ tool }, name, deps).catch(() => undefined);
  const { type, snapshot, memory, peaks = [] } = found ?? {};
  // Its owner may have given it more meanwhile.
  if (memory?.verdict !== 'larger' || memory.to === undefined) return undefined;
  const quota = await readQuota({ tool }, deps).catch(() => undefined);
  return {
    limit: memory.limit,
    peaks: type !== 'continuous' && peaks.length > 1 ? { runs: peaks.length, ...(rangeOf(peaks) as Range) } : undefined,
    to: memoryText(memory.to),
    fits: quota && obstaclesTo({ memory, cpu: undefined }, snapshot, quota).length === 0,
  };
}

interface Found extends Omit<JobAdvice, 'obstacles'> {
  readonly snapshot: JobSnapshot | undefined;
  /** Of the last ten that were measured. */
  readonly peaks: readonly number[];
}

async function look({ tool }: Pick<Caller, 'tool'>, name: string, deps: AdviceDeps): Promise<Found> {
  const snapshot = readyJobs(deps).find(tool.namespace, name);
  const records = await deps.runs.list(tool, name);
  const [newest] = records;
  if (!snapshot && !newest) throw jobNotFound(name);
  const type = snapshot ? typeOfKind[snapshot.key.kind] : (newest as RunRecord).type;
  const limits = limitsOf(snapshot, records, deps.settings().defaultCpuLimit);
  const { measured, enough } = type === 'continuous' ? ofCopies(snapshot, deps) : ofRuns(records);
  const memory = limits.memory === undefined ? undefined : adviseMemory(measured, limits.memory, enough);
  const cpu =
    limits.cpu === undefined || limits.askedCpu === undefined
      ? undefined
      : adviseCpu(measured, limits.cpu, limits.askedCpu, enough);
  const peaks = measured.flatMap((one) => one.memory ?? []).slice(0, shownRuns);
  return { name, type, memory, cpu, snapshot, peaks };
}

interface Limits {
  readonly memory: number | undefined;
  readonly cpu: number | undefined;
  readonly askedCpu: number | undefined;
}

function limitsOf(snapshot: JobSnapshot | undefined, records: readonly RunRecord[], defaultCpuLimit: string): Limits {
  const job = snapshot?.object.job;
  if (!job) {
    const known = records.find(({ memoryLimit }) => memoryLimit !== undefined);
    return { memory: known?.memoryLimit, cpu: undefined, askedCpu: undefined };
  }
  const { limits } = toResources(job, defaultCpuLimit);
  return { memory: bytesOf(limits.memory), cpu: millicoresOf(limits.cpu), askedCpu: millicoresOf(job.cpu) };
}

interface Basis {
  /** Newest first. */
  readonly measured: readonly Measured[];
  readonly enough: Enough | undefined;
}

function ofRuns(records: readonly RunRecord[]): Basis {
  const measured = records.map(({ peakMemory, peakCpu, memoryLimit, reason }) => ({
    memory: peakMemory,
    cpu: peakCpu,
    memoryLimit,
    wasKilled: reason === 'out_of_memory',
  }));
  return { measured, enough: undefined };
}

/** A continuous job has no runs that end: what its copies were seen to use since they are there, as long as this daemon is. */
function ofCopies(snapshot: JobSnapshot | undefined, { peaks, now }: AdviceDeps): Basis {
  const pods = snapshot?.pods ?? [];
  const owners = [...new Set(pods.flatMap(({ ownerUid }) => ownerUid ?? []))];
  const found = owners.flatMap((owner) => peaks.of(owner) ?? []);
  const limit = bytesOf(snapshot?.object.job?.memory ?? '');
  const kills = pods.filter(wasKilled).map(() => killedAt(limit));
  const measured = found.map(({ memory, cpu }) => ({ memory, cpu, memoryLimit: limit, wasKilled: false }));
  const since = Math.min(now(), ...found.map((peak) => peak.since));
  return { measured: [...kills, ...measured], enough: enoughTime(now() - since) };
}

function wasKilled({ container }: PodFacts): boolean {
  return [container?.state, container?.last].some(
    (state) => state?.kind === 'terminated' && state.reason === 'OOMKilled',
  );
}

function killedAt(limit: number | undefined): Measured {
  return { memory: limit, cpu: undefined, memoryLimit: limit, wasKilled: true };
}

/** What would be needed is that of this job beside all others, of which as many run as do now. */
function obstaclesTo(
  { memory, cpu }: Pick<JobAdvice, 'memory' | 'cpu'>,
  snapshot: JobSnapshot | undefined,
  quota: readonly QuotaCategory[],
): Obstacle[] {
  const job = snapshot?.object.job;
  const copies = job?.type === 'continuous' ? job.replicas : 1;
  const running = snapshot?.pods.filter(({ phase }) => phase !== 'Succeeded' && phase !== 'Failed').length ?? 0;
  const wanted = [
    { advice: memory, ofOne: 'memory', ofAll: 'limits.memory', numberOf: bytesOf, text: memoryText },
    { advice: cpu, ofOne: 'cpu', ofAll: 'limits.cpu', numberOf: millicoresOf, text: cpuText },
  ] as const;
  const items = quota.flatMap((category) => category.items);
  return wanted.flatMap(({ advice, ofOne, ofAll, numberOf, text }) => {
    const to = advice?.verdict === 'larger' ? advice.to : undefined;
    if (advice === undefined || to === undefined) return [];
    return items.flatMap(({ resource, limit, used = '0' }) => {
      const needed =
        resource === ofOne
          ? to
          : resource === ofAll
            ? Math.max(0, (numberOf(used) ?? 0) - running * advice.limit) + copies * to
            : 0;
      if (needed <= (numberOf(limit) ?? Number.POSITIVE_INFINITY)) return [];
      return [{ resource, limit, needed: text(needed), isOfOneJob: resource === ofOne }];
    });
  });
}

/** What is used up of the quota of a tool, or nearly. */
export interface ToolAdvice {
  readonly tool: Tool;
  /** What can be used up, in the order of the quota. */
  readonly items: readonly (QuotaItem & { readonly used: string; readonly isFull: boolean; readonly more: string })[];
}

/** Of all there is. */
const fullShare = 0.9;

/** @throws AppError `credentials.*`, `kube.*` */
export async function adviseTool({ tool }: Pick<Caller, 'tool'>, deps: Pick<Deps, 'forward'>): Promise<ToolAdvice> {
  const categories = await readQuota({ tool }, deps);
  const items = categories
    .flatMap(({ items }) => items)
    .flatMap((item) => {
      const { used, limit, unit } = item;
      if (used === undefined) return [];
      const numberOf = unit === 'memory' ? bytesOf : millicoresOf;
      const [has, may] = [numberOf(used) ?? 0, numberOf(limit) ?? 0];
      return [{ ...item, used, isFull: has >= may * fullShare, more: halfAsMuchAgain(item, may) }];
    });
  return { tool, items };
}

/** Whole things, cores and gibibytes. */
function halfAsMuchAgain({ unit }: QuotaItem, may: number): string {
  if (unit === 'memory') return `${Math.ceil((may * 1.5) / 2 ** 30)}Gi`;
  return String(Math.ceil((may * 1.5) / 1_000));
}
