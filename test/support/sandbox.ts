/**
 * Everything a person or a test needs around the daemon: its account in the cluster, a server certificate, a start-up file, the process
 * itself from dist/, and the tools with a command line each. Used by the demo, the flows and the bench alike.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { type Cluster, kubectl } from '../cluster/cluster.ts';
import { freePorts } from '../cluster/network.ts';
import { repositoryRoot } from './repository-root.ts';

const run = promisify(execFile);

export interface SandboxOptions {
  readonly cluster: Cluster;
  /** Everything of this sandbox lies below it. */
  readonly dir: string;
  /** Another way to the API server, e.g. a fault proxy; the cluster's own by default. */
  readonly server?: string;
  /** Live settings, put into this sandbox's own ConfigMap. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly actAs?: 'tool-certificate' | 'impersonation';
  /** Name of the settings ConfigMap; one of each sandbox, so that they can run side by side. */
  readonly name: string;
  /** Header mode as well: a unix socket for a front. */
  readonly unix?: boolean;
  /** A registry of a build service; none by default. */
  readonly harbor?: { readonly url: string; readonly ca_file: string };
  /** Where mail may go; nowhere by default. `smtp` of the start-up file, and the settings that name the first of its servers. */
  readonly smtp?: SmtpOption;
  /** Networks of the inside that webhooks may go to; none by default. `webhooks` of the start-up file. */
  readonly webhooks?: { readonly allow: readonly string[]; readonly ca_file: string };
  /** A daemon that is there already, e.g. in pods; this sandbox then starts none. */
  readonly at?: { readonly url: string; readonly caFile: string };
  /** Whether the daemon may ask nodes what jobs use; false by default. */
  readonly nodeUsage?: boolean;
  /** Of two processes over one state directory one works: the Lease `jobs-api` says which. One process by default. */
  readonly lease?: boolean;
}

interface SmtpOption {
  readonly allow: readonly { readonly host: string; readonly address?: string; readonly port?: number }[];
  readonly auth?: { readonly user: string; readonly password_file: string };
  readonly ca_file?: string;
}

export interface Sandbox {
  readonly cluster: Cluster;
  readonly dir: string;
  /** `https://127.0.0.1:PORT` of the daemon; stable over restarts. */
  readonly url: string;
  readonly healthUrl: string;
  /** Where a front would connect; undefined unless asked for. */
  readonly socketPath: string | undefined;
  /** PEM file that verifies the daemon's certificate. */
  readonly caFile: string;
  /** Authorities of clients: those of the cluster, until a test says otherwise. */
  readonly clientCaFile: string;
  readonly logFile: string;
  /** Starts the daemon and waits until it is ready. */
  start(): Promise<void>;
  /** Ends it: SIGTERM by default. Resolves with the exit code when the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  ready(): Promise<boolean>;
  /** Starts a second process over the same state directory, which stands by; it is on other ports. Only with `lease`. */
  standby(): Promise<Standby>;
  /** Of the running daemon. */
  pid(): number;
  addTool(name: string): Promise<void>;
  /** Ends at once all that runs, and waits for that. The namespace itself goes on its own; no second tool may have the name. */
  removeTool(name: string): Promise<void>;
  homeOf(tool: string): string;
  /** The command line, run as its user would: with the kubeconfig of the tool's home. */
  jobs(tool: string, ...args: string[]): Promise<CommandResult>;
  /** The same, begun: to be frozen, interrupted or left alone while it runs. */
  begin(tool: string, ...args: string[]): Begun;
  admin(...args: string[]): Promise<CommandResult>;
}

export interface Standby {
  readonly url: string;
  ready(): Promise<boolean>;
  /** Whether it is alive, ready or not. */
  alive(): Promise<boolean>;
  stop(): Promise<number | null>;
}

