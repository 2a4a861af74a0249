/** What runs use and write, measured on the real node: in the records, in the history, and in mail. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunEnd, Tool } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { createRunOutputs } from '../../src/run-outputs.ts';
import { createRunRecords } from '../../src/run-records.ts';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { makeRunEnd } from '../support/facts.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'usage-one';
const mebibyte = 2 ** 20;
/** Holds 100 MB and is busy now and then, until it is told that this was seen. */
const eater = `x=$(head -c 100000000 /dev/zero | tr '\\0' x)
until [ -e seen ]; do head -c 30000000 /dev/zero | sha256sum >/dev/null; sleep 0.2; done`;
let sandbox: Sandbox;
let client: ApiClient;

interface Run {
  readonly outcome: string;
  readonly reason: string | null;
  readonly peak_memory: number | null;
  readonly memory_limit: number | null;
  readonly peak_cpu: number | null;
}

interface Peaks {
  readonly runs: number;
  readonly memory?: { readonly highest: number };
  readonly cpu?: { readonly highest: number };
}

beforeAll(async () => {
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'usage'),
    name: 'flow-usage',
    settings: { usage_every_seconds: '1' },
    nodeUsage: true,
  });
  await sandbox.addTool(tool);
  await writeHistory();
  await writeOutputs();
  await sandbox.start();
  client = apiClient(sandbox, tool);
});

const hour = 3_600_000;
/** How long the ten runs of each job took: those of the second one now this, now that, so that none of it is too short or too long. */
const lengths = { quick: [hour], mute: [1_000, hour] };

async function writeHistory(): Promise<void> {
  const records = createRunRecords({
    directory: join(sandbox.dir, 'state', 'runs'),
    log: createLog({ level: 'silent' }),
  });
  for (const end of formerEnds()) records.add(end);
  await records.stop();
}

/** Each of them wrote forty lines. */
async function writeOutputs(): Promise<void> {
  const outputs = openOutputs();
  for (const end of formerEnds()) {
    outputs.collect(end);
    await outputs.collected(end.id);
  }
  outputs.stop();
}

const openOutputs = () =>
  createRunOutputs({
    directory: join(sandbox.dir, 'state', 'output'),
    read: async () => ({ ...noLines, written: fortyLines }),
    keeps: () => ({ perJob: 100, oldest: 0 }),
    log: createLog({ level: 'silent' }),
  });

const fortyLines = { lines: 40, orMore: false };
const noLines = { lines: [], from: undefined, missing: 'nothing of it was kept', isCut: false };

function formerEnds(): RunEnd[] {
  return Object.entries(lengths).flatMap(([name, took]) =>
    Array.from({ length: 10 }, (_, n) => {
      const startedAt = Date.now() - 2 * (n + 1) * hour;
      const key = { namespace: `tool-${tool}`, kind: 'CronJob', name } as const;
      const times = { createdAt: startedAt, startedAt, finishedAt: startedAt + (took[n % took.length] ?? 0) };
      return makeRunEnd({ id: `${name}-${n}`, key, ...times });
    }),
  );
}

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
  await kubectl(cluster, ['delete', 'clusterrole', 'jobs-api-node-usage', '--ignore-not-found']);
});

async function run(name: string, cmd: string, more: object = {}): Promise<void> {
  const body = { name, cmd, imagename: 'bookworm', filelog: false, ...more };
  const answer = await client.call('POST', jobsPath(tool), { body });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
}

const endOf = (name: string) =>
  until(async () => {
    const answer = await client.call('GET', `${jobsPath(tool)}/${name}/runs`);
    return answer.status === 200 ? (answer.json().runs as Run[])[0] : undefined;
  }, `a run of ${name} has ended`);

describe('what a run uses', () => {
  it('is on its record when it has ended: the most that was seen of it', async () => {
    await run('eats', eater);
    const seen = await until(async () => {
      const { job } = (await client.call('GET', `${jobsPath(tool)}/eats`)).json() as { job: { peaks?: Peaks } };
      return job.peaks?.cpu && (job.peaks.memory?.highest ?? 0) > 95 * mebibyte ? job.peaks : undefined;
    }, 'what it uses is seen while it runs');
    expect(seen.runs).toBe(1);
    expect((await sandbox.jobs(tool, 'show', 'eats')).stdout).toMatch(/Peaks: .* MiB, .* CPU in one run \(sampled\)/);
    await writeFile(join(sandbox.homeOf(tool), 'seen'), '');
    const { outcome, peak_memory: memory, memory_limit: limit, peak_cpu: cpu } = await endOf('eats');
    expect([outcome, limit]).toEqual(['succeeded', 512 * mebibyte]);
    expect(memory).toBeGreaterThan(95 * mebibyte);
    expect(memory).toBeLessThan(250 * mebibyte);
    expect(cpu).toBeGreaterThan(0);
    const { stdout } = await sandbox.jobs(tool, 'history', 'eats');
    expect(stdout).toMatch(/Sampled peak/);
    expect(stdout).toMatch(/ \d+ of 512 MiB, [\d.]+ CPU +succeeded/);
  });

  it('is all that it might use where it was killed for memory', async () => {
    await run('hungry', 'tail /dev/zero', { memory: '100Mi' });
    const { reason, peak_memory: memory, memory_limit: limit } = await endOf('hungry');
    expect([reason, memory, limit]).toEqual(['out_of_memory', 100 * mebibyte, 100 * mebibyte]);
    const { stdout } = await sandbox.jobs(tool, 'history', 'hungry');
    expect(stdout).toMatch(/ 100 of 100 MiB.* \(limit\) +failed: ran out of memory/);
  });
});

