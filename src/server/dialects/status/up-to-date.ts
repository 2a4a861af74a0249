/** Whether what runs is what was asked: an object can be changed past this service. Pure and total. */

import { askedCheck } from '../../../definition/ports.ts';
import { isSameQuantity } from '../../../definition/quantity.ts';
import type { HealthCheck, JobDefinition, ObjectFacts, ResolvedJob } from '../../../domain.ts';

const compared = [
  'cmd',
  'filelog',
  'emails',
  'mount',
  'retry',
  'timeout',
  'timeZone',
  'concurrency',
  'startingDeadline',
  'replicas',
  'port',
  'portProtocol',
] as const;

/** Only what the definition says is compared; without one there is nothing to differ from. */
export function isUpToDate({ job, definition }: ObjectFacts): boolean {
  if (!job || !definition) return true;
  return (
    compared.every((field) => definition[field] === undefined || definition[field] === job[field]) &&
    isSameAmount(definition.memory, job.memory) &&
    isSameAmount(definition.cpu, job.cpu) &&
    isSameSchedule(job, definition) &&
    isSameCheck(askedCheck(definition), job.healthCheck)
  );
}

function isSameCheck(asked: HealthCheck | undefined, running: HealthCheck | undefined): boolean {
  return asked === undefined || JSON.stringify(asked) === JSON.stringify(running);
}

function isSameAmount(asked: string | undefined, running: string): boolean {
  return asked === undefined || asked === running || isSameQuantity(asked, running);
}

function isSameSchedule({ schedule }: ResolvedJob, { schedules }: JobDefinition): boolean {
  return !schedules || !schedule || schedules.some(({ text }) => text === schedule.text);
}
