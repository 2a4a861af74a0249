/**
 * Writes, and the few reads that explain trouble, passed on to the API server as the tool. Requests are built from nothing: no header, path
 * or body of a caller is copied. Kubernetes decides what the tool may do; its authorization is not repeated here.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { labelNames, managedBySelector } from '../definition/manifests.ts';
import { type JobKey, type JobType, jobTypes, type KubeObject, type Tool, typeOfKind } from '../domain.ts';
import { AppError } from '../errors.ts';
import { type Kube, type KubeRequest, kubeStatusOf } from '../kube.ts';

/** Where the connection of a tool comes from: credentials.ts, in either mode. */
export interface ToolConnections {
  kubeFor(tool: Tool): Promise<Kube>;
  /** The API server refused the certificate: read it again before the next use. */
  refresh(tool: Tool): void;
}

export interface Forward {
  /** @returns the object as the API server stored it. @throws AppError `job.conflict`, `quota.exceeded`, `kube.*`, `credentials.invalid` */
  create(tool: Tool, type: JobType, object: KubeObject): Promise<KubeObject>;
  /** Begins the end of one life. @returns false when it was over already; another life under the name is left alone */
  remove(tool: Tool, key: JobKey, uid: string): Promise<boolean>;
  /** Begins the end of every job in the namespace of the tool, of every kind, however many: exactly what a list shows. */
  removeAll(tool: Tool): Promise<void>;
  /** Whether the cluster has a pod of the job of that name, of any kind; of any job of the tool where no name is given. */
  hasPods(tool: Tool, name: string | undefined): Promise<boolean>;
  /** The limits of one container in the tool's namespace, as Kubernetes keeps them (LimitRange). */
  limitRanges(tool: Tool): Promise<readonly KubeObject[]>;
  /** Events about one object, newest first as far as the server tells; only asked for a job in trouble. */
  eventsOf(tool: Tool, uid: string): Promise<readonly KubeObject[]>;
}

/**
 * The object stays until its pods are gone (kubernetes.io, "Foreground cascading deletion"), so that its end is the end of the job. In the
 * query, since undici gives up the connection after a DELETE with a body.
 */
const cascade = { propagationPolicy: 'Foreground' } as const;

export interface ForwardOptions {
  /**
   * Whether our own watches are connected. While they are not, "forbidden" is not believed: an API server that has just started does not
   * know yet who may do what, and forbids everybody everything for about a second. Unset: they always are.
   */
  isConnected?(): boolean;
}

const conflictTries = 6;
const conflictPauseMs = 20;

export function createForward(
  connections: ToolConnections,
  { isConnected = () => true }: ForwardOptions = {},
): Forward {
  /**
   * Sends again where nothing was done: once after a 401, with the certificate as it is now, and a few times when the quota's bookkeeping met
   * another request of the tool (409 Conflict; kubernetes.io, resource quotas).
   */
  async function send(tool: Tool, request: KubeRequest): Promise<unknown> {
    let isRefreshed = false;
    for (let attempt = 1; ; attempt++) {
      try {
        return await (await connections.kubeFor(tool)).request(request);
      } catch (error) {
        if (kubeStatusOf(error)?.statusCode === 401 && !isRefreshed) {
          isRefreshed = true;
          connections.refresh(tool);
        } else if (request.method === 'POST' && isConflict(error) && attempt < conflictTries) {
          await pause(attempt * conflictPauseMs * (0.5 + Math.random()));
        } else if (isForbidden(error) && !isConnected()) throw starting(error);
        else throw error;
      }
    }
  }

  return {
    async create(tool, type, object) {
      const path = collectionPath(tool.namespace, jobTypes[type].kind);
      return (await send(tool, { method: 'POST', path, body: object })) as KubeObject;
    },

    async remove(tool, key, uid) {
      const path = `${collectionPath(tool.namespace, key.kind)}/${encodeURIComponent(key.name)}`;
      try {
        await send(tool, { method: 'DELETE', path, query: { ...cascade, uid } });
        return true;
      } catch (error) {
        const status = kubeStatusOf(error)?.statusCode;
        if (status === 404 || status === 409) return false;
        throw error;
      }
    },

    async removeAll(tool) {
      const query = { ...cascade, labelSelector: managedBySelector };
      const collections = Object.values(jobTypes).map(({ kind }) => collectionPath(tool.namespace, kind));
      await Promise.all(collections.map((path) => send(tool, { method: 'DELETE', path, query })));
    },

    async hasPods(tool, name) {
      const path = `/api/v1/namespaces/${encodeURIComponent(tool.namespace)}/pods`;
      const labelSelector = name === undefined ? managedBySelector : `${managedBySelector},${labelNames.name}=${name}`;
      const list = (await send(tool, { method: 'GET', path, query: { labelSelector, limit: 1 } })) as { items?: [] };
      return (list.items ?? []).length > 0;
    },

    async limitRanges(tool) {
      const path = `/api/v1/namespaces/${encodeURIComponent(tool.namespace)}/limitranges`;
      return ((await send(tool, { method: 'GET', path })) as { items?: KubeObject[] }).items ?? [];
    },

    async eventsOf(tool, uid) {
      const path = `/api/v1/namespaces/${encodeURIComponent(tool.namespace)}/events`;
      const list = (await send(tool, {
        method: 'GET',
        path,
        query: { fieldSelector: `involvedObject.uid=${uid}`, limit: 100 },
        timeoutMs: 2_000,
      })) as {
        items?: KubeObject[];
      };
      return list.items ?? [];
    },
  };
}

function isForbidden(error: unknown): boolean {
  return error instanceof AppError && error.code === 'kube.forbidden';
}

function starting(cause: unknown): AppError {
  return new AppError('kube.unreachable', 'The cluster is just starting. Nothing was changed. Trying again is safe.', {
    cause,
    retryAfterSeconds: 2,
  });
}

function collectionPath(namespace: string, kind: JobKey['kind']): string {
  const { api, plural } = jobTypes[typeOfKind[kind]];
  return `${api}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

function isConflict(error: unknown): boolean {
  return error instanceof AppError && error.code === 'kube.conflict';
}
