/** The command line against the running daemon: what people type, what they read, how it ends. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cluster } from '../support/flow-cluster.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const run = promisify(execFile);
let sandbox: Sandbox;
const jobs = (...args: string[]) => sandbox.jobs('cli-tool', ...args);

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'cli'), name: 'flow-cli' });
  await sandbox.addTool('cli-tool');
  await sandbox.start();
});

afterAll(async () => {
  await sandbox?.stop();
  await sandbox?.removeTool('cli-tool');
});

describe('run', () => {
  it('starts a one-off, silently, and list shows it in a table', async () => {
    expect(await jobs('run', 'first', '--command', 'sleep 30', '--image', 'bookworm', '--cpu', '0.2')).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    const { stdout } = await jobs('list');
    expect(stdout).toMatch(/^\+-+\+-+\+-+\+\n\|\s+Job name:\s+\|\s+Job type:\s+\|\s+Status:\s+\|\n/);
    expect(stdout).toMatch(/\|\s+first\s+\|\s+one-off\s+\|/);
  });

  it('takes memory, cpu, mail and schedule, and show says them', async () => {
    await jobs(
      'run',
      'nightly',
      '--command',
      './report.sh',
      '--image',
      'bookworm',
      '--schedule',
      '@daily',
      '--mem',
      '300Mi',
      '--cpu',
      '0.5',
      '--emails',
      'onfailure',
    );
    const { stdout } = await jobs('show', 'nightly');
    for (const text of [
      'schedule: @daily',
      'onfailure',
      'cpu: 0.5',
      './report.sh',
      '/data/project/cli-tool/nightly.out',
    ])
      expect(stdout).toContain(text);
  });

  it('--wait ends with 0 when the job succeeds and with 1 when it fails', async () => {
    expect((await jobs('run', 'good', '--command', 'exit 0', '--image', 'bookworm', '--wait')).code).toBe(0);
    const bad = await jobs('run', 'bad', '--command', 'exit 7', '--image', 'bookworm', '--wait', '60');
    expect(bad.code).toBe(1);
    expect(bad.stdout + bad.stderr).toContain('7');
  });

  it('--wait ends with 2 when the time is over', async () => {
    const late = await jobs(
      'run',
      'slow',
      '--command',
      'sleep 60',
      '--image',
      'bookworm',
      '--cpu',
      '0.2',
      '--wait',
      '2',
    );
    expect(late.code).toBe(2);
    expect(late.stderr).toContain('slow');
  });

  it('names every mistake at once, with a code, and ends with 1', async () => {
    const refused = await jobs('run', 'Not_Good', '--command', 'date', '--image', 'bookworm', '--mem', 'lots');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('TJF-V010');
    expect(refused.stderr).toMatch(/name/i);
    expect(refused.stderr).toContain('lots');
  });

  it('suggests the image that was meant', async () => {
    const refused = await jobs('run', 'typo', '--command', 'date', '--image', 'bookwurm');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("Did you mean 'bookworm'");
  });
});

describe('restart', () => {
  it('runs a scheduled job now; a one-off has no second time', async () => {
    await jobs('run', 'yearly', '--command', 'echo now', '--image', 'bookworm', '--schedule', '@yearly');
    expect(await jobs('restart', 'yearly')).toEqual({ code: 0, stdout: '', stderr: '' });
    const out = join(sandbox.homeOf('cli-tool'), 'yearly.out');
    await until(async () => (await readFile(out, 'utf8').catch(() => '')) === 'now\n', 'the run has written');
    await jobs('delete', 'yearly');
    await jobs('run', 'once', '--command', 'sleep 3', '--image', 'bookworm');
    const refused = await jobs('restart', 'once');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('TJF-V013') });
    expect(await jobs('restart', 'nowhere')).toMatchObject({ code: 1 });
  });
});

describe('quota', () => {
  it('is a table for each category, with what is used', async () => {
    const { code, stdout } = await jobs('quota');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Running jobs +Used +Limit\n-+ {2}-+ {2}-+\n/);
    expect(stdout).toMatch(/\nPer-job limits +Limit\n/);
    expect(stdout).toMatch(/\nCron jobs +\d+ +50\n/);
    const json = JSON.parse((await jobs('quota', '-o', 'json')).stdout);
    expect(json.categories.map(({ name }: { name: string }) => name)).toEqual([
      'Running jobs',
      'Per-job limits',
      'Job definitions',
    ]);
  });
});

describe('a job that is reached from elsewhere', () => {
  it('says its port and its health check', async () => {
    const web = ['--continuous', '-p', '8080', '--health-check-script', 'true', '--replicas', '0'];
    expect(await jobs('run', 'web', '--command', 'sleep 600', '--image', 'bookworm', ...web)).toMatchObject({
      code: 0,
    });
    const { stdout } = await jobs('show', 'web');
    expect(stdout).toMatch(/\| Port: +\| 8080\/tcp +\|/);
    expect(stdout).toMatch(/\| Health check: +\| script: true +\|/);
    expect(await jobs('run', 'web', '--command', 'x', '--image', 'bookworm', '-p', '80')).toMatchObject({
      code: 1,
      stderr: 'ERROR: --port is only valid for continuous jobs (TJF-V010)\n',
    });
    await jobs('delete', 'web');
  });
});

describe('--output json', () => {
  it('is JSON on every command', async () => {
    const list = JSON.parse((await jobs('list', '--output', 'json')).stdout);
    expect(list.map(({ name }: { name: string }) => name)).toContain('nightly');
    expect(JSON.parse((await jobs('show', 'nightly', '--output', 'json')).stdout)).toMatchObject({
      name: 'nightly',
      schedule: '@daily',
    });
    expect(JSON.parse((await jobs('images', '--output', 'json')).stdout)).toContainEqual(
      expect.objectContaining({ shortname: 'bookworm' }),
    );
    expect(
      JSON.parse(
        (
          await jobs(
            'run',
            'as-json',
            '--command',
            'date',
            '--image',
            'bookworm',
            '--schedule',
            '@yearly',
            '--output',
            'json',
          )
        ).stdout,
      ),
    ).toMatchObject({ name: 'as-json' });
    JSON.parse((await jobs('delete', 'as-json', '--output', 'json')).stdout);
  });
});

describe('a wrong word', () => {
  it('ends with 2 and a suggestion', async () => {
    const command = await jobs('lst');
    expect(command.code).toBe(2);
    expect(command.stderr).toContain('list');
    const option = await jobs('list', '--outptu', 'json');
    expect(option.code).toBe(2);
    expect(option.stderr).toContain('--output');
  });

  it('about a job that is not there ends with 1', async () => {
    for (const command of ['show', 'delete']) {
      const missing = await jobs(command, 'nowhere');
      expect(missing.code).toBe(1);
      expect(missing.stderr).toContain("Job 'nowhere' does not exist");
    }
  });
});

describe('text from a job', () => {
  it('cannot drive the terminal', async () => {
    await jobs(
      'run',
      'hostile',
      `--command=echo '\u001b[2J\u001b]0;owned\u0007 \u202e'`,
      '--image',
      'bookworm',
      '--schedule',
      '@yearly',
    );
    for (const output of ['normal', 'long', 'json']) {
      const { stdout } = await jobs('list', '--output', output);
      expect(stdout).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
    }
    expect((await jobs('show', 'hostile')).stdout).toContain('\\x1b');
  });
});

describe('a kubeconfig with full YAML', () => {
  it('is read as kubectl reads it', async () => {
    const path = join(sandbox.homeOf('cli-tool'), '.kube/config');
    const original = await readFile(path, 'utf8');
    await writeFile(path, `# anchors and flow style\n${original}\nextra: &x {a: [1, 2], b: "c"}\nmore: *x\n`);
    expect((await jobs('list')).code).toBe(0);
    await writeFile(path, original);
  });
});

describe('a pipe that closes early', () => {
  it('is no error worth a stack trace', async () => {
    const { stderr } = await run('sh', ['-c', `"${process.execPath}" dist/jobs.js images | head -c 1; true`], {
      env: {
        PATH: process.env.PATH ?? '',
        HOME: sandbox.homeOf('cli-tool'),
        KUBECONFIG: join(sandbox.homeOf('cli-tool'), '.kube/config'),
        TOOL_TOOLFORGE_API_URL: sandbox.url,
      },
    });
    expect(stderr).not.toContain('EPIPE');
  });
});

describe('delete and flush', () => {
  it('leave nothing, and say nothing', async () => {
    expect(await jobs('delete', 'nightly')).toMatchObject({ code: 0 });
    expect((await jobs('show', 'nightly')).code).toBe(1);
    expect(await jobs('flush')).toMatchObject({ code: 0, stdout: '' });
    await until(async () => (await jobs('list', '--output', 'json')).stdout.trim() === '[]', 'nothing is left');
  });
});
