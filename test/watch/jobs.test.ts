import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { KubeObject, Positions } from '../../src/domain.ts';
import { fromKubeStatus, type Kube } from '../../src/kube.ts';
import { createLog } from '../../src/log.ts';
import type { Gap } from '../../src/mailbox.ts';
import { type JobsWatch, watchJobs } from '../../src/watch/jobs.ts';
import { makeCronJobObject, makeDeploymentObject, makeJobObject, makePod } from '../support/make.ts';
import { readAny } from '../support/make-event.ts';
import { createBody, createScriptedKube, type ScriptedBody, type ScriptedKube } from '../support/scripted-kube.ts';

const paths = ['/api/v1/pods', '/apis/batch/v1/jobs', '/apis/batch/v1/cronjobs', '/apis/apps/v1/deployments'];
let kubes: Map<string, ScriptedKube>;
let heard: string[];
let gaps: Gap[];
let watch: JobsWatch;

beforeEach(() => start());

/** A watch of which nothing has been asked yet, nor heard. */
function start(checkpoint?: { positions: Positions; asOf: number }): void {
  watch?.stop();
  gaps = [];
  kubes = new Map(paths.map((path) => [path, createScriptedKube()]));
  heard = [];
  const byPath: Pick<Kube, 'request' | 'stream'> = {
    request: (request) => kubes.get(request.path)!.request(request),
    stream: (request) => kubes.get(request.path)!.stream(request),
  };
  watch = watchJobs(byPath, {
    onEvent(event) {
      const isOld = 'isOld' in event ? ' old' : '';
      heard.push(`${event.type} ${event.key.kind}/${event.key.name}${isOld}`);
    },
    onGap: (gap) => gaps.push(gap),
    ...(checkpoint ? { checkpoint } : {}),
    readJob: readAny,
    log: createLog({ level: 'silent' }),
    random: () => 0,
  });
}

afterEach(() => watch.stop());

async function listed(path: string, version: string, ...items: KubeObject[]): Promise<void> {
  (await kubes.get(path)!.nextRequest()).answer({ metadata: { resourceVersion: version }, items });
}

async function opened(path: string): Promise<ScriptedBody> {
  const body = createBody();
  (await kubes.get(path)!.nextStream()).answer(body);
  await settled();
  return body;
}

