/**
 * What the service does for a tool by itself, as the tool: with its certificate, like everything that is written. Each errand looks at the
 * object anew, so that one which is carried out twice, or too late, changes nothing.
 */
import { isSuspended, resumptionOf, suspensionFor, suspensionOf } from '../../definition/suspension.ts';
import { type Errand, type KubeObject, type RunRecord, type Suspension, Tool } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { textAt } from '../../fields.ts';
import type { Deps } from './deps.ts';
import { turnOf } from './remove.ts';
import { beginLate } from './run-now.ts';
import { changeSuspension } from './suspend.ts';

/** @throws AppError `credentials.*`, `kube.*`: it is to be tried again */
export type CarryOut = (errand: Errand) => Promise<void>;

export function createCarryOut(deps: Deps): CarryOut {
  return async (errand) => {
    const { key, uid } = errand;
    const tool = Tool.ofNamespace(key.namespace);
    if (!tool) return;
    const isMeant = (cronJob: KubeObject) => textAt(cronJob, 'metadata', 'uid') === uid;
    const change = (decide: (cronJob: KubeObject) => Suspension | undefined) =>
      deps.takeTurn({ tool }, turnOf({ tool }, key.name, deps), () =>
        changeSuspension(tool, key, deps, (cronJob) => (isMeant(cronJob) ? decide(cronJob) : undefined)),
      );
    try {
      switch (errand.type) {
        case 'resume':
          return void (await change((cronJob) => resumed(cronJob, errand, deps)));
        case 'suspend-after': {
          const runs = await deps.runs.list(tool, key.name);
          const seen = deps.jobs.find(key.namespace, key.name)?.object.suspension;
          // Mostly there is nothing to do, and the cluster need not be asked.
          if (failuresInRow(runs, uid, seen?.resumedAt) < errand.after) return;
          return void (await change((cronJob) => suspendedAfter(cronJob, runs, errand, deps.now())));
        }
        case 'begin':
          return await deps.takeTurn({ tool }, turnOf({ tool }, key.name, deps), () => beginLate(tool, errand, deps));
      }
    } catch (error) {
      // It has gone meanwhile.
      if (!(error instanceof AppError) || error.code !== 'job.not_found') throw error;
    }
  };
}

function resumed(
  cronJob: KubeObject,
  { key, until }: Extract<Errand, { type: 'resume' }>,
  deps: Deps,
): Suspension | undefined {
  // Whoever suspended it once more, or until another time, knows better.
  if (suspensionOf(cronJob)?.until !== until) return undefined;
  const facts = deps.jobs.find(key.namespace, key.name)?.object;
  return facts && resumptionOf(cronJob, facts, deps.now());
}

function suspendedAfter(
  cronJob: KubeObject,
  runs: readonly RunRecord[],
  { uid, after }: Extract<Errand, { type: 'suspend-after' }>,
  now: number,
): Suspension | undefined {
  if (isSuspended(cronJob)) return undefined;
  const failures = failuresInRow(runs, uid, suspensionOf(cronJob)?.resumedAt);
  if (failures < after) return undefined;
  return suspensionFor(
    { note: failures === 1 ? 'a run failed' : `${failures} runs in a row failed` },
    { since: now, by: 'service' },
  );
}

/** Runs of this life of the job that failed since the last that succeeded, and since it was resumed. */
export function failuresInRow(runs: readonly RunRecord[], jobUid: string, since = 0): number {
  const own = runs.filter((run) => run.jobUid === jobUid && run.createdAt >= since);
  const lastGood = own.findIndex(({ outcome }) => outcome === 'succeeded');
  return own.slice(0, lastGood < 0 ? own.length : lastGood).filter(({ outcome }) => outcome === 'failed').length;
}
