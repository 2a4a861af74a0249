/** The rules for Prometheus and the dashboard for Grafana speak of what there is: metrics, labels, values of labels, sections of the runbook. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import dashboard from '../config/monitoring/dashboard.json' with { type: 'json' };
import { errorTable } from '../src/errors.ts';
import { createMetrics } from '../src/metrics.ts';
import type { JobsWatchStats } from '../src/watch/jobs.ts';
import { readQuery } from './support/promql.ts';
import { repositoryRoot } from './support/repository-root.ts';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const text = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8');
const { groups } = parse(text('config/monitoring/alerts.yaml')) as { groups: { rules: Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);
const runbook = text('docs/operations.md').split('\n## Alerts\n')[1]?.split(/\n## /)[0] ?? '';
const sections = new Map(runbook.split('\n### ').slice(1).map(sectionOf));

function sectionOf(section: string): [string, string] {
  const [title = '', ...lines] = section.split('\n');
  return [title, lines.join('\n')];
}

const watchStats: JobsWatchStats = {
  events: 1,
  bookmarks: 1,
  relists: { start: 1, gone: 0, list_gone: 0 },
  reconnects: 1,
  handlerErrors: 0,
  oversized: 0,
  lastEventAt: 1,
  resourceVersion: '1',
  objects: 1,
  live: true,
  dropped: { no_identity: 0, no_tool_namespace: 0, label_mismatch: 0, no_job: 0 },
};

/** By name of a series: its labels with the values that they have, where these are few and known. */
async function knownSeries(): Promise<Map<string, Map<string, Set<string>>>> {
  const metrics = createMetrics({
    jobs: () => 1,
    freshness: () => ({ synced: true, live: true, asOf: 0 }),
    streams: () => 1,
    watches: () => ({ Pod: watchStats, settings: watchStats }),
    runRecords: () => ({ waiting: 0, dropped: 0, failed: 0 }),
    files: () => ({ listeners: '' }),
    usage: () => ({ running: 0, sampledAt: 1, failed: 0 }),
    homes: () => ({ running: 0, stuck: 0, waiting: 0 }),
    maps: () => ({ settings: { isCurrent: true, version: '1' }, images: { isCurrent: true, version: '1' } }),
    certificates: () => ({ listener: 1 }),
    mail: () => ({ mailboxes: 1, gathered: 0, sealed: 0, parked: 0, unsaved: 0, failures: 0, oldestAt: 1 }),
    webhooks: () => ({
      mailboxes: 2,
      gathered: 1,
      sealed: 1,
      parked: 0,
      unsaved: 0,
      failures: 0,
      oldestAt: 1,
      set: 2,
      failing: 1,
    }),
    checkpoint: () => ({ savedAt: 1, failed: 0, gaps: 0 }),
    now: () => 1,
  });
  metrics.answered('/v1/tool/:tool/jobs', 'GET', 200, 1);
  for (const code of [...Object.keys(errorTable), 'connection.capped']) metrics.refused(code);
  const series = new Map<string, Map<string, Set<string>>>();
  for (const line of (await metrics.text()).split('\n')) {
    const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name === undefined) continue;
    const known = series.get(name) ?? new Map<string, Set<string>>();
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g))
      known.set(label, (known.get(label) ?? new Set()).add(value));
    series.set(name, known);
  }
  return series;
}

/** What Prometheus itself knows, and the labels that it gives to everything it scrapes. */
const ofPrometheus = new Map([
  ['up', []],
  ['ALERTS', ['alertname', 'alertstate', 'severity']],
]);
const scraped = ['job', 'instance'];

