/** The watches on a real API server that goes away, forgets, refuses and breaks off, while users go on working. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { compactEtcd, kubectl, startApiServer, stopApiServer } from '../cluster/cluster.ts';
import { type Answer, type ApiClient, apiClient } from '../support/api-client.ts';
import { isList, isWatch, startApiProxy, watchedPaths } from '../support/api-proxy.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import type { FaultProxy, HttpFault, SeenRequest } from '../support/fault-proxy.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { type Reading, startReaders, startWriter, type Write } from '../support/load.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';
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

const cluster = inject('cluster');
const tool = 'fault-watch';
const cronJobs = '/apis/batch/v1/cronjobs';
/** A brought cluster is not ours to break. */
const flow = describe.skipIf(!cluster.owned);

type Level = 'direct' | 'bytes' | 'http';

interface Stage {
  readonly sandbox: Sandbox;
  readonly client: ApiClient;
  isLive(): Promise<boolean>;
  /** Waits until the view is connected and shows what the cluster holds; nobody may be writing. */
  agrees(): Promise<void>;
}

const sandboxes = {} as Record<Level, Sandbox>;
const proxies = {} as Record<Exclude<Level, 'direct'>, FaultProxy>;
const undos: (() => unknown)[] = [];

beforeAll(async () => {
  if (!cluster.owned) return;
  proxies.bytes = await startApiProxy(cluster, 'bytes');
  proxies.http = await startApiProxy(cluster, 'http');
  for (const level of ['direct', 'bytes', 'http'] as const) {
    sandboxes[level] = await createSandbox({
      cluster,
      dir: join(cluster.stateDir, `faults-${level}`),
      name: `flow-faults-${level}`,
      settings: { requests_per_second_per_tool: '1000', requests_at_once_per_tool: '64' },
      ...(level === 'direct' ? {} : { server: `https://127.0.0.1:${proxies[level].port}` }),
      ...(level === 'http' ? { actAs: 'impersonation' as const } : {}),
    });
  }
  await sandboxes.direct.addTool(tool);
  await kubectl(cluster, ['delete', 'resourcequota', '--all', '-n', `tool-${tool}`]);
});

afterEach(async () => {
  for (const undo of undos.splice(0).reverse()) await undo();
  for (const proxy of Object.values(proxies)) {
    proxy.clearRules();
    proxy.setByteFault(undefined);
  }
});

afterAll(async () => {
  for (const proxy of Object.values(proxies)) await proxy.close();
});

/** A daemon for one test, which must still be alive at its end and have made no mistake. */
async function stage(level: Level): Promise<Stage> {
  const sandbox = sandboxes[level];
  await sandbox.start();
  undos.push(async () => {
    expect(await sandbox.stop(), 'the daemon lives until it is told to end').toBe(0);
    expect(await mistakesIn(sandbox.logFile)).toEqual([]);
  });
  const client = apiClient(sandbox, tool);
  undos.push(() => client.close());
  const isLive = async () => isFresh(await client.call('GET', jobsPath(tool)));
  return {
    sandbox,
    client,
    isLive,
    async agrees() {
      await until(isLive, 'the view is connected');
      await untilAgreed(cluster, client, tool);
    },
  };
}

const isStale = ({ answer }: Reading) => answer?.status === 200 && !isFresh(answer);
const warningsOf = (answer: Answer) => answer.json<{ messages: { warning: string[] } }>().messages.warning;
const statusOf = ({ answer }: { answer: Answer | undefined }) => answer?.status;

