/**
 * The daemon as it runs in a cluster: our own image, our own manifests (the overlay `sandbox`), in pods of a sandbox cluster, reached through
 * the NodePort. Only what belongs to this one machine is added: paths, and a certificate.
 */
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parse, stringify } from 'yaml';
import { buildImage, imageUser } from '../../packaging/image/build.ts';
import { buildNginxImage } from '../../packaging/image/nginx.ts';
import { type Cluster, importImage, kubectl } from '../cluster/cluster.ts';
import { repositoryRoot } from './repository-root.ts';
import { createServerCertificate, until } from './sandbox.ts';

export interface Deployed {
  /** `https://NODE:30001`. */
  readonly url: string;
  /** PEM that verifies it. */
  readonly caFile: string;
  /** Names of the daemon's pods, those that are being ended left out. */
  pods(): Promise<{ readonly name: string; readonly isReady: boolean }[]>;
  /** Of every container of every pod. */
  logs(): Promise<string>;
  /** Makes it as these options have it, by a rollout. */
  change(options: DeployOptions): Promise<void>;
  remove(): Promise<void>;
}

export interface DeployOptions {
  /** nginx in the pod before the daemon (the component `nginx`), in the place of the daemon's own TLS. */
  readonly nginx?: boolean;
  /** Of the start-up file; no mail by default. */
  readonly smtp?: {
    readonly allow: readonly { readonly host: string; readonly address: string; readonly port: number }[];
  };
}

const nodePort = 30_001;
const imageName = 'docker-registry.example.org/toolforge-jobs:sandbox';
const nginxImageName = 'docker-registry.example.org/toolforge-jobs-nginx:sandbox';
const manifests = join(repositoryRoot, 'config/manifests');
const namespaced = ['-n', 'jobs-api'];

/** @param dir everything of it lies below; the state directory as well */
export async function deploy(cluster: Cluster, dir: string, options: DeployOptions = {}): Promise<Deployed> {
  await mkdir(dir, { recursive: true });
  await importImage(cluster, (await buildImage(join(dir, 'image.oci.tar'), imageName)).archive);
  const tls = await createServerCertificate(dir, cluster.nodeAddress);
  const state = join(dir, 'state');
  await mkdir(state, { recursive: true, mode: 0o700 });
  await chown(state, imageUser, imageUser);

  const deployed: Deployed = {
    url: `https://${cluster.nodeAddress}:${nodePort}`,
    caFile: tls.cert,
    async pods() {
      const words = ['get', 'pods', '-l', 'app.kubernetes.io/name=jobs-api', ...namespaced, '-o', 'json'];
      const { items } = JSON.parse(await kubectl(cluster, words)) as { items: PodShown[] };
      return items
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ metadata, status }) => ({
          name: metadata.name,
          isReady: status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
        }));
    },
    logs: () =>
      kubectl(cluster, [
        'logs',
        '-l',
        'app.kubernetes.io/name=jobs-api',
        ...namespaced,
        '--all-containers',
        '--tail=-1',
      ]),
    async change(wanted) {
      if (wanted.nginx)
        await importImage(cluster, (await buildNginxImage(join(dir, 'nginx.oci.tar'), nginxImageName)).archive);
      await writeKustomization(cluster, { dir, state, tls }, wanted);
      await kubectl(cluster, ['apply', '-k', dir]);
      const isThere = async () =>
        (await isRolledOut(cluster)) && (await deployed.pods()).some(({ isReady }) => isReady);
      await until(isThere, 'a pod of the daemon is ready').catch(async (error: unknown) => {
        const pods = await kubectl(cluster, ['describe', 'pods', ...namespaced]);
        throw new Error(`${error}\n${pods.slice(-4_000)}\n${(await deployed.logs()).slice(-4_000)}`);
      });
    },
    // The account and its namespaces are those of every sandbox.
    remove: async () =>
      void (await kubectl(cluster, ['delete', 'deployment,service,pdb,networkpolicy,cronjob', '--all', ...namespaced])),
  };
  await deployed.change(options);
  return deployed;
}

/** Whether every pod that is not being ended is of the latest template; `kubectl rollout status` would wait for both to be ready. */
async function isRolledOut(cluster: Cluster): Promise<boolean> {
  const text = await kubectl(cluster, ['get', 'deployment', 'jobs-api', ...namespaced, '-o', 'json']);
  const { metadata, spec, status } = JSON.parse(text) as {
    metadata: { generation: number };
    spec: { replicas: number };
    status: { observedGeneration?: number; updatedReplicas?: number };
  };
  return status.observedGeneration === metadata.generation && status.updatedReplicas === spec.replicas;
}

interface PodShown {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

interface Place {
  readonly dir: string;
  readonly state: string;
  readonly tls: { readonly cert: string; readonly key: string };
}

const renewPod = '/spec/jobTemplate/spec/template/spec';

async function writeKustomization(
  { homesBase }: Cluster,
  { dir, state, tls }: Place,
  options: DeployOptions,
): Promise<void> {
  const pod = {
    containers: [
      {
        name: 'home-readers',
        volumeMounts: [
          { mountPath: '/data/project', $patch: 'delete' },
          { name: 'homes', mountPath: homesBase, readOnly: true },
        ],
      },
    ],
    volumes: [
      { name: 'state', persistentVolumeClaim: null, hostPath: { path: state, type: 'Directory' } },
      { name: 'homes', hostPath: { path: homesBase, type: 'Directory' } },
    ],
  };
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [relative(dir, join(manifests, 'overlays/sandbox'))],
    ...(options.nginx
      ? {
          components: [relative(dir, join(manifests, 'components/nginx'))],
          images: [imageEntry('toolforge-jobs-nginx', nginxImageName)],
        }
      : {}),
    configMapGenerator: [{ name: 'jobs-api-startup', namespace: 'jobs-api', behavior: 'merge', files: ['jobsd.yaml'] }],
    secretGenerator: [
      {
        name: 'jobs-api-tls',
        namespace: 'jobs-api',
        type: 'kubernetes.io/tls',
        files: [`tls.crt=${relative(dir, tls.cert)}`, `tls.key=${relative(dir, tls.key)}`],
        options: { disableNameSuffixHash: true },
      },
    ],
    patches: [
      {
        target: { kind: 'Deployment', name: 'jobs-api' },
        patch: stringify({
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'jobs-api' },
          spec: { template: { spec: pod } },
        }),
      },
      {
        target: { kind: 'CronJob', name: 'jobs-renew' },
        patch: stringify([
          { op: 'replace', path: `${renewPod}/volumes/0/hostPath/path`, value: homesBase },
          { op: 'add', path: `${renewPod}/containers/0/args/-`, value: '--within=400' },
        ]),
      },
    ],
  };
  await writeFile(join(dir, 'jobsd.yaml'), await startupFile(homesBase, options));
  await writeFile(join(dir, 'kustomization.yaml'), stringify(kustomization));
}

function imageEntry(name: string, reference: string) {
  const [newName, newTag] = reference.split(':');
  return { name, newName, newTag };
}

/** The shipped one, with the homes where this machine has them: pods of jobs mount them from there. */
async function startupFile(homesBase: string, { nginx, smtp }: DeployOptions): Promise<string> {
  const shipped = join(manifests, nginx ? 'components/nginx' : 'base', 'jobsd.yaml');
  const { homes, ...rest } = parse(await readFile(shipped, 'utf8'));
  return stringify({ ...rest, homes: { ...homes, base: homesBase }, ...(smtp ? { smtp } : {}) });
}
