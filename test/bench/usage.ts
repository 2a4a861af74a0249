/**
 * Measuring what jobs use, without the cluster: what it adds to each event of a pod, against what the job's actor makes of the same event; and
 * how long a round over 5,000 running jobs keeps the event loop, against the mere parsing of the answer.
 */
import type { JobEvent } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { createJobRoster } from '../../src/machines/roster.ts';
import { createPeaks } from '../../src/usage/peaks.ts';
import { readMetrics, readSummary } from '../../src/usage/read-usage.ts';
import { makePodFacts } from '../support/facts.ts';
import { median, type Row, timed } from './measure.ts';

const jobs = 5_000;
const rounds = 15;
const podsOfNode = 110;

export async function measureUsage(): Promise<readonly Row[]> {
  return [await measureEvents(), ...(await measureRounds())];
}

async function measureEvents(): Promise<Row> {
  const taken = { ours: [] as number[], actors: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const peaks = createPeaks();
    const roster = createJobRoster({ log: createLog({ level: 'silent' }) });
    const events = Array.from({ length: jobs }, (_, n) => podEvent(n));
    const each = async (accept: (event: JobEvent) => void) => {
      const [ms = 0] = await timed(1, async () => events.forEach(accept));
      return (ms * 1_000) / jobs;
    };
    taken.ours.push(await each((event) => peaks.accept(event)));
    taken.actors.push(await each((event) => roster.accept(event)));
    if (peaks.running() !== jobs || roster.size() !== jobs) throw new Error('not every event was taken');
    roster.stop();
  }
  const [ours, actors] = [median(taken.ours), median(taken.actors)];
  return row('event of a pod: what measuring adds, against its job actor', ours, actors, 0.1, 'µs');
}

async function measureRounds(): Promise<Row[]> {
  const peaks = createPeaks();
  for (let n = 0; n < jobs; n++) peaks.accept(podEvent(n));
  const answers = [
    ['a round over 5,000 running jobs by the metrics API', metricsAnswer(jobs), readMetrics, 4],
    ['one node with 110 running jobs', summaryAnswer(podsOfNode), readSummary, 2],
  ] as const;
  const rows: Row[] = [];
  for (const [what, text, read, goal] of answers) {
    const bare = await timed(rounds, async () => void JSON.parse(text));
    const ours = await timed(rounds, async () => peaks.take(read(JSON.parse(text)), Date.now()));
    if (peaks.of('run-0') === undefined) throw new Error('nothing was measured');
    rows.push(row(`${what}: on the event loop, against parsing its JSON`, median(ours), median(bare), goal, 'ms'));
  }
  return rows;
}

function row(what: string, ours: number, anchor: number, goal: number, unit: string): Row {
  const ratio = ours / anchor;
  const words = (value: number) => `${value.toFixed(2)} ${unit}`;
  return { what, ours: words(ours), anchor: words(anchor), ratio, goal: `≤ ${goal.toFixed(2)}`, met: ratio <= goal };
}

function podEvent(n: number): JobEvent {
  const key = { namespace: `tool-t${n % 500}`, kind: 'Job', name: `job-${n}` } as const;
  const pod = makePodFacts({ key, uid: `pod-${n}`, name: nameOf(n), ownerUid: `run-${n}`, node: `node-${n % 60}` });
  return { type: 'pod.seen', key, pod };
}

function nameOf(n: number): string {
  return `job-${n}-x7k2p`;
}

function metricsAnswer(count: number): string {
  const items = Array.from({ length: count }, (_, n) => ({
    metadata: {
      name: nameOf(n),
      namespace: `tool-t${n % 500}`,
      creationTimestamp: '2026-03-01T12:00:00Z',
      labels: { 'app.kubernetes.io/managed-by': 'toolforge-jobs-framework', 'app.kubernetes.io/name': `job-${n}` },
    },
    timestamp: '2026-03-01T12:00:00Z',
    window: '15s',
    containers: [{ name: 'job', usage: { cpu: '12345678n', memory: '98404Ki' } }],
  }));
  return JSON.stringify({ kind: 'PodMetricsList', items });
}

function summaryAnswer(count: number): string {
  const psi = { total: 0, avg10: 0, avg60: 0, avg300: 0 };
  const amounts = {
    cpu: { time: '2026-03-01T12:00:10Z', usageNanoCores: 0, usageCoreNanoSeconds: 1_058_805_867, psi: { some: psi } },
    memory: { time: '2026-03-01T12:00:10Z', workingSetBytes: 100_765_696, rssBytes: 100_237_312, psi: { some: psi } },
  };
  const pods = Array.from({ length: count }, (_, n) => ({
    podRef: { name: nameOf(n), namespace: `tool-t${n % 500}`, uid: `pod-${n}` },
    containers: [{ name: 'job', startTime: '2026-03-01T12:00:00Z', ...amounts }],
    ...amounts,
  }));
  return JSON.stringify({ node: { nodeName: 'node-1' }, pods });
}
