import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Notice } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { createDetails, type DetailsOptions } from '../../src/mail/details.ts';
import type { NoticeDetails } from '../../src/mailbox.ts';
import { makeDetails, makeGathered, makeMailbox, makeNotice, makeRan } from '../support/notices.ts';

const line = { origin: 'daily.err', stream: 'stderr' as const, at: undefined, message: 'last words' };
const output = { lines: [line], from: 'daily.err', missing: undefined, isCut: false };
const lastGood = { at: 1_000, ran: makeRan() };
const memory = { limit: 512, peaks: undefined, to: '768Mi', fits: true };
const collected = {
  lines: ['last words'],
  linesFrom: 'daily.err',
  linesMissing: undefined,
  refusal: undefined,
  lastGood,
};

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Unset: everything answers at once. */
function create(changes: Partial<DetailsOptions> = {}) {
  const told: [string, NoticeDetails][] = [];
  const details = createDetails({
    lines: async () => output,
    refusal: async () => undefined,
    lastGood: async () => lastGood,
    memory: async () => memory,
    isWanted: () => true,
    onDetails: ({ id }, found) => void told.push([id, found]),
    log: createLog({ level: 'silent' }),
    ...changes,
  });
  return { details, told };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('details of a failure', () => {
  it('are handed over when all of them are there', async () => {
    const { details, told } = create();
    details.collect(makeNotice());
    await turn();
    expect(told).toEqual([['run-1/failed', collected]]);
  });

  it('say of a lack of memory what would be better', async () => {
    const { details, told } = create();
    details.collect(makeNotice({ reason: 'out_of_memory' }));
    await turn();
    expect(told).toEqual([['run-1/failed', { ...collected, memory }]]);
  });

  it('are not collected of what is no failure, or waits for no mail', async () => {
    const asked: Notice[] = [];
    const lines = async (notice: Notice) => {
      asked.push(notice);
      return output;
    };
    create({ lines }).details.collect(makeNotice({ kind: 'finished' }));
    create({ lines, isWanted: () => false }).details.collect(makeNotice());
    await turn();
    expect(asked).toEqual([]);
  });

  it('come without what does not answer in time', async () => {
    const { details, told } = create({ lines: () => new Promise(() => {}), refusal: () => new Promise(() => {}) });
    details.collect(makeNotice());
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toMatchObject([
      ['run-1/failed', { lines: [], linesMissing: 'it could not be read in time', refusal: undefined, lastGood }],
    ]);
  });

  it('are not told where collecting itself fails', async () => {
    const { details, told } = create({ lastGood: () => Promise.reject(new Error('a defect')) });
    details.collect(makeNotice());
    await turn();
    expect(told).toEqual([]);
  });

  it('are collected of eight at once, and of all in the end', async () => {
    let [now, most] = [0, 0];
    const answers: (() => void)[] = [];
    const lines = async () => {
      most = Math.max(most, ++now);
      await new Promise<void>((answer) => answers.push(answer));
      now -= 1;
      return output;
    };
    const { details, told } = create({ lines });
    for (let at = 0; at < 30; at += 1) details.collect(makeNotice({ run: `run-${at}`, id: `run-${at}/failed` }));
    for (let round = 0; round < 10; round += 1) {
      await turn();
      for (const answer of answers.splice(0)) answer();
    }
    await turn();
    expect([most, told.length]).toEqual([8, 30]);
  });

  it('are waited for by the mail that is about to be made, and collected once', async () => {
    let asked = 0;
    let answer = () => {};
    const lines = async () => {
      asked += 1;
      await new Promise<void>((go) => {
        answer = go;
      });
      return output;
    };
    const { details } = create({ lines });
    const known = makeGathered({ notice: makeNotice({ run: 'known', id: 'known/failed' }), details: makeDetails() });
    const started = makeGathered({ notice: makeNotice({ kind: 'started', id: 'run-1/started' }), details: undefined });
    const open = [makeGathered({ details: undefined }), known, started];
    details.collect(makeNotice());
    const complete = details.complete(makeMailbox({ open }));
    await turn();
    answer();
    expect((await complete).open.map(({ details: found }) => found)).toEqual([collected, makeDetails(), undefined]);
    expect(asked).toBe(1);
  });
});
