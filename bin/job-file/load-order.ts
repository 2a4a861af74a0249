/** What `after` of the jobs of a file says: whether there can be such an order at all. Pure. */
import { nearest } from '../../src/nearest.ts';
import { didYouMean } from '../terminal/meant-word.ts';
import { nameOf } from './entry-options.ts';
import type { FileEntry, Value } from './yaml-entries.ts';

/** What `after` of an entry names. */
function predecessors({ values, lists }: FileEntry): readonly Value[] {
  const value = values.get('after');
  return lists.get('after') ?? (value ? [value] : []);
}

/**
 * @param all entries of the file, of which only some may be sent
 * @returns what is wrong with `after` of an entry: names of no job, and circles, each told of the first of its jobs
 */
export function problemsOfOrder(entry: FileEntry, all: readonly FileEntry[]): string[] {
  const byName = new Map(all.map((one) => [nameOf(one), one]));
  const names = [...byName.keys()].filter((name) => name !== undefined);
  const unknown = predecessors(entry)
    .filter(({ text }) => text !== '' && !byName.has(text))
    .map(
      ({ text, line }) =>
        `'after' in line ${line} names '${text}', which is no job of the file.${didYouMean(nearest(text, names))}`,
    );
  const circle = circleFrom(entry, byName);
  const isFirst = circle.every(({ entry: other }) => other.number >= entry.number);
  return [...unknown, ...(circle.length > 0 && isFirst ? [circleText(circle)] : [])];
}

interface Step {
  readonly entry: FileEntry;
  readonly after: Value;
}

/** The shortest way from a job back to itself; empty where there is none. */
function circleFrom(start: FileEntry, byName: ReadonlyMap<string | undefined, FileEntry>): readonly Step[] {
  const seen = new Set<FileEntry>();
  let ways: (readonly Step[])[] = [[]];
  while (ways.length > 0) {
    const longer: (readonly Step[])[] = [];
    for (const way of ways) {
      const entry = way.at(-1) ? byName.get(way.at(-1)?.after.text) : start;
      if (!entry || seen.has(entry)) continue;
      seen.add(entry);
      for (const after of predecessors(entry)) {
        const step = [...way, { entry, after }];
        if (byName.get(after.text) === start) return step;
        longer.push(step);
      }
    }
    ways = longer;
  }
  return [];
}

function circleText(circle: readonly Step[]): string {
  const steps = circle.map(({ entry, after }) => `'${nameOf(entry)}' comes after '${after.text}' (line ${after.line})`);
  return `'after' goes in a circle: ${steps.join(', ')}.`;
}
