import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { fromKubeStatus } from '../../src/kube.ts';
import { createLog } from '../../src/log.ts';
import type { Gap } from '../../src/mailbox.ts';
import { createListWatch, type ListWatch, type ListWatchOptions } from '../../src/watch/list-watch.ts';
import type { Change } from '../../src/watch/object-book.ts';
import { makePod, type PodOptions } from '../support/make.ts';
import { createBody, createScriptedKube, type ScriptedBody, type ScriptedKube } from '../support/scripted-kube.ts';

const noon = Date.parse('2026-03-01T12:00:00Z');
let kube: ScriptedKube;
let heard: string[];
let handle: (change: Change<string>) => string | undefined;
let listWatch: ListWatch;
let gaps: Gap[];
/** When the last gap was told. */
let positionAtGap: string | undefined;
/** What the jitter is drawn from: 1 = always the longest wait. */
let chance: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'], now: noon });
  kube = createScriptedKube();
  heard = [];
  gaps = [];
  chance = 1;
  handle = ({ type, uid, resourceVersion }) => {
    heard.push(`${type} ${uid}@${resourceVersion}`);
    return uid;
  };
});

afterEach(async () => {
  listWatch.stop();
  await settled();
  expect(vi.getTimerCount(), 'a stopped watch leaves no timer').toBe(0);
  vi.useRealTimers();
});

/** From here on what is old is heard to be so. */
function begin(options: Partial<ListWatchOptions<string>>): ListWatch {
  handle = ({ type, uid, resourceVersion, isOld }) => {
    heard.push(`${type} ${uid}@${resourceVersion}${isOld ? ' old' : ''}`);
    return uid;
  };
  return start(options);
}

function start(options: Partial<ListWatchOptions<string>> = {}): ListWatch {
  listWatch = createListWatch<string>(kube, {
    path: '/api/v1/pods',
    labelSelector: 'a=b',
    handle: (change) => handle(change),
    onGap(gap) {
      gaps.push(gap);
      positionAtGap = listWatch.position().version;
    },
    log: createLog({ level: 'silent' }),
    random: () => chance,
    ...options,
  });
  return listWatch;
}

const pod = (uid: string, version: string, options: PodOptions = {}) =>
  makePod({ name: uid, uid, version, ...options });
const list = (version: string, ...items: unknown[]) => ({ metadata: { resourceVersion: version }, items });
const page = (version: string, next: string, ...items: unknown[]) => ({
  metadata: { resourceVersion: version, continue: next },
  items,
});
const event = (type: string, object: unknown) => ({ type, object });
const bookmark = (version: string) => event('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: version } });
const status = (code: number, extra: object = {}) => ({ kind: 'Status', status: 'Failure', code, ...extra });
const refused = () =>
  new AppError('kube.unreachable', 'no', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) });

/** Everything that only waits for its turn has had it. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function afterMs(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await settled();
}

async function answerList(...answer: Parameters<typeof list>): Promise<void> {
  (await kube.nextRequest()).answer(list(...answer));
}

async function openWatch(): Promise<{ body: ScriptedBody; query: Record<string, unknown> }> {
  const asked = await kube.nextStream();
  const body = createBody();
  asked.answer(body);
  await settled();
  return { body, query: { ...asked.request.query } };
}

/** A watch that is listed and open at version 100. */
async function watching(...items: unknown[]): Promise<ScriptedBody> {
  start();
  await answerList('100', ...items);
  return (await openWatch()).body;
}

