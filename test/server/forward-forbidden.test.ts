import { describe, expect, it } from 'vitest';
import { Tool } from '../../src/domain.ts';
import { fromKubeStatus } from '../../src/kube.ts';
import { createForward } from '../../src/server/forward.ts';

const tool = Tool.of('alpha');
const forbidden = () => fromKubeStatus(403, { reason: 'Forbidden', message: 'RBAC: clusterrole "admin" not found' });
const overQuota = () => fromKubeStatus(403, { reason: 'Forbidden', message: 'exceeded quota: tool-alpha' });

/** A forward whose every request is answered with `failure`. */
function failing(failure: () => unknown, isConnected: boolean) {
  const kube = {
    request: () => Promise.reject(failure()),
    stream: () => Promise.reject(failure()),
    close: async () => {},
  };
  return createForward({ kubeFor: async () => kube, refresh: () => {} }, { isConnected: () => isConnected });
}

describe('a write that the cluster forbids', () => {
  it('is refused', async () => {
    await expect(failing(forbidden, true).create(tool, 'one-off', {})).rejects.toMatchObject({
      code: 'kube.forbidden',
    });
  });

  it('is worth another try while the watches are down, since a starting API server forbids everything', async () => {
    const forward = failing(forbidden, false);
    const expected = { code: 'kube.unreachable', retryAfterSeconds: 2 };
    await expect(forward.create(tool, 'one-off', {})).rejects.toMatchObject(expected);
    await expect(forward.removeAll(tool)).rejects.toMatchObject(expected);
  });

  it('for its quota is told so at any time', async () => {
    await expect(failing(overQuota, false).create(tool, 'one-off', {})).rejects.toMatchObject({
      code: 'quota.exceeded',
    });
  });
});
