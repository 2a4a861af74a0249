/** What the handlers need of the rest of the house, as the hallway hands it in. */
import type {
  FormerJob,
  Freshness,
  JobKey,
  JobSnapshot,
  KubeObject,
  MailLogRow,
  RunOutput,
  RunRecord,
  Tool,
  Written,
} from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Fences } from '../../fences.ts';
import type { ImageCatalog } from '../../image-catalog.ts';
import type { Mailbox } from '../../mailbox.ts';
import type { Settings } from '../../settings.ts';
import type { Peak } from '../../usage/peaks.ts';
import type { Webhooks } from '../../webhooks.ts';
import type { EventFeeds } from '../events/feeds.ts';
import type { Forward } from '../forward.ts';
import type { LimitCheck } from '../limit-check.ts';
import type { LogFiles } from '../logs/file-log.ts';
import type { TakeTurn } from './turns.ts';

/** One life of a job: another object under the name has another uid. */
export interface Life {
  readonly key: JobKey;
  readonly uid: string;
}

/** The actors' view of all jobs; asked only with a caller's own namespace. */
export interface JobsView {
  /** One-offs, then scheduled, then continuous jobs, each by name. The same array as long as nothing changed. */
  list(namespace: string): readonly JobSnapshot[];
  find(namespace: string, name: string): JobSnapshot | undefined;
  /** The API server's reply to a write, told to the actor before the caller is answered. */
  observe(object: KubeObject): void;
  /** True once the objects of these lives are gone, and with them their pods; false after `timeoutMs`. */
  whenGone(namespace: string, lives: readonly Life[], timeoutMs: number): Promise<boolean>;
  freshness(): Freshness;
}

export interface Home {
  /** As pods see it. */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
}

/** Records of runs that have ended; asked only with a caller's own tool. */
export interface RunHistory {
  /** Newest first; empty for a job nobody knows. */
  list(tool: Tool, job: string): Promise<readonly RunRecord[]>;
  /** The same of each part of a job, also of those that are gone. */
  listParts(
    tool: Tool,
    group: string,
  ): Promise<readonly { readonly part: string; readonly runs: readonly RunRecord[] }[]>;
}

/** What runs have written; asked only with a caller's own tool. */
export interface OutputHistory {
  /** The last lines; undefined where nothing is kept of it. */
  of(tool: Tool, job: string, run: string): Promise<RunOutput | undefined>;
  /** How much, of each run of which that is known, by id. */
  written(tool: Tool, job: string): Promise<ReadonlyMap<string, Written>>;
}

/** What was measured of what runs. */
export interface MeasuredPeaks {
  /** @param owner uid of a run; of a continuous job the owner of its copies. */
  of(owner: string): Peak | undefined;
}

/** What became of events in the mail of their tool; asked only with a caller's own tool. */
export interface MailHistory {
  /** Newest first. */
  list(tool: Tool): Promise<readonly MailLogRow[]>;
}

/** What jobs were before they were changed or deleted; asked only with a caller's own tool. */
export interface FormerDefinitions {
  /** Never rejects. */
  keep(tool: Tool, former: readonly FormerJob[]): Promise<void>;
  /** Newest first. */
  list(tool: Tool): Promise<readonly FormerJob[]>;
}

/** Where a tool wants to be told; asked only with a caller's own tool. */
export interface ToolWebhooks extends Pick<Webhooks, 'find' | 'set'> {
  /** Whether events may be sent to an address; one that is a name is judged when it is connected to. */
  mayReach(address: string): boolean;
  /** What waits for it, and what it has taken. */
  queue(tool: string): Pick<Mailbox, 'open' | 'folded' | 'sealed' | 'sent'> | undefined;
  /** What waits for it is tried again soon: it may be taken now. */
  hurry(tool: string): void;
  /** And drops what waits for it. */
  remove(tool: string): Promise<void>;
  /** Sends an event that tells of nothing. @throws AppError `webhook.not_taken` */
  test(tool: string): Promise<void>;
}

export interface Deps {
  readonly webhooks: ToolWebhooks;
  readonly jobs: JobsView;
  readonly runs: RunHistory;
  readonly outputs: OutputHistory;
  /** Lets the view know of the last runs of the tool's jobs, where it does not yet. Never rejects. */
  recall(tool: Tool): Promise<void>;
  readonly peaks: MeasuredPeaks;
  readonly mailLog: MailHistory;
  readonly former: FormerDefinitions;
  readonly feeds: EventFeeds;
  readonly forward: Forward;
  readonly images: ImageCatalog;
  settings(): Settings;
  homeOf(tool: Tool): Promise<Home>;
  readonly logFiles: LogFiles;
  readonly checkLimits: LimitCheck;
  /** Asked only with a caller's own tool, and for a run that is its. */
  readonly fences: Fences;
  /** Changes of one job, one after the other. */
  readonly takeTurn: TakeTurn;
  /** Directory of all homes on the node and in pods. */
  readonly homes: { readonly base: string; readonly mount: string };
  /** What stands before `/api/v1` in the dialect of October 2023. */
  readonly octoberBase: string;
  now(): number;
}

/**
 * The view, once it is complete.
 * @throws AppError `view.not_ready` (503, Retry-After) before the first sync
 */
export function readyJobs(deps: Pick<Deps, 'jobs'>): JobsView {
  if (!deps.jobs.freshness().synced) {
    throw new AppError(
      'view.not_ready',
      'The service has just started and is still reading the state of the cluster. Try again in a moment.',
      {
        retryAfterSeconds: 1,
      },
    );
  }
  return deps.jobs;
}
