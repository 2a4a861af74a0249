/** Firings of schedules on the real cluster: each has one outcome on record, whatever came in its way, also over a restart of the daemon. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tools = ['firings-one', 'firings-full'] as const;
const [tool, full] = tools;
const skipMs = 220_000;
const clients = new Map<string, ApiClient>();
let sandbox: Sandbox;

interface Run {
  readonly id: string;
  readonly due: string | null;
  readonly started: string | null;
  readonly finished: string | null;
  readonly outcome: string;
  readonly manual: boolean;
  readonly reason: string | null;
  readonly message: string;
  readonly trigger: string;
}

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'firings'), name: 'flow-firings' });
  for (const name of tools) await sandbox.addTool(name);
  await sandbox.start();
  for (const name of tools) clients.set(name, apiClient(sandbox, name));
});

afterAll(async () => {
  for (const client of clients.values()) client.close();
  await sandbox?.stop();
  for (const name of tools) await sandbox?.removeTool(name);
});

async function define(of: string, name: string, cmd: string, more: object = {}): Promise<void> {
  // So little that all of them find room at once.
  const usual = { imagename: 'bookworm', cpu: '150m', schedule: '* * * * *', emails: 'onfailure', filelog: false };
  const body = { name, cmd, ...usual, ...more };
  const answer = await clients.get(of)?.call('POST', jobsPath(of), { body });
  expect([answer?.status, answer?.text]).toEqual([201, expect.any(String)]);
}

async function runsOf(of: string, name: string): Promise<readonly Run[]> {
  const answer = await clients.get(of)?.call('GET', `${jobsPath(of)}/${name}/runs`);
  return answer?.status === 200 ? (answer.json().runs as Run[]) : [];
}

/** A firing takes a minute to come, three quarters of one to be given up, and where little happens one more until the API server says so. */
const skipped = (of: string, name: string, reason: string) =>
  until(
    async () => (await runsOf(of, name)).find((run) => run.outcome === 'skipped' && run.reason === reason),
    `a firing of ${name} is skipped: ${reason}`,
    skipMs,
  );

const suspend = (name: string, isSuspended: boolean) =>
  kubectl(cluster, ['patch', 'cronjob', name, '-n', `tool-${tool}`, '-p', `{"spec":{"suspend":${isSuspended}}}`]);

/** The minute after the next one: there is time to prepare for it. */
const nextMinute = () => Math.floor(Date.now() / 60_000) * 60_000 + 120_000;

