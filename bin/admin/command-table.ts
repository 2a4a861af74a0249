/** The table that the operators' command line is read with, and that its help is made from. */
import { defaultStartupFile } from './startup-file.ts';
import { defaultDays, defaultWithinDays } from './tool-add.ts';

export interface CommandRow {
  /** Name, then `<operand>` or `[operand]`. */
  readonly words: string;
  readonly description: string;
  /** `--name`, `--name <value>`, and what it says. */
  readonly options: readonly (readonly [words: string, description: string])[];
}

const json = ['-o, --output <form>', 'json for programs'] as const;
const kubeconfig = ['--kubeconfig <file>', 'Credentials of an operator (default: $KUBECONFIG)'] as const;
/** Of commands that ask a running daemon, or look at its files. */
const ofDaemon = [
  ['--state-dir <dir>', 'State directory of the daemon (default: /var/lib/toolforge-jobs)'],
  ['--config <file>', 'Start-up file of the daemon, which names that directory'],
] as const;

export const commandTable: readonly CommandRow[] = [
  {
    words: 'doctor',
    description: 'look at a deployment from outside to inside, and name the first thing that is wrong',
    options: [
      ['--url <url>', 'Where users find the service (default: the listener of the start-up file, on this machine)'],
      ['--ca <file>', 'What users verify it with (default: what the system trusts)'],
      ['--config <file>', `Start-up file of the daemon (default: ${defaultStartupFile})`],
      kubeconfig,
      ['--account <namespace/name>', "The daemon's own service account (default: jobs-api/jobs-api)"],
      json,
    ],
  },
  {
    words: 'status',
    description: 'how the service is, what needs somebody first; ends with 1 where something does',
    options: [...ofDaemon, json],
  },
  {
    words: 'jobs',
    description: 'jobs of all tools, or of one',
    options: [['--all', 'Of all tools'], ['--tool <name>', 'Of this tool'], ...ofDaemon, json],
  },
  {
    words: 'tool <verb> [name]',
    description: 'add, list, show, renew, disable or remove a tool',
    options: [
      kubeconfig,
      ['--homes-base <dir>', 'Where the homes are (default: /data/project)'],
      ['--homes-mount <dir>', 'Where pods see the homes (default: /data/project)'],
      ['--configmap <namespace/name>', 'Settings of the service (default: jobs-emailer/jobs-emailer-configmap)'],
      ['--server <url>', "add: API server for the tool's kubeconfig (default: that of yours)"],
      ['--uid <number>', 'add: owner of a new home (default: chosen from the name)'],
      ['--days <number>', `add, renew: life of a new certificate (default: ${defaultDays})`],
      ['--within <days>', `renew: certificates that end within so many days (default: ${defaultWithinDays})`],
      ['--all', 'renew: of every tool that is not disabled'],
      ['--renew', 'add: a new certificate although the old one is good'],
      ['--delete-home', 'remove: the home as well'],
      ['--yes', 'remove: really'],
      ['--quiet', 'Say nothing but the result'],
      json,
    ],
  },
  {
    words: 'mail <verb> [message-id]',
    description: 'list, show, retry or drop mails that were given up',
    options: [
      ...ofDaemon,
      ['--tool <name>', 'list, retry --all: of this tool only'],
      ['--all', 'retry: all there are'],
      ['--yes', 'drop: really'],
      json,
    ],
  },
  {
    words: 'settings <verb> [file]',
    description: 'show those in force, check a ConfigMap in a file, or diff the two',
    options: [
      ofDaemon[0],
      ['--config <file>', 'Start-up file of the daemon: names that directory, and the mail servers that may be used'],
      json,
    ],
  },
  {
    words: 'images <verb> [path] [address]',
    description: 'build, rebuild-all, prune, graph or publish the images that jobs run',
    options: [
      ['--tag <tag>', 'testing or latest (build: testing, rebuild-all: latest)'],
      ['--push', 'build, rebuild-all: to the registry, what was built together with all it belongs with'],
      ['--registry <host>', 'HOST, HOST:PORT or HOST/PATH (default: what images.yaml says)'],
      ['--prefix <word>', 'What names of images begin with (default: what images.yaml says, else toolforge)'],
      ['--builder <name>', 'buildah, podman or docker (default: the first that is installed)'],
      ['--at-once <number>', 'build, rebuild-all: so many at once (default: one for each processor, four at most)'],
      ['--dot', 'graph: for Graphviz'],
      ['--yes', 'prune: really'],
      ['--state <state>', 'publish: stable or deprecated (default: as it is, stable for a new one)'],
      ['--aliases <names>', 'publish: other names, with commas between (default: as they are)'],
      ['--ca <file>', 'publish: what the registry is verified with (default: what the system trusts)'],
      ['--kubeconfig <file>', 'publish: credentials of an operator (default: $KUBECONFIG)'],
      ['--config <file>', 'publish: start-up file of the daemon, which says where images are named'],
      ['--quiet', 'Say nothing but the result'],
      json,
    ],
  },
  {
    words: 'backup <file>',
    description: 'write the state directory into one file, while the daemon works',
    options: [...ofDaemon, json],
  },
  {
    words: 'restore <file>',
    description: 'put a backup in the place of the state directory, while no daemon works',
    options: [['--yes', 'Really'], ...ofDaemon, json],
  },
  {
    words: 'adopt',
    description: 'show what is understood of the jobs that the cluster has already',
    options: [
      ['--dry-run', 'Needed: there is nothing else to do'],
      kubeconfig,
      ['--config <file>', 'Start-up file of the daemon, which says where images are named'],
      ['--tool <name>', 'Of this tool only'],
      json,
    ],
  },
];
