/**
 * A recorded history of jobs, told to daemons that are killed anywhere in it, and out of order: whatever of it is durable when one ends, and
 * what the next one says, are together what an undisturbed daemon says.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KubeObject, WatchedKind } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { createJobRoster } from '../../src/machines/roster.ts';
import { type JobsWatch, watchJobs } from '../../src/watch/jobs.ts';
import {
  type JobObjectOptions,
  makeCronJobObject,
  makeDeploymentObject,
  makeJobObject,
  makePod,
  type PodOptions,
} from '../support/make.ts';
import { readAny } from '../support/make-event.ts';
import { createBody, createScriptedKube, type ScriptedBody, type ScriptedKube } from '../support/scripted-kube.ts';
import { createSeededRandom } from '../support/seeded-random.ts';

interface Recorded {
  readonly kind: WatchedKind;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly object: KubeObject;
}

const paths: Record<WatchedKind, string> = {
  Pod: '/api/v1/pods',
  Job: '/apis/batch/v1/jobs',
  CronJob: '/apis/batch/v1/cronjobs',
  Deployment: '/apis/apps/v1/deployments',
};
const kinds = Object.keys(paths) as WatchedKind[];

type Step = (version: string) => KubeObject;
/** What happens to one object of a kind, in order; the first is its creation. */
type Life = readonly (readonly [WatchedKind, string, Step])[];

const jobStep = (options: JobObjectOptions): Step => {
  return (version) => makeJobObject({ ...options, version });
};
const podStep = (options: PodOptions): Step => {
  return (version) => makePod({ ...options, version });
};
const failedJob = (attempts: number) => ({ failed: attempts, conditions: [{ type: 'Failed' }] });
const deletingAt = '2026-03-01T12:05:00Z';

/** A one-off job with an attempt for each exit code. */
function oneOff(name: string, ...codes: number[]): Life {
  const job: JobObjectOptions = { name, uid: name, retry: codes.length - 1 };
  const done = { failed: codes.length - 1, succeeded: 1, conditions: [{ type: 'Complete' }] };
  const end = codes.at(-1) === 0 ? done : failedJob(codes.length);
  const attempts = codes.flatMap((exitCode, index) => {
    const uid = `${name}-${index}`;
    const pod: PodOptions = { job: name, name: uid, uid, ownerUid: name, createdAt: `2026-03-01T12:00:0${index}Z` };
    return [
      ['Pod', uid, podStep({ ...pod, noContainer: true })],
      ['Pod', uid, podStep(pod)],
      ['Job', name, jobStep({ ...job, active: 1, failed: index })],
      ['Pod', uid, podStep({ ...pod, exitCode })],
    ] as Life;
  });
  return [['Job', name, jobStep(job)], ...attempts, ['Job', name, jobStep({ ...job, ...end })]];
}

function scheduled(name: string, exitCode: number): Life {
  const cronJob = { name, uid: name };
  const run: JobObjectOptions = { name: `${name}-1`, uid: `${name}-1`, cronJob };
  const pod: PodOptions = {
    job: name,
    name: `${name}-1-p`,
    uid: `${name}-1-p`,
    ownerUid: `${name}-1`,
    component: 'cronjobs',
  };
  return [
    ['CronJob', name, (version) => makeCronJobObject({ name, uid: name, version })],
    ['Job', `${name}-1`, jobStep(run)],
    ['Pod', `${name}-1-p`, podStep(pod)],
    ['Pod', `${name}-1-p`, podStep({ ...pod, exitCode })],
    ['Job', `${name}-1`, jobStep({ ...run, ...failedJob(1) })],
  ];
}

function continuous(name: string): Life {
  const pod: PodOptions = { job: name, name: `${name}-p`, uid: `${name}-p`, component: 'deployments' };
  return [
    ['Deployment', name, (version) => makeDeploymentObject({ name, uid: name, version })],
    ['Pod', `${name}-p`, podStep(pod)],
    ['Pod', `${name}-p`, podStep({ ...pod, waiting: 'CrashLoopBackOff', lastExitCode: 1, restarts: 0 })],
    ['Pod', `${name}-p`, podStep({ ...pod, lastExitCode: 1, restarts: 1 })],
    ['Pod', `${name}-p`, podStep({ ...pod, waiting: 'CrashLoopBackOff', lastExitCode: 2, restarts: 1 })],
  ];
}

