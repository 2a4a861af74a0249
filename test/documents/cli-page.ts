/** docs/cli.md: what the table of commands says of each, and around it what no table holds. */
import { commandTable, globalOptions } from '../../bin/commands/command-table.ts';
import { knownKeys, optionOfKey } from '../../bin/job-file/keys.ts';
import {
  type Offered,
  type ShownCommand,
  type ShownOption,
  shown,
  verbOf,
  wordsOf,
} from '../../bin/terminal/shown-command.ts';
import { commandOutputs } from './cli-outputs.ts';
import { typeText } from './type-text.ts';

const introduction = `# The command line

<!-- Made by \`npm run -s openapi\`, from the table that the command line is read by. Do not edit. -->

\`toolforge-jobs <command> [options]\`, or \`toolforge jobs <command> [options]\` where the common command is installed: it sets \`TOOLFORGE_CLI\` and shows \`--debug\` itself. An option may stand before or behind what it belongs to; \`--image=x\`, \`--image x\` and \`-px\` mean what they look like, a value may begin with a dash, and behind \`--\` nothing is an option. The last of a repeated option counts, unless it may be given several times. A word that does not exist is answered with the one that was probably meant.

What was asked for goes to stdout, everything else to stderr, one line a thing, with its level before it and the stable id of an error behind it ([errors.md](errors.md)). Text of jobs is shown with its control characters as escapes. Colours, and a line that says what takes longer than a second, are for terminals only, colours never where \`NO_COLOR\` is set.`;

const exits = `## Exit codes

| code | when |
|---|---|
| 0 | done; \`run --wait\`: the job succeeded; \`load\`, \`apply\`: every job is as the file has it, and those waited for succeeded; \`plan\`: the file can be applied |
| 1 | the user's side: a mistake in a job, a file or the settings, a job that is not there, a full quota; \`plan\`: the file cannot be applied; \`apply\`: a deletion was not agreed to; \`run --wait\`: the job failed |
| 2 | ours or the network's: no answer, or a failure of the service; wrong usage of the command line; \`run --wait\`: the time ran out, the job was stopped, or how it ended is not known |
| 3 | \`plan --exit-code\`: the file can be applied, and something would be changed |
| 130 | interrupted (Ctrl-C) |
| another | \`run --wait --exit-code\`: that of the program, where it failed by itself |`;

