/**
 * `npm run bench`: ratios within one run, on the real cluster. Each is the median of five rounds in which ours and the anchor take turns;
 * only answers that were checked count. The table goes to docs/benchmarks.md by hand, with the machine's description.
 * `npm run bench -- mail`: only what needs no cluster of mail; `-- usage`: only what measuring costs; `-- settings`: only the edits of settings; `-- image`: only the image of
 * the daemon.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import autocannon from 'autocannon';
import { parse } from 'yaml';
import { down, kubectl, up } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { createSandbox } from '../support/sandbox.ts';
import { measureImage } from './image.ts';
import { measureMail } from './mail.ts';
import { cpuMsOf, median, printTable, type Row, timed } from './measure.ts';
import { measureMemoryPerJob } from './memory.ts';
import { measureUsage } from './usage.ts';

const run = promisify(execFile);
/** More than any text that is looked for: one may come in two chunks. */
const tailChars = 256;
const rounds = 5;
/** Not counted: a daemon that has just started runs code that is not compiled yet. */
const warmUpCalls = 60;
const warmUpEvents = 10;
const settingsEdits = 100;
const tool = 'bench';
const rows: Row[] = [];

if (process.argv[2] === 'mail') {
  printTable(await measureMail());
  process.exit(0);
}

if (process.argv[2] === 'usage') {
  printTable(await measureUsage());
  process.exit(0);
}

const stateDir = await mkdtemp(join(tmpdir(), 'toolforge-jobs-bench-'));
const cluster = await up({ stateDir, onProgress: (line) => console.error(line) });
const sandbox = await createSandbox({
  cluster,
  dir: join(stateDir, 'bench'),
  name: 'bench',
  settings: { requests_per_second_per_tool: '100000', requests_at_once_per_tool: '64' },
});
let client: ApiClient | undefined;
try {
  await sandbox.addTool(tool);
  await widenQuota();
  if (process.argv[2] === undefined || process.argv[2] === 'image') rows.push(...(await measureImage(sandbox)));
  await sandbox.start();
  client = apiClient(sandbox, tool);
  console.log(
    `${cpus().length} x ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, Kubernetes ${cluster.version}`,
  );
  if (process.argv[2] === undefined) await benchAll(client);
  if (process.argv[2] !== 'image') await benchSettings();
} finally {
  client?.close();
  await sandbox.stop();
  await down(stateDir, () => {});
  await rm(stateDir, { recursive: true, force: true });
}
printTable(rows);

async function benchAll(api: ApiClient): Promise<void> {
  await benchRun(api);
  for (const count of [20, 128]) {
    await createJobs(api, count);
    await benchList(api, count);
  }
  await benchCommandLine();
  await benchEvents(api);
  rows.push(await measureMemoryPerJob(), ...(await measureUsage()));
  rows.push(...(await measureMail()));
}

/** From the edit of the ConfigMap to its version in force; edits come at any time after the former, so some wait for the second to be over. */
async function benchSettings(): Promise<void> {
  const admin = adminClient();
  const path = '/api/v1/namespaces/jobs-emailer/configmaps/bench';
  const inForce = async () => {
    const response = await fetch(`${sandbox.healthUrl}/readyz`);
    return ((await response.json()) as { detail: { settings: { version: string } } }).detail.settings.version;
  };
  const taken: number[] = [];
  for (let edit = 0; edit < settingsEdits; edit += 1) {
    await pause(((edit * 37) % 50) * 30);
    const from = performance.now();
    const answer = await admin('PATCH', path, { data: { stream_stall_seconds: String(1 + (edit % 3_600)) } });
    expectStatus(answer, 200);
    const { resourceVersion } = JSON.parse(answer.text).metadata;
    while ((await inForce()) !== resourceVersion) await pause(2);
    taken.push(performance.now() - from);
  }
  taken.sort((one, other) => one - other);
  const p99 = taken[Math.ceil(taken.length * 0.99) - 1] as number;
  rows.push(
    row(
      'edit of a setting to in force: median, against 2 s',
      median(taken),
      2_000,
      'ms',
      '≤ 0.50',
      (ratio) => ratio <= 0.5,
    ),
    row('edit of a setting to in force: p99, against 2 s', p99, 2_000, 'ms', '≤ 1.00', (ratio) => ratio <= 1),
  );
}

