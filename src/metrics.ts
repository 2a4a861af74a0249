/** What operators can graph. One registry per daemon, so that tests may run several; the only file that knows prom-client. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Freshness } from './domain.ts';
import { type MailAttempt, mailAttempts } from './mailbox.ts';

export interface Metrics {
  /** Prometheus text exposition. */
  text(): Promise<string>;
  /** One answered request; `route` is the pattern, never the path, so that its values stay few. */
  answered(route: string, method: string, status: number, seconds: number): void;
  /** Connections and requests turned away before routing, by error code. */
  refused(code: string): void;
  /** Events and mails, as the mail roster tells of them. */
  readonly mail: QueueObserver;
  /** The same of webhooks. */
  readonly webhooks: QueueObserver;
}

/** Times in ms. */
interface QueueObserver {
  durable(ms: number): void;
  handedOver(ms: number): void;
  attempted(as: MailAttempt): void;
}

/** Read at scrape time. */
export interface MetricSources {
  jobs(): number;
  freshness(): Freshness;
  streams(): number;
  /** By the kind that is watched; numbers are counts, `live` says whether it is connected. */
  watches(): Readonly<Record<string, object & { readonly live: boolean }>>;
  runRecords(): Readonly<{ waiting: number; dropped: number; failed: number }>;
  /** Whether each of the two ConfigMaps is in force as it is, and the version that is. */
  maps(): Readonly<
    Record<'settings' | 'images', { readonly isCurrent: boolean; readonly version: string | undefined }>
  >;
  /** Of the files that are followed: why they are not in force; '' where they are. */
  files(): Readonly<Record<string, string>>;
  /** When something was last told, ms since the epoch. */
  usage(): Readonly<{ running: number; sampledAt: number | undefined; failed: number }>;
  homes(): Readonly<{ running: number; stuck: number; waiting: number }>;
  /** When certificates end, ms since the epoch. */
  certificates(): Readonly<Record<string, number>>;
  /** Undefined before mail begins. */
  mail(): MailQueueStats | undefined;
  /** The same of webhooks, and how many are set and take nothing. */
  webhooks(): (MailQueueStats & { readonly set: number; readonly failing: number }) | undefined;
  /** When the checkpoint was last written, ms since the epoch, and times of which nothing is known. */
  checkpoint(): Readonly<{ savedAt: number | undefined; failed: number; gaps: number }>;
  now(): number;
}

export interface MailQueueStats {
  readonly mailboxes: number;
  readonly gathered: number;
  readonly sealed: number;
  readonly parked: number;
  readonly unsaved: number;
  readonly failures: number;
  readonly oldestAt: number | undefined;
}

const leader = {
  name: 'jobs_leader',
  help: '1 in the process that works, 0 in one that stands by for it',
} as const;

/** Of a process that waits for the Lease. It is there, and has begun when it did; nothing else can be said of it. */
export function standbyMetrics(): Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({ ...leader, registers }).set(0);
  const beganAt = Math.round(performance.timeOrigin / 1000);
  const name = 'process_start_time_seconds';
  new Gauge({ name, help: 'Start time of the process since unix epoch in seconds.', registers }).set(beganAt);
  return registry.metrics();
}

