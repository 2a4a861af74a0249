/**
 * What a user asks for: from a request to a definition, from a definition to what will run, and to the text kept beside the object.
 * All problems of a request are named at once; the rules of single keys are in definition-rules.ts.
 */

import { emailsChoices, type Image, type JobDefinition, mountChoices, type ResolvedJob, type Tool } from '../domain.ts';
import { AppError } from '../errors.ts';
import { textAt } from '../fields.ts';
import { toCheckCommand, toContainerCommand } from './command.ts';
import { parseSchedule } from './cron.ts';
import { createFieldReader, type Problem } from './definition-fields.ts';
import {
  checkParts,
  readAfter,
  readCommandLine,
  readConcurrency,
  readHealthCheck,
  readImageName,
  readLogPath,
  readMatrix,
  readName,
  readParameters,
  readPort,
  readPortProtocol,
  readPublish,
  readReplicas,
  readRetry,
  readSchedules,
  readStartingDeadline,
  readSuspend,
  readSuspendAfter,
  readTimeout,
  readTimeZone,
  readType,
  readUnusual,
} from './definition-rules.ts';
import { unusualFiring, usualFiring } from './firing-rules.ts';
import { resolveLogPath } from './log-paths.ts';
import { type Part, partsOf } from './parts.ts';
import { askedCheck } from './ports.ts';
import { askedSuspend } from './suspension.ts';
import { valuesOf, variablesOf } from './variables.ts';

const maxEncodedBytes = 65_536;
/** Keys that a definition and a request have in common; the others are named after the style of their place. */
const sameNames = [
  'name',
  'cmd',
  'filelog',
  'emails',
  'mount',
  'memory',
  'cpu',
  'retry',
  'timeout',
  'suspend',
  'concurrency',
  'replicas',
  'port',
  'publish',
  'parameters',
  'after',
  'unusual',
  'matrix',
];

/**
 * @param input canonical keys (`name`, `cmd`, `imagename`, `schedule`, …), not yet trusted
 * @throws AppError `job.invalid` with every problem, or `schedule.invalid` when the schedule is the only one
 */
export function parseDefinition(input: Readonly<Record<string, unknown>>): JobDefinition {
  const { definition, problems } = readDefinition(input);
  if (problems.length > 0) throw refusalFor(problems);
  return definition;
}

export interface ReadDefinition {
  /** Where there are problems: what is right of it, for finding more of them. */
  readonly definition: JobDefinition;
  readonly problems: readonly Problem[];
}

/** @param input as of parseDefinition() */
export function readDefinition(input: Readonly<Record<string, unknown>>): ReadDefinition {
  const read = createFieldReader(input);
  const type = readType(read);
  const name = readName(read);
  const port = readPort(read, type, name);
  const portProtocol = readPortProtocol(read, type);
  const definition = withoutUnset<JobDefinition>({
    name,
    type: type ?? 'one-off',
    cmd: readCommandLine(read),
    image: readImageName(read),
    schedules: readSchedules(read, type),
    matrix: readMatrix(read),
    filelog: read.flag('filelog'),
    filelogStdout: readLogPath(read, 'filelog_stdout'),
    filelogStderr: readLogPath(read, 'filelog_stderr'),
    emails: read.choice('emails', emailsChoices),
    mount: read.choice('mount', mountChoices),
    memory: read.quantity('memory', '512Mi'),
    cpu: read.quantity('cpu', '500m'),
    retry: readRetry(read, type),
    timeout: readTimeout(read, type),
    suspend: readSuspend(read, type),
    suspendAfter: readSuspendAfter(read, type),
    timeZone: readTimeZone(read, type),
    concurrency: readConcurrency(read, type),
    startingDeadline: readStartingDeadline(read, type),
    replicas: readReplicas(read, type),
    port,
    portProtocol,
    healthCheck: readHealthCheck(read, type, port),
    publish: readPublish(read, type, { port, portProtocol }),
    parameters: readParameters(read),
    after: readAfter(read, name),
    unusual: readUnusual(read, type),
  });
  if (read.problems.length === 0) checkParts(read, definition);
  if (read.problems.length === 0 && Buffer.byteLength(encodeDefinition(definition)) > maxEncodedBytes) {
    read.refuse('cmd', 'holds too many special characters. Put it into a script in your home and run that.');
  }
  return { definition, problems: read.problems };
}

