/** The rules of single keys of a job. Each reads its key and leaves a problem with the reader where a rule is broken. */

import {
  type Concurrency,
  concurrencyChoices,
  type HealthCheck,
  type JobDefinition,
  type JobType,
  type PortProtocol,
  portProtocols,
  type Suspend,
} from '../domain.ts';
import { AppError } from '../errors.ts';
import { parseSchedule } from './cron.ts';
import { type FieldReader, isRecord, shown } from './definition-fields.ts';
import { longestDeadlineSeconds } from './firing-rules.ts';
import { problemOfLogPath } from './log-paths.ts';
import { countParts, maxGroupNameLength, maxParts, partsOf } from './parts.ts';
import { normalForm } from './schedules.ts';
import { problemsOfSuspend } from './suspension.ts';
import { problemOfTimeZone } from './time-zone-names.ts';
import { problemOfVariableName, problemOfVariables, problemOfVariableValue, variablesOf } from './variables.ts';

const maxNameLength = 52;
/** One argument of a program may have 128 KiB on Linux (execve(2)); paths and wrapping come on top of the command. */
const maxCommandBytes = 32_768;
const maxImageLength = 512;
const maxSeconds = 2_147_483_647;
/** Below it a controller that is busy would leave out runs (kubernetes.io, "CronJob", "Job creation"). */
const leastDeadlineSeconds = 10;
const maxReplicas = 1_000;
const maxScriptBytes = 4_096;
const maxPredecessors = 20;
const naming = 'See the documentation for the naming rules: https://w.wiki/6YL8';

/** Said by `job_type`, or by a key that only one type has; undefined, with a problem, where that is in doubt. */
export function readType(read: FieldReader): JobType | undefined {
  const asked = read.choice('job_type', ['one-off', 'scheduled', 'continuous']);
  const schedule = read.text('schedule') ?? read.list('schedules', '["0 6 * * *", "30 18 * * *"]');
  const continuous = read.flag('continuous');
  const implied = schedule !== undefined ? 'scheduled' : continuous ? 'continuous' : undefined;
  const type = asked ?? implied ?? 'one-off';
  if (schedule !== undefined && continuous) {
    read.refuse('schedule', 'a job is either scheduled or continuous. Leave out "schedule" or "continuous".');
  } else if (implied !== undefined && implied !== type) {
    read.refuse(
      'job_type',
      `"${type}" does not go with "${schedule === undefined ? 'continuous' : 'schedule'}". Leave one of them out.`,
    );
  } else if (type === 'continuous' && continuous === false) {
    read.refuse('continuous', 'false does not go with job_type "continuous". Leave one of them out.');
  } else if (type === 'scheduled' && schedule === undefined) {
    read.refuse('schedule', 'a scheduled job needs one. Example: "0 7 * * *" (every day at 07:00 UTC).');
  }
  return ['job_type', 'schedule', 'schedules', 'continuous'].some(read.hasProblem) ? undefined : type;
}

/** A DNS name (RFC 1123), as Kubernetes wants it; a run of a scheduled job gets up to eleven characters more. */
export function readName(read: FieldReader): string {
  const name = read.required('name', `Job name is required. ${naming}`);
  const problem = name === '' ? undefined : problemOfName(name);
  if (problem !== undefined) read.problems.push({ field: 'name', text: problem });
  return name;
}

/** A sentence, or undefined for what a job can be called. */
export function problemOfName(name: string): string | undefined {
  if (!name.split('.').every((label) => /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(label))) {
    return `Invalid job name. ${naming}`;
  }
  return name.length > maxNameLength
    ? `Invalid job name, it can't be longer than ${maxNameLength} characters. ${naming}`
    : undefined;
}

export function readCommandLine(read: FieldReader): string {
  const cmd = read.required('cmd', 'cmd: is required. Example: "./venv/bin/python3 report.py".');
  if (cmd !== '' && cmd.trim() === '')
    read.refuse('cmd', 'must not be blank. Example: "./venv/bin/python3 report.py".');
  if (/[\0\p{Cs}]/u.test(cmd))
    read.refuse('cmd', 'holds a character that no command can hold (NUL or half of a pair).');
  if (Buffer.byteLength(cmd) > maxCommandBytes) {
    read.refuse('cmd', 'must have at most 32 KiB. Put it into a script in your home and run that.');
  }
  return cmd;
}

