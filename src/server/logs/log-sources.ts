/** Where the output of a job is: its files, and its pods as they come and go. */
import { resolveLogPath } from '../../definition/log-paths.ts';
import type { JobSnapshot, PodFacts, ResolvedJob, Tool } from '../../domain.ts';
import type { JobsView } from '../handlers/deps.ts';
import type { LogFile } from './file-log.ts';
import { hasBegun } from './pod-log.ts';

/** Of a job, newest first; older ones have little to say and cost a request each. */
const maxPods = 10;
/** Of each of its parts, however many these are. */
const leastPods = 2;

type LogPaths = Pick<ResolvedJob, 'filelogStdout' | 'filelogStderr'>;

/** The files a job writes to, in its home; one that both streams go to counts once. */
export function filesOf(tool: Tool, paths: LogPaths | undefined, homePath: string): LogFile[] {
  const stdout = namesOf(paths?.filelogStdout, homePath);
  const stderr = namesOf(paths?.filelogStderr, homePath);
  if (stdout && stderr && stdout.join('/') === stderr.join('/')) return [{ tool, names: stdout, stream: 'both' }];
  return [
    ...(stdout ? [{ tool, names: stdout, stream: 'stdout' } as const] : []),
    ...(stderr ? [{ tool, names: stderr, stream: 'stderr' } as const] : []),
  ];
}

/** Undefined outside the home: `/dev/null` has nothing to read, and nothing else is read. */
function namesOf(path: string | undefined, homePath: string): string[] | undefined {
  const resolved = path === undefined ? undefined : resolveLogPath(path, homePath);
  return resolved?.startsWith(`${homePath}/`) ? resolved.slice(homePath.length + 1).split('/') : undefined;
}

export function podsWithLogs(parts: readonly JobSnapshot[]): PodFacts[] {
  const each = Math.max(leastPods, Math.floor(maxPods / parts.length));
  return parts.flatMap(({ pods }) => pods.filter(hasBegun).slice(0, each));
}

/** A job that is followed, as the view has it at each look. */
export interface FollowedJob {
  /** Of its parts, as far as they are there. */
  snapshots(): readonly JobSnapshot[];
  pod(uid: string): PodFacts | undefined;
  /** A one-off that has ended; any job that is gone. */
  isOver(): boolean;
}

export function followParts(jobs: JobsView, parts: readonly JobSnapshot[], now: () => number): FollowedJob {
  const followed = parts.map((part) => followPart(jobs, part, now));
  const snapshots = () => followed.flatMap(({ snapshot }) => snapshot() ?? []);
  return {
    snapshots,
    pod: (uid) =>
      snapshots()
        .flatMap(({ pods }) => pods)
        .find((pod) => pod.uid === uid),
    // Each is asked, so that each knows since when it is gone.
    isOver: () => followed.map(({ isOver }) => isOver()).every((over) => over),
  };
}

/** How long a job may be missing while it is made anew. */
const goneMs = 3_000;

interface FollowedPart {
  snapshot(): JobSnapshot | undefined;
  isOver(): boolean;
}

function followPart(jobs: JobsView, first: JobSnapshot, now: () => number): FollowedPart {
  const { key, object } = first;
  let goneSince: number | undefined;
  const snapshot = () => {
    const current = jobs.find(key.namespace, key.name);
    // A one-off of the same name that was run later is another one.
    return key.kind === 'Job' && current?.object.uid !== object.uid ? undefined : current;
  };
  return {
    snapshot,
    isOver() {
      const current = snapshot();
      if (current) {
        goneSince = undefined;
        return key.kind === 'Job' && (current.state === 'succeeded' || current.state === 'failed') && !isBusy(current);
      }
      goneSince ??= now();
      return key.kind === 'Job' || now() - goneSince > goneMs;
    },
  };
}

function isBusy({ pods }: JobSnapshot): boolean {
  return pods.some(({ container }) => container?.state?.kind === 'running');
}