const files = `## Files of jobs

\`load\` reads a YAML list of jobs. Each is made as it is in the file: created where there is none, changed where it differs, left alone where it does not; jobs that the file does not name stay. Anchors, aliases and merge keys (\`<<\`) may be used, tags may not. A file has at most 1 MiB.

\`\`\`yaml
- &report
  name: daily-report
  command: ./venv/bin/python3 report.py
  image: python3.11
  schedule: "17 4 * * *"
  emails: onfailure
- <<: *report
  name: weekly-report
  schedule: "@weekly"
\`\`\`

- The whole file is checked before anything is sent: every problem is named with the number of the entry, the job and the key, first of all that can be seen in the file, then what the service has against it; and a name may be there once.
- An unknown key is a warning that names the closest known one. A key without a value, or a switch that is \`false\`, is a warning and left out. Switches in quotes (\`"yes"\`) are taken with a warning.
- \`schedule\` may be a list, and \`matrix\` has names with lists of values (\`matrix: {WIKI: [frwiki, dewiki]}\`): every combination is a part of the job ([guide](guide.md#one-job-for-many-wikis)).
- Values are taken as they are typed: \`cpu: 1.0\` and \`name: 007\` need no quotes.
- Jobs are sent in the order of the file, one after the other, but for \`after\` (below). One that is refused does not stop the others; where the service cannot be reached, or does not accept the account, the rest is not sent. The last line says how many were loaded, the line before it which were not.
- A one-off job that is there already is not changed: delete it first. \`wait: true\`, or \`wait: 30\` for seconds, stays with a one-off until it has ended before the next job is sent.

What jobs have in common may stand once, in \`defaults\`; the jobs are then the list \`jobs\`:

\`\`\`yaml
defaults:
  image: python3.11
  emails: onfailure
  command: ./venv/bin/python3 update.py
  parameters: {LANG: en}
  after: setup
jobs:
- name: setup
  command: ./setup.sh
  after: ~
- name: update-fr
  schedule: "@daily"
  parameters: {WIKI: frwiki, LANG: fr}
- name: update-de
  schedule: "@daily"
  parameters: {WIKI: dewiki}
\`\`\`

- A key of the job's own wins; one without a value (\`~\`), or a switch that is \`false\`, leaves the default out. A job that is \`continuous\` leaves out a default \`schedule\`, and the other way round; so do \`filelog\` and \`no-filelog\`, and the two health checks. \`name\` can be no default.
- A problem says whether it stands in the job or in \`defaults\`, and in which line; what several jobs have of \`defaults\` is told once.
- A list of jobs alone is a file as before. That \`defaults\` makes it a mapping is on purpose: a program that knows no defaults then refuses the file as a whole, where it might take one more entry of a list for a job.

\`parameters\` are variables that the program finds in its environment, so that one command serves many jobs. No shell reads their values: they arrive byte for byte, \`$\` and quotes and all. A name has capital letters, digits and \`_\`, and is none that the service sets (\`HOME\`, \`PATH\`, \`PORT\`, \`TOOL_…\`, \`TOOLFORGE_…\` and their like); a value has at most 4 KiB, all together 16 KiB. With \`defaults\` they are merged name by name; \`NAME: ~\` leaves one out.

\`after\` names a job of the file, or a list of them, that comes first, wherever it stands. A one-off that is named has to succeed: \`load\` and \`apply\` wait for its end, as long as its \`wait\` says, or 600 seconds; when it fails, is stopped, or cannot be made, what comes after it is not made, nor what comes after that, and it is said why. Of scheduled and continuous jobs that are named only the order counts. A name that is no job of the file, and a circle, are mistakes. With \`--job\` the one job is sent alone. \`after\` is looked at when jobs are sent, never later: a run of a schedule waits for no other job. \`run --after\` waits for a one-off that is there, or was.

\`plan\` says what \`apply\` would do with such a file, in words: what is created, changed (each key, from what to what) and deleted, what that does to what runs, when a schedule that is new or changes comes next, and the quota afterwards. The service decides the same for both. A job that the file does not name is left alone unless \`--prune\` is given; one that seems to have been renamed is said to be.

\`apply\` does it, in the order of the plan: deletions and what takes less come first, so that a full quota is no obstacle, and each job comes behind those of its \`after\`.

- Nothing is sent where one entry cannot be done, whatever the reason: a mistake in it, an image that is not on the list, too much for one job or for what the quota counts, a one-off that runs and cannot be changed. All reasons are named at once.
- Deletions are asked for. Where nobody can be asked they need \`--yes\`.
- A failure on the way does not stop the other jobs, and no job is left between: the service is asked once more, and the last lines name those which are as before, those which are as asked for, and one that was caught in the middle of a change of type, which the next \`apply\` ends. What got no answer is sent again, which is safe.
- \`wait\` holds as with \`load\`.

\`undo\` shows what jobs were before they were changed or deleted, by whatever command, in the last 7 days; \`undo NAME\` makes one be as it was before its last change, \`undo --since 10m\` all that were changed or deleted since. It goes about it as \`apply\` does, and can itself be undone. Jobs that were new are left alone.

With what changes comes advice, as warnings: a file that is not in the home, or only in a directory below it (a missing \`cd\`), or may not be executed; an interpreter that an image for another language hardly has; a schedule that fires each minute of an hour; several jobs that begin at minute 0; a variable that looks as if a shell were to read it. Files are looked at by the command itself, as whoever runs it; not for a job that comes \`after\` others, which may make them.

\`dump\` writes what owners set, as they typed it, with sorted keys: a dumped file that is loaded changes nothing. Of \`after\` names of jobs that are gone by now are left out, with a warning. With \`--to-file\` the file is replaced as a whole, a new one is readable by its owner only.

| key | what it is |
|---|---|`;

