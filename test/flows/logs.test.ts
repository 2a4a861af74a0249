/** What jobs write, read through the service: files and pods, while they write and afterwards, on the real cluster. */
import { existsSync } from 'node:fs';
import { readFile, rename, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { type LogStream, type StreamedLine, streamLogs } from '../support/log-stream.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const [tool, other] = ['logs-one', 'logs-two'];
let sandbox: Sandbox;
let one: ApiClient;
const open: LogStream[] = [];

beforeAll(async () => {
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'logs'),
    name: 'flow-logs',
    settings: { stream_stall_seconds: '2' },
  });
  await Promise.all([tool, other].map((name) => sandbox.addTool(name)));
  await sandbox.start();
  one = apiClient(sandbox, tool);
});

afterAll(async () => {
  for (const stream of open) stream.close();
  one?.close();
  await sandbox?.stop();
  await Promise.all([tool, other].map((name) => sandbox?.removeTool(name)));
});

const create = async (name: string, cmd: string, more: object = {}) => {
  // Small, since several of them have to fit into the quota at once.
  const small = { imagename: 'bookworm', cpu: '50m', memory: '100Mi' };
  const answer = await one.call('POST', jobsPath(tool), { body: { name, cmd, ...small, ...more } });
  expect(answer.status).toBe(201);
};
const stateOf = async (name: string) =>
  (await one.call('GET', `${jobsPath(tool)}/${name}`)).json().job?.status.short as string | undefined;
const logs = (name: string, query = '') => one.call('GET', `${jobsPath(tool)}/${name}/logs${query}`);
const linesOf = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as StreamedLine);

async function follow(name: string, query = '', isRead = true): Promise<LogStream> {
  const stream = await streamLogs(sandbox, tool, `${jobsPath(tool)}/${name}/logs?follow=true${query}`, isRead);
  open.push(stream);
  expect(stream.status).toBe(200);
  return stream;
}

describe('the log of a job', () => {
  it('that writes to files is read from them, each line with its file', async () => {
    await create('filed', 'for i in 1 2 3; do echo out $i; done; echo "err \\033[31m" >&2; sleep 600');
    await until(async () => (await logs('filed')).status === 200, 'something is written');
    await until(async () => linesOf((await logs('filed')).text).length === 4, 'all is written');
    const lines = linesOf((await logs('filed')).text);
    expect(lines.filter(({ stream }) => stream === 'stdout').map(({ message }) => message)).toEqual([
      'out 1',
      'out 2',
      'out 3',
    ]);
    expect(lines.find(({ stream }) => stream === 'stderr')).toMatchObject({
      pod: 'filed.err',
      container: 'stderr',
      source: 'file',
      timestamp: null,
    });
    const two = linesOf((await logs('filed', '?lines=1')).text);
    expect(two.map(({ message }) => message)).toContain('out 3');
    expect(two).toHaveLength(2);
  });

  it('that writes to no files is read from its pods, with times', async () => {
    // The runtime reads the two streams each for itself: what is written to both at once comes in either order.
    await create('podded', 'echo first; sleep 1; echo second >&2; sleep 600', { filelog: false });
    const answer = await until(async () => {
      const current = await logs('podded');
      return current.status === 200 && linesOf(current.text).length === 2 ? current : undefined;
    }, 'both lines are there');
    expect(answer.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf8',
      'x-accel-buffering': 'no',
    });
    const [first, second] = linesOf(answer.text);
    expect(first).toMatchObject({ container: 'job', message: 'first', source: 'pod', stream: 'both' });
    expect(first?.pod).toMatch(/^podded-/);
    expect(second?.message).toBe('second');
    expect(String(first?.timestamp) < String(second?.timestamp)).toBe(true);
    expect((await logs('podded', `?since=${first?.timestamp}`)).text).not.toContain('first');
    const [old] = linesOf((await one.call('GET', '/jobs/api/v1/jobs/podded/logs?lines=1')).text);
    expect(old).toEqual({ pod: first?.pod, container: 'job', datetime: second?.datetime, message: 'second' });
  });

  it('is a 404 where there is none, and a 400 for what cannot be asked', async () => {
    await create('silent', 'sleep 600', { filelog: false });
    await until(async () => (await stateOf('silent')) === 'running', 'silent runs');
    const none = await logs('silent');
    expect([none.status, none.json()]).toMatchObject([
      404,
      { error: ["Job 'silent' does not have any logs available"], code: 'logs.none' },
    ]);
    expect((await logs('nobody')).json()).toMatchObject({ error: ["Job 'nobody' does not exist"] });
    expect((await logs('silent', '?lines=5001')).json().error).toEqual([
      'Requested number of 5001 lines is over limit of 5000',
    ]);
    expect((await logs('silent', '?lines=many')).json().error).toEqual(['Unable to parse lines as integer']);
    expect((await logs('silent', '?since=yesterday')).status).toBe(400);
    const two = apiClient(sandbox, other);
    expect((await two.call('GET', `${jobsPath(tool)}/podded/logs`)).status).toBe(403);
    expect((await two.call('GET', `${jobsPath(other)}/podded/logs`)).status).toBe(404);
    two.close();
  });
});

