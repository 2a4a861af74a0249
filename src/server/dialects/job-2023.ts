/** A job as clients of October 2023 read it. Pure and total. */
import type { JobSnapshot, Mount, Tool } from '../../domain.ts';
import { type Job2022, renderJob2022 } from './job-2022.ts';
import { shortStatus } from './status/status-words.ts';

export interface Job2023 extends Omit<Job2022, 'user' | 'namespace'> {
  readonly mount: Mount;
}

export interface Job2023Options {
  readonly tool: Tool;
  /** Ms since the epoch. */
  readonly now: number;
  readonly trouble?: string | undefined;
}

export function renderJob2023(snapshot: JobSnapshot, options: Job2023Options): Job2023 {
  const { user, namespace, ...job } = renderJob2022(snapshot, options);
  return {
    ...job,
    status_short: shortStatus(snapshot, options.now, options.trouble),
    mount: snapshot.object.job?.mount ?? 'all',
  };
}

/**
 * The same for whoever compares it with a file of jobs: paths and images as they were typed, and nothing where nothing was. The client of
 * October 2023 asks the legacy list for that alone, and deletes and creates every job that differs by a letter.
 */
export function renderAsTyped2023(snapshot: JobSnapshot, options: Job2023Options): Job2023 {
  const job = renderJob2023(snapshot, options);
  const asked = snapshot.object.definition;
  if (!asked) return job;
  return {
    ...job,
    image: asked.image,
    filelog_stdout: asked.filelogStdout ?? null,
    filelog_stderr: asked.filelogStderr ?? null,
  };
}
