/** `logs`: what a job has written, as it comes. A connection that breaks while a log is followed is made again, from the last line on. */
import { AppError, errorTable } from '../../src/errors.ts';
import type { LogsQuery } from '../client/client.ts';
import { isRecord } from '../client/session.ts';
import { numberOf, usage } from '../terminal/arguments.ts';
import { visibleJsonLine, visibleLine } from '../terminal/terminal.ts';
import type { Command, Context } from './outcome.ts';

const maxLines = 5_000;
const againMs = 1_000;

export const showLogs: Command = async (context) => {
  const { line, signal } = context;
  const run = line.options.get('run');
  if (run === '') throw usage("--run needs the id of a run, as 'history' shows it, or 'last'.");
  const asked = {
    lines: numberOf(line, 'last', 0, maxLines),
    since: line.options.get('since'),
    follow: line.options.has('follow') ? true : undefined,
    run,
  };
  await printLogs(context, line.operands[0] ?? '', asked, signal);
  signal.throwIfAborted();
  return { text: '', data: undefined };
};

export interface LogsBeside {
  /** Waits a little for the last lines. Never rejects. */
  end(): Promise<void>;
}

/** Longer than it takes the service to read the last lines of a job that has ended. */
const lastLinesMs = 5_000;

/** Prints what a job writes while something else is waited for. That a log cannot be read is said, and no reason to stop. */
export function followLogs(context: Context, name: string, asked: LogsQuery = {}): LogsBeside {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const done = printLogs(context, name, { ...asked, follow: true }, signal).catch((error: unknown) => {
    if (!signal.aborted) context.say('warning', error instanceof AppError ? error.message : String(error));
  });
  return {
    async end() {
      const timer = setTimeout(() => stop.abort(), lastLinesMs);
      await done;
      clearTimeout(timer);
    },
  };
}

/** Resolves when the log has come to its end, or was given up. @throws AppError as Client.openLogs */
async function printLogs(context: Context, name: string, asked: LogsQuery, signal: AbortSignal): Promise<void> {
  const shown: Shown = { lines: 0, timestamp: undefined, hasFiles: false };
  let hasBegun = false;
  for (let isWarned = false; ; isWarned = true) {
    // From the last line that was shown: what came after it, and none of what came before.
    const query = shown.lines === 0 ? asked : { follow: true, lines: 0, since: shown.timestamp };
    try {
      const texts = await context.client.openLogs(name, query, signal);
      [hasBegun, isWarned] = [true, false];
      // Takes the word of waiting away: from here on it is the job that is silent, perhaps for hours.
      await context.print('');
      for await (const text of texts) await show(context, text, shown);
      return;
    } catch (error) {
      if (signal.aborted || !asked.follow || !hasBegun || !(error instanceof AppError)) throw error;
      if (error.code === 'job.not_found') return;
      if (errorTable[error.code].retry !== 'yes') throw error;
      if (!isWarned) warn(context, error, shown);
      await context.clock.sleep(againMs);
    }
  }
}

/** What has been printed so far. */
interface Shown {
  lines: number;
  /** Of the last line that has one: when it was written. */
  timestamp: string | undefined;
  hasFiles: boolean;
}

function warn({ say }: Context, { message }: AppError, { hasFiles }: Shown): void {
  const missing = hasFiles ? ' What is written to files meanwhile will not be shown.' : '';
  say('warning', `${message} Going on as soon as the service answers.${missing}`);
}

/** Lines carry the pod, or the file, and the container, or the stream; lines of files have no time that anybody knows. */
async function show({ line, print }: Context, text: string, shown: Shown): Promise<void> {
  const value = parse(text);
  if (!value) return;
  shown.lines += 1;
  if (value.source === 'file') shown.hasFiles = true;
  if (typeof value.timestamp === 'string') shown.timestamp = value.timestamp;
  if (line.options.get('output') === 'json') return print(`${visibleJsonLine(value)}\n`);
  const time = value.timestamp === null ? '-' : value.datetime;
  await print(`${visibleLine(`${time} [${value.pod}] [${value.container}] ${value.message}`)}\n`);
}

/** A line that is no JSON object is not a line of a log. */
function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text.trim() === '') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
