/**
 * `adopt --dry-run`: the jobs that a cluster has already, made by this service or by those before it; which of them are understood, and what
 * will become of them. There is no other form of it: the daemon takes them as they are from its first minute, and changes none by itself.
 */

import { annotationNames, managedBySelector, selectorOf, selectorTextOf } from '../../src/definition/labels.ts';
import { fromKubeObject } from '../../src/definition/manifests.ts';
import { type KubeObject, Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { recordAt, textAt } from '../../src/fields.ts';
import { type ImageList, parseImageConfig } from '../../src/images.ts';
import type { Kube } from '../../src/kube.ts';
import type { Startup } from '../../src/settings.ts';
import { simpleTable } from '../terminal/table.ts';
import { find, listAll, nameOf, namespaceNameOf } from './tool-kube.ts';
import { paths } from './tool-objects.ts';

export interface Adoptable {
  /** '' where the namespace is no tool's. */
  readonly tool: string;
  readonly name: string;
  readonly kind: 'Job' | 'CronJob' | 'Deployment';
  readonly made_by: 'this service' | 'an earlier one';
  readonly understood: boolean;
  /** Why not; where it is understood, what its owner's next change does to it. */
  readonly remark: string;
}

const kinds = [
  ['Job', '/apis/batch/v1/jobs'],
  ['CronJob', '/apis/batch/v1/cronjobs'],
  ['Deployment', '/apis/apps/v1/deployments'],
] as const;

export interface AdoptOptions {
  readonly images: Startup['configmaps']['images'];
  readonly homesMount: string;
  /** Of this one only. */
  readonly tool?: Tool | undefined;
}

/** @throws AppError `settings.invalid` where the list of images cannot be used, `kube.*` */
export async function listAdoptable(kube: Kube, options: AdoptOptions): Promise<Adoptable[]> {
  const images = await readImages(kube, options.images);
  const found: Adoptable[] = [];
  for (const [kind, path] of kinds) {
    const objects = await listAll(kube, path, { labelSelector: managedBySelector });
    for (const object of objects) {
      if (kind === 'Job' && isOfSchedule(object)) continue;
      found.push(adoptable({ ...object, kind }, kind, { images, homesMount: options.homesMount }));
    }
  }
  const wanted = found.filter(({ tool }) => options.tool === undefined || tool === options.tool.name);
  return wanted.sort((one, other) => one.tool.localeCompare(other.tool) || one.name.localeCompare(other.name));
}

/** A run of a CronJob is no job of its own. */
function isOfSchedule(job: KubeObject): boolean {
  const owners = recordAt(job, 'metadata').ownerReferences;
  return Array.isArray(owners) && owners.some((owner) => textAt(owner, 'kind') === 'CronJob');
}

function adoptable(
  object: KubeObject,
  kind: Adoptable['kind'],
  context: { readonly images: ImageList; readonly homesMount: string },
): Adoptable {
  const made = textAt(object, 'metadata', 'annotations', annotationNames.definition) === undefined;
  const tool = Tool.ofNamespace(namespaceNameOf(object));
  const read = fromKubeObject(object, context);
  const common = {
    tool: tool?.name ?? '',
    name: nameOf(object),
    kind,
    made_by: made ? ('an earlier one' as const) : ('this service' as const),
  };
  if ('foreign' in read) return { ...common, understood: false, remark: read.foreign };
  if (!tool) return { ...common, understood: false, remark: 'Its namespace is not that of a tool.' };
  const isNewSelector =
    kind !== 'Deployment' ||
    selectorTextOf(object) === JSON.stringify(Object.entries(selectorOf(read.job, tool)).sort());
  if (!isNewSelector)
    return { ...common, understood: true, remark: 'Its next change makes a new object, which takes over what runs.' };
  return { ...common, understood: true, remark: made ? 'Its next change writes its definition beside it.' : '' };
}

async function readImages(kube: Kube, map: AdoptOptions['images']): Promise<ImageList> {
  const { namespace, name, key } = map;
  const text = textAt(await find(kube, paths.configMap(map)), 'data', key);
  if (text === undefined)
    throw new AppError('settings.invalid', `There is no ConfigMap ${namespace}/${name} with a key ${key}.`);
  return parseImageConfig(text);
}

/** @param tool whose they are; undefined: of all */
export function adoptText(found: readonly Adoptable[], tool?: Tool): string {
  if (found.length === 0) return tool ? `'${tool.name}' has no jobs.` : 'There are no jobs in the cluster.';
  const rows = found.map((each) => [
    each.tool,
    each.name,
    each.kind,
    each.made_by,
    each.understood ? 'yes' : 'no',
    each.remark,
  ]);
  const count = (is: (each: Adoptable) => boolean) => found.filter(is).length;
  const strange = count(({ understood }) => !understood);
  return [
    simpleTable(['Tool', 'Job', 'Kind', 'Made by', 'Understood', ''], rows),
    '',
    `${found.length} jobs, ${count(({ made_by }) => made_by === 'an earlier one')} of them made by an earlier service. None is changed by moving in.`,
    ...(strange > 0
      ? [`${strange} are not understood: they are listed without their definition, and left alone.`]
      : []),
  ].join('\n');
}
