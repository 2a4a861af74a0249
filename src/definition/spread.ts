/**
 * The numbers that spread `@daily` and its like over the day: always the same for the same tool and job, and the same that earlier
 * services drew, so that a job keeps its time. They used CPython's generator seeded with a text: MT19937, `init_by_array`, the top bits
 * of each output (docs.python.org, "random"; M. Matsumoto and T. Nishimura, "Mersenne Twister", 1998).
 */
import { createHash } from 'node:crypto';

const size = 624;
const shift = 397;

/** @returns a function that draws a whole number from `min` to `max`, both included (a span of at most 2^31) */
export function createDraw(seed: string): (min: number, max: number) => number {
  const nextWord = createTwister(keyOf(seed));
  return (min, max) => {
    const width = max - min + 1;
    const bits = 32 - Math.clz32(width);
    let drawn: number;
    do drawn = nextWord() >>> (32 - bits);
    while (drawn >= width);
    return min + drawn;
  };
}

/** The seed and its SHA-512 as one big-endian number, cut into 32-bit words, the least significant first. */
function keyOf(seed: string): number[] {
  const text = Buffer.from(seed, 'utf8');
  const bytes = Buffer.concat([text, createHash('sha512').update(text).digest()]);
  const padded = Buffer.concat([Buffer.alloc((4 - (bytes.length % 4)) % 4), bytes]);
  const words: number[] = [];
  for (let at = padded.length - 4; at >= 0; at -= 4) words.push(padded.readUInt32BE(at));
  while (words.length > 1 && words.at(-1) === 0) words.pop();
  return words;
}

function createTwister(key: readonly number[]): () => number {
  const state = seedByArray(key);
  let position = size;
  return () => {
    if (position === size) {
      twist(state);
      position = 0;
    }
    return temper(word(state, position++));
  };
}

function word(words: ArrayLike<number>, index: number): number {
  return words[index] ?? 0;
}

function mixed(previous: number): number {
  return previous ^ (previous >>> 30);
}

function seedByArray(key: readonly number[]): Uint32Array {
  const state = new Uint32Array(size);
  state[0] = 19_650_218;
  for (let at = 1; at < size; at += 1) state[at] = Math.imul(1_812_433_253, mixed(word(state, at - 1))) + at;
  let at = 1;
  const step = () => {
    at += 1;
    if (at < size) return;
    state[0] = word(state, size - 1);
    at = 1;
  };
  for (let round = 0; round < Math.max(size, key.length); round += 1) {
    const place = round % key.length;
    state[at] = (word(state, at) ^ Math.imul(mixed(word(state, at - 1)), 1_664_525)) + word(key, place) + place;
    step();
  }
  for (let round = 1; round < size; round += 1) {
    state[at] = (word(state, at) ^ Math.imul(mixed(word(state, at - 1)), 1_566_083_941)) - at;
    step();
  }
  state[0] = 0x80000000;
  return state;
}

function twist(state: Uint32Array): void {
  for (let at = 0; at < size; at += 1) {
    const joined = (word(state, at) & 0x80000000) | (word(state, (at + 1) % size) & 0x7fffffff);
    state[at] = word(state, (at + shift) % size) ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
  }
}

function temper(raw: number): number {
  let value = raw;
  value ^= value >>> 11;
  value ^= (value << 7) & 0x9d2c5680;
  value ^= (value << 15) & 0xefc60000;
  return (value ^ (value >>> 18)) >>> 0;
}
