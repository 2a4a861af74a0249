/**
 * The daemon's own kubeconfig, or the operator's, or the service account of a pod: where the API server is and how to be believed there. Never a tool's: a kubeconfig in a
 * home is a user's text, and obeying it would let one tool point the daemon at another's key or have a program run.
 */
import { readFile } from 'node:fs/promises';
import type { Cluster, KubeConfig, User } from '@kubernetes/client-node';
import { AppError } from './errors.ts';
import type { KubeCredentials, KubeOptions } from './kube.ts';

/**
 * @param text of the file, YAML or JSON
 * @param directory of the file: relative paths in it start there
 * @throws AppError `settings.invalid` when something is missing, or would run a program, skip verification or go through a proxy
 */
export async function kubeOptionsFromKubeconfig(
  text: string,
  directory: string,
): Promise<Pick<KubeOptions, 'server' | 'ca' | 'credentials'>> {
  const config = await parse(text, directory);
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (!cluster || !user) throw invalid('names no cluster or no user in its current context');
  const server = serverOf(cluster);
  const ca = (await readPem('certificate-authority', cluster.caData, cluster.caFile))?.toString('utf8');
  if (!ca) throw invalid('has no certificate authority to verify the API server with');
  return { server, ca, credentials: await credentialsOf(user) };
}

/** Where the service account of a pod is mounted (kubernetes.io, "Accessing the Kubernetes API from a Pod"). */
const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The service account of the pod that this runs in. The API server is found as the kubelet tells every container, by address: a name would
 * have to be resolved.
 * @throws AppError `settings.invalid` where this is no pod
 */
export async function kubeOptionsOfPod({
  KUBERNETES_SERVICE_HOST: host,
  KUBERNETES_SERVICE_PORT: port,
}: NodeJS.ProcessEnv): Promise<Pick<KubeOptions, 'server' | 'ca' | 'credentials'>> {
  if (!host || !port) throw new AppError('settings.invalid', 'No kubeconfig is named, and this is no pod.');
  const ca = await readFile(`${serviceAccountDirectory}/ca.crt`, 'utf8').catch((cause: unknown) => {
    throw new AppError('settings.invalid', 'The pod has no service account.', { cause });
  });
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca,
    credentials: { kind: 'token', file: `${serviceAccountDirectory}/token` },
  };
}

/** client-node takes most of a second to load, and only whoever has a kubeconfig needs it. */
async function parse(text: string, directory: string): Promise<KubeConfig> {
  const client = await import('@kubernetes/client-node');
  const config = new client.KubeConfig();
  try {
    config.loadFromString(text);
    config.makePathsAbsolute(directory);
  } catch (cause) {
    throw invalid('cannot be read as one', cause);
  }
  return config;
}

function serverOf(cluster: Cluster): string {
  if (cluster.skipTLSVerify) throw invalid('turns off verification of the API server (insecure-skip-tls-verify)');
  if (cluster.proxyUrl) throw invalid('asks for a proxy (proxy-url)');
  if (cluster.tlsServerName) throw invalid('gives the API server another name (tls-server-name)');
  if (!URL.canParse(cluster.server) || new URL(cluster.server).protocol !== 'https:')
    throw invalid('has no https:// server');
  return cluster.server;
}

async function credentialsOf(user: User): Promise<KubeCredentials> {
  if (user.exec || user.authProvider) throw invalid('wants a program to be run for credentials (exec, auth-provider)');
  if (user.username || user.impersonateUser) throw invalid('uses a password or impersonation');
  const cert = await readPem('client-certificate', user.certData, user.certFile);
  const key = await readPem('client-key', user.keyData, user.keyFile);
  if (cert && key) return { kind: 'certificate', cert, key };
  if (user.token) return { kind: 'fixed-token', token: user.token.trim() };
  throw invalid('has neither a client certificate with its key nor a token');
}

async function readPem(what: string, data: string | undefined, file: string | undefined): Promise<Buffer | undefined> {
  if (data) return Buffer.from(data, 'base64');
  if (!file) return undefined;
  try {
    return await readFile(file);
  } catch (cause) {
    throw invalid(`names a file for ${what} that cannot be read`, cause);
  }
}

function invalid(what: string, cause?: unknown): AppError {
  return new AppError('settings.invalid', `The kubeconfig ${what}.`, cause === undefined ? {} : { cause });
}
