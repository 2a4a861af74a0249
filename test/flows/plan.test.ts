/** Files of jobs planned and applied on the real cluster: what is said beforehand is what happens, also with nothing left of the quota. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Plan } from '../../bin/client/plan.ts';
import { kubectl } from '../cluster/cluster.ts';
import { readAudit } from '../support/audit.ts';
import { cluster } from '../support/flow-cluster.ts';
import { type CommandResult, createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'plan-tool';
let sandbox: Sandbox;
const jobs = (...args: string[]) => sandbox.jobs(tool, ...args);
const inHome = (name: string) => join(sandbox.homeOf(tool), name);

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'plan'), name: 'flow-plan' });
  await sandbox.addTool(tool);
  await setQuota({ 'count/cronjobs.batch': '1', 'count/deployments.apps': '2' });
  await sandbox.start();
});

afterAll(async () => {
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
});

async function setQuota(hard: Readonly<Record<string, string>>): Promise<void> {
  const patch = JSON.stringify({ spec: { hard } });
  await kubectl(cluster, ['patch', 'resourcequota', `tool-${tool}`, '-n', `tool-${tool}`, '-p', patch]);
}

const report = `- name: report
  command: echo report
  image: bookworm
  schedule: "17 4 * * *"
`;
const bot = (name: string, rest = '') => `- name: ${name}
  command: trap exit TERM; sleep 600 & wait
  image: bookworm
  continuous: true
  cpu: 200m
${rest}`;

async function withFile(command: string, text: string, ...args: string[]): Promise<CommandResult> {
  await writeFile(inHome('jobs.yaml'), text);
  return jobs(command, inHome('jobs.yaml'), ...args);
}

async function planOf(text: string, ...args: string[]): Promise<Plan> {
  const { stdout } = await withFile('plan', text, ...args, '--output', 'json');
  return JSON.parse(stdout) as Plan;
}

const actionsOf = (plan: Plan) => plan.jobs.map(({ name, action, effect }) => `${action} ${name} ${effect}`);

/** Writes of the tool, as the API server saw them. */
async function writes(): Promise<number> {
  const events = await readAudit(cluster);
  return events.filter(
    ({ verb, objectRef }) =>
      ['create', 'update', 'patch', 'delete'].includes(verb) &&
      objectRef?.namespace === `tool-${tool}` &&
      ['jobs', 'cronjobs', 'deployments'].includes(objectRef.resource ?? ''),
  ).length;
}

/** Uids of the pods that run, by job. */
async function podsOf(job: string): Promise<string[]> {
  const args = ['get', 'pods', '-n', `tool-${tool}`, '-l', `app.kubernetes.io/name=${job}`, '-o', 'json'];
  const { items } = JSON.parse(await kubectl(cluster, args)) as {
    items: { metadata: { uid: string; deletionTimestamp?: string }; status: { phase: string } }[];
  };
  return items
    .filter(({ metadata, status }) => status.phase === 'Running' && metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.uid)
    .sort();
}

const running = (job: string, count: number) =>
  until(
    async () => ((await podsOf(job)).length === count ? await podsOf(job) : undefined),
    `${count} copies of ${job}`,
  );

/** The quota as it says itself is used, when it says what a plan said. */
async function untilUsed(plan: Plan): Promise<void> {
  const expected = plan.quota.map(({ name, after }) => [name, after]);
  let used: unknown;
  await until(async () => {
    const { stdout } = await jobs('quota', '--output', 'json');
    const { categories } = JSON.parse(stdout) as { categories: { items: { name: string; used: string | null }[] }[] };
    const items = categories.flatMap(({ items: all }) => all).filter((item) => item.used !== null);
    used = items.map((item) => [item.name, item.used]);
    return JSON.stringify(used) === JSON.stringify(expected);
  }, 'the quota is used as planned').catch(() => expect(used).toEqual(expected));
}

