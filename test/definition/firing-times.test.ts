import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lastFirings, nextFirings } from '../../src/definition/cron.ts';
import { repositoryRoot } from '../support/repository-root.ts';

interface Answers {
  readonly zone: string;
  readonly after: string;
  readonly firings: Readonly<Record<string, readonly string[]>>;
}

const path = join(repositoryRoot, 'test/vectors/firings.json');
const answers = JSON.parse(readFileSync(path, 'utf8')) as readonly Answers[];
const minuteText = (at: number) => new Date(at).toISOString().replace(/:00\.000Z$/, 'Z');

describe('firings', () => {
  it('are asked of the library that the controller of the cluster is built with', () => {
    const [ours, theirs] = ['test/vectors/firings/go.mod', 'test/cluster/kubernetes/go.mod'].map(
      (file) => /robfig\/cron\/v3 (v\S+)/.exec(readFileSync(join(repositoryRoot, file), 'utf8'))?.[1],
    );
    expect([ours, typeof ours]).toEqual([theirs, 'string']);
  });

  it.each(answers)('come in $zone after $after when the controller of the cluster has them', (one) => {
    const schedules = Object.keys(one.firings);
    const own = schedules.map((schedule) => [
      schedule,
      nextFirings(schedule, Date.parse(one.after), 6, one.zone).map(minuteText),
    ]);
    expect(Object.fromEntries(own)).toEqual(one.firings);
  });

  // After a change by half an hour the controller's answer depends on where it looks from.
  const whole = answers.filter(({ zone }) => zone !== 'Australia/Lord_Howe');
  it.each(whole)('are the same looked back at, in $zone after $after', ({ zone, after, firings }) => {
    const back = Object.entries(firings).map(([schedule, due]) => {
      const end = Date.parse(due.at(-1) ?? after) + 1;
      return [schedule, lastFirings(schedule, end, due.length, zone).map(minuteText)];
    });
    expect(Object.fromEntries(back)).toEqual(firings);
  });
});
