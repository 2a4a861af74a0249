/** Files of jobs on the real cluster: as people write them, 128 at a time, and with nothing left of the quota. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { kubectl } from '../cluster/cluster.ts';
import { readAudit } from '../support/audit.ts';
import { cluster } from '../support/flow-cluster.ts';
import { type CommandResult, createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'load-tool';
const many = 128;
let sandbox: Sandbox;
const jobs = (...args: string[]) => sandbox.jobs(tool, ...args);
const inHome = (name: string) => join(sandbox.homeOf(tool), name);

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'load'), name: 'flow-load' });
  await sandbox.addTool(tool);
  await setQuota({ 'count/cronjobs.batch': String(many) });
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

/** How long it took is for whoever reads the output, and no promise. */
async function timed(what: string, run: () => Promise<CommandResult>): Promise<CommandResult> {
  const startedAt = performance.now();
  const result = await run();
  console.log(`load: ${what}: ${Math.round(performance.now() - startedAt)} ms`);
  return result;
}

async function load(name: string, text: string, ...args: string[]): Promise<CommandResult> {
  await writeFile(inHome(name), text);
  return jobs('load', inHome(name), ...args);
}

/** Writes of the tool to its jobs, as the API server saw them. */
async function writes(): Promise<number> {
  const events = await readAudit(cluster);
  return events.filter(
    ({ verb, objectRef }) =>
      ['create', 'update', 'patch', 'delete'].includes(verb) &&
      objectRef?.namespace === `tool-${tool}` &&
      ['cronjobs', 'deployments'].includes(objectRef.resource ?? '') &&
      objectRef.name !== '',
  ).length;
}

describe('a file as people write it', () => {
  const text = `
# disabled for now
# - name: old-thing
- name: bootstrap
  command: exit 0
  image: bookworm
  wait: true
- &report
  name: daily-report           # as people write it today
  command: ./venv/bin/python3 report.py
  image: bookworm
  schedule: "17 4 * * *"
  emails: onfailure
- <<: *report
  name: weekly-report
  schedule: '@weekly'
  colour: blue
- name: bot
  command: trap exit TERM; sleep 600 & wait
  image: bookworm
  continuous: true
  no-filelog: "true"
  mem: 128Mi
  cpu: 100m
`;

  it('loads, with a word about what is not known or will go away', async () => {
    const { code, stdout, stderr } = await load('jobs.yaml', text);
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: '' });
    expect(stderr).toContain("WARNING: Unknown key 'colour' in job 'weekly-report' definition");
    expect(stderr).toContain("WARNING: 'no-filelog' in job 'bot' should be true without quotes");
    expect(stderr).toContain("job 'bootstrap' completed");
    expect(stderr).toMatch(/INFO: 4 job\(s\) loaded successfully\n$/);
    const { stdout: list } = await jobs('list');
    for (const words of ['schedule: 17 4 * * *', 'schedule: @weekly', 'continuous']) expect(list).toContain(words);
  });

  it('comes back as it was typed, and loading that changes nothing', async () => {
    expect((await jobs('dump', '--to-file', inHome('back.yaml'))).code).toBe(0);
    const back = await readFile(inHome('back.yaml'), 'utf8');
    expect(back).toContain('mem: 128Mi\n');
    expect(back).toContain('no-filelog: true\n');
    const before = await writes();
    const again = await jobs('load', inHome('back.yaml'), '--output', 'json');
    const { jobs: loaded } = JSON.parse(again.stdout) as { jobs: { name: string; state: string }[] };
    expect(loaded.filter(({ name, state }) => name !== 'bootstrap' && state !== 'unchanged')).toEqual([]);
    expect(await writes()).toBe(before);
  });

  it('with mistakes changes nothing, and all of them are named', async () => {
    const before = await writes();
    const broken = text.replace('17 4 * * *', '17 4 * *').replace('128Mi', 'lots').replace('exit 0', 'exit 1');
    const { code, stderr } = await load('broken.yaml', broken);
    expect(code).toBe(1);
    expect(stderr).toContain("Invalid job 2 ('daily-report'): ");
    expect(stderr).toContain("Invalid job 4 ('bot'): mem: ");
    expect(await writes()).toBe(before);
    await jobs('flush');
  });
});

