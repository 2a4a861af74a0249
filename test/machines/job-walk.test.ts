/** Every state that a handful of facts can lead to, whatever their order: replayed step by step, with the promises checked at each. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { initialTransition, type SnapshotFrom, transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import type { JobEvent, JobKey, JobSnapshot, Notice, RunEnd } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { jobMachine, showJob } from '../../src/machines/job.ts';
import { createJobRoster, type JobRoster } from '../../src/machines/roster.ts';
import { makeCronJobObject, makeDeploymentObject, makeJobObject, makePod } from '../support/make.ts';
import { keyOf, makeGone, makeSeen } from '../support/make-event.ts';

type Snapshot = SnapshotFrom<typeof jobMachine>;

const later = '2026-03-01T12:10:00Z';

/** Two lives of one name with what belongs to each; pods are named after their life. */
const stories: Record<JobKey['kind'], readonly JobEvent[]> = {
  Job: [
    makeSeen(makeJobObject({ uid: 'one', version: '100' })),
    makeSeen(makePod({ name: 'pod-of-one', uid: 'p1', ownerUid: 'one', version: '102' })),
    makeSeen(makePod({ name: 'pod-of-one', uid: 'p1', ownerUid: 'one', version: '103', exitCode: 1 })),
    makeSeen(makeJobObject({ uid: 'one', version: '104', conditions: [{ type: 'Failed' }] })),
    makeGone(makeJobObject({ uid: 'one', version: '105' })),
    makeSeen(makeJobObject({ uid: 'two', version: '110', createdAt: later })),
    makeSeen(makePod({ name: 'pod-of-two', uid: 'p2', ownerUid: 'two', version: '111', createdAt: later })),
    makeGone(makePod({ uid: 'p1', version: '112' })),
    makeGone(makeJobObject({ uid: 'two', version: '113' })),
    makeGone(makePod({ uid: 'p2', version: '114' })),
  ],
  CronJob: [
    makeSeen(makeCronJobObject({ uid: 'one', version: '100' })),
    makeSeen(makeJobObject({ name: 'run-of-one', uid: 'r1', version: '101', cronJob: { name: 'demo', uid: 'one' } })),
    makeSeen(
      makePod({ name: 'pod-of-one', uid: 'p1', ownerUid: 'r1', component: 'cronjobs', version: '102', exitCode: 1 }),
    ),
    makeGone(makeCronJobObject({ uid: 'one', version: '103' })),
    makeSeen(makeCronJobObject({ uid: 'two', version: '110', suspended: true })),
    makeSeen(makeJobObject({ name: 'run-of-two', uid: 'r2', version: '111', cronJob: { name: 'demo', uid: 'two' } })),
    makeSeen(
      makeJobObject({
        name: 'run-of-one',
        uid: 'r1',
        version: '111',
        cronJob: { name: 'demo', uid: 'one' },
        conditions: [{ type: 'Failed' }],
        failed: 1,
      }),
    ),
    makeGone(makeJobObject({ uid: 'r1', version: '112', cronJob: { name: 'demo', uid: 'one' } })),
    makeGone(makePod({ uid: 'p1', component: 'cronjobs', version: '113' })),
    makeGone(makeCronJobObject({ uid: 'two', version: '114' })),
    makeGone(makeJobObject({ uid: 'r2', version: '115', cronJob: { name: 'demo', uid: 'two' } })),
  ],
  Deployment: [
    makeSeen(makeDeploymentObject({ uid: 'one', version: '100' })),
    makeSeen(makePod({ name: 'pod-of-one', uid: 'p1', component: 'deployments', ownerUid: 's1', version: '101' })),
    makeSeen(makeDeploymentObject({ uid: 'one', version: '102', conditions: [{ type: 'Available' }] })),
    makeGone(makeDeploymentObject({ uid: 'one', version: '103' })),
    makeSeen(makeDeploymentObject({ uid: 'two', version: '110', createdAt: later })),
    makeSeen(
      makePod({
        name: 'pod-of-two',
        uid: 'p2',
        component: 'deployments',
        ownerUid: 's2',
        version: '111',
        createdAt: later,
        waiting: 'CrashLoopBackOff',
      }),
    ),
    makeGone(makePod({ uid: 'p1', component: 'deployments', version: '112' })),
    makeGone(makeDeploymentObject({ uid: 'two', version: '113' })),
    makeGone(makePod({ uid: 'p2', component: 'deployments', version: '114' })),
  ],
};

