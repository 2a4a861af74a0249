import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KubeRequest } from '../src/kube.ts';
import { createKubeEvents } from '../src/kube-events.ts';
import { createLog } from '../src/log.ts';

const object = { namespace: 'jobs-emailer', name: 'settings', uid: 'u-1', resourceVersion: '7' };

const normal = { ...object, type: 'Normal', reason: 'SettingsApplied', message: 'in force' } as const;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

function create(answer: () => Promise<unknown> = async () => ({})) {
  const asked: KubeRequest[] = [];
  const lines: string[] = [];
  const events = createKubeEvents({
    kube: {
      request(request) {
        asked.push(request);
        return answer();
      },
    },
    now: () => Date.parse('2026-03-01T04:20:12.345Z'),
    log: createLog({ level: 'info', stream: { write: (line) => void lines.push(JSON.parse(line).msg) } }),
  });
  return { events, asked, lines };
}

describe('a word beside a ConfigMap', () => {
  it('is an event of that very map, in its namespace', () => {
    const { events, asked } = create();
    events.say({ ...object, type: 'Warning', reason: 'SettingsRefused', message: 'x'.repeat(5_000) });
    expect(asked).toMatchObject([
      {
        method: 'POST',
        path: '/api/v1/namespaces/jobs-emailer/events',
        body: {
          metadata: { generateName: 'settings.', namespace: 'jobs-emailer' },
          involvedObject: { kind: 'ConfigMap', name: 'settings', uid: 'u-1', resourceVersion: '7' },
          type: 'Warning',
          reason: 'SettingsRefused',
          message: 'x'.repeat(1_000),
          lastTimestamp: '2026-03-01T04:20:12Z',
        },
      },
    ]);
  });

  it('that cannot be written is tried a few times, said once in the log, and hinders nothing', async () => {
    const { events, asked, lines } = create(() => Promise.reject(new Error('forbidden')));
    events.say(normal);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect([asked.length, lines]).toEqual([5, ['an event about a ConfigMap could not be written']]);
  });

  it('that warns is said again for as long as the cluster would forget it, until all is well', async () => {
    const { events, asked } = create();
    events.say({ ...object, type: 'Warning', reason: 'SettingsRefused', message: 'bad' });
    await vi.advanceTimersByTimeAsync(100 * 60_000);
    events.say(normal);
    await vi.advanceTimersByTimeAsync(200 * 60_000);
    const reasons = asked.map(({ body }) => (body as { reason: string }).reason);
    expect(reasons).toEqual(['SettingsRefused', 'SettingsRefused', 'SettingsRefused', 'SettingsApplied']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is said no more of a map that is gone', async () => {
    const { events, asked } = create();
    events.say({ ...object, type: 'Warning', reason: 'SettingsRefused', message: 'bad' });
    await vi.advanceTimersByTimeAsync(0);
    events.forget(object);
    await vi.advanceTimersByTimeAsync(100 * 60_000);
    expect([asked.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it('is said no more when the service stops', async () => {
    const { events, asked } = create();
    events.say({ ...object, type: 'Warning', reason: 'SettingsRefused', message: 'bad' });
    await vi.advanceTimersByTimeAsync(0);
    events.stop();
    await vi.advanceTimersByTimeAsync(100 * 60_000);
    expect(asked).toHaveLength(1);
  });
});