describe('the first list', () => {
  test('is read page by page, and the watch goes on from its version', async () => {
    start();
    const first = await kube.nextRequest();
    expect(first.request).toMatchObject({ path: '/api/v1/pods', query: { labelSelector: 'a=b', limit: 250 } });
    expect(first.request.query).not.toHaveProperty('continue');
    first.answer(page('100', 'more', pod('a', '90')));
    const second = await kube.nextRequest();
    expect(heard).toEqual(['ADDED a@90']);
    expect(listWatch.freshness()).toMatchObject({ synced: false, live: false });
    expect(second.request.query).toMatchObject({ continue: 'more' });
    second.answer(list('100', pod('b', '95')));
    await listWatch.ready;
    const { query } = await openWatch();
    expect(query).toEqual({
      labelSelector: 'a=b',
      watch: true,
      allowWatchBookmarks: true,
      timeoutSeconds: 600,
      resourceVersion: '100',
    });
    expect(heard).toEqual(['ADDED a@90', 'ADDED b@95']);
    expect(listWatch.freshness()).toEqual({ synced: true, live: true, asOf: noon });
  });

  test('begins again when its continuation is too old, and forgets nothing that is still there', async () => {
    start();
    (await kube.nextRequest()).answer(page('100', 'more', pod('a', '90')));
    (await kube.nextRequest()).fail(fromKubeStatus(410, status(410)));
    await afterMs(1_000);
    const again = await kube.nextRequest();
    expect(again.request.query).not.toHaveProperty('continue');
    again.answer(list('120', pod('a', '90'), pod('b', '110')));
    await openWatch();
    expect(heard).toEqual(['ADDED a@90', 'ADDED b@110']);
    expect(listWatch.stats().relists).toEqual({ start: 0, gone: 0, list_gone: 1 });
  });

  test('asks for smaller pages after an answer that was too long', async () => {
    start();
    const tooLong = new AppError('kube.unreachable', 'no', { cause: new Error('answer over 64 MiB') });
    (await kube.nextRequest()).fail(tooLong);
    await afterMs(500);
    expect((await kube.nextRequest()).request.query).toMatchObject({ limit: 125 });
  });

  test('is tried again soon, however long nobody has answered', async () => {
    start();
    for (let attempt = 0; attempt < 20; attempt += 1) {
      (await kube.nextRequest()).fail(refused());
      await afterMs(2_000);
    }
    await answerList('100');
    await listWatch.ready;
  });
});

describe('a watch', () => {
  test('hands on what happens, once each, and moves on with every event and bookmark', async () => {
    const body = await watching(pod('a', '90'));
    body.send(event('MODIFIED', pod('a', '101')));
    body.send(event('ADDED', pod('b', '102')));
    body.send(event('DELETED', pod('a', '103')));
    await settled();
    expect(heard).toEqual(['ADDED a@90', 'MODIFIED a@101', 'ADDED b@102', 'DELETED a@103']);
    expect(listWatch.stats()).toMatchObject({ events: 3, resourceVersion: '103', objects: 1, lastEventAt: noon });
    body.send(bookmark('150'));
    await settled();
    expect(listWatch.stats()).toMatchObject({ bookmarks: 1, resourceVersion: '150' });
  });

  test('ignores what it has seen and what is older', async () => {
    const body = await watching(pod('a', '90'));
    for (const version of ['90', '89', '9']) body.send(event('MODIFIED', pod('a', version)));
    await settled();
    expect(heard).toEqual(['ADDED a@90']);
  });

  test('reads lines wherever the bytes are cut', async () => {
    const body = await watching();
    const bytes = Buffer.from(
      `${JSON.stringify(event('ADDED', pod('a', '101', { annotations: { note: 'é\u2028ü' } })))}\n`,
    );
    for (const byte of bytes) body.send(Uint8Array.of(byte));
    await settled();
    expect(heard).toEqual(['ADDED a@101']);
  });

  test('leaves out a line over 2 MiB and goes on with the next', async () => {
    const body = await watching();
    body.send(event('ADDED', pod('big', '101', { annotations: { note: 'x'.repeat(2 * 1024 * 1024) } })));
    body.send(event('ADDED', pod('a', '102')));
    await settled();
    expect(heard).toEqual(['ADDED a@102']);
    expect(listWatch.stats().oversized).toBe(1);
  });

  test('that ends in its time is opened again at once, from the last bookmark', async () => {
    const body = await watching(pod('a', '90'));
    body.send(bookmark('150'));
    await afterMs(10_000);
    body.end();
    await settled();
    expect(listWatch.freshness().live).toBe(true);
    const { query } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '150' });
    expect(listWatch.freshness().live).toBe(true);
    expect(kube.waitingRequests).toBe(0);
  });

  test('that is cut inside a line goes on from the last whole one', async () => {
    const body = await watching();
    body.send(event('ADDED', pod('a', '101')));
    body.send(JSON.stringify(event('ADDED', pod('b', '102'))).slice(0, 50));
    body.cut();
    await afterMs(500);
    const { query } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '101' });
    expect(heard).toEqual(['ADDED a@101']);
  });

  test('that brings a broken line is opened again', async () => {
    const body = await watching();
    body.send('{"type":"ADDED","object":\n');
    await afterMs(500);
    await openWatch();
  });

  test('that says nothing for 90 s is given up; a bookmark counts as a word', async () => {
    const body = await watching();
    await afterMs(60_000);
    body.send(bookmark('101'));
    await afterMs(60_000);
    expect(listWatch.freshness()).toEqual({ synced: true, live: true, asOf: noon + 60_000 });
    await afterMs(30_000);
    expect(listWatch.freshness()).toMatchObject({ live: false, asOf: noon + 60_000 });
    await afterMs(500);
    const { query } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '101' });
  });
});