async function allOpen(): Promise<Map<string, ScriptedBody>> {
  const bodies = new Map<string, ScriptedBody>();
  for (const path of paths) {
    await listed(path, '100');
    bodies.set(path, await opened(path));
  }
  return bodies;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('four watches over the whole cluster see everything that is managed', async () => {
  const asked = await Promise.all(paths.map((path) => kubes.get(path)!.nextRequest()));
  const selector = { labelSelector: 'app.kubernetes.io/managed-by=toolforge-jobs-framework' };
  for (const { request } of asked) expect(request.query).toMatchObject(selector);
});

test('it is ready and synced when the last kind is listed, and live when the last watch is open', async () => {
  const order: string[] = [];
  void watch.ready.then(() => order.push('ready'));
  for (const path of paths) {
    await listed(path, '100');
    order.push(path);
    await settled();
  }
  expect(order).toEqual([...paths, 'ready']);
  expect(watch.freshness()).toMatchObject({ synced: true, live: false });
  for (const path of paths) await opened(path);
  expect(watch.freshness()).toMatchObject({ synced: true, live: true });
});

test('each kind becomes the facts of its job', async () => {
  await listed(paths[0]!, '100', makePod());
  await listed(paths[1]!, '100', makeJobObject(), makeJobObject({ cronJob: { name: 'nightly', uid: 'u' } }));
  await listed(paths[2]!, '100', makeCronJobObject({ name: 'nightly' }));
  await listed(paths[3]!, '100', makeDeploymentObject({ name: 'bot' }));
  await watch.ready;
  expect([...heard].sort()).toEqual([
    'object.seen CronJob/nightly old',
    'object.seen Deployment/bot old',
    'object.seen Job/demo old',
    'pod.seen Job/demo old',
    'run.seen CronJob/nightly old',
  ]);
});

describe('an end', () => {
  test('comes with the last state, unless that was known', async () => {
    const pods = (await allOpen()).get('/api/v1/pods')!;
    pods.send({ type: 'ADDED', object: makePod({ version: '101' }) });
    pods.send({ type: 'DELETED', object: makePod({ version: '102', exitCode: 3 }) });
    pods.send({ type: 'ADDED', object: makePod({ uid: 'other', version: '103' }) });
    pods.send({ type: 'DELETED', object: makePod({ uid: 'other', version: '103' }) });
    await settled();
    const twice = ['pod.seen Job/demo', 'pod.seen Job/demo', 'pod.gone Job/demo'];
    expect(heard).toEqual([...twice, 'pod.seen Job/demo', 'pod.gone Job/demo']);
  });

  test('comes with the last state of what was never seen before', async () => {
    const pods = (await allOpen()).get('/api/v1/pods')!;
    pods.send({ type: 'DELETED', object: makePod({ version: '102', exitCode: 3 }) });
    pods.send({
      type: 'DELETED',
      object: makePod({ version: '103', labels: { 'app.kubernetes.io/created-by': 'beta' } }),
    });
    pods.send({ type: 'DELETED', object: makePod({ version: '104', namespace: 'kube-system' }) });
    await settled();
    expect(heard).toEqual(['pod.seen Job/demo old', 'pod.gone Job/demo', 'pod.gone Job/demo']);
    expect(watch.stats().Pod.dropped).toMatchObject({ label_mismatch: 0, no_tool_namespace: 1 });
  });

  test('that only a list tells goes to the job the object belonged to', async () => {
    const bodies = await allOpen();
    const jobs = bodies.get('/apis/batch/v1/jobs')!;
    jobs.send({ type: 'ADDED', object: makeJobObject({ cronJob: { name: 'nightly', uid: 'u' }, version: '101' }) });
    await settled();
    jobs.send({ type: 'ERROR', object: { code: 410 } });
    await settled();
    await listed('/apis/batch/v1/jobs', '200');
    await settled();
    expect(heard).toEqual(['run.seen CronJob/nightly', 'run.gone CronJob/nightly']);
  });

  test('is told when a pod is given to another job by its labels', async () => {
    const pods = (await allOpen()).get('/api/v1/pods')!;
    pods.send({ type: 'ADDED', object: makePod({ job: 'demo', name: 'p', version: '101' }) });
    pods.send({ type: 'MODIFIED', object: makePod({ job: 'other', name: 'p', version: '102' }) });
    await settled();
    expect(heard).toEqual(['pod.seen Job/demo', 'pod.gone Job/demo', 'pod.seen Job/other']);
  });

  test('is told when the labels of a pod come to name another tool, and it is counted', async () => {
    const pods = (await allOpen()).get('/api/v1/pods')!;
    const labels = { 'app.kubernetes.io/created-by': 'beta' };
    pods.send({ type: 'ADDED', object: makePod({ version: '101' }) });
    pods.send({ type: 'MODIFIED', object: makePod({ version: '102', labels }) });
    pods.send({ type: 'DELETED', object: makePod({ version: '103', labels }) });
    await settled();
    expect(heard).toEqual(['pod.seen Job/demo', 'pod.gone Job/demo', 'pod.gone Job/demo']);
    expect(watch.stats().Pod).toMatchObject({ events: 3, dropped: { label_mismatch: 1 } });
  });
});

test('the reply to a write is a fact at once, and only once', async () => {
  const jobs = (await allOpen()).get('/apis/batch/v1/jobs')!;
  watch.feed(makeJobObject({ version: '101' }));
  expect(heard).toEqual(['object.seen Job/demo']);
  jobs.send({ type: 'ADDED', object: makeJobObject({ version: '101' }) });
  await settled();
  watch.feed({ kind: 'Status', status: 'Success' });
  expect(heard).toEqual(['object.seen Job/demo']);
});

test('a watch that is down makes the whole view as old as its last word', async () => {
  const pods = (await allOpen()).get('/api/v1/pods')!;
  const { asOf } = watch.freshness();
  pods.cut();
  const again = await kubes.get('/api/v1/pods')!.nextStream();
  expect(watch.freshness()).toMatchObject({ synced: true, live: false });
  expect(watch.freshness().asOf).toBeGreaterThanOrEqual(asOf);
  again.fail(fromKubeStatus(500, {}));
  await opened('/api/v1/pods');
  expect(watch.freshness().live).toBe(true);
});

describe('a watch that goes on from a checkpoint', () => {
  const checkpoint = { positions: { Pod: '100', Job: '100', CronJob: '100', Deployment: '100' }, asOf: 1_000 };

  async function replayed(path: string, ...events: object[]): Promise<void> {
    await kubes.get(path)!.nextRequest();
    const body = await opened(path);
    for (const event of events) body.send(event);
    body.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '200' } } });
    await settled();
  }

  test('tells what happened meanwhile, and what the list shows as it was told before', async () => {
    start(checkpoint);
    const [pods, jobs, ...others] = paths as [string, string, string, string];
    await replayed(pods, { type: 'MODIFIED', object: makePod({ version: '150', exitCode: 3 }) });
    await replayed(jobs);
    for (const path of others) await replayed(path);
    await listed(pods, '210', makePod({ version: '150', exitCode: 3 }));
    await listed(jobs, '210', makeJobObject({ version: '90' }), makeJobObject({ name: 'next', version: '160' }));
    for (const path of others) await listed(path, '210');
    await watch.ready;
    expect(heard).toEqual(['object.seen Job/demo old', 'pod.seen Job/demo', 'object.seen Job/next']);
    expect(gaps).toEqual([]);
  });

  test('tells nothing until every kind has caught up, and then all in its order, before it is ready', async () => {
    start(checkpoint);
    const [pods, jobs, cronJobs, deployments] = paths as [string, string, string, string];
    await replayed(
      jobs,
      { type: 'DELETED', object: makeJobObject({ version: '150', uid: 'first' }) },
      { type: 'ADDED', object: makeJobObject({ version: '151', uid: 'second' }) },
      { type: 'ADDED', object: makeJobObject({ version: '152', name: 'other' }) },
    );
    await listed(jobs, '210');
    await opened(jobs);
    await replayed(cronJobs);
    await listed(cronJobs, '210');
    await replayed(deployments);
    await listed(deployments, '210');
    await replayed(pods, { type: 'DELETED', object: makePod({ version: '149', exitCode: 3 }) });
    watch.feed(makeJobObject({ version: '205', name: 'fed' }));
    expect(heard).toEqual([]);
    expect(watch.freshness().synced).toBe(false);
    expect(watch.positions()).toEqual(checkpoint.positions);
    expect(watch.completeUntil()).toBe(1_000);
    const whenReady = watch.ready.then(() => [...heard]);
    await listed(pods, '210');
    expect(await whenReady).toEqual([
      'pod.seen Job/demo old',
      'object.seen Job/demo old',
      'pod.gone Job/demo',
      'object.gone Job/demo',
      'object.seen Job/demo',
      'object.seen Job/other',
      'object.seen Job/fed',
    ]);
    expect(watch.freshness().synced).toBe(true);
    expect(watch.positions()).toEqual({ Pod: '200', Job: '200', CronJob: '200', Deployment: '200' });
    expect(watch.completeUntil()).toBeGreaterThan(1_000);
  });

  test('that is stopped before has told nothing, and has got nowhere', async () => {
    start(checkpoint);
    await replayed(paths[1]!, { type: 'DELETED', object: makeJobObject({ version: '150' }) });
    watch.stop();
    await settled();
    expect(heard).toEqual([]);
    expect(watch.positions()).toEqual(checkpoint.positions);
  });

  test('tells of a gap for each kind that has no history any more', async () => {
    start({ positions: { Pod: '100', Job: '100', CronJob: '100' }, asOf: 1_000 });
    const [pods, jobs, cronJobs, deployments] = paths as [string, string, string, string];
    await kubes.get(pods)!.nextRequest();
    (await kubes.get(pods)!.nextStream()).fail(fromKubeStatus(410, { code: 410 }));
    for (const path of [jobs, cronJobs]) await replayed(path);
    for (const path of [pods, jobs, cronJobs, deployments]) await listed(path, '210');
    await watch.ready;
    expect(gaps).toEqual([
      { from: 1_000, to: expect.any(Number) },
      { from: 1_000, to: expect.any(Number) },
    ]);
  });
});

test('positions are known from the first list on, and are those of what was handed on', async () => {
  expect([watch.positions(), watch.completeUntil()]).toEqual([{}, 0]);
  const pods = (await allOpen()).get('/api/v1/pods')!;
  pods.send({ type: 'ADDED', object: makePod({ version: '101' }) });
  await settled();
  expect(watch.positions()).toEqual({ Pod: '101', Job: '100', CronJob: '100', Deployment: '100' });
  pods.send({ type: 'ERROR', object: { code: 410 } });
  await settled();
  expect(watch.positions()).toMatchObject({ Pod: '101' });
});

test('what was heard of one kind is known until later than what was heard of all', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
  try {
    const pods = (await allOpen()).get('/api/v1/pods')!;
    vi.setSystemTime(1_005_000);
    pods.send({ type: 'ADDED', object: makePod({ version: '101' }) });
    await settled();
    expect([watch.completeUntil(['Pod']), watch.completeUntil(['Pod', 'Job']), watch.completeUntil()]).toEqual([
      1_005_000, 1_000_000, 1_000_000,
    ]);
  } finally {
    vi.useRealTimers();
  }
});