describe('a log that is followed', () => {
  it('begins before there is a container and ends with a one-off job, from files as from pods', async () => {
    const cmd = 'for i in 1 2 3; do echo line $i; sleep 0.3; done';
    await create('ends-pod', cmd, { filelog: false });
    await create('ends-file', cmd);
    const streams = await Promise.all([follow('ends-pod'), follow('ends-file')]);
    for (const stream of streams) {
      expect(await stream.ended).toBe(true);
      expect(stream.messages()).toEqual(['line 1', 'line 2', 'line 3']);
    }
  });

  it('goes on over restarts and over all copies of a continuous job, without repeating a line', async () => {
    await create('crashing', 'echo begin $HOSTNAME; sleep 0.5; echo end $HOSTNAME; exit 1', {
      filelog: false,
      continuous: true,
      replicas: 2,
    });
    const stream = await follow('crashing');
    await until(() => stream.messages().filter((text) => text.startsWith('begin')).length >= 4, 'both began twice');
    expect(new Set(stream.lines.map(({ pod }) => pod)).size).toBe(2);
    const seen = stream.lines.map(({ pod, timestamp }) => `${pod} ${timestamp}`);
    expect(new Set(seen).size).toBe(seen.length);
    for (const pod of new Set(stream.lines.map((line) => line.pod))) {
      const words = stream.lines.filter((line) => line.pod === pod).map(({ message }) => message.split(' ')[0]);
      expect(words.slice(0, 3)).toEqual(['begin', 'end', 'begin']);
    }
    expect((await one.call('DELETE', `${jobsPath(tool)}/crashing`)).status).toBe(200);
    expect(await stream.ended).toBe(true);
  });

  it('says of a file that it was emptied or replaced, and reads on', async () => {
    const stream = await follow('filed', '&lines=0');
    const path = join(sandbox.homeOf(tool), 'filed.out');
    await truncate(path);
    await until(() => stream.lines.find(({ source }) => source === 'service'), 'it is said');
    await writeFile(`${path}.new`, 'another\n');
    await rename(`${path}.new`, path);
    await until(() => stream.messages().includes('another'), 'the new file is read');
    stream.close();
  });

  it('holds no memory for a reader who takes nothing, who loses the connection', async () => {
    await create('flood', `yes ${'0123456789'.repeat(50)} | head -c 30000000; sleep 600`, { filelog: false });
    await until(async () => (await logs('flood', '?lines=1')).status === 200, 'it writes');
    const before = await residentBytes();
    const streams = await Promise.all([1, 2, 3, 4].map(() => follow('flood', '', false)));
    for (const stream of streams) await until(() => stream.incoming.socket.readableLength > 0, 'it has begun');
    await until(async () => (await openStreams()) === 0, 'all are turned out');
    expect((await residentBytes()) - before).toBeLessThan(128 * 1024 * 1024);
    for (const stream of streams) stream.incoming.resume();
    expect(await Promise.all(streams.map(({ ended }) => ended))).toEqual([false, false, false, false]);
  });
});

