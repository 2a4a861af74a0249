import { expect, it } from 'vitest';
import { fewAtOnce } from '../src/few-at-once.ts';

it('of very many works a few are under way at once, and all are done in their order', async () => {
  const inTurn = fewAtOnce(3);
  const done: number[] = [];
  let [running, most] = [0, 0];
  for (let at = 0; at < 20; at += 1)
    inTurn(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      done.push(at);
    });
  while (done.length < 20) await new Promise((resolve) => setImmediate(resolve));
  expect([most, done]).toEqual([3, Array.from({ length: 20 }, (_, at) => at)]);
});
