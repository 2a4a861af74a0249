/**
 * A few reader processes shared by all tools, so that no home can keep the others waiting. Rules, all of them local to this file:
 * - one question of a tool at a time, and one reader at most for all tools whose last question hung;
 * - one file system never has all readers: the last one stays free for tools on another;
 * - a question over its deadline costs its reader its life. Until the process is really gone it counts as a reader, its tool is refused at
 *   once, and when a file system (or the whole base) has no reader left, so is everybody on it;
 * - whoever hung is tried again after seconds, so that recovery needs nobody.
 */
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import {
  type ReaderAnswer,
  type ReaderPlace,
  type ReaderProcess,
  type ReaderQuestion,
  startReaderProcess,
} from './home-reader-process.ts';
import { deviceOf, type Mount, readMounts } from './mounts.ts';

export interface ReadersOptions {
  readonly reader: ReaderPlace;
  readonly log: Log;
  readonly maxReaders: number;
  readonly deadlineMs: number;
  /** Questions waiting for a reader, of all tools. */
  readonly maxQueue: number;
  /** Who hung is left alone for so long; twice as long after each further time, 5 s at most. */
  readonly pauseMs: number;
}

export interface ReadersHealth {
  readonly running: number;
  /** Killed, but not gone yet: their file system does not answer. */
  readonly stuck: number;
  readonly waiting: number;
}

export interface Readers {
  /** @throws AppError `home.unavailable` when no answer came or comes in time */
  ask(question: ReaderQuestion): Promise<ReaderAnswer>;
  health(): ReadersHealth;
  stop(): Promise<void>;
}

interface Job {
  readonly question: ReaderQuestion;
  readonly device: string;
  readonly resolve: (answer: ReaderAnswer) => void;
  readonly reject: (error: AppError) => void;
  waitTimer: NodeJS.Timeout | undefined;
  crashes: number;
}

interface Reader {
  readonly process: ReaderProcess;
  state: 'starting' | 'idle' | 'busy' | 'stuck' | 'leaving';
  job: Job | undefined;
  idleTimer: NodeJS.Timeout | undefined;
}

/** What is remembered of a tool or a file system that hung, until it answers again. */
interface Trouble {
  hangs: number;
  until: number;
}

const startDeadlineMs = 10_000;
const queueWaitMs = 5_000;
const idleReaderMs = 30_000;
const mountsMaxAgeMs = 2_000;
const longestPauseMs = 5_000;
/** So many hangs in a row, of different tools, are the file system's. */
const hangsOfDevice = 3;

