import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPace } from '../../src/mail/pace.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const forever = new AbortController().signal;

function run(settings = { paceMails: 3, paceMs: 10_000 }) {
  const pace = createPace({ settings: () => settings });
  const started = performance.now();
  const times: number[] = [];
  const ask = (signal = forever) =>
    pace.turn(signal).then(() => void times.push((performance.now() - started) / 1_000));
  return { ask, times, settings, replan: pace.replan };
}

const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1_000);

describe('the pace of mail', () => {
  it('is so many in any stretch of time, in the order in which they came', async () => {
    const { ask, times } = run();
    for (let count = 0; count < 8; count += 1) void ask();
    await pass(60);
    expect(times).toEqual([0, 0, 0, 10, 10, 10, 20, 20]);
  });

  it('counts what went out lately, whenever the stretch is taken to begin', async () => {
    const { ask, times } = run();
    void ask();
    await pass(9);
    for (let count = 0; count < 5; count += 1) void ask();
    await pass(60);
    expect(times).toEqual([0, 9, 9, 10, 19, 19]);
  });

  it('follows the settings of the moment', async () => {
    const { ask, times, settings } = run();
    for (let count = 0; count < 6; count += 1) void ask();
    await pass(1);
    settings.paceMails = 6;
    void ask();
    await pass(0);
    expect(times).toEqual([0, 0, 0, 1, 1, 1]);
  });

  it.each([
    ['more mails', { paceMails: 2, paceMs: 3_600_000 }],
    ['a shorter stretch', { paceMails: 1, paceMs: 20_000 }],
  ])('lets who waits already go by settings that allow %s', async (_, next) => {
    const { ask, times, settings, replan } = run({ paceMails: 1, paceMs: 3_600_000 });
    for (let count = 0; count < 2; count += 1) void ask();
    await pass(20);
    Object.assign(settings, next);
    replan();
    await pass(0);
    expect(times).toEqual([0, 20]);
  });

  it('lets nobody go because settings have changed', async () => {
    const { ask, times, settings, replan } = run({ paceMails: 1, paceMs: 10_000 });
    for (let count = 0; count < 2; count += 1) void ask();
    await pass(5);
    settings.paceMs = 20_000;
    replan();
    await pass(60);
    expect(times).toEqual([0, 20]);
  });

  it('is not kept waiting by who has left', async () => {
    const { ask, times } = run({ paceMails: 1, paceMs: 10_000 });
    void ask();
    const leaving = new AbortController();
    const left = ask(leaving.signal).catch((error: Error) => error.message);
    void ask();
    leaving.abort(new Error('left'));
    expect(await left).toBe('left');
    await pass(30);
    expect(times).toEqual([0, 10]);
  });
});
