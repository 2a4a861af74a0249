/** Numbers that look random and are the same for the same seed, so that a failure can be looked at again. */

export interface SeededRandom {
  /** 0 ≤ n < 1 */
  next(): number;
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  oneOf<T>(choices: readonly [T, ...T[]]): T;
}

/** A linear congruential generator (Knuth, The Art of Computer Programming 3.3.4), of which only the upper bits are used. */
export function createSeededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return { next, between, oneOf: (choices) => choices[between(0, choices.length - 1)] ?? choices[0] };
}