describe('a version that is too old', () => {
  test.each([
    ['by the answer', (asked: { fail(error: unknown): void }) => asked.fail(fromKubeStatus(410, status(410)))],
    [
      'by an event',
      (asked: { answer(body: ScriptedBody): void }) => {
        const body = createBody();
        body.send(event('ERROR', status(410)));
        asked.answer(body);
      },
    ],
  ])('%s leads to a list that is compared by uid', async (_, tell) => {
    const body = await watching(pod('a', '90'), pod('b', '91', { name: 'shared' }), pod('c', '92'));
    await afterMs(10_000);
    body.end();
    tell(await kube.nextStream());
    await afterMs(1_000);
    heard = [];
    await answerList('200', pod('a', '90'), pod('b2', '180', { name: 'shared' }), pod('d', '190'));
    await openWatch();
    expect(heard).toEqual(['DELETED b@91', 'ADDED b2@180', 'ADDED d@190', 'DELETED c@92']);
    expect(listWatch.stats()).toMatchObject({ relists: { start: 1, gone: 1 }, objects: 3, resourceVersion: '200' });
  });

  test('never leads to more than one list in 10 s, the first recovery apart', async () => {
    start();
    await answerList('100');
    const tooOld = async () => (await kube.nextStream()).fail(fromKubeStatus(410, status(410)));
    await tooOld();
    await afterMs(1_000);
    await answerList('110');
    await tooOld();
    await afterMs(8_900);
    expect(kube.waitingRequests).toBe(0);
    await afterMs(200);
    await answerList('120');
    await tooOld();
    await afterMs(9_800);
    expect(kube.waitingRequests).toBe(0);
    await afterMs(200);
    expect(kube.waitingRequests).toBe(1);
  });
});

