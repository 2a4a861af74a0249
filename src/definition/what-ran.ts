/** What of a job is remembered with a run of it, and what was changed between two runs. Pure. */
import type { ResolvedJob, WhatRan } from '../domain.ts';

export function whatRan(job: ResolvedJob, imageDigest: string | undefined): WhatRan {
  const { cmd, memory, cpu, retry, timeout, replicas, filelogStdout, filelogStderr } = job;
  return {
    cmd,
    image: job.image.name,
    imageDigest,
    memory,
    cpu,
    retry,
    timeout,
    replicas,
    schedule: job.schedule?.actual,
    filelogStdout,
    filelogStderr,
  };
}
