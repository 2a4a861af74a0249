/** An API server that goes away and comes back, or forgets, while users go on working. On a cluster of its own: other flows need theirs. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, compactEtcd, down, startApiServer, stopApiServer, up } from '../cluster/cluster.ts';
import type { Answer } from '../support/api-client.ts';
import { createFaultGround, type FaultGround } from '../support/fault-ground.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { expectHonest, type Reading, startReaders, startWriter } from '../support/load.ts';
import { until } from '../support/sandbox.ts';
import {
  brokenPromises,
  createDirectly,
  deleteDirectly,
  heldLines,
  isFresh,
  jobsIn,
  shownJobs,
  untilAgreed,
} from '../support/view.ts';

const tool = 'fault-restart';

let stateDir: string;
let cluster: Cluster;
let ground: FaultGround;

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'toolforge-jobs-restart-'));
  cluster = await up({ stateDir });
  ground = await createFaultGround(cluster, 'faults', [tool]);
});

afterEach(() => ground?.endTest());

afterAll(async () => {
  await ground?.close();
  await down(stateDir);
  await rm(stateDir, { recursive: true, force: true });
});

const isStale = ({ answer }: Reading) => answer?.status === 200 && !isFresh(answer);
const statusOf = ({ answer }: { answer: Answer | undefined }) => answer?.status;
/** A round may meet deletes whose end nobody can tell while the API server is away: each answers after 30 s, and its user waits. */
const roundMs = 150_000;
const forLongRounds = { timeout: 4 * roundMs };
const warningsOf = (answer: Answer) => answer.json<{ messages: { warning: string[] } }>().messages.warning;

describe('an API server that restarts under load', forLongRounds, () => {
  it('leaves reads answered, says how old they are, refuses writes honestly, and is followed again within 5 s', async () => {
    const client = ground.client(await ground.running('direct'), tool);
    const { readings, ...readers } = ground.keep(startReaders(client, tool, 75));
    const { writes, ...writer } = ground.keep(startWriter(client, { tool, prefix: 'restart', perSecond: 15 }));
    const outages: { from: number; to: number }[] = [];
    const backMs: number[] = [];

    for (const [round, signal] of (['SIGTERM', 'SIGKILL', 'SIGKILL'] as const).entries()) {
      const [reads, wrote] = [readings.length, writes.length];
      await until(() => readings.length > reads + 250 && writes.length > wrote + 30, 'users work', roundMs);
      await stopApiServer(cluster, signal);
      const from = performance.now();
      const during = () => readings.filter((one) => isStale(one) && one.askedAt > from).length;
      const refused = () => writes.filter(({ askedAt }) => askedAt > from).length;
      await until(() => during() > 60 && refused() > 10, 'users go on while it is away', roundMs);
      outages.push({ from, to: performance.now() });
      await startApiServer(cluster);
      const readyAt = performance.now();
      await createDirectly(cluster, tool, { [`direct-${round}`]: `echo ${round}` });
      const line = `scheduled direct-${round}: echo ${round}`;
      const isBack = async () => {
        const answer = await client.call('GET', jobsPath(tool));
        return isFresh(answer) && jobsIn(answer).includes(line);
      };
      await until(isBack, 'the watches are back', 5_000 - (performance.now() - readyAt));
      backMs.push(Math.round(performance.now() - readyAt));
    }
    const wrote = writes.length;
    await until(() => writes.length > wrote + 10, 'users go on', roundMs);
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
    for (const write of writes) expectHonest(write);
    expect(writes.slice(-5).filter((one) => (statusOf(one) ?? 500) >= 300)).toEqual([]);
    expect(await brokenPromises(cluster, tool, writes)).toEqual([]);
    await untilAgreed(cluster, client, tool);
  });
});