/** Whether the image is known is asked of the list later. */
export function readImageName(read: FieldReader): string {
  const image = read.required('imagename', 'imagename: is required. Example: "python3.11".');
  if (image.length > maxImageLength || /[\s\p{Cc}\p{Cs}]/u.test(image)) {
    read.refuse('imagename', 'is not the name of an image. Example: "python3.11".');
  }
  return image;
}

/** One as text, several as a list. */
export function readSchedules(read: FieldReader, type: JobType | undefined): JobDefinition['schedules'] {
  if (type !== 'scheduled') return undefined;
  const text = read.text('schedule');
  const listed = read.list('schedules', '["0 6 * * *", "30 18 * * *"]');
  if (text !== undefined && listed !== undefined) return read.refuse('schedules', 'does not go with "schedule".');
  const texts = listed ?? [text];
  if (texts.length === 0) return read.refuse('schedules', 'is empty. Example: ["0 6 * * *", "30 18 * * *"].');
  if (texts.length > maxParts) return read.refuse('schedules', `at most ${maxParts} are possible.`);
  const right = texts.filter((one): one is string => isSchedule(read, one));
  const isRepeated = new Set(right.map(normalForm)).size < right.length;
  if (isRepeated) read.refuse('schedules', 'names the same times twice. Leave one of them out.');
  return right.map((one) => ({ text: one }));
}

function isSchedule(read: FieldReader, text: unknown): text is string {
  if (typeof text !== 'string') return read.refuse('schedules', `${shown(text)} is not text.`) ?? false;
  try {
    parseSchedule(text, { tool: '', job: '' });
    return true;
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    read.problems.push({ field: 'schedule', text: cause.message, cause });
    return false;
  }
}

const matrixExample = '{"WIKI": ["frwiki", "dewiki"]}';

/** Numbers count as their shortest text. None at all is the same as nothing asked for. */
export function readMatrix(read: FieldReader): JobDefinition['matrix'] {
  const given = Object.entries(read.record('matrix', matrixExample) ?? {});
  const axes = given.flatMap(([name, values]) => {
    const misnamed = problemOfVariableName(name);
    if (misnamed !== undefined) read.refuse('matrix', `${shown(name)} ${misnamed}`);
    const texts = readMatrixValues(read, name, values);
    return texts && misnamed === undefined ? [[name, texts] as const] : [];
  });
  return axes.length > 0 ? Object.fromEntries(axes) : undefined;
}

function readMatrixValues(read: FieldReader, name: string, values: unknown): readonly string[] | undefined {
  const refuse = (rule: string) => read.refuse('matrix', `${shown(name)} ${rule}`);
  if (!Array.isArray(values) || values.length === 0)
    return refuse(`needs a list of values. Example: ${matrixExample}.`);
  if (values.length > maxParts) return refuse(`has more than ${maxParts} values.`);
  const texts = values.map((value) => (typeof value === 'number' && Number.isFinite(value) ? String(value) : value));
  const unfit = texts.find((text) => typeof text !== 'string');
  if (unfit !== undefined) return refuse(`holds ${shown(unfit)}, which is neither text nor a number.`);
  const problem = texts.map(problemOfVariableValue).find((found) => found !== undefined);
  if (problem !== undefined) return refuse(problem);
  if (new Set(texts).size < texts.length) return refuse('has the same value twice.');
  return texts;
}

/** What is wrong with the parts of a job that is otherwise right. */
export function checkParts(read: FieldReader, definition: JobDefinition): void {
  const count = countParts(definition);
  const field = definition.matrix ? 'matrix' : 'schedules';
  if (count > maxParts) {
    read.refuse(field, `asks for ${count} parts, and a job has ${maxParts} at most.`);
    return;
  }
  const both = Object.keys(definition.parameters ?? {}).find((name) => Object.hasOwn(definition.matrix ?? {}, name));
  if (both !== undefined) read.refuse('matrix', `${shown(both)} is among "parameters" as well. Leave it out of one.`);
  const names = partsOf(definition).map((part) => part.name);
  if (names[0] === definition.name) return;
  const repeated = names.find((name, place) => names.indexOf(name) !== place);
  if (repeated !== undefined) read.refuse(field, `two parts would have the name ${repeated}. Choose other values.`);
  if (definition.name.length > maxGroupNameLength)
    read.refuse('name', `the name of a job of several parts has at most ${maxGroupNameLength} characters.`);
  if (definition.publish)
    read.refuse('publish', 'the address of the tool leads to one job, and this one has several parts.');
}

