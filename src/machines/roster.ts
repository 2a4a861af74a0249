/**
 * All jobs of all tools: one running root actor per job, by namespace. It is what list and show are answered from. Made by daemon.ts,
 * fed by the watch and by the replies to writes. Nothing here ever looks at more than one tool's jobs at a time.
 */
import { createActor } from 'xstate';
import {
  type Errand,
  type JobChange,
  type JobEvent,
  type JobKey,
  type JobSnapshot,
  type KubeKind,
  keyText,
  type Notice,
  type RunEnd,
  type RunRecord,
  type RunUsage,
} from '../domain.ts';
import type { Log } from '../log.ts';
import { longestTimerMs } from '../time-limit.ts';
import type { MissedFiring } from './firings.ts';
import { type JobActor, type JobSurroundings, jobMachine, showJob } from './job.ts';
import type { JobFacts } from './job-facts.ts';

export interface JobRoster {
  /** Takes a fact at once: what list() answers afterwards shows it. Never throws. */
  accept(event: JobEvent): void;
  /** Takes what is known by now of a firing that a job has told to be missed, and tells whoever listens and `onRunEnded`. Never throws. */
  announce(end: RunEnd): void;
  /** What the cluster says of the pod that it does not make for a run. Never throws. */
  refuse(key: JobKey, refused: { readonly run: string; readonly says: string }): void;
  /** Scheduled jobs that have not been told of their last runs. */
  unrecalled(namespace: string): readonly JobKey[];
  /** Tells a job what is on record of its runs, newest first. Never throws. */
  recall(key: JobKey, runs: readonly RunRecord[]): void;
  /** To be called when graces have changed: what is told when is reckoned anew, for what lasts already as well. Never throws. */
  replan(): void;
  /** One-off, scheduled and continuous jobs, each by name. The same array, and the same snapshots in it, as long as nothing changed. */
  list(namespace: string): readonly JobSnapshot[];
  /** Of all jobs there are, listed or not. */
  namespaces(): Iterable<string>;
  /** Where two kinds carry the name, the first in the order of list(). */
  find(namespace: string, name: string): JobSnapshot | undefined;
  /** True once none of these lives has an object any more; false after `timeoutMs`, or when the waiting is ended. */
  whenGone(namespace: string, lives: readonly Life[], timeoutMs: number): Promise<boolean>;
  /** Whoever waits in whenGone() hears false now. */
  endWaiting(): void;
  /** Calls `listener`, which must not throw, at once with every change of this namespace's jobs. @returns what ends that */
  subscribe(namespace: string, listener: JobListener): () => void;
  /** Jobs with anything left of them, listed or not. */
  size(): number;
  /** Actors that failed, since the start. */
  failures(): number;
  /** Ends everything; who still waits for a job to be gone hears false. */
  stop(): void;
}

export type JobListener = (change: JobChange) => void;

export interface JobRosterOptions {
  readonly log: Log;
  /** Called once for each run that has ended; must not throw. Unset: nobody wants to know. */
  onRunEnded?(end: RunEnd): void;
  /** What a run has used, as far as that was measured; must not throw. Unset: nobody measures. */
  usageOf?(end: RunEnd): RunUsage;
  /** Called once for each thing that happened to a job; must not throw. Unset: nobody wants to know. */
  onNotice?(notice: Notice): void;
  /** Called once for each firing of a schedule that became no run; must not throw. Unset: nobody wants to know. */
  onFiringMissed?(missed: MissedFiring): void;
  /** Called for what has to be done for a job without being asked; must not throw. Unset: nobody does it. */
  onErrand?(errand: Errand): void;
  /** How long something has to last before it is told. Unset: for ever. */
  readonly around?: JobSurroundings;
  /** Unset: the job machine. Tests hand in one with a mistake in it. */
  readonly machine?: typeof jobMachine;
}