/** Leaves out what was not set, so that "not set" has one form. */
function withoutUnset<T extends object>(fields: { [K in keyof T]-?: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** One error that names every problem; a single problem that has a code of its own keeps it. */
export function refusalFor(problems: readonly Problem[]): AppError {
  const [first] = problems;
  if (problems.length === 1 && first?.cause) return first.cause;
  const texts = problems.map(({ text }) => text);
  const summary = texts.length === 1 ? texts.join() : `The job has ${texts.length} problems: ${texts.join(' ')}`;
  return new AppError('job.invalid', summary, {
    problems: texts,
    ...(first ? { fields: { field: first.field } } : {}),
  });
}

export interface ResolveContext {
  readonly tool: Tool;
  readonly image: Image;
  /** Absolute, as the job sees it. */
  readonly homePath: string;
  /** What a job gets that asks for nothing. */
  readonly defaults: { readonly memory: string; readonly cpu: string };
  /** Ms since the epoch. Unset: no suspension that is asked for is over. */
  readonly now?: number;
}

/**
 * A part of the definition with every default filled in. File logs are on and the home is mounted on standard images, both off on images of the
 * build service. Paths that came with `filelog: false` have no effect.
 * @throws AppError `job.invalid` with every problem that only the image or the home shows
 */
export function resolveJob(
  definition: JobDefinition,
  { tool, image, homePath, defaults, now }: ResolveContext,
  part: Part = firstPart(definition),
): ResolvedJob {
  const { type, cmd } = definition;
  const { name, schedule } = part;
  const variables = [...variablesOf(definition.parameters ?? {}), ...part.variables];
  const problems = problemsWith(definition, image, homePath);
  if (problems.length > 0) throw refusalFor(problems);
  const { filelog, mount } = choicesOf(definition, image);
  const suspend = askedSuspend(definition.suspend, now);
  return {
    name,
    ...(name === definition.name ? {} : { group: definition.name }),
    type,
    cmd,
    image,
    ...(schedule === undefined ? {} : { schedule: parseSchedule(schedule, { tool: tool.name, job: name }) }),
    filelog,
    filelogStdout: filelog ? resolveLogPath(definition.filelogStdout ?? `${name}.out`, homePath) : undefined,
    filelogStderr: filelog ? resolveLogPath(definition.filelogStderr ?? `${name}.err`, homePath) : undefined,
    emails: definition.emails ?? 'none',
    mount,
    memory: definition.memory ?? defaults.memory,
    cpu: definition.cpu ?? defaults.cpu,
    retry: definition.retry ?? 0,
    timeout: definition.timeout ?? 0,
    ...(suspend ? { suspend } : {}),
    ...(definition.suspendAfter === undefined ? {} : { suspendAfter: definition.suspendAfter }),
    timeZone: definition.timeZone ?? usualFiring.timeZone,
    concurrency: definition.concurrency ?? usualFiring.concurrency,
    startingDeadline: definition.startingDeadline ?? usualFiring.startingDeadline,
    replicas: definition.replicas ?? 1,
    port: definition.port,
    portProtocol: definition.portProtocol ?? 'tcp',
    healthCheck: askedCheck(definition),
    publish: definition.publish ?? false,
    ...(variables.length > 0 ? { variables } : {}),
    ...(definition.after ? { after: definition.after } : {}),
    ...(definition.unusual ? { unusual: definition.unusual } : {}),
  };
}

function firstPart(definition: JobDefinition): Part {
  return partsOf(definition)[0] as Part;
}

function choicesOf({ filelog, mount }: JobDefinition, { type }: Image): Pick<ResolvedJob, 'filelog' | 'mount'> {
  const isStandard = type === 'standard';
  return { filelog: filelog ?? isStandard, mount: mount ?? (isStandard ? 'all' : 'none') };
}

/** What is wrong with a definition on this image and in this home, and nowhere else. */
export function problemsWith(definition: JobDefinition, image: Image, homePath: string): Problem[] {
  const problems: Problem[] = [];
  const isStandard = image.type === 'standard';
  const { filelog, mount } = choicesOf(definition, image);
  const refuse = (field: string, text: string) => problems.push({ field, text });
  if (isStandard && mount === 'none') refuse('mount', 'Mount type none is only supported for build service images');
  else if (filelog && mount === 'none') refuse('filelog', 'File logging is only available with --mount=all');
  const outside = `must be inside the home ${homePath} (or /dev/null). Example: "logs/report.out".`;
  const isOutside = (path: string | undefined) => path !== undefined && resolveLogPath(path, homePath) === undefined;
  if (isOutside(definition.filelogStdout)) refuse('filelog_stdout', `filelog_stdout: ${outside}`);
  if (isOutside(definition.filelogStderr)) refuse('filelog_stderr', `filelog_stderr: ${outside}`);
  const hasPath = definition.filelogStdout !== undefined || definition.filelogStderr !== undefined;
  if (hasPath && definition.filelog === undefined && !isStandard) {
    refuse(
      'filelog',
      'filelog: is off on images of the build service unless asked for. Add "filelog": true, or leave out the path.',
    );
  }
  const unclosed = `a quote is not closed, or nothing follows the last backslash. Example: web --title 'my tool'.`;
  if (!filelog && toContainerCommand(definition.cmd, undefined, image.type) === undefined) {
    refuse('cmd', `cmd: ${unclosed}`);
  }
  if (definition.healthCheck?.type === 'script' && !toCheckCommand(definition.healthCheck.script, image.type)) {
    refuse('health_check', `health_check: script: ${unclosed}`);
  }
  return problems;
}

/** What would have to be asked for to get this job: for objects that do not say what was. */
export function definitionOf(job: ResolvedJob): JobDefinition {
  const { name, type, cmd, emails, mount, memory, cpu, filelog, filelogStdout, filelogStderr } = job;
  const isContinuous = type === 'continuous';
  return withoutUnset<JobDefinition>({
    name,
    type,
    cmd,
    image: job.image.name,
    schedules: job.schedule && [{ text: job.schedule.text }],
    matrix: undefined,
    filelog,
    filelogStdout,
    filelogStderr,
    emails,
    mount,
    memory,
    cpu,
    retry: isContinuous ? undefined : job.retry,
    timeout: type === 'scheduled' ? job.timeout : undefined,
    suspend: job.suspend,
    suspendAfter: job.suspendAfter,
    ...unusualFiring(job),
    replicas: isContinuous ? job.replicas : undefined,
    port: job.port,
    portProtocol: job.port === undefined ? undefined : job.portProtocol,
    healthCheck: job.healthCheck,
    publish: job.publish || undefined,
    parameters: valuesOf(job.variables),
    after: job.after,
    unusual: job.unusual,
  });
}

/** The definition as the value of an annotation: JSON that says its version. */
export function encodeDefinition(definition: JobDefinition): string {
  return JSON.stringify({ v: 1, ...definition });
}

/**
 * Checks everything again: anybody who may write the object may write the annotation. Never throws.
 * @returns undefined for what encodeDefinition() did not write, or wrote in a version unknown here
 */
export function decodeDefinition(text: string): JobDefinition | undefined {
  if (text.length > maxEncodedBytes) return undefined;
  try {
    const raw = JSON.parse(text) as Record<string, unknown>;
    if (raw.v !== 1) return undefined;
    const input = { ...schedulesIn(raw.schedules), job_type: raw.type, imagename: raw.image };
    const renamed = {
      timezone: raw.timeZone,
      starting_deadline: raw.startingDeadline,
      filelog_stdout: raw.filelogStdout,
      filelog_stderr: raw.filelogStderr,
      port_protocol: raw.portProtocol,
      health_check: raw.healthCheck,
      suspend_after: raw.suspendAfter,
    };
    return parseDefinition({ ...input, ...renamed, ...Object.fromEntries(sameNames.map((name) => [name, raw[name]])) });
  } catch {
    return undefined;
  }
}

/** As a request says them. @throws Error for what is no list of schedules */
function schedulesIn(schedules: unknown): { readonly schedule?: unknown; readonly schedules?: readonly unknown[] } {
  if (schedules === undefined) return {};
  if (!Array.isArray(schedules) || schedules.length === 0) throw new Error('no schedules');
  const texts = schedules.map((schedule) => textAt(schedule, 'text'));
  return texts.length === 1 ? { schedule: texts[0] } : { schedules: texts };
}
