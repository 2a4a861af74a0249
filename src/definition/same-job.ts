/** Whether two jobs are the same to whoever runs them: by what they mean, not by how it was typed. Pure. */
import type { ResolvedJob } from '../domain.ts';
import { isChosen } from './cron.ts';
import { isSameQuantity } from './quantity.ts';
import { isSameEnvironment } from './variables.ts';

const compared = [
  'name',
  'type',
  'cmd',
  'filelog',
  'filelogStdout',
  'filelogStderr',
  'emails',
  'mount',
  'retry',
  'timeout',
  'suspendAfter',
  'timeZone',
  'concurrency',
  'startingDeadline',
  'replicas',
  'port',
  'publish',
  'unusual',
] as const satisfies readonly (keyof ResolvedJob)[];

export type ComparedField =
  | (typeof compared)[number]
  | 'image'
  | 'memory'
  | 'cpu'
  | 'schedule'
  | 'suspend'
  | 'portProtocol'
  | 'healthCheck'
  | 'variables'
  | 'after';

/**
 * 512Mi is 0.5Gi, an alias is its image, a default that was typed is a default. A macro, or a `~`, whose text is the same keeps the time it
 * was once given.
 */
export function isSameJob(one: ResolvedJob, other: ResolvedJob): boolean {
  return differences(one, other).length === 0;
}

/** @returns the fields in which two jobs differ to whoever runs them */
export function differences(one: ResolvedJob, other: ResolvedJob): ComparedField[] {
  const differing: readonly (readonly [ComparedField, boolean])[] = [
    ...compared.map((field) => [field, one[field] !== other[field]] as const),
    ['image', one.image.url !== other.image.url],
    ['memory', !isSameQuantity(one.memory, other.memory)],
    ['cpu', !isSameQuantity(one.cpu, other.cpu)],
    ['schedule', !isSameSchedule(one, other)],
    ['suspend', JSON.stringify(one.suspend) !== JSON.stringify(other.suspend)],
    ['portProtocol', one.port !== undefined && one.portProtocol !== other.portProtocol],
    ['healthCheck', JSON.stringify(one.healthCheck) !== JSON.stringify(other.healthCheck)],
    ['variables', !isSameEnvironment(one.variables, other.variables)],
    ['after', [...(one.after ?? [])].sort().join() !== [...(other.after ?? [])].sort().join()],
  ];
  return differing.flatMap(([field, isDifferent]) => (isDifferent ? [field] : []));
}

function isSameSchedule({ schedule: one }: ResolvedJob, { schedule: other }: ResolvedJob): boolean {
  const isSameChoice = one !== undefined && isChosen(one.text) && one.text === other?.text;
  return isSameChoice || one?.actual === other?.actual;
}
