/** Facts as the machines hand them on, valid by default; each option is one named change. Times are ms since the epoch. */
import type {
  Condition,
  ContainerState,
  Image,
  JobDefinition,
  JobKey,
  JobSnapshot,
  ObjectFacts,
  ObjectStatus,
  PodFacts,
  ResolvedJob,
  RunEnd,
  RunFacts,
  RunRecord,
} from '../../src/domain.ts';
import { nothingYet, typeOfKind } from '../../src/domain.ts';

export const at = (time: string): number => Date.parse(time);

/** When the job was made. */
export const madeAt = at('2026-03-01T12:00:00Z');
/** When its attempt began, and when it ended. */
export const startedAt = at('2026-03-01T12:00:02Z');
export const endedAt = at('2026-03-01T12:00:09Z');
/** When somebody asks. */
export const now = at('2026-03-01T13:00:02Z');

export const bookworm: Image = {
  name: 'bookworm',
  url: 'registry.example.org/bookworm:latest',
  aliases: ['debian12'],
  state: 'stable',
  type: 'standard',
};

/** Unset: a one-off job that asks for nothing. */
export function makeResolved(changes: Partial<ResolvedJob> = {}): ResolvedJob {
  return {
    name: 'demo',
    type: 'one-off',
    cmd: './run.sh',
    image: bookworm,
    filelog: false,
    filelogStdout: undefined,
    filelogStderr: undefined,
    emails: 'none',
    mount: 'all',
    memory: '0.5Gi',
    cpu: '0.1',
    retry: 0,
    timeout: 0,
    timeZone: 'UTC',
    concurrency: 'forbid',
    startingDeadline: 30,
    replicas: 1,
    port: undefined,
    portProtocol: 'tcp',
    healthCheck: undefined,
    publish: false,
    ...changes,
  };
}

/** Unset: a status that says nothing yet. */
export function makeStatus(changes: Partial<ObjectStatus> = {}): ObjectStatus {
  return { ...nothingYet, ...changes };
}

/** Unset: true, since 2026-03-01T12:00:30Z, without a reason. */
export function makeCondition(type: string, changes: Partial<Condition> = {}): Condition {
  const changedAt = at('2026-03-01T12:00:30Z');
  return { type, status: 'True', reason: undefined, message: undefined, changedAt, ...changes };
}

export const waiting = (reason?: string, message?: string): ContainerState => ({ kind: 'waiting', reason, message });
export const running = (since: number | undefined = startedAt): ContainerState => ({
  kind: 'running',
  startedAt: since,
});
/** Unset: ended by itself; `Error` or `Completed` after the code. */
export const ended = (exitCode: number, changes: Partial<Extract<ContainerState, { kind: 'terminated' }>> = {}) =>
  ({
    kind: 'terminated',
    exitCode,
    signal: undefined,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    message: undefined,
    startedAt,
    finishedAt: endedAt,
    ...changes,
  }) satisfies ContainerState;

export interface PodFactsOptions extends Partial<PodFacts> {
  /** Unset: it runs. */
  readonly state?: ContainerState;
  /** Unset: there was none before. */
  readonly last?: ContainerState;
  /** Unset: 0. */
  readonly restarts?: number;
  /** Unset: the cluster did not tell. */
  readonly imageDigest?: string;
  /** Unset: false; true before the node begins with it, or when it was evicted. */
  readonly noContainer?: boolean;
}

/** Unset phase: as the state of the container has it. */
export function makePodFacts({
  state = running(),
  last,
  restarts = 0,
  imageDigest,
  noContainer,
  ...changes
}: PodFactsOptions = {}): PodFacts {
  return {
    key: { namespace: 'tool-alpha', kind: 'Job', name: 'demo' },
    uid: 'pod-1',
    name: 'demo-x7k2p',
    ownerUid: 'run-1',
    resourceVersion: '100',
    createdAt: madeAt,
    deletingAt: undefined,
    phase: noContainer ? 'Pending' : phaseOf(state),
    reason: undefined,
    message: undefined,
    startedAt: at('2026-03-01T12:00:01Z'),
    conditions: [],
    container: noContainer ? undefined : { restarts, imageDigest, state, last },
    ...changes,
  };
}

function phaseOf(state: ContainerState): PodFacts['phase'] {
  if (state.kind === 'terminated') return state.exitCode === 0 ? 'Succeeded' : 'Failed';
  return state.kind === 'running' || state.reason === 'CrashLoopBackOff' ? 'Running' : 'Pending';
}

/** Unset: the run `run-1` that the schedule started and that has not ended. */
export function makeRun({
  status,
  ...changes
}: Partial<Omit<RunFacts, 'status'>> & { status?: Partial<ObjectStatus> } = {}): RunFacts {
  return {
    key: { namespace: 'tool-alpha', kind: 'CronJob', name: 'demo' },
    uid: 'run-1',
    name: 'demo-29540160',
    ownerUid: 'uid-1',
    resourceVersion: '100',
    createdAt: madeAt,
    deletingAt: undefined,
    manual: false,
    ...changes,
    status: makeStatus(status),
  };
}

/** Unset: a run of a one-off that has succeeded at once. */
export function makeRunRecord(changes: Partial<RunRecord> = {}): RunRecord {
  return {
    id: 'run-1',
    type: 'one-off',
    jobUid: 'uid-1',
    manual: false,
    createdAt: madeAt,
    startedAt,
    finishedAt: endedAt,
    outcome: 'succeeded',
    reason: undefined,
    exitCode: 0,
    signal: undefined,
    attempts: 1,
    ...changes,
  };
}

/** Unset: the end of the run `run-1` of the one-off `demo` of alpha, which has succeeded at once. */
export function makeRunEnd(changes: Partial<RunEnd> = {}): RunEnd {
  const { type: _, ...record } = makeRunRecord();
  const key = { namespace: 'tool-alpha', kind: 'Job', name: 'demo' } as const;
  return { ...record, key, ran: undefined, pod: 'demo-x7k2p', ...changes };
}

export interface SnapshotOptions {
  /** Unset: `Job`. */
  readonly kind?: JobKey['kind'];
  /** Unset: `pending`. */
  readonly state?: JobSnapshot['state'];
  readonly status?: Partial<ObjectStatus>;
  /** Unset: a job of this kind that asks for nothing. */
  readonly job?: Partial<ResolvedJob>;
  /** Why the object is none of ours. Unset: it is. */
  readonly foreign?: string;
  /** Unset: the object does not say what was asked. */
  readonly definition?: Partial<JobDefinition>;
  readonly object?: Partial<ObjectFacts>;
  readonly runs?: readonly RunFacts[];
  readonly pods?: readonly PodFacts[];
}

export function makeSnapshot(options: SnapshotOptions = {}): JobSnapshot {
  const { kind = 'Job', state = 'pending', status, foreign, definition, object, runs = [], pods = [] } = options;
  const key: JobKey = { namespace: 'tool-alpha', kind, name: 'demo' };
  const type = typeOfKind[kind];
  const schedule = kind === 'CronJob' ? { schedule: { text: '@daily', actual: '17 4 * * *' } } : {};
  return {
    key,
    object: {
      key,
      uid: 'uid-1',
      resourceVersion: '100',
      createdAt: madeAt,
      deletingAt: undefined,
      job: foreign === undefined ? makeResolved({ type, ...schedule, ...options.job }) : undefined,
      foreign,
      definition: definition && { name: 'demo', type, cmd: './run.sh', image: 'bookworm', ...definition },
      status: makeStatus(status),
      ...object,
    },
    runs,
    pods,
    state,
  };
}
