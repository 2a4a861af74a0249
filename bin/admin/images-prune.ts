/**
 * `images prune`: removes from this machine what an earlier build of the tree left: images that no Dockerfile makes any more, and those whose name
 * has gone to a newer one. Only what carries the label of the tree is looked at, and nothing in a registry: jobs may still run it.
 */

import { splitReference } from '../../src/image-reference.ts';
import { visibleLine } from '../terminal/terminal.ts';
import { type Builder, type HeldImage, isOfFamily } from './images-builder.ts';
import { repositoryOf } from './images-reference.ts';
import type { ImageTree } from './images-tree.ts';

export interface PruneRow {
  readonly id: string;
  readonly reference: string | null;
  readonly became: 'unneeded' | 'removed' | 'not removed';
  readonly why?: string;
}

/** @param really without it they are only listed */
export async function pruneImages(
  tree: ImageTree,
  builder: Builder,
  really: boolean,
  say: (line: string) => void,
): Promise<PruneRow[]> {
  const rows: PruneRow[] = [];
  for (const image of unneeded(tree, await builder.held(tree.family))) {
    const row = { id: image.id, reference: image.reference ?? null };
    rows.push(really ? { ...row, ...(await removed(builder, image, say)) } : { ...row, became: 'unneeded' });
  }
  return rows;
}

/** Named ones first: what they were made of can only go after them. */
export function unneeded({ family, images }: ImageTree, held: readonly HeldImage[]): HeldImage[] {
  const made = new Set([...images.keys()].map((name) => `${family}-${name}`));
  const named = held.filter(
    ({ reference }) =>
      reference !== undefined && isOfFamily(reference, family) && !made.has(repositoryOf(splitReference(reference))),
  );
  const stillNamed = new Set(held.flatMap(({ id, reference }) => (reference === undefined ? [] : [id])));
  return [...named, ...held.filter(({ id, reference }) => reference === undefined && !stillNamed.has(id))];
}

async function removed(
  builder: Builder,
  image: HeldImage,
  say: (line: string) => void,
): Promise<Pick<PruneRow, 'became' | 'why'>> {
  try {
    await builder.remove(image, (line) => say(visibleLine(line)));
    return { became: 'removed' };
  } catch (error) {
    return { became: 'not removed', why: error instanceof Error ? error.message : String(error) };
  }
}

export function pruneText(rows: readonly PruneRow[], really: boolean): string {
  if (rows.length === 0) return 'There is nothing that no Dockerfile makes.';
  const lines = rows.map(({ id, reference, became, why }) =>
    visibleLine(
      `${reference ?? `${id.replace(/^sha256:/, '').slice(0, 12)} (its name is that of a newer one)`}${really ? `: ${became}` : ''}${why ? ` (${why})` : ''}`,
    ),
  );
  return [...lines, ...(really ? [] : ['Nothing was removed. Say --yes to remove these.'])].join('\n');
}