const settings = `## Settings

Files, all optional, all YAML; a later one replaces whole sections of an earlier one:

1. \`/etc/toolforge-jobs-framework-cli.cfg\`, of the first clients
2. \`/etc/toolforge/jobs-cli.yaml\`
3. \`/etc/toolforge/common.yaml\`
4. \`~/.toolforge.yaml\`
5. \`~/.config/toolforge.yaml\`
6. \`$XDG_CONFIG_HOME/toolforge.yaml\`
7. the file of \`--cfg\`, which must exist

| key | what it is |
|---|---|
| \`api_gateway.url\` | where the service is, \`https://host:port\` |
| \`jobs.jobs_endpoint\` | path before \`/tool/NAME\`; \`/jobs/v1\` by default |
| \`jobs.timeout\` | seconds to wait for an answer; 60 by default |
| \`jobs.ca_file\` | PEM of who may vouch for the service; by default the authority of the kubeconfig, else what the system trusts |
| \`kubeconfig\` | instead of the usual one |
| \`api_url\` | of the first clients: its host and port count where \`api_gateway.url\` is not set |
| \`customaddr\`, \`customfqdn\` | of the first clients: connect to this address where the host of the URL is this name; the server must still prove the name |

The kubeconfig says who asks: the namespace \`tool-NAME\` of its current context is the tool, its user names the client certificate and key. The server's certificate is always verified.

| variable | what it does |
|---|---|
| \`TOOL_TOOLFORGE_API_URL\` | where the service is; wins over files |
| \`KUBECONFIG\` | instead of \`~/.kube/config\` |
| \`HOME\`, \`XDG_CONFIG_HOME\` | where files are looked for |
| \`TOOLFORGE_DEBUG\` | \`1\`, \`true\` or \`yes\`: as \`--debug\` |
| \`TOOLFORGE_CLI\` | set by the common command: the program calls itself \`toolforge jobs\` |
| \`NO_COLOR\` | not empty: no colours |
| \`TERM\` | \`dumb\`: neither colours nor a line of progress, and \`watch\` prints lines |
| \`DISPLAY\`, \`WAYLAND_DISPLAY\` | neither set, except on macOS: \`dashboard\` opens no browser |
| \`TOOLFORGE_RUN_ID\` | set inside a job: which run \`fence\` is for |

On machines of Toolforge (those with \`/etc/wmcs-project\`) a user who is not called \`<project>.<tool>\` is warned; elsewhere, one whose name says another tool.`;

const completion = `## Completion in a shell

The Debian package brings it along. Without that:

\`\`\`sh
source <(toolforge-jobs completion bash)     # in ~/.bashrc
source <(toolforge-jobs completion zsh)      # in ~/.zshrc, behind compinit; or a file _toolforge-jobs in $fpath
toolforge-jobs completion fish | source      # in ~/.config/fish/config.fish
\`\`\`

Names of jobs and images are asked of the service when a key is pressed, for a second and a half at most; nothing is kept, nothing is said of failures, and a name that is more than a name is left out.`;

/** @returns the whole page */
export function cliPage(): string {
  const commands = shown(commandTable);
  const overview = [
    '## Commands',
    '',
    '| command | what it does |',
    '|---|---|',
    ...commands.map((command) => `| [\`${command.usage}\`](#${verbOf(command)}) | ${command.description} |`),
  ].join('\n');
  const globals = ['### Every command', '', ...optionTable([...globalOptions(false), ...cacOptions])].join('\n');
  const output = `## JSON

\`--output json\` (\`-o json\`, except on \`run\`, where \`-o\` is the file for the output) prints one JSON value for programs. [cli-output.json](cli-output.json) is the JSON Schema of each; the objects are those of [api.md](api.md). Fields may be added at any time.`;
  const sections = [overview, ...commands.map(commandSection), globals, exits, output];
  return `${[introduction, ...sections, `${files}\n${keyRows().join('\n')}`, settings, completion].join('\n\n')}\n`;
}

const cacOptions: readonly ShownOption[] = [
  { words: '-h, --help', description: 'Show how it is used' },
  { words: '-v, --version', description: 'Show which version it is' },
];

function commandSection(command: ShownCommand): string {
  const verb = verbOf(command);
  const also = command.alias ? ` \`${command.alias}\` is its earlier name.` : '';
  return [
    `### ${verb}`,
    '',
    `\`toolforge-jobs ${command.usage}\`: ${command.description}.${also}`,
    '',
    ...optionTable(command.options),
    '',
    `JSON: \`${typeText(commandOutputs[verb] ?? {}).replaceAll('readonly ', '')}\``,
  ].join('\n');
}

function optionTable(options: readonly ShownOption[]): string[] {
  const rows = shown(options).map(
    ({ words: typed, description, offers }) => `| \`${typed}\` | ${description}${choices(offers, description)} |`,
  );
  return ['| option | what it does |', '|---|---|', ...rows];
}

/** Where the description does not name them. */
function choices(offers: Offered | undefined, description: string): string {
  if (!Array.isArray(offers) || offers.some((one: string) => description.includes(one))) return '';
  return `; e.g. ${words(offers)}`;
}

function words(list: readonly string[]): string {
  return list.map((word) => `\`${word}\``).join(', ');
}

/** Options of `run`, as keys. */
function keyRows(): string[] {
  const options = commandTable.find((command) => verbOf(command) === 'run')?.options ?? [];
  return knownKeys.map((key) => {
    const option = options.find((one) => wordsOf(one).includes(`--${optionOfKey.get(key) ?? key}`));
    const isSwitch = option !== undefined && !/[<[]/.test(option.words);
    const text = key === 'name' ? 'Name of the job (needed)' : option?.description.replaceAll('--', '');
    return `| \`${key}\` | ${text}${isSwitch ? '; `true`' : ''} |`;
  });
}
