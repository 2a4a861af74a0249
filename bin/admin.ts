#!/usr/bin/env node
/** The operators' door: argv -> command -> what to print; error -> exit code (1 the operator's side, 2 the cluster, us or wrong usage). */
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type CAC, cac } from 'cac';
import manifest from '../package.json' with { type: 'json' };
import { Tool } from '../src/domain.ts';
import { AppError, errorTable, toAppError } from '../src/errors.ts';
import { createKube, type Kube } from '../src/kube.ts';
import { kubeOptionsFromKubeconfig, kubeOptionsOfPod } from '../src/kubeconfig.ts';
import type { Status } from '../src/status.ts';
import { adoptText, listAdoptable } from './admin/adopt-command.ts';
import { backUp, restore } from './admin/backup.ts';
import { runDoctor } from './admin/doctor-command.ts';
import { runImages } from './admin/images-command.ts';
import { runJobs } from './admin/jobs-command.ts';
import { runMail } from './admin/mail-command.ts';
import { askDaemon, socketOf, stateDirectoryOf } from './admin/operators-door.ts';
import { runSettings } from './admin/settings-command.ts';
import { readStartup } from './admin/startup-file.ts';
import { runStatus } from './admin/status-command.ts';
import { addTool, defaultDays, defaultWithinDays } from './admin/tool-add.ts';
import { defaultSettingsMap, type SettingsMap } from './admin/tool-denied.ts';
import { disableTool } from './admin/tool-disable.ts';
import { listTools, showTool } from './admin/tool-list.ts';
import { toolTable, toolText } from './admin/tool-print.ts';
import { removeTool } from './admin/tool-remove.ts';
import { renewedText, renewTools } from './admin/tool-renew.ts';
import { type CommandLine, checkOperands, numberOf, readArguments, usage } from './terminal/arguments.ts';
import { helpText } from './terminal/help.ts';
import { didYouMeanOrHelp, meantWord } from './terminal/meant-word.ts';
import { visibleJson, visibleText } from './terminal/terminal.ts';

/** What every verb gets: a connection, where things are, and where to talk. */
interface Context {
  readonly line: CommandLine;
  readonly kube: Kube;
  readonly server: string;
  readonly ca: string;
  readonly homesBase: string;
  readonly homesMount: string;
  readonly settingsMap: SettingsMap;
  readonly say: (line: string) => void;
  /** The result: JSON where asked for, else the text. */
  readonly print: (value: unknown, text: string) => void;
}

type Verb = (context: Context, tool: Tool) => Promise<void>;

const verbs: Record<string, Verb> = {
  async add({ line, kube, server, ca, homesBase, homesMount, settingsMap, say, print }, tool) {
    const uid = numberOf(line, 'uid', 1, 4_294_967_294);
    const days = numberOf(line, 'days', 1, 3_650);
    const added = await addTool(
      kube,
      {
        tool,
        homesBase,
        homesMount,
        settingsMap,
        ca,
        server: line.options.get('server') ?? server,
        renew: line.options.has('renew'),
        ...(uid === undefined ? {} : { uid }),
        ...(days === undefined ? {} : { days }),
      },
      say,
    );
    print(added, `The tool '${tool.name}' can be used. Its home is ${added.home}.`);
  },
  async show({ kube, homesBase, ca, settingsMap, print }, tool) {
    const report = await showTool(kube, tool, { homesBase, ca, settingsMap });
    print(report, toolText(report));
  },
  renew: (context, tool) => renew(context, [tool]),
  async disable({ kube, settingsMap, say, print }, tool) {
    await disableTool(kube, { tool, settingsMap }, say);
    print(
      { name: tool.name, state: 'disabled' },
      `The tool '${tool.name}' is disabled: the cluster and the service refuse it from now on. 'tool add ${tool.name}' enables it again.`,
    );
  },
  async remove({ line, kube, homesBase, say, print }, tool) {
    await removeTool(kube, { tool, homesBase, deleteHome: line.options.has('delete-home') }, say);
    print({ name: tool.name, state: 'removed' }, `The tool '${tool.name}' is removed.`);
  },
};

