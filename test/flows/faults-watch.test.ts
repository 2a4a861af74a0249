/** The watches on a real API server that goes away, forgets, refuses and breaks off, while users go on working. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { compactEtcd, kubectl, startApiServer, stopApiServer } from '../cluster/cluster.ts';
import { type Answer, type ApiClient, apiClient } from '../support/api-client.ts';
import { isList, isWatch, startApiProxy, type WatchedPath } from '../support/api-proxy.ts';
import type { FaultProxy, HttpFault } from '../support/fault-proxy.ts';
import { promisedBy, type Reading, startReaders, startWriter } from '../support/load.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { createDirectly, deleteDirectly, heldLines, jobsPath, shownJobs } from '../support/view.ts';

const cluster = inject('cluster');
const tool = 'fault-watch';
const settings = { requests_per_second_per_tool: '1000', requests_at_once_per_tool: '64' };
/** A brought cluster is not ours to break. */
const flow = describe.skipIf(!cluster.owned);

let ground: Sandbox;
const undos: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  ground = await createSandbox({ cluster, dir: join(cluster.stateDir, 'faults'), name: 'flow-faults', settings });
  await ground.addTool(tool);
  await kubectl(cluster, ['delete', 'resourcequota', '--all', '-n', `tool-${tool}`]);
});

afterEach(async () => {
  for (const undo of undos.splice(0).reverse()) await undo();
});

afterAll(async () => {
  await ground?.removeTool(tool);
});

interface Stage {
  readonly sandbox: Sandbox;
  readonly client: ApiClient;
  readonly proxy: FaultProxy;
  /** Whether the last answer came from a view that is connected. */
  isLive(): Promise<boolean>;
  /** Waits until the view is connected and shows what the cluster holds; nobody may be writing. */
  agrees(timeoutMs?: number): Promise<void>;
}

