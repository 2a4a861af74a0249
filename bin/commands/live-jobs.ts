/** The jobs of a tool as its events make them: a list to begin with, changed by what is heard. Pure. */
import type { Job } from '../client/client.ts';
import { isRecord } from '../client/session.ts';
import { wordOf } from '../terminal/cells.ts';

export interface LiveJob {
  readonly name: string;
  readonly type: string;
  /** One word. */
  readonly state: string;
  /** Ms since the epoch; undefined where nobody knows. */
  readonly since: number | undefined;
  /** What a person should know, most telling first. */
  readonly details: string;
}

/** What is heard of one job. */
export interface Change {
  readonly name: string;
  /** In words, e.g. `running` or `run failed: your program ended with code 3`. */
  readonly words: string;
  /** Of what it is a part: what that makes of the whole job only a list says. */
  readonly group?: string;
}

export class LiveJobs {
  readonly #jobs = new Map<string, LiveJob>();
  /** Ms since the epoch: when anything was last heard of each. */
  readonly #heard = new Map<string, number>();

  /** Forgets what was there. @param now ms since the epoch */
  takeList(jobs: readonly Job[], now: number): void {
    this.#jobs.clear();
    for (const job of jobs) {
      const live = liveJob(job, job.name, now);
      this.#jobs.set(keyOf(job, live.name), { ...live, since: sinceOf(job, now) });
    }
  }

  /** @returns what it says of which job; undefined where it is of none. @param now ms since the epoch */
  takeEvent(event: string, data: Job, now: number): Change | undefined {
    const name = wordOf(data.job);
    if (name === '') return undefined;
    if (typeof data.group === 'string') {
      const { group } = data;
      return { name: `${group} (${name})`, words: changeWords(event, data, liveJob(data, name, now)), group };
    }
    const key = keyOf(data, name);
    const live = liveJob(data, name, now);
    this.#heard.set(key, now);
    if (event === 'job.gone') {
      this.#jobs.delete(key);
      this.#heard.delete(key);
    } else if (event === 'job.changed') {
      const before = this.#jobs.get(key);
      this.#jobs.set(key, before?.state === live.state ? { ...live, since: before.since } : live);
    }
    return { name, words: changeWords(event, data, live) };
  }

  /** In the order of their names. @param most of them; where there are more, those that were heard of last */
  list(most = Number.POSITIVE_INFINITY): LiveJob[] {
    const latest = [...this.#jobs].sort(
      ([one], [other]) => (this.#heard.get(other) ?? 0) - (this.#heard.get(one) ?? 0),
    );
    return latest
      .slice(0, most)
      .map(([, job]) => job)
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }
}

/** @example 'pending; next run 2026-03-02T04:17:00Z' */
export function wordsOf({ state, details }: LiveJob): string {
  return details === '' ? state : `${state}; ${details}`;
}

function changeWords(event: string, data: Job, live: LiveJob): string {
  if (event === 'run.ended') return endWords(data);
  return event === 'job.gone' ? 'gone' : wordsOf(live);
}

function keyOf({ job_type }: Job, name: string): string {
  return `${wordOf(job_type)} ${name}`;
}

/** `status` is the same in a list and in an event. */
function liveJob({ job_type, status, suspend }: Job, name: unknown, now: number): LiveJob {
  const { short, messages } = isRecord(status) ? status : {};
  const details = Array.isArray(messages) ? messages.map(wordOf).join('; ') : '';
  return {
    name: wordOf(name),
    type: wordOf(job_type),
    state: stateWord(job_type, short, suspend !== undefined),
    since: now,
    details,
  };
}

/** Between two runs nothing is pending. */
function stateWord(type: unknown, short: unknown, isSuspended: boolean): string {
  if (type !== 'scheduled' || short !== 'pending') return wordOf(short);
  return isSuspended ? 'suspended' : 'waiting';
}

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };

/** From how long it is so. @example '1h3m'; `0s` is said where nobody knows */
function sinceOf({ status }: Job, now: number): number | undefined {
  const text = isRecord(status) ? wordOf(status.duration) : '';
  const parts = [...text.matchAll(/(\d+)([dhms])/g)];
  const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ''] ?? 0), 0);
  return ms > 0 ? now - ms : undefined;
}

function endWords({ outcome, message }: Job): string {
  if (outcome === 'succeeded') return 'run succeeded';
  if (outcome === 'skipped') return `run ${wordOf(message)}`;
  return `run ${wordOf(outcome)}: ${wordOf(message)}`;
}
