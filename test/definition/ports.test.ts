/** Ports and health checks: from what was asked to what runs, and back. */
import { describe, expect, it } from 'vitest';
import { readPortsAndProbes, toPortsAndProbes, toService } from '../../src/definition/ports.ts';
import { type HealthCheck, type ResolvedJob, Tool } from '../../src/domain.ts';
import { makeResolved } from '../support/facts.ts';

const tool = Tool.of('some-tool');
const built = { ...makeResolved().image, type: 'buildservice' as const };
const job = (changes: Partial<ResolvedJob>) => makeResolved({ type: 'continuous', ...changes });

describe('a port', () => {
  it('is watched by connecting to it where no check is named', () => {
    expect(toPortsAndProbes(job({ port: 8080 }))).toMatchObject({
      ports: [{ containerPort: 8080, protocol: 'TCP' }],
      startupProbe: { tcpSocket: { port: 8080 }, failureThreshold: 120, periodSeconds: 1 },
      livenessProbe: { tcpSocket: { port: 8080 }, failureThreshold: 3, periodSeconds: 10 },
    });
  });

  it('over UDP is not watched unless a script does', () => {
    expect(toPortsAndProbes(job({ port: 53, portProtocol: 'udp' }))).toEqual({
      ports: [{ containerPort: 53, protocol: 'UDP' }],
    });
    const checked = job({ port: 53, portProtocol: 'udp', healthCheck: { type: 'script', script: './ok' } });
    expect(toPortsAndProbes(checked)).toHaveProperty('startupProbe.exec.command', ['/bin/sh', '-c', './ok']);
  });

  it('gives the job a Service under its name that selects its pods whatever else changes', () => {
    const service = toService(job({ name: 'web', port: 8080, filelog: true, emails: 'all' }), tool);
    const labels = {
      toolforge: 'tool',
      'app.kubernetes.io/managed-by': 'toolforge-jobs-framework',
      'app.kubernetes.io/created-by': 'some-tool',
      'app.kubernetes.io/version': '2',
      'app.kubernetes.io/component': 'deployments',
      'app.kubernetes.io/name': 'web',
    };
    expect(service).toMatchObject({
      metadata: { name: 'web', namespace: 'tool-some-tool', labels },
      spec: { selector: labels, ports: [{ protocol: 'TCP', port: 8080, targetPort: 8080 }] },
    });
    expect(toService(job({}), tool)).toBeUndefined();
  });
});

describe('a health check', () => {
  it.each<Partial<ResolvedJob>>([
    {},
    { port: 80 },
    { port: 53, portProtocol: 'udp' },
    { healthCheck: { type: 'script', script: 'curl -f "http://x y"' } },
    { port: 8080, healthCheck: { type: 'http', path: '/healthz?full=1' } },
    { image: built, healthCheck: { type: 'script', script: "check --name 'my tool'" } },
  ])('is read back as it was asked: %j', (changes) => {
    const asked = job(changes);
    const { port, portProtocol, healthCheck } = asked;
    const known = { name: 'demo', type: 'continuous', cmd: './run.sh', image: 'x', portProtocol } as const;
    expect(readPortsAndProbes(toPortsAndProbes(asked), asked.image, known)).toEqual({
      port,
      portProtocol,
      healthCheck,
    });
  });

  it('on an image of the build service is shown as it was typed, as long as it is what runs', () => {
    const typed = { type: 'script', script: 'check --name "my tool"' } as const;
    const container = toPortsAndProbes(job({ image: built, healthCheck: typed }));
    const read = (healthCheck: HealthCheck | undefined) => {
      const asked = { name: 'demo', type: 'continuous', cmd: './run.sh', image: 'x' } as const;
      return readPortsAndProbes(container, built, healthCheck ? { ...asked, healthCheck } : asked).healthCheck;
    };
    expect(read(typed)).toEqual(typed);
    expect(read({ type: 'script', script: 'another' })).toEqual({ type: 'script', script: "check --name 'my tool'" });
    expect(read(undefined)).toEqual({ type: 'script', script: "check --name 'my tool'" });
  });

  it('of another hand is shown as the words of its command', () => {
    const probe = (command: string[]) =>
      readPortsAndProbes({ startupProbe: { exec: { command } } }, { type: 'standard' }, undefined).healthCheck;
    expect(probe(['cat', 'a b'])).toEqual({ type: 'script', script: "cat 'a b'" });
    expect(probe([])).toBeUndefined();
  });
});
