/**
 * The last lines that each run has written, on disk: `<directory>/<2 hex digits>/<tool>/<job>.json`, beside the records (run-records.ts), so
 * that no record and no list of them carries output. Collected once, when daemon.ts hands in the end of the run, since its pod goes soon.
 */
import { rm } from 'node:fs/promises';
import { type OutputLine, type RunEnd, type RunOutput, Tool, type Written } from './domain.ts';
import { amountAt, integerAt, listAt, recordAt, textAt } from './fields.ts';
import type { Log } from './log.ts';
import { type RunLimits, runFilePath } from './run-file.ts';
import { DurableFile, type DurableFileOptions, readDurable } from './store.ts';
import { timeLimited } from './time-limit.ts';

export interface RunOutputs {
  /** Never throws and never waits. Of a run whose output is kept already nothing is collected. */
  collect(end: RunEnd): void;
  /** Undefined where nothing is kept of it. */
  of(tool: Tool, job: string, run: string): Promise<RunOutput | undefined>;
  /** How much each of the runs wrote of which that is known, by id. */
  written(tool: Tool, job: string): Promise<ReadonlyMap<string, Written>>;
  /** Resolves when what was handed in of the run is kept, or let go. */
  collected(run: string): Promise<void>;
  /** The job has no records any more. Never throws and never waits. */
  forget(tool: Tool, job: string): void;
  /** Lets what is under way go: the next daemon collects what is still there. */
  stop(): void;
}

export interface RunOutputsOptions {
  readonly directory: string;
  /** At most so many lines. Does not reject. */
  read(tool: Tool, end: RunEnd, options: { readonly lines: number; readonly signal: AbortSignal }): Promise<RunOutput>;
  /** As of the records. */
  keeps(): RunLimits;
  readonly log: Log;
  /** As store.ts has it. */
  readonly mayWrite?: () => boolean;
  /** Unset: as in production. */
  readonly limits?: Partial<typeof usualLimits>;
}

const usualLimits = {
  atOnce: 8,
  /** Ends whose output has still to be read; of more nothing is read. */
  waiting: 2_000,
  deadlineMs: 10_000,
};
const maxLines = 100;
/** Text of one run, and of all runs of one job: the newest ones count. */
const maxRunBytes = 4_096;
const maxJobBytes = 256 * 1024;

interface OutputFile {
  readonly v: 1;
  readonly tool: string;
  readonly job: string;
  /** Newest first. */
  readonly runs: readonly KeptOutput[];
}

interface KeptOutput extends RunOutput {
  readonly run: string;
  /** When the run was made; ms since the epoch. */
  readonly createdAt: number;
}

export function createRunOutputs(options: RunOutputsOptions): RunOutputs {
  const { directory, read, keeps, log, mayWrite } = options;
  const { atOnce, waiting: maxWaiting, deadlineMs } = { ...usualLimits, ...options.limits };
  const stop = new AbortController();
  const waiting = new Map<string, () => Promise<void>>();
  const underWay = new Set<string>();
  /** Who waits, by run. */
  const waiters = new Map<string, (() => void)[]>();
  /** Changes of one file, one after the other. */
  const turns = new Map<string, Promise<void>>();

  function fileOf(tool: Tool, job: string): DurableFileOptions<OutputFile> | undefined {
    const path = runFilePath(directory, tool, job);
    if (!path) return undefined;
    const onBad = (keptAs: string, cause: unknown) =>
      log.error({ keptAs, err: cause }, 'a file of output of runs cannot be read; it is set aside');
    return { path, parse: (value) => parse(value, tool, job), mayWrite, onBad };
  }

  function collect(end: RunEnd): void {
    const { key, id, startedAt } = end;
    const tool = Tool.ofNamespace(key.namespace);
    const file = tool && fileOf(tool, key.name);
    // What never ran has written nothing.
    if (!tool || !file || startedAt === undefined || stop.signal.aborted) return;
    if (waiting.has(id) || underWay.has(id)) return;
    const isTooMuch = waiting.size >= maxWaiting;
    waiting.set(id, () => keep(tool, end, file, isTooMuch));
    pump();
  }

  function pump(): void {
    for (const [id, work] of waiting) {
      if (underWay.size >= atOnce) return;
      waiting.delete(id);
      underWay.add(id);
      void work()
        .catch((err: unknown) => log.warn({ run: id, err }, 'the output of a run cannot be kept'))
        .finally(() => {
          underWay.delete(id);
          answer(id);
          pump();
        });
    }
  }

  function answer(id: string): void {
    for (const resolve of waiters.get(id) ?? []) resolve();
    waiters.delete(id);
  }

  async function keep(tool: Tool, end: RunEnd, file: DurableFileOptions<OutputFile>, isTooMuch: boolean) {
    const { id: run, createdAt, key } = end;
    if ((await readDurable(file))?.runs.some((one) => one.run === run)) return;
    const output = isTooMuch ? tooMany : await readInTime(tool, end);
    // What could not be read because we end may be read by the next daemon.
    if (stop.signal.aborted) return;
    await inTurn(file.path, async () => {
      const durable = new DurableFile(file);
      const known = (await durable.read())?.runs ?? [];
      const runs = keptOutputs([{ run, createdAt, ...excerptOf(output) }, ...known], keeps());
      await durable.write({ v: 1, tool: tool.name, job: key.name, runs });
    });
  }

  function readInTime(tool: Tool, end: RunEnd): Promise<RunOutput> {
    const signal = timeLimited(stop.signal, deadlineMs);
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => resolve(tooLate), { once: true });
      read(tool, end, { lines: maxLines, signal }).then(resolve, reject);
    });
  }

  function inTurn(path: string, work: () => Promise<unknown>): Promise<void> {
    const turn = (turns.get(path) ?? Promise.resolve())
      .catch(() => {})
      .then(async () => void (await work()))
      .finally(() => turns.get(path) === turn && turns.delete(path));
    turns.set(path, turn);
    return turn;
  }

  return {
    collect,
    async of(tool, job, run) {
      const file = fileOf(tool, job);
      const found = (file && (await readDurable(file)))?.runs.find((one) => one.run === run);
      if (!found) return undefined;
      const { run: _, createdAt: __, ...output } = found;
      return output;
    },
    async written(tool, job) {
      const file = fileOf(tool, job);
      const runs = (file && (await readDurable(file)))?.runs ?? [];
      return new Map(runs.flatMap(({ run, written }) => (written ? [[run, written] as const] : [])));
    },
    async collected(run) {
      if (!waiting.has(run) && !underWay.has(run)) return;
      await new Promise<void>((resolve) => waiters.set(run, [...(waiters.get(run) ?? []), resolve]));
    },
    forget(tool, job) {
      const path = runFilePath(directory, tool, job);
      if (path)
        void inTurn(path, () => rm(path, { force: true })).catch((err: unknown) =>
          log.warn({ path, err }, 'old output of runs stays'),
        );
    },
    stop() {
      stop.abort();
      waiting.clear();
      for (const id of waiters.keys()) answer(id);
    },
  };
}