describe('a firing of a schedule', () => {
  let [due, local, shown] = [0, '', ''];

  beforeAll(async () => {
    await define(tool, 'runs', 'true');
    await define(tool, 'overlaps', 'trap exit TERM; sleep 600 & wait');
    await define(tool, 'rests', 'true');
    await sandbox.jobs(tool, 'suspend', 'rests', '--note', 'the wiki moves');
    // So long that a time of the schedule comes while it goes, and its starting deadline passes as well.
    await define(tool, 'byhand', 'trap exit TERM; sleep 100 & wait');
    await sandbox.jobs(tool, 'run-now', 'byhand');
    await define(tool, 'replaces', 'trap exit TERM; sleep 600 & wait', { concurrency: 'replace' });
    due = nextMinute();
    local = new Date(due).toLocaleTimeString('en-GB', { timeZone: 'Asia/Kathmandu', timeStyle: 'short' });
    const [hours, minutes] = local.split(':').map(Number);
    await define(tool, 'far-away', 'true', { schedule: `${minutes} ${hours} * * *`, timezone: 'Asia/Kathmandu' });
    shown = (await sandbox.jobs(tool, 'show', 'far-away')).stdout;
    const late = { schedule: `${new Date(due).getUTCMinutes()} * * * *`, starting_deadline: 600 };
    await define(tool, 'comes-late', 'true', late);
    await suspend('comes-late', true);
    await define(full, 'squeezed', 'true');
    const quota = JSON.stringify({ spec: { hard: { 'count/jobs.batch': '0' } } });
    await kubectl(cluster, [
      'patch',
      'resourcequota',
      `tool-${full}`,
      '-n',
      `tool-${full}`,
      '--type=merge',
      '-p',
      quota,
    ]);
  });

  it('that the quota leaves no room for says so, with how much is used', async () => {
    expect((await skipped(full, 'squeezed', 'quota')).message).toMatch(
      /^skipped: the quota of the tool left no room for it; count\/jobs\.batch: 0 of 0 are used/,
    );
    const { stdout } = await sandbox.jobs(full, 'list');
    expect(stdout).toMatch(/squeezed .* Skipped 20\d\d-\S+Z, no room in the quota/);
  }, 240_000);

  it('of a job that is suspended says so, with who did it, and why', async () => {
    const { message } = await skipped(tool, 'rests', 'suspended');
    expect(message).toBe('skipped: the job was suspended by its owner: the wiki moves');
  }, 240_000);

  it('that found the run before it still going says since when', async () => {
    const { message } = await skipped(tool, 'overlaps', 'previous_run');
    expect(message).toMatch(/^skipped: the run before it was still going, since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  }, 240_000);

  it('that comes while a run by hand goes begins no second one', async () => {
    const byHand = await until(
      async () => (await runsOf(tool, 'byhand')).find(({ manual }) => manual),
      'the run by hand is on record',
      skipMs,
    );
    expect(byHand).toMatchObject({ outcome: 'succeeded', due: null });
    const isMeanwhile = (time: string | null) =>
      time !== null &&
      Date.parse(time) >= Date.parse(byHand.started ?? '') &&
      Date.parse(time) < Date.parse(byHand.finished ?? '');
    // One that comes nearer to its end may begin behind it.
    const deadlineOf = (due: string | null) => new Date(Date.parse(due ?? '') + 35_000).toISOString();
    const firing = await until(
      async () => (await runsOf(tool, 'byhand')).find(({ due }) => isMeanwhile(due) && isMeanwhile(deadlineOf(due))),
      'the firing that came meanwhile is on record',
      skipMs,
    );
    expect(firing).toMatchObject({ outcome: 'skipped', reason: 'previous_run' });
    expect(firing.message).toMatch(/^skipped: the run before it was still going, since 20/);
    expect((await runsOf(tool, 'byhand')).some(({ manual, started }) => !manual && isMeanwhile(started))).toBe(false);
  }, 240_000);

  it('is on the clocks of the zone of the job, and shown before it comes', async () => {
    const dueText = new Date(due).toISOString().replace('.000Z', 'Z');
    expect(shown).toMatch(new RegExp(`${dueText} \\((\\S+ )?${local} Asia/Kathmandu\\)`));
    const [run] = await until(
      async () => {
        const runs = await runsOf(tool, 'far-away');
        return runs.length > 0 ? runs : undefined;
      },
      'it has run',
      skipMs,
    );
    expect(run).toMatchObject({ due: dueText, outcome: 'succeeded', trigger: 'schedule' });
  }, 240_000);

  it('that could not begin in time begins within the starting deadline, and was caught up', async () => {
    await until(async () => Date.now() > due + 65_000, 'it is late', skipMs);
    await suspend('comes-late', false);
    const run = await until(async () => (await runsOf(tool, 'comes-late'))[0], 'it was caught up', skipMs);
    expect(run).toMatchObject({ outcome: 'succeeded', trigger: 'caught_up' });
    expect(Date.parse(run.due ?? '')).toBe(due);
    expect((await sandbox.jobs(tool, 'history', 'comes-late')).stdout).toMatch(
      /succeeded \(caught up, 1 min \d+ s late\)/,
    );
  }, 240_000);

  it('under the policy replace ends the run before it, whose record says so', async () => {
    const run = await until(
      async () => (await runsOf(tool, 'replaces')).find(({ outcome }) => outcome !== 'skipped'),
      'a run was replaced',
      skipMs,
    );
    expect(run).toMatchObject({
      outcome: 'stopped',
      reason: 'replaced',
      message: 'the next run of its schedule took its place',
    });
  }, 240_000);

  it('has one outcome, and so it has after the daemon was killed', async () => {
    await sandbox.stop('SIGKILL');
    await sandbox.start();
    // What the actors of the daemon before knew, the records know.
    expect((await sandbox.jobs(full, 'list')).stdout).toMatch(/squeezed .* Skipped 20\d\d-\S+Z, no room in the quota/);
    const before = (await runsOf(tool, 'runs')).length;
    const runs = await until(
      async () => {
        const all = await runsOf(tool, 'runs');
        return all.length > before ? all : undefined;
      },
      'one more has run',
      skipMs,
    );
    expect(runs.every(({ outcome }) => outcome === 'succeeded')).toBe(true);
    for (const [of, name] of [
      [tool, 'runs'],
      [tool, 'overlaps'],
      [tool, 'rests'],
      [full, 'squeezed'],
    ] as const) {
      const dues = (await runsOf(of, name)).map(({ due }) => Date.parse(due ?? ''));
      const minutes = dues.slice(1).map((due, at) => ((dues[at] as number) - due) / 60_000);
      expect([name, minutes]).toEqual([name, minutes.map(() => 1)]);
    }
  }, 240_000);

  it('that became no run is told to its owner, who can read on', async () => {
    await until(
      async () => (await sandbox.jobs(tool, 'mail-log', '--job', 'overlaps')).stdout.includes('failed (previous run)'),
      'the mail log tells of it',
      skipMs,
    );
    expect((await sandbox.jobs(tool, 'history', 'overlaps')).stdout).toContain('skipped: the run before it');
  }, 240_000);
});

it('the log has no mistake of ours', async () => {
  expect(await mistakesIn(sandbox.logFile)).toEqual([]);
});
