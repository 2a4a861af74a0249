/** What operators can graph. One registry per daemon, so that tests may run several; the only file that knows prom-client. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Freshness } from './domain.ts';

export interface Metrics {
  /** Prometheus text exposition. */
  text(): Promise<string>;
  /** One answered request; `route` is the pattern, never the path, so that its values stay few. */
  answered(route: string, method: string, status: number, seconds: number): void;
  /** Connections and requests turned away before routing, by error code. */
  refused(code: string): void;
}

/** Read at scrape time. */
export interface MetricSources {
  jobs(): number;
  freshness(): Freshness;
  streams(): number;
  watches(): Readonly<Record<string, object>>;
  runRecords(): Readonly<{ waiting: number; dropped: number; failed: number }>;
  now(): number;
}

export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const requests = new Histogram({
    name: 'jobs_http_request_duration_seconds',
    help: 'Time from the end of identification to the answer',
    labelNames: ['route', 'method', 'status'] as const,
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
    registers,
  });
  const refusals = new Counter({
    name: 'jobs_http_refused_total',
    help: 'Requests turned away before routing',
    labelNames: ['code'] as const,
    registers,
  });
  new Gauge({
    name: 'jobs_known',
    help: 'Jobs in the view',
    registers,
    collect() {
      this.set(sources.jobs());
    },
  });
  new Gauge({
    name: 'jobs_streams_open',
    help: 'Answers that go on: logs and events',
    registers,
    collect() {
      this.set(sources.streams());
    },
  });
  new Gauge({
    name: 'jobs_view_age_seconds',
    help: 'Age of the last word from the slowest watch',
    registers,
    collect() {
      this.set(Math.max(0, (sources.now() - sources.freshness().asOf) / 1000));
    },
  });
  new Gauge({
    name: 'jobs_watch_count',
    help: 'What each watch did since the start',
    labelNames: ['kind', 'what'] as const,
    registers,
    collect() {
      for (const [kind, stats] of Object.entries(sources.watches())) {
        for (const [what, value] of Object.entries(stats)) {
          if (typeof value === 'number') this.set({ kind, what }, value);
        }
      }
    },
  });

  new Gauge({
    name: 'jobs_run_records',
    help: 'Records of runs: waiting for the disk now, dropped and writes failed since the start',
    labelNames: ['what'] as const,
    registers,
    collect() {
      for (const [what, value] of Object.entries(sources.runRecords())) this.set({ what }, value);
    },
  });

  return {
    text: () => registry.metrics(),
    answered: (route, method, status, seconds) => requests.observe({ route, method, status: String(status) }, seconds),
    refused: (code) => refusals.inc({ code }),
  };
}
