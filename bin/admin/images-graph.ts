/** A tree of images as text and as a drawing for Graphviz. Pure. */
import { inOrder, usersOf } from './images-order.ts';
import type { ImageTree } from './images-tree.ts';

/**
 * What builds on what, a level for each step; what others than this tree make comes first. An image with several bases is shown below each, and
 * what builds on it below the first only.
 */
export function graphText({ images }: ImageTree): string {
  const users = usersOf(images);
  const lines: string[] = [];
  const shown = new Set<string>();
  const show = (name: string, depth: number): void => {
    const above = users.get(name) ?? [];
    const again = shown.has(name) && above.length > 0;
    lines.push(`${'  '.repeat(depth)}${name}${again ? ' (see above)' : ''}`);
    shown.add(name);
    if (!again) for (const user of above) show(user, depth + 1);
  };
  for (const reference of foreignOf(images)) {
    lines.push(reference);
    for (const { name, foreign } of images.values()) if (foreign.includes(reference)) show(name, 1);
  }
  for (const { name, bases, foreign } of images.values()) if (bases.length + foreign.length === 0) show(name, 0);
  return lines.join('\n');
}

/** In the language `dot`: an arrow from each image to what builds on it. */
export function graphDot({ family, images }: ImageTree): string {
  const lines = [
    ...foreignOf(images).map((reference) => `  ${quoted(reference)} [shape=box, style=dashed];`),
    ...inOrder(images).map((name) => `  ${quoted(name)} [shape=box];`),
    ...[...images.values()].flatMap(({ name, bases, foreign }) =>
      [...foreign, ...bases].map((base) => `  ${quoted(base)} -> ${quoted(name)};`),
    ),
  ];
  return [`digraph ${quoted(family)} {`, '  rankdir=LR;', ...lines, '}'].join('\n');
}

/** For programs. */
export function graphRows({ images }: ImageTree): object[] {
  return inOrder(images).map((name) => {
    const { reference, bases = [], foreign = [] } = images.get(name) ?? {};
    return { name, reference, bases, foreign };
  });
}

function foreignOf(images: ImageTree['images']): string[] {
  return [...new Set([...images.values()].flatMap(({ foreign }) => foreign))].sort();
}

/** Names are checked before and hold neither; this is for who changes that. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
