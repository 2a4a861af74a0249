/** Whether the cluster knows a tool. */
import type { KubeObject, Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import type { Kube } from '../../src/kube.ts';
import { find } from './tool-kube.ts';
import { paths } from './tool-objects.ts';

/** @throws AppError `tool.not_found` */
export async function requireNamespace(kube: Kube, tool: Tool): Promise<KubeObject> {
  const namespace = await find(kube, paths.namespace(tool));
  if (namespace) return namespace;
  throw new AppError(
    'tool.not_found',
    `There is no tool '${tool.name}': the cluster has no namespace ${tool.namespace}.`,
  );
}
