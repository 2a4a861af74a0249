/** Names of labels and annotations, and the labels of a job. Watches, selectors and `kubectl get -l` depend on every letter. */
import { jobTypes, type KubeObject, type ResolvedJob, type Tool } from '../domain.ts';
import { recordAt } from '../fields.ts';

export const labelNames = {
  toolforge: 'toolforge',
  managedBy: 'app.kubernetes.io/managed-by',
  createdBy: 'app.kubernetes.io/created-by',
  version: 'app.kubernetes.io/version',
  component: 'app.kubernetes.io/component',
  name: 'app.kubernetes.io/name',
  filelog: 'jobs.toolforge.org/filelog',
  emails: 'jobs.toolforge.org/emails',
  mount: 'toolforge.org/mount-storage',
  /** Of a part: the name of its job. */
  group: 'jobs.toolforge.org/group',
  /** On some objects of version 1. */
  newFormat: 'jobs.toolforge.org/command-new-format',
} as const;

export const annotationNames = {
  /** The definition as encodeDefinition() writes it. */
  definition: 'jobs.toolforge.org/definition',
  /** The schedule as typed, on CronJobs. */
  schedule: 'jobs.toolforge.org/cron-expression',
  /** Of a Deployment's pod template: another value makes its copies anew. */
  restartedAt: 'app.kubernetes.io/restartedAt',
  /** `manual` on a run that was asked for by hand (kubectl writes it as well). */
  instantiate: 'cronjob.kubernetes.io/instantiate',
  /** Of a CronJob whose schedule was changed: when, as RFC 3339. */
  scheduleSince: 'jobs.toolforge.org/schedule-since',
  /** Of a CronJob: who suspended it last, why, until when, and when it was resumed, as suspension.ts writes it. */
  suspension: 'jobs.toolforge.org/suspension',
  /** Of a run that the service has begun: the firing whose name it has, so that the cluster begins no other one for that. */
  holds: 'jobs.toolforge.org/holds-firing',
  /** Of a run: the firing it is for (kubernetes.io, "Well-Known Labels, Annotations and Taints"). */
  scheduledFor: 'batch.kubernetes.io/cronjob-scheduled-timestamp',
} as const;

/** Environment variable that holds the pod's uid: what one attempt of a job is known by. */
export const runIdName = 'TOOLFORGE_RUN_ID';

/** Value of the label that says who made an object. */
export const manager = 'toolforge-jobs-framework';

/** Everything this service and its forerunners made, in any namespace. */
export const managedBySelector = `${labelNames.managedBy}=${manager}`;

/** Everything of one tool. */
export function toolSelector(tool: Tool): string {
  return `${labelNames.toolforge}=tool,${managedBySelector},${labelNames.createdBy}=${tool.name}`;
}

/** In the order in which they have always been written. */
export function labelsOf(job: ResolvedJob, tool: Tool): Record<string, string> {
  return {
    [labelNames.toolforge]: 'tool',
    [labelNames.managedBy]: manager,
    [labelNames.createdBy]: tool.name,
    [labelNames.version]: '2',
    [labelNames.component]: jobTypes[job.type].component,
    [labelNames.name]: job.name,
    ...(job.filelog ? { [labelNames.filelog]: 'yes' } : {}),
    [labelNames.emails]: job.emails,
    [labelNames.mount]: job.mount,
    ...(job.group === undefined ? {} : { [labelNames.group]: job.group }),
  };
}

/** What a Deployment's selector asks for, comparable as text. */
export function selectorTextOf(deployment: KubeObject): string {
  return JSON.stringify(Object.entries(recordAt(deployment, 'spec', 'selector', 'matchLabels')).sort());
}

/** Those that no change of a job touches: a Deployment's selector cannot be changed. */
export function selectorOf(job: ResolvedJob, tool: Tool): Record<string, string> {
  return {
    [labelNames.toolforge]: 'tool',
    [labelNames.managedBy]: manager,
    [labelNames.createdBy]: tool.name,
    [labelNames.name]: job.name,
  };
}
