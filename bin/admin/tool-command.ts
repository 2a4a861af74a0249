/** `tool add|list|show|renew|disable|remove`: one verb, one function. */
import { Tool } from '../../src/domain.ts';
import { type CommandLine, checkOperands, numberOf, usage } from '../terminal/arguments.ts';
import { didYouMeanOrHelp, meantWord } from '../terminal/meant-word.ts';
import { type Context, withContext } from './operator.ts';
import { addTool, defaultDays, defaultWithinDays } from './tool-add.ts';
import { disableTool } from './tool-disable.ts';
import { listTools, showTool } from './tool-list.ts';
import { toolTable, toolText } from './tool-print.ts';
import { removeTool } from './tool-remove.ts';
import { renewedText, renewTools } from './tool-renew.ts';

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

/** @throws AppError `usage.invalid`, `tool.*`, `home.*`, `kube.*` */
export async function runTool(line: CommandLine): Promise<void> {
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