flow('an API server that restarts under load', () => {
  it('leaves reads answered, says how old they are, refuses writes honestly, and is followed again within 5 s', async () => {
    const { client, isLive } = await stage('direct');
    const { readings, ...readers } = startReaders(client, tool, 75);
    const { writes, ...writer } = startWriter(client, { tool, prefix: 'restart', perSecond: 15 });
    undos.push(readers.stop, writer.stop);
    const outages: { from: number; to: number }[] = [];
    const backMs: number[] = [];

    for (const [round, signal] of (['SIGTERM', 'SIGKILL', 'SIGKILL'] as const).entries()) {
      const [reads, wrote] = [readings.length, writes.length];
      await until(() => readings.length > reads + 250 && writes.length > wrote + 30, 'users work');
      await stopApiServer(cluster, signal);
      const from = performance.now();
      const during = () => readings.filter((one) => isStale(one) && one.askedAt > from).length;
      const refused = () => writes.filter(({ askedAt }) => askedAt > from).length;
      await until(() => during() > 60 && refused() > 10, 'users go on while it is away');
      outages.push({ from, to: performance.now() });
      await startApiServer(cluster);
      const readyAt = performance.now();
      await createDirectly(cluster, tool, { [`direct-${round}`]: `echo ${round}` });
      const line = `scheduled direct-${round}: echo ${round}`;
      await until(
        async () => (await isLive()) && (await shownJobs(client, tool)).includes(line),
        'the watches are back',
        5_000 - (performance.now() - readyAt),
      );
      backMs.push(Math.round(performance.now() - readyAt));
    }
    const wrote = writes.length;
    await until(() => writes.length > wrote + 10, 'users go on');
    await writer.stop();
    await readers.stop();
    const seconds = ((readings.at(-1)?.answeredAt ?? 0) - (readings[0]?.askedAt ?? 0)) / 1_000;
    expect(readings.length / seconds).toBeGreaterThan(50);
    console.log(`the view was back ${backMs.join(', ')} ms after the API server was ready`);

    expect(readings.filter((one) => statusOf(one) !== 200)).toEqual([]);
    for (const reading of readings) {
      const { headers } = reading.answer as Answer;
      expect(headers.warning).toBe(isStale(reading) ? '110 - "Response is Stale"' : undefined);
      if (isStale(reading)) expect(Number(headers.age)).toBeGreaterThanOrEqual(0);
      expect(warningsOf(reading.answer as Answer)).toHaveLength(isStale(reading) ? 1 : 0);
    }
    const refused = writes.filter(({ askedAt }) => outages.some(({ from, to }) => askedAt > from && askedAt < to));
    expect(refused.length).toBeGreaterThan(30);
    for (const one of refused) expect(statusOf(one)).toBeOneOf(one.method === 'POST' ? [503, 504] : [404, 503, 504]);
    for (const { answer, method } of writes) expectHonest(answer, method);
    expect(writes.slice(-5).every(({ answer }) => answer !== undefined && answer.status < 300)).toBe(true);
    expect(await brokenPromises(cluster, tool, writes)).toEqual([]);
    await untilAgreed(cluster, client, tool);
  });
});

/** Done, or said to be undone or unknown, and when to come again. A job that could not be started cannot be ended. */
function expectHonest(answer: Answer | undefined, method: Write['method']): void {
  if (answer?.status === 503) {
    expect(answer.json().code).toBe('kube.unreachable');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  } else if (answer?.status === 504) expect(answer.json().code).toBe('kube.state_unknown');
  else expect(answer?.status, answer?.text).toBeOneOf(method === 'POST' ? [201] : [200, 404]);
}

flow('a watch that is cut', () => {
  it('on the wire, at random and in many ways, loses nothing', async () => {
    const { client, sandbox, agrees } = await stage('bytes');
    const proxy = proxies.bytes;
    const random = createSeededRandom(20_260_301);
    const pid = sandbox.pid();
    const { writes, ...writer } = startWriter(client, { tool, prefix: 'wire', perSecond: 20 });
    undos.push(writer.stop);
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
    expect(writes.filter((one) => statusOf(one) === 201).length).toBeGreaterThan(5);
    for (const { answer, method } of writes) expectHonest(answer, method);
    await agrees();
    expect(await brokenPromises(cluster, tool, writes)).toEqual([]);
    expect(sandbox.pid()).toBe(pid);
  });

  it('inside a line loses neither that line nor the next', async () => {
    const { client, agrees } = await stage('http');
    const proxy = proxies.http;
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
    const { writes, ...writer } = startWriter(client, { tool, prefix: 'line', perSecond: 20 });
    undos.push(writer.stop);
    const watches = () => proxy.seen.slice(before).filter((seen) => isWatch(seen, cronJobs)).length;
    await until(() => watches() > 8, 'every cut was made');
    await writer.stop();
    await agrees();
    expect(await brokenPromises(cluster, tool, writes)).toEqual([]);
    expect(proxy.seen.slice(before).filter((seen) => isList(seen))).toEqual([]);
  });
});

