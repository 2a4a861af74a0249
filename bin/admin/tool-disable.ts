/**
 * `tool disable NAME`: takes the tool's rights in the cluster and at the service, which follows the list of denied tools; everything the tool has stays. `tool add` gives the rights back in the same way.
 */
import type { Tool } from '../../src/domain.ts';
import type { Kube } from '../../src/kube.ts';
import { defaultSettingsMap, type SettingsMap, setDenied } from './tool-denied.ts';
import { requireNamespace } from './tool-known.ts';
import { remove, type Say } from './tool-kube.ts';
import { paths } from './tool-objects.ts';

export interface DisableToolOptions {
  readonly tool: Tool;
  readonly settingsMap?: SettingsMap;
}

/** @throws AppError `tool.not_found`, `kube.*` */
export async function disableTool(
  kube: Kube,
  { tool, settingsMap = defaultSettingsMap }: DisableToolOptions,
  say: Say,
): Promise<void> {
  await requireNamespace(kube, tool);
  const denied = await setDenied(kube, settingsMap, tool, true);
  say(`denied_tools: ${denied ? 'put on the list' : 'on the list already'}; the service follows at once`);
  const unbound = await remove(kube, paths.roleBinding(tool));
  say(`role binding: ${unbound ? 'removed' : 'gone already'}; the cluster refuses what the tool writes`);
}
