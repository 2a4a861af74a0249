/**
 * Records of runs that have ended, on disk: daemon.ts hands in each end, the server reads the records of one job. Nothing of them stays in
 * memory but what has not reached the disk yet; while the disk refuses, that waits, and is tried again.
 */
import { readdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type JobKey, type LastGood, type RunEnd, type RunRecord, Tool, typeOfKind } from './domain.ts';
import type { Log } from './log.ts';
import {
  emptyRunFile,
  isSameFiring,
  keptRuns,
  laterGood,
  mergeRuns,
  type RunLimits,
  runFileOptions,
  runFilePath,
} from './run-file.ts';
import { runFilesIn, sweepRuns } from './run-sweep.ts';
import { openDurable, readDurable } from './store.ts';
import { atMost } from './time-limit.ts';

export interface RunRecords {
  /** Never throws and never waits. The same end told again changes nothing. */
  add(end: RunEnd): void;
  /** A continuous job does well: it has no runs that end. Never throws and never waits. */
  addGood(key: JobKey, good: LastGood): void;
  /** Newest first, the ones included that are not on disk yet. */
  list(tool: Tool, job: string): Promise<readonly RunRecord[]>;
  /** The records of each part of a job, also of those that are gone. */
  listParts(tool: Tool, group: string): Promise<readonly PartRuns[]>;
  /** What became of the firing that `end` is about, as far as that is known. */
  ofFiring(tool: Tool, end: RunEnd): Promise<RunRecord | undefined>;
  /** The last time it did well; undefined where nobody knows of one. */
  lastGood(tool: Tool, job: string): Promise<LastGood | undefined>;
  /** Resolves when everything added before is on disk, or was let go. */
  settled(): Promise<void>;
  stats(): RunRecordStats;
  /** Writes what still waits, for 5 s at most. */
  stop(): Promise<void>;
}

export interface PartRuns {
  readonly part: string;
  /** As of list(). */
  readonly runs: readonly RunRecord[];
}

export interface RunRecordStats {
  /** Records not on disk yet. */
  readonly waiting: number;
  /** Let go, because too many waited. */
  readonly dropped: number;
  /** Writes that failed. */
  readonly failed: number;
}

export interface RunRecordsOptions {
  readonly directory: string;
  readonly log: Log;
  /** Asked at the moment of use. Unset: the newest 100, however old. */
  keeps?(): RunLimits;
  /** Told of a job of which no records are kept any more. Must not throw. Unset: nobody wants to know. */
  onForgotten?(tool: Tool, job: string): void;
  /** As store.ts has it. */
  readonly mayWrite?: () => boolean;
  /** Unset: as in production. */
  readonly limits?: Partial<typeof usualLimits>;
}

const usualLimits = {
  /** Records in memory while the disk refuses them. */
  waiting: 10_000,
  /** Files of one tool, so that names that are never used again do not fill the disk; the ones longest untouched go. */
  jobsPerTool: 500,
  firstPauseMs: 1_000,
  /** From one look for old files to the next; 256 of them see them all. */
  sweepEveryMs: 300_000,
};
const longestPauseMs = 60_000;
const writesAtOnce = 8;
const stopGraceMs = 5_000;

/** One job's records on their way to disk. */
interface Slot {
  readonly tool: Tool;
  readonly job: string;
  readonly path: string;
  waiting: readonly RunRecord[];
  good: LastGood | undefined;
  /** Who waits for what was added up to now. */
  waiters: (() => void)[];
  failures: number;
  timer?: NodeJS.Timeout;
}

const newestHundred = (): RunLimits => ({ perJob: 100, oldest: 0 });

