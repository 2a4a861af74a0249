/** What `after` of the jobs of a file says: whether there can be such an order at all. Pure. */
import { nearest } from '../../src/nearest.ts';
import { didYouMean } from '../terminal/meant-word.ts';
import { nameOf } from './entry-options.ts';
import { type FileEntry, isNothing, type Value } from './yaml-entries.ts';

/** What `after` of an entry names. */
function predecessors({ values, lists }: FileEntry): readonly Value[] {
  const value = values.get('after');
  return lists.get('after') ?? (value && !isNothing(value) ? [value] : []);
}

/**
 * @param all entries of the file, of which only some may be sent
 * @returns what is wrong with `after` of an entry: names of no job, and circles, each told of the first of its jobs
 */
export function problemsOfOrder(entry: FileEntry, all: readonly FileEntry[]): string[] {
  if (predecessors(entry).length === 0) return [];
  const byName = new Map(all.map((one) => [nameOf(one), one]));
  const names = [...byName.keys()].filter((name) => name !== undefined);
  const unknown = predecessors(entry)
    .filter(({ text }) => !byName.has(text))
    .map(
      ({ text, line }) =>
        `'after' in line ${line} names '${text}', which is no job of the file.${didYouMean(nearest(text, names))}`,
    );
  const circle = wayTo(entry, entry, byName, new Set()) ?? [];
  const isFirst = circle.every(({ entry: other }) => other.number >= entry.number);
  return [...unknown, ...(circle.length > 0 && isFirst ? [circleText(circle)] : [])];
}

interface Step {
  readonly entry: FileEntry;
  readonly after: Value;
}

/** From what comes after to what comes first; undefined where no way leads there. */
function wayTo(
  goal: FileEntry,
  from: FileEntry,
  byName: ReadonlyMap<string | undefined, FileEntry>,
  seen: Set<FileEntry>,
): readonly Step[] | undefined {
  for (const after of predecessors(from)) {
    const step = { entry: from, after };
    const next = byName.get(after.text);
    if (next === goal) return [step];
    if (!next || seen.has(next)) continue;
    seen.add(next);
    const rest = wayTo(goal, next, byName, seen);
    if (rest) return [step, ...rest];
  }
  return undefined;
}

function circleText(circle: readonly Step[]): string {
  const steps = circle.map(({ entry, after }) => `'${nameOf(entry)}' comes after '${after.text}' (line ${after.line})`);
  return `'after' goes in a circle: ${steps.join(', ')}.`;
}
