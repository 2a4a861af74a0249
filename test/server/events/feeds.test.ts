import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type JobChange, type RunEnd, Tool } from '../../../src/domain.ts';
import { createEventFeeds, type EventFeeds, type ListenOptions } from '../../../src/server/events/feeds.ts';
import { makeRunRecord, makeSnapshot, type SnapshotOptions } from '../../support/facts.ts';

const alpha = Tool.of('alpha');
const beta = Tool.of('beta');

let feeds: EventFeeds;
let told: Map<string, (change: JobChange) => void>;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'], now: 1_000_000 });
  told = new Map();
  feeds = createEventFeeds({
    now: Date.now,
    subscribe(namespace, listener) {
      told.set(namespace, listener);
      return () => void told.delete(namespace);
    },
  });
});
afterEach(() => {
  feeds.stop();
  vi.useRealTimers();
});

interface Heard {
  readonly stream: Readable;
  /** Everything so far. */
  text(): string;
  /** Events so far, e.g. `job.changed demo`. */
  events(): string[];
  lastId(): string | undefined;
}

function listen(options: ListenOptions = {}, tool = alpha): Heard {
  const stream = feeds.listen(tool, options);
  let text = '';
  const read = () => {
    for (let part = stream.read() as string | null; part !== null; part = stream.read() as string | null) text += part;
    return text;
  };
  return {
    stream,
    text: read,
    events: () =>
      [...read().matchAll(/^event: (.*)\ndata: (.*)$/gm)].map(([, name, data]) =>
        `${name} ${(JSON.parse(data as string) as { job?: string }).job ?? ''}`.trim(),
      ),
    lastId: () => [...read().matchAll(/^id: (.*)$/gm)].at(-1)?.[1],
  };
}

const tell = (change: JobChange, tool = alpha) => told.get(tool.namespace)?.(change);
const keyOf = (name: string) => ({ namespace: 'tool-alpha', kind: 'Job', name }) as const;

function changed(name: string, state: SnapshotOptions['state'] = 'running', version = '100'): JobChange {
  const job = makeSnapshot({ state, object: { key: keyOf(name), resourceVersion: version } });
  return { type: 'job.changed', job: { ...job, key: keyOf(name) } };
}

function ended(name: string): JobChange {
  const { type: _, ...record } = makeRunRecord({ outcome: 'failed', reason: 'exit_code', exitCode: 3 });
  return { type: 'run.ended', end: { ...record, key: keyOf(name), ran: undefined } satisfies RunEnd };
}

describe('a stream of events', () => {
  it('begins with its place and the time to come back', () => {
    expect(listen().text()).toMatch(/^retry: 1000\nid: [0-9a-f]{12}-0\n\n$/);
  });

  it('tells what happens, each with a number', () => {
    const heard = listen();
    tell(changed('demo'));
    tell(ended('demo'));
    tell({ type: 'job.gone', key: keyOf('demo'), uid: 'uid-1' });
    const [, ...events] = heard.text().split('\n\n');
    const life = heard.lastId()?.split('-')[0];
    expect(events).toEqual([
      `id: ${life}-1\nevent: job.changed\ndata: {"job":"demo","job_type":"one-off","run_id":"uid-1","status":{"short":"running","up_to_date":true,"messages":[]}}`,
      expect.stringMatching(`^id: ${life}-2\nevent: run.ended\ndata: {"id":"run-1","job":"demo",.*"exit_code":3`),
      `id: ${life}-3\nevent: job.gone\ndata: {"job":"demo","job_type":"one-off","run_id":"uid-1"}`,
      '',
    ]);
  });

  it('says nothing of what does not show', () => {
    const heard = listen();
    for (const version of ['100', '101', '102']) tell(changed('demo', 'running', version));
    tell(changed('demo', 'failed', '103'));
    tell({ type: 'job.gone', key: keyOf('demo'), uid: 'uid-1' });
    tell(changed('demo', 'failed', '104'));
    expect(heard.events()).toEqual(['job.changed demo', 'job.changed demo', 'job.gone demo', 'job.changed demo']);
  });

  it('keeps to one job where that is asked', () => {
    const [all, one] = [listen(), listen({ job: 'two' })];
    for (const name of ['one', 'two', 'constructor']) tell(changed(name));
    expect(all.events()).toHaveLength(3);
    expect(one.events()).toEqual(['job.changed two']);
  });

  it('keeps to the parts of one job where that is asked, and to the end of each', () => {
    const job = listen({ job: 'update' });
    const part = changed('update-frwiki');
    if (part.type !== 'job.changed') throw new Error('no change');
    const { object } = part.job;
    const ofGroup = object.job && { ...object, job: { ...object.job, group: 'update' } };
    tell({ type: 'job.changed', job: { ...part.job, object: ofGroup ?? object } });
    tell(changed('updates'));
    tell({ type: 'job.gone', key: keyOf('update-frwiki'), uid: 'uid-1' });
    expect(job.events()).toEqual(['job.changed update-frwiki', 'job.gone update-frwiki']);
  });

  it('is of one tool', () => {
    const [ours, theirs] = [listen(), listen({}, beta)];
    tell(changed('demo'));
    expect(ours.events()).toHaveLength(1);
    expect(theirs.events()).toEqual([]);
  });

  it('keeps text from outside within its line', () => {
    const heard = listen();
    const job = makeSnapshot({ state: 'failed', foreign: 'x\n\nevent: forged\r\rdata: {}' });
    tell({ type: 'job.changed', job });
    expect(heard.text().split('\n\n')).toHaveLength(3);
    expect(heard.text()).not.toMatch(/^event: forged|\r/m);
  });

  it('is kept alive', () => {
    const heard = listen();
    vi.advanceTimersByTime(30_000);
    expect(heard.text()).toMatch(/\n\n:\n\n:\n\n$/);
  });

  it('is cut off from a reader that does not read, and only from that one', () => {
    const [slow, quick] = [listen(), listen()];
    for (let at = 0; at < 2_000; at += 1) {
      tell(changed(`job-${at}`));
      quick.text();
    }
    expect(slow.stream.destroyed).toBe(true);
    expect(quick.events()).toHaveLength(2_000);
  });

  it('hears nothing more when the daemon stops, and none begins then', () => {
    const heard = listen();
    feeds.stop();
    tell(changed('demo'));
    expect(heard.events()).toEqual([]);
    expect(told.size).toBe(0);
    expect(() => listen()).toThrow(expect.objectContaining({ code: 'view.not_ready' }));
  });
});

