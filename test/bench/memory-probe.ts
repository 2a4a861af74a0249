/** Prints the heap, in bytes, that one job costs (see memory.ts). Run with --expose-gc. */

import { parseDefinition, resolveJob } from '../../src/definition/definition.ts';
import { fromKubeObject, toKubeObject } from '../../src/definition/manifests.ts';
import { type JobDefinition, type KubeObject, Tool } from '../../src/domain.ts';
import { parseImageConfig } from '../../src/images.ts';
import type { Kube } from '../../src/kube.ts';
import { createLog } from '../../src/log.ts';
import { createJobRoster } from '../../src/machines/roster.ts';
import { watchJobs } from '../../src/watch/jobs.ts';

const count = 20_000;
const jobsPerTool = 8;
const images = parseImageConfig(
  'python3.11: {state: stable, image: registry.example.org/python311-web, variants: {jobs-framework: {image: registry.example.org/python311-base}}}',
);
const collect = globalThis.gc;
if (!collect) throw new Error('run with --expose-gc');

const roster = createJobRoster({ log: createLog({ level: 'silent' }) });
collect();
const before = process.memoryUsage().heapUsed;
const watch = watchJobs(pagedKube(), {
  onEvent: (event) => roster.accept(event),
  readJob: (object) => fromKubeObject(object, { images, homesMount: '/data/project' }),
  log: createLog({ level: 'silent' }),
});
await watch.ready;
if (roster.size() !== count) throw new Error(`${roster.size()} jobs are known`);
collect();
console.log((process.memoryUsage().heapUsed - before) / count);
process.exit(0);

/** Pages of stored CronJobs, and watches that stay silent. */
function pagedKube(): Pick<Kube, 'request' | 'stream'> {
  return {
    async request({ path, query }) {
      const from = Number(query?.continue ?? 0);
      const limit = Number(query?.limit ?? 500);
      const isCronJobs = path.endsWith('/cronjobs');
      const items = isCronJobs
        ? Array.from({ length: Math.min(limit, count - from) }, (_, index) => storedCronJob(from + index))
        : [];
      const next = isCronJobs && from + limit < count ? String(from + limit) : '';
      return JSON.parse(JSON.stringify({ metadata: { resourceVersion: '100000', continue: next }, items }));
    },
    stream: () => new Promise(() => {}),
  };
}

function storedCronJob(index: number): KubeObject {
  const tool = Tool.of(`tool-${Math.floor(index / jobsPerTool)}`);
  const definition: JobDefinition = parseDefinition({
    name: `daily-report-${index % jobsPerTool}`,
    cmd: `./venv/bin/python3 ./scripts/report.py --wiki wiki${index} --limit 500 --summary 'Bot: daily report'`,
    imagename: 'python3.11',
    schedule: `${index % 60} 4 * * *`,
    emails: 'onfailure',
  });
  const homePath = `/data/project/${tool.name}`;
  const image = images.find('python3.11');
  if (!image) throw new Error('no image');
  const job = resolveJob(definition, { tool, image, homePath, defaults: { memory: '512Mi', cpu: '100m' } });
  const object = toKubeObject(job, definition, {
    tool,
    homePath,
    owner: { uid: 50_000 + index, gid: 50_000 + index },
    mountHomes: undefined,
    defaultCpuLimit: '1000m',
    imagePullPolicy: undefined,
  });
  const metadata = {
    ...(object.metadata as object),
    uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    resourceVersion: String(index + 1),
    creationTimestamp: '2026-11-01T00:00:00Z',
  };
  return {
    ...object,
    metadata,
    status: { lastScheduleTime: '2026-11-24T04:00:00Z', lastSuccessfulTime: '2026-11-24T04:00:09Z' },
  };
}
