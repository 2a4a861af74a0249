/** The status of a Job, CronJob or Deployment. Pure and total. */
import { annotationNames } from '../definition/labels.ts';
import type { Condition, KubeKind, KubeObject, ObjectStatus } from '../domain.ts';
import { countAt, listAt, recordAt, textAt, timeAt } from '../fields.ts';
import { shorten } from './shorten.ts';

const noConditions: readonly Condition[] = [];
const maxConditions = 20;

/**
 * For a Deployment `active` is the number of its pods and `ready` equals `readyReplicas`; for a CronJob `active` is the number of runs
 * under way. `suspended` is spec.suspend.
 */
export function readObjectStatus(kind: KubeKind, object: KubeObject): ObjectStatus {
  const status = recordAt(object, 'status');
  const isDeployment = kind === 'Deployment';
  const readyReplicas = countAt(status, 'readyReplicas');
  return {
    conditions: readConditions(status),
    startedAt: timeAt(status, 'startTime'),
    active:
      kind === 'CronJob' ? listAt(status, 'active').length : countAt(status, isDeployment ? 'replicas' : 'active'),
    ready: isDeployment ? readyReplicas : countAt(status, 'ready'),
    failed: countAt(status, 'failed'),
    succeeded: countAt(status, 'succeeded'),
    unavailable: countAt(status, 'unavailableReplicas'),
    readyReplicas,
    lastScheduledAt: timeAt(status, 'lastScheduleTime'),
    lastSucceededAt: timeAt(status, 'lastSuccessfulTime'),
    suspended: recordAt(object, 'spec').suspend === true,
    restartedAt: isDeployment ? readRestart(object) : undefined,
  };
}

function readRestart(deployment: KubeObject): number | undefined {
  return timeAt(deployment, 'spec', 'template', 'metadata', 'annotations', annotationNames.restartedAt);
}

/** `status.conditions`, of pods as well; at most 20. */
export function readConditions(status: unknown): readonly Condition[] {
  const listed = listAt(status, 'conditions');
  return listed.length === 0 ? noConditions : listed.slice(0, maxConditions).map(readCondition);
}

function readCondition(condition: unknown): Condition {
  return {
    type: textAt(condition, 'type') ?? '',
    status: textAt(condition, 'status') ?? '',
    reason: shorten(textAt(condition, 'reason')),
    message: shorten(textAt(condition, 'message')),
    changedAt: timeAt(condition, 'lastTransitionTime'),
  };
}
