/** A run of a schedule that the service begins: a Job as the schedule's own controller makes it. Pure. */
import { annotationNames } from '../../definition/labels.ts';
import type { JobKey, KubeObject } from '../../domain.ts';
import { recordAt, textAt } from '../../fields.ts';

/**
 * As `kubectl create job --from=cronjob/…` makes it.
 * @param holds the firing whose name it has; then the controller of schedules has to know it for its own
 */
export function runObject(
  cronJob: KubeObject,
  key: JobKey,
  name: string,
  annotations: Readonly<Record<string, string>>,
  holds: number | undefined,
): KubeObject {
  const spec = recordAt(cronJob, 'spec', 'jobTemplate', 'spec');
  const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: key.name, uid: textAt(cronJob, 'metadata', 'uid') };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace: key.namespace,
      labels: recordAt(spec, 'template', 'metadata', 'labels'),
      annotations: {
        ...annotations,
        ...(holds === undefined ? {} : { [annotationNames.holds]: new Date(holds).toISOString() }),
      },
      ownerReferences: [holds === undefined ? owner : { ...owner, controller: true }],
    },
    spec,
  };
}
