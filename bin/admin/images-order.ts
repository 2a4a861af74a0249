/** Which images of a tree belong together, and in which order they are made. Knows no builder. Pure but for the work it is given. */
import type { TreeImage } from './images-tree.ts';

type Images = ReadonlyMap<string, TreeImage>;

/**
 * The images asked for, all that build on them, and whatever any of these builds on: nothing is made of a base that is older than its Dockerfile.
 * @returns names, bases before what builds on them, otherwise in byte order
 */
export function affectedBy(images: Images, asked: Iterable<string>): string[] {
  const users = usersOf(images);
  const above = closure(asked, (name) => users.get(name) ?? []);
  const whole = closure(above, (name) => images.get(name)?.bases ?? []);
  return inOrder(images).filter((name) => whole.has(name));
}

/** All images of a tree without cycles. */
export function inOrder(images: Images): string[] {
  const order = new Set<string>();
  const add = (name: string): void => {
    if (order.has(name)) return;
    for (const base of images.get(name)?.bases ?? []) add(base);
    order.add(name);
  };
  for (const name of [...images.keys()].sort()) add(name);
  return [...order];
}

/** What builds on each image, directly. */
export function usersOf(images: Images): ReadonlyMap<string, readonly string[]> {
  const users = new Map<string, string[]>();
  for (const { name, bases } of images.values())
    for (const base of bases) users.set(base, [...(users.get(base) ?? []), name]);
  return users;
}

/** For each of the names, all that are tied to it over any number of bases among them, itself included. */
export function kinOf(images: Images, names: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const users = usersOf(images);
  const chosen = new Set(names);
  const next = (name: string) =>
    [...(images.get(name)?.bases ?? []), ...(users.get(name) ?? [])].filter((one) => chosen.has(one));
  const kin = new Map<string, ReadonlySet<string>>();
  for (const name of names) {
    if (kin.has(name)) continue;
    const together = closure([name], next);
    for (const one of together) kin.set(one, together);
  }
  return kin;
}

/** What became of one image. */
export type Made =
  | { readonly became: 'built'; readonly seconds: number }
  | { readonly became: 'failed'; readonly seconds: number; readonly why: string }
  | { readonly became: 'skipped'; readonly why: string };

export interface Work {
  /** At most so many at once. */
  readonly atOnce: number;
  /** Rejects with what is wrong in its message. */
  make(image: TreeImage): Promise<void>;
}

/**
 * Makes each image as soon as its bases are made. What builds on one that failed is skipped; everything else goes on.
 * @param order names, bases first
 */
export async function makeAll(
  images: Images,
  order: readonly string[],
  { atOnce, make }: Work,
): Promise<ReadonlyMap<string, Made>> {
  const slots = createSlots(atOnce);
  const under = new Map<string, Promise<Made>>();
  const one = async (image: TreeImage): Promise<Made> => {
    for (const base of image.bases) {
      const made = await under.get(base);
      if (made && made.became !== 'built')
        return { became: 'skipped', why: `${base} ${made.became === 'failed' ? 'failed' : 'was skipped'}` };
    }
    return slots(async () => {
      const start = performance.now();
      const seconds = () => Math.round((performance.now() - start) / 100) / 10;
      try {
        await make(image);
        return { became: 'built', seconds: seconds() };
      } catch (error) {
        return { became: 'failed', seconds: seconds(), why: error instanceof Error ? error.message : String(error) };
      }
    });
  };
  for (const name of order) {
    const image = images.get(name);
    if (image) under.set(name, one(image));
  }
  const made = new Map<string, Made>();
  for (const [name, promise] of under) made.set(name, await promise);
  return made;
}

function createSlots(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}

function closure(from: Iterable<string>, next: (name: string) => readonly string[]): ReadonlySet<string> {
  const seen = new Set(from);
  for (const name of seen) for (const one of next(name)) seen.add(one);
  return seen;
}
