/**
 * `tool add NAME`: everything the cluster's account manager makes for a tool, made or brought up to date. Can be repeated at any time;
 * what an operator changed (quota, limits) is kept. Also for tests and the demo, which call addTool() themselves.
 */
import type { Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import type { Kube } from '../../src/kube.ts';
import { issueCertificate } from './tool-certificate.ts';
import { defaultSettingsMap, type SettingsMap, setDenied } from './tool-denied.ts';
import { makeHome, type Owner, writeHomeFiles } from './tool-home.ts';
import { apply, find, remove, type Say, waitFor } from './tool-kube.ts';
import { toolKubeconfig } from './tool-kubeconfig.ts';
import { limitRangeOf, namespaceOf, paths, resourceQuotaOf, roleBindingOf, roleOf } from './tool-objects.ts';
import { clientAuthorities, lookAtPair } from './tool-pair.ts';

export interface AddToolOptions {
  readonly tool: Tool;
  /** Where the homes are on this machine. */
  readonly homesBase: string;
  /** Where the tool's people see them; same as homesBase by default. */
  readonly homesMount?: string;
  /** Owner of a new home; chosen from the name by default. */
  readonly uid?: number;
  /** The API server as it is written into the tool's kubeconfig, and the PEM that verifies it. */
  readonly server: string;
  readonly ca: string;
  /** Life of a new certificate; 365 by default. */
  readonly days?: number;
  /** A new certificate even though the old one is good. */
  readonly renew?: boolean;
  readonly settingsMap?: SettingsMap;
}

export interface AddedTool {
  readonly name: string;
  readonly namespace: string;
  readonly home: string;
  readonly uid: number;
  readonly gid: number;
  readonly certificateEnds: string;
  /** Whether this call issued the certificate. */
  readonly certificateNew: boolean;
}

export const defaultDays = 365;
/** A certificate that ends within so many days is renewed. */
export const defaultWithinDays = 30;
const namespaceGoneMs = 120_000;

/** @throws AppError `home.refused`, `kube.*` */
export async function addTool(kube: Kube, options: AddToolOptions, say: Say): Promise<AddedTool> {
  const { tool, homesBase } = options;
  const { owner, made } = makeHome(homesBase, tool, options.uid);
  say(`home ${homesBase}/${tool.name}: ${made ? 'made' : 'there'}, owner ${owner.uid}:${owner.gid}`);
  await addObjects(kube, tool, say);
  if (await setDenied(kube, options.settingsMap ?? defaultSettingsMap, tool, false))
    say('denied_tools: taken off the list');
  return {
    ...(await addCertificate(kube, options, owner, say)),
    name: tool.name,
    namespace: tool.namespace,
    home: `${homesBase}/${tool.name}`,
    ...owner,
  };
}

async function addObjects(kube: Kube, tool: Tool, say: Say): Promise<void> {
  await waitUntilNotEnding(kube, tool, say);
  await apply(kube, paths.namespace(tool), namespaceOf(tool));
  say(`namespace ${tool.namespace}: there`);
  await apply(kube, paths.role(tool), roleOf(tool));
  await addRoleBinding(kube, tool);
  say(`role and binding for user ${tool.name}: there`);
  for (const [what, path, object] of [
    ['quota', paths.resourceQuota(tool), resourceQuotaOf(tool)],
    ['limits', paths.limitRange(tool), limitRangeOf(tool)],
  ] as const) {
    const kept = (await find(kube, path)) !== undefined;
    if (!kept) await apply(kube, path, object);
    say(`${what}: ${kept ? 'kept as they are' : 'made with the defaults'}`);
  }
}

async function waitUntilNotEnding(kube: Kube, tool: Tool, say: Say): Promise<void> {
  const isEnding = async () => {
    const namespace = await find(kube, paths.namespace(tool));
    return (namespace?.metadata as { deletionTimestamp?: unknown } | undefined)?.deletionTimestamp !== undefined;
  };
  if (!(await isEnding())) return;
  say(`namespace ${tool.namespace}: still being deleted, waiting`);
  await waitFor(
    async () => ((await isEnding()) ? undefined : true),
    `namespace ${tool.namespace} to be deleted`,
    namespaceGoneMs,
  );
}

/** The role a binding names cannot be changed: one that names another is replaced. */
async function addRoleBinding(kube: Kube, tool: Tool): Promise<void> {
  const path = paths.roleBinding(tool);
  const wanted = roleBindingOf(tool);
  const current = await find(kube, path);
  const nameOfRole = (object: typeof current) => (object?.roleRef as { name?: unknown } | undefined)?.name;
  if (current && nameOfRole(current) !== nameOfRole(wanted)) await remove(kube, path);
  await apply(kube, path, wanted);
}

async function addCertificate(
  kube: Kube,
  options: AddToolOptions,
  owner: Owner,
  say: Say,
): Promise<Pick<AddedTool, 'certificateEnds' | 'certificateNew'>> {
  const { tool, homesBase, homesMount = homesBase } = options;
  const authorities = await clientAuthorities(kube, options.ca);
  const look = () => lookAtPair(homesBase, tool, authorities);
  const current = look();
  const isGood = current.ends !== undefined && current.ends - Date.now() >= defaultWithinDays * 86_400_000;
  const issue = !isGood || options.renew === true;
  // One place for both views of a home: relative paths work wherever it is seen.
  const home = homesMount === homesBase ? `${homesBase}/${tool.name}` : '..';
  const kubeconfig = toolKubeconfig({ tool, server: options.server, ca: options.ca, home });
  const pair = issue ? await issueCertificate(kube, tool, options.days ?? defaultDays) : undefined;
  writeHomeFiles(homesBase, tool, { ...(pair ? { pair } : {}), kubeconfig });
  const { ends, problem } = issue ? look() : current;
  if (ends === undefined)
    throw new AppError('credentials.invalid', `The new certificate of '${tool.name}' is not good: ${problem}`);
  const certificateEnds = new Date(ends).toISOString();
  const why = current.ends === undefined ? current.problem : isGood ? 'as asked' : 'less than a month left';
  say(`certificate: ${issue ? `issued (${why})` : 'kept'}, good until ${certificateEnds.slice(0, 10)}`);
  say(`kubeconfig: written, owner ${owner.uid}:${owner.gid}`);
  return { certificateEnds, certificateNew: issue };
}
