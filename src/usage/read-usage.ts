/**
 * What running pods use, as the cluster tells it: the metrics API (metrics.k8s.io, "PodMetrics") or the summary of one node's kubelet
 * (kubernetes.io, "Node metrics data"). Pure and total: what cannot be read is left out. Memory is the working set, which is what a limit
 * counts.
 */
import { amountAt, listAt, recordAt, textAt, timeAt } from '../fields.ts';
import { bytesOf, millicoresOf } from './amounts.ts';

/** Of the container that runs the job. */
export interface Reading {
  /** `namespace/name` */
  readonly pod: string;
  /** Bytes; undefined where the node has not looked yet. */
  readonly memory: number | undefined;
  /** Undefined where nothing is said. */
  readonly cpu: CpuReading | undefined;
}

export type CpuReading =
  /** Thousandths of a core, over a window of the cluster's choice. */
  | { readonly kind: 'rate'; readonly millicores: number }
  /** Nanoseconds of all cores since the container was started. Times are ms since the epoch. */
  | { readonly kind: 'total'; readonly nanoseconds: number; readonly at: number; readonly startedAt: number };

/** @param value the answer to `GET /apis/metrics.k8s.io/v1beta1/pods` */
export function readMetrics(value: unknown): Reading[] {
  return listAt(value, 'items').flatMap((item) => {
    const { pod, container } = partsOf(recordAt(item, 'metadata'), listAt(item, 'containers'));
    if (pod === undefined || container === undefined) return [];
    const memory = bytesOf(textAt(container, 'usage', 'memory') ?? '');
    const millicores = millicoresOf(textAt(container, 'usage', 'cpu') ?? '');
    return [{ pod, memory, cpu: millicores === undefined ? undefined : { kind: 'rate', millicores } }];
  });
}

/** @param value the answer to `GET /api/v1/nodes/NAME/proxy/stats/summary` */
export function readSummary(value: unknown): Reading[] {
  return listAt(value, 'pods').flatMap((item) => {
    const { pod, container } = partsOf(recordAt(item, 'podRef'), listAt(item, 'containers'));
    if (pod === undefined || container === undefined) return [];
    return [{ pod, memory: amountAt(container, 'memory', 'workingSetBytes'), cpu: totalOf(container) }];
  });
}

/** The container is called `job`; in objects of 2022 like the job itself, and it is the only one then. */
function partsOf(
  { namespace, name }: Readonly<Record<string, unknown>>,
  containers: readonly unknown[],
): { pod: string | undefined; container: unknown } {
  const isNamed = typeof namespace === 'string' && typeof name === 'string';
  const container = containers.find((one) => textAt(one, 'name') === 'job') ?? containers[0];
  return { pod: isNamed ? `${namespace}/${name}` : undefined, container };
}

function totalOf(container: unknown): CpuReading | undefined {
  const { usageCoreNanoSeconds: nanoseconds } = recordAt(container, 'cpu');
  const at = timeAt(container, 'cpu', 'time');
  const startedAt = timeAt(container, 'startTime');
  // After a hundred days of one core it is no safe integer any more, and exact enough.
  if (typeof nanoseconds !== 'number' || at === undefined || startedAt === undefined) return undefined;
  return { kind: 'total', nanoseconds, at, startedAt };
}
