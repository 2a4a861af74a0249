/** Any job an actor may show, sensible or not: every field takes every value its type allows. */
import fc from 'fast-check';
import type {
  Condition,
  ContainerState,
  HealthCheck,
  Image,
  JobDefinition,
  JobKey,
  JobSnapshot,
  ObjectStatus,
  PodFacts,
  ResolvedJob,
  RunFacts,
} from '../../../src/domain.ts';
import { concurrencyChoices, emailsChoices, mountChoices } from '../../../src/domain.ts';

/** No text that a test could take for a mistake of the code. */
const anyText = fc.constantFrom(
  '',
  'x',
  'Back-off',
  '%',
  '$&',
  'Ünï',
  'limited: ',
  'exceeded quota',
  '__proto__',
  'constructor',
);
const unsure = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const anyNumber = fc.oneof(fc.integer(), fc.nat(9), fc.double());
export const anyTime = fc.oneof(
  fc.date({ noInvalidDate: true }).map((date) => date.getTime()),
  fc.double(),
);
const aTime = unsure(anyTime);
const anyReason = unsure(
  fc.constantFrom(
    ...['OOMKilled', 'Error', 'Completed', 'Evicted', 'ImagePullBackOff', 'CrashLoopBackOff', 'DeadlineExceeded', ''],
    ...['BackoffLimitExceeded', 'CreateContainerConfigError', 'toString', 'NodeLost', 'ProgressDeadlineExceeded'],
  ),
);

const anyCondition: fc.Arbitrary<Condition> = fc.record({
  type: fc.constantFrom('Complete', 'Failed', 'Available', 'ReplicaFailure', 'Progressing', 'PodScheduled', ''),
  status: fc.constantFrom('True', 'False', 'Unknown', ''),
  reason: anyReason,
  message: unsure(anyText),
  changedAt: aTime,
});

const anyState: fc.Arbitrary<ContainerState> = fc.oneof(
  fc.record({ kind: fc.constant('waiting' as const), reason: anyReason, message: unsure(anyText) }),
  fc.record({ kind: fc.constant('running' as const), startedAt: aTime }),
  fc.record({
    kind: fc.constant('terminated' as const),
    exitCode: anyNumber,
    signal: unsure(anyNumber),
    reason: anyReason,
    message: unsure(anyText),
    startedAt: aTime,
    finishedAt: aTime,
  }),
);

const anyStatus: fc.Arbitrary<ObjectStatus> = fc.record({
  conditions: fc.array(anyCondition, { maxLength: 3 }),
  startedAt: aTime,
  active: anyNumber,
  ready: anyNumber,
  failed: fc.integer(),
  succeeded: anyNumber,
  unavailable: anyNumber,
  readyReplicas: anyNumber,
  lastScheduledAt: aTime,
  lastSucceededAt: aTime,
  suspended: fc.boolean(),
  restartedAt: aTime,
});

const anyImage: fc.Arbitrary<Image> = fc.record({
  name: anyText,
  url: anyText,
  aliases: fc.array(anyText, { maxLength: 2 }),
  state: fc.constantFrom('stable', 'deprecated', 'unknown'),
  type: fc.constantFrom('standard', 'buildservice'),
});

const anyQuantity = fc.constantFrom('512Mi', '0.5Gi', '100m', '0.1', '500m', '1', '1e3', '100Mi', 'none', '');
const anyType = fc.constantFrom('one-off', 'scheduled', 'continuous');
const common = {
  name: anyText,
  type: anyType,
  cmd: anyText,
  emails: fc.constantFrom(...emailsChoices),
  mount: fc.constantFrom(...mountChoices),
  filelog: fc.boolean(),
  memory: anyQuantity,
  cpu: anyQuantity,
  retry: fc.nat(5),
  timeout: fc.nat(),
  timeZone: fc.oneof(anyText, fc.constantFrom('UTC', 'Europe/Rome', 'Australia/Lord_Howe')),
  concurrency: fc.constantFrom(...concurrencyChoices),
  startingDeadline: fc.nat(),
  replicas: fc.nat(9),
  portProtocol: fc.constantFrom('tcp' as const, 'udp' as const),
  publish: fc.boolean(),
};

const anyPort = fc.integer({ min: 1, max: 65_535 });
const anyCheck = fc.constantFrom<HealthCheck>({ type: 'script', script: './ok' }, { type: 'http', path: '/' });

const anyJob: fc.Arbitrary<ResolvedJob> = fc.record(
  {
    ...common,
    image: anyImage,
    port: unsure(anyPort),
    healthCheck: unsure(anyCheck),
    schedule: fc.record({ text: anyText, actual: anyText }),
    filelogStdout: unsure(anyText),
    filelogStderr: unsure(anyText),
  },
  {
    requiredKeys: [
      ...(Object.keys(common) as (keyof typeof common)[]),
      'image',
      'port',
      'healthCheck',
      'filelogStdout',
      'filelogStderr',
    ],
  },
);

const anyDefinition: fc.Arbitrary<JobDefinition> = fc.record(
  {
    ...common,
    image: anyText,
    port: anyPort,
    healthCheck: anyCheck,
    schedules: fc.array(fc.record({ text: anyText }), { maxLength: 2 }),
    filelogStdout: anyText,
    filelogStderr: anyText,
  },
  { requiredKeys: ['name', 'type', 'cmd', 'image'] },
);

const anyUid = fc.constantFrom('one', 'two');

function anyPod(key: JobKey): fc.Arbitrary<PodFacts> {
  return fc.record({
    key: fc.constant(key),
    uid: anyText,
    name: anyText,
    ownerUid: unsure(anyUid),
    resourceVersion: anyText,
    createdAt: anyTime,
    deletingAt: aTime,
    phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'),
    reason: anyReason,
    message: unsure(anyText),
    startedAt: aTime,
    conditions: fc.array(anyCondition, { maxLength: 2 }),
    container: unsure(
      fc.record({
        restarts: fc.nat(9),
        imageDigest: fc.constant(undefined),
        state: unsure(anyState),
        last: unsure(anyState),
      }),
    ),
  });
}

function anyRun(key: JobKey): fc.Arbitrary<RunFacts> {
  return fc.record({
    key: fc.constant(key),
    uid: anyUid,
    name: anyText,
    ownerUid: unsure(anyText),
    resourceVersion: anyText,
    createdAt: anyTime,
    deletingAt: aTime,
    manual: fc.boolean(),
    status: anyStatus,
  });
}

export const anySnapshot: fc.Arbitrary<JobSnapshot> = fc
  .constantFrom<JobKey['kind']>('Job', 'CronJob', 'Deployment')
  .chain((kind) => {
    const key: JobKey = { namespace: 'tool-alpha', kind, name: 'demo' };
    return fc.record({
      key: fc.constant(key),
      object: fc.record({
        key: fc.constant(key),
        uid: anyText,
        resourceVersion: anyText,
        createdAt: anyTime,
        deletingAt: aTime,
        job: unsure(anyJob),
        foreign: unsure(anyText),
        definition: unsure(anyDefinition),
        status: anyStatus,
      }),
      runs: fc.array(anyRun(key), { maxLength: 2 }),
      pods: fc.array(anyPod(key), { maxLength: 3 }),
      state: fc.constantFrom('pending', 'running', 'succeeded', 'failed', 'unknown', 'waiting', 'suspended'),
    });
  });
