#!/usr/bin/env node
/** The operators' door: argv -> command -> what to print; error -> exit code (1 the operator's side, 2 the cluster, us or wrong usage). */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { cac } from 'cac';
import manifest from '../package.json' with { type: 'json' };
import { Tool } from '../src/domain.ts';
import { AppError, errorTable, toAppError } from '../src/errors.ts';
import { createKube, type Kube } from '../src/kube.ts';
import { kubeOptionsFromKubeconfig } from '../src/kubeconfig.ts';
import { addTool, defaultDays } from './admin/tool-add.ts';
import { type Arguments, numberOf, type OptionSpec, readArguments, suggestion, usage } from './admin/tool-arguments.ts';
import { defaultSettingsMap, type SettingsMap } from './admin/tool-denied.ts';
import { disableTool } from './admin/tool-disable.ts';
import { listTools, showTool } from './admin/tool-list.ts';
import { toolTable, toolText } from './admin/tool-print.ts';
import { removeTool } from './admin/tool-remove.ts';

const options: (OptionSpec & { readonly form: string; readonly help: string })[] = [
  {
    name: 'kubeconfig',
    value: true,
    form: '--kubeconfig <file>',
    help: 'Credentials of an operator (default: $KUBECONFIG)',
  },
  { name: 'homes-base', value: true, form: '--homes-base <dir>', help: 'Where the homes are (default: /data/project)' },
  {
    name: 'homes-mount',
    value: true,
    form: '--homes-mount <dir>',
    help: 'Where pods see the homes (default: /data/project)',
  },
  {
    name: 'configmap',
    value: true,
    form: '--configmap <namespace/name>',
    help: 'Settings of the service (default: jobs-emailer/jobs-emailer-configmap)',
  },
  {
    name: 'server',
    value: true,
    form: '--server <url>',
    help: "add: API server for the tool's kubeconfig (default: that of yours)",
  },
  {
    name: 'uid',
    value: true,
    form: '--uid <number>',
    help: 'add: owner of a new home (default: chosen from the name)',
  },
  {
    name: 'days',
    value: true,
    form: '--days <number>',
    help: `add: life of a new certificate (default: ${defaultDays})`,
  },
  { name: 'renew', value: false, form: '--renew', help: 'add: a new certificate although the old one is good' },
  { name: 'delete-home', value: false, form: '--delete-home', help: 'remove: the home as well' },
  { name: 'yes', value: false, form: '--yes', help: 'remove: really' },
  { name: 'quiet', value: false, form: '--quiet', help: 'Say nothing but the result' },
  { name: 'output', short: 'o', value: true, form: '-o, --output <form>', help: 'json for programs' },
];
const standardOptions: OptionSpec[] = [
  { name: 'help', short: 'h', value: false },
  { name: 'version', short: 'v', value: false },
];

