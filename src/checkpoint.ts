/**
 * How far the cluster's events have been taken in, on disk: `<state>/checkpoint.json`. The next daemon goes on from there, so it never says
 * more than is durable elsewhere: positions are taken first, then everything that follows from them is waited for, then they are written.
 * Made by daemon.ts, between the watch and the mailboxes.
 */
import type { Positions, WatchedKind } from './domain.ts';
import { amountAt, integerAt, listAt, recordAt, textAt } from './fields.ts';
import type { Log } from './log.ts';
import type { Gap } from './mailbox.ts';
import { DurableFile } from './store.ts';
import { atMost } from './time-limit.ts';

export interface CheckpointOptions {
  readonly path: string;
  /** Where the watches are: what came up to there has been handed on. */
  positions(): Positions;
  /** When those positions were the latest; ms since the epoch. */
  asOf(): number;
  /** From when firings of schedules are not all on record; ms since the epoch. */
  firingsFrom(): number;
  /** When the API server could not be reached. Unset: nobody knows. */
  outages?(): readonly Gap[];
  /** Resolves when everything that was handed on before the call is durable. */
  settled(): Promise<void>;
  /** ms since the epoch */
  now(): number;
  readonly log: Log;
  /** As store.ts has it. */
  readonly mayWrite?: () => boolean;
  /** Unset: 1,000. */
  readonly everyMs?: number;
}

/** Where an earlier daemon got to, as watch/jobs.ts takes it. */
export interface SavedCheckpoint {
  readonly positions: Positions;
  /** Until when nothing was missed; ms since the epoch, 0 where that is not known any more. */
  readonly asOf: number;
  /** As the options have it; undefined where an earlier release wrote none. */
  readonly firingsFrom: number | undefined;
  /** As the options have it. */
  readonly outages: readonly Gap[];
}

export interface Checkpoint {
  /** To be awaited before start(). @returns undefined where no daemon has been before. @throws what the disk says */
  load(): Promise<SavedCheckpoint | undefined>;
  /** Writes from now on, once in `everyMs` at most, where something has changed. */
  start(): void;
  /** When a daemon first wrote here; ms since the epoch. What happened before that is nobody's news. */
  since(): number;
  /** The last ones, oldest first. */
  gaps(): readonly Gap[];
  /** Gaps that touch become one: four watches tell of the same time. */
  addGap(gap: Gap): void;
  stats(): CheckpointStats;
  /** Once started, writes once more, for 5 s at most; nothing is written afterwards. */
  stop(): Promise<void>;
}

export interface CheckpointStats {
  /** When it was last written; undefined before the first time. */
  readonly savedAt: number | undefined;
  /** Writes that failed. */
  readonly failed: number;
  readonly gaps: number;
}

interface Saved extends SavedCheckpoint {
  readonly v: 1;
  readonly since: number;
  readonly gaps: readonly Gap[];
}

const kinds: readonly WatchedKind[] = ['Pod', 'Job', 'CronJob', 'Deployment'];
const none: readonly never[] = [];
const maxGaps = 20;
const gapsKeptMs = 7 * 24 * 3_600_000;
const stopGraceMs = 5_000;

