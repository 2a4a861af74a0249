/**
 * The options of `run`, which are the keys of a file for `load` as well, as the body of a request. What was not asked for is left out, so
 * that the service's defaults hold: also whether output goes to files, which depends on the image.
 */
import { longestDeadlineSeconds } from '../../src/definition/firing-rules.ts';
import { concurrencyChoices, emailsChoices, mountChoices } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { type CommandLine, choiceOf, numberOf, refuseTogether, usage } from '../terminal/arguments.ts';

/** Seven decades: what Kubernetes can count. */
const maxSeconds = 2_147_483_647;
const maxReplicas = 1_000;

export type NewJob = Readonly<Record<string, unknown>>;

/** What a job would be, and all that is wrong with how it was asked for. */
export interface ReadJob {
  readonly body: NewJob;
  /** Options that are missing, no value an option can have, or stand beside one they cannot stand beside. */
  readonly misused: readonly string[];
  /** What no job can be. These sentences are known from the earlier clients. */
  readonly problems: readonly string[];
}

/** @throws AppError `usage.invalid` for options that are missing, wrong or contradict each other; `job.invalid` for what no job can be */
export function newJob(line: CommandLine): NewJob {
  const { body, misused, problems } = readNewJob(line);
  if (misused[0] !== undefined) throw usage(misused.join('\n'), misused);
  if (problems.length > 0) throw new AppError('job.invalid', problems.join('\n'), { problems });
  return body;
}

export function readNewJob(line: CommandLine): ReadJob {
  const { options } = line;
  const misused: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      misused.push(error.message);
      return undefined;
    }
  };
  const missing = ['command', 'image'].filter((key) => !options.has(key)).map((key) => `--${key}`);
  if (missing.length > 0) misused.push(`'run' needs ${missing.join(' and ')}.`);
  for (const keys of exclusive) attempt(() => refuseTogether(line, ...keys));
  const [port, protocol] = attempt(() => portOf(options.get('port'))) ?? [];
  const given: [string, unknown][] = [
    ['name', line.operands[0]],
    ['cmd', options.get('command')],
    ['imagename', options.get('image')],
    ...schedulesOf(line),
    ['matrix', attempt(() => matrixOf(line.repeated?.get('matrix')))],
    ['continuous', options.has('continuous') || undefined],
    ['filelog', filelogOf(line)],
    ['filelog_stdout', options.get('filelog-stdout')],
    ['filelog_stderr', options.get('filelog-stderr')],
    ['emails', attempt(() => choiceOf(line, 'emails', emailsChoices))],
    ['mount', attempt(() => choiceOf(line, 'mount', mountChoices))],
    ['memory', options.get('mem')],
    ['cpu', options.get('cpu')],
    ['retry', attempt(() => numberOf(line, 'retry', 0, 5))],
    ['timeout', attempt(() => numberOf(line, 'timeout', 0, maxSeconds))],
    ['suspend', suspendOf(line)],
    ['suspend_after', attempt(() => numberOf(line, 'suspend-after', 0, 100))],
    ['timezone', options.get('timezone')],
    ['concurrency', attempt(() => choiceOf(line, 'concurrency', concurrencyChoices))],
    ['starting_deadline', attempt(() => numberOf(line, 'starting-deadline', 10, longestDeadlineSeconds))],
    ['replicas', attempt(() => numberOf(line, 'replicas', 0, maxReplicas))],
    ['port', port],
    ['port_protocol', protocol],
    ['health_check', healthCheckOf(line)],
    ['publish', options.has('publish') || undefined],
    ['unusual', options.has('unusual') || undefined],
    ['parameters', attempt(() => parametersOf(line.repeated?.get('param')))],
    ['after', line.repeated?.get('after')],
  ];
  const body = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  return { body, misused, problems: problemsOf(line) };
}

const exclusive = [
  ['schedule', 'wait'],
  ['continuous', 'wait'],
  ['filelog', 'no-filelog'],
  ['health-check-script', 'health-check-http'],
];

/** Seconds to wait for the end, where that was asked for. @throws AppError `usage.invalid` */
export function waitSecondsOf(line: CommandLine): number | undefined {
  if (line.options.get('wait') === '') return defaultWaitSeconds;
  return numberOf(line, 'wait', 1, maxSeconds);
}

