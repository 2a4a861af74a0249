/** The events of the caller's own jobs, as they happen. */
import type { Readable } from 'node:stream';
import type { Caller } from '../identify.ts';
import { type Deps, readyJobs } from './deps.ts';

export interface EventsAsked {
  /** Of one job only; one that is not there yet counts as well. */
  readonly job?: string | undefined;
  readonly lastEventId?: string | undefined;
}

/** @throws AppError `view.not_ready` */
export function followEvents({ tool }: Caller, asked: EventsAsked, deps: Deps): Readable {
  readyJobs(deps);
  return deps.feeds.listen(tool, asked);
}