const goneUid = (event: JobEvent) => ('uid' in event ? event.uid : undefined);

/** The promises, whatever was heard so far. */
function check(snapshot: Snapshot, heard: readonly JobEvent[]): void {
  const shown = showJob(snapshot);
  const gone = new Set(heard.map(goneUid));
  const tags = [...snapshot.tags];
  expect(tags.length, 'one state is shown, or none').toBe(shown ? 1 : 0);
  if (!shown) return;
  expect(gone.has(shown.object.uid), 'an object that is gone is not shown').toBe(false);
  expect(shown.state).toBe(tags[0]);
  for (const part of [...shown.pods, ...shown.runs]) {
    expect(livesOf(shown), 'two lives are never mixed').toContain(part.name.replace(/^.*-of-/, ''));
    expect(gone.has(part.uid), 'a part that is gone is not shown').toBe(false);
  }
  checkState(shown);
}

/** Nothing but the time ties a pod to its Deployment: one that comes before its own Deployment was seen goes to the one still there. */
function livesOf({ key, object }: JobSnapshot): string[] {
  return key.kind === 'Deployment' && object.uid === 'one' ? ['one', 'two'] : [object.uid];
}

/** The state says what the facts beside it say. */
function checkState({ key, state, object, runs, pods }: JobSnapshot): void {
  const isTrue = (type: string) => object.status.conditions.some((one) => one.type === type);
  const [newest] = pods;
  if (key.kind === 'Job') {
    const fromPod = { Running: 'running', Failed: 'failed' }[newest?.phase as string] ?? 'pending';
    expect(state).toBe(isTrue('Failed') ? 'failed' : fromPod);
  } else if (key.kind === 'CronJob') {
    const active = runs.filter(({ status }) => status.conditions.length === 0);
    expect(state).toBe(active.length > 0 ? 'running' : object.status.suspended ? 'suspended' : 'waiting');
  } else {
    const isUp = pods.some(({ container }) => container?.state?.kind === 'running');
    const otherwise = newest ? 'failed' : isTrue('Available') ? 'running' : 'pending';
    expect(state).toBe(isUp ? 'running' : otherwise);
  }
}

const start = (kind: JobKey['kind']) => initialTransition(jobMachine, { key: keyOf(kind) })[0];

type Emitted =
  | { readonly type: 'run.ended'; readonly end: RunEnd }
  | { readonly type: 'notice'; readonly notice: Notice };

/** @returns the state after the event, and what it told: the ends of runs, and ids of notices */
function step(snapshot: Snapshot, event: JobEvent): [Snapshot, RunEnd[], string[]] {
  const [next, actions] = transition(jobMachine, snapshot, event);
  const emitted = actions.flatMap(({ type, params }) =>
    (type as string) === 'xstate.emit' ? [(params as { event: Emitted }).event] : [],
  );
  return [
    next,
    emitted.flatMap((one) => (one.type === 'run.ended' ? [one.end] : [])),
    emitted.flatMap((one) => (one.type === 'notice' ? [one.notice.id] : [])),
  ];
}

/** Of the runs of these stories: what may be told of each, whatever the order. */
function checkEnds(ends: readonly RunEnd[], heard: readonly JobEvent[]): void {
  expect(new Set(ends.map(({ id }) => id)).size, 'the end of a run is told once').toBe(ends.length);
  for (const { id, outcome, attempts, exitCode } of ends) {
    const sawEnd = heard.some((event) => conditionsOf(event, id).includes('Failed'));
    const sawPod = heard.some((event) => event.type === 'pod.seen' && event.pod.ownerUid === id && isFailed(event));
    if (sawEnd) expect(outcome, 'what the Job has said counts').toBe('failed');
    else expect(outcome, 'nothing is guessed').toBeOneOf(sawPod ? ['failed', 'unknown'] : ['unknown']);
    if (!sawPod) expect([attempts, exitCode]).toEqual([sawEnd ? expect.any(Number) : 0, undefined]);
  }
}