export function createReaders({
  reader: place,
  log,
  maxReaders,
  deadlineMs,
  maxQueue,
  pauseMs,
}: ReadersOptions): Readers {
  const readers = new Set<Reader>();
  const tools = new Map<string, Trouble>();
  const devices = new Map<string, Trouble>();
  const perDevice = Math.max(1, maxReaders - 1);
  let queue: Job[] = [];
  let mounts: { list: readonly Mount[]; readAt: number } = { list: [], readAt: Number.NEGATIVE_INFINITY };
  let startFailedAt = Number.NEGATIVE_INFINITY;
  let stopped = false;

  const count = (matches: (reader: Reader) => boolean) => [...readers].filter(matches).length;
  const stuckOn = (matches: (job: Job) => boolean) =>
    count((one) => one.state === 'stuck' && one.job !== undefined && matches(one.job));
  const takenBy = (matches: (job: Job) => boolean) => count((one) => one.job !== undefined && matches(one.job));
  const isSuspect = (job: Job) => tools.has(job.question.tool);
  const sameTool = (job: Job) => (other: Job) => other.question.tool === job.question.tool;
  const sameDevice = (job: Job) => (other: Job) => other.device === job.device;

  /** Seconds to stay away, or undefined when the question may wait for a reader. */
  function refusal(job: Job): number | undefined {
    const now = performance.now();
    if (stopped || now - startFailedAt < 1_000) return 1;
    if (
      count((one) => one.state === 'stuck') >= maxReaders ||
      stuckOn(sameDevice(job)) >= perDevice ||
      stuckOn(sameTool(job)) > 0
    )
      return 5;
    const until = Math.max(tools.get(job.question.tool)?.until ?? 0, devices.get(job.device)?.until ?? 0);
    return until > now ? Math.ceil((until - now) / 1000) : undefined;
  }

  function canStart(job: Job): boolean {
    if (takenBy(sameTool(job)) > 0 || (isSuspect(job) && takenBy(isSuspect) > 0)) return false;
    const limit = (devices.get(job.device)?.hangs ?? 0) >= hangsOfDevice ? 1 : perDevice;
    return takenBy(sameDevice(job)) < limit;
  }

  function dispatch(): void {
    for (const job of [...queue]) {
      const seconds = refusal(job);
      if (seconds !== undefined) giveUp(job, unavailable(seconds));
    }
    const startable = queue.filter(canStart);
    for (const job of startable) {
      const reader = [...readers].find((one) => one.state === 'idle');
      if (!reader) break;
      // Asked again: the one before may be of the same tool or file system.
      if (canStart(job)) void run(reader, job);
    }
    const wanted = Math.min(
      queue.filter(canStart).length,
      maxReaders - readers.size + count((one) => one.state === 'starting'),
    );
    for (let starting = count((one) => one.state === 'starting'); starting < wanted; starting++) void startReader();
  }

  function leaveQueue(job: Job): void {
    clearTimeout(job.waitTimer);
    queue = queue.filter((one) => one !== job);
  }

  function giveUp(job: Job, error: AppError): void {
    leaveQueue(job);
    job.reject(error);
  }

  async function startReader(): Promise<void> {
    const reader: Reader = {
      process: startReaderProcess(place),
      state: 'starting',
      job: undefined,
      idleTimer: undefined,
    };
    readers.add(reader);
    void reader.process.gone.then(() => {
      clearTimeout(reader.idleTimer);
      readers.delete(reader);
      dispatch();
    });
    const timer = setTimeout(() => reader.process.kill(), startDeadlineMs);
    try {
      await reader.process.started;
      rest(reader);
    } catch (cause) {
      startFailedAt = performance.now();
      if (!stopped) log.error({ err: cause, ...place }, 'the home reader does not start');
    } finally {
      clearTimeout(timer);
      dispatch();
    }
  }

  function rest(reader: Reader): void {
    reader.state = 'idle';
    reader.job = undefined;
    reader.idleTimer = setTimeout(() => count((one) => one.state === 'idle') > 1 && dismiss(reader), idleReaderMs);
    reader.idleTimer.unref();
  }

  function dismiss(reader: Reader): void {
    reader.state = 'leaving';
    reader.process.kill();
  }

  async function run(reader: Reader, job: Job): Promise<void> {
    leaveQueue(job);
    clearTimeout(reader.idleTimer);
    reader.state = 'busy';
    reader.job = job;
    // The answer may lie in the pipe while our own loop was late: look there once more before judging.
    const timer = setTimeout(
      () => setImmediate(() => reader.job === job && reader.state === 'busy' && endHung(reader, job)),
      deadlineMs,
    );
    try {
      const answer = await reader.process.ask(job.question);
      tools.delete(job.question.tool);
      devices.delete(job.device);
      rest(reader);
      job.resolve(answer);
    } catch {
      if (hasHung(reader)) job.reject(unavailable(refusal(job) ?? 1));
      else retryAfterCrash(reader, job);
    } finally {
      clearTimeout(timer);
      dispatch();
    }
  }

  function endHung(reader: Reader, job: Job): void {
    reader.state = 'stuck';
    addHang(tools, job.question.tool, 1, pauseMs);
    addHang(devices, job.device, hangsOfDevice, pauseMs);
    log.warn(
      { tool: job.question.tool, device: job.device },
      'the home of the tool does not answer; its reader was killed',
    );
    reader.process.kill();
  }

  function retryAfterCrash(reader: Reader, job: Job): void {
    reader.state = 'leaving';
    job.crashes += 1;
    log.warn({ tool: job.question.tool }, 'a home reader ended by itself');
    // A new Job object: the old one still marks the dead reader until it is gone.
    if (job.crashes < 2 && !stopped) enqueue({ ...job });
    else job.reject(unavailable(1));
  }

  function enqueue(job: Job): void {
    job.waitTimer = setTimeout(() => giveUp(job, unavailable(1)), queueWaitMs);
    queue.push(job);
  }

  async function currentMounts(): Promise<readonly Mount[]> {
    if (performance.now() - mounts.readAt > mountsMaxAgeMs)
      mounts = { list: await readMounts(), readAt: performance.now() };
    return mounts.list;
  }

  return {
    async ask(question) {
      const device = deviceOf(`${question.base}/${question.tool}`, await currentMounts());
      return new Promise<ReaderAnswer>((resolve, reject) => {
        const job: Job = { question, device, resolve, reject, waitTimer: undefined, crashes: 0 };
        const seconds = queue.length >= maxQueue ? 1 : refusal(job);
        if (seconds !== undefined) return reject(unavailable(seconds));
        enqueue(job);
        dispatch();
      });
    },
    health: () => ({ running: readers.size, stuck: count((one) => one.state === 'stuck'), waiting: queue.length }),
    async stop() {
      stopped = true;
      for (const job of [...queue]) giveUp(job, unavailable(1));
      const all = [...readers];
      for (const reader of all) reader.process.kill();
      // One stuck in the kernel cannot be waited for.
      await Promise.race([Promise.all(all.map((reader) => reader.process.gone)), pause(1_000)]);
    },
  };
}

/** Said by a function, since the compiler does not know that a timer changes the state. */
function hasHung(reader: Reader): boolean {
  return reader.state === 'stuck';
}

/** From the `from`th hang in a row on, it is left alone for a while. */
function addHang(troubles: Map<string, Trouble>, name: string, from: number, pauseMs: number): void {
  const hangs = (troubles.get(name)?.hangs ?? 0) + 1;
  const until = hangs < from ? 0 : performance.now() + Math.min(longestPauseMs, pauseMs * 2 ** (hangs - from));
  troubles.set(name, { hangs, until });
}

function unavailable(retryAfterSeconds: number): AppError {
  return new AppError(
    'home.unavailable',
    'The home of the tool does not answer at the moment. Nothing was changed. Try again in a moment.',
    {
      retryAfterSeconds,
    },
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
