/** The daemon that is killed, that has just begun, whose jobs come and go under one name, and whose tools change their certificates. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { certificateFingerprint } from '../../src/kube.ts';
import { kubectl } from '../cluster/cluster.ts';
import type { Answer } from '../support/api-client.ts';
import { isList } from '../support/api-proxy.ts';
import { type AuditEvent, readAudit } from '../support/audit.ts';
import { createFaultGround, type FaultGround } from '../support/fault-ground.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { startReaders, startWriter, type Write } from '../support/load.ts';
import { type Sandbox, until } from '../support/sandbox.ts';
import {
  brokenPromises,
  createDirectly,
  deleteDirectly,
  heldJobs,
  heldLines,
  jobsIn,
  untilAgreed,
} from '../support/view.ts';

const tools = ['fault-one', 'fault-two'] as const;
const [one, two] = tools;
/** A brought cluster keeps its keys and its audit log to itself. */

let ground: FaultGround;

beforeAll(async () => {
  if (cluster.owned) ground = await createFaultGround(cluster, 'faults-daemon', tools);
});

afterEach(() => ground?.endTest());

afterAll(() => ground?.close());

const started = (name: string, cmd: string, more: object = {}) => ({
  body: { name, cmd, imagename: 'bookworm', ...more },
});
const stateOf = (answer: Answer, name: string): string | undefined =>
  answer.json<{ jobs: { name: string; status: { short: string } }[] }>().jobs.find((job) => job.name === name)?.status
    .short;

describe('a daemon killed with -9 under load', () => {
  it('serves the truth, and only that, from its new start on, and leaves no process behind', async () => {
    const sandbox = await ground.daemon('direct');
    const client = ground.client(sandbox, one);
    await sandbox.start();
    const bot = started('bot', 'trap "exit 0" TERM; while true; do sleep 0.2; done', { continuous: true });
    expect((await client.call('POST', jobsPath(one), bot)).status).toBe(201);
    await until(async () => stateOf(await client.call('GET', jobsPath(one)), 'bot') === 'running', 'the bot runs');
    const { readings } = ground.keep(startReaders(client, one, 60));
    const allWrites: Write[] = [];
    const tookMs: number[] = [];

    for (let round = 0; round < 5; round += 1) {
      const { writes, ...writer } = ground.keep(
        startWriter(client, { tool: one, prefix: `kill-${round}`, perSecond: 40 }),
      );
      await until(() => writes.length > 25, 'users work');
      const readers = await childrenOf(sandbox.pid());
      await sandbox.stop('SIGKILL');
      await writer.stop();
      allWrites.push(...writes);
      await createDirectly(cluster, one, {
        [`away-${round}`]: `echo ${round}`,
        [`away-more-${round}`]: `echo ${round}`,
      });
      if (round > 0) await deleteDirectly(cluster, one, [`away-${round - 1}`]);
      const held = await heldLines(cluster, one);

      const spawnedAt = performance.now();
      const starting = sandbox.start();
      const first = await until(
        () => readings.find(({ askedAt, answer }) => askedAt > spawnedAt && answer?.status === 200),
        'it answers',
      );
      tookMs.push(Math.round(first.answeredAt - spawnedAt));
      await starting;
      const since = readings.flatMap(({ askedAt, answer }) => (askedAt > spawnedAt && answer ? [answer] : []));
      for (const answer of since) {
        if (answer.status === 503) expect(answer.json().code).toBe('view.not_ready');
        else expect(jobsIn(answer)).toEqual(held);
        if (answer.status === 200) expect(stateOf(answer, 'bot')).toBe('running');
      }
      await until(() => !readers.some(isAlive), 'the readers of the homes ended with the daemon');
    }
    console.log(`the truth was served ${tookMs.join(', ')} ms after the start`);
    expect(await brokenPromises(cluster, one, allWrites)).toEqual([]);
  });
});

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a daemon that has not seen everything yet', () => {
  it('answers 503 and when to come again, never a part', async () => {
    await createDirectly(cluster, one, { 'early-bird': 'echo early' });
    const held = await heldLines(cluster, one);
    const sandbox = await ground.daemon('http');
    const client = ground.client(sandbox, one);
    ground.http.addRule({
      match: (seen) => isList(seen, '/apis/apps/v1/deployments'),
      times: 1,
      do: { kind: 'delay', delayMs: 2_000 },
    });
    const starting = sandbox.start();
    const { readings } = ground.keep(startReaders(client, one, 60));
    await until(() => readings.some(({ answer }) => answer !== undefined), 'it answers');
    const refused = await client.call('POST', jobsPath(one), started('too-early', 'date'));
    expect([refused.status, refused.json().code]).toEqual([503, 'view.not_ready']);
    expect(await sandbox.ready()).toBe(false);
    await starting;
    await until(() => readings.at(-1)?.answer?.status === 200, 'it shows jobs');
    const answers = readings.flatMap(({ answer }) => answer ?? []);
    const firstGood = answers.findIndex(({ status }) => status === 200);
    expect(firstGood).toBeGreaterThan(10);
    for (const answer of answers.slice(0, firstGood)) {
      expect([answer.status, answer.json().code]).toEqual([503, 'view.not_ready']);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    for (const answer of answers.slice(firstGood)) expect(jobsIn(answer)).toEqual(held);
  });
});

