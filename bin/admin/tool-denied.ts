/** The list of tools that may not use the service: the key `denied_tools` of the settings ConfigMap, which the daemon follows. */
import type { KubeObject, Tool } from '../../src/domain.ts';
import { type Kube, kubeStatusOf } from '../../src/kube.ts';
import { startupDefaults } from '../../src/settings.ts';
import { find } from './tool-kube.ts';
import { fieldManager, paths } from './tool-objects.ts';

export interface SettingsMap {
  readonly namespace: string;
  readonly name: string;
}

export const defaultSettingsMap: SettingsMap = startupDefaults.settingsMap;

const key = 'denied_tools';
const writeTries = 5;

export async function deniedTools(kube: Kube, map: SettingsMap): Promise<string[]> {
  return namesIn(await find(kube, paths.configMap(map)));
}

/** Puts the tool on the list or takes it off; other keys stay as they are. @returns whether anything changed */
export async function setDenied(kube: Kube, map: SettingsMap, tool: Tool, denied: boolean): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const current = await find(kube, paths.configMap(map));
    const names = namesIn(current);
    if (names.includes(tool.name) === denied) return false;
    const next = denied ? [...names, tool.name] : names.filter((name) => name !== tool.name);
    try {
      await (current ? patch(kube, map, current, next) : create(kube, map, next));
      return true;
    } catch (error) {
      // Somebody else wrote in between: look again.
      if (attempt === writeTries || kubeStatusOf(error)?.statusCode !== 409) throw error;
    }
  }
}

async function patch(kube: Kube, map: SettingsMap, current: KubeObject, names: string[]): Promise<void> {
  const { resourceVersion } = current.metadata as { resourceVersion: string };
  const body = { metadata: { resourceVersion }, data: { [key]: names.join(',') } };
  const query = { fieldManager };
  await kube.request({
    method: 'PATCH',
    path: paths.configMap(map),
    query,
    contentType: 'application/merge-patch+json',
    body,
  });
}

async function create(kube: Kube, { namespace, name }: SettingsMap, names: string[]): Promise<void> {
  if (!(await find(kube, `${paths.namespaces}/${encodeURIComponent(namespace)}`))) {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await kube.request({ method: 'POST', path: paths.namespaces, query: { fieldManager }, body });
  }
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { [key]: names.join(',') } };
  const path = `${paths.namespaces}/${encodeURIComponent(namespace)}/configmaps`;
  await kube.request({ method: 'POST', path, query: { fieldManager }, body });
}

function namesIn(map: KubeObject | undefined): string[] {
  const text = (map?.data as Record<string, unknown> | undefined)?.[key];
  return typeof text === 'string' ? text.split(/[\s,]+/).filter((name) => name !== '') : [];
}
