/** The log of one pod, as the cluster keeps it: with times, across the restarts of its container. */
import { setTimeout as pause } from 'node:timers/promises';
import type { PodFacts } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { kubeStatusOf } from '../../kube.ts';
import { stampOf } from '../../stamps.ts';
import { timeLimited } from '../../time-limit.ts';
import type { PodLogQuery } from '../forward.ts';
import { createLineCutter } from './line-cutter.ts';
import type { LogLine } from './log-line.ts';

/** The API server, as one tool. */
export type ReadPodLog = (pod: string, query: PodLogQuery, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;

const container = 'job';
const readTimeoutMs = 10_000;
/** Of the last lines of one pod. */
const maxKeptChars = 1024 * 1024;
const reopenMs = 1_000;
const lookMs = 200;
const maxFailures = 5;

/** Whether the container has written, or could have: before that the API server refuses. */
export function hasBegun({ container }: PodFacts): boolean {
  return [container?.state?.kind, container?.last?.kind].some((kind) => kind === 'running' || kind === 'terminated');
}

/**
 * The last lines of the container before the last restart and of the one there is.
 * @throws AppError `kube.*`, `credentials.*`, `home.*`
 */
export async function tailPod(
  read: ReadPodLog,
  { name, restarts }: { name: string; restarts: number },
  { lines, since }: { lines: number; since: string | undefined },
  signal: AbortSignal,
): Promise<LogLine[]> {
  if (lines === 0) return [];
  const query = { tailLines: lines, ...sinceQuery(since) };
  const timed = timeLimited(signal, readTimeoutMs);
  const earlier = restarts > 0 ? await lastLines(read, name, { ...query, previous: true }, since, timed) : [];
  const current = await lastLines(read, name, query, since, timed);
  // A container that waits for its next start is both: the one before, and the one there is.
  const first = current[0]?.at;
  const before = first === undefined ? earlier : earlier.filter(({ at }) => at !== undefined && at < first);
  return [...before, ...current].slice(-lines);
}

async function lastLines(
  read: ReadPodLog,
  pod: string,
  query: PodLogQuery,
  since: string | undefined,
  signal: AbortSignal,
): Promise<LogLine[]> {
  let kept: LogLine[] = [];
  let chars = 0;
  for await (const lines of linesOf(read, pod, query, since, signal)) {
    kept.push(...lines);
    chars += lines.reduce((sum, { message }) => sum + message.length, 0);
    let dropped = 0;
    while (chars > maxKeptChars && dropped < kept.length - 1) chars -= kept[dropped++]?.message.length ?? 0;
    if (dropped > 0) kept = kept.slice(dropped);
  }
  return kept;
}

export interface FollowPod {
  readonly read: ReadPodLog;
  readonly pod: PodFacts;
  /** Of the last line that was shown already. */
  readonly since: string | undefined;
  /** The pod as it is now; undefined when it is gone, and its log with it. */
  facts(): PodFacts | undefined;
  put(lines: readonly LogLine[]): Promise<void>;
  readonly signal: AbortSignal;
}

/** Gives lines as they are written until the pod has ended: across restarts, and where the connection breaks again from there. */
export async function followPod({ read, pod, since, facts, put, signal }: FollowPod): Promise<void> {
  let last = since;
  let restarts: number | undefined;
  let failures = 0;
  for (let now = facts(); now && !signal.aborted; now = facts()) {
    const current = now.container?.restarts ?? 0;
    const isNew = restarts === undefined || current > restarts;
    const isRunning = now.container?.state?.kind === 'running';
    if (hasBegun(now) && (isNew || isRunning || failures > 0)) {
      const queries: PodLogQuery[] = [...(isNew && current > 0 ? [{ previous: true } as const] : []), { follow: true }];
      restarts = current;
      try {
        for (const query of queries) {
          for await (const lines of linesOf(read, pod.name, { ...query, ...sinceQuery(last) }, last, signal)) {
            last = lines.at(-1)?.at ?? last;
            await put(lines);
          }
        }
        failures = 0;
      } catch {
        // Cut by us, by the silence of 90 s that a connection may have, or by the cluster: read on from the last line.
        failures += 1;
      }
      await rest(reopenMs, signal);
    } else if (hasEnded(now)) return;
    else await rest(lookMs, signal);
    if (failures >= maxFailures && hasEnded(now)) return;
  }
}

function hasEnded({ phase }: PodFacts): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** A pause that an abort ends, without an error. */
export async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => {});
}

function sinceQuery(since: string | undefined): { sinceTime?: string } {
  return since === undefined ? {} : { sinceTime: `${since.slice(0, 19)}Z` };
}

/** Lines after `since`, a few at a time; none of a container that has not begun or is gone. */
async function* linesOf(
  read: ReadPodLog,
  pod: string,
  query: PodLogQuery,
  since: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<LogLine[]> {
  const cutter = createLineCutter();
  let isAfter = since === undefined;
  const take = (texts: readonly string[]) => {
    const lines = texts.map((text) => podLine(pod, text));
    // Only at the beginning: a clock that was put back must not swallow lines.
    const first = isAfter ? 0 : lines.findIndex(({ at }) => at !== undefined && at > (since ?? ''));
    if (first < 0) return [];
    isAfter = isAfter || lines.length > 0;
    return lines.slice(first);
  };
  for await (const chunk of await open(read, pod, query, signal)) {
    const lines = take(cutter.push(chunk));
    if (lines.length > 0) yield lines;
  }
  const lines = take(cutter.flush());
  if (lines.length > 0) yield lines;
}

/** Objects of earlier generations named the container otherwise; a pod has only one. */
async function open(
  read: ReadPodLog,
  pod: string,
  query: PodLogQuery,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  for (const named of [{ container }, {}]) {
    try {
      return await read(pod, { ...named, ...query }, signal);
    } catch (error) {
      const status = kubeStatusOf(error)?.statusCode;
      if (status === 404) break;
      if (status !== 400) throw error instanceof AppError ? error : unreadable(error);
    }
  }
  return nothing();
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function unreadable(cause: unknown): AppError {
  return new AppError('kube.unreachable', 'The cluster did not give the log in time. Try again in a moment.', {
    cause,
    retryAfterSeconds: 2,
  });
}

/** `2026-07-01T12:00:00.123456789Z the line` */
function podLine(pod: string, text: string): LogLine {
  const blank = text.indexOf(' ');
  const at = stampOf(blank < 0 ? text : text.slice(0, blank));
  const message = at === undefined ? text : blank < 0 ? '' : text.slice(blank + 1);
  const aroundMs = at === undefined ? Date.now() : Date.parse(`${at.slice(0, 23)}Z`);
  return { origin: pod, source: 'pod', stream: 'both', at, aroundMs, message };
}
