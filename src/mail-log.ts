/**
 * What became of each event in the mail of its tool, and on the way to its webhook: `<directory>/<2 hex digits>/<tool>.json`, the newest 1,000 rows of the last 14 days.
 * daemon.ts hands rows in as the queues tell them, the server reads those of one tool. Nothing hangs on it, so it is written a little later,
 * many rows at a time; what a kill takes with it is at most the last second.
 */
import { join } from 'node:path';
import { failureReasons, jobTypes, type MailLogRow, type MailState, mailStates, noticeKinds, Tool } from './domain.ts';
import { integerAt, listAt, recordAt, textAt } from './fields.ts';
import type { Log } from './log.ts';
import { DurableFile, type DurableFileOptions, readDurable, spreadOf } from './store.ts';
import { atMost } from './time-limit.ts';

export interface MailLog {
  /** A later row of the same event takes the place of the earlier one. Never throws and never waits. */
  add(tool: string, rows: readonly MailLogRow[]): void;
  /** Newest first, by the time of the event; those included that are not on disk yet. */
  list(tool: Tool): Promise<readonly MailLogRow[]>;
  /** Writes what still waits, for 5 s at most. */
  stop(): Promise<void>;
}

export interface MailLogOptions {
  readonly directory: string;
  readonly log: Log;
  /** Ms since the epoch. */
  now(): number;
  /** As store.ts has it. */
  readonly mayWrite?: () => boolean;
  /** How long rows wait for others. Unset: 1 s. */
  readonly delayMs?: number;
}

interface MailLogFile {
  readonly v: 1;
  readonly tool: string;
  readonly rows: readonly MailLogRow[];
}

const maxRows = 1_000;
const keptMs = 14 * 24 * 3_600_000;
/** Rows in memory while the disk refuses them: of one tool, of all tools, and of one tool when all together have too many. */
const waitingLimits = { ofTool: maxRows, ofAll: 200_000, ofToolThen: 20 } as const;
/** A disk that refuses is asked less often. */
const refusedTimes = 10;
const stopGraceMs = 5_000;

/** Rows of one tool on their way to disk, oldest first. */
interface Slot {
  readonly tool: string;
  readonly file: DurableFile<MailLogFile>;
  waiting: readonly MailLogRow[];
  timer: NodeJS.Timeout | undefined;
}

export function createMailLog({ directory, log, now, mayWrite, delayMs = 1_000 }: MailLogOptions): MailLog {
  const slots = new Map<string, Slot>();
  const writing = new Set<Promise<void>>();
  let isStopping = false;
  let waitingInAll = 0;
  /** Said once, not for each tool. */
  let isRefused = false;

  function optionsOf(tool: string): DurableFileOptions<MailLogFile> {
    return {
      path: join(directory, spreadOf(tool), `${tool}.json`),
      parse: (value) => parse(value, tool),
      mayWrite,
      onBad: (keptAs, cause) => log.error({ tool, keptAs, err: cause }, 'a mail log cannot be read; it is set aside'),
    };
  }

  function add(tool: string, rows: readonly MailLogRow[]): void {
    if (!Tool.ofNamespace(`tool-${tool}`) || rows.length === 0) return;
    const slot = slots.get(tool) ?? { tool, file: new DurableFile(optionsOf(tool)), waiting: [], timer: undefined };
    slots.set(tool, slot);
    keep(slot, merge(slot.waiting, rows));
    if (slot.timer === undefined && !isStopping) slot.timer = setTimeout(() => start(slot), delayMs).unref();
  }

  function keep(slot: Slot, rows: readonly MailLogRow[]): void {
    const others = waitingInAll - slot.waiting.length;
    const { ofTool, ofAll, ofToolThen } = waitingLimits;
    slot.waiting = rows.slice(others + rows.length > ofAll ? -ofToolThen : -ofTool);
    waitingInAll = others + slot.waiting.length;
  }

  function start(slot: Slot): void {
    const written = write(slot).finally(() => writing.delete(written));
    writing.add(written);
  }

  /** The timer stands for the write as well: a slot has one at a time. */
  async function write(slot: Slot): Promise<void> {
    const batch = slot.waiting;
    let pauseMs = delayMs;
    try {
      const known = (await slot.file.read())?.rows ?? [];
      const since = now() - keptMs;
      const rows = merge(known, batch).filter(({ at }) => at > since);
      await slot.file.write({ v: 1, tool: slot.tool, rows: rows.slice(-maxRows) });
      const written = new Set(batch);
      keep(
        slot,
        slot.waiting.filter((row) => !written.has(row)),
      );
      if (isRefused) log.info({}, 'the mail logs can be written again');
      isRefused = false;
    } catch (error) {
      if (!isRefused) log.warn({ tool: slot.tool, err: error }, 'a mail log cannot be written; it is tried again');
      isRefused = true;
      pauseMs = delayMs * refusedTimes;
    }
    clearTimeout(slot.timer);
    slot.timer = undefined;
    if (slot.waiting.length === 0) slots.delete(slot.tool);
    else if (!isStopping) slot.timer = setTimeout(() => start(slot), pauseMs).unref();
  }

  async function writeTheRest(): Promise<void> {
    for (const { timer } of slots.values()) clearTimeout(timer);
    await Promise.all(writing);
    for (const slot of slots.values()) start(slot);
    await Promise.all(writing);
  }

  let stopping: Promise<void> | undefined;
  return {
    add,
    async list(tool) {
      // Before reading: what reaches the disk during it is in one of the two.
      const memory = slots.get(tool.name)?.waiting ?? [];
      const known = (await readDurable(optionsOf(tool.name)))?.rows ?? [];
      return (
        merge(known, memory)
          .slice(-maxRows)
          // Of two in the same moment, e.g. a start and an end, the one that was told later is the newer.
          .reverse()
          .sort((one, other) => other.at - one.at)
      );
    },
    stop() {
      isStopping = true;
      stopping ??= atMost(writeTheRest(), stopGraceMs);
      return stopping;
    },
  };
}

