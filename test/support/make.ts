/**
 * Raw Kubernetes JSON as the API server sends it, valid by default; each option is one named change. Objects are made as the present
 * release makes them, but for the definition annotation, which a test puts in where it needs it.
 */
import type { KubeObject } from '../../src/domain.ts';

/** What every maker understands. */
export interface ObjectOptions {
  /** Unset: `demo`. */
  readonly name?: string;
  /** Unset: `alpha`, so that the namespace is `tool-alpha`. */
  readonly tool?: string;
  /** Unset: `tool-` and the tool. */
  readonly namespace?: string;
  /** Unset: `uid-<kind>-<name>`. */
  readonly uid?: string;
  /** Unset: `100`. */
  readonly version?: string;
  /** RFC 3339. Unset: 2026-03-01T12:00:00Z. */
  readonly createdAt?: string;
  /** RFC 3339. Unset: the object is not being deleted. */
  readonly deletingAt?: string;
  /** Added to the labels; undefined as a value takes a label away. Unset: the labels of version 2. */
  readonly labels?: Readonly<Record<string, string | undefined>>;
  /** Unset: none. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Unset: the object has no managedFields. */
  readonly managedFields?: readonly unknown[];
}

interface Owner {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  /** Unset: true. */
  readonly controller?: boolean;
}

export interface ConditionOptions {
  readonly type: string;
  /** Unset: `True`. */
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  /** RFC 3339. Unset: 2026-03-01T12:00:30Z. */
  readonly at?: string;
}

export interface JobObjectOptions extends ObjectOptions {
  /** The scheduled job this is a run of. Unset: a one-off job. */
  readonly cronJob?: { readonly name: string; readonly uid: string };
  /** Unset: false; true for a run asked for by hand. */
  readonly manual?: boolean;
  /** Command line inside the shell. Unset: `./run.sh`. */
  readonly cmd?: string;
  /** backoffLimit. Unset: 0. */
  readonly retry?: number;
  /** Unset: none, so the Job says nothing of its end. */
  readonly conditions?: readonly ConditionOptions[];
  /** Pods under way. Unset: 0. */
  readonly active?: number;
  /** Of these, ready. Unset: 0. */
  readonly ready?: number;
  /** Pods that failed. Unset: 0. */
  readonly failed?: number;
  /** Pods that succeeded. Unset: 0. */
  readonly succeeded?: number;
  /** RFC 3339. Unset: not started. */
  readonly startedAt?: string;
}

export function makeJobObject(options: JobObjectOptions = {}): KubeObject {
  const { cronJob, manual = false, active = 0, ready = 0, failed = 0, succeeded = 0, startedAt } = options;
  const name = options.name ?? (cronJob ? `${cronJob.name}-29540160` : 'demo');
  const owners: Owner[] = cronJob ? [{ kind: 'CronJob', ...cronJob, controller: !manual }] : [];
  const component = cronJob ? 'cronjobs' : 'jobs';
  const annotations = { ...options.annotations, ...(manual ? { 'cronjob.kubernetes.io/instantiate': 'manual' } : {}) };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadata('Job', component, { ...options, name, annotations }, cronJob?.name ?? name, owners),
    spec: {
      backoffLimit: options.retry ?? 0,
      ttlSecondsAfterFinished: 30,
      completions: 1,
      parallelism: 1,
      template: template(component, options, cronJob?.name ?? name, 'Never'),
    },
    status: withoutUnset({
      startTime: startedAt,
      active: active || undefined,
      ready: ready || undefined,
      failed: failed || undefined,
      succeeded: succeeded || undefined,
      conditions: conditions(options.conditions),
    }),
  };
}

export interface CronJobObjectOptions extends ObjectOptions {
  /** Unset: `17 4 * * *`. */
  readonly schedule?: string;
  /** Unset: `./run.sh`. */
  readonly cmd?: string;
  /** Unset: false. */
  readonly suspended?: boolean;
  /** Names of runs under way. Unset: none. */
  readonly activeRuns?: readonly string[];
  /** RFC 3339. Unset: never. */
  readonly lastScheduledAt?: string;
  /** RFC 3339. Unset: never. */
  readonly lastSucceededAt?: string;
}

