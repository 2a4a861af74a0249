/**
 * Everything the daemon knows of jobs comes through here: four watches over the whole cluster, whatever the number of tools, turned
 * into one flow of facts. Called by daemon.ts, which hands the facts to the roster.
 */
import type { Freshness, JobEvent, JobKey, KubeObject, Positions, WatchedKind } from '../domain.ts';
import { textAt } from '../fields.ts';
import type { Kube } from '../kube.ts';
import type { Log } from '../log.ts';
import type { Gap } from '../mailbox.ts';
import type { Clock } from './clock.ts';
import { createHeldFacts } from './held-facts.ts';
import { type DropReason, isDropped, type ReadJob, toJobEvent } from './job-events.ts';
import { createListWatch, type ListWatch, type ListWatchStats } from './list-watch.ts';
import type { Change } from './object-book.ts';

export interface WatchJobsOptions {
  /**
   * Called in order per kind, at once, never after stop(). Until every kind has caught up nothing is told, and then everything in the order
   * in which it came to be. Must not throw.
   */
  onEvent(event: JobEvent): void;
  readonly readJob: ReadJob;
  /** Where an earlier daemon got to. Unset: there was none, so whatever the first lists show is old. */
  readonly checkpoint?: { readonly positions: Positions; readonly asOf: number };
  /** A time of which not every event can be seen any more; once for each kind it concerns. Unset: nobody wants to know. */
  onGap?(gap: Gap): void;
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
  /** Resolves when every kind was listed completely and all of it was told; pending for ever if stop() comes first. Never rejects. */
  readonly ready: Promise<void>;
  freshness(): Freshness;
  /**
   * Takes the object in the API server's reply to a write, before the watch brings it; an object that is none of the four kinds is left
   * out. The fact reaches onEvent before this returns, unless the watch had brought it already, or nothing is told yet.
   */
  feed(object: KubeObject): void;
  /** Everything up to these versions has been handed to onEvent; those of the checkpoint until `ready`. */
  positions(): Positions;
  /** When these versions were the latest, as far as is known; ms since the epoch, 0 before the first list ever. Unset: of all kinds. */
  completeUntil(kinds?: readonly WatchedKind[]): number;
  stats(): Readonly<Record<WatchedKind, JobsWatchStats>>;
  /** Kinds whose watch is stuck, as list-watch.ts means it. */
  stuck(): readonly WatchedKind[];
}

const paths = {
  Pod: '/api/v1/pods',
  Job: '/apis/batch/v1/jobs',
  CronJob: '/apis/batch/v1/cronjobs',
  Deployment: '/apis/apps/v1/deployments',
} as const satisfies Record<WatchedKind, string>;

const watchedKinds = Object.keys(paths) as WatchedKind[];
const labelSelector = 'app.kubernetes.io/managed-by=toolforge-jobs-framework';

/** Starts to watch at once, with the daemon's own credentials. */
export function watchJobs(kube: Pick<Kube, 'request' | 'stream'>, options: WatchJobsOptions): JobsWatch {
  const facts = createHeldFacts(options.onEvent);
  const around = { ...options, onEvent: facts.pass, onSynced };
  const watches: Record<WatchedKind, KindWatch> = {
    Pod: watchKind(kube, 'Pod', around),
    Job: watchKind(kube, 'Job', around),
    CronJob: watchKind(kube, 'CronJob', around),
    Deployment: watchKind(kube, 'Deployment', around),
  };
  const all = Object.values(watches).map(({ listWatch }) => listWatch);
  let kindsAhead = all.length;
  let isStopped = false;
  let isReady = false;
  let becomeReady = () => {};
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve;
  });

  /** The last kind to know everything lets the facts go that the others have met. */
  function onSynced(): void {
    kindsAhead -= 1;
    if (kindsAhead > 0) return;
    void facts.release().then(() => {
      if (isStopped) return;
      isReady = true;
      becomeReady();
    });
  }

  return {
    stop() {
      isStopped = true;
      for (const one of all) one.stop();
      facts.drop();
    },
    ready,
    freshness: () => ({ ...together(all), synced: isReady }),
    feed(object) {
      const kind = textAt(object, 'kind');
      if (kind !== undefined && isWatched(kind)) watches[kind].listWatch.feed(object);
    },
    positions: () => (isReady ? positionsOf(watches) : (options.checkpoint?.positions ?? {})),
    completeUntil(kinds = watchedKinds) {
      if (!isReady) return options.checkpoint?.asOf ?? 0;
      return Math.min(...kinds.map((kind) => watches[kind].listWatch.position().completeUntil ?? 0));
    },
    stats: () => ({
      Pod: watches.Pod.stats(),
      Job: watches.Job.stats(),
      CronJob: watches.CronJob.stats(),
      Deployment: watches.Deployment.stats(),
    }),
    stuck: () => watchedKinds.filter((kind) => watches[kind].listWatch.isStuck()),
  };
}

