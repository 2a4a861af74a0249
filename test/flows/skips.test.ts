/** Firings of schedules that became no run because of the cluster, on the real one: what refuses them, what takes them away, and a controller that is away. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl, startControllers, stopControllers } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'skips';
const skipMs = 240_000;
let sandbox: Sandbox;
let client: ApiClient;

interface Run {
  readonly due: string | null;
  readonly outcome: string;
  readonly reason: string | null;
  readonly message: string;
}

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'skips'), name: 'flow-skips' });
  await sandbox.addTool(tool);
  await refuseRunsOf('refused', 'changed');
  await sandbox.start();
  client = apiClient(sandbox, tool);
  for (const name of ['refused', 'changed', 'unattended']) await define(name);
});

afterAll(async () => {
  client?.close();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
  await kubectl(cluster, ['delete', 'validatingadmissionpolicy,validatingadmissionpolicybinding', tool]);
});

/** A policy of the cluster, as its operators may have one. */
async function refuseRunsOf(...names: readonly string[]): Promise<void> {
  const expression = names.map((name) => `!object.metadata.name.startsWith('${name}-')`).join(' && ');
  const group = 'admissionregistration.k8s.io/v1';
  const rule = { apiGroups: ['batch'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['jobs'] };
  const selector = { matchLabels: { 'kubernetes.io/metadata.name': `tool-${tool}` } };
  const objects = [
    {
      apiVersion: group,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: tool },
      spec: {
        matchConstraints: { namespaceSelector: selector, resourceRules: [rule] },
        validations: [{ expression, message: 'not on a Sunday' }],
      },
    },
    {
      apiVersion: group,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: tool },
      spec: { policyName: tool, validationActions: ['Deny'] },
    },
  ];
  await kubectl(cluster, ['apply', '-f', '-'], objects.map((one) => JSON.stringify(one)).join('\n---\n'));
}

const bodyOf = (name: string, schedule: string) => {
  const cheap = { imagename: 'bookworm', cpu: '150m', filelog: false };
  return { body: { name, cmd: 'true', schedule, emails: 'onfailure', ...cheap } };
};

async function define(name: string): Promise<void> {
  const answer = await client.call('POST', jobsPath(tool), bodyOf(name, '* * * * *'));
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
}

const skipped = (name: string, reason: string): Promise<Run> =>
  until(
    async () => {
      const answer = await client.call('GET', `${jobsPath(tool)}/${name}/runs`);
      const runs = answer.status === 200 ? (answer.json().runs as Run[]) : [];
      return runs.find((run) => run.outcome === 'skipped' && run.reason === reason);
    },
    `a firing of ${name} is skipped: ${reason}`,
    skipMs,
  );

const second = () => Math.floor(Date.now() / 1_000) % 60;
const passed = (from: number, what: string) => until(() => second() >= from && second() < from + 8, what, 70_000);

describe('a firing of a schedule', () => {
  it('that an edit took away in its moment says so', async () => {
    // The next one, since the job may have been made in this very second.
    const due = Math.ceil(Date.now() / 60_000) * 60_000;
    await until(() => Date.now() >= due + 3_000, 'a firing has come, and was refused', 70_000);
    const answer = await client.call('PATCH', jobsPath(tool), bodyOf('changed', '0 0 1 1 *'));
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    expect((await skipped('changed', 'changed')).message).toBe(
      'skipped: the job was changed or deleted in that moment',
    );
  }, 300_000);

  it('that nobody in the cluster began says that its starting deadline has passed', async () => {
    await passed(40, 'there is time before the next one');
    await stopControllers(cluster);
    await passed(2, 'it has come');
    await passed(35, 'its deadline has passed');
    startControllers(cluster);
    expect((await skipped('unattended', 'unexplained')).message).toBe(
      'skipped: the cluster did not begin it within its starting deadline, and does not say why',
    );
  }, 400_000);

  it('that the cluster refused says so', async () => {
    expect((await skipped('refused', 'not_started')).message).toBe('skipped: the cluster refused to begin it');
  }, 300_000);

  it('is told to its owner with its cause', async () => {
    await until(
      async () => (await sandbox.jobs(tool, 'mail-log', '--job', 'unattended')).stdout.includes('unexplained'),
      'the mail log tells of it',
    );
  }, 200_000);
});
