import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AppError } from '../../src/errors.ts';
import { createLimiter, type Limiter } from '../../src/server/limits.ts';

let values: { perSecond: number; perTool: number; overall: number };
let clock: number;
let limiter: Limiter;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  values = { perSecond: 1000, perTool: 2, overall: 3 };
  clock = 0;
  limiter = createLimiter(
    {
      requestsPerSecondPerTool: () => values.perSecond,
      requestsAtOncePerTool: () => values.perTool,
      requestsAtOnce: () => values.overall,
    },
    () => clock,
  );
});
afterEach(() => vi.useRealTimers());

interface Entered {
  state: 'waiting' | 'running' | 'refused';
  error?: AppError;
  leave(): void;
  giveUp: (() => void) | undefined;
}

function enter(tool: string): Entered {
  const entered: Entered = { state: 'waiting', leave() {}, giveUp: undefined };
  entered.giveUp = limiter.enter(
    tool,
    (leave) => Object.assign(entered, { state: 'running', leave }),
    (error) => Object.assign(entered, { state: 'refused', error }),
  );
  return entered;
}

const states = (list: readonly Entered[]) => list.map(({ state }) => state);

describe('places', () => {
  it('are given up to the number of a tool; the rest waits its turn', () => {
    const list = [enter('a'), enter('a'), enter('a'), enter('a')];
    expect(states(list)).toEqual(['running', 'running', 'waiting', 'waiting']);
    list[0]?.leave();
    list[0]?.leave();
    expect(states(list)).toEqual(['running', 'running', 'running', 'waiting']);
  });

  it('that are added are taken by who waits, before whoever comes next', () => {
    const list = [enter('a'), enter('a'), enter('a'), enter('a')];
    values.perTool = 3;
    expect(states([...list, enter('a')])).toEqual(['running', 'running', 'running', 'waiting', 'waiting']);
    values.overall = 9;
    values.perTool = 9;
    const other = enter('b');
    expect(states([...list, other])).toEqual(['running', 'running', 'running', 'running', 'running']);
  });

  it('are given up to the overall number, to the tools in turn', () => {
    const flood = Array.from({ length: 20 }, () => enter('a'));
    const b = enter('b');
    const c = [enter('c'), enter('c')];
    expect(states([b, ...c])).toEqual(['running', 'waiting', 'waiting']);
    flood[0]?.leave();
    expect(flood.filter(({ state }) => state === 'running')).toHaveLength(3);
    flood[1]?.leave();
    expect(states(c)).toEqual(['running', 'waiting']);
  });

  it('follow the numbers of the moment', () => {
    const list = [enter('a'), enter('a'), enter('a')];
    values.perTool = 3;
    list[0]?.leave();
    expect(states(list)).toEqual(['running', 'running', 'running']);
    expect(enter('a').state).toBe('running');
  });

  it('are refused to more than a few waiting requests, with a time to come back', () => {
    const list = Array.from({ length: 40 }, () => enter('a'));
    expect(list.filter(({ state }) => state === 'waiting')).toHaveLength(32);
    expect(list.at(-1)?.error).toMatchObject({ code: 'caller.too_many', retryAfterSeconds: 1 });
    expect(enter('b').state).toBe('running');
  });

  it('are not waited for longer than two seconds', () => {
    const list = [enter('a'), enter('a'), enter('a')];
    vi.advanceTimersByTime(2000);
    expect(states(list)).toEqual(['running', 'running', 'refused']);
    list[0]?.leave();
    expect(limiter.counts()).toMatchObject({ running: 1, waiting: 0 });
  });

  it('are not given to who has gone away', () => {
    const list = [enter('a'), enter('a'), enter('a'), enter('a')];
    list[2]?.giveUp?.();
    list[0]?.leave();
    expect(states(list)).toEqual(['running', 'running', 'waiting', 'running']);
    list[1]?.leave();
    list[3]?.leave();
    expect(limiter.counts()).toMatchObject({ running: 0, waiting: 0 });
  });
});

describe('the rate', () => {
  const spend = (tool: string, times: number) =>
    Array.from({ length: times }, () => enter(tool))
      .map((one) => {
        one.leave();
        return one.state;
      })
      .filter((state) => state === 'running').length;

  it('lets a burst through and then so many a second', () => {
    values.perSecond = 20;
    expect(spend('a', 100)).toBe(20);
    clock += 500;
    expect(spend('a', 100)).toBe(10);
    clock += 60_000;
    expect(spend('a', 100)).toBe(20);
  });

  it('lets at least ten through at once, and says when to come back', () => {
    values.perSecond = 0.25;
    expect(spend('a', 100)).toBe(10);
    expect(enter('a').error?.retryAfterSeconds).toBe(4);
    expect(spend('b', 1)).toBe(1);
  });

  it('is forgotten for tools that are idle', () => {
    for (let tool = 0; tool < 100; tool++) spend(`tool-${tool}`, 1);
    expect(limiter.counts().tools).toBe(100);
    const busy = enter('tool-1');
    clock += 61_000;
    enter('other');
    expect(limiter.counts().tools).toBe(2);
    busy.leave();
  });
});