/** Deleted while it runs. */
function stopped(name: string): Life {
  const [made, waits, runs] = oneOff(name, 0) as [Life[0], Life[0], Life[0]];
  return [made, waits, runs, ['Job', name, jobStep({ name, uid: name, active: 1, deletingAt })]];
}

/** All of it, one step of each life after the other; in the end everything is deleted, pods first. */
function record(...lives: Life[]): Recorded[] {
  const steps = lives.flatMap((life, of) => life.map((step, at) => ({ step, at: at * 10 + of })));
  steps.sort((one, other) => one.at - other.at);
  const events: Recorded[] = [];
  const last = new Map<string, Life[0]>();
  const add = (type: Recorded['type'], [kind, , make]: Life[0]) => {
    const version = 101 + events.length;
    events.push({ kind, type, version, object: make(String(version)) });
  };
  for (const { step } of steps) {
    add(last.has(step[1]) ? 'MODIFIED' : 'ADDED', step);
    last.set(step[1], step);
  }
  // Nothing is deleted before long.
  for (let count = 0; count < 12; count += 1) {
    add(count === 0 ? 'ADDED' : 'MODIFIED', [
      'CronJob',
      'idle',
      (version) => makeCronJobObject({ name: 'idle', version }),
    ]);
  }
  const left = [...last.values()].sort(([one], [other]) => Number(other === 'Pod') - Number(one === 'Pod'));
  for (const step of left) add('DELETED', step);
  return events;
}

const history = record(
  oneOff('good', 0),
  oneOff('bad', 3),
  oneOff('thrice', 1, 1, 7),
  oneOff('second-time', 1, 0),
  scheduled('nightly', 4),
  continuous('bot'),
  stopped('cut-short'),
);
const end = history.at(-1)!.version;

/** A daemon's watches and actors, with the API server's part played by hand. */
function startDaemon(checkpoint?: number) {
  const kubes = new Map<string, ScriptedKube>(Object.values(paths).map((path) => [path, createScriptedKube()]));
  const told = new Map<string, number>();
  const log = createLog({ level: 'silent' });
  let version = checkpoint ?? 100;
  const tell = (what: string) => told.set(what, Math.min(version, told.get(what) ?? version));
  const roster = createJobRoster({
    log,
    onRunEnded: ({ id, outcome, exitCode, attempts }) => tell(`end ${id} ${outcome} ${exitCode} ${attempts}`),
    onNotice: ({ id, exitCode, attempts }) => tell(`notice ${id} ${exitCode} ${attempts}`),
  });
  const watch = watchJobs(
    {
      request: (request) => kubes.get(request.path)!.request(request),
      stream: (request) => kubes.get(request.path)!.stream(request),
    },
    {
      onEvent: (event) => roster.accept(event),
      readJob: readAny,
      log,
      random: () => 0,
      ...(checkpoint === undefined ? {} : { checkpoint: { positions: positionsAt(checkpoint), asOf: 0 } }),
    },
  );
  const bodies = new Map<WatchedKind, ScriptedBody>();
  started.push({
    stop() {
      watch.stop();
      roster.stop();
    },
  });
  return {
    watch,
    /** What was said, by the version of the event that it followed from. */
    told,
    size: () => roster.size(),
    /** Everything up to `now`, one kind after the other. */
    async catchUp(now: number, order: readonly WatchedKind[] = kinds): Promise<void> {
      version = now;
      for (const kind of order) {
        const kube = kubes.get(paths[kind])!;
        if (checkpoint !== undefined) {
          await kube.nextRequest();
          const replay = await open(kube);
          for (const event of between(kind, checkpoint, now)) replay.send(lineOf(event));
          replay.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(now) } } });
        }
        const items = objectsAt(kind, now);
        (await kube.nextRequest()).answer({ metadata: { resourceVersion: String(now) }, items });
        bodies.set(kind, await open(kube));
        await settled();
      }
      await watch.ready;
    },
    async hear(event: Recorded): Promise<void> {
      version = event.version;
      bodies.get(event.kind)!.send(lineOf(event));
      await settled();
    },
  };
}