describe('an API server in trouble', () => {
  test('that asks for time gets it, and is not asked for a list', async () => {
    const body = await watching(pod('a', '90'));
    body.cut();
    await afterMs(500);
    (await kube.nextStream()).fail(fromKubeStatus(429, status(429), '7'));
    await afterMs(6_900);
    expect(kube.waitingStreams).toBe(0);
    await afterMs(200);
    const { query } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '100' });
    expect(kube.waitingRequests).toBe(0);
  });

  test('that asks for time in an event gets it', async () => {
    const body = await watching();
    body.send(event('ERROR', status(429, { details: { retryAfterSeconds: 5 } })));
    await afterMs(4_900);
    expect(kube.waitingStreams).toBe(0);
    await afterMs(200);
    await openWatch();
  });

  test('is asked less and less often while it answers with errors, up to every 30 s', async () => {
    const body = await watching();
    body.cut();
    await afterMs(500);
    const waits = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
    for (const waitMs of waits) {
      (await kube.nextStream()).fail(fromKubeStatus(500, status(500)));
      await afterMs(waitMs - 1);
      expect(kube.waitingStreams).toBe(0);
      await afterMs(1);
      expect(kube.waitingStreams).toBe(1);
    }
  });

  test('is asked soon again by a client that had been waiting for it to come up', async () => {
    const body = await watching();
    body.cut();
    for (let attempt = 0; attempt < 20; attempt += 1) {
      await afterMs(2_000);
      (await kube.nextStream()).fail(refused());
    }
    await afterMs(2_000);
    (await kube.nextStream()).fail(fromKubeStatus(500, status(500)));
    await afterMs(500);
    await openWatch();
  });

  test('is held no grudge after 10 s of a healthy watch', async () => {
    const body = await watching();
    body.cut();
    await afterMs(500);
    for (const waitMs of [1_000, 2_000, 2_000]) {
      (await kube.nextStream()).fail(refused());
      await afterMs(waitMs);
    }
    const again = await openWatch();
    await afterMs(10_000);
    again.body.cut();
    await afterMs(500);
    expect(kube.waitingStreams).toBe(1);
  });

  test('spreads its clients: the wait is a chance between nothing and the limit', async () => {
    const body = await watching();
    chance = 0;
    body.cut();
    await settled();
    expect(kube.waitingStreams).toBe(1);
  });
});

describe('a handler that fails', () => {
  test('costs only the object it failed at, until the next list', async () => {
    const works = handle;
    handle = (change) => {
      if (change.uid === 'bad') throw new Error('a mistake');
      return works(change);
    };
    const body = await watching(pod('bad', '90'), pod('a', '91'));
    body.send(event('MODIFIED', pod('bad', '101')));
    body.send(event('MODIFIED', pod('a', '102')));
    await settled();
    expect(heard).toEqual(['ADDED a@91', 'MODIFIED a@102']);
    expect(listWatch.stats()).toMatchObject({ handlerErrors: 1, reconnects: 0, resourceVersion: '102' });
    handle = works;
    body.send(event('ERROR', status(410)));
    await afterMs(1_000);
    await answerList('200', pod('bad', '150'));
    await settled();
    expect(heard.slice(2)).toEqual(['MODIFIED bad@150', 'DELETED a@102']);
  });

  test('gets back what it gave', async () => {
    const kept: (string | undefined)[] = [];
    handle = (change) => {
      kept.push(change.kept);
      return `${change.uid}@${change.resourceVersion}`;
    };
    const body = await watching(pod('a', '90'));
    body.send(event('MODIFIED', pod('a', '101')));
    body.send(event('DELETED', pod('a', '102')));
    await settled();
    expect(kept).toEqual([undefined, 'a@90', 'a@101']);
  });
});

describe('an object fed from a reply', () => {
  test('is known at once, and its event says nothing new', async () => {
    const body = await watching();
    listWatch.feed(pod('a', '101'));
    expect(heard).toEqual(['ADDED a@101']);
    body.send(event('ADDED', pod('a', '101')));
    await settled();
    expect(heard).toEqual(['ADDED a@101']);
  });

  test('is left out where the watch has passed it: it may be gone again', async () => {
    const body = await watching();
    body.send(event('ADDED', pod('a', '101')));
    body.send(event('DELETED', pod('a', '102')));
    await settled();
    listWatch.feed(pod('a', '101'));
    expect(heard).toEqual(['ADDED a@101', 'DELETED a@102']);
  });

  test('survives a list that was made before it, but not one made after', async () => {
    const body = await watching();
    body.send(event('ERROR', status(410)));
    await settled();
    listWatch.feed(pod('a', '160'));
    await afterMs(1_000);
    await answerList('150');
    const again = await openWatch();
    expect(heard).toEqual(['ADDED a@160']);
    again.body.send(event('ERROR', status(410)));
    await afterMs(11_000);
    await answerList('170');
    await settled();
    expect(heard).toEqual(['ADDED a@160', 'DELETED a@160']);
  });
});

