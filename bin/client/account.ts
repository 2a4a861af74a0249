/**
 * As whom a command speaks: the tool and its client certificate, from the user's own kubeconfig. Taking a path from a kubeconfig is safe
 * here and only here, because the command runs as that user and can open nothing the user cannot.
 */
import { dirname, resolve } from 'node:path';
import {
  type Fields,
  invalidConfig,
  isFields,
  readConfigFile,
  readNeededFile,
  sectionOf,
  textOf,
} from './config-file.ts';

export interface Account {
  readonly tool: string;
  readonly namespace: string;
  /** PEM. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** PEM of the authority the kubeconfig trusts. */
  readonly ca: Buffer | undefined;
}

/** @throws AppError `settings.invalid` where the file is missing, is not that of a tool, or has no certificate */
export async function readAccount(kubeconfig: string): Promise<Account> {
  const config = await readConfigFile(kubeconfig);
  if (!config) throw notATool(`There is no ${kubeconfig}.`);
  const context = namedIn(config, 'contexts', textOf(config, 'current-context'), 'context');
  const user = namedIn(config, 'users', textOf(context, 'user'), 'user');
  const cluster = namedIn(config, 'clusters', textOf(context, 'cluster'), 'cluster');
  const namespace = textOf(context, 'namespace') ?? '';
  const [, tool] = /^tool-([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)$/.exec(namespace) ?? [];
  if (tool === undefined) throw notATool(`${kubeconfig} is not that of a tool.`);
  const cert = readPem(user, 'client-certificate', kubeconfig);
  const key = readPem(user, 'client-key', kubeconfig);
  if (!cert || !key) throw invalidConfig(`${kubeconfig} names no client certificate with its key.`);
  return { tool, namespace, cert, key, ca: readPem(cluster, 'certificate-authority', kubeconfig) };
}

/** The entry with this name in one of a kubeconfig's lists; empty where there is none. */
function namedIn(config: Fields, list: string, name: string | undefined, kind: string): Fields {
  const entries = config[list];
  const entry = Array.isArray(entries) ? entries.find((one) => isFields(one) && one.name === name) : undefined;
  return name !== undefined && isFields(entry) ? sectionOf(entry, kind) : {};
}

/** Inline data, else a file; a relative path starts where the kubeconfig lies, as kubectl has it. */
function readPem(entry: Fields, key: string, kubeconfig: string): Buffer | undefined {
  const data = textOf(entry, `${key}-data`);
  if (data) return Buffer.from(data, 'base64');
  const path = textOf(entry, key);
  return path ? readNeededFile(resolve(dirname(kubeconfig), path), `${key} in ${kubeconfig}`) : undefined;
}

function notATool(why: string): Error {
  return invalidConfig(`Failed to load configuration, did you forget to run 'become <mytool>'? ${why}`);
}
