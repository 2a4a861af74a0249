/** Two processes over one state directory: one works, the other stands by; whatever happens to the first, nothing is lost and nobody works twice. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../cluster/cluster.ts';
import { apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, type Standby, until } from '../support/sandbox.ts';

const tool = 'lease-one';
let sandbox: Sandbox;
let second: Standby;

beforeAll(async () => {
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'lease'),
    name: 'flow-lease',
    lease: true,
    settings: { mail_first_seconds: '0', task_compose_emails_loop_sleep: '1' },
  });
  await sandbox.addTool(tool);
});

afterAll(async () => {
  await sandbox?.removeTool(tool);
});

afterEach(async () => {
  await sandbox.stop('SIGKILL');
  await second?.stop();
});

interface LeaseSpec {
  readonly holderIdentity: string;
  readonly acquireTime: string;
  readonly renewTime: string;
}

async function lease(): Promise<LeaseSpec> {
  return JSON.parse(await kubectl(cluster, ['get', 'lease', 'jobs-api', '-n', 'jobs-api', '-o', 'jsonpath={.spec}']));
}

async function startBoth(): Promise<void> {
  await sandbox.start();
  second = await sandbox.standby();
}

const isTakenOver = () => until(async () => (await lease()).holderIdentity === 'second', 'the second holds the Lease');
const msBetween = (from: string, to: string) => Date.parse(to) - Date.parse(from);

describe('of two processes', () => {
  it('one works, and the other is alive and open to nobody', async () => {
    await startBoth();
    expect([await sandbox.ready(), await second.ready(), await second.alive()]).toEqual([true, false, true]);
    expect((await lease()).holderIdentity).toBe('first');
    await expect(fetch(second.url)).rejects.toThrow();
  });

  it('the other follows at once where the first is asked to end', async () => {
    await startBoth();
    expect(await sandbox.stop()).toBe(0);
    const left = await lease();
    await until(second.ready, 'the second is ready');
    expect(msBetween(left.renewTime, (await lease()).acquireTime)).toBeLessThan(5_000);
  });

  it('the other follows within 20 seconds where the first is killed, and tells what happened meanwhile', async () => {
    await startBoth();
    const one = apiClient(sandbox, tool);
    const body = { name: 'between', cmd: 'sleep 3; exit 4', imagename: 'bookworm', emails: 'onfailure' };
    expect((await one.call('POST', jobsPath(tool), { body })).status).toBe(201);
    one.close();
    await sandbox.stop('SIGKILL');
    const left = await lease();
    await until(second.ready, 'the second is ready');
    expect(msBetween(left.renewTime, (await lease()).acquireTime)).toBeLessThan(20_000);
    const two = apiClient({ ...sandbox, url: second.url }, tool);
    const events = await until(async () => {
      const { events: all } = (await two.call('GET', `/v1/tool/${tool}/mail-log`)).json();
      return all.length > 0 && all[0].state === 'withheld' ? all : undefined;
    }, 'what happened is in the mail log');
    two.close();
    expect(events).toMatchObject([
      { job: 'between', event: 'failed', message: expect.stringContaining('switched off') },
    ]);
  });

  it('the first ends without another word where it stood still for too long', async () => {
    await startBoth();
    process.kill(sandbox.pid(), 'SIGSTOP');
    await isTakenOver();
    expect(await second.ready()).toBe(false);
    process.kill(sandbox.pid(), 'SIGCONT');
    await until(second.ready, 'the second is ready');
    const log = await readFile(sandbox.logFile, 'utf8');
    expect(log.match(/the Lease is lost: another process may work now/g)).toHaveLength(1);
  });
});