export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({ ...leader, registers }).set(1);

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
    name: 'jobs_watch',
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
    name: 'jobs_watch_up',
    help: '1 while the watch of this kind is connected, 0 while it is cut off',
    labelNames: ['kind'] as const,
    registers,
    collect() {
      for (const [kind, { live }] of Object.entries(sources.watches())) this.set({ kind }, live ? 1 : 0);
    },
  });
  new Gauge({
    name: 'jobs_homes',
    help: 'Readers of homes: running, stuck in a file system that does not answer, and questions that wait for one',
    labelNames: ['what'] as const,
    registers,
    collect() {
      const { running, stuck, waiting } = sources.homes();
      for (const [what, value] of Object.entries({ running, stuck, waiting })) this.set({ what }, value);
    },
  });
  new Gauge({
    name: 'jobs_files_in_force',
    help: '1 while these files are in force as they are on disk, 0 while new ones are refused and the former stay',
    labelNames: ['which'] as const,
    registers,
    collect() {
      for (const [which, problem] of Object.entries(sources.files())) this.set({ which }, problem === '' ? 1 : 0);
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

  new Gauge({
    name: 'jobs_usage',
    help: 'What jobs use: containers running, seconds since something of them was measured, and requests for it that failed since the start',
    labelNames: ['what'] as const,
    registers,
    collect() {
      const { running, sampledAt, failed } = sources.usage();
      this.set({ what: 'running' }, running);
      this.set({ what: 'failed' }, failed);
      if (sampledAt !== undefined) this.set({ what: 'age' }, Math.max(0, (sources.now() - sampledAt) / 1000));
    },
  });
  for (const map of ['settings', 'images'] as const) {
    new Gauge({
      name: `jobs_${map}_last_reload_successful`,
      help: `1 while the ConfigMap of the ${map} is in force as it is, 0 while it is refused or gone and an earlier one is in force`,
      registers,
      collect() {
        this.set(sources.maps()[map].isCurrent ? 1 : 0);
      },
    });
    new Gauge({
      name: `jobs_${map}_version`,
      help: `resourceVersion of the ConfigMap of the ${map} that is in force; 0 where none ever was`,
      registers,
      collect() {
        this.set(Number(sources.maps()[map].version) || 0);
      },
    });
  }
  new Gauge({
    name: 'jobs_certificate_days',
    help: 'Days until a certificate ends: of the listener and the client CA it trusts, of the daemon itself and the CA of the API server',
    labelNames: ['which'] as const,
    registers,
    collect() {
      for (const [which, endsAt] of Object.entries(sources.certificates()))
        this.set({ which }, (endsAt - sources.now()) / 86_400_000);
    },
  });
  new Gauge({
    name: 'jobs_checkpoint',
    help: 'Age of the saved position in the cluster events in seconds, times of which nothing is known, and writes that failed',
    labelNames: ['what'] as const,
    registers,
    collect() {
      const { savedAt, failed, gaps } = sources.checkpoint();
      if (savedAt !== undefined) this.set({ what: 'age' }, Math.max(0, (sources.now() - savedAt) / 1000));
      this.set({ what: 'gaps' }, gaps);
      this.set({ what: 'failed' }, failed);
    },
  });

  return {
    mail: queueMetrics(registers, mailQueueWords, sources.mail, sources.now),
    webhooks: queueMetrics(registers, webhookQueueWords, sources.webhooks, sources.now),
    text: () => registry.metrics(),
    answered: (route, method, status, seconds) => requests.observe({ route, method, status: String(status) }, seconds),
    refused: (code) => refusals.inc({ code }),
  };
}

interface QueueWords {
  /** What stands before the names. */
  readonly prefix: string;
  readonly attempts: string;
  readonly handedOver: string;
  readonly queue: string;
  readonly oldest: string;
}

const mailQueueWords: QueueWords = {
  prefix: 'jobs_mail',
  attempts: 'Attempts to send a mail by how they ended; recorded: sending is switched off',
  handedOver: 'Time from a mail being due to the mail server having taken it',
  queue:
    'Events gathered, mails on their way and parked, mailboxes, and those not on disk yet; queues that failed since the start',
  oldest: 'Age of the oldest event or mail that waits; 0 where none does',
};

const webhookQueueWords: QueueWords = {
  prefix: 'jobs_webhook',
  attempts:
    'Attempts to tell a webhook of an event by how they ended; recorded: webhooks are switched off; parked: given up',
  handedOver: 'Time from an event being due to the webhook having taken it',
  queue:
    'Webhooks that are set and that take nothing, events that wait and on their way, queues, and those not on disk yet; queues that failed since the start',
  oldest: 'Age of the oldest event that waits for a webhook; 0 where none does',
};

function queueMetrics(
  registers: Registry[],
  words: QueueWords,
  stats: () => MailQueueStats | undefined,
  now: () => number,
): QueueObserver {
  const attempts = new Counter({
    name: `${words.prefix}_attempts_total`,
    help: words.attempts,
    labelNames: ['as'] as const,
    registers,
  });
  // A first failure counts only where there was a zero before it.
  for (const as of mailAttempts) attempts.inc({ as }, 0);
  const durable = new Histogram({
    name: `${words.prefix}_event_to_durable_seconds`,
    help: 'Time from an event to its being on disk',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 10],
    registers,
  });
  const handedOver = new Histogram({
    name: `${words.prefix}_due_to_handed_over_seconds`,
    help: words.handedOver,
    buckets: [0.05, 0.1, 0.5, 1, 5, 10, 60, 600, 3600],
    registers,
  });
  new Gauge({
    name: `${words.prefix}_queue`,
    help: words.queue,
    labelNames: ['what'] as const,
    registers,
    collect() {
      const { oldestAt: _, ...counts } = stats() ?? {};
      for (const [what, value] of Object.entries(counts)) this.set({ what }, value);
    },
  });
  new Gauge({
    name: `${words.prefix}_oldest_age_seconds`,
    help: words.oldest,
    registers,
    collect() {
      const oldestAt = stats()?.oldestAt;
      this.set(oldestAt === undefined ? 0 : Math.max(0, (now() - oldestAt) / 1000));
    },
  });
  return {
    durable: (ms) => durable.observe(ms / 1000),
    handedOver: (ms) => handedOver.observe(ms / 1000),
    attempted: (as) => attempts.inc({ as }),
  };
}