flow('a version that is too old', () => {
  /** Ends the watch of scheduled jobs, and the others for a moment, until the function it returns is called. */
  async function cutOff({ isLive }: Stage): Promise<() => void> {
    const resume = proxies.http.addRule({
      match: (seen) => isWatch(seen, cronJobs),
      do: { kind: 'answer', status: 503 },
    });
    proxies.http.dropAll('cut');
    await until(async () => !(await isLive()), 'the watch is cut off');
    return resume;
  }

  it.each<[string, string, HttpFault]>([
    ['in the answer to a watch', 'answer', { kind: 'answer', status: 410, reason: 'Expired' }],
    ['inside a watch', 'event', { kind: 'error-event', afterLines: 0, code: 410, reason: 'Expired' }],
  ])('%s is answered with one list: what went is gone, a name used again shows its new job', async (_, name, fault) => {
    const [gone, again, fresh] = [`${name}-gone`, `${name}-again`, `${name}-new`];
    await createDirectly(cluster, tool, { [gone]: 'echo old', [again]: 'echo old' });
    const here = await stage('http');
    await here.agrees();
    const before = proxies.http.seen.length;
    const resume = await cutOff(here);
    await deleteDirectly(cluster, tool, [gone, again]);
    await createDirectly(cluster, tool, { [again]: 'echo new', [fresh]: 'echo new' });
    expect(await shownJobs(here.client, tool)).toContain(`scheduled ${again}: echo old`);
    proxies.http.addRule({ match: (seen) => isWatch(seen, cronJobs), times: 1, do: fault });
    resume();
    await here.agrees();
    const shown = await shownJobs(here.client, tool);
    expect(shown).toContain(`scheduled ${again}: echo new`);
    expect(shown.map(nameOf)).not.toContain(gone);
    expect(listsSince(before).map(({ url }) => url.split('?')[0])).toEqual([cronJobs]);
  });

  it('again and again leads to no more than one list in 10 s after the first', async () => {
    const before = proxies.http.seen.length;
    const here = await stage('http');
    await here.agrees();
    proxies.http.addRule({
      match: (seen) => isWatch(seen, cronJobs),
      times: 2,
      do: { kind: 'answer', status: 410, reason: 'Expired' },
    });
    proxies.http.dropAll('cut');
    const [first, , third] = await until(() => {
      const lists = listsSince(before).filter((seen) => isList(seen, cronJobs));
      return lists.length === 3 ? lists : undefined;
    }, 'it was listed at the start and twice since');
    expect((third as SeenRequest).at - (first as SeenRequest).at).toBeGreaterThanOrEqual(9_900);
    await here.agrees();
    expect(listsSince(before).filter((seen) => isList(seen, cronJobs))).toHaveLength(3);
  });

  it('since the history was really dropped is got over in the same way', async () => {
    await createDirectly(cluster, tool, { 'real-gone': 'echo old', 'real-again': 'echo old' });
    const { client, agrees, isLive, sandbox } = await stage('bytes');
    await agrees();
    proxies.bytes.setByteFault({ kind: 'refuse' });
    proxies.bytes.dropAll('reset');
    await until(async () => !(await isLive()), 'the watches are cut off');
    await deleteDirectly(cluster, tool, ['real-gone', 'real-again']);
    await createDirectly(cluster, tool, { 'real-again': 'echo new' });
    await compactEtcd(cluster);
    expect(await shownJobs(client, tool)).toContain('scheduled real-gone: echo old');
    proxies.bytes.setByteFault(undefined);
    await agrees();
    expect(await shownJobs(client, tool)).toContain('scheduled real-again: echo new');
    const log = (await readFile(sandbox.logFile, 'utf8')).split('\n');
    expect(log.filter((line) => line.includes('"reason":"gone"') && line.includes('"listed"')).length).toBeGreaterThan(
      0,
    );
  });

  function listsSince(index: number): SeenRequest[] {
    return proxies.http.seen.slice(index).filter((seen) => isList(seen));
  }
});

flow('an API server that refuses watches', () => {
  it('because it is too busy is asked again no sooner than it says, and nothing is listed anew', async () => {
    const { agrees, isLive } = await stage('http');
    const proxy = proxies.http;
    const before = proxy.seen.length;
    proxy.addRule({
      match: (seen) => isWatch(seen),
      times: 8,
      do: { kind: 'answer', status: 429, reason: 'TooManyRequests', retryAfterS: 2 },
    });
    proxy.dropAll('cut');
    await until(async () => !(await isLive()), 'the watches are refused');
    await createDirectly(cluster, tool, { 'while-busy': 'echo busy' });
    await agrees();
    const asked = proxy.seen.slice(before).filter((seen) => isWatch(seen));
    const waits = asked.slice(0, 8).map((one, index) => nextOf(one, asked.slice(index + 1)).at - one.at);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_990);
    expect(proxy.seen.slice(before).filter((seen) => isList(seen))).toEqual([]);
  });

  it('because it fails is asked less and less often, and is followed again when it recovers', async () => {
    const { agrees } = await stage('http');
    const proxy = proxies.http;
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
    await agrees();
  });

  function nextOf({ url }: SeenRequest, later: readonly SeenRequest[]): SeenRequest {
    const path = url.split('?')[0] as string;
    const next = later.find((seen) => seen.url.startsWith(`${path}?`));
    if (!next) throw new Error(`${path} was not asked again`);
    return next;
  }
});
