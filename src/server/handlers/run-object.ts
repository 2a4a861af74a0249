/** A run of a schedule that the service begins: a Job as the schedule's own controller makes it. Pure. */
import { annotationNames } from '../../definition/labels.ts';
import { toEnvironment } from '../../definition/variables.ts';
import type { JobKey, KubeObject, Variable } from '../../domain.ts';
import { listAt, recordAt, textAt } from '../../fields.ts';

export interface RunOptions {
  readonly annotations: Readonly<Record<string, string>>;
  /** The firing whose name it has; then the controller of schedules has to know it for its own. */
  readonly holds?: number | undefined;
  /** In the place of those that the schedule's runs have. */
  readonly variables?: readonly Variable[];
}

/** As `kubectl create job --from=cronjob/…` makes it. */
export function runObject(
  cronJob: KubeObject,
  key: JobKey,
  name: string,
  { annotations, holds, variables = [] }: RunOptions,
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
    spec: variables.length > 0 ? withVariables(spec, variables) : spec,
  };
}

function withVariables(spec: KubeObject, variables: readonly Variable[]): KubeObject {
  const template = recordAt(spec, 'template');
  const podSpec = recordAt(template, 'spec');
  const containers = listAt(podSpec, 'containers').map((container) => ({
    ...recordAt(container),
    env: listAt(container, 'env').map((one) => {
      const given = variables.filter(({ name }) => name === textAt(one, 'name'));
      return given.length > 0 ? toEnvironment(given)[0] : one;
    }),
  }));
  return { ...spec, template: { ...template, spec: { ...podSpec, containers } } };
}
