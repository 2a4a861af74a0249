/** The watches on a real API server that cuts them off, forgets and refuses, while users go on working. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../support/api-client.ts';
import { isList, isWatch, watchedPaths } from '../support/api-proxy.ts';
import { createFaultGround, type FaultGround } from '../support/fault-ground.ts';
import type { HttpFault, SeenRequest } from '../support/fault-proxy.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { expectHonest, startWriter } from '../support/load.ts';
import { until } from '../support/sandbox.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import {
  brokenPromises,
  createDirectly,
  deleteDirectly,
  isFresh,
  nameOf,
  shownJobs,
  untilAgreed,
} from '../support/view.ts';

const tool = 'fault-watch';
const cronJobs = '/apis/batch/v1/cronjobs';
/** A brought cluster keeps its keys to itself, so nothing can stand before it. */
let ground: FaultGround;

beforeAll(async () => {
  if (cluster.owned) ground = await createFaultGround(cluster, 'faults-watch', [tool]);
});

afterEach(() => ground?.endTest());

afterAll(() => ground?.close());

const isLive = async (client: ApiClient) => isFresh(await client.call('GET', jobsPath(tool)));

/** Waits until the view is connected and shows what the cluster holds; nobody may be writing. */
async function untilRight(client: ApiClient): Promise<void> {
  await until(() => isLive(client), 'the view is connected');
  await untilAgreed(cluster, client, tool);
}

describe('a watch that is cut', () => {
  it('on the wire, at random and in many ways, loses nothing', async () => {
    const client = ground.client(await ground.running('bytes'), tool);
    const proxy = ground.bytes;
    const random = createSeededRandom(20_260_301);
    const { writes, ...writer } = ground.keep(startWriter(client, { tool, prefix: 'wire', perSecond: 20 }));
    const before = proxy.connections;
    for (let round = 0; round < 24; round += 1) {
      const connections = proxy.connections;
      const kind = random.oneOf(['fin', 'rst', 'cut', 'reset', 'stall'] as const);
      if (kind === 'fin' || kind === 'rst') proxy.dropAll(kind === 'fin' ? 'cut' : 'reset');
      else proxy.setByteFault({ kind, direction: 'toClient', afterBytes: random.between(0, 20_000) });
      await createDirectly(cluster, tool, { [`wire-past-${round}`]: `echo ${round}` });
      if (round % 2 === 1) await deleteDirectly(cluster, tool, [`wire-past-${round - 1}`]);
      if (kind === 'stall' && random.next() < 0.5) proxy.dropAll('reset');
      if (kind !== 'stall') await until(() => proxy.connections > connections, 'somebody had to connect again');
      proxy.setByteFault(undefined);
    }
    await writer.stop();
    const cuts = proxy.connections - before;
    expect(cuts).toBeGreaterThan(20);
    // A delete is answered by the watch that is being cut, so writes are few; what counts is that each told the truth.
    expect(writes.filter((one) => one.answer?.status === 201).length).toBeGreaterThan(1);
    for (const write of writes) expectHonest(write);
    await untilRight(client);
    expect(await brokenPromises(cluster, tool, writes)).toEqual([]);
  });

  it('inside a line loses neither that line nor the next', async () => {
    const client = ground.client(await ground.running('http'), tool);
    const proxy = ground.http;
    const random = createSeededRandom(7);
    const before = proxy.seen.length;
    for (let cut = 0; cut < 8; cut += 1) {
      proxy.addRule({
        match: (seen) => isWatch(seen, cronJobs),
        times: 1,
        do: { kind: 'cut-line', afterLines: random.between(0, 4), bytes: random.between(1, 900) },
      });
    }
    proxy.dropAll('cut');
    const { writes, ...writer } = ground.keep(startWriter(client, { tool, prefix: 'line', perSecond: 20 }));
    const watches = () => proxy.seen.slice(before).filter((seen) => isWatch(seen, cronJobs)).length;
    await until(() => watches() > 8, 'every cut was made');
    await writer.stop();
    await untilRight(client);
    expect(await brokenPromises(cluster, tool, writes)).toEqual([]);
    expect(proxy.seen.slice(before).filter((seen) => isList(seen))).toEqual([]);
  });
});