describe('a daemon started while the API server is away', () => {
  it('waits for it and then shows what there is', async () => {
    await createDirectly(cluster, tool, { 'there-before': 'echo before' });
    const held = await heldLines(cluster, tool);
    const sandbox = await ground.daemon('direct');
    const client = ground.client(sandbox, tool);
    await stopApiServer(cluster, 'SIGKILL');
    const waits = async () =>
      (await readFile(sandbox.logFile, 'utf8').catch(() => '')).split('the watch broke off').length;
    const before = await waits();
    const starting = sandbox.start();
    await until(async () => (await waits()) > before, 'it waits');
    await startApiServer(cluster);
    await starting;
    expect(jobsIn(await client.call('GET', jobsPath(tool)))).toEqual(held);
  });

  it('goes on with the settings and the images that were good last', async () => {
    const sandbox = await ground.daemon('direct');
    await sandbox.start();
    await sandbox.stop('SIGKILL');
    await stopApiServer(cluster, 'SIGKILL');
    const starting = sandbox.start();
    const detail = await until(async () => {
      const answer = await fetch(`${sandbox.healthUrl}/readyz`).catch(() => undefined);
      return ((await answer?.json()) as { detail?: Record<string, object> } | undefined)?.detail;
    }, 'it answers');
    const kept = { version: expect.any(String), isCurrent: false };
    expect(detail).toMatchObject({ settings: { ...kept, source: 'last good' }, images: kept });
    const { stdout } = await until(async () => {
      const shown = await sandbox.admin('settings', 'show', '--output', 'json');
      return shown.stdout === '' ? undefined : shown;
    }, 'the operators hear of it');
    expect(JSON.parse(stdout).in_force.requests_per_second_per_tool).toBe('1000');
    await startApiServer(cluster);
    await starting;
  });
});

describe('a history that was dropped while the watches were away', () => {
  it('is made good by listing: what went is gone, a name used again shows its new job', async () => {
    await createDirectly(cluster, tool, { 'real-gone': 'echo old', 'real-again': 'echo old' });
    const sandbox = await ground.running('bytes');
    const client = ground.client(sandbox, tool);
    const isLive = async () => isFresh(await client.call('GET', jobsPath(tool)));
    await untilAgreed(cluster, client, tool);
    ground.bytes.setByteFault({ kind: 'refuse' });
    ground.bytes.dropAll('reset');
    await until(async () => !(await isLive()), 'the watches are cut off');
    await deleteDirectly(cluster, tool, ['real-gone', 'real-again']);
    await createDirectly(cluster, tool, { 'real-again': 'echo new' });
    await compactEtcd(cluster);
    expect(await shownJobs(client, tool)).toContain('scheduled real-gone: echo old');
    ground.bytes.setByteFault(undefined);
    await until(isLive, 'the watches are back');
    await untilAgreed(cluster, client, tool);
    expect(await shownJobs(client, tool)).toContain('scheduled real-again: echo new');
    const log = (await readFile(sandbox.logFile, 'utf8')).split('\n');
    expect(log.filter((line) => line.includes('"reason":"gone"') && line.includes('"listed"'))).not.toEqual([]);
  });

  it('while the daemon was away is noted as a gap, and what there is now is shown', async () => {
    await createDirectly(cluster, tool, { 'gap-gone': 'echo old' });
    const sandbox = await ground.running('direct');
    await untilAgreed(cluster, ground.client(sandbox, tool), tool);
    const saved = async () => JSON.parse(await readFile(join(sandbox.dir, 'state/checkpoint.json'), 'utf8'));
    const before = await saved();
    await sandbox.stop('SIGKILL');
    await deleteDirectly(cluster, tool, ['gap-gone']);
    await createDirectly(cluster, tool, { 'gap-new': 'echo new' });
    await compactEtcd(cluster);
    await sandbox.start();
    await untilAgreed(cluster, ground.client(sandbox, tool), tool);
    // It may touch one that the restarts before have left, and is then the rest of it.
    const gap = await until(
      async () => (await saved()).gaps.find(({ to }: { to: number }) => to > before.asOf),
      'there is a gap',
    );
    expect(gap.from).toBeLessThanOrEqual(before.asOf);
  });
});
