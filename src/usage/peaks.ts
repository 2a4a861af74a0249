/**
 * The most that each run was seen to use, as long as its record may still be written: fed with what is known of pods and with what the
 * cluster says they use. Memory is bounded: a run is there with its pods, and a little longer. Nothing here looks at all of them but
 * `nodes()`, which looks at nodes.
 */
import type { JobEvent, PodFacts } from '../domain.ts';
import type { CpuReading, Reading } from './read-usage.ts';

/** The highest samples: what came and went between two of them is not in it. */
export interface Peak {
  /** Bytes. */
  readonly memory: number | undefined;
  /** Thousandths of a core, over the time from one sample to the next. */
  readonly cpu: number | undefined;
  /** When it was first looked at, ms since the epoch. */
  readonly since: number;
}

export interface Peaks {
  /** Takes what it says of a pod. Never throws. */
  accept(event: JobEvent): void;
  take(readings: readonly Reading[], at: number): void;
  /** @param owner uid of a run; of a continuous job that of the ReplicaSet whose copies it is about. */
  of(owner: string): Peak | undefined;
  /** Nodes on which a container of a job runs. */
  nodes(): string[];
  /** Containers that run. */
  running(): number;
}

interface RunningPod {
  readonly owner: string;
  readonly name: string;
  readonly node: string;
  /** The last word about its time on cores. */
  cpu: Extract<CpuReading, { kind: 'total' }> | undefined;
}

interface Run {
  readonly pods: Set<string>;
  peak: Peak | undefined;
}

/** Records are written within moments of the end. */
const maxLeft = 2_000;
/** Of one container, apart by less than this, two totals say nothing: nodes stamp them with a jitter. */
const shortestMs = 1_000;

export function createPeaks(): Peaks {
  /** By uid. */
  const pods = new Map<string, RunningPod>();
  /** By `namespace/name`, as readings have them. */
  const uids = new Map<string, string>();
  const nodes = new Map<string, number>();
  const runs = new Map<string, Run>();
  /** Runs without a pod that runs, oldest first. */
  const left = new Map<string, Peak>();

  function begin({ key, uid, name, ownerUid, node }: PodFacts): void {
    if (pods.has(uid) || ownerUid === undefined || node === undefined) return;
    const pod = { owner: ownerUid, name: `${key.namespace}/${name}`, node, cpu: undefined };
    pods.set(uid, pod);
    uids.set(pod.name, uid);
    nodes.set(node, (nodes.get(node) ?? 0) + 1);
    const run = runs.get(ownerUid) ?? { pods: new Set(), peak: left.get(ownerUid) };
    run.pods.add(uid);
    runs.set(ownerUid, run);
    left.delete(ownerUid);
  }

  function end(uid: string): void {
    const pod = pods.get(uid);
    if (!pod) return;
    pods.delete(uid);
    if (uids.get(pod.name) === uid) uids.delete(pod.name);
    const others = (nodes.get(pod.node) ?? 1) - 1;
    if (others > 0) nodes.set(pod.node, others);
    else nodes.delete(pod.node);
    const run = runs.get(pod.owner);
    run?.pods.delete(uid);
    if (run && run.pods.size === 0) leave(pod.owner, run);
  }

  function leave(owner: string, { peak }: Run): void {
    runs.delete(owner);
    if (peak) left.set(owner, peak);
    for (const oldest of left.keys()) {
      if (left.size <= maxLeft) break;
      left.delete(oldest);
    }
  }

  return {
    accept(event) {
      if (event.type === 'pod.gone') end(event.uid);
      if (event.type !== 'pod.seen') return;
      const { pod } = event;
      if (pod.container?.state?.kind === 'running') begin(pod);
      // A copy that is started again runs on as the same pod.
      else if (pod.phase === 'Succeeded' || pod.phase === 'Failed') end(pod.uid);
    },
    take(readings, at) {
      for (const { pod: name, memory, cpu } of readings) {
        const pod = pods.get(uids.get(name) ?? '');
        const run = pod && runs.get(pod.owner);
        if (!run) continue;
        const millicores = cpu && rateOf(cpu, pod);
        if (cpu?.kind === 'total') pod.cpu = cpu;
        run.peak = {
          memory: higher(run.peak?.memory, memory),
          cpu: higher(run.peak?.cpu, millicores),
          since: run.peak?.since ?? at,
        };
      }
    },
    of: (owner) => runs.get(owner)?.peak ?? left.get(owner),
    nodes: () => [...nodes.keys()],
    running: () => pods.size,
  };
}

/** Of the first total since the start of the container, of later ones since the one before. */
function rateOf(cpu: CpuReading, { cpu: before }: RunningPod): number | undefined {
  if (cpu.kind === 'rate') return cpu.millicores;
  const isLater = before !== undefined && before.startedAt === cpu.startedAt;
  const [from, used] = isLater ? [before.at, cpu.nanoseconds - before.nanoseconds] : [cpu.startedAt, cpu.nanoseconds];
  const ms = cpu.at - from;
  return ms >= shortestMs && used >= 0 ? used / ms / 1_000 : undefined;
}

function higher(known: number | undefined, other: number | undefined): number | undefined {
  return known === undefined || (other !== undefined && other > known) ? other : known;
}
