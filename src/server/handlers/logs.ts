/**
 * The log of a job, over every source it has: the files it writes to, and what its pods have written. Lines of pods carry times and are put
 * in their order; lines of files carry none, so a file is shown in one piece, and the source written to last comes last. What is followed
 * comes as it is written.
 */
import { Readable } from 'node:stream';
import type { JobParts } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { stampOfMs } from '../../stamps.ts';
import type { Caller } from '../identify.ts';
import { type Channel, createChannel } from '../logs/channel.ts';
import { type FileTail, followFile, type LogFile, tailFile } from '../logs/file-log.ts';
import { type LogLine, type LogRequest, noteOf, readLogRequest } from '../logs/log-line.ts';
import { type FollowedJob, filesOf, followParts, podsWithLogs } from '../logs/log-sources.ts';
import { followPod, type ReadPodLog, rest, tailPod } from '../logs/pod-log.ts';
import { type Deps, readyJobs } from './deps.ts';
import { readRunLog } from './run-logs.ts';
import { showParts } from './show.ts';

export interface LogsAsked {
  readonly caller: Caller;
  readonly name: string;
  /** `lines`, `since`, `follow`, `run` as they came. */
  readonly query: Readonly<Record<string, unknown>>;
  /** Gives back the caller's place among the requests at once: a stream has a place of its own. */
  release(): void;
}

/**
 * @param text one line as a dialect writes it, without its end
 * @returns a line of text for each line of the log; ends when the job has, or at once where nothing is followed
 * @throws AppError `job.not_found`, `run.not_found`, `logs.none`, `request.invalid`; `home.*`, `credentials.*`, `kube.*` where no source can be read
 */
export async function readLogs(asked: LogsAsked, deps: Deps, text: (line: LogLine) => string): Promise<Readable> {
  const request = readLogRequest(asked.query, deps.now());
  const { run } = asked.query;
  if (run !== undefined && run !== '') return readOneRun(asked, String(run), request, deps, text);
  const parts = showParts(asked.caller, asked.name, deps);
  const stop = new AbortController();
  const context = { deps, request, parts, signal: stop.signal, ...sourcesOf(asked.caller, parts, deps) };
  const before = await readTails(context);
  const isEmpty = before.lines.length === 0 && request.lines > 0;
  if (isEmpty && !request.follow) throw before.missing[0]?.error ?? noLogs(asked.name);
  asked.release();
  const pieces = piecesOf(request.follow ? follow(context, before) : [startOf(before)], text);
  return Readable.from(stoppable(pieces, stop), { objectMode: false, highWaterMark: 64 * 1024 });
}

async function readOneRun(
  { caller, name, release }: LogsAsked,
  run: string,
  request: LogRequest,
  deps: Deps,
  text: (line: LogLine) => string,
): Promise<Readable> {
  const stop = new AbortController();
  const lines = await readRunLog({ caller, name, run, request, signal: stop.signal }, deps);
  release();
  return Readable.from(stoppable(piecesOf([lines], text), stop), { objectMode: false, highWaterMark: 64 * 1024 });
}

/** A generator hears that nobody reads any more only after the piece that it waits for: what it waits for is ended first. */
function stoppable(pieces: AsyncGenerator<string>, stop: AbortController): AsyncIterable<string> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => pieces.next(),
      return() {
        stop.abort();
        return pieces.return(undefined);
      },
    }),
  };
}

interface Context {
  readonly deps: Deps;
  readonly request: LogRequest;
  /** One, but of a job of several parts. */
  readonly parts: JobParts;
  readonly files: readonly LogFile[];
  readonly read: ReadPodLog;
  /** Aborted when the reader leaves. */
  readonly signal: AbortSignal;
}

/** Parts may write to the same file. */
function sourcesOf({ tool }: Caller, parts: JobParts, deps: Deps): Pick<Context, 'files' | 'read'> {
  const files = parts.flatMap(({ object }) => filesOf(tool, object.job, `${deps.homes.mount}/${tool.name}`));
  return {
    files: [...new Map(files.map((file) => [file.names.join('/'), file])).values()],
    read: (pod, query, signal) => deps.forward.podLog(tool, pod, query, signal),
  };
}

function noLogs(name: string): AppError {
  return new AppError('logs.none', `Job '${name}' does not have any logs available`, { fields: { name } });
}

/** What there was when the log was asked for. */
interface Tails {
  readonly lines: readonly LogLine[];
  readonly files: ReadonlyMap<LogFile, FileTail>;
  /** Of the last line shown of each pod, by uid. */
  readonly shown: ReadonlyMap<string, string | undefined>;
  readonly missing: readonly Missing[];
}

