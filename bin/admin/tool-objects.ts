/** What a tool owns in the cluster, as the account manager of the real one makes it: namespace, rights, quota, limits. Pure. */
import type { KubeObject, Tool } from '../../src/domain.ts';

export const fieldManager = 'toolforge-jobs-admin';
const labels = { 'app.kubernetes.io/managed-by': fieldManager };
/** Of the Role and the RoleBinding; without the binding the tool is disabled. */
const roleName = 'toolforge-tool';
const rbacApi = 'rbac.authorization.k8s.io/v1';

export const paths = {
  namespaces: '/api/v1/namespaces',
  namespace: (tool: Tool) => `/api/v1/namespaces/${encodeURIComponent(tool.namespace)}`,
  role: (tool: Tool) => `${rbacPath(tool)}/roles/${roleName}`,
  roleBinding: (tool: Tool) => `${rbacPath(tool)}/rolebindings/${roleName}`,
  roleBindings: `/apis/${rbacApi}/rolebindings`,
  resourceQuota: (tool: Tool) => `${paths.namespace(tool)}/resourcequotas/${encodeURIComponent(tool.namespace)}`,
  resourceQuotas: '/api/v1/resourcequotas',
  configMap: ({ namespace, name }: { readonly namespace: string; readonly name: string }) =>
    `${paths.namespaces}/${encodeURIComponent(namespace)}/configmaps/${encodeURIComponent(name)}`,
  limitRange: (tool: Tool) => `${paths.namespace(tool)}/limitranges/${encodeURIComponent(tool.namespace)}`,
};

/** Selects the namespaces of tools, whoever made them. */
export const tenantSelector = 'tenancy=tool';

export function isToolBinding(object: KubeObject): boolean {
  return (object.metadata as { name?: unknown } | undefined)?.name === roleName;
}

export function namespaceOf(tool: Tool): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: tool.namespace, labels: { name: tool.namespace, tenancy: 'tool', ...labels } },
  };
}

export function roleOf(tool: Tool): KubeObject {
  const all = (apiGroup: string, ...resources: string[]) => ({ apiGroups: [apiGroup], resources, verbs: ['*'] });
  return {
    apiVersion: rbacApi,
    kind: 'Role',
    metadata: { name: roleName, namespace: tool.namespace, labels },
    rules: [
      all('', 'pods', 'pods/log', 'services', 'configmaps'),
      all('batch', 'jobs', 'cronjobs'),
      all('apps', 'deployments', 'replicasets'),
      all('networking.k8s.io', 'ingresses'),
      { apiGroups: [''], resources: ['events', 'resourcequotas', 'limitranges'], verbs: ['get', 'list'] },
    ],
  };
}

export function roleBindingOf(tool: Tool): KubeObject {
  return {
    apiVersion: rbacApi,
    kind: 'RoleBinding',
    metadata: { name: roleName, namespace: tool.namespace, labels },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: roleName },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: tool.name }],
  };
}

/** Defaults of Toolforge's account manager (maintain-kubeusers). */
export function resourceQuotaOf(tool: Tool): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: tool.namespace, namespace: tool.namespace, labels },
    spec: {
      hard: {
        'requests.cpu': '2',
        'requests.memory': '6Gi',
        'limits.cpu': '2',
        'limits.memory': '8Gi',
        pods: '10',
        services: '1',
        'services.nodeports': '0',
        replicationcontrollers: '1',
        secrets: '64',
        configmaps: '10',
        persistentvolumeclaims: '3',
        'count/cronjobs.batch': '50',
        'count/jobs.batch': '15',
        'count/deployments.apps': '3',
      },
    },
  };
}

/** Defaults of Toolforge's account manager (maintain-kubeusers). */
export function limitRangeOf(tool: Tool): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: tool.namespace, namespace: tool.namespace, labels },
    spec: {
      limits: [
        {
          type: 'Container',
          default: { cpu: '500m', memory: '512Mi' },
          defaultRequest: { cpu: '150m', memory: '256Mi' },
          min: { cpu: '50m', memory: '100Mi' },
          max: { cpu: '1', memory: '4Gi' },
        },
      ],
    },
  };
}

function rbacPath(tool: Tool): string {
  return `/apis/${rbacApi}/namespaces/${encodeURIComponent(tool.namespace)}`;
}
