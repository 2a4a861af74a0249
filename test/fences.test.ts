import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Tool } from '../src/domain.ts';
import type { AppError } from '../src/errors.ts';
import { createFences, type Fences } from '../src/fences.ts';
import { createLog } from '../src/log.ts';

const alpha = Tool.of('alpha');
const start = Date.parse('2026-03-01T12:00:00Z');
let directory: string;
let clock: number;
let logged: string[];
let mayWrite: boolean;
let fences: Fences;

function open(): Fences {
  const log = createLog({ level: 'warn', stream: { write: (line) => void logged.push(line) } });
  return createFences({ directory, log, now: () => clock, mayWrite: () => mayWrite });
}
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fences-'));
  [clock, logged, mayWrite] = [start, [], true];
  fences = open();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** `run` began so many seconds after the start. */
const claim = (run: string, seconds = 0, job = 'bot', tool = alpha) =>
  fences.claim(tool, { job, run, createdAt: start + seconds * 1000 });
const refused = { code: 'run.superseded' };
const file = () => join(directory, readdirSync(directory)[0] as string, 'alpha.json');

describe('a fencing number', () => {
  it('is the same for a run that asks again, over a restart too', async () => {
    const number = await claim('a');
    clock += 1_000;
    fences = open();
    expect([await claim('a'), number]).toEqual([start, start]);
  });

  it('grows with each newer run, though no time passes or the clock goes back', async () => {
    const numbers = [await claim('a', 1), await claim('b', 2)];
    clock -= 3_600_000;
    fences = open();
    numbers.push(await claim('c', 3));
    expect(numbers).toEqual([start, start + 1, start + 2]);
  });

  it('is not given to an older run any more, whether or not that had one', async () => {
    await claim('a', 1);
    await claim('c', 3);
    await expect(claim('a', 1)).rejects.toMatchObject(refused);
    await expect(claim('b', 2)).rejects.toMatchObject(refused);
  });

  it('is not given back to a run that lost it to another of the same second', async () => {
    await claim('a', 1);
    await claim('b', 1);
    await expect(claim('a', 1)).rejects.toMatchObject(refused);
    await claim('c', 1);
    await expect(claim('b', 1)).rejects.toMatchObject(refused);
  });

  it('is of one job of one tool', async () => {
    await claim('b', 2);
    expect(await claim('a', 1, 'other')).toBe(start);
    expect(await claim('a', 1, 'bot', Tool.of('beta'))).toBe(start);
  });

  it('never goes back when what was on disk is lost, unreadable or of a backup', async () => {
    await claim('a', 1);
    const backup = readFileSync(file());
    clock += 1;
    const last = await claim('b', 2);
    clock += 1;
    writeFileSync(file(), backup);
    expect(await claim('c', 3)).toBeGreaterThan(last);
    clock += 1;
    writeFileSync(file(), '{');
    expect(await claim('d', 4)).toBeGreaterThan(last + 1);
    expect(logged.join()).toContain('it is set aside');
    clock += 1;
    rmSync(file());
    expect(await claim('e', 5)).toBeGreaterThan(last + 2);
  });

  it('is on disk before it is told', async () => {
    mayWrite = false;
    await expect(claim('a')).rejects.toMatchObject({ code: 'state.unwritable' });
    mayWrite = true;
    clock += 5;
    expect(await claim('a')).toBe(start + 5);
  });

  it('is given to runs that ask at the same time one after the other', async () => {
    const numbers = await Promise.all(['a', 'b', 'c'].map((run, index) => claim(run, index, `bot-${run}`)));
    expect(numbers).toEqual([start, start, start]);
    fences = open();
    expect(await Promise.all(['a', 'b', 'c'].map((run, index) => claim(run, index, `bot-${run}`)))).toEqual(numbers);
  });

  it('keeps a store that refuses lower ones from going back, whatever asks when', async () => {
    const steps = fc.array(
      fc.record({ run: fc.nat(5), does: fc.constantFrom('claim', 'write', 'write', 'restart'), ms: fc.nat(3) }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        rmSync(directory, { recursive: true, force: true });
        fences = open();
        const held = new Map<number, number>();
        let [stored, newestWriter] = [-1, -1];
        for (const { run, does, ms } of all) {
          clock += ms;
          if (does === 'restart') fences = open();
          if (does === 'claim') {
            // Two runs begin in each second.
            const number = await claim(`run-${run}`, run >> 1).catch((error: AppError) => error.code);
            if (typeof number === 'number') held.set(run, number);
            else expect(number).toBe('run.superseded');
          }
          const fence = held.get(run);
          if (does !== 'write' || fence === undefined || fence < stored) continue;
          // None that began before the last one that wrote, and no two with one number.
          expect(run >> 1).toBeGreaterThanOrEqual(newestWriter >> 1);
          expect(fence > stored || run === newestWriter).toBe(true);
          [stored, newestWriter] = [fence, run];
        }
      }),
      { numRuns: 60 },
    );
  });
});
