/**
 * The events of one tool's jobs: numbered, the latest kept for those who come back, written to everybody who listens. It is there while
 * somebody listens and a little longer (feeds.ts), and costs what happens to its tool's jobs.
 */
import type { Readable } from 'node:stream';
import { type JobChange, type JobSnapshot, type KubeKind, keyText, type RunEnd, typeOfKind } from '../../domain.ts';
import { renderRun2026 } from '../dialects/run-2026.ts';
import type { Status2026 } from '../dialects/status/structured-status.ts';
import { beginningText, eventText, heartbeatText } from './event-text.ts';

export interface FeedOptions {
  /** Marks the ids of this feed: no other one, of this daemon or of another, has the same. */
  readonly life: string;
  statusOf(job: JobSnapshot): Status2026;
}

export interface Listener {
  readonly stream: Readable;
  /** Events of one job only, and of its parts. */
  readonly job: string | undefined;
}

/** Which job an event is about, and of a part the job it is a part of. */
interface About {
  readonly job: string;
  readonly group?: string;
}

interface Kept {
  readonly number: number;
  readonly job: string;
  readonly group: string | undefined;
  readonly text: string;
}

/** Enough for a tool that loads as many jobs as it may have; about 300 bytes each. */
const maxKept = 1_000;
/** What a reader may be behind before it is dropped; coming back it reads on from where it was. */
const maxBehindBytes = 256 * 1024;

export class Feed {
  readonly #options: FeedOptions;
  readonly #listeners = new Set<Listener>();
  readonly #kept: Kept[] = [];
  /** What was last said of each job: much that changes in the cluster does not show. */
  readonly #said = new Map<string, string>();
  /** Jobs of the parts that are there. */
  readonly #groups = new Map<string, string>();
  #number = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** @param lastEventId of the last event the listener has seen: what came since follows, or `reset` where that is not known any more */
  add(listener: Listener, lastEventId: string | undefined): void {
    this.#listeners.add(listener);
    const last = lastEventId === undefined ? this.#number : this.#numberOf(lastEventId);
    write(listener, beginningText(this.#idOf(last ?? this.#number)));
    if (last === undefined) {
      write(listener, eventText({ id: this.#idOf(this.#number), name: 'reset', data: {} }));
      return;
    }
    for (const kept of this.#kept) {
      if (kept.number > last) this.#tell(listener, kept);
    }
  }

  remove(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  take(change: JobChange): void {
    const data = this.#dataOf(change);
    if (!data) return;
    this.#number += 1;
    const text = eventText({ id: this.#idOf(this.#number), name: change.type, data });
    const kept = { number: this.#number, job: data.job, group: data.group, text };
    this.#kept.push(kept);
    if (this.#kept.length > maxKept) this.#kept.shift();
    for (const listener of this.#listeners) this.#tell(listener, kept);
  }

  beat(): void {
    for (const listener of this.#listeners) write(listener, heartbeatText);
  }

  #tell(listener: Listener, { job, group, text }: Kept): void {
    if (listener.job === undefined || listener.job === job || listener.job === group) write(listener, text);
  }

  #idOf(number: number): string {
    return `${this.#options.life}-${number}`;
  }

  /** Undefined for an event of another life, or one so old that events after it are not kept. */
  #numberOf(id: string): number | undefined {
    const [life, digits = ''] = id.split('-');
    if (life !== this.#options.life || !/^\d{1,15}$/.test(digits)) return undefined;
    const number = Number(digits);
    const oldest = this.#kept[0]?.number ?? this.#number + 1;
    return number >= oldest - 1 && number <= this.#number ? number : undefined;
  }

  /** Undefined where nothing that shows has changed. */
  #dataOf(change: JobChange): About | undefined {
    if (change.type === 'run.ended') return runData(change.end);
    if (change.type === 'job.gone') {
      const slot = keyText(change.key);
      const group = this.#groups.get(slot);
      this.#said.delete(slot);
      this.#groups.delete(slot);
      return { job: change.key.name, ...(group ? { group } : {}), ...typeAndRun(change.key.kind, change.uid) };
    }
    const { key, object, runs } = change.job;
    const { short, up_to_date, messages } = this.#options.statusOf(change.job);
    const runId = key.kind === 'Job' ? object.uid : runs[0]?.uid;
    const group = object.job?.group;
    if (group !== undefined) this.#groups.set(keyText(key), group);
    const about = { job: key.name, ...(group === undefined ? {} : { group }) };
    const data = { ...about, ...typeAndRun(key.kind, runId), status: { short, up_to_date, messages } };
    const said = JSON.stringify(data);
    if (this.#said.get(keyText(key)) === said) return undefined;
    this.#said.set(keyText(key), said);
    return data;
  }
}

function typeAndRun(kind: KubeKind, uid: string | undefined): object {
  return { job_type: typeOfKind[kind], ...(kind === 'Deployment' ? {} : { run_id: uid ?? null }) };
}

function runData({ key, ...end }: RunEnd): About {
  return renderRun2026(key.name, { ...end, type: typeOfKind[key.kind], imageDigest: end.ran?.imageDigest });
}

/** A reader that does not read is not waited for. */
function write({ stream }: Listener, text: string): void {
  if (stream.destroyed) return;
  stream.push(text);
  if (stream.readableLength > maxBehindBytes) stream.destroy();
}
