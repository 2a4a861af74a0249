/** The runs of one job that have ended, from their records: they are there when the job is gone. */
import type { JobParts, Tool, UnusualRun } from '../../domain.ts';
import { inOrder, type ToldRun } from '../../streak.ts';
import { unusualRuns } from '../../usage/unusual-run.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';
import { showParts } from './show.ts';

export interface RunOfJob extends ToldRun {
  /** The job, or its part. */
  readonly job: string;
}

/** As many as are kept of one job. */
const maxRuns = 100;

/**
 * @returns newest first; of a job of several parts those of all of them, of a part its own
 * @throws AppError `job.not_found` for a name of which neither a job nor a record is known, `view.not_ready`
 */
export async function listRuns(caller: Caller, name: string, deps: Deps): Promise<readonly RunOfJob[]> {
  const runs = await recordedRuns(caller.tool, name, deps);
  if (runs.length === 0) showParts(caller, name, deps);
  return runs;
}

/** The same of a name that may be no job's. */
export async function recordedRuns(tool: Tool, name: string, deps: Pick<Deps, 'runs'>): Promise<readonly RunOfJob[]> {
  const [own, parts] = await Promise.all([deps.runs.list(tool, name), deps.runs.listParts(tool, name)]);
  const all = [{ part: name, runs: own }, ...parts].flatMap(({ part, runs }) =>
    inOrder(runs).map((told): RunOfJob => ({ job: part, ...told })),
  );
  // One job's are in their order already.
  if (parts.length === 0) return all;
  return all.sort((one, other) => other.run.createdAt - one.run.createdAt).slice(0, maxRuns);
}

const shownRuns = 5;

/** Of a job that is shown, by the name it was asked for. That they cannot be read is no reason not to show it. */
export async function lastRuns(
  { tool }: Caller,
  name: string,
  [{ key }]: JobParts,
  deps: Deps,
): Promise<readonly RunOfJob[]> {
  if (key.kind === 'Deployment') return [];
  return (await recordedRuns(tool, name, deps).catch(() => [])).slice(0, shownRuns);
}

/** Those that were suspiciously short, long or quiet against their like, by id; none of parts that do not ask to be told. */
export async function unusualOf(
  { tool }: Caller,
  runs: readonly RunOfJob[],
  { jobs, outputs }: Pick<Deps, 'jobs' | 'outputs'>,
): Promise<ReadonlyMap<string, UnusualRun>> {
  const parts = [...new Set(runs.map(({ job }) => job))];
  const telling = parts.filter((part) => jobs.find(tool.namespace, part)?.object.job?.unusual);
  const found = await Promise.all(
    telling.map(async (part) => {
      const own = runs.filter(({ job }) => job === part).map(({ run }) => run);
      return [...unusualRuns(own, await outputs.written(tool, part))];
    }),
  );
  return new Map(found.flat());
}
