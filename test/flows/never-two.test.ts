/**
 * Of a continuous job with one copy there are never two, whatever the service is asked for and wherever it is killed; and where the cluster
 * itself makes a second one, the number of the first is refused. The containers are the witnesses: each has a lock in the home until it ends.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { createSandbox, type Sandbox, type Standby, until } from '../support/sandbox.ts';

const tool = 'never-two';
const base = `/v1/tool/${tool}`;
let sandbox: Sandbox;
let client: ApiClient;
let second: Standby | undefined;

const bot = `#!/bin/sh
trap 'sleep $LAST_WORDS; echo "end $TOOLFORGE_RUN_ID" >>bot.log; rmdir bot.lock; exit 0' TERM
mkdir bot.lock || echo "two $TOOLFORGE_RUN_ID" >>bot.log
echo "begin $TOOLFORGE_RUN_ID $VERSION" >>bot.log
while :; do sleep 0.1; done
`;

beforeAll(async () => {
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'never-two'),
    name: 'flow-never-two',
    lease: true,
  });
  await sandbox.addTool(tool);
  await writeFile(join(sandbox.homeOf(tool), 'bot.sh'), bot, { mode: 0o755 });
  await sandbox.start();
  client = apiClient(sandbox, tool);
});

afterAll(async () => {
  client?.close();
  await second?.stop();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
});

const patch = (version: string, lastWords = '0') =>
  client.call('PATCH', `${base}/jobs`, {
    body: {
      name: 'bot',
      cmd: 'exec ./bot.sh',
      imagename: 'bookworm',
      continuous: true,
      parameters: { VERSION: version, LAST_WORDS: lastWords },
    },
  });
const restart = () => client.call('POST', `${base}/jobs/bot/restart`);
const claim = (run: string, by = client) => by.call('PUT', `${base}/fences/${run}`);
const lines = async () =>
  (await readFile(join(sandbox.homeOf(tool), 'bot.log'), 'utf8').catch(() => '')).trim().split('\n');
const begun = async () => (await lines()).filter((line) => line.startsWith('begin '));
const runs = async () => (await begun()).map((line) => line.split(' ')[1] as string);
const met = async () => (await lines()).filter((line) => line.startsWith('two '));
const newest = async () => (await runs()).at(-1) as string;
const runsNow = (version: string) =>
  until(async () => (await begun()).at(-1)?.endsWith(` ${version}`) ?? false, `${version} runs`);
const hasMore = (than: number) => until(async () => (await begun()).length > than, 'another copy runs');

/** What a bot writes to; it takes nothing with a lower number than it has seen. */
const store = {
  fence: 0,
  takes(fence: number): boolean {
    const isTaken = fence >= this.fence;
    this.fence = Math.max(fence, this.fence);
    return isTaken;
  },
};

async function fenceOf(run: string): Promise<number> {
  let fence = 0;
  await until(async () => {
    const answer = await claim(run);
    if (answer.status === 200) fence = answer.json().fence;
    return answer.status === 200;
  }, `${run} has a number`);
  return fence;
}

describe('a job with one copy', () => {
  it('has never two, whatever is changed at the same time and wherever the daemon is killed', async () => {
    expect((await patch('v0')).status).toBe(200);
    await runsNow('v0');
    expect(store.takes(await fenceOf(await newest()))).toBe(true);

    const before = (await begun()).length;
    await Promise.all([patch('v1'), restart(), patch('v2'), restart()]);
    await hasMore(before);
    await patch('v3');
    await runsNow('v3');
    expect(store.takes(await fenceOf(await newest()))).toBe(true);

    const cutOff = [patch('v4'), restart(), patch('v5')].map((asked) => asked.catch(() => undefined));
    await Promise.race(cutOff);
    await sandbox.stop('SIGKILL');
    await Promise.all(cutOff);
    await sandbox.start();
    expect((await patch('v6')).status).toBe(200);
    await runsNow('v6');
    expect(store.takes(await fenceOf(await newest()))).toBe(true);

    expect(await met()).toEqual([]);
    expect(new Set(await runs()).size).toBe((await runs()).length);
  });

  it('is protected by its number where the cluster makes a second copy before the first has ended', async () => {
    await patch('slow', '3');
    await runsNow('slow');
    const old = await newest();
    const oldFence = await fenceOf(old);
    expect(store.takes(oldFence)).toBe(true);
    const count = (await begun()).length;
    // Nobody asks the service: a drained node does the same.
    await kubectl(cluster, ['delete', 'pod', '-n', `tool-${tool}`, '-l', 'app.kubernetes.io/name=bot', '--wait=false']);
    await hasMore(count);
    const fence = await fenceOf(await newest());
    expect(fence).toBeGreaterThan(oldFence);
    expect(store.takes(fence)).toBe(true);
    expect((await claim(old)).json()).toMatchObject({ code: expect.stringMatching(/^run\.(superseded|not_found)$/) });
    expect(store.takes(oldFence)).toBe(false);
    await until(async () => (await lines()).includes(`end ${old}`), 'the old copy has said its last words');
    expect((await met()).length).toBeLessThanOrEqual(1);
  });

  it('keeps its number when another process takes over', async () => {
    const [first] = await runs();
    const last = await newest();
    const fence = await fenceOf(last);
    second = await sandbox.standby();
    await sandbox.stop();
    await until(second.ready, 'the second has taken over');
    const there = apiClient({ ...sandbox, url: second.url }, tool);
    expect((await claim(last, there)).json()).toMatchObject({ fence });
    expect((await claim(first as string, there)).json()).toMatchObject({ code: 'run.not_found' });
    there.close();
  });
});
