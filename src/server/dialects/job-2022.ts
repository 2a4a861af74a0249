/** A job as the first clients read it (2021 to June 2023): flat, with text for yes and no. docs/wire.md says who reads what. Pure and total. */

import { isSameQuantity } from '../../definition/quantity.ts';
import type { JobSnapshot, ObjectFacts, ResolvedJob, Tool } from '../../domain.ts';
import { longStatus } from './status/long-status.ts';
import { shortStatusSeed } from './status/status-words.ts';

export interface Job2022 {
  readonly name: string;
  readonly cmd: string;
  /** Canonical short name, or `unknown`. */
  readonly image: string;
  readonly user: string;
  readonly namespace: string;
  readonly filelog: 'True' | 'False';
  readonly status_short: string;
  readonly status_long: string;
  readonly emails: string;
  /** Scheduled jobs: as typed. */
  readonly schedule?: string;
  readonly continuous?: true;
  /** Only where it is not the default of that time. */
  readonly memory?: string;
  readonly cpu?: string;
  /** From here on: added in 2023. */
  readonly image_state: string;
  readonly filelog_stdout: string | null;
  readonly filelog_stderr: string | null;
  readonly retry: number;
  /** Scheduled jobs: the five fields that run. */
  readonly schedule_actual?: string;
}

export interface Job2022Options {
  readonly tool: Tool;
  /** Ms since the epoch. Nothing of 2022 counts from it; callers hand every dialect the same. */
  readonly now: number;
  /** Why the cluster refuses to make the job's pod, where that was asked. */
  readonly trouble?: string | undefined;
}

const formerDefaults = { memory: '512Mi', cpu: '500m' };
/** What a job that says nothing gets since 2024. */
const presentCpu = '100m';

/** Keys stand in the order of 2022, those of 2023 after them. */
export function renderJob2022(snapshot: JobSnapshot, { tool, trouble }: Job2022Options): Job2022 {
  const { key, object } = snapshot;
  const { job } = object;
  return {
    name: key.name,
    cmd: job?.cmd ?? 'unknown',
    image: imageName(job),
    user: tool.name,
    namespace: tool.namespace,
    filelog: job?.filelog ? 'True' : 'False',
    status_short: shortStatusSeed(snapshot),
    status_long: longStatus(snapshot, trouble),
    emails: job?.emails ?? 'none',
    ...(job?.schedule ? { schedule: job.schedule.text } : {}),
    ...(key.kind === 'Deployment' ? { continuous: true as const } : {}),
    ...memoryOf(object),
    ...cpuOf(object),
    image_state: job?.image.state ?? 'unknown',
    filelog_stdout: job?.filelogStdout ?? null,
    filelog_stderr: job?.filelogStderr ?? null,
    retry: job?.retry ?? 0,
    ...(job?.schedule ? { schedule_actual: job.schedule.actual } : {}),
  };
}

/** An address is no short name; images of the build service are known by theirs alone. */
function imageName(job: ResolvedJob | undefined): string {
  if (!job || (job.image.state === 'unknown' && job.image.type === 'standard')) return 'unknown';
  return job.image.name;
}

function memoryOf({ job }: ObjectFacts): Pick<Job2022, 'memory'> {
  if (!job || isSameQuantity(job.memory, formerDefaults.memory)) return {};
  return { memory: job.memory };
}

/** These clients take a job without the key for one that asked for nothing, whatever a job that asks for nothing gets today. */
function cpuOf({ job, definition }: ObjectFacts): Pick<Job2022, 'cpu'> {
  if (!job || isSameQuantity(job.cpu, formerDefaults.cpu)) return {};
  if (definition && definition.cpu === undefined && isSameQuantity(job.cpu, presentCpu)) return {};
  return { cpu: job.cpu };
}
