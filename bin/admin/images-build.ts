/** `images build` and `images rebuild-all`: makes images in the order they build on one another, pushes them, says what became of each. */
import { simpleTable } from '../terminal/table.ts';
import { visibleLine } from '../terminal/terminal.ts';
import type { Builder, Hear } from './images-builder.ts';
import { kinOf, type Made, makeAll } from './images-order.ts';
import type { ImageTree, TreeImage } from './images-tree.ts';

export interface BuildOptions {
  readonly push: boolean;
  /** No layer is taken from an earlier build, and what others make is fetched anew. */
  readonly fromScratch: boolean;
  readonly atOnce: number;
  /** A line of the builder, of which image. */
  say(line: string): void;
}

export interface ImageRow {
  readonly image: string;
  readonly reference: string;
  /** `held back`: built, not pushed, because something it belongs with was not built. */
  readonly became: 'built' | 'pushed' | 'held back' | 'not pushed' | 'failed' | 'skipped';
  /** Of building; absent where it was not tried. */
  readonly seconds?: number;
  readonly why?: string;
}

/**
 * Nothing is pushed of images that build on one another, over however many steps, unless all of them were built: what is in the registry
 * fits together.
 * @param order names of the tree, bases first
 */
export async function buildImages(
  { family, images }: ImageTree,
  order: readonly string[],
  builder: Builder,
  options: BuildOptions,
): Promise<ImageRow[]> {
  const hearOf =
    (name: string): Hear =>
    (line) =>
      options.say(visibleLine(`${name} | ${line}`));
  const fetched = new Map<string, Promise<void>>();
  const fetchOnce = (reference: string, hear: Hear) => {
    const under = fetched.get(reference) ?? builder.pull(reference, options.fromScratch, hear);
    fetched.set(reference, under);
    return under;
  };
  const make = async (image: TreeImage) => {
    const hear = hearOf(image.name);
    for (const reference of image.foreign) await fetchOnce(reference, hear);
    await builder.build(image, { family, fromScratch: options.fromScratch }, hear);
  };
  const made = await makeAll(images, order, { atOnce: options.atOnce, make });
  const kin = kinOf(images, order);
  const rows: ImageRow[] = [];
  for (const name of order) {
    const [image, became] = [images.get(name), made.get(name)];
    if (!image || !became) continue;
    const row = { image: name, reference: image.reference, ...became };
    const missing = [...(kin.get(name) ?? [])].find((one) => made.get(one)?.became !== 'built');
    if (!options.push || became.became !== 'built') rows.push(row);
    else if (missing !== undefined)
      rows.push({ ...row, became: 'held back', why: `${missing} ${wordOf(made.get(missing))}` });
    else rows.push({ ...row, ...(await pushed(builder, image, hearOf(name))) });
  }
  return rows;
}

async function pushed(
  builder: Builder,
  { reference }: TreeImage,
  hear: Hear,
): Promise<Pick<ImageRow, 'became' | 'why'>> {
  try {
    await builder.push(reference, hear);
    return { became: 'pushed' };
  } catch (error) {
    return { became: 'not pushed', why: error instanceof Error ? error.message : String(error) };
  }
}

function wordOf(made: Made | undefined): string {
  return made?.became === 'skipped' ? 'was skipped' : 'failed';
}

/** Whether everything that was asked for was done. */
export function isAllDone(rows: readonly ImageRow[], push: boolean): boolean {
  return rows.every(({ became }) => became === (push ? 'pushed' : 'built'));
}

export function buildText(rows: readonly ImageRow[]): string {
  const table = rows.map(({ image, reference, became, seconds, why }) => [
    image,
    reference,
    became,
    seconds === undefined ? '' : seconds.toFixed(1),
    why ?? '',
  ]);
  return simpleTable(['Image', 'Reference', 'Became', 'Seconds', 'Why'], table);
}