const isFailed = (event: JobEvent) => event.type === 'pod.seen' && event.pod.phase === 'Failed';

function conditionsOf(event: JobEvent, uid: string): string[] {
  const part = event.type === 'object.seen' ? event.object : event.type === 'run.seen' ? event.run : undefined;
  return part?.uid === uid ? part.status.conditions.map(({ type }) => type) : [];
}

/** Facts without the order in which ends were told, which nobody can see. */
function serializeState({ value, context }: Snapshot): string {
  const parts = (list: readonly { uid: string; resourceVersion: string }[]) =>
    list.map(({ uid, resourceVersion }) => `${uid}@${resourceVersion}`);
  const { object, version, runs, pods, gone, told } = context;
  return JSON.stringify([value, object?.uid, version, parts(runs), parts(pods), [...gone].sort(), [...told].sort()]);
}

describe.each(Object.keys(stories) as JobKey['kind'][])('from any order of facts about a %s', (kind) => {
  const events = stories[kind];
  const input = { key: keyOf(kind) };
  const paths = getShortestPaths(jobMachine, {
    input,
    events: [...events],
    serializeState: (state) => serializeState(state as Snapshot),
    limit: 100_000,
  });

  test('every state that can be reached keeps the promises at each step', () => {
    expect(paths.length).toBeGreaterThan(50);
    for (const path of paths) {
      const heard: JobEvent[] = [];
      const ends: RunEnd[] = [];
      const notices: string[] = [];
      let snapshot = start(kind);
      for (const { event } of path.steps.slice(1)) {
        heard.push(event as JobEvent);
        const [next, told, noticed] = step(snapshot, event as JobEvent);
        snapshot = next;
        ends.push(...told);
        notices.push(...noticed);
      }
      check(snapshot, heard);
      checkEnds(ends, heard);
      expect(new Set(notices).size, 'each thing that happened is told once').toBe(notices.length);
    }
  });

  test('in order every run that was seen and has ended, or is gone, is told of', () => {
    const told: Record<typeof kind, string[]> = { Job: ['one', 'two'], CronJob: ['r1', 'r2'], Deployment: [] };
    expect(toldAll(events).ends).toEqual(told[kind]);
  });

  test('told out of order and twice they end where they would have in order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: events.length }), disorder(), (count, moves) => {
        const told = events.slice(0, count);
        const straight = toldAll(told);
        const crooked = toldAll(disturb(told, moves));
        expect(factsIn(crooked)).toEqual(factsIn(straight));
        expect(crooked.size()).toBe(straight.size());
        expect(new Set(crooked.ends).size).toBe(crooked.ends.length);
      }),
      { numRuns: 300 },
    );
  });
});

/** A streak is what was told in its order, and of one that was told of too late nobody heard. */
function factsIn({ list }: Pick<JobRoster, 'list'>) {
  return list('tool-alpha').map(({ streak: _, ...shown }) => shown);
}

/** Through the roster, since a job that was over for a moment may still be told of. */
function toldAll(events: readonly JobEvent[]) {
  const ends: string[] = [];
  const roster = createJobRoster({ log: createLog({ level: 'silent' }), onRunEnded: ({ id }) => void ends.push(id) });
  for (const event of events) roster.accept(event);
  return { ...roster, ends };
}

/** For each event how far it moves, and how many times it is told. */
function disorder() {
  return fc.array(fc.record({ by: fc.integer({ min: -5, max: 5 }), times: fc.integer({ min: 1, max: 3 }) }), {
    minLength: 12,
    maxLength: 12,
  });
}

function disturb<Item>(items: readonly Item[], moves: readonly { by: number; times: number }[]): Item[] {
  return items
    .flatMap((item, index) => {
      const { by, times } = moves[index % moves.length]!;
      return Array.from({ length: times }, (_, copy) => ({ item, at: index + by + copy / 10 }));
    })
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}