describe('stop', () => {
  test('between two pages hands on nothing more and opens nothing', async () => {
    start();
    (await kube.nextRequest()).answer(page('100', 'more', pod('a', '90')));
    const second = await kube.nextRequest();
    listWatch.stop();
    second.answer(list('100', pod('b', '91')));
    await settled();
    expect(heard).toEqual(['ADDED a@90']);
    expect([kube.waitingRequests, kube.waitingStreams]).toEqual([0, 0]);
  });

  test('while a watch is being opened leaves it closed', async () => {
    start();
    await answerList('100');
    const asked = await kube.nextStream();
    const body = createBody();
    body.send(event('ADDED', pod('a', '101')));
    asked.answer(body);
    listWatch.stop();
    await settled();
    expect(asked.request.signal?.aborted).toBe(true);
    expect(heard).toEqual([]);
    expect(listWatch.freshness().live).toBe(false);
  });

  test('inside a handler ends the watch with that event', async () => {
    handle = ({ uid }) => {
      heard.push(uid);
      if (uid === 'last') listWatch.stop();
      return uid;
    };
    const body = await watching();
    for (const [index, uid] of ['first', 'last', 'late'].entries())
      body.send(event('ADDED', pod(uid, `${101 + index}`)));
    await settled();
    expect(heard).toEqual(['first', 'last']);
  });

  test('while waiting to try again tries no more', async () => {
    const body = await watching();
    body.cut();
    await settled();
    listWatch.stop();
    await afterMs(60_000);
    expect([kube.waitingRequests, kube.waitingStreams]).toEqual([0, 0]);
  });
});

