/** What the daemon shows of one tool's jobs, and what the cluster holds of them, in one form that can be compared. */
import { expect } from 'vitest';
import { type Cluster, kubectl } from '../cluster/cluster.ts';
import type { Answer, ApiClient } from './api-client.ts';
import { jobsPath } from './jobs-path.ts';
import { promisedBy, type Write } from './load.ts';
import { until } from './sandbox.ts';

/** Everything that a list shows, sorted, e.g. `scheduled nightly: ./report.sh`. The command tells one life under a name from another. */
export function jobsIn(answer: Answer): string[] {
  const { jobs } = answer.json<{ jobs: { name: string; job_type: string; cmd: string }[] }>();
  return jobs.map(({ name, job_type, cmd }) => `${job_type} ${name}: ${cmd}`).sort();
}

/** Whether an answer comes from a view that is connected to the cluster. */
export function isFresh({ headers }: Answer): boolean {
  return headers.age === undefined;
}

/** @throws Error when the daemon does not answer 200 */
export async function shownJobs(client: ApiClient, tool: string): Promise<string[]> {
  const answer = await client.call('GET', jobsPath(tool));
  if (answer.status !== 200) throw new Error(`list: ${answer.status} ${answer.text}`);
  return jobsIn(answer);
}

/** Waits until the daemon shows exactly what the cluster holds; nobody may be writing. */
export async function untilAgreed(
  cluster: Cluster,
  client: ApiClient,
  tool: string,
  timeoutMs = 10_000,
): Promise<void> {
  const held = await heldLines(cluster, tool);
  let shown: string[] = [];
  const isAgreed = async () => {
    shown = await shownJobs(client, tool);
    return shown.join('\n') === held.join('\n');
  };
  await until(isAgreed, 'the view shows what the cluster holds', timeoutMs).catch(() => expect(shown).toEqual(held));
}

/** Names of which the last answer to a write says something else than the cluster. */
export async function brokenPromises(cluster: Cluster, tool: string, writes: readonly Write[]): Promise<string[]> {
  const held = new Set((await heldLines(cluster, tool)).map(nameOf));
  return [...promisedBy(writes)].filter(([name, isThere]) => held.has(name) !== isThere).map(([name]) => name);
}

/** The job a line of shownJobs() or heldLines() is about. */
export function nameOf(line: string): string {
  return line.replace(/^\S+ |:.*/g, '');
}

interface HeldObject {
  readonly kind: 'Job' | 'CronJob' | 'Deployment';
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
  readonly spec: {
    readonly template?: PodTemplate;
    readonly jobTemplate?: { readonly spec: { readonly template: PodTemplate } };
  };
}

interface PodTemplate {
  readonly spec: { readonly containers: readonly { readonly command: readonly string[] }[] };
}

const types = { Job: 'one-off', CronJob: 'scheduled', Deployment: 'continuous' } as const;

export interface HeldJob {
  readonly uid: string;
  readonly name: string;
  readonly type: string;
  /** What the shell is given, without the part that opens log files. */
  readonly cmd: string;
}

/** From the API server itself; runs of scheduled jobs are left out. */
export async function heldJobs(cluster: Cluster, tool: string): Promise<HeldJob[]> {
  const selector = 'app.kubernetes.io/managed-by=toolforge-jobs-framework';
  const args = ['get', 'jobs,cronjobs,deployments', '-n', `tool-${tool}`, '-l', selector, '-o', 'json'];
  const { items } = JSON.parse(await kubectl(cluster, args)) as { items: HeldObject[] };
  return items
    .filter(({ metadata }) => !metadata.ownerReferences?.some(({ kind }) => kind === 'CronJob'))
    .map(({ kind, metadata: { uid, name }, spec }) => ({ uid, name, type: types[kind], cmd: commandOf(spec) }));
}

/** The same in the form of shownJobs(). */
export async function heldLines(cluster: Cluster, tool: string): Promise<string[]> {
  return (await heldJobs(cluster, tool)).map(({ type, name, cmd }) => `${type} ${name}: ${cmd}`).sort();
}

function commandOf({ template, jobTemplate }: HeldObject['spec']): string {
  const text = (jobTemplate?.spec.template ?? template)?.spec.containers[0]?.command.at(-1) ?? '';
  return text.replace(/^exec 1>>[^;]*;exec 2>>[^;]*;/, '');
}

/** Scheduled jobs made past the daemon, as an earlier release wrote them; they never run. */
export async function createDirectly(
  cluster: Cluster,
  tool: string,
  jobs: Readonly<Record<string, string>>,
): Promise<void> {
  const objects = Object.entries(jobs).map(([name, cmd]) => cronJob(cluster, tool, name, cmd));
  await kubectl(cluster, ['create', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n'));
}

export async function deleteDirectly(cluster: Cluster, tool: string, names: readonly string[]): Promise<void> {
  await kubectl(cluster, ['delete', 'cronjobs', '-n', `tool-${tool}`, '--wait=false', ...names]);
}

function cronJob(cluster: Cluster, tool: string, name: string, cmd: string): object {
  const labels = {
    toolforge: 'tool',
    'app.kubernetes.io/version': '2',
    'app.kubernetes.io/managed-by': 'toolforge-jobs-framework',
    'app.kubernetes.io/created-by': tool,
    'app.kubernetes.io/component': 'cronjobs',
    'app.kubernetes.io/name': name,
    'jobs.toolforge.org/emails': 'none',
  };
  const container = { name: 'job', image: cluster.images[0]?.url, command: ['/bin/sh', '-c', '--', cmd] };
  const template = { metadata: { labels }, spec: { restartPolicy: 'Never', containers: [container] } };
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name, namespace: `tool-${tool}`, labels },
    spec: { schedule: '1 1 1 1 *', jobTemplate: { spec: { template } } },
  };
}
