/**
 * Everything the daemon knows of jobs comes through here: four watches over the whole cluster, whatever the number of tools, turned
 * into one flow of facts. Called by daemon.ts, which hands the facts to the roster.
 */
import type { Freshness, JobEvent, JobKey, KubeObject } from '../domain.ts';
import { textAt } from '../fields.ts';
import type { Kube } from '../kube.ts';
import type { Log } from '../log.ts';
import type { Clock } from './clock.ts';
import { type DropReason, isDropped, type ReadJob, toJobEvent, type WatchedKind } from './job-events.ts';
import { createListWatch, type ListWatch, type ListWatchStats } from './list-watch.ts';
import type { Change } from './object-book.ts';

export interface WatchJobsOptions {
  /** Called in order per kind, at once, never after stop(). */
  onEvent(event: JobEvent): void;
  readonly readJob: ReadJob;
  readonly log: Log;
  /** Unset: the system's. */
  readonly clock?: Clock;
  /** 0 ≤ n < 1; unset: Math.random. */
  readonly random?: () => number;
}

export interface JobsWatchStats extends ListWatchStats {
  /** Objects that are no fact about a job. */
  readonly dropped: Readonly<Record<DropReason, number>>;
}

export interface JobsWatch {
  stop(): void;
  /** Resolves when every kind was listed completely; pending for ever if stop() comes first. Never rejects. */
  readonly ready: Promise<void>;
  freshness(): Freshness;
  /**
   * Takes the object in the API server's reply to a write, before the watch brings it; an object that is none of the four kinds is left
   * out. The fact reaches onEvent before this returns, unless the watch had brought it already.
   */
  feed(object: KubeObject): void;
  stats(): Readonly<Record<WatchedKind, JobsWatchStats>>;
}

const paths = {
  Pod: '/api/v1/pods',
  Job: '/apis/batch/v1/jobs',
  CronJob: '/apis/batch/v1/cronjobs',
  Deployment: '/apis/apps/v1/deployments',
} as const satisfies Record<WatchedKind, string>;

const labelSelector = 'app.kubernetes.io/managed-by=toolforge-jobs-framework';

/** Starts to watch at once, with the daemon's own credentials. */
export function watchJobs(kube: Pick<Kube, 'request' | 'stream'>, options: WatchJobsOptions): JobsWatch {
  const watches: Record<WatchedKind, KindWatch> = {
    Pod: watchKind(kube, 'Pod', options),
    Job: watchKind(kube, 'Job', options),
    CronJob: watchKind(kube, 'CronJob', options),
    Deployment: watchKind(kube, 'Deployment', options),
  };
  const all = Object.values(watches).map(({ listWatch }) => listWatch);
  return {
    stop() {
      for (const one of all) one.stop();
    },
    ready: Promise.all(all.map((one) => one.ready)).then(() => {}),
    freshness: () => together(all),
    feed(object) {
      const kind = textAt(object, 'kind');
      if (kind !== undefined && isWatched(kind)) watches[kind].listWatch.feed(object);
    },
    stats: () => ({
      Pod: watches.Pod.stats(),
      Job: watches.Job.stats(),
      CronJob: watches.CronJob.stats(),
      Deployment: watches.Deployment.stats(),
    }),
  };
}

function isWatched(kind: string): kind is WatchedKind {
  return Object.hasOwn(paths, kind);
}

function together(all: readonly ListWatch[]): Freshness {
  const each = all.map((one) => one.freshness());
  return {
    synced: each.every(({ synced }) => synced),
    live: each.every(({ live }) => live),
    asOf: Math.min(...each.map(({ asOf }) => asOf)),
  };
}

interface KindWatch {
  readonly listWatch: ListWatch;
  stats(): JobsWatchStats;
}

/** What is kept of each object: of which job it was which part, to say goodbye when only a list tells that it is gone. */
interface Kept {
  readonly part: Part;
  readonly key: JobKey;
}

type Part = 'object' | 'run' | 'pod';

const partOf: Readonly<Record<JobEvent['type'], Part>> = {
  'object.seen': 'object',
  'object.gone': 'object',
  'run.seen': 'run',
  'run.gone': 'run',
  'pod.seen': 'pod',
  'pod.gone': 'pod',
};

function watchKind(kube: Pick<Kube, 'request' | 'stream'>, kind: WatchedKind, options: WatchJobsOptions): KindWatch {
  const { onEvent, readJob, log } = options;
  const dropped: Record<DropReason, number> = { no_identity: 0, no_tool_namespace: 0, label_mismatch: 0, no_job: 0 };

  function handle({ type, uid, resourceVersion, object, kept }: Change<Kept>): Kept | undefined {
    const leave = () => {
      if (kept) onEvent({ type: `${kept.part}.gone`, key: kept.key, uid, resourceVersion });
    };
    if (object === undefined || (type === 'DELETED' && kept)) return void leave();
    const event = toJobEvent(kind, type, object, readJob);
    if (isDropped(event)) {
      dropped[event.dropped] += 1;
      log.debug({ kind, uid, reason: event.dropped }, 'an object is no fact about a job');
      return void leave();
    }
    const part = partOf[event.type];
    // A pod whose labels were changed by hand has moved to another job, or to none.
    if (kept && (kept.part !== part || !isSameKey(kept.key, event.key))) leave();
    onEvent(event);
    return type === 'DELETED' ? undefined : { part, key: event.key };
  }

  const { clock, random } = options;
  const listWatch = createListWatch<Kept>(kube, {
    path: paths[kind],
    labelSelector,
    handle,
    log,
    ...(clock ? { clock } : {}),
    ...(random ? { random } : {}),
  });
  return { listWatch, stats: () => ({ ...listWatch.stats(), dropped: { ...dropped } }) };
}

function isSameKey(one: JobKey, other: JobKey): boolean {
  return one.namespace === other.namespace && one.kind === other.kind && one.name === other.name;
}