/** How far on its way each state is. */
const stages: Readonly<Record<MailState, number>> = {
  gathered: 0,
  sealed: 1,
  deferred: 2,
  parked: 2,
  withheld: 3,
  sent: 3,
  dropped: 3,
};

/** By event and way of telling; the state that is later or further counts: clocks are put back, and what was sent stays so. Oldest first, by their first row. */
function merge(known: readonly MailLogRow[], more: readonly MailLogRow[]): MailLogRow[] {
  const rows = new Map(known.map((row) => [keyOf(row), row]));
  for (const row of more) {
    const before = rows.get(keyOf(row));
    if (!before || row.since >= before.since || stages[row.state] >= stages[before.state]) rows.set(keyOf(row), row);
  }
  return [...rows.values()];
}

function keyOf({ id, via = 'mail' }: MailLogRow): string {
  return `${via} ${id}`;
}

/** @throws Error for a file of another version or tool; single rows that say nothing are left out */
function parse(value: unknown, tool: string): MailLogFile {
  if (integerAt(value, 'v') !== 1) throw new Error('The version of the file is not 1.');
  if (textAt(value, 'tool') !== tool) throw new Error('The file is not of this tool.');
  return { v: 1, tool, rows: listAt(value, 'rows').flatMap((entry) => parseRow(entry) ?? []) };
}

function parseRow(value: unknown): MailLogRow | undefined {
  const { at, since } = recordAt(value);
  const id = textAt(value, 'id');
  const jobName = textAt(value, 'jobName');
  const jobType = (Object.keys(jobTypes) as MailLogRow['jobType'][]).find((type) => type === textAt(value, 'jobType'));
  const kind = noticeKinds.find((one) => one === textAt(value, 'kind'));
  const state = mailStates.find((one) => one === textAt(value, 'state'));
  if (!id || jobName === undefined || !jobType || !kind || !state) return undefined;
  if (typeof at !== 'number' || typeof since !== 'number') return undefined;
  return {
    id,
    at,
    jobType,
    jobName,
    kind,
    reason: failureReasons.find((reason) => reason === textAt(value, 'reason')),
    state,
    since,
    why: textAt(value, 'why'),
    messageId: textAt(value, 'messageId'),
    ...(textAt(value, 'via') === 'webhook' ? { via: 'webhook' as const } : {}),
  };
}
