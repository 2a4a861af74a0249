/** The mail of the daemon, killed at every place where it can be: what is kept of its promise, and that the harness would see a broken one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltDoor, buildProgram } from '../support/build-door.ts';
import { faultsOf, type TortureResult, tortureMail } from '../torture/mail.ts';

let program: BuiltDoor;
beforeAll(async () => {
  program = await buildProgram('test/torture/mail-daemon.ts');
});
afterAll(() => program.remove());

const sum = (results: readonly TortureResult[], gap: keyof TortureResult['cuts']) =>
  results.reduce((total, { cuts }) => total + cuts[gap], 0);

describe('mail, or an event for a webhook, that is cut off by a kill', () => {
  it('is never lost, never another tool’s, and comes twice only where it was cut off after its last byte', async () => {
    const runs = [1, 2, 3].map((seed) => tortureMail({ program: program.path, cuts: 100, seed }));
    const ofWebhooks = tortureMail({ program: program.path, cuts: 30, seed: 5, via: 'webhook' });
    const results = await Promise.all(runs);
    expect([...results, await ofWebhooks].flatMap(faultsOf)).toEqual([]);
    for (const gap of ['event', 'gather', 'seal', 'send', 'record'] as const)
      expect(sum(results, gap), `cuts in the gap ${gap}`).toBeGreaterThanOrEqual(30);
  });

  it.each([
    { mistake: 'acknowledges-first', broken: 'lost', what: 'the disk is said to have it before it has' },
    { mistake: 'sends-unsaved', broken: 'toldTwice', what: 'it goes out before the disk has its bytes' },
    { mistake: 'sends-twice', broken: 'duplicatesWithoutCut', what: 'it is sent again after it was taken' },
  ] as const)('is seen by this harness to break its promise where $what', async ({ mistake, broken }) => {
    const result = await tortureMail({ program: program.path, cuts: 60, seed: 4, mistake });
    expect(result[broken]).not.toEqual(broken === 'duplicatesWithoutCut' ? 0 : []);
    expect(faultsOf(result)).not.toEqual([]);
  });
});