const defaultStartupFile = '/etc/toolforge-jobs/jobsd.yaml';

/** Where the images are named, and where jobs see homes, in an installation that changed nothing of it. */
const usualPlaces = {
  images: { namespace: 'tf-public', name: 'image-config', key: 'images-v1.yaml' },
  homesMount: '/data/project',
};

const commands: Readonly<Record<string, (line: CommandLine) => Promise<void>>> = {
  tool: runTool,
  async doctor(line) {
    checkOperands(line);
    const startup = await readStartup(line.options.get('config') ?? defaultStartupFile);
    const caFile = line.options.get('ca');
    const url = line.options.get('url') ?? `https://localhost:${startup.listen.tls?.port ?? 443}`;
    if (!/^https:\/\/[\w.:[\]-]+$/.test(url)) throw usage('--url must be https://HOST or https://HOST:PORT.');
    const ca = caFile === undefined ? undefined : await readPem(caFile);
    await withContext(line, async ({ kube, print }) => {
      const isWell = await runDoctor(
        {
          url,
          ca,
          startup,
          kube,
          account: line.options.get('account') ?? 'jobs-api/jobs-api',
          status: async () => (await askDaemon(join(startup.state_dir, 'operators/door'), 'GET', '/status')) as Status,
          now: Date.now,
        },
        print,
      );
      if (!isWell) process.exitCode = 1;
    });
  },
  async backup(line) {
    checkOperands(line);
    const [file = ''] = line.operands;
    const done = await backUp(await stateDirectoryOf(line), resolve(file), Date.now());
    printer(line)({ file, ...done }, `${done.files} files, ${done.bytes} bytes of state are in ${visibleText(file)}.`);
  },
  async restore(line) {
    checkOperands(line);
    const [file = ''] = line.operands;
    if (!line.options.has('yes'))
      throw usage('This replaces what the state directory holds. Say --yes if you mean it.');
    const done = await restore(resolve(file), await stateDirectoryOf(line), Date.now());
    const aside = done.aside === undefined ? '' : ` What was there lies in ${done.aside}.`;
    printer(line)({ file, ...done }, visibleText(`${done.files} files of ${done.made} are in place.${aside}`));
  },
  async status(line) {
    checkOperands(line);
    const socket = await socketOf(line);
    const isWell = await runStatus({
      ask: (method, path) => askDaemon(socket, method, path),
      print: printer(line),
    });
    if (!isWell) process.exitCode = 1;
  },
  async jobs(line) {
    checkOperands(line);
    const socket = await socketOf(line);
    await runJobs({ line, ask: (method, path) => askDaemon(socket, method, path), print: printer(line) });
  },
  async adopt(line) {
    checkOperands(line);
    if (!line.options.has('dry-run'))
      throw usage('Nothing has to be done: jobs are taken as they are. --dry-run shows what is understood of them.');
    const config = line.options.get('config');
    const startup = config === undefined ? undefined : await readStartup(config);
    const places = startup ? { images: startup.configmaps.images, homesMount: startup.homes.mount } : usualPlaces;
    const tool = line.options.get('tool');
    await withContext(line, async ({ kube, print }) => {
      const found = await listAdoptable(kube, { ...places, ...(tool === undefined ? {} : { tool }) });
      print(found, adoptText(found));
    });
  },
  async images(line) {
    checkOperands(line);
    const [config, ca] = [line.options.get('config'), line.options.get('ca')];
    const talk = isJson(line) ? process.stderr : process.stdout;
    const isDone = await runImages({
      line,
      map: async () => (config === undefined ? usualPlaces.images : (await readStartup(config)).configmaps.images),
      withKube: (use) => withContext(line, ({ kube }) => use(kube)),
      ca: async () => (ca === undefined ? undefined : readPem(ca)),
      say: (text) => void (line.options.has('quiet') || talk.write(`${text}\n`)),
      print: printer(line),
    });
    if (!isDone) process.exitCode = 1;
  },
  async mail(line) {
    checkOperands(line);
    const socket = await socketOf(line);
    await runMail({
      line,
      ask: (method, path) => askDaemon(socket, method, path),
      isTerminal: process.stdout.isTTY === true,
      print: printer(line),
    });
  },
  async settings(line) {
    checkOperands(line);
    const config = line.options.get('config');
    await runSettings({
      line,
      ask: async (method, path) => askDaemon(await socketOf(line), method, path),
      startup: async () => (config === undefined ? undefined : readStartup(config)),
      print: printer(line),
    });
  },
};

