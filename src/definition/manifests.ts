/**
 * A job to the Kubernetes object that runs it, and any object of any generation back to a job; both ways in one file, tested as a pair.
 * The object is what runs, its annotation is what was asked. docs/wire.md describes every generation.
 */

import {
  emailsChoices,
  type Image,
  type JobDefinition,
  jobTypes,
  type KubeKind,
  type KubeObject,
  mountChoices,
  type ResolvedJob,
  type Tool,
  typeOfKind,
} from '../domain.ts';
import { AppError } from '../errors.ts';
import { amountAt, listAt, textAt, textsAt } from '../fields.ts';
import type { ImageList } from '../images.ts';
import { readCommand, toContainerCommand } from './command.ts';
import { decodeDefinition, encodeDefinition } from './definition.ts';
import { readFiringSpec, toFiringSpec } from './firing-rules.ts';
import {
  annotationNames,
  labelNames,
  labelsOf,
  managedBySelector,
  runIdName,
  selectorOf,
  toolSelector,
} from './labels.ts';
import { hasPart } from './parts.ts';
import { readPortsAndProbes, toPortsAndProbes, toService } from './ports.ts';
import { readResources, toResources } from './resources.ts';
import { isSuspended } from './suspension.ts';
import { readEnvironment, toEnvironment } from './variables.ts';

export { annotationNames, labelNames, managedBySelector, runIdName, toolSelector, toService };

export interface ToKubeContext {
  readonly tool: Tool;
  /** Absolute, as the job sees it. */
  readonly homePath: string;
  /** Whom the job runs as; undefined = the cluster decides. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Directory of all homes on the node and in the job; undefined = the cluster mounts them. */
  readonly mountHomes: { readonly hostPath: string; readonly mountPath: string } | undefined;
  /** CPU limit of a job that asks for the default. */
  readonly defaultCpuLimit: string;
  /** undefined = the cluster's default. */
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never' | undefined;
}

/**
 * Without `kind`, as earlier services sent it: the API server knows it from the path.
 * @throws AppError `job.invalid` for a command that resolveJob() refuses
 */
export function toKubeObject(job: ResolvedJob, definition: JobDefinition, context: ToKubeContext): KubeObject {
  const labels = labelsOf(job, context.tool);
  const annotations = {
    ...(job.schedule ? { [annotationNames.schedule]: job.schedule.text } : {}),
    [annotationNames.definition]: encodeDefinition(definition),
  };
  const template = { metadata: { labels }, spec: podSpec(job, context) };
  return {
    apiVersion: job.type === 'continuous' ? 'apps/v1' : 'batch/v1',
    metadata: { name: job.name, namespace: context.tool.namespace, labels, annotations },
    spec: specs[job.type](job, template, context.tool),
  };
}

type Template = { readonly metadata: KubeObject; readonly spec: KubeObject };

const specs = {
  'one-off': jobSpec,
  scheduled: (job: ResolvedJob, template: Template) => ({
    schedule: job.schedule?.actual,
    successfulJobsHistoryLimit: 1,
    failedJobsHistoryLimit: 1,
    ...toFiringSpec(job),
    jobTemplate: { spec: jobSpec(job, template) },
  }),
  continuous: (job: ResolvedJob, template: Template, tool: Tool) => ({
    replicas: job.replicas,
    progressDeadlineSeconds: 600,
    strategy: { type: job.replicas === 1 ? 'Recreate' : 'RollingUpdate' },
    template,
    selector: { matchLabels: selectorOf(job, tool) },
  }),
};

function jobSpec(job: ResolvedJob, template: Template): KubeObject {
  return {
    template,
    ttlSecondsAfterFinished: 30,
    backoffLimit: job.retry,
    ...(job.timeout > 0 ? { activeDeadlineSeconds: job.timeout } : {}),
  };
}

function podSpec(job: ResolvedJob, context: ToKubeContext): KubeObject {
  const { owner, tool } = context;
  const homes = job.mount === 'all' ? context.mountHomes : undefined;
  return {
    restartPolicy: job.type === 'continuous' ? 'Always' : 'Never',
    terminationGracePeriodSeconds: 15,
    securityContext: {
      ...(owner ? { fsGroup: owner.gid, ...runAs(owner) } : {}),
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container(job, context, homes)],
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selectorOf(job, tool) },
      },
    ],
    ...(homes ? { volumes: [{ name: 'homes', hostPath: { path: homes.hostPath, type: 'Directory' } }] } : {}),
  };
}

