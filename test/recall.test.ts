import { describe, expect, it } from 'vitest';
import { type JobKey, Tool } from '../src/domain.ts';
import { createLog } from '../src/log.ts';
import { createRecall, type RecallOptions } from '../src/recall.ts';
import { makeRunRecord } from './support/facts.ts';

const alpha = Tool.of('alpha');
const keyOf = (name: string): JobKey => ({ namespace: 'tool-alpha', kind: 'CronJob', name });

/** Unset: two jobs of alpha, each with a run on record. */
function create(changes: Partial<RecallOptions> = {}) {
  const asked: string[] = [];
  const unknown = new Set([keyOf('one'), keyOf('two')]);
  const recall = createRecall({
    unrecalled: (namespace) => (namespace === 'tool-alpha' ? [...unknown] : []),
    async list(tool, job) {
      asked.push(`${tool.name}/${job}`);
      return [makeRunRecord()];
    },
    tell: (key, runs) => runs.length > 0 && unknown.delete(key),
    log: createLog({ level: 'silent' }),
    ...changes,
  });
  return { recall, asked, unknown };
}

describe('the last runs of the jobs of a tool', () => {
  it('are read once, when they are first asked for, however many ask', async () => {
    const { recall, asked, unknown } = create();
    await Promise.all([recall(alpha), recall(alpha)]);
    await recall(alpha);
    expect(asked.sort()).toEqual(['alpha/one', 'alpha/two']);
    expect(unknown.size).toBe(0);
  });

  it('are nothing to another tool', async () => {
    const { recall, asked } = create();
    await recall(Tool.of('beta'));
    expect(asked).toEqual([]);
  });

  it('that cannot be read, or not soon, keep nobody from an answer, and are read the next time', async () => {
    const refused = create({ list: () => Promise.reject(new Error('no disk')) });
    await refused.recall(alpha);
    expect(refused.unknown.size).toBe(2);
    const slow = create({ list: () => new Promise(() => {}), patienceMs: 1 });
    await slow.recall(alpha);
    expect(slow.unknown.size).toBe(2);
  });
});
