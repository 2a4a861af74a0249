/** Users who go on working while a test breaks something: many who look, one who starts and ends jobs. All answers are kept. */
import { expect } from 'vitest';
import type { Answer, ApiClient } from './api-client.ts';
import { jobsPath } from './jobs-path.ts';

/** `answer` is undefined where the connection to the daemon itself failed. */
export interface Reading {
  /** performance.now() when it was asked, and when it was answered. */
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly answer: Answer | undefined;
}

export interface Readers {
  /** In the order of the answers. */
  readonly readings: readonly Reading[];
  stop(): Promise<void>;
}

/** Lists the jobs of `tool` so often a second, however long the answers take, with at most 32 under way. */
export function startReaders(client: ApiClient, tool: string, perSecond: number): Readers {
  const readings: Reading[] = [];
  const stop = startPace(perSecond, 32, async () => {
    const askedAt = performance.now();
    const answer = await client.call('GET', jobsPath(tool)).catch(() => undefined);
    readings.push({ askedAt, answeredAt: performance.now(), answer });
  });
  return { readings, stop };
}

export interface Write {
  readonly method: 'POST' | 'DELETE';
  readonly name: string;
  readonly askedAt: number;
  readonly answer: Answer | undefined;
}

export interface Writer {
  /** In the order of the answers, which is that of the requests. */
  readonly writes: readonly Write[];
  stop(): Promise<void>;
}

export interface WriterOptions {
  readonly tool: string;
  /** Of the names of its jobs. */
  readonly prefix: string;
  readonly perSecond: number;
  /** One job of so many is left there; a third by default, 0 = none. */
  readonly leaveEvery?: number;
}

/** Starts scheduled jobs, each under a new name, and ends most of them; one request after the other. */
export function startWriter(client: ApiClient, { tool, prefix, perSecond, leaveEvery = 3 }: WriterOptions): Writer {
  const writes: Write[] = [];
  const steps = stepsOf(prefix, leaveEvery);
  const stop = startPace(perSecond, 1, async () => {
    const { method, name } = steps.next().value;
    const askedAt = performance.now();
    const answer = await callFor(client, tool, method, name).catch(() => undefined);
    writes.push({ method, name, askedAt, answer });
  });
  return { writes, stop };
}

function* stepsOf(prefix: string, leaveEvery: number): Generator<Pick<Write, 'method' | 'name'>, never> {
  for (let round = 0; ; round += 1) {
    const name = `${prefix}-${round}`;
    yield { method: 'POST', name };
    if (leaveEvery === 0 || round % leaveEvery !== 0) yield { method: 'DELETE', name };
  }
}

function callFor(client: ApiClient, tool: string, method: Write['method'], name: string): Promise<Answer> {
  if (method === 'DELETE') return client.call(method, `${jobsPath(tool)}/${name}`);
  const body = { name, cmd: `echo ${name}`, imagename: 'bookworm', schedule: '@yearly' };
  return client.call(method, jobsPath(tool), { body });
}

/** Calls `act` so often a second, but never with more than `most` under way. */
function startPace(perSecond: number, most: number, act: () => Promise<void>): () => Promise<void> {
  const underWay = new Set<Promise<void>>();
  const timer = setInterval(() => {
    if (underWay.size >= most) return;
    const one = act().finally(() => underWay.delete(one));
    underWay.add(one);
  }, 1_000 / perSecond);
  return async () => {
    clearInterval(timer);
    await Promise.all(underWay);
  };
}

/**
 * What the answers promise of each name: there, or not. A name whose last answer was none, or that nothing is known, is left out.
 */
export function promisedBy(writes: readonly Write[]): Map<string, boolean> {
  const promised = new Map<string, boolean>();
  for (const { method, name, answer } of writes) {
    if (answer === undefined || answer.status === 504) promised.delete(name);
    else if (method === 'POST') promised.set(name, answer.status === 201);
    else if (answer.status === 200) promised.set(name, false);
  }
  return promised;
}

/** Done, or said to be undone or unknown, and when to come again. Of a job that could not be started the end is 404. */
export function expectHonest({ answer, method }: Write): void {
  if (answer?.status === 503) {
    expect(answer.json().code).toBe('kube.unreachable');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  } else if (answer?.status === 504) expect(answer.json().code).toBe('kube.state_unknown');
  else expect(answer?.status, answer?.text).toBeOneOf(method === 'POST' ? [201] : [200, 404]);
}
