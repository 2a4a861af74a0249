/** What somebody meant who typed a command or an option that does not exist, and how that is said. */
import { nearest } from '../../src/nearest.ts';

/** Words that other programs, earlier releases and the wire have for ours; the first one that is known here is meant. */
const otherWords: ReadonlyMap<string, readonly string[]> = new Map([
  ['ls', ['list']],
  ['rm', ['delete', 'remove']],
  ['remove', ['delete']],
  ['delete', ['remove']],
  ['create', ['run', 'add']],
  ['start', ['run']],
  ['memory', ['mem']],
  ['cmd', ['command']],
  ['image-name', ['image']],
  ['imagename', ['image']],
  ['json', ['output']],
]);

/**
 * @param typed without dashes
 * @returns the known word that `typed` is another word for, the beginning of, or a slip away from
 */
export function meantWord(typed: string, known: readonly string[]): string | undefined {
  if (typed === '') return undefined;
  const same = otherWords.get(typed)?.find((word) => known.includes(word));
  return same ?? known.find((word) => word.startsWith(typed)) ?? nearest(typed, known);
}

/** ` Did you mean 'x'?`, or nothing. */
export function didYouMean(meant: string | undefined): string {
  return meant ? ` Did you mean '${meant}'?` : '';
}

/** The same; without a word that was meant, where all are listed. */
export function didYouMeanOrHelp(meant: string | undefined): string {
  return didYouMean(meant) || ' --help shows all there are.';
}