describe('a watch that knows where an earlier one got to', () => {
  const start = { version: '100', completeUntil: noon - 60_000 };

  /** The API server tells the latest version only where a test lets it. */
  async function openReplay() {
    const latest = await kube.nextRequest();
    expect(latest.request.query).toEqual({ labelSelector: 'a=b', limit: 1 });
    return { ...(await openWatch()), latest };
  }

  /** Ends the replay at version 120. */
  async function replayed(...events: unknown[]): Promise<ScriptedBody> {
    const { body } = await openReplay();
    for (const one of events) body.send(one);
    body.send(bookmark('120'));
    await settled();
    return body;
  }

  test('first has everything replayed, then lists, then goes on from where the replay ended', async () => {
    begin({ start });
    const replay = await openReplay();
    expect(replay.query).toEqual({
      labelSelector: 'a=b',
      watch: true,
      allowWatchBookmarks: true,
      timeoutSeconds: 3,
      resourceVersion: '100',
    });
    replay.body.send(event('MODIFIED', pod('a', '101')));
    replay.body.send(event('DELETED', pod('a', '102')));
    await settled();
    expect(kube.waitingRequests).toBe(0);
    expect(listWatch.freshness()).toMatchObject({ synced: false, live: false });
    replay.body.send(bookmark('120'));
    await answerList('150', pod('b', '90'));
    await listWatch.ready;
    const { query } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '120', timeoutSeconds: 600 });
    expect(heard).toEqual(['ADDED a@101', 'DELETED a@102', 'ADDED b@90 old']);
    expect(listWatch.position()).toEqual({ version: '120', completeUntil: noon });
  });

  test('loses no state that lies between the end of the replay and the list', async () => {
    begin({ start });
    await replayed(event('ADDED', pod('a', '110')), event('ADDED', pod('job-1', '111', { name: 'job' })));
    await answerList('150', pod('a', '140'), pod('job-2', '141', { name: 'job' }), pod('c', '142'));
    const { body } = await openWatch();
    expect(heard.splice(0)).toEqual(['ADDED a@110', 'ADDED job-1@111', 'ADDED c@142']);
    body.send(event('MODIFIED', pod('a', '130')));
    body.send(event('DELETED', pod('job-1', '131', { name: 'job' })));
    body.send(event('MODIFIED', pod('a', '140')));
    body.send(event('ADDED', pod('job-2', '141', { name: 'job' })));
    body.send(event('ADDED', pod('c', '142')));
    await settled();
    expect(heard).toEqual(['MODIFIED a@130', 'DELETED job-1@131', 'MODIFIED a@140', 'ADDED job-2@141']);
  });

  test('lets nothing be gone because the list does not show it: the watch will bring its last state', async () => {
    begin({ start });
    await replayed(event('ADDED', pod('a', '110')));
    await answerList('150');
    const { body } = await openWatch();
    expect(heard).toEqual(['ADDED a@110']);
    body.send(event('DELETED', pod('a', '130')));
    await settled();
    expect(heard).toEqual(['ADDED a@110', 'DELETED a@130']);
  });

  test('takes for old what had been handed on, wherever it comes from, and nothing else', async () => {
    begin({ start });
    await replayed(event('ADDED', pod('a', '101')));
    await answerList('150', pod('at', '100'), pod('before', '99'), pod('after', '130'));
    const { body } = await openWatch();
    body.send(event('MODIFIED', pod('at', '160')));
    body.send(event('ERROR', status(410)));
    await afterMs(1_000);
    await answerList('200', pod('at', '160'), pod('before', '99'), pod('late', '50'));
    await settled();
    const gone = ['DELETED a@101', 'DELETED after@130'];
    const first = ['ADDED a@101', 'ADDED at@100 old', 'ADDED before@99 old', 'ADDED after@130'];
    expect(heard).toEqual([...first, 'MODIFIED at@160', 'ADDED late@50 old', ...gone]);
  });

  test('takes the last state of what is gone for old, unless it came after the start', async () => {
    begin({ start });
    await replayed(
      event('DELETED', pod('unseen', '110')),
      event('MODIFIED', pod('seen', '111')),
      event('DELETED', pod('seen', '112')),
    );
    await answerList('150', pod('listed', '90'));
    const { body } = await openWatch();
    body.send(event('DELETED', pod('listed', '160')));
    await settled();
    const replay = ['DELETED unseen@110 old', 'ADDED seen@111', 'DELETED seen@112'];
    expect(heard).toEqual([...replay, 'ADDED listed@90 old', 'DELETED listed@160 old']);
  });

  test('ends the replay at once where nothing has happened', async () => {
    begin({ start });
    (await kube.nextRequest()).answer(list('100'));
    await answerList('100', pod('a', '90'));
    await listWatch.ready;
    expect((await kube.nextStream()).request.signal?.aborted).toBe(true);
    const { query } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '100', timeoutSeconds: 600 });
  });

  test('ends the replay with the event that was the latest when it began', async () => {
    begin({ start });
    const { body, latest } = await openReplay();
    latest.answer(list('110'));
    body.send(event('ADDED', pod('a', '109')));
    await settled();
    expect(kube.waitingRequests).toBe(0);
    body.send(event('ADDED', pod('b', '110')));
    body.send(event('ADDED', pod('c', '111')));
    await answerList('111', pod('a', '109'));
    const { query } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '110' });
    expect(heard).toEqual(['ADDED a@109', 'ADDED b@110']);
  });

  test('says what it can after a replay that ends without a bookmark', async () => {
    begin({ start });
    const replay = await openReplay();
    replay.body.send(event('ADDED', pod('a', '105')));
    replay.body.end();
    await answerList('150', pod('a', '105'));
    const { query } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '105' });
  });

  test('waits no longer than 10 s for the replay to end', async () => {
    begin({ start });
    const { body, latest } = await openReplay();
    body.send(event('ADDED', pod('a', '105')));
    await afterMs(9_999);
    expect(kube.waitingRequests).toBe(0);
    await afterMs(1);
    expect(latest.request.signal?.aborted).toBe(true);
    await answerList('150');
    const { query } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '105' });
  });

  test('has the rest replayed where the connection breaks', async () => {
    begin({ start });
    const first = await openReplay();
    first.body.send(event('ADDED', pod('a', '105')));
    first.body.cut();
    await afterMs(500);
    const { query, body } = await openReplay();
    expect(query).toMatchObject({ resourceVersion: '105', timeoutSeconds: 3 });
    body.send(bookmark('120'));
    await answerList('150', pod('a', '105'));
    await listWatch.ready;
    expect(heard).toEqual(['ADDED a@105']);
  });

  test('lists all the same when the replay fails three times, and has the history from the watch', async () => {
    begin({ start });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await kube.nextRequest();
      (await kube.nextStream()).fail(fromKubeStatus(500, status(500)));
      await afterMs(5_000);
    }
    await answerList('150', pod('b', '90'));
    await listWatch.ready;
    const { query, body } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '100', timeoutSeconds: 600 });
    body.send(event('DELETED', pod('a', '110')));
    await settled();
    expect(heard).toEqual(['ADDED b@90 old', 'DELETED a@110 old']);
    expect(gaps).toEqual([]);
  });

  test('waits with the replay for an API server that nobody can reach', async () => {
    begin({ start });
    for (let attempt = 0; attempt < 10; attempt += 1) {
      (await kube.nextRequest()).fail(refused());
      (await kube.nextStream()).fail(refused());
      await afterMs(2_000);
    }
    const { query } = await openReplay();
    expect(query).toMatchObject({ resourceVersion: '100', timeoutSeconds: 3 });
  });

  test('makes its list again when the continuation is too old, and replays nothing twice', async () => {
    begin({ start });
    await replayed();
    (await kube.nextRequest()).fail(fromKubeStatus(410, status(410)));
    await afterMs(1_000);
    await answerList('160', pod('b', '90'));
    const { query } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '120', timeoutSeconds: 600 });
    expect(gaps).toEqual([]);
  });

  test('does not wait for the events of a cluster that has gone back in time', async () => {
    begin({ start });
    (await openReplay()).latest.answer(list('70'));
    await answerList('70', pod('a', '60'));
    const { query, body } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '70' });
    expect(gaps).toEqual([{ from: noon - 60_000, to: noon }]);
    body.send(event('MODIFIED', pod('a', '80')));
    await settled();
    expect(heard).toEqual(['ADDED a@60 old', 'MODIFIED a@80']);
  });

  test('hands on an object fed during the replay once', async () => {
    begin({ start });
    const { body } = await openReplay();
    listWatch.feed(pod('a', '110'));
    listWatch.feed(pod('b', '99'));
    body.send(event('ADDED', pod('a', '110')));
    body.send(bookmark('120'));
    await answerList('150', pod('a', '110'));
    await openWatch();
    expect(heard).toEqual(['ADDED a@110']);
  });

  test('stops in the middle of a replay', async () => {
    begin({ start });
    const { body } = await openReplay();
    body.send(event('ADDED', pod('a', '105')));
    await settled();
    listWatch.stop();
    await settled();
    expect([kube.waitingRequests, kube.waitingStreams]).toEqual([0, 0]);
    expect(listWatch.position().version).toBe('105');
  });
});

