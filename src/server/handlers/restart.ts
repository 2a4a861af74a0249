/** A job started again: a continuous one copy by copy, a scheduled one as a run of now. */
import { annotationNames } from '../../definition/labels.ts';
import type { JobSnapshot } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';
import { endRuns, turnOf } from './remove.ts';
import { runObject } from './run-object.ts';
import { jobNotFound, showParts } from './show.ts';

/**
 * @param release gives back the caller's place among the requests: what runs of a schedule is ended first, and that may take a while
 * @throws AppError `job.not_found`, `job.not_restartable` for a one-off, `credentials.*`, `kube.*`
 */
export async function restartJob(caller: Caller, name: string, deps: Deps, release: () => void): Promise<void> {
  await deps.takeTurn(caller, turnOf(caller, name, deps), async () => {
    const snapshots = showParts(caller, name, deps);
    if (snapshots.some(({ key }) => key.kind === 'Job')) {
      throw new AppError('job.not_restartable', 'Unable to restart a one-off job. Delete it and run it again.', {
        fields: { name },
      });
    }
    for (const snapshot of snapshots) await restartPart(caller, snapshot, deps, release);
  });
}

async function restartPart(caller: Caller, snapshot: JobSnapshot, deps: Deps, release: () => void): Promise<void> {
  if (snapshot.key.kind === 'Deployment') await restartCopies(caller, snapshot, deps);
  else await runNow(caller, snapshot, deps, release);
}

/** The Deployment's strategy decides how: with one copy the old one ends first, with more they are replaced one after the other. */
async function restartCopies({ tool }: Caller, { key }: JobSnapshot, deps: Deps): Promise<void> {
  const annotations = { [annotationNames.restartedAt]: timestamp(deps.now()) };
  deps.jobs.observe(await deps.forward.patch(tool, key, { spec: { template: { metadata: { annotations } } } }));
}

/** UTC with microseconds, as earlier services wrote it. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/Z$/, '000+00:00');
}

const nameTries = 5;

async function runNow(caller: Caller, snapshot: JobSnapshot, deps: Deps, release: () => void): Promise<void> {
  const { tool } = caller;
  const schedule = await deps.forward.object(tool, snapshot.key);
  if (!schedule) throw jobNotFound(snapshot.key.name);
  await endRuns(caller, snapshot, deps, release);
  const second = Math.floor(deps.now() / 1000);
  for (let attempt = 0; ; attempt++) {
    const name = `${snapshot.key.name}-${second + attempt}`;
    const run = runObject(schedule, snapshot.key, name, { annotations: { [annotationNames.instantiate]: 'manual' } });
    try {
      deps.jobs.observe(await deps.forward.create(tool, 'one-off', run));
      return;
    } catch (error) {
      const isTaken = error instanceof AppError && error.code === 'job.conflict';
      if (!isTaken || attempt === nameTries) throw error;
    }
  }
}