/** A daemon behind a proxy of its own; it ends with the test, which must not have brought it down by then. */
async function stage(name: string, level: 'bytes' | 'http'): Promise<Stage> {
  const proxy = await startApiProxy(cluster, level);
  undos.push(() => proxy.close());
  const sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, name),
    name: `flow-${name}`,
    server: proxy.url.replace('http:', 'https:'),
    actAs: level === 'http' ? 'impersonation' : 'tool-certificate',
    settings,
  });
  undos.push(async () => {
    expect(await sandbox.stop(), 'the daemon lived until it was told to end').toBe(0);
    expect((await readFile(sandbox.logFile, 'utf8')).match(/"level":"?(50|60|error|fatal)\b.*/g) ?? []).toEqual([]);
  });
  await sandbox.start();
  const client = apiClient(sandbox, tool);
  undos.push(() => client.close());
  const isLive = async () => isFresh(await client.call('GET', jobsPath(tool)));
  return {
    sandbox,
    client,
    proxy,
    isLive,
    async agrees(timeoutMs) {
      await until(isLive, 'the view is connected', timeoutMs);
      await untilAgreed(client, timeoutMs);
    },
  };
}

async function untilAgreed(client: ApiClient, timeoutMs?: number): Promise<void> {
  const held = await heldLines(cluster, tool);
  let shown: string[] = [];
  await until(
    async () => {
      shown = await shownJobs(client, tool);
      return shown.join('\n') === held.join('\n');
    },
    'the view shows what the cluster holds',
    timeoutMs,
  ).catch(() => expect(shown).toEqual(held));
}

function isFresh({ headers }: Answer): boolean {
  return headers.age === undefined;
}

const isStale = ({ answer }: Reading) => answer !== undefined && !isFresh(answer);
const warningsOf = (answer: Answer) => answer.json<{ messages: { warning: string[] } }>().messages.warning;

flow('an API server that restarts under load', () => {
  it('leaves reads answered, says how old they are, refuses writes honestly, and is followed again within 5 s', async () => {
    const sandbox = ground;
    await sandbox.start();
    undos.push(async () => expect(await sandbox.stop()).toBe(0));
    const client = apiClient(sandbox, tool);
    undos.push(() => client.close());
    const readers = startReaders(client, tool, 60);
    const writer = startWriter(client, tool, 'restart', 15);
    undos.push(readers.stop, writer.stop);
    const downs: { from: number; to: number }[] = [];
    const backMs: number[] = [];

    for (const [round, signal] of (['SIGTERM', 'SIGKILL', 'SIGKILL', 'SIGTERM'] as const).entries()) {
      const [readsBefore, writesBefore] = [readers.readings.length, writer.writes.length];
      await until(
        () => readers.readings.length > readsBefore + 60 && writer.writes.length > writesBefore + 15,
        'users work',
      );
      const [staleBefore, refusedBefore] = [readers.readings.filter(isStale).length, writer.writes.length];
      await stopApiServer(cluster, signal);
      const from = performance.now();
      await until(
        () => readers.readings.filter(isStale).length > staleBefore + 60 && writer.writes.length > refusedBefore + 10,
        'users work on',
      );
      downs.push({ from, to: performance.now() });
      await startApiServer(cluster);
      const readyAt = performance.now();
      await createDirectly(cluster, tool, { [`direct-${round}`]: `echo ${round}` });
      await until(
        async () => (await shownJobs(client, tool)).includes(`scheduled direct-${round}: echo ${round}`),
        'the watch is back',
        5_000,
      );
      backMs.push(Math.round(performance.now() - readyAt));
    }
    await until(() => writer.writes.at(-1)?.answer?.status === 201, 'writes work again');
    await writer.stop();
    await readers.stop();
    console.log(`the watch was back after ${backMs.join(', ')} ms`);

    const answered = readers.readings.flatMap(({ answer }) => answer ?? []);
    expect(readers.readings.filter(({ answer }) => answer?.status !== 200)).toEqual([]);
    for (const answer of answered.filter((one) => !isFresh(one))) {
      expect(Number(answer.headers.age)).toBeGreaterThanOrEqual(0);
      expect(answer.headers.warning).toBe('110 - "Response is Stale"');
      expect(warningsOf(answer)).toHaveLength(1);
    }
    for (const answer of answered.filter(isFresh)) expect(warningsOf(answer)).toEqual([]);

    const outcomes = writer.writes.map(({ answer }) => `${answer?.status} ${answer && codeOf(answer)}`);
    console.log(tally(outcomes));
    const lost = writer.writes.filter(({ askedAt }) => downs.some(({ from, to }) => askedAt > from && askedAt < to - 100));
    expect(lost.length).toBeGreaterThan(30);
    for (const { answer } of lost) expect(answer?.status, answer?.text).toBeOneOf([404, 503, 504]);
    for (const { answer, method } of writer.writes) {
      if (answer?.status === 503) {
        expect(answer.json().code).toBe('kube.unreachable');
        expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      } else if (answer?.status === 504) expect(answer.json().code).toBe('kube.state_unknown');
      else expect(answer?.status, answer?.text).toBeOneOf(method === 'POST' ? [201] : [200, 404]);
    }
    const held = new Set((await heldLines(cluster, tool)).map((line) => line.replace(/^\S+ |:.*/g, '')));
    const broken = [...promisedBy(writer.writes)].filter(([name, isThere]) => held.has(name) !== isThere);
    expect(broken).toEqual([]);
    await untilAgreed(client);
  });
});

function codeOf(answer: Answer): string {
  return answer.status < 400 ? '' : answer.json().code;
}

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

flow('a watch that is cut at random', () => {
  it('on the wire, in any way, loses nothing', async () => {
    const { client, proxy, agrees, sandbox } = await stage('fault-bytes', 'bytes');
    const random = createSeededRandom(20_260_301);
    const pid = sandbox.pid();
    const before = proxy.connections;
    const writer = startWriter(client, tool, 'cut', 20);
    undos.push(writer.stop);
    let cuts = 0;
    for (let round = 0; round < 24; round += 1) {
      const direct = { [`past-${round}`]: `echo ${round}` };
      const kind = random.oneOf(['fin', 'rst', 'cut', 'reset', 'stall']);
      const connections = proxy.connections;
      if (kind === 'fin' || kind === 'rst') proxy.dropAll(kind === 'fin' ? 'cut' : 'reset');
      else if (kind === 'stall') proxy.setByteFault({ kind, direction: 'toClient', afterBytes: random.between(0, 60_000) });
      else proxy.setByteFault({ kind, direction: 'toClient', afterBytes: random.between(0, 20_000) });
      await createDirectly(cluster, tool, direct);
      if (round % 2 === 1) await deleteDirectly(cluster, tool, [`past-${round - 1}`]);
      if (kind !== 'stall') await until(() => proxy.connections > connections, 'a connection was cut and made anew');
      else if (random.next() < 0.5) proxy.dropAll('reset');
      proxy.setByteFault(undefined);
      cuts += proxy.connections - connections;
    }
    await writer.stop();
    console.log(`${cuts} connections cut`, tally(writer.writes.map(({ answer }) => String(answer?.status))));
    expect(proxy.connections - before).toBeGreaterThan(20);
    await agrees();
    expect(sandbox.pid()).toBe(pid);
    const held = new Set((await heldLines(cluster, tool)).map((line) => line.replace(/^\S+ |:.*/g, '')));
    expect([...promisedBy(writer.writes)].filter(([name, isThere]) => held.has(name) !== isThere)).toEqual([]);
  });
});
