/** Near misses: the known word somebody probably meant. Used for image names and for keys of a job. */

/** Longer texts are no typing mistakes, and the comparison costs the product of both lengths. */
const maxLength = 64;

/**
 * @returns the closest of `known` within a third of its length (1 to 3 changes; two letters that changed places are one), the first of
 * equals, or undefined
 * @example nearest('memroy', ['memory', 'retry']) -> 'memory'
 */
export function nearest(text: string, known: Iterable<string>): string | undefined {
  if (text === '' || text.length > maxLength) return undefined;
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const word of known) {
    const limit = Math.min(3, Math.max(1, Math.floor(word.length / 3)));
    if (Math.abs(word.length - text.length) > limit) continue;
    const changes = countChanges(text.toLowerCase(), word.toLowerCase());
    if (changes <= limit && changes < least) [best, least] = [word, changes];
  }
  return best;
}

/** Optimal string alignment: letters added, dropped, replaced, or swapped with their neighbour. */
function countChanges(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const here = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      here[column] = Math.min(
        (last[column] ?? 0) + 1,
        (here[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [beforeLast, last] = [last, here];
  }
  return last[to.length] ?? 0;
}
