import { describe, expect, it } from 'vitest';
import { createTurns } from '../../../src/server/handlers/turns.ts';
import { alpha, beta } from '../scripted-deps.ts';

/** A change that ends when it is told to. */
function change(log: string[], name: string) {
  let end = () => {};
  const until = new Promise<void>((resolve) => {
    end = resolve;
  });
  const run = async () => {
    log.push(`${name} begins`);
    await until;
    log.push(`${name} ends`);
  };
  return { run, end: () => end() };
}

describe('changes of one job', () => {
  it('follow one another, also after one that failed', async () => {
    const takeTurn = createTurns();
    const log: string[] = [];
    const first = change(log, 'first');
    const one = takeTurn(alpha, 'demo', first.run);
    const two = takeTurn(alpha, 'demo', async () => Promise.reject(new Error('no')));
    const three = takeTurn(alpha, 'demo', async () => log.push('third'));
    await Promise.resolve();
    expect(log).toEqual(['first begins']);
    first.end();
    await one;
    await expect(two).rejects.toThrow('no');
    await three;
    expect(log).toEqual(['first begins', 'first ends', 'third']);
  });

  it('do not keep other jobs waiting, nor those of other tools', async () => {
    const takeTurn = createTurns();
    const log: string[] = [];
    const first = change(log, 'first');
    const one = takeTurn(alpha, 'demo', first.run);
    expect(await takeTurn(alpha, 'other', async () => 'at once')).toBe('at once');
    expect(await takeTurn(beta, 'demo', async () => 'at once')).toBe('at once');
    first.end();
    await one;
  });

  it('are refused when too many wait', async () => {
    const takeTurn = createTurns();
    const first = change([], 'first');
    const waiting = Array.from({ length: 17 }, () => takeTurn(alpha, 'demo', first.run));
    await expect(takeTurn(alpha, 'demo', first.run)).rejects.toMatchObject({ code: 'caller.too_many' });
    first.end();
    await Promise.all(waiting);
    expect(await takeTurn(alpha, 'demo', async () => 'again')).toBe('again');
  });
});
