#!/usr/bin/env node
/** The operators' door: argv -> command -> what to print; error -> exit code (1 the operator's side, 2 the cluster, us or wrong usage). */
import { resolve } from 'node:path';
import { type CAC, cac } from 'cac';
import manifest from '../package.json' with { type: 'json' };
import { Tool } from '../src/domain.ts';
import { errorTable, toAppError } from '../src/errors.ts';
import { startupDefaults } from '../src/settings.ts';
import type { Status } from '../src/status.ts';
import { adoptText, listAdoptable } from './admin/adopt-command.ts';
import { backUp, restore } from './admin/backup.ts';
import { commandTable } from './admin/command-table.ts';
import { runDoctor } from './admin/doctor-command.ts';
import { accountAt, accountFiles } from './admin/images-account.ts';
import { runImages } from './admin/images-command.ts';
import { runJobs } from './admin/jobs-command.ts';
import { runMail } from './admin/mail-command.ts';
import { readNamedAuthorities } from './admin/named-file.ts';
import { isJson, printer, withContext } from './admin/operator.ts';
import { askDaemon, socketIn, socketOf, stateDirectoryOf } from './admin/operators-door.ts';
import { runSettings } from './admin/settings-command.ts';
import { defaultStartupFile, readStartup } from './admin/startup-file.ts';
import { runStatus } from './admin/status-command.ts';
import { runTool } from './admin/tool-command.ts';
import { type CommandLine, checkOperands, readArguments, usage } from './terminal/arguments.ts';
import { helpText } from './terminal/help.ts';
import { visibleText } from './terminal/terminal.ts';

const commands: Readonly<Record<string, (line: CommandLine) => Promise<void>>> = {
  tool: runTool,
  async doctor(line) {
    checkOperands(line);
    const account = line.options.get('account') ?? 'jobs-api/jobs-api';
    if (!/^[a-z0-9-]+\/[a-z0-9.-]+$/.test(account)) throw usage('--account must be NAMESPACE/NAME.');
    const startup = await readStartup(line.options.get('config') ?? defaultStartupFile);
    const caFile = line.options.get('ca');
    const url = line.options.get('url') ?? `https://localhost:${startup.listen.tls?.port ?? 443}`;
    if (!/^https:\/\/[\w.:[\]-]+$/.test(url)) throw usage('--url must be https://HOST or https://HOST:PORT.');
    const ca = caFile === undefined ? undefined : await readNamedAuthorities(caFile);
    await withContext(line, async ({ kube, print }) => {
      const isWell = await runDoctor(
        {
          url,
          ca,
          startup,
          kube,
          account,
          status: async () => (await askDaemon(socketIn(startup.state_dir), 'GET', '/status')) as Status,
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
    const images = startup?.configmaps.images ?? startupDefaults.imagesMap;
    const homesMount = startup?.homes.mount ?? startupDefaults.homes;
    const name = line.options.get('tool');
    const tool = name === undefined ? undefined : Tool.of(name);
    await withContext(line, async ({ kube, print }) => {
      const found = await listAdoptable(kube, { images, homesMount, tool });
      print(found, adoptText(found, tool));
    });
  },
  async images(line) {
    checkOperands(line);
    const [config, ca] = [line.options.get('config'), line.options.get('ca')];
    const talk = isJson(line) ? process.stderr : process.stdout;
    const isDone = await runImages({
      line,
      map: async () =>
        config === undefined ? startupDefaults.imagesMap : (await readStartup(config)).configmaps.images,
      withKube: (use) => withContext(line, ({ kube }) => use(kube)),
      registry: async () => ({
        ca: ca === undefined ? undefined : await readNamedAuthorities(ca),
        account: (reference) => accountAt(reference, accountFiles(process.env, process.getuid?.() ?? 0)),
      }),
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

// What was begun is done although nobody reads of it any more, as behind a pipe to `head`.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
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

function declareCommands(): CAC {
  const cli = cac('toolforge-jobs-admin');
  for (const { words, description, options } of commandTable) {
    const command = cli.command(words, description);
    for (const [option, says] of options) command.option(option, says);
  }
  cli.help();
  cli.version(manifest.version);
  return cli;
}

function fail(thrown: unknown): void {
  const error = toAppError(thrown);
  const cause = error.cause instanceof Error ? `\n  because: ${error.cause.message}` : '';
  process.stderr.write(`${`toolforge-jobs-admin: ${error.message}${cause}`.replace(/[^\P{C}\n]/gu, '?')}\n`);
  process.exitCode = errorTable[error.code].exit;
}
