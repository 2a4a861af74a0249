import { describe, expect, it } from 'vitest';
import { readMetrics, readSummary } from '../../src/usage/read-usage.ts';

/** As a kubelet of 1.36 answers to `only_cpu_and_memory=true`, without what is not read here. */
const summary = (containers: readonly object[]) => ({
  node: { nodeName: 'node-1' },
  pods: [{ podRef: { name: 'demo-x1', namespace: 'tool-alpha', uid: 'pod-1' }, containers }],
});
const container = (name: string, changes: object = {}) => ({
  name,
  startTime: '2026-03-01T12:00:00Z',
  cpu: { time: '2026-03-01T12:00:10Z', usageNanoCores: 0, usageCoreNanoSeconds: 1_058_805_867 },
  memory: { time: '2026-03-01T12:00:10Z', workingSetBytes: 100_765_696 },
  ...changes,
});

describe('the summary of a node', () => {
  it('says of each pod what the container of its job uses', () => {
    expect(readSummary(summary([container('helper', { memory: { workingSetBytes: 1 } }), container('job')]))).toEqual([
      {
        pod: 'tool-alpha/demo-x1',
        memory: 100_765_696,
        cpu: {
          kind: 'total',
          nanoseconds: 1_058_805_867,
          at: Date.parse('2026-03-01T12:00:10Z'),
          startedAt: Date.parse('2026-03-01T12:00:00Z'),
        },
      },
    ]);
  });

  it('says less of a container that the node has not looked at yet', () => {
    expect(readSummary(summary([container('job', { cpu: undefined, memory: undefined })]))).toEqual([
      { pod: 'tool-alpha/demo-x1', memory: undefined, cpu: undefined },
    ]);
    expect(readSummary(summary([]))).toEqual([]);
  });

  it.each([undefined, null, 'text', [], { pods: 'none' }, { pods: [null, {}, { podRef: { name: 1 } }] }])(
    'that is none says nothing: %j',
    (value) => {
      expect(readSummary(value)).toEqual([]);
      expect(readMetrics(value)).toEqual([]);
    },
  );
});

describe('the metrics API', () => {
  it('says of each pod what the container of its job uses, as quantities', () => {
    const usage = { cpu: '12345678n', memory: '98404Ki' };
    const items = [
      { metadata: { name: 'demo-x1', namespace: 'tool-alpha' }, window: '15s', containers: [{ name: 'job', usage }] },
      { metadata: { name: 'demo-x2', namespace: 'tool-alpha' }, containers: [{ name: 'demo', usage: { cpu: '0' } }] },
    ];
    expect(readMetrics({ kind: 'PodMetricsList', items })).toEqual([
      { pod: 'tool-alpha/demo-x1', memory: 100_765_696, cpu: { kind: 'rate', millicores: 12.345678 } },
      { pod: 'tool-alpha/demo-x2', memory: undefined, cpu: { kind: 'rate', millicores: 0 } },
    ]);
  });
});
