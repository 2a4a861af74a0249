/**
 * Writes, and the few reads that explain trouble, passed on to the API server as the tool. Requests are built from nothing: no header, path
 * or body of a caller is copied. Kubernetes decides what the tool may do; its authorization is not repeated here.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { labelNames, managedBySelector } from '../definition/manifests.ts';
import {
  type JobKey,
  type JobType,
  jobTypes,
  type KubeKind,
  type KubeObject,
  type Tool,
  typeOfKind,
} from '../domain.ts';
import { AppError, toAppError } from '../errors.ts';
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
  /**
   * Begins the end of every job in the namespace of the tool, of every kind, however many: exactly what a list shows.
   * @returns the kinds of which none could be ended, with the reason; throws the reason where that is all of them
   */
  removeAll(tool: Tool): Promise<ReadonlyMap<KubeKind, AppError>>;
  /** The object of a job as it is now; undefined when there is none. */
  object(tool: Tool, key: JobKey): Promise<KubeObject | undefined>;
  /** Writes over the version named in the object. @throws AppError `kube.conflict` when it is another one by now */
  replace(tool: Tool, key: JobKey, object: KubeObject): Promise<KubeObject>;
  /** Strategic merge (kubernetes.io, "Update API Objects in Place Using kubectl patch"). */
  patch(tool: Tool, key: JobKey, change: KubeObject): Promise<KubeObject>;
  /** Takes one life away from above its pods, which run on; resolves when the name is free. */
  release(tool: Tool, key: JobKey, uid: string): Promise<void>;
  companion(tool: Tool, kind: CompanionKind, name: string): Promise<KubeObject | undefined>;
  createCompanion(tool: Tool, kind: CompanionKind, object: KubeObject): Promise<void>;
  /** JSON merge patch (RFC 7396). */
  patchCompanion(tool: Tool, kind: CompanionKind, name: string, change: KubeObject): Promise<void>;
  /** Those that jobs made; of the job of that name, or of all. */
  removeCompanions(tool: Tool, kinds: readonly CompanionKind[], name: string | undefined): Promise<void>;
  /** Whether the cluster has a pod of the job of that name, of any kind; of any job of the tool where no name is given. */
  hasPods(tool: Tool, name: string | undefined): Promise<boolean>;
  /**
   * What a pod's container has written, as it comes, each line after its time.
   * @throws AppError `kube.refused` (400) for a container that has not begun, `job.not_found` for a pod that is gone, `kube.*`
   */
  podLog(tool: Tool, pod: string, query: PodLogQuery, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** The limits of one container in the tool's namespace, as Kubernetes keeps them (LimitRange). */
  limitRanges(tool: Tool): Promise<readonly KubeObject[]>;
  /** What the tool may have and has in all (ResourceQuota). */
  resourceQuotas(tool: Tool): Promise<readonly KubeObject[]>;
  /** Events about one object, newest first as far as the server tells; only asked for a job in trouble. */
  eventsOf(tool: Tool, uid: string): Promise<readonly KubeObject[]>;
}

/** As the API server has it (kubernetes.io, "read log of the specified Pod"); times are added by us. */
export interface PodLogQuery {
  readonly container?: string;
  /** The container before the last restart. */
  readonly previous?: true;
  readonly follow?: true;
  readonly tailLines?: number;
  /** Whole seconds count; lines of that second come again. */
  readonly sinceTime?: string;
}

/** What stands beside a job that can be reached. */
export type CompanionKind = 'Service' | 'Ingress';

const companionPaths: Readonly<Record<CompanionKind, (namespace: string) => string>> = {
  Service: (namespace) => `/api/v1/namespaces/${encodeURIComponent(namespace)}/services`,
  Ingress: (namespace) => `/apis/networking.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/ingresses`,
};

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
/** The garbage collector needs about a second to let go of what an object owns. */
const releaseLooks = 100;
const releasePauseMs = 100;