describe('events that can not be seen any more', () => {
  test('are a gap from the last word until the list that makes good what it can', async () => {
    const body = await watching();
    await afterMs(20_000);
    body.send(event('ADDED', pod('a', '101')));
    await afterMs(30_000);
    body.send(event('ERROR', status(410)));
    await afterMs(1_000);
    expect(listWatch.position()).toEqual({ version: '101', completeUntil: noon + 20_000 });
    expect(gaps).toEqual([]);
    await answerList('200');
    await openWatch();
    expect(gaps).toEqual([{ from: noon + 20_000, to: noon + 51_000 }]);
    expect(positionAtGap).toBe('101');
    expect(listWatch.position()).toEqual({ version: '200', completeUntil: noon + 51_000 });
  });

  test('are a gap from when an earlier daemon got to, where the replay is told so', async () => {
    begin({ start: { version: '100', completeUntil: noon - 60_000 } });
    await kube.nextRequest();
    (await kube.nextStream()).fail(fromKubeStatus(410, status(410)));
    await afterMs(1_000);
    await answerList('200', pod('a', '150'), pod('b', '90'));
    const { query } = await openWatch();
    expect(query).toMatchObject({ resourceVersion: '200' });
    expect(heard).toEqual(['ADDED a@150', 'ADDED b@90 old']);
    expect(gaps).toEqual([{ from: noon - 60_000, to: noon + 1_000 }]);
  });

  test('are a gap where an earlier daemon has left no position', async () => {
    begin({ start: { version: undefined, completeUntil: noon - 60_000 } });
    await answerList('200', pod('a', '150'));
    await openWatch();
    expect(heard).toEqual(['ADDED a@150 old']);
    expect(gaps).toEqual([{ from: noon - 60_000, to: noon }]);
  });

  test('are none where nobody has watched before, and everything that the first list shows is old', async () => {
    begin({});
    (await kube.nextRequest()).answer(page('100', 'more', pod('a', '90')));
    (await kube.nextRequest()).fail(fromKubeStatus(410, status(410)));
    await afterMs(1_000);
    await answerList('120', pod('a', '90'), pod('b', '110'));
    const { body } = await openWatch();
    body.send(event('ADDED', pod('c', '121')));
    await settled();
    expect(heard).toEqual(['ADDED a@90 old', 'ADDED b@110 old', 'ADDED c@121']);
    expect(gaps).toEqual([]);
  });

  test('never end before they began, even if the clock was set back', async () => {
    const body = await watching();
    await afterMs(20_000);
    body.send(bookmark('101'));
    await settled();
    vi.setSystemTime(noon - 3_600_000);
    body.send(event('ERROR', status(410)));
    await afterMs(1_000);
    await answerList('200');
    await settled();
    expect(gaps).toEqual([{ from: noon - 3_600_000 + 1_000, to: noon - 3_600_000 + 1_000 }]);
  });
});