describe('a file', () => {
  it('is planned without a change, and applied as it was planned; then there is nothing to do', async () => {
    const text = report + bot('bot') + bot('web', '  replicas: 2\n');
    const before = await writes();
    const { code, stdout } = await withFile('plan', text, '--exit-code');
    expect({ code, stdout }).toEqual({ code: 3, stdout: expect.stringContaining('Jobs: 3 to create.') });
    expect(stdout).toMatch(
      /Create report \(scheduled\): It waits for its first run\.\n {2}next runs: \d{4}-\d\d-\d\dT04:17:00Z, /,
    );
    const plan = await planOf(text);
    expect(await writes()).toBe(before);
    const large = await withFile('plan', text.replaceAll('200m', '900m'));
    expect(large.stderr).toBe('WARNING: CPU: 2.7 would be needed, of 2.0. What does not fit waits for room.\n');
    const applied = await withFile('apply', text);
    expect(applied.code, applied.stderr).toBe(0);
    await Promise.all([running('bot', 1), running('web', 2)]);
    await untilUsed(plan);
    const again = await withFile('plan', text, '--exit-code');
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing to do.') });
  });

  it('with a renamed and changed jobs works at a full quota, and touches only what it said', async () => {
    const text =
      report.replace('report', 'weekly-report') + bot('bot', '  mem: 256Mi\n') + bot('web', '  replicas: 1\n');
    const plan = await planOf(text, '--prune');
    expect(actionsOf(plan)).toEqual([
      'delete report ends',
      'update bot short_stop',
      'update web scales',
      'create weekly-report scheduled',
    ]);
    expect(plan.jobs[0]?.successor).toBe('weekly-report');
    expect(plan.jobs[1]?.changes).toEqual([{ field: 'memory', from: '0.5Gi', to: '0.25Gi' }]);
    const [bots, webs] = [await podsOf('bot'), await podsOf('web')];

    const before = await writes();
    const refused = await withFile('apply', text, '--prune');
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('Add --yes') });
    expect(await writes()).toBe(before);

    const applied = await withFile('apply', text, '--prune', '--yes');
    expect(applied.code, applied.stderr).toBe(0);
    expect(applied.stderr).toContain(
      'INFO: Job report deleted\nINFO: Job bot was updated\nINFO: Job web was updated\n',
    );
    const [webNow] = await running('web', 1);
    expect(webs).toContain(webNow);
    const [botNow] = await running('bot', 1);
    expect(bots).not.toContain(botNow);
    await untilUsed(plan);
  });

  it('with one job that cannot be changes nothing at all', async () => {
    const before = await writes();
    const text =
      bot('bot', '  mem: 300Mi\n') + report.replace('report', 'weekly-report') + report.replace('report', 'second');
    const { code, stderr } = await withFile('apply', text);
    expect(code).toBe(1);
    expect(stderr).toContain('The quota has no room for second: Cron jobs: 2 would be needed, of 1.');
    const wrong = bot('bot', '  mem: 300Mi\n') + report.replace('bookworm', 'bookwurm');
    const plan = await withFile('plan', wrong);
    expect(plan).toMatchObject({ code: 1, stdout: expect.stringContaining('Cannot do report: ') });
    expect((await withFile('apply', wrong)).stderr).toContain("Invalid job 2 ('report'): ");
    expect(await writes()).toBe(before);
  });
});

describe('what was changed or deleted', () => {
  it('is there again after an undo', async () => {
    const since = new Date().toISOString();
    expect((await jobs('delete', 'web')).code).toBe(0);
    expect((await withFile('load', bot('bot', '  mem: 300Mi\n'))).code).toBe(0);
    const { stdout } = await jobs('undo');
    expect(stdout).toMatch(/ bot +changed +trap/);
    const undone = await jobs('undo', '--since', since);
    expect(undone.code, undone.stderr).toBe(0);
    const list = JSON.parse((await jobs('list', '--output', 'json')).stdout) as { name: string; memory: string }[];
    expect(list.map(({ name }) => name).sort()).toEqual(['bot', 'web', 'weekly-report']);
    expect(list.find(({ name }) => name === 'bot')?.memory).toBe('0.25Gi');
  });
});

describe('a single job', () => {
  it('is told beforehand whether it would be accepted and when it would run, with advice', async () => {
    const before = await writes();
    const words = ['--command', './nowhere.sh', '--image', 'bookworm', '--dry-run'];
    const once = await jobs('run', 'once', ...words);
    expect(once.code, once.stderr).toBe(0);
    expect(once.stdout).toContain('Create once (one-off): It runs once, at once.');
    expect(once.stderr).toContain("WARNING: once: './nowhere.sh' is not there in the home.");
    const taken = await jobs('run', 'bot', ...words);
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('TJF-V012') });
    const second = await jobs('run', 'second', ...words, '--schedule', '5 4 * * *');
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('no room for second') });
    expect(await writes()).toBe(before);
  });
});
