/** `images build|rebuild-all|prune|graph|publish`: the images that jobs run, from their Dockerfiles to the list that users choose from. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { splitReference } from '../../src/image-reference.ts';
import type { Kube } from '../../src/kube.ts';
import { type CommandLine, choiceOf, numberOf, refuseTogether, usage } from '../terminal/arguments.ts';
import { didYouMeanOrHelp, meantWord } from '../terminal/meant-word.ts';
import { visibleText } from '../terminal/terminal.ts';
import { buildImages, buildText, isAllDone } from './images-build.ts';
import { builderNames, createBuilder, findBuilder } from './images-builder.ts';
import { graphDot, graphRows, graphText } from './images-graph.ts';
import { affectedBy, inOrder } from './images-order.ts';
import { pruneImages, pruneText } from './images-prune.ts';
import { type ImageMap, publishImage } from './images-publish.ts';
import { isReference } from './images-reference.ts';
import type { RegistryAccess } from './images-registry.ts';
import { findTree, type ImageTree, readTree } from './images-tree.ts';

export interface ImagesContext {
  readonly line: CommandLine;
  /** Where the images are named. */
  map(): Promise<ImageMap>;
  /** A connection to the cluster, for as long as `use` takes. */
  withKube<T>(use: (kube: Kube) => Promise<T>): Promise<T>;
  /** How a registry is asked. */
  registry(): Promise<RegistryAccess>;
  say(line: string): void;
  print(value: unknown, text: string): void;
}

const tags = ['testing', 'latest'] as const;
const states = ['stable', 'deprecated'] as const;

/** What each verb takes, so that an option that means nothing to it is refused. */
const optionsOf: Readonly<Record<string, readonly string[]>> = {
  build: ['tag', 'push', 'registry', 'prefix', 'builder', 'at-once', 'quiet'],
  'rebuild-all': ['tag', 'push', 'registry', 'prefix', 'builder', 'at-once', 'quiet'],
  prune: ['registry', 'prefix', 'builder', 'yes', 'quiet'],
  graph: ['registry', 'prefix', 'tag', 'dot'],
  publish: ['state', 'aliases', 'ca', 'config', 'kubeconfig'],
};

/**
 * @returns whether all that was asked for was done
 * @throws AppError `usage.invalid`, `image_tree.invalid`, `builder.unavailable`, and those of publish
 */
export async function runImages(context: ImagesContext): Promise<boolean> {
  const { line } = context;
  const [verb = '', first, second] = line.operands;
  const known = Object.hasOwn(optionsOf, verb) ? optionsOf[verb] : undefined;
  if (!known) throw usage(`There is no 'images ${verb}'.${didYouMeanOrHelp(meantWord(verb, Object.keys(optionsOf)))}`);
  const other = [...line.options.keys()].find((key) => key !== 'output' && !known.includes(key));
  if (other !== undefined) throw usage(`'images ${verb}' has no option '--${other}'.`);
  if (verb === 'publish') return publish(context, first, second);
  if (second !== undefined)
    throw usage(`'images ${verb}' takes one path; it does not know what to do with '${second}'.`);
  if (verb === 'graph') return graph(context, first ?? '.');
  if (verb === 'prune') return prune(context, first ?? '.');
  if (verb === 'rebuild-all') return build(context, await treeOf(line, first ?? '.', 'latest'), undefined);
  if (first === undefined) throw usage("'images build' needs the directory of an image, or of a tree of them.");
  return build(context, await treeOf(line, first, 'testing'), first);
}

async function treeOf(line: CommandLine, path: string, usualTag: (typeof tags)[number]): Promise<ImageTree> {
  const { options } = line;
  const tag = choiceOf(line, 'tag', tags) ?? usualTag;
  return readTree(await findTree(path), { tag, registry: options.get('registry'), prefix: options.get('prefix') });
}

/** @param path undefined: everything, from scratch */
async function build({ line, say, print }: ImagesContext, tree: ImageTree, path: string | undefined): Promise<boolean> {
  const push = line.options.has('push');
  if (push && tree.family.startsWith('localhost/'))
    throw usage('Say where to push to: --registry HOST, or `registry` in the images.yaml of the tree.');
  const atOnce = numberOf(line, 'at-once', 1, 64) ?? Math.min(4, availableParallelism());
  const builder = createBuilder(findBuilder(choiceOf(line, 'builder', builderNames)));
  const order = path === undefined ? inOrder(tree.images) : affectedBy(tree.images, imagesAt(tree, path));
  const rows = await buildImages(tree, order, builder, { push, fromScratch: path === undefined, atOnce, say });
  print(rows, buildText(rows));
  return isAllDone(rows, push);
}

/** The image of a directory, or all below it. */
function imagesAt({ images }: ImageTree, path: string): string[] {
  const all = [...images.values()];
  const exact = all.filter(({ directory }) => resolve(directory) === resolve(path));
  const below = all.filter(({ directory }) => resolve(directory).startsWith(`${resolve(path)}/`));
  const names = (exact.length > 0 ? exact : below).map(({ name }) => name);
  if (names.length === 0) throw usage(`No directory at or below ${path} has a Dockerfile.`);
  return names;
}

async function prune({ line, say, print }: ImagesContext, path: string): Promise<boolean> {
  const really = line.options.has('yes');
  const tree = await treeOf(line, path, 'testing');
  const rows = await pruneImages(
    tree,
    createBuilder(findBuilder(choiceOf(line, 'builder', builderNames))),
    really,
    say,
  );
  print(rows, pruneText(rows, really));
  return rows.every(({ became }) => became !== 'not removed');
}

async function graph({ line, print }: ImagesContext, path: string): Promise<boolean> {
  refuseTogether(line, 'output', 'dot');
  const tree = await treeOf(line, path, 'testing');
  print(graphRows(tree), line.options.has('dot') ? graphDot(tree) : graphText(tree));
  return true;
}

async function publish(
  context: ImagesContext,
  name: string | undefined,
  address: string | undefined,
): Promise<boolean> {
  const { line, print } = context;
  if (name === undefined || address === undefined)
    throw usage(
      "'images publish' needs what users call the image, and its address: images publish python3.11 registry.example.org/toolforge-python311",
    );
  if (!isReference(address) || splitReference(address).host === undefined)
    throw usage(`'${address}' is no address of an image, such as registry.example.org/toolforge-python311:latest.`);
  const state = choiceOf(line, 'state', states);
  const aliases = line.options
    .get('aliases')
    ?.split(',')
    .filter((alias) => alias !== '');
  const [map, registry] = [await context.map(), await context.registry()];
  const done = await context.withKube((kube) => publishImage(kube, map, { name, address, state, aliases }, registry));
  const where = `${map.namespace}/${map.name}`;
  const words = done.changed
    ? `'${name}' stands for ${address} in ${where} from now on; the service offers it within seconds.`
    : `'${name}' stands for ${address} in ${where} already.`;
  const caution = done.isPublic ? '' : ' Its registry wants credentials: jobs run it where the nodes have some, too.';
  print(done, visibleText(`${words}${caution}`));
  return true;
}