const tooLate = missing('it could not be read in time');
const tooMany = missing('too many runs ended at once to read it');

function missing(why: string): RunOutput {
  return { lines: [], from: undefined, missing: why, isCut: false };
}

function keptOutputs(runs: readonly KeptOutput[], { perJob, oldest }: RunLimits): readonly KeptOutput[] {
  let left = maxJobBytes;
  return runs
    .toSorted((one, other) => other.createdAt - one.createdAt)
    .slice(0, perJob)
    .filter(({ createdAt, lines }) => {
      left -= lines.reduce((sum, { message }) => sum + Buffer.byteLength(message), 0);
      return createdAt >= oldest && left >= 0;
    });
}

/** The last lines that fit; one that does not fit alone loses its end. */
function excerptOf(output: RunOutput): RunOutput {
  const lines: OutputLine[] = [];
  let left = maxRunBytes;
  for (const { origin, stream, at, message } of output.lines.slice(-maxLines).reverse()) {
    const bytes = Buffer.from(message);
    const fits = bytes.length < left;
    if (!fits && lines.length > 0) break;
    lines.unshift({ origin, stream, at, message: fits ? message : `${wholeText(bytes.subarray(0, left - 5))} …` });
    left -= bytes.length + 1;
  }
  return { ...output, lines, isCut: output.isCut || lines.length < output.lines.length };
}

/** Without the beginning of a character whose end was cut off. */
function wholeText(bytes: Buffer): string {
  return bytes.toString().replace(/\ufffd{1,3}$/, '');
}

const streams = ['stdout', 'stderr', 'both'] as const;

/** @throws Error for a file of another version, tool or job */
function parse(value: unknown, tool: Tool, job: string): OutputFile {
  if (integerAt(value, 'v') !== 1) throw new Error('The version of the file is not 1.');
  if (textAt(value, 'tool') !== tool.name || textAt(value, 'job') !== job)
    throw new Error('The file is not of this job.');
  return { v: 1, tool: tool.name, job, runs: listAt(value, 'runs').flatMap(parseRun) };
}

function parseRun(value: unknown): KeptOutput[] {
  const [run, createdAt] = [textAt(value, 'run'), amountAt(value, 'createdAt')];
  if (run === undefined || createdAt === undefined) return [];
  const lines = listAt(value, 'lines').flatMap(parseLine);
  const isCut = recordAt(value).isCut === true;
  return [
    {
      run,
      createdAt,
      lines,
      from: textAt(value, 'from'),
      missing: textAt(value, 'missing'),
      isCut,
      ...parseWritten(value),
    },
  ];
}

/** Earlier releases did not count. */
function parseWritten(value: unknown): Pick<RunOutput, 'written'> {
  const { orMore } = recordAt(value, 'written');
  const lines = amountAt(value, 'written', 'lines');
  return lines !== undefined && typeof orMore === 'boolean' ? { written: { lines, orMore } } : {};
}

function parseLine(value: unknown): OutputLine[] {
  const [origin, message] = [textAt(value, 'origin'), textAt(value, 'message')];
  if (origin === undefined || message === undefined) return [];
  const stream = streams.find((one) => one === textAt(value, 'stream')) ?? 'both';
  return [{ origin, stream, at: textAt(value, 'at'), message }];
}
