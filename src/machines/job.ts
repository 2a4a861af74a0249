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
import type {
  Errand,
  JobEvent,
  JobKey,
  JobSnapshot,
  JobState,
  Notice,
  ObjectFacts,
  PodFacts,
  RunEnd,
  RunFacts,
  RunRecord,
  Skip,
  Streak,
} from '../domain.ts';
import { nextStreak, streakOf } from '../streak.ts';
import { longestTimerMs } from '../time-limit.ts';
import { catchUpOf, countingOf, resumptionOf } from './errands.ts';
import { accountFor, type FiringSurroundings, type Firings, type MissedFiring, standIn } from './firings.ts';
import {
  bury,
  formerUid,
  isNewObject,
  isNewPart,
  type JobFacts,
  noFacts,
  ownPods,
  ownRuns,
  withAge,
  withObject,
  withoutObject,
  withoutPart,
  withoutPod,
  withPart,
  withPod,
} from './job-facts.ts';
import * as rules from './job-rules.ts';
import { type Graces, type Sign, signOfEnd, signsOf } from './notices.ts';
import { endOfGone, endsToTell, forget, hasNoPod, runsIn } from './run-end.ts';

interface Gone {
  readonly uid: string;
  readonly resourceVersion: string;
}

/** What is looked at beside the facts, at the moment of use. */
export interface JobSurroundings {
  graces(): Graces;
  /** Ms since the epoch. */
  now(): number;
  /** When anybody began to look: what ended before that is nobody's news. Unset: always. */
  since?(): number;
  /** Unset: nobody accounts for firings. */
  readonly firings?: FiringSurroundings;
}

/** Of a job that nobody wants to hear of. */
const nobody: JobSurroundings = {
  graces: () => ({ troubleMs: Number.POSITIVE_INFINITY, steadyMs: Number.POSITIVE_INFINITY }),
  now: () => 0,
};

interface JobContext extends JobFacts {
  readonly around: JobSurroundings;
  /** Of a scheduled job, where somebody accounts for them. */
  readonly firings: Firings | undefined;
  readonly skipped: Skip | undefined;
  /** Id of the errand that was asked for last. */
  readonly errand: string | undefined;
  /** Of a scheduled job. */
  readonly streak: Streak | undefined;
  readonly refused: Refused | undefined;
  /** Whether what happened before the start counts in the two. */
  readonly isRecalled: boolean;
}

/** What is known by now of a firing that this job has told to be missed. */
interface FiringExplained {
  readonly type: 'firing.explained';
  readonly end: RunEnd;
}

/** Why the cluster makes no pod for a run, in its words. */
interface Refused {
  readonly run: string;
  readonly says: string;
}

/** What is on record of its runs, newest first. */
interface RunsRecalled {
  readonly type: 'runs.recalled';
  readonly runs: readonly RunRecord[];
}

interface RunRefused extends Refused {
  readonly type: 'run.refused';
}

/** A firing should have begun by now. */
interface FiringDue {
  readonly type: 'firing.due';
}

/** Something has to be done for the job by now. */
interface ErrandDue {
  readonly type: 'errand.due';
}

/** Time in which something lasted has passed. */
interface GracePassed {
  readonly type: 'grace.passed';
}

/** How long something has to last is another time from now on, for what lasts already as well. */
interface GracesChanged {
  readonly type: 'graces.changed';
}

const maxNoticed = 64;
/** The clock may have been set meanwhile. */
const longestWaitMs = 3_600_000;