describe('a name used again and again', () => {
  const name = 'again';
  const fails = (life: number) => life % 6 === 0;
  const cmdOf = (life: number) => `echo ${life}; sleep 60`;

  it('shows each life its own state and nothing of the one before, with cuts in between', async () => {
    const client = ground.client(await ground.running('bytes'), one);
    // A pod that no node has taken yet is gone at once, so that lives follow one another as fast as can be.
    await onEveryNode('cordon');
    ground.atEnd(() => onEveryNode('uncordon'));
    const { readings } = ground.keep(startReaders(client, one, 60));
    const uids = new Set<string>();
    for (let life = 0; life < 30; life += 1) {
      await insist(() => client.call('POST', jobsPath(one), started(name, cmdOf(life))), [201, 409]);
      const shown = await client.call('GET', `${jobsPath(one)}/${name}`);
      expect(shown.json().job).toMatchObject({ cmd: cmdOf(life), status: { short: 'pending' } });
      const [held] = (await heldJobs(cluster, one)).filter((job) => job.name === name);
      expect(held?.cmd).toBe(cmdOf(life));
      uids.add(held?.uid ?? '');
      if (fails(life)) {
        await failPodOf(name);
        await until(async () => stateOf(await client.call('GET', jobsPath(one)), name) === 'failed', 'it fails');
      }
      if (life % 5 === 2) ground.bytes.dropAll(life % 2 ? 'cut' : 'reset');
      await insist(() => client.call('DELETE', `${jobsPath(one)}/${name}`), [200, 404]);
      expect((await client.call('GET', `${jobsPath(one)}/${name}`)).status).toBe(404);
    }
    expect(uids.size).toBe(30);
    const seen = readings.flatMap(({ answer }) => (answer?.status === 200 ? livesIn(answer) : []));
    expect(seen.filter(({ life, state }) => state !== 'pending' && !(fails(life) && state === 'failed'))).toEqual([]);
    expect(seen.some(({ state }) => state === 'failed')).toBe(true);
    const lives = seen.map(({ life }) => life);
    expect(lives).toEqual(lives.toSorted((a, b) => a - b));
    await untilAgreed(cluster, client, one);
  });

  async function onEveryNode(verb: 'cordon' | 'uncordon'): Promise<void> {
    const nodes = (await kubectl(cluster, ['get', 'nodes', '-o', 'name'])).trim().split('\n');
    await kubectl(cluster, [verb, ...nodes]);
  }

  async function failPodOf(job: string): Promise<void> {
    const namespaced = ['-n', `tool-${one}`];
    const pod = await until(
      () => kubectl(cluster, ['get', 'pods', ...namespaced, '-l', `app.kubernetes.io/name=${job}`, '-o', 'name']),
      'the pod is there',
    );
    const failed = '{"status":{"phase":"Failed"}}';
    await kubectl(cluster, ['patch', pod.trim(), ...namespaced, '--subresource=status', '--type=merge', '-p', failed]);
  }

  /** Says it again while it is not known whether it was heard. */
  async function insist(call: () => Promise<Answer>, good: readonly number[]): Promise<void> {
    await until(async () => {
      const answer = await call();
      if (![...good, 503, 504].includes(answer.status)) throw new Error(`${answer.status} ${answer.text}`);
      return good.includes(answer.status);
    }, 'the write is done');
  }

  function livesIn(answer: Answer): { life: number; state: string }[] {
    const { jobs } = answer.json<{ jobs: { name: string; cmd: string; status: { short: string } }[] }>();
    return jobs
      .filter((job) => job.name === name)
      .map(({ cmd, status }) => ({ life: Number(cmd.replace(/\D*(\d+);.*/, '$1')), state: status.short }));
  }
});

