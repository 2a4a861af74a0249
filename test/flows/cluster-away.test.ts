/** A firing of a schedule that comes while nobody can reach the cluster's API server, the cluster's own controllers included. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApiServer, stopApiServer } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'away-one';
let sandbox: Sandbox;
let client: ApiClient;

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'away'), name: 'flow-away' });
  await sandbox.addTool(tool);
  await sandbox.start();
  client = apiClient(sandbox, tool);
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
});

const second = () => Math.floor(Date.now() / 1_000) % 60;
const passed = (from: number, what: string) => until(() => second() >= from && second() < from + 8, what, 70_000);

interface Run {
  readonly outcome: string;
  readonly reason: string | null;
  readonly message: string;
}

it('is skipped, and from when to when is said, though the next one is begun before that is known', async () => {
  const body = {
    name: 'every',
    cmd: 'true',
    imagename: 'bookworm',
    cpu: '150m',
    filelog: false,
    schedule: '* * * * *',
  };
  const answer = await client.call('POST', jobsPath(tool), { body });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  await passed(48, 'there is time before the next one');
  await stopApiServer(cluster, 'SIGKILL');
  await passed(36, 'it has come, and its starting deadline has passed');
  await startApiServer(cluster);
  const skipped = await until(
    async () => {
      const runs = (await client.call('GET', `${jobsPath(tool)}/every/runs`)).json().runs as Run[] | undefined;
      return runs?.find(({ outcome }) => outcome === 'skipped');
    },
    'it is on record',
    240_000,
  );
  expect(skipped).toMatchObject({
    reason: 'cluster_away',
    message: expect.stringMatching(/^skipped: the cluster could not be reached from 20\S+Z to 20\S+Z$/),
  });
}, 600_000);