/** What every verb gets: a connection, where things are, and where to talk. */
interface Context {
  readonly args: Arguments;
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
  async add({ args, kube, server, ca, homesBase, homesMount, settingsMap, say, print }, tool) {
    const uid = numberOf(args, 'uid', 1, 4_294_967_294);
    const days = numberOf(args, 'days', 1, 3_650);
    const added = await addTool(
      kube,
      {
        tool,
        homesBase,
        homesMount,
        settingsMap,
        ca,
        server: args.values.get('server') ?? server,
        renew: args.switches.has('renew'),
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
  async disable({ kube, settingsMap, say, print }, tool) {
    await disableTool(kube, { tool, settingsMap }, say);
    print(
      { name: tool.name, state: 'disabled' },
      `The tool '${tool.name}' is disabled. 'tool add ${tool.name}' enables it again.`,
    );
  },
  async remove({ args, kube, homesBase, say, print }, tool) {
    await removeTool(kube, { tool, homesBase, deleteHome: args.switches.has('delete-home') }, say);
    print({ name: tool.name, state: 'removed' }, `The tool '${tool.name}' is removed.`);
  },
};

await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<void> {
  const cli = cac('toolforge-jobs-admin');
  const command = cli.command('tool <verb> [name]', 'add, list, show, disable or remove a tool');
  for (const { form, help } of options) command.option(form, help);
  command.example((name) => `${name} tool add my-tool --kubeconfig admin.conf`);
  command.example((name) => `${name} tool remove my-tool --delete-home --yes`);
  cli.help();
  cli.version(manifest.version);
  try {
    const args = readArguments(words, [...options, ...standardOptions]);
    command.action(() => runTool(args));
    cli.parse(['node', 'toolforge-jobs-admin', ...words], { run: false });
    if (args.switches.has('help') || args.switches.has('version')) return;
    if (!cli.matchedCommand) throw unknownCommand(args.words[0]);
    await cli.runMatchedCommand();
  } catch (error) {
    fail(error);
  }
}

async function runTool(args: Arguments): Promise<void> {
  const [, verb = '', name, ...more] = args.words;
  if (more.length > 0) throw usage(`'${more.join(' ')}' is too much.`);
  if (verb === 'list')
    return name === undefined ? listAndPrint(args) : Promise.reject(usage("'tool list' takes no name."));
  const run = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (!run) throw usage(`There is no 'tool ${verb}'.${suggestion(verb, ['list', ...Object.keys(verbs)])}`);
  if (name === undefined) throw usage(`'tool ${verb}' needs the name of a tool.`);
  // Before anything is read or connected to: a wrong name changes nothing.
  const tool = Tool.of(name);
  if (verb === 'remove' && !args.switches.has('yes'))
    throw usage(`This deletes all jobs of '${name}'. Say --yes if you mean it.`);
  await withContext(args, (context) => run(context, tool));
}

function listAndPrint(args: Arguments): Promise<void> {
  return withContext(args, async ({ kube, homesBase, ca, settingsMap, print }) => {
    const tools = await listTools(kube, { homesBase, ca, settingsMap });
    print(tools, toolTable(tools));
  });
}

async function withContext(args: Arguments, use: (context: Context) => Promise<void>): Promise<void> {
  const output = args.values.get('output');
  if (output !== undefined && output !== 'json') throw usage("--output knows 'json' only.");
  const file = args.values.get('kubeconfig') ?? process.env.KUBECONFIG;
  if (!file) throw usage('Say whose credentials to use: --kubeconfig FILE, or set KUBECONFIG.');
  const { server, ca, credentials } = await kubeOptionsFromKubeconfig(
    await readKubeconfig(file),
    dirname(resolve(file)),
  );
  const kube = createKube({
    server,
    ca,
    credentials,
    userAgent: `toolforge-jobs-admin/${manifest.version}`,
    connections: 4,
  });
  const talk = output === 'json' ? process.stderr : process.stdout;
  try {
    await use({
      args,
      kube,
      server,
      ca,
      homesBase: directoryOf(args, 'homes-base'),
      homesMount: directoryOf(args, 'homes-mount'),
      settingsMap: settingsMapOf(args),
      say: (line) => void (args.switches.has('quiet') || talk.write(`${line}\n`)),
      print: (value, text) =>
        void process.stdout.write(`${output === 'json' ? JSON.stringify(value, null, 2) : text}\n`),
    });
  } finally {
    await kube.close();
  }
}

async function readKubeconfig(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError('settings.invalid', `The kubeconfig ${file} cannot be read.`, { cause });
  }
}

function directoryOf(args: Arguments, name: string): string {
  const path = args.values.get(name) ?? '/data/project';
  if (!path.startsWith('/')) throw usage(`--${name} must be an absolute path.`);
  return resolve(path);
}

function settingsMapOf(args: Arguments): SettingsMap {
  const text = args.values.get('configmap');
  if (text === undefined) return defaultSettingsMap;
  const [, namespace, name] = /^([a-z0-9-]+)\/([a-z0-9.-]+)$/.exec(text) ?? [];
  if (!namespace || !name) throw usage('--configmap must be NAMESPACE/NAME.');
  return { namespace, name };
}

function unknownCommand(word: string | undefined): AppError {
  if (word === undefined) return usage("Say what to do, e.g. 'toolforge-jobs-admin tool list'. --help shows all.");
  return usage(`There is no command '${word}'.${suggestion(word, ['tool'])}`);
}

function fail(thrown: unknown): void {
  // cac's own complaints are about the command line.
  const error = thrown instanceof Error && thrown.name === 'CACError' ? usage(thrown.message) : toAppError(thrown);
  const cause = error.cause instanceof Error ? `\n  because: ${error.cause.message}` : '';
  process.stderr.write(`${`toolforge-jobs-admin: ${error.message}${cause}`.replace(/[^\P{C}\n]/gu, '?')}\n`);
  process.exitCode = errorTable[error.code].exit;
}