function runAs({ uid, gid }: { readonly uid: number; readonly gid: number }): KubeObject {
  return { runAsUser: uid, runAsGroup: gid };
}

function container(job: ResolvedJob, context: ToKubeContext, homes: ToKubeContext['mountHomes']): KubeObject {
  const { owner, homePath, imagePullPolicy, defaultCpuLimit } = context;
  const { image } = job;
  return {
    name: 'job',
    image: image.url,
    ...(imagePullPolicy ? { imagePullPolicy } : {}),
    ...(image.type === 'standard' ? { workingDir: homePath } : {}),
    env: environment(job, homes && homePath),
    command: commandOf(job),
    ...toPortsAndProbes(job),
    resources: toResources(job, defaultCpuLimit),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: false,
      ...(owner ? runAs(owner) : {}),
      runAsNonRoot: true,
    },
    ...(homes ? { volumeMounts: [{ name: 'homes', mountPath: homes.mountPath }] } : {}),
  };
}

/** @param home set where the cluster does not tell the container its home */
function environment({ image: { type }, port, variables }: ResolvedJob, home: string | undefined): KubeObject[] {
  return [
    ...(type === 'buildservice' ? [{ name: 'NO_HOME', value: 'a buildservice pod does not need a home env' }] : []),
    ...(type === 'standard' && home !== undefined ? [{ name: 'HOME', value: home }] : []),
    { name: runIdName, valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
    ...(port === undefined ? [] : [{ name: 'PORT', value: String(port) }]),
    ...toEnvironment(variables),
  ];
}

function commandOf(job: ResolvedJob): string[] {
  const command = toContainerCommand(job.cmd, outputOf(job), job.image.type);
  if (!command) throw new AppError('job.invalid', 'cmd: a quote is not closed.', { fields: { field: 'cmd' } });
  return command;
}

function outputOf({ filelog, filelogStdout: stdout, filelogStderr: stderr }: ResolvedJob) {
  return filelog && stdout !== undefined && stderr !== undefined ? { stdout, stderr } : undefined;
}

export interface FromKubeContext {
  readonly images: ImageList;
  /** Directory of all homes as jobs see it. */
  readonly homesMount: string;
}

export type FromKube =
  | { readonly job: ResolvedJob; readonly definition: JobDefinition | undefined }
  | { readonly foreign: string };

/**
 * Total: whatever the object holds, the answer is a job or the reason why it is none of ours. The annotation counts where it is valid
 * and is about this object; even then every value that runs is taken from the object.
 */
export function fromKubeObject(object: KubeObject, { images, homesMount }: FromKubeContext): FromKube {
  const kind = kindOf(object);
  const name = textAt(object, 'metadata', 'name');
  const [, tool] = /^tool-(.+)$/.exec(textAt(object, 'metadata', 'namespace') ?? '') ?? [];
  if (!kind || !name || !tool) return { foreign: 'It is not a Job, CronJob or Deployment in the namespace of a tool.' };

  const run = kind === 'CronJob' ? ['spec', 'jobTemplate', 'spec'] : ['spec'];
  const container = findContainer(listAt(object, ...run, 'template', 'spec', 'containers'), name);
  const url = textAt(container, 'image');
  if (!url) return { foreign: 'It has no container with an image.' };
  const image = images.byUrl(url);

  const definition = readDefinition(object, name, kind);
  const command = readContainerCommand(object, container, image, `${homesMount}/${tool}`, definition);
  if (!command) return { foreign: 'Its command is not one that this service writes.' };
  const schedule = kind === 'CronJob' ? readSchedule(object) : undefined;
  if (kind === 'CronJob' && !schedule) return { foreign: 'It has no schedule.' };

  const variables = readEnvironment(container);
  const job: ResolvedJob = {
    name,
    ...(definition && definition.name !== name ? { group: definition.name } : {}),
    type: typeOfKind[kind],
    ...command,
    image,
    ...(schedule ? { schedule } : {}),
    emails: labelAmong(object, labelNames.emails, emailsChoices) ?? 'none',
    mount: labelAmong(object, labelNames.mount, mountChoices) ?? (image.type === 'standard' ? 'all' : 'none'),
    ...readResources(container, definition),
    retry: kind === 'Deployment' ? 0 : (amountAt(object, ...run, 'backoffLimit') ?? 0),
    timeout: kind === 'Deployment' ? 0 : (amountAt(object, ...run, 'activeDeadlineSeconds') ?? 0),
    ...(kind === 'CronJob' ? readSuspending(object, definition) : {}),
    ...readFiringSpec(object),
    replicas: kind === 'Deployment' ? (amountAt(object, 'spec', 'replicas') ?? 1) : 1,
    ...readPortsAndProbes(container, image, definition),
    publish: definition?.publish ?? false,
    ...(variables ? { variables } : {}),
    ...(definition?.after ? { after: definition.after } : {}),
    ...(definition?.unusual ? { unusual: true } : {}),
  };
  return { job, definition };
}

/** Items of a list do not say their kind; the label does. */
function kindOf(object: KubeObject): KubeKind | undefined {
  const said = textAt(object, 'kind');
  const component = textAt(object, 'metadata', 'labels', labelNames.component);
  return Object.values(jobTypes).find((type) =>
    said === undefined ? type.component === component : type.kind === said,
  )?.kind;
}

/** The first generation named the container after the job. */
function findContainer(containers: readonly unknown[], name: string): unknown {
  const named = (wanted: string) => containers.find((container) => textAt(container, 'name') === wanted);
  return named('job') ?? named(name) ?? containers[0];
}

function readDefinition(object: KubeObject, name: string, kind: KubeKind): JobDefinition | undefined {
  const text = textAt(object, 'metadata', 'annotations', annotationNames.definition);
  const definition = text === undefined ? undefined : decodeDefinition(text);
  return definition?.type === typeOfKind[kind] && hasPart(definition, name) ? definition : undefined;
}

type CommandPart = Pick<ResolvedJob, 'cmd' | 'filelog' | 'filelogStdout' | 'filelogStderr'>;

/** What was typed, where the definition leads to exactly this command; else as well as the command tells. */
function readContainerCommand(
  object: KubeObject,
  container: unknown,
  image: Image,
  home: string,
  definition: JobDefinition | undefined,
): CommandPart | undefined {
  const command = textsAt(container, 'command');
  const args = listAt(container, 'args');
  if (!command || !args.every((arg) => typeof arg === 'string')) return undefined;
  const label = (name: string) => textAt(object, 'metadata', 'labels', name);
  const read = readCommand(command, args, {
    version: label(labelNames.version) ?? '1',
    isNewFormat: label(labelNames.newFormat) === 'yes',
    hasFilelog: label(labelNames.filelog) === 'yes',
    type: image.type,
  });
  if (!read) return undefined;
  const expected = definition && toContainerCommand(definition.cmd, read.output, image.type);
  const isAsTyped = args.length === 0 && JSON.stringify(expected) === JSON.stringify(command);
  const directory = textAt(container, 'workingDir') ?? home;
  const absolute = (path: string | undefined) =>
    path === undefined || path.startsWith('/') ? path : `${directory}/${path}`;
  return {
    cmd: isAsTyped && definition ? definition.cmd : read.cmd,
    filelog: read.output !== undefined,
    filelogStdout: absolute(read.output?.stdout),
    filelogStderr: absolute(read.output?.stderr),
  };
}

/** What the definition wants of it, as far as that is so. */
function readSuspending(
  object: KubeObject,
  { suspend, suspendAfter }: Partial<JobDefinition> = {},
): Pick<ResolvedJob, 'suspend' | 'suspendAfter'> {
  return {
    ...(suspend && isSuspended(object) ? { suspend } : {}),
    ...(suspendAfter === undefined ? {} : { suspendAfter }),
  };
}

function readSchedule(object: KubeObject): ResolvedJob['schedule'] {
  const actual = textAt(object, 'spec', 'schedule');
  if (!actual) return undefined;
  return { text: textAt(object, 'metadata', 'annotations', annotationNames.schedule) ?? actual, actual };
}

function labelAmong<T extends string>(object: KubeObject, label: string, choices: readonly T[]): T | undefined {
  const value = textAt(object, 'metadata', 'labels', label);
  return choices.find((choice) => choice === value);
}