await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<void> {
  try {
    const cli = declareCommands();
    const line = readArguments(words, cli.commands, cli.globalCommand.options);
    const help = () => `${helpText(cli.name, line.command, cli.commands, cli.globalCommand.options)}\n`;
    if (line.options.has('help')) process.stdout.write(help());
    else if (line.options.has('version')) process.stdout.write(`${cli.name}/${manifest.version}\n`);
    else if (line.command) await commands[line.command.name]?.(line);
    else throw usage(`Say what to do, e.g. '${cli.name} tool list'. --help shows all.`);
  } catch (error) {
    fail(error);
  }
}

/** The table that the command line is read with, and that help is made from. */
function declareCommands(): CAC {
  const cli = cac('toolforge-jobs-admin');
  cli
    .command('tool <verb> [name]', 'add, list, show, renew, disable or remove a tool')
    .option('--kubeconfig <file>', 'Credentials of an operator (default: $KUBECONFIG)')
    .option('--homes-base <dir>', 'Where the homes are (default: /data/project)')
    .option('--homes-mount <dir>', 'Where pods see the homes (default: /data/project)')
    .option('--configmap <namespace/name>', 'Settings of the service (default: jobs-emailer/jobs-emailer-configmap)')
    .option('--server <url>', "add: API server for the tool's kubeconfig (default: that of yours)")
    .option('--uid <number>', 'add: owner of a new home (default: chosen from the name)')
    .option('--days <number>', `add, renew: life of a new certificate (default: ${defaultDays})`)
    .option('--within <days>', `renew: certificates that end within so many days (default: ${defaultWithinDays})`)
    .option('--all', 'renew: of every tool that is not disabled')
    .option('--renew', 'add: a new certificate although the old one is good')
    .option('--delete-home', 'remove: the home as well')
    .option('--yes', 'remove: really')
    .option('--quiet', 'Say nothing but the result')
    .option('-o, --output <form>', 'json for programs');
  cli
    .command('doctor', 'look at a deployment from outside to inside, and name the first thing that is wrong')
    .option('--url <url>', 'Where users find the service (default: the listener of the start-up file, on this machine)')
    .option('--ca <file>', 'What users verify it with (default: what the system trusts)')
    .option('--config <file>', `Start-up file of the daemon (default: ${defaultStartupFile})`)
    .option('--kubeconfig <file>', 'Credentials of an operator (default: $KUBECONFIG)')
    .option('--account <namespace/name>', "The daemon's own service account (default: jobs-api/jobs-api)")
    .option('-o, --output <form>', 'json for programs');
  cli
    .command('status', 'how the service is, what needs somebody first; ends with 1 where something does')
    .option('--state-dir <dir>', 'State directory of the daemon (default: /var/lib/toolforge-jobs)')
    .option('--config <file>', 'Start-up file of the daemon, which names that directory')
    .option('-o, --output <form>', 'json for programs');
  cli
    .command('jobs', 'jobs of all tools, or of one')
    .option('--all', 'Of all tools')
    .option('--tool <name>', 'Of this tool')
    .option('--state-dir <dir>', 'State directory of the daemon (default: /var/lib/toolforge-jobs)')
    .option('--config <file>', 'Start-up file of the daemon, which names that directory')
    .option('-o, --output <form>', 'json for programs');
  cli
    .command('backup <file>', 'write the state directory into one file, while the daemon works')
    .option('--state-dir <dir>', 'State directory of the daemon (default: /var/lib/toolforge-jobs)')
    .option('--config <file>', 'Start-up file of the daemon, which names that directory')
    .option('-o, --output <form>', 'json for programs');
  cli
    .command('restore <file>', 'put a backup in the place of the state directory, while no daemon works')
    .option('--yes', 'Really')
    .option('--state-dir <dir>', 'State directory of the daemon (default: /var/lib/toolforge-jobs)')
    .option('--config <file>', 'Start-up file of the daemon, which names that directory')
    .option('-o, --output <form>', 'json for programs');
  cli
    .command('adopt', 'show what is understood of the jobs that the cluster has already')
    .option('--dry-run', 'Needed: there is nothing else to do')
    .option('--kubeconfig <file>', 'Credentials of an operator (default: $KUBECONFIG)')
    .option('--config <file>', 'Start-up file of the daemon, which says where images are named')
    .option('--tool <name>', 'Of this tool only')
    .option('-o, --output <form>', 'json for programs');
  cli
    .command('images <verb> [path] [address]', 'build, rebuild-all, prune, graph or publish the images that jobs run')
    .option('--tag <tag>', 'testing or latest (build: testing, rebuild-all: latest)')
    .option('--push', 'build, rebuild-all: to the registry, what was built together with all it belongs with')
    .option('--registry <host>', 'HOST, HOST:PORT or HOST/PATH (default: what images.yaml says)')
    .option('--prefix <word>', 'What names of images begin with (default: what images.yaml says, else toolforge)')
    .option('--builder <name>', 'buildah, podman or docker (default: the first that is installed)')
    .option('--at-once <number>', 'build, rebuild-all: so many at once (default: one for each processor, four at most)')
    .option('--dot', 'graph: for Graphviz')
    .option('--yes', 'prune: really')
    .option('--state <state>', 'publish: stable or deprecated (default: as it is, stable for a new one)')
    .option('--aliases <names>', 'publish: other names, with commas between (default: as they are)')
    .option('--ca <file>', 'publish: what the registry is verified with (default: what the system trusts)')
    .option('--kubeconfig <file>', 'publish: credentials of an operator (default: $KUBECONFIG)')
    .option('--config <file>', 'publish: start-up file of the daemon, which says where images are named')
    .option('--quiet', 'Say nothing but the result')
    .option('-o, --output <form>', 'json for programs');
  cli
    .command('mail <verb> [message-id]', 'list, show, retry or drop mails that were given up')
    .option('--state-dir <dir>', 'State directory of the daemon (default: /var/lib/toolforge-jobs)')
    .option('--config <file>', 'Start-up file of the daemon, which names that directory')
    .option('--tool <name>', 'list, retry --all: of this tool only')
    .option('--all', 'retry: all there are')
    .option('--yes', 'drop: really')
    .option('-o, --output <form>', 'json for programs');
  cli
    .command('settings <verb> [file]', 'show those in force, check a ConfigMap in a file, or diff the two')
    .option('--state-dir <dir>', 'State directory of the daemon (default: /var/lib/toolforge-jobs)')
    .option(
      '--config <file>',
      'Start-up file of the daemon: names that directory, and the mail servers that may be used',
    )
    .option('-o, --output <form>', 'json for programs');
  cli.help();
  cli.version(manifest.version);
  return cli;
}

