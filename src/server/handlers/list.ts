/**
 * All jobs of the caller, as JSON text. A list is rendered at most once a second and once per change: clients that poll, and there are many,
 * get the text made for the first of them. Durations count whole seconds, so no answer is older than it says.
 */
import type { JobSnapshot } from '../../domain.ts';
import type { Caller } from '../identify.ts';
import { type Deps, readyJobs } from './deps.ts';

/** How one dialect writes a list; `name` tells the texts of the dialects apart. */
export interface ListForm {
  readonly name: string;
  write(snapshots: readonly JobSnapshot[], caller: Caller): string;
}

interface Rendered {
  readonly snapshots: readonly JobSnapshot[];
  readonly second: number;
  /** Whether it says that the view is cut off depends on it. */
  readonly live: boolean;
  readonly text: string;
}

/** Texts kept: the most recently asked tools only. */
const maxKept = 256;

export function createListJobs(deps: Deps): (caller: Caller, form: ListForm) => Promise<string> {
  const kept = new Map<string, Rendered>();

  return async (caller, form) => {
    const jobs = readyJobs(deps);
    await deps.recall(caller.tool);
    const { namespace } = caller.tool;
    const second = Math.floor(deps.now() / 1000);
    const snapshots = jobs.list(namespace);
    const { live } = jobs.freshness();
    const slot = `${form.name} ${namespace}`;
    const last = kept.get(slot);
    if (last && last.snapshots === snapshots && last.second === second && last.live === live) return last.text;

    const text = form.write(snapshots, caller);
    kept.delete(slot);
    kept.set(slot, { snapshots, second, live, text });
    if (kept.size > maxKept) kept.delete(kept.keys().next().value as string);
    return text;
  };
}
