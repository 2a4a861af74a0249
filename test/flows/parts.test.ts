/** A job of several schedules and a matrix on the real cluster: one job to its owner, from the first file to the last prune. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Plan } from '../../bin/client/plan.ts';
import { kubectl } from '../cluster/cluster.ts';
import { cluster } from '../support/flow-cluster.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'parts-tool';
const namespace = `tool-${tool}`;
let sandbox: Sandbox;
const jobs = (...args: string[]) => sandbox.jobs(tool, ...args);

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'parts'), name: 'flow-parts' });
  await sandbox.addTool(tool);
  await sandbox.start();
});

afterAll(async () => {
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
});

async function withFile(command: string, text: string, ...args: string[]) {
  const path = join(sandbox.homeOf(tool), 'jobs.yaml');
  await writeFile(path, text);
  return jobs(command, path, ...args);
}

/** Of a kind, with what is there of them. */
async function namesOf(kind: string): Promise<string[]> {
  return (await kubectl(cluster, ['get', kind, '-n', namespace, '-l', 'jobs.toolforge.org/group', '-o', 'name']))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('/')[1] ?? '')
    .sort();
}

const uidsOf = async (): Promise<Map<string, string>> => {
  const { items } = JSON.parse(
    await kubectl(cluster, ['get', 'pods', '-n', namespace, '-l', 'jobs.toolforge.org/group=bot', '-o', 'json']),
  ) as {
    items: {
      metadata: { uid: string; labels: Record<string, string>; deletionTimestamp?: string };
      status: { phase: string };
    }[];
  };
  const running = items.filter(({ status, metadata }) => status.phase === 'Running' && !metadata.deletionTimestamp);
  return new Map(running.map(({ metadata }) => [metadata.labels['app.kubernetes.io/name'] ?? '', metadata.uid]));
};
const running = (...names: string[]) =>
  until(
    async () => {
      const found = await uidsOf();
      return names.every((name) => found.has(name)) && found.size === names.length ? found : undefined;
    },
    `copies of ${names.join(', ')}`,
  );

const show = async (name: string) => JSON.parse((await jobs('show', name, '--output', 'json')).stdout);
const report = `- name: report
  command: echo "$WIKI"
  image: bookworm
  cpu: 200m
  schedule: ["17 4 * * *", "30 18 * * 1"]
  matrix: {WIKI: [frwiki, "it's $HOME; exit 3"]}
`;
const bot = (wikis: string) => `- name: bot
  command: echo "bot of $WIKI"; trap exit TERM; sleep 600 & wait
  image: bookworm
  continuous: true
  no-filelog: true
  cpu: 200m
  mem: 128Mi
  matrix:
    WIKI: [${wikis}]
`;

