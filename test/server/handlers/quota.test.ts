import { beforeEach, describe, expect, it } from 'vitest';
import { quota2023, quota2026 } from '../../../src/server/dialects/quota.ts';
import { readQuota } from '../../../src/server/handlers/quota.ts';
import { alpha, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
const quota = (hard: Record<string, string>, used: Record<string, string> = {}) => ({ status: { hard, used } });
const hard = {
  pods: '10',
  'count/jobs.batch': '15',
  'limits.cpu': '4',
  'limits.memory': '8Gi',
  'count/cronjobs.batch': '50',
  'count/deployments.apps': '3',
};
const used = { pods: '1', 'limits.cpu': '500m', 'limits.memory': '512Mi', 'count/cronjobs.batch': '5' };
const container = { type: 'Container', max: { cpu: '3', memory: '6Gi' } };

beforeEach(() => {
  deps = scriptDeps();
  deps.quotas = [quota(hard, used)];
  deps.ranges = [{ spec: { limits: [{ type: 'Pod', max: { cpu: '1' } }, container] } }];
});

describe('the quota of a tool', () => {
  it('is shown as of 2023: numbers of things, amounts as the cluster writes them', async () => {
    expect(quota2023(await readQuota(alpha, deps))).toEqual({
      categories: [
        {
          name: 'Running jobs',
          items: [
            { name: 'Total running jobs at once (Kubernetes pods)', limit: 10, used: 1 },
            { name: 'Running one-off and cron jobs', limit: 15, used: 0 },
            { name: 'CPU', limit: '4', used: '500m' },
            { name: 'Memory', limit: '8Gi', used: '512Mi' },
          ],
        },
        {
          name: 'Per-job limits',
          items: [
            { name: 'CPU', limit: '3' },
            { name: 'Memory', limit: '6Gi' },
          ],
        },
        {
          name: 'Job definitions',
          items: [
            { name: 'Cron jobs', limit: 50, used: 5 },
            { name: 'Continuous jobs (including web services)', limit: 3, used: 0 },
          ],
        },
      ],
    });
  });

  it('is shown as of 2026: everything as text, amounts in its form', async () => {
    const { categories } = quota2026(await readQuota(alpha, deps)) as { categories: { items: object[] }[] };
    expect(categories[0]?.items.slice(1)).toEqual([
      { name: 'Running one-off and cron jobs', limit: '15', used: '0' },
      { name: 'CPU', limit: '4.0', used: '0.5' },
      { name: 'Memory', limit: '8.0Gi', used: '0.5Gi' },
    ]);
    expect(categories[1]?.items).toEqual([
      { name: 'CPU', limit: '3.0', used: null },
      { name: 'Memory', limit: '6.0Gi', used: null },
    ]);
  });

  it('is the tightest of several, compared as quantities and not as text', async () => {
    deps.quotas = [quota({ pods: '9', 'limits.memory': '1000Mi' }), quota({ pods: '10', 'limits.memory': '2Gi' })];
    const [running] = await readQuota(alpha, deps);
    expect(running?.items.map(({ limit }) => limit)).toEqual(['9', '1000Mi']);
  });

  it('leaves out what has no limit', async () => {
    deps.quotas = [];
    deps.ranges = [];
    expect((await readQuota(alpha, deps)).map(({ items }) => items)).toEqual([[], [], []]);
  });
});