interface Entry {
  readonly key: JobKey;
  readonly actor: JobActor;
  shown: JobSnapshot | undefined;
}

/** One life of a job. */
export interface Life {
  readonly key: JobKey;
  readonly uid: string;
}

interface Waiter {
  readonly lives: readonly Life[];
  /** To be called once. */
  readonly answer: (isGone: boolean) => void;
}

/** One tool's namespace; there as long as it holds anything. */
interface Room {
  readonly jobs: Map<string, Entry>;
  readonly waiters: Set<Waiter>;
  /** Those of scheduled jobs that have not been told of their last runs. */
  readonly unrecalled: Set<JobKey>;
  /** Undefined when it has to be put together again. */
  listed: readonly JobSnapshot[] | undefined;
}

const kinds: readonly KubeKind[] = ['Job', 'CronJob', 'Deployment'];
const nothing: readonly JobSnapshot[] = [];

export function createJobRoster(options: JobRosterOptions): JobRoster {
  const { log, machine = jobMachine, onRunEnded, usageOf, onNotice, onFiringMissed, onErrand, around } = options;
  const rooms = new Map<string, Room>();
  const listeners = new Map<string, Set<JobListener>>();
  const buried = createBuried();
  let size = 0;
  let failures = 0;

  function accept(event: JobEvent): void {
    const { key } = event;
    if (buried.has(key, uidOf(event))) return;
    const found = rooms.get(key.namespace)?.jobs.get(keyText(key));
    if (!found && isGoodbye(event)) {
      buried.add(key, [event.uid]);
      return;
    }
    const room = roomOf(key.namespace);
    const entry = found ?? listened(open(room, key));
    const before = entry.actor.getSnapshot();
    entry.actor.send(event);
    const after = entry.actor.getSnapshot();
    if (after.status === 'error') revive(room, entry, before.context);
    else if (after !== before) settle(room, entry, after);
    else if (!found) close(room, entry);
  }

  function replan(): void {
    for (const room of [...rooms.values()]) {
      for (const entry of [...room.jobs.values()]) {
        const before = entry.actor.getSnapshot();
        entry.actor.send({ type: 'graces.changed' });
        if (entry.actor.getSnapshot().status === 'error') revive(room, entry, before.context);
      }
    }
  }

  /** An actor that fails is a mistake of ours over one event: it is made anew from what it knew before, without that event. */
  function revive(room: Room, failed: Entry, facts: JobFacts): void {
    close(room, failed);
    buried.add(failed.key, facts.gone);
    const entry = open(room, failed.key);
    for (const event of replay(facts)) {
      if (entry.actor.getSnapshot().status === 'active') entry.actor.send(event);
    }
    // What ended before was told before.
    listened(entry);
    const after = entry.actor.getSnapshot();
    if (after.status === 'error' || knowsNothing(after.context)) close(room, entry);
    else settle(room, entry, after);
    changed(failed.key.namespace, room);
  }

  function settle(room: Room, entry: Entry, snapshot: ReturnType<JobActor['getSnapshot']>): void {
    const shown = showJob(snapshot);
    const before = entry.shown;
    if (shown !== undefined || before !== undefined) room.listed = undefined;
    entry.shown = shown;
    if (listeners.size > 0) tell(entry, before);
    if (snapshot.status === 'done') {
      buried.add(entry.key, snapshot.context.gone);
      close(room, entry);
    }
    changed(entry.key.namespace, room);
  }

  function tell({ key, shown }: Entry, before: JobSnapshot | undefined): void {
    const interested = listeners.get(key.namespace);
    if (!interested) return;
    for (const listener of interested) {
      if (before && before.object.uid !== shown?.object.uid)
        listener({ type: 'job.gone', key, uid: before.object.uid });
      if (shown) listener({ type: 'job.changed', job: shown });
    }
  }

  function runEnded({ end: known }: { readonly end: RunEnd }): void {
    const end = { ...known, ...usageOf?.(known) };
    onRunEnded?.(end);
    for (const listener of listeners.get(end.key.namespace) ?? []) listener({ type: 'run.ended', end });
  }

  function announce(end: RunEnd): void {
    runEnded({ end });
    const { key, outcome, jobUid } = end;
    const room = rooms.get(key.namespace);
    const entry = room?.jobs.get(keyText(key));
    if (!room || !entry || outcome !== 'skipped' || entry.shown?.object.uid !== jobUid) return;
    tellMore(room, entry, { type: 'firing.explained', end });
    if (!entry.actor.getSnapshot().context.isRecalled) room.unrecalled.add(entry.key);
  }

  function refuse(key: JobKey, { run, says }: Parameters<JobRoster['refuse']>[1]): void {
    const room = rooms.get(key.namespace);
    const entry = room?.jobs.get(keyText(key));
    if (room && entry?.shown) tellMore(room, entry, { type: 'run.refused', run, says });
  }

  function unrecalled(namespace: string): readonly JobKey[] {
    const room = rooms.get(namespace);
    return [...(room?.unrecalled ?? [])].filter((key) => room?.jobs.get(keyText(key))?.shown);
  }

  function recall(key: JobKey, runs: readonly RunRecord[]): void {
    const room = rooms.get(key.namespace);
    const entry = room?.jobs.get(keyText(key));
    if (!room || !entry?.shown) return;
    tellMore(room, entry, { type: 'runs.recalled', runs });
    if (entry.actor.getSnapshot().context.isRecalled) room.unrecalled.delete(entry.key);
  }

  /** Something that no watch tells. */
  function tellMore(room: Room, entry: Entry, event: Parameters<JobActor['send']>[0]): void {
    const before = entry.actor.getSnapshot();
    entry.actor.send(event);
    const after = entry.actor.getSnapshot();
    if (after.status === 'error') revive(room, entry, before.context);
    else settle(room, entry, after);
  }

  function subscribe(namespace: string, listener: JobListener): () => void {
    const interested = listeners.get(namespace) ?? new Set();
    listeners.set(namespace, interested.add(listener));
    return () => {
      interested.delete(listener);
      if (interested.size === 0 && listeners.get(namespace) === interested) listeners.delete(namespace);
    };
  }

  function changed(namespace: string, room: Room): void {
    for (const waiter of room.waiters) {
      if (areGone(room, waiter.lives)) waiter.answer(true);
    }
    if (room.jobs.size === 0 && room.waiters.size === 0) rooms.delete(namespace);
  }

  function roomOf(namespace: string): Room {
    const found = rooms.get(namespace);
    if (found) return found;
    const room: Room = { jobs: new Map(), waiters: new Set(), unrecalled: new Set(), listed: undefined };
    rooms.set(namespace, room);
    return room;
  }

  function open(room: Room, key: JobKey): Entry {
    const actor = createActor(machine, { input: around ? { key, around } : { key } });
    actor.subscribe({
      error(error) {
        failures += 1;
        log.error({ namespace: key.namespace, kind: key.kind, name: key.name, err: error }, 'a job actor failed');
      },
    });
    actor.start();
    const entry: Entry = { key, actor, shown: undefined };
    room.jobs.set(keyText(key), entry);
    if (key.kind === 'CronJob') room.unrecalled.add(key);
    size += 1;
    return entry;
  }

  function listened(entry: Entry): Entry {
    entry.actor.on('run.ended', runEnded);
    if (onNotice) entry.actor.on('notice', ({ notice }) => onNotice(notice));
    if (onFiringMissed) entry.actor.on('firing.missed', ({ missed }) => onFiringMissed(missed));
    if (onErrand) entry.actor.on('errand', ({ errand }) => onErrand(errand));
    return entry;
  }

  function close(room: Room, entry: Entry): void {
    entry.actor.stop();
    room.jobs.delete(keyText(entry.key));
    room.unrecalled.delete(entry.key);
    room.listed = undefined;
    size -= 1;
  }

  function list(namespace: string): readonly JobSnapshot[] {
    const room = rooms.get(namespace);
    if (!room) return nothing;
    room.listed ??= [...room.jobs.values()].flatMap(({ shown }) => shown ?? []).sort(byKindAndName);
    return room.listed;
  }

  function find(namespace: string, name: string): JobSnapshot | undefined {
    const jobs = rooms.get(namespace)?.jobs;
    for (const kind of kinds) {
      const shown = jobs?.get(keyText({ namespace, kind, name }))?.shown;
      if (shown) return shown;
    }
    return undefined;
  }

  function whenGone(namespace: string, lives: readonly Life[], timeoutMs: number): Promise<boolean> {
    const room = roomOf(namespace);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        lives,
        answer(isGone) {
          clearTimeout(timer);
          room.waiters.delete(waiter);
          resolve(isGone);
        },
      };
      const giveUp = () => {
        waiter.answer(false);
        changed(namespace, room);
      };
      const timer = setTimeout(giveUp, Math.min(timeoutMs, longestTimerMs));
      room.waiters.add(waiter);
      changed(namespace, room);
    });
  }

  function endWaiting(): void {
    for (const room of rooms.values()) {
      for (const waiter of room.waiters) waiter.answer(false);
    }
  }

  return {
    namespaces: () => rooms.keys(),
    accept,
    announce,
    refuse,
    unrecalled,
    recall,
    replan,
    list,
    find,
    whenGone,
    endWaiting,
    subscribe,
    size: () => size,
    failures: () => failures,
    stop() {
      endWaiting();
      for (const room of rooms.values()) {
        for (const { actor } of room.jobs.values()) actor.stop();
      }
      rooms.clear();
      listeners.clear();
      size = 0;
    },
  };
}