export function makeCronJobObject(options: CronJobObjectOptions = {}): KubeObject {
  const name = options.name ?? 'demo';
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: metadata('CronJob', 'cronjobs', options, name, []),
    spec: {
      schedule: options.schedule ?? '17 4 * * *',
      suspend: options.suspended ?? false,
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 30,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 1,
      jobTemplate: {
        metadata: { labels: labels('cronjobs', options, name) },
        spec: {
          backoffLimit: 0,
          ttlSecondsAfterFinished: 30,
          template: template('cronjobs', options, name, 'Never'),
        },
      },
    },
    status: withoutUnset({
      active: options.activeRuns?.map((run) => ({ kind: 'Job', name: run, uid: `uid-${run}`, apiVersion: 'batch/v1' })),
      lastScheduleTime: options.lastScheduledAt,
      lastSuccessfulTime: options.lastSucceededAt,
    }),
  };
}

export interface DeploymentObjectOptions extends ObjectOptions {
  /** Unset: `./run.sh`. */
  readonly cmd?: string;
  /** Unset: 1. */
  readonly replicas?: number;
  /** Unset: 0. */
  readonly readyReplicas?: number;
  /** Unset: 0. */
  readonly unavailableReplicas?: number;
  /** Unset: none. */
  readonly conditions?: readonly ConditionOptions[];
  /** app.kubernetes.io/restartedAt of the pod template. Unset: never restarted. */
  readonly restartedAt?: string;
}

export function makeDeploymentObject(options: DeploymentObjectOptions = {}): KubeObject {
  const name = options.name ?? 'demo';
  const replicas = options.replicas ?? 1;
  const pods = template('deployments', options, name, 'Always');
  const restart = options.restartedAt ? { annotations: { 'app.kubernetes.io/restartedAt': options.restartedAt } } : {};
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata('Deployment', 'deployments', options, name, []),
    spec: {
      replicas,
      progressDeadlineSeconds: 600,
      strategy: { type: replicas === 1 ? 'Recreate' : 'RollingUpdate' },
      selector: { matchLabels: { toolforge: 'tool', 'app.kubernetes.io/name': name } },
      template: { ...pods, metadata: { ...pods.metadata, ...restart } },
    },
    status: withoutUnset({
      replicas,
      readyReplicas: options.readyReplicas || undefined,
      unavailableReplicas: options.unavailableReplicas || undefined,
      conditions: conditions(options.conditions),
    }),
  };
}

export interface PodOptions extends ObjectOptions {
  /** Name of the job. Unset: `demo`. */
  readonly job?: string;
  /** Unset: `jobs`. */
  readonly component?: 'jobs' | 'cronjobs' | 'deployments';
  /** Uid of the Job or ReplicaSet that made it. Unset: `uid-Job-demo`. */
  readonly ownerUid?: string;
  /** Name of that owner. Unset: the job's name, for a continuous job with `-5d8f9c7b6d`. */
  readonly ownerName?: string;
  /** Unset: `Running`; `Succeeded` or `Failed` when `exitCode` is set. */
  readonly phase?: string;
  /** The container ended with this code. Unset: it runs. */
  readonly exitCode?: number;
  /** Reason of the container's state, e.g. `OOMKilled`. Unset: `Completed` or `Error` after the code. */
  readonly reason?: string;
  /** The container waits for this reason, e.g. `CrashLoopBackOff`. Unset: it does not wait. */
  readonly waiting?: string;
  /** Message of the container's state. Unset: none. */
  readonly message?: string;
  /** Unset: 0. */
  readonly restarts?: number;
  /** Exit code of the container before this one. Unset: there was none. */
  readonly lastExitCode?: number;
  /** Reason of the pod itself, e.g. `Evicted`. Unset: none. */
  readonly podReason?: string;
  /** Unset: false; true when no node has begun with it, or it was evicted. */
  readonly noContainer?: boolean;
  /** Unset: those of a pod that was scheduled and is ready. */
  readonly conditions?: readonly ConditionOptions[];
}

export function makePod(options: PodOptions = {}): KubeObject {
  const { job = 'demo', component = 'jobs', ownerUid = 'uid-Job-demo' } = options;
  const isContinuous = component === 'deployments';
  const name = options.name ?? `${job}-x7k2p`;
  const owner: Owner = {
    kind: isContinuous ? 'ReplicaSet' : 'Job',
    name: options.ownerName ?? (isContinuous ? `${job}-5d8f9c7b6d` : job),
    uid: ownerUid,
  };
  const made = isContinuous ? { 'pod-template-hash': '5d8f9c7b6d' } : { 'job-name': owner.name };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadata('Pod', component, { ...options, name, labels: { ...made, ...options.labels } }, job, [owner]),
    spec: { restartPolicy: isContinuous ? 'Always' : 'Never', containers: [container('./run.sh')] },
    status: withoutUnset({
      phase: options.phase ?? phaseOf(options),
      reason: options.podReason,
      startTime: '2026-03-01T12:00:01Z',
      conditions: conditions(options.conditions ?? [{ type: 'PodScheduled' }, { type: 'Ready' }]),
      containerStatuses: options.noContainer ? undefined : [containerStatus(options)],
    }),
  };
}

