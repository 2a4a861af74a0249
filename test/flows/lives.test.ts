/** Jobs of every kind through their lives, in real containers, and what their owners are told of it. On the real cluster. */
import { execFile } from 'node:child_process';
import { chown, copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { repositoryRoot } from '../support/repository-root.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const run = promisify(execFile);
const tools = ['life-one', 'life-two', 'life-three'] as const;
type ToolName = (typeof tools)[number];
let sandbox: Sandbox;
let clients: Record<ToolName, ApiClient>;

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'lives'), name: 'flow-lives' });
  await Promise.all(tools.map((tool) => sandbox.addTool(tool)));
  // Its jobs lead their lives side by side.
  await kubectl(cluster, ['delete', 'resourcequota', '--all', '-n', 'tool-life-one']);
  await sandbox.start();
  const all = tools.map((tool) => [tool, apiClient(sandbox, tool)]);
  clients = Object.fromEntries(all) as Record<ToolName, ApiClient>;
});

afterAll(async () => {
  for (const client of Object.values(clients ?? {})) client.close();
  await sandbox?.stop();
  await Promise.all(tools.map((tool) => sandbox?.removeTool(tool)));
});

const base = (tool: ToolName) => `/v1/tool/${tool}/jobs`;
const make = async (tool: ToolName, body: object) => {
  const made = await clients[tool].call('POST', base(tool), { body: { imagename: 'bookworm', ...body } });
  expect([made.status, made.text]).toEqual([201, expect.any(String)]);
};
const shown = async (tool: ToolName, name: string) =>
  (await clients[tool].call('GET', `${base(tool)}/${name}`)).json().job;
const says = (tool: ToolName, name: string, words: string, short?: string) =>
  until(async () => {
    const job = await shown(tool, name);
    const isSaid = [...(job?.status.messages ?? []), job?.status_short].some((line: string) => line?.includes(words));
    return isSaid && (short === undefined || job.status.short === short) && job;
  }, `${name} says: ${words}`);
const podsOf = async (tool: ToolName, name: string) =>
  JSON.parse(
    await kubectl(cluster, ['get', 'pods', '-n', `tool-${tool}`, '-l', `app.kubernetes.io/name=${name}`, '-o', 'json']),
  ).items;
const patchQuota = (tool: ToolName, hard: Record<string, string>) =>
  kubectl(cluster, [
    'patch',
    'resourcequota',
    `tool-${tool}`,
    '-n',
    `tool-${tool}`,
    '--type=merge',
    '-p',
    JSON.stringify({ spec: { hard } }),
  ]);

describe('a one-off job', () => {
  it('that fails is tried again as often as it may be, and only then has failed', async () => {
    await make('life-one', { name: 'flaky', cmd: 'exit 3', retry: 1 });
    const between = await says('life-one', 'flaky', '1 of 2 attempts failed', 'pending');
    expect(between.status_short).not.toBe('Failed');
    const failed = await says('life-one', 'flaky', 'exitcode 3', 'failed');
    expect(failed.status.messages).toContain('your program ended with code 3');
  });

  it('that takes too much memory is told its limit', async () => {
    await make('life-one', { name: 'hungry', cmd: 'tail /dev/zero', memory: '100Mi' });
    await says('life-one', 'hungry', 'ran out of memory (OOMKilled): its limit is 100Mi', 'failed');
  });

  it('whose image is not to be had is told which', async () => {
    await make('life-one', { name: 'no-image', cmd: 'true', imagename: 'broken' });
    const job = await says('life-one', 'no-image', 'registry.invalid/toolforge-broken', 'pending');
    expect(job.status_short).toMatch(/^Unable to start, the image .* cannot be pulled/);
  });
});

describe('a scheduled job', () => {
  it('says when it runs next, five times', async () => {
    await make('life-one', {
      name: 'slow',
      cmd: 'trap "exit 1" TERM; sleep 60 & wait',
      schedule: '0 0 1 1 *',
      timeout: 2,
    });
    const { status } = await shown('life-one', 'slow');
    expect(status.next_schedules).toHaveLength(5);
    expect(status.next_schedules[0]).toBe(status.next_schedule);
    expect(Date.parse(status.next_schedule)).toBeGreaterThan(Date.now());
  });

  it('whose run takes too long has it ended, and says so', async () => {
    await clients['life-one'].call('POST', `${base('life-one')}/slow/restart`);
    await says('life-one', 'slow', 'took longer than its time limit of 2s (DeadlineExceeded)');
  });
});