/** Whether the path lies inside the home is asked when the home is known. */
export function readLogPath(read: FieldReader, field: 'filelog_stdout' | 'filelog_stderr'): string | undefined {
  const path = read.text(field);
  const problem = path === undefined ? undefined : problemOfLogPath(path);
  return problem === undefined ? path : read.refuse(field, `${problem}. Example: "logs/report.out".`);
}

export function readRetry(read: FieldReader, type: JobType | undefined): number | undefined {
  return onlyFor(read, 'retry', type, ['one-off', 'scheduled'], read.count('retry', 0, 5, 2));
}

export function readTimeout(read: FieldReader, type: JobType | undefined): number | undefined {
  return onlyFor(read, 'timeout', type, ['scheduled'], read.count('timeout', 0, maxSeconds, 3600));
}

export function readSuspend(read: FieldReader, type: JobType | undefined): Suspend | undefined {
  const value = read.value('suspend');
  if (value === undefined || value === false) return undefined;
  return onlyFor(read, 'suspend', type, ['scheduled'], value === true ? {} : readSuspendWords(read, value));
}

const suspendExample = '{"note": "the wiki moves", "until": "2026-12-01T08:00:00Z"}';

function readSuspendWords(read: FieldReader, value: unknown): Suspend | undefined {
  if (!isRecord(value))
    return read.refuse('suspend', `${shown(value)} is neither true nor an object. Example: ${suspendExample}.`);
  const extra = Object.keys(value).find((key) => key !== 'note' && key !== 'until');
  if (extra !== undefined)
    return read.refuse('suspend', `${shown(extra)} is not a key of it. Example: ${suspendExample}.`);
  const problems = problemsOfSuspend(value);
  for (const { field, rule } of problems) read.refuse('suspend', `${field}: ${rule}`);
  return problems.length > 0 ? undefined : (value as Suspend);
}

/** Zero asks for nothing. */
export function readSuspendAfter(read: FieldReader, type: JobType | undefined): number | undefined {
  const after = onlyFor(read, 'suspend_after', type, ['scheduled'], read.count('suspend_after', 0, 100, 5));
  return after === 0 ? undefined : after;
}

export function readTimeZone(read: FieldReader, type: JobType | undefined): string | undefined {
  const name = read.text('timezone');
  const problem = name === undefined ? undefined : problemOfTimeZone(name);
  if (problem !== undefined) return read.refuse('timezone', problem);
  return onlyFor(read, 'timezone', type, ['scheduled'], name);
}

export function readConcurrency(read: FieldReader, type: JobType | undefined): Concurrency | undefined {
  return onlyFor(read, 'concurrency', type, ['scheduled'], read.choice('concurrency', concurrencyChoices));
}

export function readStartingDeadline(read: FieldReader, type: JobType | undefined): number | undefined {
  const seconds = read.count('starting_deadline', leastDeadlineSeconds, longestDeadlineSeconds, 600);
  return onlyFor(read, 'starting_deadline', type, ['scheduled'], seconds);
}

export function readReplicas(read: FieldReader, type: JobType | undefined): number | undefined {
  return onlyFor(read, 'replicas', type, ['continuous'], read.count('replicas', 0, maxReplicas, 1));
}

/** A job with a port is found by its name, so the name must be one a Service can have (DNS label, RFC 1035). */
export function readPort(read: FieldReader, type: JobType | undefined, name: string): number | undefined {
  const port = onlyFor(read, 'port', type, ['continuous'], read.count('port', 1, 65_535, 8080));
  if (port !== undefined && !read.hasProblem('name') && !/^[a-z](?:[-a-z0-9]*[a-z0-9])?$/.test(name)) {
    read.refuse(
      'name',
      `a job with a port needs a name of a-z, 0-9 and "-" that begins with a letter. Example: "web".`,
    );
  }
  return port;
}

/** Clients send it with every job that has a port; without one it means nothing. */
export function readPortProtocol(read: FieldReader, type: JobType | undefined): PortProtocol | undefined {
  const protocol = read.choice('port_protocol', portProtocols);
  return onlyFor(read, 'port_protocol', type, ['continuous'], protocol);
}

