/**
 * The last lines that a run has written, for a mail about it and for its record: asked by the hallway as soon as the run has ended, since
 * pods and their logs go soon. From the files where the job writes to files, else from its pod.
 */
import type { Notice, RunOutput, Tool, Written } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Forward } from '../forward.ts';
import { type FileTail, type LogFile, type LogFiles, tailFile } from './file-log.ts';
import type { LogLine } from './log-line.ts';
import { filesOf } from './log-sources.ts';
import { type ReadPodLog, tailPod } from './pod-log.ts';

/** Whose output: a notice of a run and the end of one both say it. */
export type LinesOf = Pick<Notice, 'key' | 'startedAt' | 'finishedAt' | 'attempts' | 'ran'> & {
  readonly pod?: string | undefined;
};

export interface LastLinesOptions {
  readonly forward: Pick<Forward, 'podLog'>;
  readonly files: LogFiles;
  /** Directory of all homes in pods. */
  readonly homesMount: string;
}

/** Never rejects: why there are no lines is part of the answer. */
export type ReadLastLines = (
  tool: Tool,
  of: LinesOf,
  options: { readonly lines: number; readonly signal: AbortSignal },
) => Promise<RunOutput>;

/** Kubernetes gives whole seconds, and a file server has a clock of its own. */
const slackMs = 2_000;

export function createLastLines({ forward, files, homesMount }: LastLinesOptions): ReadLastLines {
  return async (tool, of, { lines, signal }) => {
    if (of.startedAt === undefined) return none('it never ran');
    try {
      const inFiles = filesOf(tool, of.ran, `${homesMount}/${tool.name}`);
      if (inFiles.length > 0) return await readFiles(files, inFiles, of, lines);
      return await readPod((pod, query, cut) => forward.podLog(tool, pod, query, cut), of, lines, signal);
    } catch (error) {
      return none(error instanceof AppError ? error.message : 'it could not be read');
    }
  };
}

async function readFiles(source: LogFiles, files: LogFile[], of: LinesOf, lines: number): Promise<RunOutput> {
  const request = { lines, since: undefined, follow: false };
  const tails = await Promise.all(files.map((file) => tailFile(source, file, request)));
  const written = tails
    .filter((tail) => tail.lines.length > 0 && isOfRun(tail, of))
    .sort((one, other) => writtenAt(one) - writtenAt(other));
  const names = files.map(({ names: path }) => path.join('/')).join(' or ');
  if (written.length === 0) return none(`this run wrote nothing to ${names}`);
  return share(written, lines);
}

/** A file that was last written to before the run began holds nothing of it. */
function isOfRun(tail: FileTail, { startedAt = 0 }: LinesOf): boolean {
  return writtenAt(tail) >= startedAt - slackMs;
}

function writtenAt({ lines }: FileTail): number {
  return lines[0]?.aroundMs ?? 0;
}

/** Files carry no times, so each stands in one piece; the one written to last comes last and leaves the other a quarter at least. */
function share(tails: readonly FileTail[], lines: number): RunOutput {
  const last = tails.at(-1)?.lines ?? [];
  const first = tails.length > 1 ? (tails[0]?.lines ?? []) : [];
  const ofFirst = Math.min(first.length, Math.max(lines - last.length, Math.ceil(lines / 4)));
  const parts = [first.slice(first.length - ofFirst), last.slice(-(lines - ofFirst))].filter((part) => part.length > 0);
  const named = parts.map((part) => part[0]?.origin);
  const [one, two] = parts;
  return {
    lines: parts.flat(),
    from: one && two ? `${named[0]} (${one.length}), then ${named[1]} (${two.length})` : named[0],
    missing: undefined,
    // What stands before them may be of an earlier run as well: the file does not say.
    isCut: parts.flat().length >= lines,
  };
}

async function readPod(ask: ReadPodLog, of: LinesOf, lines: number, signal: AbortSignal): Promise<RunOutput> {
  const { key, pod, startedAt = 0, finishedAt } = of;
  if (pod === undefined) return none('its pod is gone');
  // A copy of a continuous job may have been started again since.
  const restarts = key.kind === 'Deployment' ? 1 : 0;
  let wasGiven = false;
  const read: ReadPodLog = async (...asked) => {
    const log = await ask(...asked);
    wasGiven = true;
    return log;
  };
  const asked = lines * 2;
  const all = await tailPod(read, { name: pod, restarts }, { lines: asked, since: undefined }, signal);
  const until = finishedAt === undefined ? Number.POSITIVE_INFINITY : finishedAt + slackMs;
  const isOfRun = ({ aroundMs }: LogLine) => aroundMs >= startedAt - slackMs && aroundMs < until;
  const written = all.filter(isOfRun);
  const own = written.slice(-lines);
  const counted = wasGiven && key.kind !== 'Deployment' ? countOf(all, asked, of) : {};
  if (own.length === 0)
    return { ...none('it wrote nothing, or its pod was gone before it could be asked'), ...counted };
  return { lines: own, from: 'its output', missing: undefined, isCut: written.length > lines, ...counted };
}

/** Of so much text the lines that were asked for may be fewer, since the cluster counts pieces of long ones, and we cut those. */
const mostCountedBytes = 8 * 1024;

/**
 * What the log of a run's pod tells of how much the run wrote. Not known where a line has no time: the cluster says there why it has no log.
 * That the log was begun anew meanwhile, after 10 MiB or so (kubernetes.io, "Logging Architecture"), cannot be seen.
 */
function countOf(all: readonly LogLine[], asked: number, { attempts }: LinesOf): { readonly written?: Written } {
  if (all.some(({ at }) => at === undefined)) return {};
  const bytes = all.reduce((sum, { message }) => sum + Buffer.byteLength(message), 0);
  // The attempts before the last one have written as well.
  const orMore = all.length >= asked || bytes >= mostCountedBytes || attempts > 1;
  return { written: { lines: all.length, orMore } };
}

function none(missing: string): RunOutput {
  return { lines: [], from: undefined, missing, isCut: false };
}