function phaseOf({ exitCode, waiting, noContainer }: PodOptions): string {
  if (exitCode !== undefined) return exitCode === 0 ? 'Succeeded' : 'Failed';
  return noContainer || (waiting !== undefined && waiting !== 'CrashLoopBackOff') ? 'Pending' : 'Running';
}

function containerStatus(options: PodOptions): KubeObject {
  const { restarts = 0, lastExitCode } = options;
  return withoutUnset({
    name: 'job',
    image: 'docker-registry.example.org/toolforge-bookworm-sssd:latest',
    restartCount: restarts,
    state: containerState(options),
    lastState: lastExitCode === undefined ? {} : { terminated: terminated(lastExitCode) },
  });
}

function containerState({ exitCode, reason, waiting, message }: PodOptions): KubeObject {
  if (waiting !== undefined) return { waiting: withoutUnset({ reason: waiting, message }) };
  if (exitCode !== undefined) return { terminated: terminated(exitCode, reason, message) };
  return { running: { startedAt: '2026-03-01T12:00:02Z' } };
}

function terminated(exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error', message?: string): KubeObject {
  const times = { startedAt: '2026-03-01T12:00:02Z', finishedAt: '2026-03-01T12:00:09Z' };
  return withoutUnset({ exitCode, reason, message, ...times });
}

function metadata(kind: string, component: string, options: ObjectOptions, job: string, owners: readonly Owner[]) {
  const { name = 'demo', tool = 'alpha', annotations } = options;
  return withoutUnset({
    name,
    namespace: options.namespace ?? `tool-${tool}`,
    uid: options.uid ?? `uid-${kind}-${name}`,
    resourceVersion: options.version ?? '100',
    generation: 1,
    creationTimestamp: options.createdAt ?? '2026-03-01T12:00:00Z',
    deletionTimestamp: options.deletingAt,
    labels: labels(component, options, job),
    annotations: annotations && Object.keys(annotations).length > 0 ? annotations : undefined,
    ownerReferences: owners.length > 0 ? owners.map(reference) : undefined,
    managedFields: options.managedFields,
  });
}

function reference({ kind, name, uid, controller = true }: Owner): KubeObject {
  return withoutUnset({ apiVersion: 'v1', kind, name, uid, controller: controller || undefined });
}

function labels(component: string, { tool = 'alpha', labels: changes }: ObjectOptions, job: string): KubeObject {
  return withoutUnset({
    toolforge: 'tool',
    'app.kubernetes.io/managed-by': 'toolforge-jobs-framework',
    'app.kubernetes.io/created-by': tool,
    'app.kubernetes.io/version': '2',
    'app.kubernetes.io/component': component,
    'app.kubernetes.io/name': job,
    'jobs.toolforge.org/emails': 'none',
    'toolforge.org/mount-storage': 'all',
    ...changes,
  });
}

function template(
  component: string,
  options: ObjectOptions & { readonly cmd?: string },
  job: string,
  restartPolicy: string,
) {
  return {
    metadata: { labels: labels(component, options, job) },
    spec: { restartPolicy, terminationGracePeriodSeconds: 15, containers: [container(options.cmd ?? './run.sh')] },
  };
}

function container(cmd: string): KubeObject {
  return {
    name: 'job',
    image: 'docker-registry.example.org/toolforge-bookworm-sssd:latest',
    workingDir: '/data/project/alpha',
    command: ['/bin/sh', '-c', '--', cmd],
    resources: { limits: { cpu: '4000m', memory: '512Mi' }, requests: { cpu: '0.1', memory: '512Mi' } },
  };
}

function conditions(all: readonly ConditionOptions[] | undefined): KubeObject[] | undefined {
  return all?.map(({ type, status = 'True', reason, message, at = '2026-03-01T12:00:30Z' }) =>
    withoutUnset({ type, status, reason, message, lastTransitionTime: at }),
  );
}

function withoutUnset(fields: Record<string, unknown>): KubeObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