describe('a listener that comes back', () => {
  /** One that has heard two of three events. */
  async function interrupted(): Promise<string> {
    const heard = listen();
    tell(changed('one'));
    tell(changed('two'));
    const id = heard.lastId() as string;
    heard.stream.destroy();
    await once(heard.stream, 'close');
    tell(changed('three'));
    return id;
  }

  it('hears what it missed, once', async () => {
    const lastEventId = await interrupted();
    const again = listen({ lastEventId });
    expect(again.events()).toEqual(['job.changed three']);
    tell(changed('four'));
    expect(again.events()).toEqual(['job.changed three', 'job.changed four']);
  });

  it('hears nothing twice where it missed nothing', async () => {
    const lastEventId = (await interrupted()).replace(/-\d+$/, '-3');
    expect(listen({ lastEventId }).events()).toEqual([]);
  });

  it.each([
    ['of another daemon', () => '0123456789ab-2'],
    ['that is none', () => 'x'],
    ['from the future', (id: string) => id.replace(/-\d+$/, '-99')],
    ['with another number', (id: string) => id.replace(/-\d+$/, '-1e0')],
  ])('with an id %s is told to look again', async (_, change) => {
    const lastEventId = change(await interrupted());
    const again = listen({ lastEventId });
    expect(again.events()).toEqual(['reset']);
    tell(changed('four'));
    expect(again.events()).toEqual(['reset', 'job.changed four']);
  });

  it('too late is told to look again: only the last thousand events are kept', async () => {
    const lastEventId = await interrupted();
    for (let at = 0; at < 999; at += 1) tell(changed(`job-${at}`));
    expect(listen({ lastEventId }).events()).toHaveLength(1_000);
    tell(changed('one-too-many'));
    expect(listen({ lastEventId }).events()).toEqual(['reset']);
  });

  it('after two minutes finds nothing kept, and nothing is heard for nobody', async () => {
    const lastEventId = await interrupted();
    vi.advanceTimersByTime(119_000);
    expect([feeds.size(), told.size]).toEqual([1, 1]);
    vi.advanceTimersByTime(1_000);
    expect([feeds.size(), told.size]).toEqual([0, 0]);
    expect(listen({ lastEventId }).events()).toEqual(['reset']);
  });

  it('in time keeps the feed from ending', async () => {
    await interrupted();
    vi.advanceTimersByTime(100_000);
    listen();
    vi.advanceTimersByTime(100_000);
    expect(feeds.size()).toBe(1);
  });
});

describe('feeds without a listener', () => {
  it('are few: the longest left goes first', async () => {
    for (let at = 0; at < 260; at += 1) {
      const { stream } = listen({}, Tool.of(`tool-${at}`));
      stream.destroy();
      await once(stream, 'close');
    }
    expect(feeds.size()).toBe(256);
    expect(told.has('tool-tool-0')).toBe(false);
    expect(told.has('tool-tool-259')).toBe(true);
  });
});