export interface Begun {
  readonly result: Promise<CommandResult>;
  signal(signal: NodeJS.Signals): void;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Images are imported, never pulled; no webhook mounts homes here; tests that wait ask often. */
const sandboxSettings = {
  mount_homes: 'yes',
  run_as_home_owner: 'yes',
  image_pull_policy: 'IfNotPresent',
  requests_per_second_per_tool: '1000',
};

function mailSettings(smtp: SmtpOption | undefined): Record<string, string> {
  const server = smtp?.allow[0];
  if (!server) return {};
  return {
    send_emails_for_real: 'yes',
    smtp_server_fqdn: server.host,
    ...(server.port ? { smtp_server_port: String(server.port) } : {}),
  };
}

export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { cluster, dir, name } = options;
  await mkdir(dir, { recursive: true });
  const logFile = join(dir, 'jobsd.log');
  const tls = await createServerCertificate(dir, cluster.bridgeAddress);
  const clientCaFile = join(dir, 'client-ca.crt');
  await copyFile(cluster.caFile, clientCaFile);
  await applyAccount(cluster, options);
  const kubeconfig = await writeAccountKubeconfig(options);
  const [port, healthPort] = [await freePort(), await freePort()];
  const config = join(dir, 'jobsd.yaml');
  const socketPath = options.unix ? await createSocketPath(dir) : undefined;
  const startup = (identity: string, ports: { readonly port: number; readonly healthPort: number }) =>
    stringify({
      listen: {
        tls: { address: '0.0.0.0', port: ports.port, cert: tls.cert, key: tls.key, client_ca: clientCaFile },
        ...(socketPath ? { unix: { path: socketPath, client_ca: clientCaFile } } : {}),
        health: { address: '127.0.0.1', port: ports.healthPort },
      },
      kubernetes: { kubeconfig, act_as: options.actAs ?? 'tool-certificate' },
      homes: { base: cluster.homesBase, mount: '/data/project' },
      state_dir: join(dir, 'state'),
      configmaps: { settings: { namespace: 'jobs-emailer', name } },
      ...(options.harbor ? { harbor: options.harbor } : {}),
      ...(options.smtp ? { smtp: options.smtp } : {}),
      ...(options.webhooks ? { webhooks: options.webhooks } : {}),
      ...(options.lease ? { lease: { namespace: 'jobs-api', name: 'jobs-api', identity } } : {}),
    });
  await writeFile(config, startup('first', { port, healthPort }));
  const { url, caFile } = options.at ?? { url: `https://127.0.0.1:${port}`, caFile: tls.cert };
  const adminOptions: Readonly<Record<string, readonly string[]>> = {
    tool: [
      ...['--kubeconfig', cluster.adminKubeconfig],
      ...['--homes-base', cluster.homesBase, '--homes-mount', '/data/project'],
    ],
    mail: ['--state-dir', join(dir, 'state')],
    settings: ['--config', config],
    status: ['--config', config],
    backup: ['--config', config],
    restore: ['--config', config],
    jobs: ['--config', config],
    doctor: [...['--config', config, '--kubeconfig', cluster.adminKubeconfig], ...['--url', url, '--ca', caFile]],
    adopt: ['--kubeconfig', cluster.adminKubeconfig],
  };
  let daemon: ChildProcess | undefined;
  const healthUrl = `http://127.0.0.1:${healthPort}`;
  const ready = async () => (await statusOf(`${healthUrl}/readyz`)) === 200;

  const sandbox: Sandbox = {
    cluster,
    dir,
    url,
    healthUrl,
    socketPath,
    caFile,
    clientCaFile,
    logFile,
    ready,
    pid() {
      if (daemon?.pid === undefined) throw new Error('the daemon does not run');
      return daemon.pid;
    },
    async start() {
      daemon = launch(config, logFile);
      const child = daemon;
      await until(async () => {
        if (child.exitCode !== null)
          throw new Error(
            `the daemon ended with ${child.exitCode}:\n${(await readFile(logFile, 'utf8')).slice(-2_000)}`,
          );
        return ready();
      }, 'the daemon is ready');
    },
    async standby() {
      const ports = { port: await freePort(), healthPort: await freePort() };
      const file = join(dir, 'standby.yaml');
      await writeFile(file, startup('second', ports));
      const child = launch(file, logFile);
      const health = `http://127.0.0.1:${ports.healthPort}`;
      const standby: Standby = {
        url: `https://127.0.0.1:${ports.port}`,
        ready: async () => (await statusOf(`${health}/readyz`)) === 200,
        alive: async () => (await statusOf(`${health}/healthz`)) === 200,
        stop: () => end(child, 'SIGTERM'),
      };
      await until(standby.alive, 'the second process is alive');
      return standby;
    },
    async stop(signal = 'SIGTERM') {
      const child = daemon;
      daemon = undefined;
      return child ? end(child, signal) : null;
    },
    async addTool(tool) {
      const added = await sandbox.admin('tool', 'add', tool, '--quiet');
      if (added.code !== 0) throw new Error(`tool add ${tool}: ${added.stdout}${added.stderr}`);
      await writeFile(
        join(sandbox.homeOf(tool), '.toolforge.yaml'),
        stringify({ api_gateway: { url }, jobs: { ca_file: caFile } }),
      );
    },
    async removeTool(tool) {
      const namespace = `tool-${tool}`;
      const what = ['cronjobs,deployments,jobs,pods', '--all', '--namespace', namespace, '--grace-period=1'];
      await kubectl(cluster, ['delete', ...what]);
      await kubectl(cluster, ['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false']);
      await rm(sandbox.homeOf(tool), { recursive: true, force: true });
    },
    homeOf: (tool) => join(cluster.homesBase, tool),
    jobs: (tool, ...args) => sandbox.begin(tool, ...args).result,
    begin: (tool, ...args) =>
      command('jobs.js', args, {
        HOME: sandbox.homeOf(tool),
        KUBECONFIG: join(sandbox.homeOf(tool), '.kube/config'),
        TOOL_TOOLFORGE_API_URL: url,
      }),
    // Of an option that is given twice the last one counts.
    admin: (name = '', ...args) =>
      command('admin.js', [name, ...(adminOptions[name] ?? []), ...args], { HOME: dir }).result,
  };
  return sandbox;
}