describe('advice', () => {
  it('is more memory for what was killed, by a command that gives it', async () => {
    await run('nightly', 'tail /dev/zero', { memory: '100Mi', schedule: '0 3 1 1 *' });
    await sandbox.jobs(tool, 'restart', 'nightly');
    await endOf('nightly');
    const { stdout } = await sandbox.jobs(tool, 'advise', 'nightly');
    expect(stdout).toMatch(/^Memory: +used 100 of 100 MiB in one run, which was killed for lack of it; 192Mi would be/);
    const [command = ''] = /toolforge-jobs set .*/.exec(stdout) ?? [];
    expect(command).toBe('toolforge-jobs set nightly --mem 192Mi');
    const changed = await sandbox.jobs(tool, ...command.split(' ').slice(1));
    expect([changed.code, changed.stderr]).toEqual([0, expect.stringContaining("write 'mem: 192Mi' there as well")]);
    expect((await client.call('GET', `${jobsPath(tool)}/nightly`)).json()).toMatchObject({ job: { memory: '192Mi' } });
  });

  it('of the tool says what of the quota is used', async () => {
    const { code, stdout } = await sandbox.jobs(tool, 'advise', '--quota');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Cron jobs +1 +/m)]);
  });
});

describe('a run that is unusual', () => {
  const runNow = async (name: string, cmd: string) => {
    await run(name, cmd, { schedule: '0 3 1 1 *', emails: 'onfailure', unusual: true });
    await sandbox.jobs(tool, 'restart', name);
  };
  const isTold = async (name: string, what: string) => {
    const marked = new RegExp(`by hand .* succeeded, unusually ${what}$`, 'm');
    await until(async () => marked.test((await sandbox.jobs(tool, 'history', name)).stdout), 'its history marks it');
    await until(
      async () => (await sandbox.jobs(tool, 'mail-log', '--job', name)).stdout.includes('unusual'),
      'the mail log tells of it',
    );
  };

  it('because it ends too soon is told to its owner and marked in its history, where the job asks for that', async () => {
    await runNow('quick', 'seq 40');
    await isTold('quick', 'short');
  });

  it('because it writes too little is so as well, though it ends while the daemon is away', async () => {
    await runNow('mute', 'until [ -e heard ]; do sleep 0.2; done');
    const phaseOf = (phase: string) =>
      until(async () => {
        const pods = await kubectl(cluster, ['get', 'pods', '-n', `tool-${tool}`]);
        return new RegExp(`^mute-.* ${phase} `, 'm').test(pods);
      }, `its pod is ${phase}`);
    await phaseOf('Running');
    await sandbox.stop('SIGKILL');
    await writeFile(join(sandbox.homeOf(tool), 'heard'), '');
    await phaseOf('Completed');
    await sandbox.start();
    await isTold('mute', 'quiet');
  });
});

it('what a run has written is counted line by line', async () => {
  const counted = await openOutputs().written(Tool.of(tool), 'quick');
  expect([...counted.values()]).toEqual(Array(11).fill(fortyLines));
});

describe('where nobody may be asked', () => {
  it('runs are not measured, which operators can read', async () => {
    await kubectl(cluster, ['delete', 'clusterrolebinding', 'jobs-api-node-usage']);
    await run('unseen', 'trap exit TERM; sleep 600 & wait', { continuous: true });
    await until(async () => {
      const { stdout } = await sandbox.admin('status');
      return /Use of jobs +not measured: .*it may not ask nodes/.test(stdout);
    }, 'status says so');
    expect((await sandbox.admin('status')).code).toBe(0);
  });
});

it('the log has no mistake of ours', async () => {
  expect(await mistakesIn(sandbox.logFile)).toEqual([]);
});