async function mistakesIn(query: string, shown = ''): Promise<string[]> {
  const known = await knownSeries();
  const { selectors, grouping } = readQuery(query);
  const labelsOf = (name: string): readonly string[] | undefined =>
    ofPrometheus.get(name) ?? (known.has(name) ? [...(known.get(name)?.keys() ?? [])] : undefined);
  const all = [...selectors.flatMap(({ name }) => labelsOf(name) ?? []), ...scraped];
  const templates = [...shown.matchAll(/\{\{\s*(?:\$labels\.)?([a-z]\w*)\s*\}\}/g)].map(([, label = '']) => label);
  return [
    ...selectors.flatMap(({ name, matchers }) => {
      const labels = labelsOf(name);
      if (!labels) return [`there is no ${name}`];
      return matchers.flatMap(({ label, value, how }) => {
        if (![...labels, ...scraped].includes(label)) return [`${name} has no label ${label}`];
        if (label === 'job') return value === scrapedJob() ? [] : [`nothing is scraped as ${value}`];
        const values = known.get(name)?.get(label);
        const asked = how === '=~' ? value.split('|') : [value];
        const isOpen = !values || how === '!~' || label === 'status';
        return isOpen ? [] : asked.filter((one) => !values.has(one)).map((one) => `${name}: ${label} is never ${one}`);
      });
    }),
    ...[...grouping, ...templates].filter((label) => !all.includes(label)).map((label) => `no series has ${label}`),
  ];
}

/** With the operator of Prometheus it is the name of the Service that the ServiceMonitor selects. */
function scrapedJob(): string {
  const monitor = parse(text('config/manifests/components/monitoring/service-monitor.yaml'));
  return monitor.spec.selector.matchLabels['app.kubernetes.io/name'];
}

describe('the alerts', () => {
  it.each(alerts)('$alert asks for what there is', async ({ expr, annotations }) => {
    expect(readQuery(expr).selectors).not.toEqual([]);
    expect(await mistakesIn(expr, annotations.summary)).toEqual([]);
  });

  it.each(alerts)('$alert waits, is rated, and says a sentence', ({ for: wait, labels, annotations }) => {
    expect(wait).toMatch(/^\d+[mh]$/);
    expect(labels.severity).toMatch(/^(critical|warning)$/);
    expect(annotations.summary).toMatch(/^[A-Z{].*\.$/);
  });

  it.each(alerts)('$alert names its section, which says all four things', ({ alert, annotations }) => {
    expect(annotations.runbook).toBe(`docs/operations.md#${alert.toLowerCase()}`);
    const section = sections.get(alert) ?? '';
    const words = [...section.matchAll(/^- ([A-Z]\w+(?:, [A-Z]\w+)*): ./gm)].flatMap(([, word = '']) =>
      word.split(', '),
    );
    expect(words).toEqual(['Means', 'Users', 'Look', 'Mend']);
  });

  it('have names of their own, and the runbook has no section that no alert leads to', () => {
    expect([...sections.keys()].sort()).toEqual(alerts.map(({ alert }) => alert).sort());
  });

  it('are those that the operator of Prometheus gets', () => {
    const rule = parse(text('config/manifests/components/monitoring/prometheus-rule.yaml'));
    expect([rule.kind, rule.spec.groups]).toEqual(['PrometheusRule', groups]);
  });

  it('would be noticed to ask for what there is not', async () => {
    expect(await mistakesIn('sum by (kind) (rate(jobs_nothing{what="events"}[5m])) > 1')).toEqual([
      'there is no jobs_nothing',
      'no series has kind',
    ]);
    expect(
      await mistakesIn('jobs_homes{what="hung"} and on (tool) jobs_known{job="other"}', '{{ $labels.x }}'),
    ).toEqual([
      'jobs_homes: what is never hung',
      'nothing is scraped as other',
      'no series has tool',
      'no series has x',
    ]);
  });
});

describe('the dashboard', () => {
  const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ title, expr, legendFormat })),
  );

  it.each(queries)('asks for what there is: $title', async ({ expr, legendFormat }) => {
    expect(await mistakesIn(expr, legendFormat)).toEqual([]);
  });

  it('has every panel once, and none upon another', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(cells.length - new Set(cells).size).toBe(0);
    expect(dashboard.panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });

  it('asks the Prometheus that is chosen on top', () => {
    const sources = JSON.stringify(dashboard).match(/"uid":"\$\{datasource\}"/g) ?? [];
    expect(sources.length).toBeGreaterThan(queries.length);
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource']);
  });
});