async function widenQuota(): Promise<void> {
  const hard = { 'count/cronjobs.batch': '400', cronjobs: '400' };
  const quota = JSON.parse(await kubectl(cluster, ['get', 'resourcequota', '-n', `tool-${tool}`, '-o', 'json']))
    .items[0];
  const known = Object.fromEntries(Object.entries(hard).filter(([name]) => name in quota.spec.hard));
  await kubectl(cluster, [
    'patch',
    'resourcequota',
    quota.metadata.name,
    '-n',
    `tool-${tool}`,
    '--type',
    'merge',
    '-p',
    JSON.stringify({ spec: { hard: known } }),
  ]);
}

async function createJobs(api: ApiClient, count: number): Promise<void> {
  const have = (await api.call('GET', `/v1/tool/${tool}/jobs`)).json().jobs.length;
  for (let index = have; index < count; index++) {
    const answer = await api.call('POST', `/v1/tool/${tool}/jobs`, {
      body: {
        name: `report-${index}`,
        cmd: './venv/bin/python3 report.py --wiki en',
        imagename: 'bookworm',
        schedule: `${index % 60} 4 1 1 *`,
        emails: 'onfailure',
      },
    });
    if (answer.status !== 201) throw new Error(`job ${index}: ${answer.text}`);
  }
}

/** A list against a bare server that answers a constant of the same size, and against a bare GET of the same objects. */
async function benchList(api: ApiClient, count: number): Promise<void> {
  const path = `/v1/tool/${tool}/jobs`;
  const answer = await api.call('GET', path);
  const bytes = Buffer.byteLength(answer.text);
  if (answer.json().jobs.length !== count) throw new Error(`expected ${count} jobs`);
  const bare = await startBareServer(bytes);
  const daemonPid = sandbox.pid();
  const load = { ours: [] as Load[], bare: [] as Load[] };
  for (let round = 0; round < rounds; round++) {
    load.ours.push(await cannon(`${sandbox.url}${path}`, daemonPid, bytes));
    load.bare.push(await cannon(bare.url, bare.pid, bytes));
  }
  bare.stop();
  const rate = {
    ours: median(load.ours.map(({ perSecond }) => perSecond)),
    bare: median(load.bare.map(({ perSecond }) => perSecond)),
  };
  const cpu = { ours: median(load.ours.map(({ cpuUs }) => cpuUs)), bare: median(load.bare.map(({ cpuUs }) => cpuUs)) };
  rows.push(
    row(
      `list of ${count}: requests per second, against a bare mTLS server`,
      rate.ours,
      rate.bare,
      '/s',
      '≥ 0.60',
      (ratio) => ratio >= 0.6,
    ),
    row(
      `list of ${count}: CPU per request, against the same`,
      cpu.ours,
      cpu.bare,
      'µs',
      '≤ 2.00',
      (ratio) => ratio <= 2,
    ),
  );

  const direct = directClient();
  const objects = `/apis/batch/v1/namespaces/tool-${tool}/cronjobs`;
  const times = { ours: [] as number[], direct: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    times.ours.push(...(await timed(40, async () => expectStatus(await api.call('GET', path), 200))));
    times.direct.push(...(await timed(40, async () => expectStatus(await direct('GET', objects), 200))));
  }
  rows.push(
    row(
      `list of ${count}: median, against a GET of its objects on the API server`,
      median(times.ours),
      median(times.direct),
      'ms',
      '≤ 0.50',
      (ratio) => ratio <= 0.5,
    ),
  );
}