const started: { stop(): void }[] = [];
beforeEach(() => void started.splice(0));
afterEach(() => {
  for (const one of started) one.stop();
});

async function open(kube: ScriptedKube): Promise<ScriptedBody> {
  const body = createBody();
  (await kube.nextStream()).answer(body);
  return body;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise(setImmediate);
}

const lineOf = ({ type, object }: Recorded) => ({ type, object });
const positionsAt = (version: number): ReturnType<JobsWatch['positions']> =>
  Object.fromEntries(kinds.map((kind) => [kind, String(version)]));
const between = (kind: WatchedKind, after: number, upTo: number) =>
  history.filter((event) => event.kind === kind && event.version > after && event.version <= upTo);

function objectsAt(kind: WatchedKind, version: number): KubeObject[] {
  const objects = new Map<unknown, KubeObject>();
  for (const { type, object } of between(kind, 0, version)) {
    const { uid } = object.metadata as { uid: string };
    if (type === 'DELETED') objects.delete(uid);
    else objects.set(uid, object);
  }
  return [...objects.values()];
}

/** What a daemon says that is there from the first event to the last. */
async function undisturbed(): Promise<string[]> {
  const daemon = startDaemon();
  await daemon.catchUp(100);
  for (const event of history) await daemon.hear(event);
  expect(daemon.size()).toBe(1);
  return [...daemon.told.keys()].sort();
}

/** What was said first counts: what is said again may know less, and is known by its id. */
function together(first: readonly string[], then: readonly string[]): string[] {
  const idOf = (line: string) => line.split(' ').slice(0, 2).join(' ');
  const known = new Set(first.map(idOf));
  return [...first, ...then.filter((line) => !known.has(idOf(line)))].sort();
}

describe('a history of jobs', () => {
  test('says of every run how it ended, and what happened on the way', async () => {
    const all = await undisturbed();
    expect(all.filter((line) => line.startsWith('end '))).toEqual([
      'end bad failed 3 1',
      'end cut-short stopped undefined 0',
      'end good succeeded 0 1',
      'end nightly-1 failed 4 1',
      'end second-time succeeded 0 2',
      'end thrice failed 7 3',
    ]);
    const notices = all.filter((line) => line.startsWith('notice ')).map((line) => line.split(' ')[1]);
    expect(notices).toEqual(
      expect.arrayContaining(['bad/failed', 'good/finished', 'nightly-1/failed', 'bot-p/0/failed', 'bot-p/1/failed']),
    );
  });

  test('is said in full, whenever the daemon is killed and however long it is away', { timeout: 60_000 }, async () => {
    const all = await undisturbed();
    const random = createSeededRandom(19);
    const first = startDaemon();
    await first.catchUp(100);
    for (const event of history) await first.hear(event);
    for (let durable = 100; durable <= end; durable += 1) {
      const before = [...first.told].filter(([, version]) => version <= durable).map(([line]) => line);
      for (const now of [durable, random.between(durable, end), random.between(durable, end), end]) {
        const next = startDaemon(durable);
        await next.catchUp(
          now,
          [...kinds].sort(() => random.next() - 0.5),
        );
        for (const event of history.filter(({ version }) => version > now)) await next.hear(event);
        expect(together(before, [...next.told.keys()]), `durable up to ${durable}, back at ${now}`).toEqual(all);
        expect(next.size()).toBe(1);
        started.pop()?.stop();
      }
    }
  });

  test('is said the same when events come late, early and twice', { timeout: 60_000 }, async () => {
    const all = await undisturbed();
    for (let seed = 1; seed <= 50; seed += 1) {
      const random = createSeededRandom(seed);
      const moved = history.flatMap((event, index) =>
        Array.from({ length: random.between(1, 3) }, () => ({ event, at: index + random.between(-5, 5) })),
      );
      moved.sort((one, other) => one.at - other.at);
      const daemon = startDaemon();
      await daemon.catchUp(100);
      for (const { event } of moved) await daemon.hear(event);
      expect([...daemon.told.keys()].sort(), `seed ${seed}`).toEqual(all);
      started.pop()?.stop();
    }
  });
});