/** The daemon from dist/; its log is added to the file. */
function launch(config: string, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [join(repositoryRoot, 'dist/jobsd.js'), '--config', config], {
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  return child;
}

/** @returns the exit code when the process is gone */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  child.ref();
  const gone = once(child, 'exit');
  child.kill(signal);
  const [code] = (await gone) as [number | null];
  return code;
}

/** Runs one of our own commands from dist/ with nothing of this process's environment but the PATH. */
function command(file: string, args: string[], env: Record<string, string>): Begun {
  const options = { env: { PATH: process.env.PATH ?? '', ...env }, maxBuffer: 64 * 1024 * 1024 };
  const running = run(process.execPath, [join(repositoryRoot, 'dist', file), ...args], options);
  return { result: resultOf(running), signal: (signal) => void running.child.kill(signal) };
}

async function resultOf(running: Promise<{ stdout: string; stderr: string }>): Promise<CommandResult> {
  try {
    const { stdout, stderr } = await running;
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

async function applyAccount(cluster: Cluster, options: SandboxOptions): Promise<void> {
  const settings = { ...sandboxSettings, ...mailSettings(options.smtp), ...options.settings };
  const files = [
    'base/account.yaml',
    ...(options.actAs === 'impersonation' ? ['components/impersonation/impersonation.yaml'] : []),
    ...(options.nodeUsage ? ['components/node-usage/node-usage.yaml'] : []),
  ];
  for (const file of files) await kubectl(cluster, ['apply', '-f', join(repositoryRoot, 'config/manifests', file)]);
  const map = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: options.name, namespace: 'jobs-emailer' },
    data: settings,
  };
  const role = (kind: string, extra: object) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: { name: `settings-${options.name}`, namespace: 'jobs-emailer' },
    ...extra,
  });
  const objects = [
    map,
    role('Role', {
      rules: [
        { apiGroups: [''], resources: ['configmaps'], resourceNames: [options.name], verbs: ['get', 'list', 'watch'] },
      ],
    }),
    role('RoleBinding', {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: `settings-${options.name}` },
      subjects: [{ kind: 'ServiceAccount', name: 'jobs-api', namespace: 'jobs-api' }],
    }),
  ];
  await kubectl(cluster, ['apply', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n'));
}

/** In a directory that only its owner writes to and only its group enters, as the daemon demands. */
async function createSocketPath(dir: string): Promise<string> {
  const directory = await mkdtemp(join(dir, 'front-'));
  await chmod(directory, 0o750);
  return join(directory, 'jobsd.sock');
}

/** The daemon's own kubeconfig: a token of its service account. */
async function writeAccountKubeconfig({ cluster, dir, server }: SandboxOptions): Promise<string> {
  const token = (await kubectl(cluster, ['create', 'token', 'jobs-api', '-n', 'jobs-api', '--duration', '24h'])).trim();
  const file = join(dir, 'jobsd.kubeconfig');
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'sandbox', cluster: { server: server ?? cluster.server, 'certificate-authority': cluster.caFile } },
    ],
    users: [{ name: 'jobs-api', user: { token } }],
    contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user: 'jobs-api' } }],
    'current-context': 'sandbox',
  };
  await writeFile(file, stringify(kubeconfig), { mode: 0o600 });
  return file;
}

/** @param address where pods reach the daemon, besides loopback */
export async function createServerCertificate(dir: string, address: string): Promise<{ cert: string; key: string }> {
  const [cert, key] = [join(dir, 'server.crt'), join(dir, 'server.key')];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '30',
    '-subj',
    '/CN=jobs.sandbox',
    '-addext',
    `subjectAltName=IP:127.0.0.1,IP:${address},DNS:localhost`,
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  return { cert, key };
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = httpRequest(url, { timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
    request.end();
  });
}

/** Waits for a condition, not for a time: looks again every 20 ms, gives up after `timeoutMs` and says what was waited for. */
export async function until<T>(
  condition: () => Promise<T> | T,
  what: string,
  timeoutMs = 60_000,
): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await pause(20);
  }
}