describe('a log in a home', () => {
  it('that is a link to the file of another tool is not shown', async () => {
    const victim = join(sandbox.homeOf(other), 'secret.out');
    await writeFile(victim, 'VICTIM-CANARY\n', { mode: 0o644 });
    await create('linked', 'sleep 600', { filelog_stdout: 'linked.log', filelog_stderr: '/dev/null' });
    const path = join(sandbox.homeOf(tool), 'linked.log');
    await until(() => existsSync(path), 'linked writes');
    await rename(path, `${path}.1`);
    await symlink(victim, path);
    const refused = await logs('linked');
    expect([refused.status, refused.json().code]).toEqual([403, 'home.refused']);
    const stream = await follow('linked');
    await until(() => stream.messages().some((text) => text.includes('is a link')), 'it is said');
    await rename(`${path}.1`, path);
    stream.close();
    expect(refused.text + JSON.stringify(stream.lines)).not.toContain('CANARY');
  });
});

describe('the command', () => {
  it('shows what a job has written, and follows it to its end', async () => {
    const filed = await sandbox.jobs(tool, 'logs', 'podded', '--last', '1');
    expect(filed.stdout).toMatch(/^\d{4}-\d\d-\d\dT[\d:]+\+00:00 \[podded-\S+\] \[job\] second\n$/);
    await create('brief', 'echo one; sleep 1; printf "two \\033[31m\\n"', { filelog: false });
    const followed = await sandbox.jobs(tool, 'logs', 'brief', '-f');
    expect(followed.code).toBe(0);
    expect(followed.stdout.split('\n').map((line) => line.replace(/^.*\] /, ''))).toEqual(['one', 'two \\x1b[31m', '']);
    const json = await sandbox.jobs(tool, 'logs', 'brief', '--output', 'json');
    expect(linesOf(json.stdout).map(({ message }) => message)).toEqual(['one', 'two \u001b[31m']);
    const command = ['--image', 'bookworm', '--command', 'echo out; sleep 1; echo last >&2; exit 3', '--mem', '100Mi'];
    const waited = await sandbox.jobs(tool, 'run', 'waited', ...command, '--wait', '--logs', '--exit-code');
    expect(waited.code).toBe(3);
    expect(waited.stdout).toContain('- [waited.out] [stdout] out\n');
    expect(waited.stdout).toContain('- [waited.err] [stderr] last\n');
    const none = await sandbox.jobs(tool, 'logs', 'silent');
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('does not have any logs available')]);
  });

  it('goes on where it was when the service starts again', async () => {
    await create('steady', 'trap "exit 0" TERM; i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.2; done', {
      filelog: false,
    });
    const cut = await follow('steady');
    await until(() => cut.lines.length > 3, 'it ticks');
    const reading = sandbox.jobs(tool, 'logs', 'steady', '-f');
    await until(async () => (await openStreams()) === 2, 'the command follows');
    await sandbox.stop();
    expect(await cut.ended).toBe(false);
    await sandbox.start();
    await until(async () => (await openStreams()) === 1, 'the command follows again');
    await one.call('DELETE', `${jobsPath(tool)}/steady`);
    const { code, stdout } = await reading;
    expect(code).toBe(0);
    const ticks = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => Number(line.split(' ').at(-1)));
    expect(ticks).toEqual(ticks.map((_, at) => at + 1));
    expect(await mistakesIn(sandbox.logFile)).toEqual([]);
  });
});

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${sandbox.pid()}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** As its metrics tell. */
async function openStreams(): Promise<number> {
  const text = await (await fetch(`${sandbox.healthUrl}/metrics`)).text();
  return Number(/^jobs_streams_open (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
}
