/** `tool remove NAME`: deletes the namespace and all that runs in it; with `deleteHome` the home as well. There is no way back. */
import type { Tool } from '../../src/domain.ts';
import type { Kube } from '../../src/kube.ts';
import { removeHome } from './tool-home.ts';
import { find, remove, type Say, waitFor } from './tool-kube.ts';
import { paths } from './tool-objects.ts';

export interface RemoveToolOptions {
  readonly tool: Tool;
  readonly homesBase: string;
  readonly deleteHome?: boolean;
  /** How long to wait for the namespace to be gone; 120,000 by default, 0 = not at all. */
  readonly waitMs?: number;
}

/** @throws AppError `kube.*`, `home.refused` */
export async function removeTool(kube: Kube, options: RemoveToolOptions, say: Say): Promise<void> {
  const { tool, homesBase, deleteHome = false, waitMs = 120_000 } = options;
  const path = paths.namespace(tool);
  const removed = await remove(kube, path);
  if (removed && waitMs > 0) {
    say(`namespace ${tool.namespace}: being deleted`);
    await waitFor(
      async () => ((await find(kube, path)) ? undefined : true),
      `namespace ${tool.namespace} to be deleted`,
      waitMs,
    );
  }
  say(`namespace ${tool.namespace}: ${removed ? 'deleted' : 'gone already'}`);
  // Last, so that nothing of the tool runs any more that could write there.
  if (deleteHome) say(`home ${homesBase}/${tool.name}: ${removeHome(homesBase, tool) ? 'deleted' : 'gone already'}`);
  else say(`home ${homesBase}/${tool.name}: left alone`);
}
