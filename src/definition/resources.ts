/** Memory and CPU of a container, both ways: what a job may use (limits) and what is reserved for it (requests). */
import type { JobDefinition, ResolvedJob } from '../domain.ts';
import { textAt } from '../fields.ts';
import { cpuText2026, isSameQuantity, memoryText2026, requestOf } from './quantity.ts';

/** Up to this much memory all of it is reserved, above only half. */
const fullyReserved = '512Mi';
/** A job that asks for no more CPU is reserved this much and may use what is free up to a limit of the installation. */
const defaultCpu = '0.1';
/** What the cluster gave to containers that say nothing, in the years when objects said nothing (2021 to 2023). */
const formerDefaults = { memory: '512Mi', cpu: '500m' };

interface Amounts {
  readonly memory: string;
  readonly cpu: string;
}

/** In the form of 2026, where it says the same. */
export function toResources(job: Amounts, defaultCpuLimit: string): { requests: Amounts; limits: Amounts } {
  const [memory, cpu] = [memoryText2026(job.memory), cpuText2026(job.cpu)];
  return {
    requests: { memory: requestOf(memory, fullyReserved), cpu },
    limits: { memory, cpu: isSameQuantity(cpu, defaultCpu) ? defaultCpuLimit : cpu },
  };
}

/**
 * The API server writes quantities in a form of its own (`0.5Gi` becomes `512Mi`), so the text of the definition is used where it says
 * the same amount.
 */
export function readResources(
  container: unknown,
  definition: JobDefinition | undefined,
): Pick<ResolvedJob, 'memory' | 'cpu'> {
  const memory = textAt(container, 'resources', 'limits', 'memory') ?? formerDefaults.memory;
  const cpu = readCpu(container) ?? formerDefaults.cpu;
  return { memory: asTyped(memory, definition?.memory), cpu: asTyped(cpu, definition?.cpu) };
}

/** Request and limit differ like this for jobs alone that asked for the default. */
function readCpu(container: unknown): string | undefined {
  const request = textAt(container, 'resources', 'requests', 'cpu');
  const isDefault = request !== undefined && isSameQuantity(request, defaultCpu);
  return isDefault ? request : textAt(container, 'resources', 'limits', 'cpu');
}

function asTyped(stored: string, typed: string | undefined): string {
  return typed !== undefined && isSameQuantity(stored, typed) ? typed : stored;
}
