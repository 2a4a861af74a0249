/**
 * What makes a continuous job reachable and watched over, both ways: the container's port and probes, and the Service under the job's
 * name. docs/wire.md, "Ports and health checks".
 */
import type { HealthCheck, Image, JobDefinition, KubeObject, ResolvedJob, Tool } from '../domain.ts';
import { integerAt, listAt, recordAt, textAt, textsAt } from '../fields.ts';
import { readCheckCommand, toCheckCommand } from './command.ts';
import { labelNames, labelsOf, manager } from './labels.ts';

/** Until a job has started it is asked every second for two minutes, from then on every ten seconds; three misses restart it. */
const startupTiming = { initialDelaySeconds: 0, periodSeconds: 1, failureThreshold: 120, timeoutSeconds: 5 };
const livenessTiming = { initialDelaySeconds: 0, periodSeconds: 10, failureThreshold: 3, timeoutSeconds: 5 };

/** `ports` and probes of the container; nothing for a job with neither. */
export function toPortsAndProbes(job: ResolvedJob): KubeObject {
  const probe = probeOf(job);
  return {
    ...(job.port === undefined
      ? {}
      : { ports: [{ containerPort: job.port, protocol: job.portProtocol.toUpperCase() }] }),
    ...(probe ? { startupProbe: { ...probe, ...startupTiming }, livenessProbe: { ...probe, ...livenessTiming } } : {}),
  };
}

/** What can be asked of what was wished for: pages answer over TCP only. */
export function askedCheck({
  healthCheck,
  portProtocol,
}: Pick<JobDefinition, 'healthCheck' | 'portProtocol'>): HealthCheck | undefined {
  return healthCheck?.type === 'http' && portProtocol === 'udp' ? undefined : healthCheck;
}

function probeOf({ healthCheck, port, portProtocol, image }: ResolvedJob): KubeObject | undefined {
  if (healthCheck?.type === 'script') return { exec: { command: toCheckCommand(healthCheck.script, image.type) } };
  if (port === undefined || portProtocol !== 'tcp') return undefined;
  return healthCheck ? { httpGet: { path: healthCheck.path, port } } : { tcpSocket: { port } };
}

/** The Service of a job that has a port: other jobs of the cluster reach it under the job's name. */
export function toService(job: ResolvedJob, tool: Tool): KubeObject | undefined {
  if (job.port === undefined) return undefined;
  const all = labelsOf(job, tool);
  const kept = [
    labelNames.toolforge,
    labelNames.managedBy,
    labelNames.createdBy,
    labelNames.version,
    labelNames.component,
    labelNames.name,
  ];
  const labels = Object.fromEntries(kept.map((name) => [name, all[name]]));
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: job.name, namespace: tool.namespace, labels },
    spec: {
      selector: labels,
      type: 'ClusterIP',
      ports: [{ protocol: job.portProtocol.toUpperCase(), port: job.port, targetPort: job.port }],
    },
  };
}

export interface PublicSite {
  /** Jobs are reachable under `<tool>.<domain>`. */
  readonly domain: string;
  /** Of the IngressClass; '' = the cluster's default. */
  readonly className: string;
}

/** The Ingress of a job that is reachable from outside: everything under the tool's own host leads to it. */
export function toIngress({ name, port }: ResolvedJob, tool: Tool, { domain, className }: PublicSite): KubeObject {
  const service = { name, port: { number: port } };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name,
      namespace: tool.namespace,
      labels: {
        [labelNames.toolforge]: 'tool',
        [labelNames.managedBy]: manager,
        [labelNames.createdBy]: tool.name,
        [labelNames.name]: name,
      },
    },
    spec: {
      ...(className === '' ? {} : { ingressClassName: className }),
      rules: [
        { host: `${tool.name}.${domain}`, http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service } }] } },
      ],
    },
  };
}

type PortsAndProbes = Pick<ResolvedJob, 'port' | 'portProtocol' | 'healthCheck'>;

/** @param asked the job's definition, which knows what an object cannot hold: a protocol without a port, and how a script was typed */
export function readPortsAndProbes(
  container: unknown,
  { type }: Pick<Image, 'type'>,
  asked: JobDefinition | undefined,
): PortsAndProbes {
  const [first] = listAt(container, 'ports');
  const port = integerAt(first, 'containerPort');
  const protocol = textAt(first, 'protocol') === 'UDP' ? 'udp' : 'tcp';
  return {
    port,
    portProtocol: port === undefined ? (asked?.portProtocol ?? protocol) : protocol,
    healthCheck: readProbe(recordAt(container, 'startupProbe'), type, asked?.healthCheck),
  };
}

function readProbe(
  probe: Readonly<Record<string, unknown>>,
  type: Image['type'],
  asked: HealthCheck | undefined,
): HealthCheck | undefined {
  const command = textsAt(probe, 'exec', 'command') ?? [];
  const script = readCheckCommand(command);
  if (script !== undefined) {
    const isAsTyped =
      asked?.type === 'script' && JSON.stringify(toCheckCommand(asked.script, type)) === JSON.stringify(command);
    return isAsTyped ? asked : { type: 'script', script };
  }
  const path = textAt(probe, 'httpGet', 'path');
  return path === undefined ? undefined : { type: 'http', path };
}