async function readTails(context: Context): Promise<Tails> {
  const { deps, files, read, request, parts, signal } = context;
  const missing: Missing[] = [];
  const attempt = async <T>(work: Promise<T>, origin: string, stream: LogLine['stream']): Promise<T | undefined> =>
    work.catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      missing.push({ error, note: noteOf(origin, stream, error.message, deps.now()) });
      return undefined;
    });
  const pods = podsWithLogs(parts);
  const [fileTails, podTails] = await Promise.all([
    Promise.all(
      files.map((file) => attempt(tailFile(deps.logFiles, file, request), file.names.join('/'), file.stream)),
    ),
    Promise.all(
      pods.map((pod) =>
        attempt(
          tailPod(read, { name: pod.name, restarts: pod.container?.restarts ?? 0 }, request, signal),
          pod.name,
          'both',
        ),
      ),
    ),
  ]);
  const podLines = podTails
    .flatMap((lines) => lines ?? [])
    .sort(byTime)
    .slice(-request.lines || Number.POSITIVE_INFINITY);
  // Whoever wants none of what there is wants what comes from now on.
  const since = request.since ?? (request.lines === 0 ? stampOfMs(deps.now()) : undefined);
  const blocks = [podLines, ...fileTails.map((tail) => tail?.lines ?? [])].filter((lines) => lines.length > 0);
  blocks.sort((one, other) => endOf(one) - endOf(other));
  return {
    lines: blocks.flat(),
    files: new Map(files.flatMap((file, at) => (fileTails[at] ? [[file, fileTails[at]]] : []))),
    shown: new Map(pods.map((pod, at) => [pod.uid, podTails[at]?.at(-1)?.at ?? since])),
    missing,
  };
}

/** A source that was not read, and the line that says so among those of the others. */
interface Missing {
  readonly error: AppError;
  readonly note: LogLine;
}

function byTime(one: LogLine, other: LogLine): number {
  const [first = '', second = ''] = [one.at, other.at];
  return first < second ? -1 : first > second ? 1 : 0;
}

function endOf(lines: readonly LogLine[]): number {
  return lines.at(-1)?.aroundMs ?? 0;
}

function startOf({ missing, lines }: Tails): readonly LogLine[] {
  return [...missing.map(({ note }) => note), ...lines];
}

const lookMs = 250;

/** Everything from here on: files, pods that are there and pods that come, until the job is over and all of them are read to their end. */
async function* follow(context: Context, before: Tails): AsyncGenerator<readonly LogLine[]> {
  yield startOf(before);
  const channel = createChannel<readonly LogLine[]>();
  context.signal.addEventListener('abort', () => channel.abort());
  const job = followParts(readyJobs(context.deps), context.parts, context.deps.now);
  let failure: unknown;
  void gather(context, job, before, channel)
    .catch((error: unknown) => {
      failure = error;
    })
    .finally(() => channel.end());
  yield* channel;
  if (failure !== undefined) throw failure;
}

async function gather(context: Context, job: FollowedJob, before: Tails, channel: Channel<readonly LogLine[]>) {
  const { signal, deps, read, request } = context;
  const { put } = channel;
  const pods = new Map<string, Promise<void>>();
  const files = [...before.files].map(([file, from]) =>
    followFile({ files: deps.logFiles, file, from, isOver: job.isOver, put, now: deps.now, signal }),
  );
  // Told apart from a failure of ours only at the end; until then it must not go unheard.
  const all = Promise.all(files);
  all.catch(() => {});
  while (!signal.aborted) {
    const isOver = job.isOver();
    for (const pod of podsWithLogs(job.snapshots())) {
      if (pods.has(pod.uid)) continue;
      const since = before.shown.get(pod.uid) ?? request.since;
      pods.set(pod.uid, followPod({ read, pod, since, facts: () => job.pod(pod.uid), put, signal }));
    }
    if (isOver) break;
    await rest(lookMs, signal);
  }
  await Promise.all([all, ...pods.values()]);
}

const linesOfPiece = 200;

async function* piecesOf(
  batches: AsyncIterable<readonly LogLine[]> | Iterable<readonly LogLine[]>,
  text: (line: LogLine) => string,
): AsyncGenerator<string> {
  for await (const batch of batches) {
    for (let at = 0; at < batch.length; at += linesOfPiece) {
      yield batch
        .slice(at, at + linesOfPiece)
        .map((line) => `${text(line)}\n`)
        .join('');
    }
  }
}