export function readHealthCheck(
  read: FieldReader,
  type: JobType | undefined,
  port: number | undefined,
): HealthCheck | undefined {
  const example = '{"type": "script", "script": "./healthy.sh"} or {"type": "http", "path": "/healthz"}';
  const given = read.record('health_check', example);
  if (given === undefined) return undefined;
  if (type !== 'continuous' && type !== undefined)
    return read.refuse('health_check', 'Health checks are only supported for continuous jobs.');
  const other = given.type === 'http' ? 'script' : 'path';
  const extra = Object.keys(given).find((key) => !['type', 'script', 'path'].includes(key) || key === other);
  if (extra !== undefined)
    return read.refuse('health_check', `${shown(extra)} is not a key of it. Example: ${example}.`);
  if (given.type === 'script') return readScript(read, given.script);
  if (given.type === 'http') return readPage(read, given.path, port);
  return read.refuse('health_check', `type: ${shown(given.type)} is not one of script, http. Example: ${example}.`);
}

function readScript(read: FieldReader, script: unknown): HealthCheck | undefined {
  const isRight = typeof script === 'string' && script.trim() !== '' && !/[\0\p{Cs}]/u.test(script);
  if (isRight && Buffer.byteLength(script) <= maxScriptBytes) return { type: 'script', script };
  return read.refuse('health_check', 'script: must be a command of at most 4 KiB. Example: "./healthy.sh".');
}

/** As the kubelet puts it into a request line. */
function readPage(read: FieldReader, path: unknown, port: number | undefined): HealthCheck | undefined {
  if (port === undefined && !read.hasProblem('port')) {
    read.problems.push({ field: 'port', text: 'Port must be set for HTTP health checks' });
  }
  const isRight = typeof path === 'string' && /^\/[!-~]{0,1023}$/.test(path);
  if (isRight) return { type: 'http', path };
  return read.refuse('health_check', 'path: must begin with a slash and hold no blanks. Example: "/healthz".');
}

export function readPublish(
  read: FieldReader,
  type: JobType | undefined,
  { port, portProtocol }: { readonly port: number | undefined; readonly portProtocol: PortProtocol | undefined },
): boolean | undefined {
  const publish = read.flag('publish');
  if (publish !== true) return type === 'continuous' ? publish : undefined;
  if (type !== 'continuous') return onlyFor(read, 'publish', type, ['continuous'], publish);
  if (port === undefined && !read.hasProblem('port')) read.refuse('publish', 'needs a port. Example: "port": 8080.');
  if (portProtocol === 'udp') read.refuse('publish', 'is for tcp ports only.');
  return publish;
}

/** Numbers count as their shortest text; whoever needs every digit quotes it. None at all is the same as nothing asked for. */
export function readParameters(read: FieldReader): JobDefinition['parameters'] {
  const parameters: Record<string, string> = {};
  for (const [name, value] of Object.entries(read.record('parameters', '{"WIKI": "frwiki"}') ?? {})) {
    const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value;
    const problem = problemOfVariableName(name) ?? problemOfVariableValue(text);
    if (problem !== undefined) read.refuse('parameters', `${shown(name)} ${problem}`);
    else parameters[name] = text as string;
  }
  const variables = variablesOf(parameters);
  const together = problemOfVariables(variables);
  if (together !== undefined) read.refuse('parameters', together);
  return variables.length > 0 ? parameters : undefined;
}

/** Whether there are jobs of these names is for whoever sends them to know. */
export function readAfter(read: FieldReader, name: string): readonly string[] | undefined {
  const names = [...new Set(read.list('after', '["bootstrap"]'))];
  if (names.length > maxPredecessors) return read.refuse('after', `at most ${maxPredecessors} jobs are possible.`);
  for (const one of names) {
    if (typeof one !== 'string' || problemOfName(one) !== undefined) {
      read.refuse('after', `${shown(one)} is not the name of a job. Example: ["bootstrap"].`);
    } else if (one === name) read.refuse('after', 'a job cannot come after itself.');
  }
  return names.length > 0 ? (names as string[]) : undefined;
}

/** A continuous job has no runs that end. */
export function readUnusual(read: FieldReader, type: JobType | undefined): boolean | undefined {
  const unusual = read.flag('unusual');
  return unusual === true ? onlyFor(read, 'unusual', type, ['one-off', 'scheduled'], unusual) : unusual;
}

/** Zero asks for nothing (but of replicas), and some clients send it with every job. Where the type is in doubt this says nothing. */
function onlyFor<T>(
  read: FieldReader,
  field: string,
  type: JobType | undefined,
  types: readonly JobType[],
  value: T | undefined,
): T | undefined {
  if (value === undefined || type === undefined || types.includes(type)) return value;
  return value === 0 && field !== 'replicas'
    ? undefined
    : read.refuse(field, `is for ${types.join(' and ')} jobs only. Leave it out.`);
}