describe('a job of several parts', () => {
  it('is planned as one job and applied as it was planned', async () => {
    const text = report + bot('frwiki, dewiki');
    const { stdout, stderr } = await withFile('plan', text);
    expect(stdout).toContain('Create report (scheduled): 4 parts come: report-frwiki-0417,');
    expect(stdout).toContain('Create bot (continuous): 2 parts come: bot-frwiki, bot-dewiki.');
    expect(stderr).toContain('their runs may overlap');
    const applied = await withFile('apply', text);
    expect(applied.code, applied.stderr).toBe(0);
    await running('bot-frwiki', 'bot-dewiki');
    expect(await namesOf('cronjobs')).toHaveLength(4);
    const { stdout: list } = await jobs('list', '-o', 'name');
    expect(list).toBe('report\nbot\n');
    expect((await withFile('plan', text, '--exit-code')).code).toBe(0);
  });

  it('is shown whole, with the state of each part; a part shows itself', async () => {
    const shown = await show('bot');
    expect(shown).toMatchObject({
      status: { short: 'running' },
      status_short: '2 of 2 running',
      matrix: { WIKI: ['frwiki', 'dewiki'] },
    });
    expect(await show('bot-dewiki')).toMatchObject({
      name: 'bot-dewiki',
      group: 'bot',
      parameters: { WIKI: 'dewiki' },
    });
    const { stdout } = await jobs('show', 'report');
    expect(stdout).toContain('report-frwiki-0417 (17 4 * * *): Waiting for scheduled time');
  });

  it('has one log, in which each line names its part', async () => {
    const log = await until(async () => {
      const { stdout } = await jobs('logs', 'bot');
      return stdout.includes('bot of frwiki') && stdout.includes('bot of dewiki') ? stdout : undefined;
    }, 'a line of both parts');
    expect(log).toMatch(/\[bot-frwiki-[^\]]+\] \[job\] bot of frwiki/);
    expect((await jobs('logs', 'bot-dewiki')).stdout).not.toContain('frwiki');
  });

  it('gives a program its values byte for byte, and one history of all of its runs', async () => {
    expect((await jobs('restart', 'report')).code).toBe(0);
    const history = await until(async () => {
      const { stdout } = await jobs('history', 'report');
      return (stdout.match(/succeeded/g) ?? []).length === 4 ? stdout : undefined;
    }, 'four runs have ended');
    expect(history).toMatch(/^Part +Due/);
    expect(history).toContain('report-frwiki-0417');
    const output = await until(async () => {
      const { stdout } = await jobs('logs', 'report');
      return stdout.includes("it's $HOME; exit 3") ? stdout : undefined;
    }, 'the output of the run');
    expect(output).toContain('frwiki');
  });

  it('is edited without a stop of the parts that stay, and of nothing else', async () => {
    const before = await uidsOf();
    const text = report + bot('dewiki, itwiki');
    const plan = JSON.parse((await withFile('plan', text, '--output', 'json')).stdout) as Plan;
    expect(plan.jobs.find(({ name }) => name === 'bot')?.parts).toEqual([
      { name: 'bot-frwiki', action: 'delete' },
      { name: 'bot-itwiki', action: 'create' },
      { name: 'bot-dewiki', action: 'unchanged' },
    ]);
    const applied = await withFile('apply', text);
    expect(applied.code, applied.stderr).toBe(0);
    const after = await running('bot-dewiki', 'bot-itwiki');
    expect(after.get('bot-dewiki')).toBe(before.get('bot-dewiki'));
  });

  it('refuses a change of a part alone, also of one under its name', async () => {
    const refused = { code: 1, stderr: expect.stringContaining("a part of the job 'bot'") };
    expect(await jobs('delete', 'bot-dewiki')).toMatchObject(refused);
    expect(await jobs('set', 'bot-dewiki', '--mem', '256Mi')).toMatchObject(refused);
    expect(await jobs('undo', 'bot-dewiki')).toMatchObject(refused);
    expect(await jobs('restart', 'bot-dewiki')).toMatchObject(refused);
    expect(await jobs('run', 'bot-dewiki', '--command', 'x', '--image', 'bookworm')).toMatchObject(refused);
  });

  it('is dumped as it was asked for, and undone as one', async () => {
    const { stdout } = await jobs('dump');
    expect(stdout).toMatch(/schedule:\n {4}- "?17 4 \* \* \*"?\n {4}- "?30 18 \* \* 1"?\n/);
    expect((await withFile('plan', stdout, '--prune', '--exit-code')).code).toBe(0);
    expect((await jobs('undo', 'bot')).code).toBe(0);
    expect(await show('bot')).toMatchObject({ matrix: { WIKI: ['frwiki', 'dewiki'] } });
  });

  it('is there as its parts to clients that know no parts, and is pruned and deleted whole', async () => {
    const pruned = await withFile('apply', report, '--prune', '--yes');
    expect(pruned.code, pruned.stderr).toBe(0);
    expect(await namesOf('deployments')).toEqual([]);
    expect((await jobs('delete', 'report')).code).toBe(0);
    expect(await namesOf('cronjobs')).toEqual([]);
    expect((await jobs('list', '-o', 'name')).stdout).toBe('');
  });

  it('of one-offs is waited for to the end of the last of them', async () => {
    const words = [
      '--command',
      'test "$N" != 2',
      '--image',
      'bookworm',
      '--matrix',
      'N=1',
      '--matrix',
      'N=2',
      '--wait',
      '60',
    ];
    const ran = await jobs('run', 'once', ...words);
    expect(ran.code, ran.stderr).toBe(1);
    expect(ran.stderr).toContain("job 'once-1' completed");
    expect(ran.stderr).toContain("job 'once-2' failed:");
  });
});