async function runTool(line: CommandLine): Promise<void> {
  checkOperands(line);
  const [verb = '', name] = line.operands;
  if (verb === 'list')
    return name === undefined ? listAndPrint(line) : Promise.reject(usage("'tool list' takes no name."));
  const run = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (!run) {
    const meant = meantWord(verb, ['list', ...Object.keys(verbs)]);
    throw usage(`There is no 'tool ${verb}'.${didYouMeanOrHelp(meant)}`);
  }
  if (verb === 'renew' && line.options.has('all')) {
    if (name !== undefined) throw usage("'tool renew --all' takes no name.");
    return withContext(line, renewAll);
  }
  if (name === undefined)
    throw usage(`'tool ${verb}' needs the name of a tool${verb === 'renew' ? ', or --all' : ''}.`);
  // Before anything is read or connected to: a wrong name changes nothing.
  const tool = Tool.of(name);
  if (verb === 'remove' && !line.options.has('yes'))
    throw usage(`This deletes all jobs of '${name}'. Say --yes if you mean it.`);
  await withContext(line, (context) => run(context, tool));
}

async function renewAll(context: Context): Promise<void> {
  const { kube, homesBase, ca, settingsMap } = context;
  const tools = await listTools(kube, { homesBase, ca, settingsMap });
  await renew(
    context,
    tools.filter(({ state }) => state === 'active').map(({ name }) => Tool.of(name)),
  );
}

