/**
 * One job: what is known of its object, its runs and its pods, and how it is now. Made and fed by roster.ts. Pure: it asks nobody
 * anything, and every state is derived anew from all facts, so that the order in which they came leaves no trace.
 *
 *  absent --any fact that is news, in any state--> deciding
 *
 *  deciding --nothing remains--> over (final)
 *     |------ no object now ---> ending     (its pods or runs remain)
 *     |------ no object yet ---> absent     (its pods or runs came first)
 *     |------ Job -------------> oneOff ------> succeeded | failed | running | unknown | pending
 *     |------ CronJob ---------> scheduled ---> running | suspended | waiting
 *     '------ Deployment ------> continuous --> running | failed | unknown | pending
 */
import { type ActorRefFrom, assign, enqueueActions, type SnapshotFrom, setup } from 'xstate';
import type { JobEvent, JobKey, JobSnapshot, JobState, ObjectFacts, PodFacts, RunEnd, RunFacts } from '../domain.ts';
import {
  bury,
  formerUid,
  isNewObject,
  isNewPart,
  type JobFacts,
  noFacts,
  ownPods,
  ownRuns,
  withObject,
  withoutObject,
  withoutPart,
  withPart,
} from './job-facts.ts';
import * as rules from './job-rules.ts';
import { endOfGone, endsToTell, forget } from './run-end.ts';

interface Gone {
  readonly uid: string;
  readonly resourceVersion: string;
}

