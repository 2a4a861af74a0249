/** What of a job is remembered with a run of it. Pure. */
import type { ResolvedJob, WhatRan } from '../domain.ts';
import { countAt, textAt } from '../fields.ts';
import { unusualFiring } from './firing-rules.ts';
import { variablesAt } from './variables.ts';

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
    timeZone: unusualFiring(job).timeZone,
    filelogStdout,
    filelogStderr,
    ...(job.variables ? { variables: job.variables } : {}),
  };
}

/** @returns undefined for what is none; a field that says nothing has its default */
export function parseRan(value: unknown): WhatRan | undefined {
  const cmd = textAt(value, 'cmd');
  const image = textAt(value, 'image');
  if (cmd === undefined || image === undefined) return undefined;
  const variables = variablesAt(value, 'variables');
  return {
    cmd,
    image,
    imageDigest: textAt(value, 'imageDigest'),
    memory: textAt(value, 'memory') ?? '',
    cpu: textAt(value, 'cpu') ?? '',
    retry: countAt(value, 'retry'),
    timeout: countAt(value, 'timeout'),
    replicas: countAt(value, 'replicas'),
    schedule: textAt(value, 'schedule'),
    timeZone: textAt(value, 'timeZone'),
    filelogStdout: textAt(value, 'filelogStdout'),
    filelogStderr: textAt(value, 'filelogStderr'),
    ...(variables.length > 0 ? { variables } : {}),
  };
}