/** A run against the same object posted to the API server with the same certificate. */
async function benchRun(api: ApiClient): Promise<void> {
  const direct = directClient();
  const collection = `/apis/batch/v1/namespaces/tool-${tool}/cronjobs`;
  const body = { name: 'template', cmd: 'date', imagename: 'bookworm', schedule: '1 1 1 1 *' };
  expectStatus(await api.call('POST', `/v1/tool/${tool}/jobs`, { body }), 201);
  const template = JSON.parse((await direct('GET', `${collection}/template`)).text);
  const copy = (name: string) => ({
    ...template,
    metadata: {
      name,
      namespace: template.metadata.namespace,
      labels: template.metadata.labels,
      annotations: template.metadata.annotations,
    },
  });
  const times = { ours: [] as number[], direct: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const count = round === 0 ? warmUpCalls : 15;
    times.ours.push(
      ...(await timed(count, async (index) =>
        expectStatus(
          await api.call('POST', `/v1/tool/${tool}/jobs`, { body: { ...body, name: `a-${round}-${index}` } }),
          201,
        ),
      )),
    );
    times.direct.push(
      ...(await timed(count, async (index) =>
        expectStatus(await direct('POST', collection, copy(`b-${round}-${index}`)), 201),
      )),
    );
    if (round === 0) for (const list of Object.values(times)) list.length = 0;
  }
  rows.push(
    row(
      'run: median, against the same POST on the API server',
      median(times.ours),
      median(times.direct),
      'ms',
      '≤ 1.15',
      (ratio) => ratio <= 1.15,
    ),
  );
  expectStatus(await api.call('DELETE', `/v1/tool/${tool}/jobs`), 200);
}

async function benchCommandLine(): Promise<void> {
  const times = { ours: [] as number[], node: [] as number[] };
  for (let round = 0; round < rounds * 3; round++) {
    times.ours.push(
      ...(await timed(1, async () => {
        const { code } = await sandbox.jobs(tool, 'list');
        if (code !== 0) throw new Error('list failed');
      })),
    );
    times.node.push(...(await timed(1, async () => void (await run(process.execPath, ['-e', '0'])))));
  }
  rows.push(
    row(
      'command line `list` of 128: wall time, against `node -e 0`',
      median(times.ours),
      median(times.node),
      'ms',
      '≤ 2.00',
      (ratio) => ratio <= 2,
    ),
  );
}

/** From the change of a pod's status to the job's status in an answer, against the same change at the end of a bare watch. */
async function benchEvents(api: ApiClient): Promise<void> {
  const namespace = `tool-${tool}`;
  const name = 'watched';
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: {
        toolforge: 'tool',
        'app.kubernetes.io/managed-by': 'toolforge-jobs-framework',
        'app.kubernetes.io/created-by': tool,
        'app.kubernetes.io/component': 'deployments',
        'app.kubernetes.io/name': 'measured',
        'app.kubernetes.io/version': '2',
      },
    },
    spec: {
      nodeName: 'no-such-node',
      containers: [
        {
          name: 'job',
          image: 'none',
          resources: { limits: { cpu: '50m', memory: '100Mi' }, requests: { cpu: '50m', memory: '100Mi' } },
        },
      ],
    },
  };
  expectStatus(
    await api.call('POST', `/v1/tool/${tool}/jobs`, {
      body: { name: 'measured', cmd: 'sleep 1', imagename: 'broken', continuous: true },
    }),
    201,
  );
  const admin = adminClient();
  expectStatus(await admin('POST', `/api/v1/namespaces/${namespace}/pods`, pod), 201);
  const watch = await bareWatch(namespace, name);
  const times = { ours: [] as number[], watch: [] as number[] };
  for (let round = 0; round < rounds * 8 + warmUpEvents; round++) {
    const restarts = round + 1;
    const status = {
      phase: 'Running',
      containerStatuses: [
        {
          name: 'job',
          image: 'none',
          imageID: '',
          ready: false,
          restartCount: restarts,
          state: { waiting: { reason: 'CrashLoopBackOff', message: `mark-${round}` } },
        },
      ],
    };
    const from = performance.now();
    const seen = watch.until((text) => text.includes(`mark-${round}`)).then(() => performance.now() - from);
    // Awaited further down; a failure before that must not end the process ahead of the cleaning up.
    seen.catch(() => {});
    const patched = admin('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}/status`, { status });
    for (;;) {
      if ((await api.call('GET', `/v1/tool/${tool}/jobs/measured`)).text.includes(`mark-${round}`)) break;
      if (performance.now() - from > 10_000) throw new Error('the event never became visible');
    }
    times.ours.push(performance.now() - from);
    times.watch.push(await seen);
    expectStatus(await patched, 200);
    if (round === warmUpEvents) for (const list of Object.values(times)) list.length = 0;
  }
  watch.close();
  rows.push(
    row(
      'pod event to visible status: median, against a bare watch of the pod',
      median(times.ours),
      median(times.watch),
      'ms',
      '≤ 1.20',
      (ratio) => ratio <= 1.2,
    ),
  );
}

