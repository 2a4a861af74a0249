/** `tool list` and `tool show NAME`: what the cluster and the homes say about tools. Changes nothing. */
import type { Authorities } from '../../src/authorities.ts';
import { type KubeObject, Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import type { Kube } from '../../src/kube.ts';
import { defaultSettingsMap, deniedTools, type SettingsMap } from './tool-denied.ts';
import { requireNamespace } from './tool-known.ts';
import { find, listAll, nameOf, namespaceNameOf } from './tool-kube.ts';
import { isToolBinding, paths, tenantSelector } from './tool-objects.ts';
import { clientAuthorities, lookAtPair } from './tool-pair.ts';

export interface ToolsOptions {
  readonly homesBase: string;
  readonly ca: string;
  readonly settingsMap?: SettingsMap;
}

export interface ToolReport {
  readonly name: string;
  readonly namespace: string;
  /** `disabled`: no role binding, or on the list of denied tools. `ending`: its namespace is being deleted. */
  readonly state: 'active' | 'disabled' | 'ending';
  /** ISO 8601; absent where there is no good certificate, and then `certificateProblem` says why. */
  readonly certificateEnds?: string;
  readonly certificateProblem?: string;
  /** By resource: what is used and what there may be. Empty where there is no quota. */
  readonly quota: Readonly<Record<string, { readonly used: string; readonly hard: string }>>;
}

interface View {
  readonly bound: boolean;
  readonly denied: boolean;
  readonly quota: KubeObject | undefined;
}

/** @throws AppError `kube.*` */
export async function listTools(
  kube: Kube,
  { homesBase, ca, settingsMap = defaultSettingsMap }: ToolsOptions,
): Promise<ToolReport[]> {
  const [namespaces, bindings, quotas, denied, authorities] = await Promise.all([
    listAll(kube, paths.namespaces, { labelSelector: tenantSelector }),
    listAll(kube, paths.roleBindings),
    listAll(kube, paths.resourceQuotas),
    deniedTools(kube, settingsMap),
    clientAuthorities(kube, ca),
  ]);
  const bound = new Set(bindings.filter(isToolBinding).map(namespaceNameOf));
  const quotaOf = new Map(
    quotas.filter((quota) => nameOf(quota) === namespaceNameOf(quota)).map((quota) => [nameOf(quota), quota]),
  );
  return namespaces.flatMap((namespace) => {
    const tool = toolOf(nameOf(namespace));
    if (!tool) return [];
    const view = {
      bound: bound.has(tool.namespace),
      denied: denied.includes(tool.name),
      quota: quotaOf.get(tool.namespace),
    };
    return [report(tool, namespace, view, homesBase, authorities)];
  });
}

/** @throws AppError `tool.not_found`, `kube.*` */
export async function showTool(
  kube: Kube,
  tool: Tool,
  { homesBase, ca, settingsMap = defaultSettingsMap }: ToolsOptions,
): Promise<ToolReport> {
  const namespace = await requireNamespace(kube, tool);
  const [binding, quota, denied, authorities] = await Promise.all([
    find(kube, paths.roleBinding(tool)),
    find(kube, paths.resourceQuota(tool)),
    deniedTools(kube, settingsMap),
    clientAuthorities(kube, ca),
  ]);
  const view = { bound: binding !== undefined, denied: denied.includes(tool.name), quota };
  return report(tool, namespace, view, homesBase, authorities);
}

/** A namespace somebody labelled by hand may have any name. */
function toolOf(namespace: string): Tool | undefined {
  try {
    return namespace.startsWith('tool-') ? Tool.of(namespace.slice('tool-'.length)) : undefined;
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

function report(
  tool: Tool,
  namespace: KubeObject,
  view: View,
  homesBase: string,
  authorities: Authorities,
): ToolReport {
  const ending = (namespace.metadata as { deletionTimestamp?: unknown } | undefined)?.deletionTimestamp !== undefined;
  const { ends, problem } = lookAtPair(homesBase, tool, authorities);
  return {
    name: tool.name,
    namespace: tool.namespace,
    state: ending ? 'ending' : view.bound && !view.denied ? 'active' : 'disabled',
    ...(ends === undefined
      ? { certificateProblem: problem ?? 'unknown' }
      : { certificateEnds: new Date(ends).toISOString() }),
    quota: quotaTable(view.quota),
  };
}

function quotaTable(quota: KubeObject | undefined): ToolReport['quota'] {
  const status = (quota?.status ?? {}) as { hard?: Record<string, string>; used?: Record<string, string> };
  const spec = (quota?.spec ?? {}) as { hard?: Record<string, string> };
  const hard = status.hard ?? spec.hard ?? {};
  return Object.fromEntries(
    Object.entries(hard).map(([name, most]) => [name, { used: status.used?.[name] ?? '?', hard: most }]),
  );
}
