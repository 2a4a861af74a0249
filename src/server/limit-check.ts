/**
 * Whether one job may have the memory and CPU it asks for: the tool's LimitRange. Kubernetes would accept the job and then never start its
 * pod. Limits change rarely, so they are asked for once a minute and tool at most.
 */
import { compareQuantities, cpuText2026, memoryText2026, parseQuantity } from '../definition/quantity.ts';
import type { KubeObject, ResolvedJob, Tool } from '../domain.ts';
import { AppError } from '../errors.ts';
import { listAt, textAt } from '../fields.ts';

/** @throws AppError `limits.exceeded` naming each amount and its bound; whatever reading the limits throws, but for "forbidden" */
export type LimitCheck = (tool: Tool, job: Pick<ResolvedJob, 'memory' | 'cpu'>) => Promise<void>;

export interface LimitCheckOptions {
  limitRanges(tool: Tool): Promise<readonly KubeObject[]>;
  /** ms since the epoch */
  now(): number;
}

const keptMs = 60_000;
const maxKept = 1_000;

export function createLimitCheck({ limitRanges, now }: LimitCheckOptions): LimitCheck {
  const kept = new Map<string, { readonly ranges: readonly KubeObject[]; readonly at: number }>();

  async function rangesOf(tool: Tool): Promise<readonly KubeObject[]> {
    const known = kept.get(tool.name);
    if (known && now() - known.at < keptMs) return known.ranges;
    const ranges = await limitRanges(tool).catch(noneIfForbidden);
    kept.delete(tool.name);
    kept.set(tool.name, { ranges, at: now() });
    if (kept.size > maxKept) kept.delete(kept.keys().next().value as string);
    return ranges;
  }

  return async (tool, job) => {
    const limits = (await rangesOf(tool)).flatMap((range) => listAt(range, 'spec', 'limits'));
    const ofContainers = limits.filter((limit) => textAt(limit, 'type') === 'Container');
    const problems = ofContainers.flatMap((limit) => [
      ...problemsOf('memory', memoryText2026(job.memory), limit),
      ...problemsOf('CPU', cpuText2026(job.cpu), limit),
    ]);
    if (problems.length > 0) throw new AppError('limits.exceeded', problems.join('; '), { problems });
  };
}

function problemsOf(what: 'memory' | 'CPU', asked: string, limit: unknown): string[] {
  const resource = what.toLowerCase();
  const least = textAt(limit, 'min', resource);
  const most = textAt(limit, 'max', resource);
  if (isLess(asked, least))
    return [`Requested ${what} ${asked} is less than minimum required per container (${least})`];
  if (isLess(most, asked)) return [`Requested ${what} ${asked} is over maximum allowed per container (${most})`];
  return [];
}

function isLess(one: string | undefined, other: string | undefined): boolean {
  const [left, right] = [one, other].map((text) => (text === undefined ? undefined : parseQuantity(text)));
  return left !== undefined && right !== undefined && compareQuantities(left, right) < 0;
}

function noneIfForbidden(error: unknown): readonly KubeObject[] {
  if (error instanceof AppError && error.code === 'kube.forbidden') return [];
  throw error;
}
