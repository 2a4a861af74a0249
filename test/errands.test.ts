import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Errand } from '../src/domain.ts';
import { createErrands, type Errands } from '../src/errands.ts';
import { createLog } from '../src/log.ts';

const errand = (name: string): Errand => ({
  type: 'resume',
  id: `uid-${name}`,
  key: { namespace: 'tool-alpha', kind: 'CronJob', name },
  uid: `uid-${name}`,
  until: 0,
});
let done: string[];
let fails: (name: string) => boolean;
let errands: Errands;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  [done, fails] = [[], () => false];
  errands = createErrands({
    log: createLog({ level: 'silent' }),
    atOnce: 2,
    async carryOut({ key: { name } }) {
      if (fails(name)) throw new Error('The certificate has ended.');
      done.push(name);
    },
  });
});
afterEach(() => {
  errands.stop();
  vi.useRealTimers();
});
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

it('an errand is carried out once, however often it is asked for meanwhile', async () => {
  errands.accept(errand('a'));
  errands.accept(errand('b'));
  errands.accept(errand('c'));
  await settled();
  expect(done).toEqual(['a', 'b', 'c']);
  expect(errands.stats()).toEqual({ waiting: 0, failing: [] });
});

it('one that is asked for again while it is under way is looked at once more', async () => {
  errands.accept(errand('a'));
  errands.accept(errand('a'));
  errands.accept(errand('a'));
  await settled();
  expect(done).toEqual(['a', 'a']);
});

it('one that fails is tried again until it is done, less and less often, and says why meanwhile', async () => {
  fails = () => true;
  errands.accept(errand('a'));
  errands.accept(errand('b'));
  await settled();
  expect(errands.stats()).toEqual({
    waiting: 2,
    failing: ['tool-alpha/a: The certificate has ended.', 'tool-alpha/b: The certificate has ended.'],
  });
  fails = (name) => name === 'b';
  await vi.advanceTimersByTimeAsync(1_000);
  await settled();
  expect([done, errands.stats().waiting]).toEqual([['a'], 1]);
  for (let minute = 0; minute < 20; minute += 1) await vi.advanceTimersByTimeAsync(60_000);
  fails = () => false;
  await vi.advanceTimersByTimeAsync(300_000);
  await settled();
  expect([done, errands.stats()]).toEqual([['a', 'b'], { waiting: 0, failing: [] }]);
});