export function createRunRecords(options: RunRecordsOptions): RunRecords {
  const { directory, log, limits, mayWrite, keeps = newestHundred, onForgotten } = options;
  const { waiting: maxWaiting, jobsPerTool, firstPauseMs, sweepEveryMs } = { ...usualLimits, ...limits };
  const slots = new Map<string, Slot>();
  /** Slots with something to write; every other one pauses after a failure. */
  const due = new Set<Slot>();
  const busy = new Set<Slot>();
  const writing = new Set<Promise<void>>();
  let [waiting, dropped, failed] = [0, 0, 0];

  function add({ key, ran, pod: _, ...end }: RunEnd): void {
    const slot = slotOf(key);
    if (!slot) return;
    const { imageDigest } = ran ?? {};
    const what = imageDigest === undefined ? {} : { imageDigest };
    keep(slot, mergeRuns(slot.waiting, [{ ...end, type: typeOfKind[key.kind], ...what }]));
    if (end.outcome === 'succeeded' && ran)
      slot.good = laterGood(slot.good, { at: end.finishedAt ?? end.createdAt, ran });
    if (slot.timer === undefined) start(slot);
  }

  function addGood(key: JobKey, good: LastGood): void {
    const slot = slotOf(key);
    if (!slot) return;
    slot.good = laterGood(slot.good, good);
    if (slot.timer === undefined) start(slot);
  }

  /** @returns undefined for what has no file, and where too much waits already */
  function slotOf(key: JobKey): Slot | undefined {
    const tool = Tool.ofNamespace(key.namespace);
    const path = tool && runFilePath(directory, tool, key.name);
    if (!tool || !path) return undefined;
    if (waiting >= maxWaiting) {
      dropped += 1;
      if (dropped === 1) log.error({ directory }, 'records of runs are lost: the disk takes none, and too many wait');
      return undefined;
    }
    const slot = slots.get(path) ?? {
      tool,
      job: key.name,
      path,
      waiting: [],
      good: undefined,
      waiters: [],
      failures: 0,
    };
    slots.set(path, slot);
    return slot;
  }

  function keep(slot: Slot, runs: readonly RunRecord[]): void {
    waiting += runs.length - slot.waiting.length;
    slot.waiting = runs;
  }

  function start(slot: Slot): void {
    due.add(slot);
    pump();
  }

  /** A slot that is being written is not due; what is added to it meanwhile makes it due again. */
  function pump(): void {
    for (const slot of due) {
      if (writing.size >= writesAtOnce) return;
      if (busy.has(slot)) continue;
      due.delete(slot);
      busy.add(slot);
      const written = write(slot).finally(() => {
        busy.delete(slot);
        writing.delete(written);
        pump();
      });
      writing.add(written);
    }
  }

  async function write(slot: Slot): Promise<void> {
    const { waiting: batch, good } = slot;
    const waiters = slot.waiters.splice(0);
    try {
      await store(slot, batch, good);
    } catch (error) {
      failed += 1;
      slot.failures += 1;
      slot.waiters.unshift(...waiters);
      if (slot.failures === 1)
        log.warn({ path: slot.path, err: error }, 'a record of a run cannot be written; it waits');
      pause(slot);
      return;
    }
    slot.failures = 0;
    for (const answer of waiters) answer();
    keep(
      slot,
      slot.waiting.filter((run) => !batch.includes(run)),
    );
    if (slot.waiting.length > 0 || slot.good !== good) due.add(slot);
    else {
      slots.delete(slot.path);
      for (const answer of slot.waiters) answer();
    }
  }

  async function store({ path, tool, job }: Slot, batch: readonly RunRecord[], good?: LastGood): Promise<void> {
    const low = await openDurable(runFileOptions(path, tool, job, fileOptions), emptyRunFile(tool, job));
    const isNew = low.data.runs.length === 0 && !low.data.good;
    const known = low.data.runs;
    const runs = mergeRuns(known, batch);
    const later = laterGood(low.data.good, good);
    if (runs === known && later === low.data.good) return;
    low.data.runs = keptRuns(runs, keeps());
    if (later) low.data.good = later;
    await low.write();
    if (isNew) await prune(tool, dirname(path)).catch((err) => log.warn({ path, err }, 'old records stay'));
  }

  function pause(slot: Slot): void {
    if (stopping) return;
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (slot.failures - 1));
    slot.timer = setTimeout(() => {
      delete slot.timer;
      start(slot);
    }, pauseMs);
    slot.timer.unref();
  }

  let swept = 0;
  const sweeping = setInterval(() => {
    if (mayWrite?.() === false) return;
    const isBusy = (path: string) => slots.has(path);
    const found = { directory, number: swept++ % 256, oldest: keeps().oldest, isBusy };
    void sweepRuns({ ...found, onForgotten: (tool, job) => onForgotten?.(tool, job) }).catch((err: unknown) =>
      log.warn({ directory, err }, 'old records stay'),
    );
  }, sweepEveryMs);
  sweeping.unref();

  const sayBad = (keptAs: string, cause: unknown) =>
    log.error({ keptAs, err: cause }, 'a file of run records cannot be read; it is set aside');
  const fileOptions = { onBad: sayBad, mayWrite };

  let stopping: Promise<void> | undefined;

  async function finish(): Promise<void> {
    clearInterval(sweeping);
    for (const slot of slots.values()) {
      clearTimeout(slot.timer);
      due.add(slot);
    }
    pump();
    await atMost(settled(), stopGraceMs);
    if (waiting > 0) log.error({ records: waiting }, 'records of runs are lost: the disk did not take them');
  }

  async function settled(): Promise<void> {
    while (writing.size > 0) await Promise.all(writing);
  }

  async function list(tool: Tool, job: string): Promise<readonly RunRecord[]> {
    const path = runFilePath(directory, tool, job);
    if (!path) return [];
    // Before reading: what reaches the disk during it is in one of the two.
    const memory = slots.get(path)?.waiting ?? [];
    const onDisk = await readDurable(runFileOptions(path, tool, job, fileOptions));
    return keptRuns(mergeRuns(onDisk?.runs ?? [], memory), keeps());
  }

  /** Leaves a fifth over, so that a directory at its bound is not looked through for every new job. */
  async function prune(tool: Tool, ofTool: string): Promise<void> {
    const files = await runFilesIn(ofTool);
    if (files.length <= jobsPerTool * 1.2) return;
    for (const { job, path } of files.slice(0, files.length - jobsPerTool)) {
      await rm(path, { force: true });
      onForgotten?.(tool, job);
    }
  }

  async function listParts(tool: Tool, group: string): Promise<readonly PartRuns[]> {
    const own = runFilePath(directory, tool, group);
    if (!own) return [];
    const onDisk = await readdir(dirname(own)).catch(() => []);
    const names = [...onDisk.map((name) => name.replace(/\.json$/, '')), ...jobsInMemory(tool)];
    const parts = [...new Set(names)].filter((name) => name.startsWith(`${group}-`));
    const found = await Promise.all(
      parts.map(async (part) => ({ part, runs: (await list(tool, part)).filter((run) => run.group === group) })),
    );
    return found.filter(({ runs }) => runs.length > 0);
  }

  function jobsInMemory(tool: Tool): string[] {
    return [...slots.values()].flatMap((slot) => (slot.tool.name === tool.name ? [slot.job] : []));
  }

  return {
    add,
    addGood,
    list,
    listParts,
    ofFiring: async (tool, end) => (await list(tool, end.key.name)).find((run) => isSameFiring(run, end)),
    async lastGood(tool, job) {
      const path = runFilePath(directory, tool, job);
      if (!path) return undefined;
      const memory = slots.get(path)?.good;
      return laterGood((await readDurable(runFileOptions(path, tool, job, fileOptions)))?.good, memory);
    },
    async settled() {
      await Promise.all([...slots.values()].map(({ waiters }) => new Promise<void>((answer) => waiters.push(answer))));
    },
    stats: () => ({ waiting, dropped, failed }),
    stop() {
      stopping ??= finish();
      return stopping;
    },
  };
}