export function createForward(
  connections: ToolConnections,
  { isConnected = () => true }: ForwardOptions = {},
): Forward {
  /**
   * Sends again where nothing was done: once after a 401, with the certificate as it is now, and a few times when the quota's bookkeeping met
   * another request of the tool (409 Conflict; kubernetes.io, resource quotas).
   */
  async function sendBy<T>(tool: Tool, request: KubeRequest, how: (kube: Kube) => Promise<T>): Promise<T> {
    let isRefreshed = false;
    for (let attempt = 1; ; attempt++) {
      try {
        return await how(await connections.kubeFor(tool));
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

  const send = (tool: Tool, request: KubeRequest) => sendBy(tool, request, (kube) => kube.request(request));

  async function find(tool: Tool, path: string): Promise<KubeObject | undefined> {
    try {
      return (await send(tool, { method: 'GET', path })) as KubeObject;
    } catch (error) {
      if (kubeStatusOf(error)?.statusCode === 404) return undefined;
      throw error;
    }
  }

  async function list(tool: Tool, plural: string): Promise<readonly KubeObject[]> {
    const path = `/api/v1/namespaces/${encodeURIComponent(tool.namespace)}/${plural}`;
    return ((await send(tool, { method: 'GET', path })) as { items?: KubeObject[] }).items ?? [];
  }

  return {
    async create(tool, type, object) {
      const path = collectionPath(tool.namespace, jobTypes[type].kind);
      return (await send(tool, { method: 'POST', path, body: object })) as KubeObject;
    },

    async remove(tool, key, uid) {
      try {
        await send(tool, { method: 'DELETE', path: objectPath(key), query: { ...cascade, uid } });
        return true;
      } catch (error) {
        const status = kubeStatusOf(error)?.statusCode;
        if (status === 404 || status === 409) return false;
        throw error;
      }
    },

    object: (tool, key) => find(tool, objectPath(key)),

    async replace(tool, key, object) {
      return (await send(tool, { method: 'PUT', path: objectPath(key), body: object })) as KubeObject;
    },

    async patch(tool, key, change) {
      const contentType = 'application/strategic-merge-patch+json';
      return (await send(tool, { method: 'PATCH', path: objectPath(key), body: change, contentType })) as KubeObject;
    },

    async release(tool, key, uid) {
      await send(tool, { method: 'DELETE', path: objectPath(key), query: { propagationPolicy: 'Orphan', uid } });
      for (let look = 0; await find(tool, objectPath(key)); look++) {
        if (look === releaseLooks) throw slowRelease(key.name);
        await pause(releasePauseMs);
      }
    },

    companion: (tool, kind, name) => find(tool, companionPath(tool, kind, name)),

    async createCompanion(tool, kind, object) {
      await send(tool, { method: 'POST', path: companionPaths[kind](tool.namespace), body: object });
    },

    async patchCompanion(tool, kind, name, change) {
      const contentType = 'application/merge-patch+json';
      await send(tool, { method: 'PATCH', path: companionPath(tool, kind, name), body: change, contentType });
    },

    async removeCompanions(tool, kinds, name) {
      const query = { labelSelector: selectorFor(name) };
      await Promise.all(
        kinds.map((kind) => send(tool, { method: 'DELETE', path: companionPaths[kind](tool.namespace), query })),
      );
    },

    async removeAll(tool) {
      const query = { ...cascade, labelSelector: managedBySelector };
      const kinds = Object.values(jobTypes).map(({ kind }) => kind);
      const ends = await Promise.allSettled(
        kinds.map((kind) => send(tool, { method: 'DELETE', path: collectionPath(tool.namespace, kind), query })),
      );
      const failures = kinds.flatMap((kind, place): [KubeKind, AppError][] => {
        const end = ends[place];
        return end?.status === 'rejected' ? [[kind, toAppError(end.reason)]] : [];
      });
      if (failures.length === kinds.length) throw failures[0]?.[1];
      return new Map(failures);
    },

    async hasPods(tool, name) {
      const path = `/api/v1/namespaces/${encodeURIComponent(tool.namespace)}/pods`;
      const list = (await send(tool, {
        method: 'GET',
        path,
        query: { labelSelector: selectorFor(name), limit: 1 },
      })) as { items?: [] };
      return (list.items ?? []).length > 0;
    },

    podLog(tool, pod, query, signal) {
      const path = `/api/v1/namespaces/${encodeURIComponent(tool.namespace)}/pods/${encodeURIComponent(pod)}/log`;
      const request = { method: 'GET', path, query: { ...query, timestamps: true }, signal } as const;
      return sendBy(tool, request, (kube) => kube.stream(request));
    },

    limitRanges: (tool) => list(tool, 'limitranges'),
    resourceQuotas: (tool) => list(tool, 'resourcequotas'),

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

/** Of the objects of one job, or of all jobs. */
function selectorFor(name: string | undefined): string {
  return name === undefined ? managedBySelector : `${managedBySelector},${labelNames.name}=${name}`;
}

function slowRelease(name: string): AppError {
  return new AppError(
    'kube.unreachable',
    `The job '${name}' runs on, but its change takes longer than usual. Try again in a moment; that goes on where this ended.`,
    { retryAfterSeconds: 5 },
  );
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

function objectPath({ namespace, kind, name }: JobKey): string {
  return `${collectionPath(namespace, kind)}/${encodeURIComponent(name)}`;
}

function companionPath(tool: Tool, kind: CompanionKind, name: string): string {
  return `${companionPaths[kind](tool.namespace)}/${encodeURIComponent(name)}`;
}

function collectionPath(namespace: string, kind: JobKey['kind']): string {
  const { api, plural } = jobTypes[typeOfKind[kind]];
  return `${api}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

function isConflict(error: unknown): boolean {
  return error instanceof AppError && error.code === 'kube.conflict';
}