function areGone(room: Room, lives: readonly Life[]): boolean {
  return lives.every(({ key, uid }) => room.jobs.get(keyText(key))?.shown?.object.uid !== uid);
}

function byKindAndName({ key: one }: JobSnapshot, { key: other }: JobSnapshot): number {
  return kinds.indexOf(one.kind) - kinds.indexOf(other.kind) || (one.name < other.name ? -1 : 1);
}

type Goodbye = Extract<JobEvent, { readonly uid: string }>;

function isGoodbye(event: JobEvent): event is Goodbye {
  return 'uid' in event;
}

function uidOf(event: JobEvent): string {
  switch (event.type) {
    case 'object.seen':
      return event.object.uid;
    case 'run.seen':
      return event.run.uid;
    case 'pod.seen':
      return event.pod.uid;
    default:
      return event.uid;
  }
}

function knowsNothing({ object, runs, pods }: JobFacts): boolean {
  return object === undefined && runs.length === 0 && pods.length === 0;
}

/** Facts as the events that tell them. */
function* replay({ key, object, runs, pods }: JobFacts): Generator<JobEvent> {
  if (object) yield { type: 'object.seen', key, object };
  for (const run of runs) yield { type: 'run.seen', key, run };
  for (const pod of pods) yield { type: 'pod.seen', key, pod };
}

const maxBuried = 10_000;

/**
 * Uids of which the end was told and whose actor is no more, so that an event which comes late does not bring the job back. The latest
 * 10,000: late means seconds.
 */
function createBuried() {
  const graves = new Set<string>();
  const graveOf = (key: JobKey, uid: string) => `${key.namespace}/${keyText(key)}/${uid}`;
  return {
    has: (key: JobKey, uid: string) => graves.size > 0 && graves.has(graveOf(key, uid)),
    add(key: JobKey, uids: readonly string[]) {
      for (const uid of uids) graves.add(graveOf(key, uid));
      for (const grave of graves) {
        if (graves.size <= maxBuried) break;
        graves.delete(grave);
      }
    },
  };
}
