import { describe, expect, test } from 'vitest';
import type { JobEvent } from '../../src/domain.ts';
import { createHeldFacts } from '../../src/watch/held-facts.ts';
import { makeJobObject, makePod } from '../support/make.ts';
import { makeGone, makeSeen } from '../support/make-event.ts';

const job = (version: string, uid = 'job') => makeSeen(makeJobObject({ version, uid }));
const pod = (version: string) => makeSeen(makePod({ version, uid: 'pod' }));
const gone = (version: string) => makeGone(makePod({ version, uid: 'pod' }));
const old = (event: JobEvent) => ({ ...event, isOld: true }) as JobEvent;
const versionOf = (event: JobEvent) => /"resourceVersion":"(\d+)"/.exec(JSON.stringify(event))?.[1];

function hold(most?: number) {
  const heard: string[] = [];
  const facts = createHeldFacts((event) => heard.push(`${event.type} ${versionOf(event)}`), most);
  return { ...facts, heard };
}

describe('facts that are held back', () => {
  test('are told in the order in which they came to be, whatever their kind', async () => {
    const facts = hold();
    for (const event of [pod('99'), pod('105'), gone('1010'), job('100'), job('107')]) facts.pass(event);
    expect(facts.heard).toEqual([]);
    await facts.release();
    expect(facts.heard).toEqual(['pod.seen 99', 'object.seen 100', 'pod.seen 105', 'object.seen 107', 'pod.gone 1010']);
  });

  test('are told from what was so before the start to what nobody knows the time of', async () => {
    const facts = hold();
    facts.pass(gone('90'), true);
    facts.pass(pod('105'));
    facts.pass(old(job('300')));
    facts.pass(old(job('80')));
    await facts.release();
    expect(facts.heard).toEqual(['object.seen 80', 'object.seen 300', 'pod.seen 105', 'pod.gone 90']);
  });

  test('stay in their order where they are of one version', async () => {
    const facts = hold();
    for (const event of [gone('100'), pod('100'), job('100')]) facts.pass(event);
    await facts.release();
    expect(facts.heard).toEqual(['pod.gone 100', 'pod.seen 100', 'object.seen 100']);
  });

  test('give way to everybody else while they are told, and what comes meanwhile is told after them', async () => {
    const facts = hold();
    for (let version = 1_000; version < 1_600; version += 1) facts.pass(pod(String(version)));
    let turns = 0;
    const released = facts.release().then(() => true);
    while (facts.heard.length < 600) {
      turns += 1;
      if (turns === 1) facts.pass(job('1'));
      await new Promise(setImmediate);
    }
    expect(await released).toBe(true);
    expect(turns).toBeGreaterThan(1);
    expect(facts.heard.at(-1)).toBe('object.seen 1');
    facts.pass(job('2'));
    expect(facts.heard.at(-1)).toBe('object.seen 2');
  });

  test('are let go when there are too many of them', async () => {
    const facts = hold(3);
    for (const version of ['3', '1', '2']) facts.pass(pod(version));
    expect(facts.heard).toEqual(['pod.seen 1', 'pod.seen 2', 'pod.seen 3']);
    await facts.release();
    facts.pass(pod('4'));
    expect(facts.heard).toHaveLength(4);
  });

  test('are forgotten by whoever stops, even in the middle', async () => {
    const facts = hold();
    for (let version = 1_000; version < 1_600; version += 1) facts.pass(pod(String(version)));
    const released = facts.release();
    facts.drop();
    await released;
    facts.pass(job('1'));
    expect(facts.heard).toHaveLength(250);
  });
});
