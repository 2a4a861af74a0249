/** `run`: defines a job and starts it; with --wait stays until it has ended. */
import { emailsChoices, mountChoices } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { type CommandLine, choiceOf, numberOf, refuseTogether, usage } from '../terminal/arguments.ts';
import type { Command } from './outcome.ts';
import { waitForEnd } from './wait.ts';

const defaultWaitSeconds = 600;
const maxSeconds = 31_536_000;
const maxReplicas = 1_000;

export const runJob: Command = async (context) => {
  const body = newJob(context.line);
  const waitSeconds = waitSecondsOf(context.line);
  const job = await context.client.createJob(body);
  if (waitSeconds === undefined) return { text: '', data: job };
  return waitForEnd(context, job, waitSeconds);
};

/**
 * The body of the request. What was not asked for is left out, so that the service's defaults hold.
 * @throws AppError `usage.invalid` for options that are missing, wrong or contradict each other; `job.invalid` for what no job can have
 */
export function newJob(line: CommandLine): Record<string, unknown> {
  const { options } = line;
  const missing = ['command', 'image'].filter((key) => !options.has(key)).map((key) => `--${key}`);
  if (missing.length > 0) throw usage(`'run' needs ${missing.join(' and ')}.`);
  refuseTogether(line, 'schedule', 'continuous', 'wait');
  refuseTogether(line, 'filelog', 'no-filelog');
  const given: [string, unknown][] = [
    ['name', line.operands[0]],
    ['cmd', options.get('command')],
    ['imagename', options.get('image')],
    ['schedule', options.get('schedule')],
    ['continuous', options.has('continuous') || undefined],
    ['filelog', filelogOf(line)],
    ['filelog_stdout', options.get('filelog-stdout')],
    ['filelog_stderr', options.get('filelog-stderr')],
    ['emails', choiceOf(line, 'emails', emailsChoices)],
    ['mount', choiceOf(line, 'mount', mountChoices)],
    ['memory', options.get('mem')],
    ['cpu', options.get('cpu')],
    ['retry', numberOf(line, 'retry', 0, 5)],
    ['timeout', numberOf(line, 'timeout', 0, maxSeconds)],
    ['replicas', numberOf(line, 'replicas', 0, maxReplicas)],
  ];
  checkTogether(line);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

function filelogOf({ options }: CommandLine): boolean | undefined {
  if (options.has('filelog')) return true;
  return options.has('no-filelog') ? false : undefined;
}

/** What the service would refuse as well; these sentences are known from the earlier clients. */
function checkTogether({ options }: CommandLine): void {
  // Images with a slash are built by tools: homes and file logs are off there unless asked for.
  const isBuilt = options.get('image')?.includes('/') ?? false;
  const mount = options.get('mount') ?? (isBuilt ? 'none' : 'all');
  const isLogged = options.has('filelog') || (!options.has('no-filelog') && !isBuilt);
  const hasPaths = options.has('filelog-stdout') || options.has('filelog-stderr');
  const problems = [
    options.has('filelog') && mount !== 'all' && 'Specifying --filelog requires --mount=all',
    hasPaths && !isLogged && 'Specifying --filelog-stdout or --filelog-stderr requires --filelog',
    options.has('replicas') && !options.has('continuous') && '--replicas is only valid for continuous jobs',
    options.has('timeout') && !options.has('schedule') && '--timeout is only valid for scheduled jobs',
  ].filter((problem) => problem !== false);
  if (problems.length > 0) throw new AppError('job.invalid', problems.join('\n'), { problems });
}

function waitSecondsOf(line: CommandLine): number | undefined {
  if (line.options.get('wait') === '') return defaultWaitSeconds;
  return numberOf(line, 'wait', 1, maxSeconds);
}