describe('a loop', () => {
  /** Moves on, minute by minute, and tells whether it was ever stuck. */
  async function isEverStuck(minutes: number, each: () => Promise<void> | void = () => {}): Promise<boolean> {
    for (let minute = 0; minute < minutes; minute += 1) {
      await each();
      await afterMs(60_000);
      if (listWatch.isStuck()) return true;
    }
    return false;
  }

  test('is never stuck while bookmarks come, or nothing comes at all', async () => {
    const body = await watching();
    let version = 100;
    const heartbeat = () => {
      version += 1;
      body.send(bookmark(String(version)));
    };
    expect(await isEverStuck(9, heartbeat)).toBe(false);
    const silent = async () => {
      while (kube.waitingStreams > 0) (await kube.nextStream()).answer(createBody());
    };
    expect(await isEverStuck(30, silent)).toBe(false);
  });

  test('is not stuck by an API server that is away, or asks for patience, for however long', async () => {
    start();
    const failing = (failure: () => unknown) => async () => {
      while (kube.waitingRequests > 0) {
        (await kube.nextRequest()).fail(failure());
        await settled();
      }
    };
    expect(await isEverStuck(60, failing(refused))).toBe(false);
    expect(
      await isEverStuck(
        60,
        failing(() => fromKubeStatus(503, status(503), '120')),
      ),
    ).toBe(false);
    expect(
      await isEverStuck(
        60,
        failing(() => fromKubeStatus(403, status(403))),
      ),
    ).toBe(false);
  });

  test('that waits longer than anything may take is stuck, whatever it waits for, and moves again', async () => {
    start();
    const asked = await kube.nextRequest();
    expect(await isEverStuck(5)).toBe(false);
    expect(await isEverStuck(1)).toBe(true);
    // A body that nothing can end.
    kube.stream = async () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) });
    asked.answer(list('100'));
    await listWatch.ready;
    expect(listWatch.isStuck()).toBe(false);
    expect(await isEverStuck(5)).toBe(false);
    expect(await isEverStuck(1)).toBe(true);
  });

  test('that was stopped is not stuck', async () => {
    await watching();
    listWatch.stop();
    expect(await isEverStuck(10)).toBe(false);
  });
});
