import { describe, expect, it } from 'vitest';
import type { KubeRequest } from '../src/kube.ts';
import { createKubeEvents } from '../src/kube-events.ts';
import { createLog } from '../src/log.ts';

const object = { namespace: 'jobs-emailer', name: 'settings', uid: 'u-1', resourceVersion: '7' };

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

  it('that cannot be written hinders nothing', async () => {
    const { events, lines } = create(() => Promise.reject(new Error('forbidden')));
    events.say({ ...object, type: 'Normal', reason: 'SettingsApplied', message: 'in force' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(lines).toEqual(['an event about a ConfigMap could not be written']);
  });
});