export const jobMachine = setup({
  types: {
    context: {} as JobFacts,
    events: {} as JobEvent,
    input: {} as { readonly key: JobKey },
    tags: {} as JobState,
    emitted: {} as { readonly type: 'run.ended'; readonly end: RunEnd },
  },
  actions: {
    /** Once for each run, when all that there is to say of its end is known. */
    tellEnds: enqueueActions(({ context, enqueue }) => {
      const ends = endsToTell(context);
      if (ends.length === 0) return;
      for (const end of ends) enqueue.emit({ type: 'run.ended', end });
      enqueue.assign({ told: [...context.told, ...ends.map(({ id }) => id)] });
    }),
    /** The last moment to tell the end of a run: with what is known of it. */
    tellLast: enqueueActions(({ context, enqueue }, { uid }: { uid: string | undefined }) => {
      const end = endOfGone(context, uid);
      if (end) enqueue.emit({ type: 'run.ended', end });
      enqueue.assign({ told: forget(context.told, uid) });
    }),
    keepObject: assign(({ context }, { object }: { object: ObjectFacts }) => withObject(context, object)),
    keepRun: assign(({ context }, { run }: { run: RunFacts }) => ({ runs: withPart(context.runs, run) })),
    keepPod: assign(({ context }, { pod }: { pod: PodFacts }) => ({ pods: withPart(context.pods, pod) })),
    buryObject: assign(({ context }, { uid, resourceVersion }: Gone) => withoutObject(context, uid, resourceVersion)),
    buryRun: assign(({ context: { runs, gone } }, { uid }: Gone) => ({
      runs: withoutPart(runs, uid),
      gone: bury(gone, uid),
    })),
    buryPod: assign(({ context: { pods, gone } }, { uid }: Gone) => ({
      pods: withoutPart(pods, uid),
      gone: bury(gone, uid),
    })),
  },
  guards: {
    isNewObject: ({ context }, { object }: { object: ObjectFacts }) => isNewObject(context, object),
    isNewRun: ({ context }, { run }: { run: RunFacts }) => isNewPart(context.runs, context.gone, run),
    isNewPod: ({ context }, { pod }: { pod: PodFacts }) => isNewPart(context.pods, context.gone, pod),
    isNewlyGone: ({ context }, { uid }: Gone) => !context.gone.includes(uid),
    nothingRemains: ({ context }) => rules.nothingRemains(context),
    objectHasGone: ({ context }) => context.object === undefined && context.ended,
    objectIsUnseen: ({ context }) => context.object === undefined,
    isOneOff: ({ context }) => context.key.kind === 'Job',
    isScheduled: ({ context }) => context.key.kind === 'CronJob',
    hasCompleted: ({ context }) => rules.hasCompleted(context),
    hasFailed: ({ context }) => rules.hasFailed(context),
    attemptHasSucceeded: ({ context }) => rules.attemptHasSucceeded(context),
    attemptsAreUsedUp: ({ context }) => rules.attemptsAreUsedUp(context),
    attemptIsRunning: ({ context }) => rules.attemptIsRunning(context),
    attemptIsLost: ({ context }) => rules.attemptIsLost(context),
    runIsActive: ({ context }) => rules.runIsActive(context),
    isSuspended: ({ context }) => rules.isSuspended(context),
    copyIsRunning: ({ context }) => rules.copyIsRunning(context),
    copyKeepsCrashing: ({ context }) => rules.copyKeepsCrashing(context),
    podsAreRefused: ({ context }) => rules.podsAreRefused(context),
    isAvailable: ({ context }) => rules.isAvailable(context),
  },
}).createMachine({
  id: 'job',
  context: ({ input }) => noFacts(input.key),
  initial: 'absent',
  on: {
    'object.seen': {
      guard: { type: 'isNewObject', params: ({ event }) => event },
      actions: [
        { type: 'tellLast', params: ({ context, event }) => ({ uid: formerUid(context, event.object) }) },
        { type: 'keepObject', params: ({ event }) => event },
        'tellEnds',
      ],
      target: '.deciding',
    },
    'object.gone': {
      guard: { type: 'isNewlyGone', params: ({ event }) => event },
      actions: [
        { type: 'tellLast', params: ({ event }) => event },
        { type: 'buryObject', params: ({ event }) => event },
      ],
      target: '.deciding',
    },
    'run.seen': {
      guard: { type: 'isNewRun', params: ({ event }) => event },
      actions: [{ type: 'keepRun', params: ({ event }) => event }, 'tellEnds'],
      target: '.deciding',
    },
    'run.gone': {
      guard: { type: 'isNewlyGone', params: ({ event }) => event },
      actions: [
        { type: 'tellLast', params: ({ event }) => event },
        { type: 'buryRun', params: ({ event }) => event },
      ],
      target: '.deciding',
    },
    'pod.seen': {
      guard: { type: 'isNewPod', params: ({ event }) => event },
      actions: [{ type: 'keepPod', params: ({ event }) => event }, 'tellEnds'],
      target: '.deciding',
    },
    'pod.gone': {
      guard: { type: 'isNewlyGone', params: ({ event }) => event },
      actions: { type: 'buryPod', params: ({ event }) => event },
      target: '.deciding',
    },
  },
  states: {
    deciding: {
      always: [
        { guard: 'nothingRemains', target: 'over' },
        { guard: 'objectHasGone', target: 'ending' },
        { guard: 'objectIsUnseen', target: 'absent' },
        { guard: 'isOneOff', target: 'oneOff' },
        { guard: 'isScheduled', target: 'scheduled' },
        { target: 'continuous' },
      ],
    },
    /** What the Job itself says of its end counts; its pods are asked only where it says nothing yet. */
    oneOff: {
      always: [
        { guard: 'hasCompleted', target: 'succeeded' },
        { guard: 'hasFailed', target: 'failed' },
        { guard: 'attemptHasSucceeded', target: 'succeeded' },
        { guard: 'attemptsAreUsedUp', target: 'failed' },
        { guard: 'attemptIsRunning', target: 'running' },
        { guard: 'attemptIsLost', target: 'unknown' },
        { target: 'pending' },
      ],
    },
    scheduled: {
      always: [
        { guard: 'runIsActive', target: 'running' },
        { guard: 'isSuspended', target: 'suspended' },
        { target: 'waiting' },
      ],
    },
    /** One running copy is enough: a job of which another copy crashes is still doing its work. */
    continuous: {
      always: [
        { guard: 'copyIsRunning', target: 'running' },
        { guard: 'copyKeepsCrashing', target: 'failed' },
        { guard: 'podsAreRefused', target: 'failed' },
        { guard: 'isAvailable', target: 'running' },
        { guard: 'attemptIsLost', target: 'unknown' },
        { target: 'pending' },
      ],
    },
    absent: {},
    ending: {},
    pending: { tags: 'pending' },
    running: { tags: 'running' },
    succeeded: { tags: 'succeeded' },
    failed: { tags: 'failed' },
    unknown: { tags: 'unknown' },
    waiting: { tags: 'waiting' },
    suspended: { tags: 'suspended' },
    over: { type: 'final' },
  },
});

export type JobActor = ActorRefFrom<typeof jobMachine>;

/** How the job is, with the facts of its present life only; undefined while there is no object to show. */
export function showJob(snapshot: SnapshotFrom<typeof jobMachine>): JobSnapshot | undefined {
  const { context } = snapshot;
  const [state] = snapshot.tags as ReadonlySet<JobState>;
  if (context.object === undefined || state === undefined) return undefined;
  return { key: context.key, object: context.object, runs: ownRuns(context), pods: ownPods(context), state };
}
