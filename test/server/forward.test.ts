import { describe, expect, it } from 'vitest';
import { type JobKey, type JobType, jobTypes, Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { fromKubeStatus, type KubeRequest } from '../../src/kube.ts';
import { createForward, type Forward } from '../../src/server/forward.ts';

const alpha = Tool.of('alpha');
const key: JobKey = { namespace: 'tool-alpha', kind: 'Job', name: 'demo' };
const unauthorized = () => fromKubeStatus(401, {});
const quotaConflict = () => fromKubeStatus(409, { reason: 'Conflict', message: 'the object has been modified' });
const nameTaken = () => fromKubeStatus(409, { reason: 'AlreadyExists' });
const noAnswer = () => new AppError('kube.state_unknown', 'no answer');

interface Scripted {
  readonly forward: Forward;
  readonly requests: KubeRequest[];
  readonly tools: Tool[];
  readonly refreshed: Tool[];
}

/** @param outcomes of the requests, in order: an error is thrown; the last one holds for all that follow */
function script(...outcomes: unknown[]): Scripted {
  const requests: KubeRequest[] = [];
  const tools: Tool[] = [];
  const refreshed: Tool[] = [];
  const forward = createForward({
    async kubeFor(tool) {
      tools.push(tool);
      return {
        async request(request) {
          requests.push(request);
          const outcome = outcomes.length > 1 ? outcomes.shift() : outcomes[0];
          if (outcome instanceof Error) throw outcome;
          return outcome;
        },
        stream: () => Promise.reject(new Error('unused')),
        close: async () => {},
      };
    },
    refresh: (tool) => void refreshed.push(tool),
  });
  return { forward, requests, tools, refreshed };
}

describe('a job', () => {
  it.each([
    ['one-off', '/apis/batch/v1/namespaces/tool-alpha/jobs'],
    ['scheduled', '/apis/batch/v1/namespaces/tool-alpha/cronjobs'],
    ['continuous', '/apis/apps/v1/namespaces/tool-alpha/deployments'],
  ] as [JobType, string][])('that is %s is created in the namespace of the tool, as the tool', async (type, path) => {
    const { forward, requests, tools } = script({ stored: true });
    expect(await forward.create(alpha, type, { metadata: { namespace: 'tool-beta' } })).toEqual({ stored: true });
    expect(requests).toEqual([{ method: 'POST', path, body: { metadata: { namespace: 'tool-beta' } } }]);
    expect(tools).toEqual([alpha]);
  });

  it('is deleted with its pods, and only the life that is meant', async () => {
    const { forward, requests } = script({});
    expect(await forward.remove(alpha, key, 'uid-1')).toBe(true);
    expect(requests).toEqual([
      {
        method: 'DELETE',
        path: '/apis/batch/v1/namespaces/tool-alpha/jobs/demo',
        query: { propagationPolicy: 'Foreground', uid: 'uid-1' },
      },
    ]);
  });

  it('of whatever name stays inside its collection', async () => {
    const { forward, requests } = script({});
    await forward.remove(alpha, { ...key, name: '../../x?y#z' }, 'uid-1');
    expect(requests[0]?.path).toBe('/apis/batch/v1/namespaces/tool-alpha/jobs/..%2F..%2Fx%3Fy%23z');
  });

  it.each([
    ['gone already', () => fromKubeStatus(404, {})],
    ['another life under the name', quotaConflict],
  ])('that is %s is left alone, after one request', async (_what, error) => {
    const { forward, requests } = script(error());
    expect(await forward.remove(alpha, key, 'uid-1')).toBe(false);
    expect(requests).toHaveLength(1);
  });

  it('is deleted with every other of the tool, of every kind, by the label a list goes by', async () => {
    const { forward, requests } = script({});
    await forward.removeAll(alpha);
    expect(requests.map(({ path }) => path)).toEqual(
      Object.values(jobTypes).map(({ api, plural }) => `${api}/namespaces/tool-alpha/${plural}`),
    );
    const labelSelector = 'app.kubernetes.io/managed-by=toolforge-jobs-framework';
    for (const { path, ...rest } of requests) {
      expect(rest, path).toEqual({ method: 'DELETE', query: { propagationPolicy: 'Foreground', labelSelector } });
    }
  });

  it('has events, asked for by the uid of its object', async () => {
    const { forward, requests } = script({ items: [{ reason: 'FailedCreate' }] });
    expect(await forward.eventsOf(alpha, 'uid-1')).toEqual([{ reason: 'FailedCreate' }]);
    expect(requests).toMatchObject([
      {
        method: 'GET',
        path: '/api/v1/namespaces/tool-alpha/events',
        query: { fieldSelector: 'involvedObject.uid=uid-1', limit: 100 },
      },
    ]);
    expect(await script({}).forward.eventsOf(alpha, 'uid-1')).toEqual([]);
  });
});

type Send = (forward: Forward) => Promise<unknown>;
const create: Send = (forward) => forward.create(alpha, 'one-off', {});
const remove: Send = (forward) => forward.remove(alpha, key, 'uid-1');
const removeAll: Send = (forward) => forward.removeAll(alpha);
const eventsOf: Send = (forward) => forward.eventsOf(alpha, 'uid-1');

describe('a request that was refused', () => {
  it.each([
    ['create', create],
    ['remove', remove],
    ['events', eventsOf],
  ])('for its certificate is sent once more with the one of now: %s', async (_name, send) => {
    const { forward, requests, tools, refreshed } = script(unauthorized(), {});
    await send(forward);
    expect([requests.length, tools, refreshed]).toEqual([2, [alpha, alpha], [alpha]]);
  });

  it('for its certificate twice is refused', async () => {
    const { forward, requests, refreshed } = script(unauthorized());
    await expect(create(forward)).rejects.toMatchObject({ code: 'credentials.invalid' });
    expect([requests.length, refreshed.length]).toEqual([2, 1]);
  });

  it("for the quota's bookkeeping is sent a few times more when it creates", async () => {
    const happy = script(quotaConflict(), quotaConflict(), { stored: true });
    expect(await create(happy.forward)).toEqual({ stored: true });
    expect(happy.requests).toHaveLength(3);
    expect(new Set(happy.requests).size).toBe(1);
    const unlucky = script(quotaConflict());
    await expect(create(unlucky.forward)).rejects.toMatchObject({ code: 'kube.conflict', retryAfterSeconds: 1 });
    expect(unlucky.requests).toHaveLength(6);
  });

  it.each([
    ['the deletion of all jobs', removeAll, quotaConflict, 3],
    ['a name that is taken', create, nameTaken, 1],
    ['a write without an answer', create, noAnswer, 1],
    ['a deletion without an answer', remove, noAnswer, 1],
    ['a full quota', create, () => fromKubeStatus(403, { message: 'exceeded quota: x' }), 1],
    ['a busy server', create, () => fromKubeStatus(429, {}), 1],
    ['a failing server', create, () => fromKubeStatus(500, {}), 1],
  ])('is not sent again otherwise: %s', async (_what, send, error, count) => {
    const { forward, requests } = script(error());
    await expect(send(forward)).rejects.toMatchObject({ code: error().code });
    expect(requests).toHaveLength(count);
  });

  it('never reaches the cluster when the tool has no usable certificate', async () => {
    const refusal = new AppError('home.unavailable', 'no home');
    const forward = createForward({ kubeFor: () => Promise.reject(refusal), refresh() {} });
    for (const send of [create, remove, removeAll, eventsOf]) await expect(send(forward)).rejects.toBe(refusal);
  });
});