describe('a job that has no room', () => {
  it('in the quota is told which, how full it is and what would fit', async () => {
    await patchQuota('life-two', { 'limits.memory': '600Mi', pods: '10' });
    await make('life-two', { name: 'first', cmd: 'exec sleep 1000' });
    await until(async () => (await shown('life-two', 'first')).status.short === 'running', 'the first one runs');
    await make('life-two', { name: 'second', cmd: 'exec sleep 1000' });
    const words = 'memory: 512Mi of 600Mi are used and this job asks for 512Mi; 88Mi would fit';
    const job = await says('life-two', 'second', words);
    expect(job.status_short).toBe('Unable to start, out of quota for memory');
    expect(job.status_long).toContain(words);
  });

  it('among pods, or on any node, is told so', async () => {
    await kubectl(cluster, ['delete', 'limitrange', '--all', '-n', 'tool-life-three']);
    await patchQuota('life-three', { 'limits.cpu': '1000', 'requests.cpu': '1000', pods: '1' });
    await make('life-three', { name: 'huge', cmd: 'true', cpu: '500' });
    await says('life-three', 'huge', 'no node has room for it: not enough cpu', 'pending');
    await make('life-three', { name: 'crowded', cmd: 'true', continuous: true });
    await says(
      'life-three',
      'crowded',
      'pods: 1 of 1 are used and this job asks for 1; nothing fits until another job ends',
    );
  });
});

describe('a continuous job', () => {
  it('that keeps ending is told how often and with which code', async () => {
    await make('life-one', { name: 'crash', cmd: 'exit 7', continuous: true });
    const job = await says('life-one', 'crash', 'exitcode 7');
    await says('life-one', 'crash', 'restarted (1)');
    expect(job.status.messages).toContain('your program ended with code 7');
  });

  it('is well when its script or its page says so', async () => {
    await make('life-one', {
      name: 'by-script',
      cmd: 'exec sleep 1000',
      continuous: true,
      health_check: { type: 'script', script: 'test -e healthy' },
    });
    await make('life-one', {
      name: 'by-page',
      cmd: 'mkdir -p www; echo ok >www/healthz; exec httpd -f -p $PORT -h www',
      continuous: true,
      port: 8080,
      health_check: { type: 'http', path: '/healthz' },
    });
    const isReady = async (name: string) => (await podsOf('life-one', name))[0]?.status.containerStatuses?.[0].ready;
    await until(async () => (await isReady('by-page')) === true, 'the page answers');
    expect(await isReady('by-script')).toBe(false);
    await writeFile(join(sandbox.homeOf('life-one'), 'healthy'), '');
    await until(async () => (await isReady('by-script')) === true, 'the script ends with 0');
  });

  it('has as many copies as it is asked for', async () => {
    const copies = { name: 'copies', cmd: 'trap "exit 0" TERM; while :; do sleep 0.1; done', continuous: true };
    await make('life-one', { ...copies, replicas: 2 });
    const running = async () =>
      (await podsOf('life-one', 'copies')).filter(
        (pod: { status: { phase: string }; metadata: { deletionTimestamp?: string } }) =>
          pod.status.phase === 'Running' && pod.metadata.deletionTimestamp === undefined,
      ).length;
    for (const replicas of [2, 1, 0]) {
      const body = { ...copies, imagename: 'bookworm', replicas };
      await clients['life-one'].call('PATCH', base('life-one'), { body });
      await until(async () => (await running()) === replicas, `${replicas} copies run`);
    }
  });
});

describe('a job that uses the service itself', () => {
  it('sees the jobs of its tool from inside its container, with its own certificate', async () => {
    const home = sandbox.homeOf('life-one');
    const inside = '/data/project/life-one';
    await putNode(join(home, 'node'));
    await copyFile(join(repositoryRoot, 'dist/client.js'), join(home, 'node/client.mjs'));
    await copyFile(sandbox.caFile, join(home, 'node/service.crt'));
    await writeFile(join(home, 'node/client.yaml'), `jobs:\n  ca_file: ${inside}/node/service.crt\n`);
    const program = [
      "import { connect } from './client.mjs';",
      `const jobs = await connect({ cfg: '${inside}/node/client.yaml' });`,
      'console.log((await jobs.list()).map(({ name }) => name).join());',
      'jobs.close();',
    ];
    await writeFile(join(home, 'node/ask.mjs'), program.join('\n'));
    const { port } = new URL(sandbox.url);
    const url = `https://${cluster.bridgeAddress}:${port}`;
    await make('life-one', {
      name: 'inside',
      cmd: `cd node && TOOL_TOOLFORGE_API_URL=${url} ./ld-linux-x86-64.so.2 --library-path . ./node ask.mjs`,
    });
    const output = await until(
      () => readFile(join(home, 'inside.out'), 'utf8').catch(() => undefined),
      'the job has asked',
      30_000,
    ).catch(async () => readFile(join(home, 'inside.err'), 'utf8'));
    expect(output).toContain('inside');
  });
});

/** This machine's Node with the libraries it needs, readable for everybody: the images of the test cluster hold a shell only. */
async function putNode(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const { stdout } = await run('ldd', [process.execPath]);
  const libraries = [...stdout.matchAll(/(\/\S+\.so[.\d]*) /g)].map(([, path]) => path as string);
  for (const path of [process.execPath, ...libraries]) {
    const copy = join(directory, basename(path));
    await copyFile(path, copy);
    const { uid, gid } = await stat(join(directory, '..'));
    await chown(copy, uid, gid);
  }
}