function positionsOf(watches: Record<WatchedKind, KindWatch>): Positions {
  return Object.fromEntries(
    Object.entries(watches).flatMap(([kind, { listWatch }]) => {
      const { version } = listWatch.position();
      return version === undefined ? [] : [[kind, version]];
    }),
  );
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

interface Surroundings extends Omit<WatchJobsOptions, 'onEvent'> {
  onEvent(event: JobEvent, isUndated?: boolean): void;
  onSynced(): void;
}

function watchKind(kube: Pick<Kube, 'request' | 'stream'>, kind: WatchedKind, options: Surroundings): KindWatch {
  const { onEvent, readJob, log, checkpoint, onGap, onSynced } = options;
  const dropped: Record<DropReason, number> = { no_identity: 0, no_tool_namespace: 0, label_mismatch: 0, no_job: 0 };

  function handle(change: Change<Kept>): Kept | undefined {
    if (change.type !== 'DELETED') return see(change);
    let { kept } = change;
    try {
      // Nobody may have seen the last state yet: whatever came before it can have been missed.
      if (change.isNewState) kept = see(change);
    } finally {
      part(change, kept);
    }
    return undefined;
  }

  function see({ type, uid, resourceVersion, object, isOld, kept }: Change<Kept>): Kept | undefined {
    const event = toJobEvent(kind, 'MODIFIED', object ?? {}, readJob);
    const leave = () => {
      if (kept) onEvent({ type: `${kept.part}.gone`, key: kept.key, uid, resourceVersion });
    };
    if (isDropped(event)) {
      if (type !== 'DELETED') drop(uid, event.dropped);
      return void leave();
    }
    const part = partOf[event.type];
    // A pod whose labels were changed by hand has moved to another job, or to none.
    if (kept && (kept.part !== part || !isSameKey(kept.key, event.key))) leave();
    onEvent(isOld ? ({ ...event, isOld: true } as JobEvent) : event);
    return { part, key: event.key };
  }

  function part({ uid, resourceVersion, object }: Change<Kept>, kept: Kept | undefined): void {
    if (kept) onEvent({ type: `${kept.part}.gone`, key: kept.key, uid, resourceVersion }, object === undefined);
    if (kept || !object) return;
    const event = toJobEvent(kind, 'DELETED', object, readJob);
    if (isDropped(event)) drop(uid, event.dropped);
    else onEvent(event);
  }

  function drop(uid: string, reason: DropReason): void {
    dropped[reason] += 1;
    log.debug({ kind, uid, reason }, 'an object is no fact about a job');
  }

  const { clock, random } = options;
  const listWatch = createListWatch<Kept>(kube, {
    path: paths[kind],
    labelSelector,
    handle,
    onSynced,
    log,
    ...(checkpoint ? { start: { version: checkpoint.positions[kind], completeUntil: checkpoint.asOf } } : {}),
    ...(onGap ? { onGap } : {}),
    ...(clock ? { clock } : {}),
    ...(random ? { random } : {}),
  });
  return { listWatch, stats: () => ({ ...listWatch.stats(), dropped: { ...dropped } }) };
}

function isSameKey(one: JobKey, other: JobKey): boolean {
  return one.namespace === other.namespace && one.kind === other.kind && one.name === other.name;
}
