/**
 * Asks the cluster from time to time what running jobs use, and hands that to peaks.ts. Made by daemon.ts. One request tells of all pods
 * where the metrics API is served and may be read; otherwise one to each node on which a job runs, where the account of the daemon may ask
 * nodes. Where it may do neither nothing is measured, and that is said: nothing else depends on it.
 */
import { AppError } from '../errors.ts';
import { type Kube, kubeStatusOf } from '../kube.ts';
import type { Log } from '../log.ts';
import { timeLimited } from '../time-limit.ts';
import type { Peaks } from './peaks.ts';
import { type Reading, readMetrics, readSummary } from './read-usage.ts';

export interface UsageSampler {
  start(): void;
  stats(): UsageStats;
  stop(): void;
}

export interface UsageStats {
  /** Who tells: `off` by the settings, `nobody` where neither may be asked; undefined before the first round. */
  readonly source: 'metrics' | 'nodes' | 'nobody' | 'off' | undefined;
  /** Containers of jobs that run. */
  readonly running: number;
  /** When something was last told, ms since the epoch; undefined for never. */
  readonly sampledAt: number | undefined;
  /** Requests that failed since the start. */
  readonly failed: number;
  /** Why the last round was not whole, in words; '' where it was. */
  readonly problem: string;
}

export interface UsageSamplerOptions {
  readonly kube: Pick<Kube, 'request'>;
  readonly peaks: Peaks;
  /** May change at any time; 0: not at all. */
  everyMs(): number;
  now(): number;
  readonly log: Log;
  /** Unset: 5 s. */
  readonly timeoutMs?: number;
}

/** How often the setting is looked at. */
const lookMs = 5_000;
/** How soon whoever refused is asked again. */
const refusedMs = 600_000;
const nodesAtOnce = 8;
/** A pod takes about 300 bytes of the metrics API, and 1,300 of a node's summary. */
const maxBytes = { metrics: 32 * 1024 * 1024, node: 4 * 1024 * 1024 } as const;
const labelSelector = 'app.kubernetes.io/managed-by=toolforge-jobs-framework';

export function createUsageSampler(options: UsageSamplerOptions): UsageSampler {
  const { kube, peaks, everyMs, now, log, timeoutMs = 5_000 } = options;
  const stopped = new AbortController();
  /** Until when who refused is left alone. */
  const refusedUntil = { metrics: 0, nodes: 0 };
  let [source, sampledAt, failed, problem]: [UsageStats['source'], number | undefined, number, string] = [
    undefined,
    undefined,
    0,
    '',
  ];
  /** Whether the API is there, only that nobody answered behind it when it was last asked. */
  let isUnanswered = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  /** A round begins an interval after the one before it, or when that has ended. */
  async function look(): Promise<void> {
    const sinceMs = now() - askedAt;
    if (everyMs() === 0) [source, problem] = ['off', ''];
    // Also where the clock was set back.
    else if (sinceMs >= everyMs() || sinceMs < 0) {
      askedAt = now();
      await round();
    }
    if (stopped.signal.aborted) return;
    const untilDue = everyMs() === 0 ? lookMs : askedAt + everyMs() - now();
    timer = setTimeout(() => void look(), Math.max(0, Math.min(lookMs, untilDue)));
    timer.unref();
  }

  async function round(): Promise<void> {
    if (peaks.running() === 0) return;
    const before = problem;
    const problems = (await askMetrics()) ?? (await askNodes());
    problem = problems[0] ?? '';
    if (problem !== '' && problem !== before && !stopped.signal.aborted)
      log.warn({ problem, failed: problems.length }, 'what jobs use is not measured as it should be');
  }

  /** @returns what went wrong; undefined where somebody else is to be asked */
  async function askMetrics(): Promise<string[] | undefined> {
    if (now() < refusedUntil.metrics) return undefined;
    try {
      const path = '/apis/metrics.k8s.io/v1beta1/pods';
      take(readMetrics(await ask(path, { labelSelector }, maxBytes.metrics)), 'metrics');
      return [];
    } catch (error) {
      const status = kubeStatusOf(error)?.statusCode;
      // Not for us, not served, or nobody behind it, which may be over soon.
      isUnanswered = status === 503;
      if (status === 403 || status === 404) refusedUntil.metrics = now() + refusedMs;
      else if (status !== 503) return [failure(error, 'The metrics API')];
      return undefined;
    }
  }

  async function askNodes(): Promise<string[]> {
    const problems: string[] = [];
    const nodes = now() < refusedUntil.nodes ? [] : peaks.nodes();
    const work = async () => {
      for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
        const found = await askNode(node);
        if (found !== undefined) problems.push(found);
      }
    };
    await Promise.all(Array.from({ length: nodesAtOnce }, work));
    if (now() >= refusedUntil.nodes) return problems;
    source = 'nobody';
    return [
      isUnanswered
        ? 'The metrics API does not answer (503), and the daemon may not ask nodes.'
        : 'The metrics API is not there for the account of the daemon, and it may not ask nodes.',
    ];
  }

  async function askNode(node: string): Promise<string | undefined> {
    if (now() < refusedUntil.nodes) return undefined;
    try {
      const path = `/api/v1/nodes/${encodeURIComponent(node)}/proxy/stats/summary`;
      take(readSummary(await ask(path, { only_cpu_and_memory: true }, maxBytes.node)), 'nodes');
      return undefined;
    } catch (error) {
      if (kubeStatusOf(error)?.statusCode === 403) refusedUntil.nodes = now() + refusedMs;
      return failure(error, `Node ${node}`);
    }
  }

  function ask(path: string, query: Readonly<Record<string, string | boolean>>, most: number): Promise<unknown> {
    const signal = timeLimited(stopped.signal, timeoutMs);
    return kube.request({ method: 'GET', path, query, signal, timeoutMs, maxBytes: most });
  }

  function take(readings: readonly Reading[], from: 'metrics' | 'nodes'): void {
    [source, sampledAt] = [from, now()];
    peaks.take(readings, sampledAt);
  }

  function failure(error: unknown, who: string): string {
    failed += 1;
    const status = kubeStatusOf(error)?.statusCode;
    return `${who} does not say what jobs use (${status ?? (error instanceof AppError ? error.code : String(error))}).`;
  }

  return {
    start: () => void look(),
    stats: () => ({ source, running: peaks.running(), sampledAt, failed, problem }),
    stop() {
      clearTimeout(timer);
      stopped.abort();
    },
  };
}