export const defaultWaitSeconds = 600;

function filelogOf({ options }: CommandLine): boolean | undefined {
  if (options.has('filelog')) return true;
  return options.has('no-filelog') ? false : undefined;
}

/** @example portOf('5353/udp') -> [5353, 'udp'] */
function portOf(text: string | undefined): [number, string] | undefined {
  if (text === undefined) return undefined;
  const [, digits = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/i.exec(text) ?? [];
  const port = Number(digits);
  if (port >= 1 && port <= 65_535) return [port, protocol.toLowerCase()];
  throw usage(`--port must be a number from 1 to 65535, with /tcp or /udp behind it if need be; '${text}' is not.`);
}

function suspendOf({ options }: CommandLine): true | NewJob | undefined {
  const [note, until] = [options.get('suspend-note'), options.get('suspend-until')];
  if (note === undefined && until === undefined) return options.has('suspend') || undefined;
  return { ...(note === undefined ? {} : { note }), ...(until === undefined ? {} : { until }) };
}

/** One as text, several as a list. */
function schedulesOf({ options, repeated }: CommandLine): [string, unknown][] {
  const all = repeated?.get('schedule') ?? [];
  return all.length > 1 ? [['schedules', all]] : [['schedule', options.get('schedule')]];
}

/** @example matrixOf(['WIKI=frwiki', 'WIKI=dewiki']) -> { WIKI: ['frwiki', 'dewiki'] } */
function matrixOf(texts: readonly string[] | undefined): NewJob | undefined {
  if (!texts) return undefined;
  const matrix = new Map<string, string[]>();
  for (const text of texts) {
    const [name, value] = pairOf('matrix', text);
    matrix.set(name, [...(matrix.get(name) ?? []), value]);
  }
  return Object.fromEntries(matrix);
}

/** @example parametersOf(['WIKI=frwiki', 'MODE=']) -> { WIKI: 'frwiki', MODE: '' } */
export function parametersOf(texts: readonly string[] | undefined): NewJob | undefined {
  const pairs = texts?.map((text) => pairOf('param', text));
  return pairs && Object.fromEntries(pairs);
}

function pairOf(option: string, text: string): [name: string, value: string] {
  const [, name, value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name !== undefined) return [name, value];
  throw usage(`--${option} must be a name and its value, such as WIKI=frwiki; '${text}' is not.`);
}

function healthCheckOf({ options }: CommandLine): NewJob | undefined {
  const [script, path] = [options.get('health-check-script'), options.get('health-check-http')];
  if (script !== undefined) return { type: 'script', script };
  return path === undefined ? undefined : { type: 'http', path };
}

function problemsOf({ options }: CommandLine): string[] {
  const has = (key: string) => options.has(key);
  // Images with a slash are built by tools: homes and file logs are off there unless asked for.
  const isBuilt = options.get('image')?.includes('/') ?? false;
  const mount = options.get('mount') ?? (isBuilt ? 'none' : 'all');
  const isLogged = has('filelog') || (!has('no-filelog') && !isBuilt);
  const hasPaths = has('filelog-stdout') || has('filelog-stderr');
  const isChecked = has('health-check-script') || has('health-check-http');
  const isContinuous = has('continuous');
  return [
    isContinuous && has('schedule') && "Only one of 'continuous' and 'schedule' can be set at the same time",
    isChecked && !isContinuous && 'Health checks are only supported for continuous jobs.',
    has('health-check-http') && !has('port') && '--health-check-http requires --port to be set as well',
    has('port') && !isContinuous && '--port is only valid for continuous jobs',
    has('replicas') && !isContinuous && '--replicas is only valid for continuous jobs',
    has('filelog') && mount !== 'all' && 'Specifying --filelog requires --mount=all',
    hasPaths && !isLogged && 'Specifying --filelog-stdout or --filelog-stderr requires --filelog',
    ...['timeout', 'timezone', 'concurrency', 'starting-deadline'].map(
      (key) => has(key) && !has('schedule') && `--${key} is only valid for scheduled jobs`,
    ),
  ].filter((problem) => problem !== false);
}