async function renew({ line, kube, homesBase, ca, say, print }: Context, tools: readonly Tool[]): Promise<void> {
  const days = numberOf(line, 'days', 1, 3_650) ?? defaultDays;
  const withinDays = numberOf(line, 'within', 1, 3_650) ?? defaultWithinDays;
  const done = await renewTools(kube, tools, { homesBase, ca, days, withinDays }, say);
  print(done, renewedText(done));
  // Those that failed are named; who runs this every day should see it.
  if (done.some(({ became }) => became === 'failed')) process.exitCode = 1;
}

function listAndPrint(line: CommandLine): Promise<void> {
  return withContext(line, async ({ kube, homesBase, ca, settingsMap, print }) => {
    const tools = await listTools(kube, { homesBase, ca, settingsMap });
    print(tools, toolTable(tools));
  });
}

async function withContext<T>(line: CommandLine, use: (context: Context) => Promise<T>): Promise<T> {
  const print = printer(line);
  const { server, ca, credentials } = await credentialsOf(line);
  const kube = createKube({
    server,
    ca,
    credentials,
    userAgent: `toolforge-jobs-admin/${manifest.version}`,
    connections: 4,
  });
  const talk = isJson(line) ? process.stderr : process.stdout;
  try {
    return await use({
      line,
      kube,
      server,
      ca,
      homesBase: directoryOf(line, 'homes-base'),
      homesMount: directoryOf(line, 'homes-mount'),
      settingsMap: settingsMapOf(line),
      say: (text) => void (line.options.has('quiet') || talk.write(`${text}\n`)),
      print,
    });
  } finally {
    await kube.close();
  }
}

/** In a pod, where nothing else is said, those of its service account. */
async function credentialsOf(line: CommandLine): ReturnType<typeof kubeOptionsFromKubeconfig> {
  const file = line.options.get('kubeconfig') ?? process.env.KUBECONFIG;
  if (file) return kubeOptionsFromKubeconfig(await readKubeconfig(file), dirname(resolve(file)));
  if (process.env.KUBERNETES_SERVICE_HOST) return kubeOptionsOfPod(process.env);
  throw usage('Say whose credentials to use: --kubeconfig FILE, or set KUBECONFIG.');
}

function isJson(line: CommandLine): boolean {
  const output = line.options.get('output');
  if (output !== undefined && output !== 'json') throw usage("--output knows 'json' only.");
  return output === 'json';
}

function printer(line: CommandLine): Context['print'] {
  const json = isJson(line);
  return (value, text) => void process.stdout.write(`${json ? visibleJson(value) : text}\n`);
}

async function readPem(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('settings.invalid', `${file} cannot be read.`, { cause });
  });
}

async function readKubeconfig(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError('settings.invalid', `The kubeconfig ${file} cannot be read.`, { cause });
  }
}

function directoryOf(line: CommandLine, name: string): string {
  const path = line.options.get(name) ?? '/data/project';
  if (!path.startsWith('/')) throw usage(`--${name} must be an absolute path.`);
  return resolve(path);
}

function settingsMapOf(line: CommandLine): SettingsMap {
  const text = line.options.get('configmap');
  if (text === undefined) return defaultSettingsMap;
  const [, namespace, name] = /^([a-z0-9-]+)\/([a-z0-9.-]+)$/.exec(text) ?? [];
  if (!namespace || !name) throw usage('--configmap must be NAMESPACE/NAME.');
  return { namespace, name };
}

function fail(thrown: unknown): void {
  const error = toAppError(thrown);
  const cause = error.cause instanceof Error ? `\n  because: ${error.cause.message}` : '';
  process.stderr.write(`${`toolforge-jobs-admin: ${error.message}${cause}`.replace(/[^\P{C}\n]/gu, '?')}\n`);
  process.exitCode = errorTable[error.code].exit;
}
