/** Whether two jobs are the same to whoever runs them: by what they mean, not by how it was typed. Pure. */
import type { ResolvedJob } from '../domain.ts';
import { isSameQuantity } from './quantity.ts';

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
  'replicas',
  'port',
  'publish',
] as const satisfies readonly (keyof ResolvedJob)[];

/**
 * 512Mi is 0.5Gi, an alias is its image, a default that was typed is a default. A macro whose text is the same keeps the time it was once
 * given.
 */
export function isSameJob(one: ResolvedJob, other: ResolvedJob): boolean {
  return (
    compared.every((field) => one[field] === other[field]) &&
    one.image.url === other.image.url &&
    isSameQuantity(one.memory, other.memory) &&
    isSameQuantity(one.cpu, other.cpu) &&
    isSameSchedule(one, other) &&
    (one.port === undefined || one.portProtocol === other.portProtocol) &&
    JSON.stringify(one.healthCheck) === JSON.stringify(other.healthCheck)
  );
}

function isSameSchedule({ schedule: one }: ResolvedJob, { schedule: other }: ResolvedJob): boolean {
  const isSameMacro = one?.text.startsWith('@') === true && one.text === other?.text;
  return isSameMacro || one?.actual === other?.actual;
}