export function createCheckpoint(options: CheckpointOptions): Checkpoint {
  const { path, positions, asOf, firingsFrom, outages = () => none, settled, now, log, everyMs = 1_000 } = options;
  let isDamaged = false;
  const file = new DurableFile<Saved>({
    path,
    parse,
    mayWrite: options.mayWrite,
    onBad(keptAs, cause) {
      isDamaged = true;
      log.error(
        { keptAs, err: cause },
        'the checkpoint cannot be read; it is set aside, and what happened since the last one may go untold',
      );
    },
  });
  let since = now();
  let gaps: readonly Gap[] = [];
  /** Undefined where the file has to be written whatever has changed. */
  let saved: Pick<Saved, 'positions' | 'gaps' | 'outages'> | undefined = { positions: {}, gaps, outages: none };
  let savedAt: number | undefined;
  let failures = 0;
  let failed = 0;
  let timer: NodeJS.Timeout | undefined;
  let saving: Promise<void> | undefined;
  /** Before that the positions are not known: they must not take the place of those on disk. */
  let isStarted = false;
  let isOver = false;

  async function load(): Promise<SavedCheckpoint | undefined> {
    const found = await file.read();
    if (!found && !isDamaged) return undefined;
    if (!found) {
      // A daemon that is killed now must not leave the next one believing that it is the first.
      saved = undefined;
      return { positions: {}, asOf: 0, firingsFrom: undefined, outages: none };
    }
    since = found.since;
    gaps = found.gaps;
    saved = found;
    savedAt = found.asOf;
    const { positions: last, asOf: known, firingsFrom: accountedFrom, outages: away } = found;
    return { positions: last, asOf: known, firingsFrom: accountedFrom, outages: away };
  }

  function addGap(gap: Gap): void {
    const touching = gaps.filter((one) => one.from <= gap.to && gap.from <= one.to);
    const whole = {
      from: Math.min(gap.from, ...touching.map(({ from }) => from)),
      to: Math.max(gap.to, ...touching.map(({ to }) => to)),
    };
    const others = gaps.filter((one) => !touching.includes(one));
    gaps = [...others, whole].sort((one, other) => one.to - other.to).slice(-maxGaps);
  }

  function recent(): readonly Gap[] {
    const since = now() - gapsKeptMs;
    return gaps.filter(({ to }) => to >= since);
  }

  /** One at a time; whoever asks meanwhile waits for the one under way. */
  function save(): Promise<void> {
    saving ??= write().finally(() => {
      saving = undefined;
    });
    return saving;
  }

  async function write(): Promise<void> {
    const times = { asOf: asOf(), firingsFrom: firingsFrom(), gaps, outages: outages() };
    const next: Saved = { v: 1, since, positions: positions(), ...times };
    const isAsSaved = saved && next.gaps === saved.gaps && areSame(next.outages, saved.outages);
    if (saved && isAsSaved && isSame(next.positions, saved.positions)) return;
    try {
      await settled();
      if (isOver) return;
      await file.write({ ...next, gaps: recent() });
    } catch (error) {
      failed += 1;
      failures += 1;
      if (failures === 1) log.warn({ path, err: error }, 'the checkpoint cannot be written; it is tried again');
      return;
    }
    if (failures > 0) log.info({ path, failures }, 'the checkpoint is written again');
    failures = 0;
    saved = next;
    savedAt = now();
  }

  function plan(): void {
    timer = setTimeout(() => void save().then(() => isOver || plan()), everyMs);
    timer.unref();
  }

  async function finish(): Promise<void> {
    clearTimeout(timer);
    // What is under way may be older than what is known now.
    if (isStarted) await atMost((saving ?? Promise.resolve()).then(save), stopGraceMs);
    isOver = true;
    clearTimeout(timer);
  }

  let stopping: Promise<void> | undefined;
  return {
    load,
    start() {
      isStarted = true;
      plan();
    },
    since: () => since,
    gaps: recent,
    addGap,
    stats: () => ({ savedAt, failed, gaps: recent().length }),
    stop() {
      stopping ??= finish();
      return stopping;
    },
  };
}

function isSame(one: Positions, other: Positions): boolean {
  return kinds.every((kind) => one[kind] === other[kind]);
}

function areSame(some: readonly Gap[], others: readonly Gap[]): boolean {
  const isAsIn = ({ from, to }: Gap, at: number) => others[at]?.from === from && others[at]?.to === to;
  return some === others || (some.length === others.length && some.every(isAsIn));
}

/** What etcd counts in, and nothing that an API server would have to refuse. */
const version = /^\d{1,40}$/;

/** @throws Error for a file of another version or shape: a wrong position would hide what happened */
function parse(value: unknown): Saved {
  if (integerAt(value, 'v') !== 1) throw new Error('The version of the file is not 1.');
  const asOf = amountAt(value, 'asOf');
  const since = amountAt(value, 'since');
  if (asOf === undefined || since === undefined) throw new Error('The file does not say how old it is.');
  const positions: Partial<Record<WatchedKind, string>> = {};
  for (const kind of kinds) {
    const text = textAt(value, 'positions', kind);
    if (text !== undefined && version.test(text)) positions[kind] = text;
    else if (text !== undefined || recordAt(value, 'positions')[kind] !== undefined)
      throw new Error(`The position of ${kind} is none.`);
  }
  const firingsFrom = amountAt(value, 'firingsFrom');
  return {
    v: 1,
    since,
    positions,
    asOf,
    firingsFrom,
    gaps: listAt(value, 'gaps').flatMap((entry) => parseGap(entry) ?? []),
    outages: listAt(value, 'outages').flatMap((entry) => parseGap(entry) ?? []),
  };
}

function parseGap(value: unknown): Gap | undefined {
  const from = amountAt(value, 'from');
  const to = amountAt(value, 'to');
  return from === undefined || to === undefined || to < from ? undefined : { from, to };
}