describe('a version that is too old', () => {
  /** Ends the watch of scheduled jobs, and the others for a moment, until the function it returns is called. */
  async function cutOff(client: ApiClient): Promise<() => void> {
    const resume = ground.http.addRule({
      match: (seen) => isWatch(seen, cronJobs),
      do: { kind: 'answer', status: 503 },
    });
    ground.http.dropAll('cut');
    await until(async () => !(await isLive(client)), 'the watch is cut off');
    return resume;
  }

  it.each<[string, string, HttpFault]>([
    ['in the answer to a watch', 'answer', { kind: 'answer', status: 410, reason: 'Expired' }],
    ['inside a watch', 'event', { kind: 'error-event', afterLines: 0, code: 410, reason: 'Expired' }],
  ])('%s is answered with one list: what went is gone, a name used again shows its new job', async (_, name, fault) => {
    const [gone, again, fresh] = [`${name}-gone`, `${name}-again`, `${name}-new`];
    await createDirectly(cluster, tool, { [gone]: 'echo old', [again]: 'echo old' });
    const client = ground.client(await ground.running('http'), tool);
    await untilRight(client);
    const before = ground.http.seen.length;
    const resume = await cutOff(client);
    await deleteDirectly(cluster, tool, [gone, again]);
    await createDirectly(cluster, tool, { [again]: 'echo new', [fresh]: 'echo new' });
    expect(await shownJobs(client, tool)).toContain(`scheduled ${again}: echo old`);
    ground.http.addRule({ match: (seen) => isWatch(seen, cronJobs), times: 1, do: fault });
    resume();
    await untilRight(client);
    const shown = await shownJobs(client, tool);
    expect(shown).toContain(`scheduled ${again}: echo new`);
    expect(shown.map(nameOf)).not.toContain(gone);
    expect(listsSince(before).map(({ url }) => url.split('?')[0])).toEqual([cronJobs]);
  });

  it('again and again leads to no more than one list in 10 s after the first', async () => {
    const before = ground.http.seen.length;
    const client = ground.client(await ground.running('http'), tool);
    await untilRight(client);
    ground.http.addRule({
      match: (seen) => isWatch(seen, cronJobs),
      times: 2,
      do: { kind: 'answer', status: 410, reason: 'Expired' },
    });
    ground.http.dropAll('cut');
    const [first, , third] = await until(() => {
      const lists = listsSince(before).filter((seen) => isList(seen, cronJobs));
      return lists.length === 3 ? lists : undefined;
    }, 'it was listed at the start and twice since');
    expect((third as SeenRequest).at - (first as SeenRequest).at).toBeGreaterThanOrEqual(9_900);
    await untilRight(client);
    expect(listsSince(before).filter((seen) => isList(seen, cronJobs))).toHaveLength(3);
  });

  function listsSince(index: number): SeenRequest[] {
    return ground.http.seen.slice(index).filter((seen) => isList(seen));
  }
});

describe('an API server that refuses watches', () => {
  it('because it is too busy is asked again no sooner than it says, and nothing is listed anew', async () => {
    const client = ground.client(await ground.running('http'), tool);
    const proxy = ground.http;
    const before = proxy.seen.length;
    proxy.addRule({
      match: (seen) => isWatch(seen),
      times: 8,
      do: { kind: 'answer', status: 429, reason: 'TooManyRequests', retryAfterS: 2 },
    });
    proxy.dropAll('cut');
    await until(async () => !(await isLive(client)), 'the watches are refused');
    await createDirectly(cluster, tool, { 'while-busy': 'echo busy' });
    await untilRight(client);
    const asked = proxy.seen.slice(before).filter((seen) => isWatch(seen));
    const waits = asked.slice(0, 8).map((one, index) => nextOf(one, asked.slice(index + 1)).at - one.at);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_990);
    expect(proxy.seen.slice(before).filter((seen) => isList(seen))).toEqual([]);
  });

  it('because it fails is asked less and less often, and is followed again when it recovers', async () => {
    const client = ground.client(await ground.running('http'), tool);
    const proxy = ground.http;
    const before = proxy.seen.length;
    const recover = proxy.addRule({ match: (seen) => isWatch(seen), do: { kind: 'answer', status: 500 } });
    proxy.dropAll('reset');
    const asked = (path: (typeof watchedPaths)[number]) =>
      proxy.seen.slice(before).filter((seen) => isWatch(seen, path));
    await until(() => watchedPaths.every((path) => asked(path).length >= 3), 'each watch was tried three times');
    for (const path of watchedPaths) {
      const startedAt = asked(path)[0]?.at ?? 0;
      expect(asked(path).filter(({ at }) => at < startedAt + 2_000).length).toBeLessThan(12);
    }
    await createDirectly(cluster, tool, { 'while-failing': 'echo failing' });
    proxy.addRule({ match: (seen) => isWatch(seen, cronJobs), times: 1, do: { kind: 'answer', status: 410 } });
    proxy.addRule({ match: (seen) => isList(seen, cronJobs), times: 2, do: { kind: 'answer', status: 500 } });
    recover();
    await untilRight(client);
  });

  function nextOf({ url }: SeenRequest, later: readonly SeenRequest[]): SeenRequest {
    const path = url.split('?')[0] as string;
    const next = later.find((seen) => seen.url.startsWith(`${path}?`));
    if (!next) throw new Error(`${path} was not asked again`);
    return next;
  }
});