describe(`${many} scheduled jobs`, () => {
  const entry = (index: number, image = 'bookworm') => ({
    name: `sync-${index}`,
    command: `./sync.sh --wiki ${index}`,
    image,
    schedule: `${index % 60} ${index % 24} * * *`,
    emails: 'onfailure',
  });
  const file = (change: object = {}) =>
    stringify(Array.from({ length: many }, (_, index) => ({ ...entry(index), ...change })));

  it('are loaded, listed, changed with one line for all, dumped, and loaded again without a touch', async () => {
    const loaded = await timed('load', () => load('many.yaml', file()));
    expect(loaded.code, loaded.stderr.slice(-500)).toBe(0);
    expect(loaded.stderr).toMatch(/INFO: 128 job\(s\) loaded successfully\n$/);
    const list = await timed('list', () => jobs('list', '--output', 'name'));
    expect(list.stdout.trim().split('\n').sort()).toEqual(Array.from({ length: many }, (_, at) => `sync-${at}`).sort());

    const shared = '{image: bookworm, emails: onfailure, mem: 256Mi}';
    const lines = Array.from({ length: many }, (_, at) => {
      const { name, command, schedule } = entry(at);
      return `- {<<: ${at === 0 ? `&all ${shared}` : '*all'}, name: ${name}, command: ${command}, schedule: "${schedule}"}\n`;
    });
    const changed = await timed('change', () => load('changed.yaml', lines.join('')));
    expect(changed.code, changed.stderr.slice(-500)).toBe(0);
    expect(changed.stderr.match(/was updated/g)).toHaveLength(many);

    const dumped = await timed('dump', () => jobs('dump', '-f', inHome('dumped.yaml')));
    expect(dumped.code).toBe(0);
    const before = await writes();
    expect(before).toBeGreaterThanOrEqual(2 * many);
    const again = await timed('load what was dumped', () => jobs('load', inHome('dumped.yaml')));
    expect(again.stderr.match(/is already up to date/g)).toHaveLength(many);
    expect(await writes()).toBe(before);
  });

  it('fill the quota, and are changed all the same; only what is new is refused', async () => {
    const added = `${file({ retry: 1 })}- {name: one-more, command: x, image: bookworm, schedule: "@daily"}\n`;
    const { code, stderr } = await timed('change at a full quota', () => load('full.yaml', added));
    expect(code).toBe(1);
    expect(stderr.match(/was updated/g)).toHaveLength(many);
    expect(stderr).toContain("Failed to load job 129 ('one-more'): ");
    expect(stderr).toContain('1 of 129 job(s) not loaded: one-more');
    expect(stderr).toContain('128 job(s) loaded successfully');
    const quota = await jobs('quota');
    expect(quota.stdout).toMatch(/Cron jobs +128 +128/);
  });

  it('are flushed', async () => {
    expect((await timed('flush', () => jobs('flush'))).code).toBe(0);
    await until(async () => (await jobs('list', '--output', 'json')).stdout.trim() === '[]', 'nothing is left');
  });
});

describe('a file whose jobs have something in common', () => {
  const awkward = `$(HOME) $$ $HOME \`id\` "two"  'one' \\n é`;
  const file = (setup: string) =>
    stringify({
      defaults: { image: 'bookworm', command: './greet.sh', after: 'prepare', parameters: { GREETING: awkward } },
      jobs: [
        { name: 'greet-fr', parameters: { WIKI: 'frwiki' } },
        { name: 'greet-daily', schedule: '@yearly', parameters: { GREETING: null, WIKI: 'dewiki' } },
        { name: 'prepare', command: setup, after: null, parameters: null },
      ],
    });

  it('has its variables byte for byte, and what comes first done first', async () => {
    await writeFile(inHome('greet.sh'), '#!/bin/sh\nprintf "%s|%s|%s" "$(cat ready)" "$GREETING" "$WIKI"\n', {
      mode: 0o755,
    });
    const { code, stderr } = await load('common.yaml', file('sleep 2; echo ready > ready'));
    expect(stderr).toBe(
      "INFO: Job prepare created\nINFO: job 'prepare' completed\nINFO: Job greet-fr created\nINFO: Job greet-daily created\nINFO: 3 job(s) loaded successfully\n",
    );
    expect(code).toBe(0);
    const written = () => readFile(inHome('greet-fr.out'), 'utf8').catch(() => '');
    await until(async () => (await written()) !== '', 'greet-fr has run');
    expect(await written()).toBe(`ready|${awkward}|frwiki`);
    const dumped = (await jobs('dump')).stdout;
    expect(dumped).toContain('  name: greet-daily\n  parameters:\n    WIKI: dewiki\n');
    expect(
      JSON.parse((await jobs('plan', inHome('common.yaml'), '--job', 'greet-daily', '-o', 'json')).stdout),
    ).toMatchObject({
      jobs: expect.arrayContaining([expect.objectContaining({ name: 'greet-daily', action: 'unchanged' })]),
    });
  });

  it('is left where it was when what comes first fails, and says so', async () => {
    await jobs('delete', 'greet-daily');
    const text = file('exit 3').replaceAll('prepare', 'break');
    await writeFile(inHome('broken.yaml'), text.replaceAll('greet-fr', 'greet-it'));
    const { code, stderr } = await jobs('apply', inHome('broken.yaml'));
    expect(code).toBe(1);
    expect(stderr).toContain(
      "ERROR: job 'greet-it' was not started: it comes after 'break', which has not succeeded.\n",
    );
    expect(stderr).toContain('ERROR: As before: greet-it, greet-daily\n');
    const names = JSON.parse((await jobs('list', '--output', 'json')).stdout).map(({ name }: { name: string }) => name);
    expect(names).not.toContain('greet-it');
    expect(names).not.toContain('greet-daily');
  });
});