interface Load {
  readonly perSecond: number;
  readonly cpuUs: number;
}

async function cannon(url: string, pid: number, bytes: number): Promise<Load> {
  const before = await cpuMsOf(pid);
  const result = await autocannon({ url, connections: 8, duration: 4, tlsOptions: pair() });
  const cpuMs = (await cpuMsOf(pid)) - before;
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} answers were no 2xx, ${result.errors} errors`);
  if (result.throughput.total < result['2xx'] * bytes * 0.9) throw new Error('the answers are smaller than expected');
  return { perSecond: result.requests.average, cpuUs: (cpuMs * 1000) / result['2xx'] };
}

async function startBareServer(bytes: number): Promise<{ url: string; pid: number; stop(): void }> {
  const dir = sandbox.dir;
  const child = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      new URL('bare-server.ts', import.meta.url).pathname,
      join(dir, 'server.crt'),
      join(dir, 'server.key'),
      cluster.caFile,
      String(bytes),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return { url: `https://127.0.0.1:${port.toString().trim()}/`, pid: child.pid as number, stop: () => child.kill() };
}

function pair(): { cert: Buffer; key: Buffer; ca: Buffer } {
  const file = join(sandbox.homeOf(tool), '.toolskube/client');
  return { cert: readFileSync(`${file}.crt`), key: readFileSync(`${file}.key`), ca: readFileSync(sandbox.caFile) };
}

type Direct = (method: string, path: string, body?: unknown) => Promise<{ status: number; text: string }>;

/** The tool's own certificate, straight to the API server. */
function directClient(): Direct {
  return kubeClient({ ...pair(), ca: readFileSync(cluster.caFile) });
}

function adminClient(): Direct {
  const { users } = parse(readFileSync(cluster.adminKubeconfig, 'utf8')) as {
    users: { user: Record<string, string> }[];
  };
  const user = users[0]?.user ?? {};
  const read = (name: string) => {
    const data = user[`${name}-data`];
    return data ? Buffer.from(data, 'base64') : readFileSync(user[name] as string);
  };
  return kubeClient({ cert: read('client-certificate'), key: read('client-key'), ca: readFileSync(cluster.caFile) });
}

function kubeClient(tls: { cert: Buffer; key: Buffer; ca: Buffer }): Direct {
  const agent = new Agent({ keepAlive: true, ...tls });
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
      const outgoing = request(
        `${cluster.server}${path}`,
        { method, agent, headers: body === undefined ? {} : { 'content-type': type } },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('end', () =>
            resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

/** A watch of one pod with the certificate of the tool, read as text. */
async function bareWatch(
  namespace: string,
  name: string,
): Promise<{ until(holds: (text: string) => boolean): Promise<void>; close(): void }> {
  const outgoing = request(
    `${cluster.server}/api/v1/namespaces/${namespace}/pods?watch=1&fieldSelector=metadata.name=${name}`,
    {
      ...pair(),
      ca: readFileSync(cluster.caFile),
    },
  );
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream];
  incoming.setEncoding('utf8');
  let tail = '';
  let look = (_text: string) => {};
  incoming.on('data', (chunk: string) => {
    const text = tail + chunk;
    tail = text.slice(-tailChars);
    look(text);
  });
  return {
    until: (holds) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('the watch never told of the change')), 10_000);
        look = (text) => {
          if (!holds(text)) return;
          clearTimeout(timer);
          look = () => {};
          resolve();
        };
      }),
    close: () => outgoing.destroy(),
  };
}

function expectStatus(answer: { status: number; text: string }, status: number): void {
  if (answer.status !== status)
    throw new Error(`expected ${status}, got ${answer.status}: ${answer.text.slice(0, 500)}`);
}

function row(
  what: string,
  ours: number,
  anchor: number,
  unit: string,
  goal: string,
  isMet: (ratio: number) => boolean,
): Row {
  const ratio = ours / anchor;
  const text = (value: number) => `${value >= 100 ? value.toFixed(0) : value.toFixed(2)} ${unit}`;
  return { what, ours: text(ours), anchor: text(anchor), ratio, goal, met: isMet(ratio) };
}