export const jobMachine = setup({
  types: {
    context: {} as JobContext,
    events: {} as
      | JobEvent
      | GracePassed
      | GracesChanged
      | FiringDue
      | FiringExplained
      | RunRefused
      | ErrandDue
      | RunsRecalled,
    input: {} as { readonly key: JobKey; readonly around?: JobSurroundings },
    tags: {} as JobState,
    emitted: {} as
      | { readonly type: 'run.ended'; readonly end: RunEnd }
      | { readonly type: 'notice'; readonly notice: Notice }
      | { readonly type: 'firing.missed'; readonly missed: MissedFiring }
      | { readonly type: 'errand'; readonly errand: Errand },
  },
  actions: {
    /** Once for each run, when all that there is to say of its end is known. */
    tellEnds: enqueueActions(({ context, enqueue }) => {
      const ends = endsToTell(context);
      if (ends.length === 0) return;
      for (const end of ends) enqueue.emit({ type: 'run.ended', end });
      const counting = ends.some(({ outcome }) => outcome === 'failed') && countingOf(context.object);
      if (counting) enqueue.emit({ type: 'errand', errand: counting });
      enqueue.assign({ told: [...context.told, ...ends.map(({ id }) => id)], streak: streakAfter(context, ends) });
    }),
    /** The last moment to tell the end of a run: with what is known of it. */
    tellLast: enqueueActions(({ context, enqueue }, { uid }: { uid: string | undefined }) => {
      const end = endOfGone(context, uid, context.around.now());
      const sign = end && signOfEnd(context, end);
      if (end) enqueue.emit({ type: 'run.ended', end });
      const counting = end?.outcome === 'failed' && countingOf(context.object);
      if (counting) enqueue.emit({ type: 'errand', errand: counting });
      if (sign && isNews(context, sign)) enqueue.emit({ type: 'notice', notice: sign.notice });
      enqueue.assign({ told: forget(context.told, uid), streak: streakAfter(context, end ? [end] : []) });
    }),
    /** Whatever has happened, or has lasted long enough; and a look at the rest when its time comes. */
    tellNotices: enqueueActions(({ context, enqueue }) => {
      const { around, noticed } = context;
      const now = around.now();
      const fresh = signsOf(context, around.graces()).filter(({ notice }) => !noticed.includes(notice.id));
      const due = fresh.filter(({ dueAt }) => dueAt === undefined || dueAt <= now);
      for (const sign of due) if (isNews(context, sign)) enqueue.emit({ type: 'notice', notice: sign.notice });
      if (due.length > 0) enqueue.assign({ noticed: withNoticed(context, due) });
      enqueue.cancel('grace');
      const next = Math.min(...fresh.map(({ dueAt }) => (dueAt !== undefined && dueAt > now ? dueAt : Infinity)));
      if (next < Infinity)
        enqueue.raise({ type: 'grace.passed' }, { id: 'grace', delay: Math.min(next - now, longestTimerMs) });
    }),
    /** Each firing that has become no run, once; and a look at the next one when it should have begun. */
    tellFirings: enqueueActions(({ context, event, enqueue }) => {
      const { key, around, firings: former } = context;
      if (key.kind !== 'CronJob' || !around.firings) return;
      const now = around.now();
      const { firings, missed } = accountFor(context, former, around.firings, now);
      for (const one of missed) enqueue.emit({ type: 'firing.missed', missed: one });
      if (firings !== former) enqueue.assign({ firings });
      const catchUp = catchUpOf(context.object, standIn({ ...context, firings }, now));
      if (catchUp) enqueue.emit({ type: 'errand', errand: catchUp });
      if (firings?.lookAt === former?.lookAt && event.type !== 'firing.due') return;
      enqueue.cancel('firing');
      if (firings?.lookAt !== undefined)
        enqueue.raise({ type: 'firing.due' }, { id: 'firing', delay: Math.min(firings.lookAt - now, longestWaitMs) });
    }),
    /** Failures of a time that nobody watched count as well. */
    askWhereNew: enqueueActions(({ context: { object: former }, enqueue }, { object }: { object: ObjectFacts }) => {
      const isKnown = former?.uid === object.uid && former.job?.suspendAfter === object.job?.suspendAfter;
      const counting = isKnown ? undefined : countingOf(object);
      if (counting) enqueue.emit({ type: 'errand', errand: counting });
    }),
    /** The end of a suspension when its time has come, once; whoever carries it out tries until it is done. */
    askForResumption: enqueueActions(({ context, enqueue }) => {
      const next = resumptionOf(context.object);
      if (next && next.errand.id === context.errand) return;
      const now = context.around.now();
      enqueue.cancel('errand');
      if (!next) return;
      if (next.dueAt > now)
        enqueue.raise({ type: 'errand.due' }, { id: 'errand', delay: Math.min(next.dueAt - now, longestWaitMs) });
      else {
        enqueue.emit({ type: 'errand', errand: next.errand });
        enqueue.assign({ errand: next.errand.id });
      }
    }),
    keepSkip: assign(({ context }, { end }: { end: RunEnd }) => ({
      skipped: laterSkip(context.skipped, skipIn(end)),
      ...(isOvertaken(context, end) ? { isRecalled: false } : { streak: streakAfter(context, [end]) }),
    })),
    keepRefusal: assign((_, { run, says }: Refused) => ({ refused: { run, says } })),
    recall: assign(({ context }, { runs }: { runs: readonly RunRecord[] }) => recalled(context, runs)),
    keepAge: assign(({ context: { old } }, { uid, isOld = false }: { uid: string; isOld?: boolean | undefined }) => ({
      old: withAge(old, uid, isOld),
    })),
    keepObject: assign(({ context }, { object }: { object: ObjectFacts }) => ({
      ...withObject(context, object),
      ...(formerUid(context, object) === undefined ? {} : { skipped: undefined, streak: undefined }),
    })),
    keepRun: assign(({ context }, { run }: { run: RunFacts }) => ({ runs: withPart(context.runs, run) })),
    keepPod: assign(({ context }, { pod }: { pod: PodFacts }) => withPod(context, pod)),
    buryObject: assign(({ context }, { uid, resourceVersion }: Gone) => withoutObject(context, uid, resourceVersion)),
    buryRun: assign(({ context: { runs, gone, old } }, { uid }: Gone) => ({
      runs: withoutPart(runs, uid),
      gone: bury(gone, uid),
      old: withAge(old, uid, false),
    })),
    buryPod: assign(({ context }, { uid }: Gone) => ({
      ...withoutPod(context, uid),
      old: withAge(context.old, uid, false),
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
  context: ({ input }) => ({
    ...noFacts(input.key),
    around: input.around ?? nobody,
    firings: undefined,
    skipped: undefined,
    errand: undefined,
    streak: undefined,
    refused: undefined,
    isRecalled: false,
  }),
  initial: 'absent',
  on: {
    'object.seen': {
      guard: { type: 'isNewObject', params: ({ event }) => event },
      actions: [
        { type: 'tellLast', params: ({ context, event }) => ({ uid: formerUid(context, event.object) }) },
        { type: 'askWhereNew', params: ({ event }) => event },
        { type: 'keepObject', params: ({ event }) => event },
        { type: 'keepAge', params: ({ event }) => ({ uid: event.object.uid, isOld: event.isOld }) },
        'tellEnds',
        'tellNotices',
        'tellFirings',
        'askForResumption',
      ],
      target: '.deciding',
    },
    'object.gone': {
      guard: { type: 'isNewlyGone', params: ({ event }) => event },
      actions: [
        { type: 'tellLast', params: ({ event }) => event },
        { type: 'buryObject', params: ({ event }) => event },
        'tellNotices',
        'tellFirings',
      ],
      target: '.deciding',
    },
    'run.seen': {
      guard: { type: 'isNewRun', params: ({ event }) => event },
      actions: [
        { type: 'keepRun', params: ({ event }) => event },
        { type: 'keepAge', params: ({ event }) => ({ uid: event.run.uid, isOld: event.isOld }) },
        'tellEnds',
        'tellNotices',
        'tellFirings',
      ],
      target: '.deciding',
    },
    'run.gone': {
      guard: { type: 'isNewlyGone', params: ({ event }) => event },
      actions: [
        { type: 'tellLast', params: ({ event }) => event },
        { type: 'buryRun', params: ({ event }) => event },
        'tellNotices',
        'tellFirings',
      ],
      target: '.deciding',
    },
    'pod.seen': {
      guard: { type: 'isNewPod', params: ({ event }) => event },
      actions: [
        { type: 'keepPod', params: ({ event }) => event },
        { type: 'keepAge', params: ({ event }) => ({ uid: event.pod.uid, isOld: event.isOld }) },
        'tellEnds',
        'tellNotices',
      ],
      target: '.deciding',
    },
    'pod.gone': {
      guard: { type: 'isNewlyGone', params: ({ event }) => event },
      actions: [{ type: 'buryPod', params: ({ event }) => event }, 'tellNotices'],
      target: '.deciding',
    },
    'firing.due': { actions: 'tellFirings' },
    'errand.due': { actions: 'askForResumption' },
    'runs.recalled': { actions: { type: 'recall', params: ({ event }) => event } },
    'run.refused': { actions: { type: 'keepRefusal', params: ({ event }) => event } },
    'firing.explained': { actions: { type: 'keepSkip', params: ({ event }) => event } },
    'grace.passed': { actions: 'tellNotices' },
    'graces.changed': { actions: 'tellNotices' },
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
  const runs = ownRuns(context);
  return {
    key: context.key,
    object: context.object,
    runs,
    pods: ownPods(context),
    state,
    ...skipOf(context, runs),
    ...(context.streak ? { streak: context.streak } : {}),
    ...refusalOf(context),
  };
}

/** No more once a pod was made for the run. */
function refusalOf(context: JobContext): Pick<JobSnapshot, 'refusal'> {
  const { refused } = context;
  const run = refused && runsIn(context).find(({ uid }) => uid === refused.run);
  return run && hasNoPod(context, run) ? { refusal: refused.says } : {};
}

/** A run of another job, a one-off, is a job of its own. */
function streakAfter({ key, streak }: JobContext, ends: readonly RunEnd[]): Streak | undefined {
  return key.kind === 'CronJob' ? ends.reduce(nextStreak, streak) : undefined;
}

/** A run that was begun after that firing has ended before it was explained: what is in a row is for the records to say. */
function isOvertaken({ streak, runs }: JobContext, { createdAt }: RunEnd): boolean {
  if (!streak) return false;
  return createdAt < (runs.find(({ uid }) => uid === streak.run)?.createdAt ?? streak.at);
}

/** Of this life; nothing where a run has ended since the records were read. */
function recalled({ object, streak, skipped }: JobContext, runs: readonly RunRecord[]): Partial<JobContext> {
  if (streak && !runs.some(({ id }) => id === streak.run)) return {};
  const own = runs.filter(({ jobUid }) => jobUid === object?.uid);
  const last = own.reduce<RunRecord | undefined>(
    (latest, run) => ((run.dueAt ?? 0) > (latest?.dueAt ?? 0) ? run : latest),
    undefined,
  );
  return { streak: streakOf(own), skipped: laterSkip(skipped, last && skipIn(last)), isRecalled: true };
}

function skipIn(run: RunRecord | RunEnd): Skip | undefined {
  const { outcome, dueAt, reason, since, until, clusterSays, suspension } = run;
  return outcome === 'skipped' && dueAt !== undefined
    ? { dueAt, reason, since, until, clusterSays, suspension }
    : undefined;
}

function laterSkip(one: Skip | undefined, other: Skip | undefined): Skip | undefined {
  return one && (!other || one.dueAt > other.dueAt) ? one : other;
}

/** No news once a run was begun after it. */
function skipOf({ skipped, object }: JobContext, runs: readonly RunFacts[]): Pick<JobSnapshot, 'skipped'> {
  if (!skipped || (object?.status.lastScheduledAt ?? 0) >= skipped.dueAt) return {};
  return runs.some(({ dueAt = 0 }) => dueAt >= skipped.dueAt) ? {} : { skipped };
}

/** Nodes stamp whole seconds, by clocks of their own. */
const clocksApartMs = 60_000;

/** Of what was there before the start everything was told, except what had still to last. */
function isNews({ noticed, old, around }: JobContext, { notice, shownBy, dueAt }: Sign): boolean {
  if (noticed.includes(notice.id)) return false;
  if (dueAt !== undefined) return true;
  return notice.at + clocksApartMs >= (around.since?.() ?? 0) && !shownBy.every((uid) => old.includes(uid));
}

/** Ids begin with the uid of what shows them: those of what is gone will not be asked for again. */
function withNoticed({ noticed, gone }: JobFacts, signs: readonly Sign[]): readonly string[] {
  const all = [...noticed, ...signs.map(({ notice }) => notice.id)];
  return all.filter((id) => !gone.some((uid) => id.startsWith(uid))).slice(-maxNoticed);
}
