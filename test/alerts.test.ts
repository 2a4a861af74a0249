/** The alerts speak of what is: metrics that exist, with labels that they have, and a part of the runbook for each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '../src/metrics.ts';
import { repositoryRoot } from './support/repository-root.ts';

const read = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8');
const { spec } = parse(read('config/manifests/components/monitoring/prometheus-rule.yaml')) as {
  spec: { groups: { rules: Rule[] }[] };
};
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}
const rules = spec.groups.flatMap((group) => group.rules);

async function series(): Promise<string> {
  const metrics = createMetrics({
    jobs: () => 0,
    freshness: () => ({ synced: true, live: true, asOf: 0 }),
    streams: () => 0,
    watches: () => ({}),
    files: () => ({ listeners: '' }),
    homes: () => ({ running: 0, stuck: 0, waiting: 0 }),
    runRecords: () => ({ waiting: 0, dropped: 0, failed: 0 }),
    maps: () => ({ settings: { isCurrent: true, version: '1' }, images: { isCurrent: true, version: '1' } }),
    certificates: () => ({ listener: 0 }),
    mail: () => ({ mailboxes: 0, gathered: 0, sealed: 0, parked: 0, unsaved: 0, failures: 0, oldestAt: 0 }),
    checkpoint: () => ({ savedAt: 0, failed: 0, gaps: 0 }),
    now: () => 0,
  });
  metrics.answered('/x', 'GET', 500, 0.1);
  return metrics.text();
}

it.each(rules.map((rule) => [rule.alert, rule] as const))(
  '%s is about metrics that exist, and has its part of the runbook',
  async (name, rule) => {
    const text = await series();
    const asked = [...rule.expr.matchAll(/\b(jobs_\w+)(?:\{([^}]*)\})?/g)];
    expect(asked.length).toBeGreaterThan(0);
    for (const [, metric = '', labels = ''] of asked) {
      const lines = text.split('\n').filter((line) => line.startsWith(`${metric} `) || line.startsWith(`${metric}{`));
      expect(lines, metric).not.toEqual([]);
      for (const [, label = '', how = '', value = ''] of labels.matchAll(/(\w+)(=~?)"([^"]*)"/g)) {
        const found = lines.map((line) => new RegExp(`${label}="([^"]*)"`).exec(line)?.[1] ?? '');
        expect(
          found.some((each) => (how === '=' ? each === value : new RegExp(`^(${value})$`).test(each))),
          `${metric} ${label}`,
        ).toBe(true);
      }
    }
    expect(['page', 'ticket']).toContain(rule.labels.severity);
    expect(rule.annotations.summary).toMatch(/\.$/);
    expect(read('docs/operations.md')).toContain(`\n### ${name}\n`);
  },
);

it('no part of the runbook is about an alert that does not exist', () => {
  const [, alerts = ''] = read('docs/operations.md').split('\n## Alerts\n');
  const named = [...alerts.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  expect(named).toEqual(rules.map(({ alert }) => alert));
});
