/** What the tool may have and has: its ResourceQuotas and the limits of one container, read as the tool. */
import { compareQuantities, parseQuantity } from '../../definition/quantity.ts';
import type { KubeObject } from '../../domain.ts';
import { listAt, textAt } from '../../fields.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';

export interface QuotaItem {
  readonly name: string;
  readonly unit: 'count' | 'cpu' | 'memory';
  /** As Kubernetes calls it (kubernetes.io, "Resource Quotas"). */
  readonly resource: string;
  /** Kubernetes quantities as the cluster writes them. */
  readonly limit: string;
  /** Undefined where a limit is one job's, which nothing uses up. */
  readonly used: string | undefined;
}

export interface QuotaCategory {
  readonly name: string;
  /** In the order in which every generation shows them; what has no limit is left out. */
  readonly items: readonly QuotaItem[];
}

type Row = Pick<QuotaItem, 'name' | 'unit' | 'resource'>;

const running: readonly Row[] = [
  { name: 'Total running jobs at once (Kubernetes pods)', unit: 'count', resource: 'pods' },
  { name: 'Running one-off and cron jobs', unit: 'count', resource: 'count/jobs.batch' },
  { name: 'CPU', unit: 'cpu', resource: 'limits.cpu' },
  { name: 'Memory', unit: 'memory', resource: 'limits.memory' },
];
const definitions: readonly Row[] = [
  { name: 'Cron jobs', unit: 'count', resource: 'count/cronjobs.batch' },
  { name: 'Continuous jobs (including web services)', unit: 'count', resource: 'count/deployments.apps' },
];
const perJob: readonly Row[] = [
  { name: 'CPU', unit: 'cpu', resource: 'cpu' },
  { name: 'Memory', unit: 'memory', resource: 'memory' },
];

/** @throws AppError `credentials.*`, `kube.*` */
export async function readQuota(
  { tool }: Pick<Caller, 'tool'>,
  { forward }: Pick<Deps, 'forward'>,
): Promise<QuotaCategory[]> {
  const [quotas, ranges] = await Promise.all([forward.resourceQuotas(tool), forward.limitRanges(tool)]);
  const containers = ranges
    .flatMap((range) => listAt(range, 'spec', 'limits'))
    .filter((limit) => textAt(limit, 'type') === 'Container');
  return [
    { name: 'Running jobs', items: running.flatMap((row) => tightest(row, quotas)) },
    { name: 'Per-job limits', items: perJob.flatMap((row) => ofOneJob(row, containers)) },
    { name: 'Job definitions', items: definitions.flatMap((row) => tightest(row, quotas)) },
  ];
}

/** Of several quotas for one resource the smallest counts. */
function tightest({ name, unit, resource }: Row, quotas: readonly KubeObject[]): QuotaItem[] {
  const items = quotas.flatMap((quota): QuotaItem[] => {
    const limit = textAt(quota, 'status', 'hard', resource) ?? textAt(quota, 'spec', 'hard', resource);
    return limit === undefined
      ? []
      : [{ name, unit, resource, limit, used: textAt(quota, 'status', 'used', resource) ?? '0' }];
  });
  return items.sort(bySize).slice(0, 1);
}

function ofOneJob({ name, unit, resource }: Row, containers: readonly unknown[]): QuotaItem[] {
  const limits = containers.flatMap((limit) => textAt(limit, 'max', resource) ?? []);
  return limits
    .map((limit) => ({ name, unit, resource, limit, used: undefined }))
    .sort(bySize)
    .slice(0, 1);
}

function bySize(one: QuotaItem, other: QuotaItem): number {
  const [left, right] = [parseQuantity(one.limit), parseQuantity(other.limit)];
  return left && right ? compareQuantities(left, right) : 0;
}
