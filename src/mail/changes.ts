/** What was changed about a job between its last good run and this one. Pure. */
import { differingNames } from '../definition/variables.ts';
import type { WhatRan } from '../domain.ts';
import { lengthWords, memoryWords } from './words.ts';

/** @returns one phrase for each change; none where nothing that we know of has changed */
export function changesBetween(before: WhatRan, after: WhatRan): string[] {
  const changes: string[] = [];
  if (before.cmd !== after.cmd) changes.push('its command');
  if (before.image !== after.image) changes.push(`its image (${before.image}, now ${after.image})`);
  else if (isOtherBuild(before, after)) changes.push(`its image (${after.image} was built anew)`);
  const fields = [
    ['memory', memoryWords(before.memory), memoryWords(after.memory)],
    ['CPU', before.cpu, after.cpu],
    ['schedule', before.schedule, after.schedule],
    ['time zone', before.timeZone ?? 'UTC', after.timeZone ?? 'UTC'],
    ['retries', before.retry, after.retry],
    ['timeout', timeoutWords(before.timeout), timeoutWords(after.timeout)],
    ['number of copies', before.replicas, after.replicas],
  ] as const;
  for (const [name, was, is] of fields)
    if (was !== is) changes.push(`its ${name} (${was ?? 'none'}, now ${is ?? 'none'})`);
  const variables = differingNames(before.variables, after.variables);
  if (variables.length > 0) changes.push(`its variables (${variables.join(', ')})`);
  return changes;
}

/** The digest is not known of every run. */
function isOtherBuild({ imageDigest: was }: WhatRan, { imageDigest: is }: WhatRan): boolean {
  return was !== undefined && is !== undefined && was !== is;
}

function timeoutWords(seconds: number): string | undefined {
  return seconds > 0 ? lengthWords(seconds * 1_000) : undefined;
}
