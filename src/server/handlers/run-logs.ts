/**
 * What one run of a job has written: the log of its pods while they are there, else the last lines that were kept when it ended
 * (run-outputs.ts). What is kept says where it comes from, and that there was more.
 */
import type { PodFacts, RunOutput, RunRecord } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { stampOfMs } from '../../stamps.ts';
import type { Caller } from '../identify.ts';
import { type LogLine, type LogRequest, noteOf } from '../logs/log-line.ts';
import { podsWithLogs } from '../logs/log-sources.ts';
import { tailPod } from '../logs/pod-log.ts';
import type { Deps } from './deps.ts';
import { recordedRuns } from './runs.ts';
import { findParts, showParts } from './show.ts';

export interface RunLogsAsked {
  readonly caller: Caller;
  readonly name: string;
  /** An id or how one begins, or `last`. */
  readonly run: string;
  readonly request: LogRequest;
  readonly signal: AbortSignal;
}

/** @throws AppError `job.not_found`, `run.not_found`, `logs.none`, `request.invalid`; `credentials.*`, `kube.*` */
export async function readRunLog(asked: RunLogsAsked, deps: Deps): Promise<readonly LogLine[]> {
  const { caller, name, request } = asked;
  if (request.follow) throw invalid("'follow' does not go with 'run': a run that has ended writes no more.", 'follow');
  const { id, part, record, pods } = await findRun(asked, deps);
  const written = await readPods(asked, pods, deps);
  if (written.length > 0) return written;
  const kept = await deps.outputs.of(caller.tool, part, id);
  if (!kept || kept.lines.length === 0) throw noneOf(name, id, whyNone(record, kept, pods));
  return keptLines(kept, request, record?.finishedAt ?? deps.now());
}

interface FoundRun {
  readonly id: string;
  /** The job, or its part. */
  readonly part: string;
  /** Undefined while it goes. */
  readonly record: RunRecord | undefined;
  readonly pods: readonly PodFacts[];
}

async function findRun({ caller, name, run }: RunLogsAsked, deps: Deps): Promise<FoundRun> {
  const { tool } = caller;
  const records = await recordedRuns(tool, name, deps);
  const parts = records.length > 0 ? findParts(caller, name, deps) : showParts(caller, name, deps);
  const going = (parts ?? []).flatMap(({ key, object, runs }) =>
    (key.kind === 'Job' ? [object] : runs).map(({ uid }) => ({ id: uid, part: key.name })),
  );
  const begun = records
    .filter((record) => record.run.outcome !== 'skipped')
    .map(({ job, run: { id } }) => ({ id, part: job }));
  // Newest first: what goes on is not on record yet.
  const partOf = new Map([...begun, ...going].map(({ id, part }) => [id, part]));
  const ids = [...new Set([...going, ...begun].map(({ id }) => id))];
  const found =
    run === 'last' ? ids.slice(0, 1) : ids.filter((id) => id === run || (isBeginning(run) && id.startsWith(run)));
  if (found.length > 1)
    throw invalid(`More than one run of job '${name}' begins with '${run}'. Name more of it.`, 'run');
  const [id] = found;
  if (id === undefined) {
    const text =
      ids.length === 0
        ? `No run of job '${name}' is known yet.`
        : `No run '${run}' of job '${name}' is known. 'history' lists those that are.`;
    throw new AppError('run.not_found', text, { fields: { name, run } });
  }
  const pods = podsWithLogs(parts ?? []).filter(({ ownerUid }) => ownerUid === id);
  const record = records.find((one) => one.run.id === id)?.run;
  return { id, part: partOf.get(id) ?? name, record, pods };
}

/** As short as `history` shows it, and no shorter. */
function isBeginning(run: string): boolean {
  return run.length >= 8;
}

/** A pod that cannot be read, and is about to go, is no reason to hide what is kept. */
async function readPods({ caller, request, signal }: RunLogsAsked, pods: readonly PodFacts[], deps: Deps) {
  const tails = pods.map(({ name: pod, container }) =>
    tailPod(
      (...of) => deps.forward.podLog(caller.tool, ...of),
      { name: pod, restarts: container?.restarts ?? 0 },
      request,
      signal,
    ).catch(unlessOurs),
  );
  const lines = (await Promise.all(tails)).flat();
  return lines.sort((one, other) => one.aroundMs - other.aroundMs).slice(-request.lines || Number.POSITIVE_INFINITY);
}

function unlessOurs(error: unknown): LogLine[] {
  if (error instanceof AppError) return [];
  throw error;
}

function keptLines({ lines, from, isCut }: RunOutput, request: LogRequest, endedAt: number): readonly LogLine[] {
  const { since } = request;
  const shown = lines
    .filter(({ at }) => since === undefined || (at ?? stampOfMs(endedAt)) > since)
    .slice(-request.lines || Number.POSITIVE_INFINITY);
  const isPart = isCut || shown.length < lines.length;
  const words = `kept when the run had ended, from ${from}${isPart ? '; what it wrote before is left out' : ''}`;
  return [
    noteOf(shown[0]?.origin ?? '', 'both', words, endedAt),
    ...shown.map((line) => ({ ...line, source: 'record' as const, aroundMs: line.at ? Date.parse(line.at) : endedAt })),
  ];
}

function whyNone(record: RunRecord | undefined, kept: RunOutput | undefined, pods: readonly PodFacts[]): string {
  if (!record && pods.length === 0) return 'it has no pod now: it has not begun yet, or has just ended';
  if (!record) return 'it goes on, and has written nothing yet, or to files: see the logs of the job';
  if (record.startedAt === undefined) return 'it never ran';
  return kept?.missing ?? 'none of it was kept';
}

function noneOf(name: string, run: string, why: string): AppError {
  return new AppError('logs.none', `There is no output of this run of job '${name}': ${why}.`, {
    fields: { name, run },
  });
}

function invalid(message: string, field: string): AppError {
  return new AppError('request.invalid', message, { fields: { field } });
}