describe('two tools whose certificates are renewed while both work', () => {
  it('are never taken for one another', async () => {
    const sandbox = await ground.running('direct');
    for (const tool of tools)
      expect((await ground.client(sandbox, tool).call('DELETE', jobsPath(tool))).status).toBe(200);
    const before = (await readAudit(cluster)).length;
    const loads = tools.map((tool) =>
      ground.keep(
        startWriter(ground.client(sandbox, tool), { tool, prefix: `mine-of-${tool}`, perSecond: 60, leaveEvery: 0 }),
      ),
    );
    for (let round = 0; round < 3; round += 1) {
      const wrote = loads.map(({ writes }) => writes.length);
      for (const tool of tools) expect((await sandbox.admin('tool', 'add', tool, '--renew')).code).toBe(0);
      for (const tool of tools) await until(() => isInUse(sandbox, tool), 'the new certificate is in use', 5_000);
      await until(() => loads.every(({ writes }, index) => writes.length > (wrote[index] ?? 0) + 80), 'both work');
    }
    for (const load of loads) await load.stop();
    const failed = loads.flatMap(({ writes }) => writes.filter(({ answer }) => (answer?.status ?? 500) >= 300));
    expect(failed.map(({ answer }) => answer?.text)).toEqual([]);

    const asked = (await readAudit(cluster)).slice(before).filter(isOurs);
    for (const tool of tools) {
      const own = asked.filter(({ user }) => user.username === tool);
      expect(own.length).toBeGreaterThan(200);
      expect(own.filter(({ objectRef }) => objectRef?.namespace !== `tool-${tool}`)).toEqual([]);
      const named = own.filter(({ objectRef }) => objectRef?.name !== undefined);
      expect(named.filter(({ objectRef }) => !objectRef?.name?.startsWith(`mine-of-${tool}-`))).toEqual([]);
      expect(new Set(own.map(credentialOf)).size).toBeGreaterThan(2);
    }
    expect(asked.filter(({ user }) => !tools.some((tool) => tool === user.username))).toEqual([]);
  });

  /** Whether the daemon acts with the certificate that lies in the home now. */
  async function isInUse({ homeOf, logFile }: Sandbox, tool: string): Promise<boolean> {
    const pem = await readFile(join(homeOf(tool), '.toolskube/client.crt'), 'utf8');
    return (await readFile(logFile, 'utf8')).includes(certificateFingerprint(pem));
  }

  /** What the daemon asked in the tools' namespaces. */
  function isOurs({ stage: moment, userAgent, objectRef }: AuditEvent & { readonly stage?: string }): boolean {
    const namespace = objectRef?.namespace ?? '';
    return (
      moment === 'ResponseComplete' &&
      (userAgent ?? '').startsWith('toolforge-jobs/') &&
      [`tool-${one}`, `tool-${two}`].includes(namespace)
    );
  }

  /** Which certificate it was (kubernetes.io, "Auditing": extra of the user). */
  function credentialOf({ user }: AuditEvent): string {
    const { extra } = user as { extra?: Record<string, readonly string[]> };
    return extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? '';
  }
});
