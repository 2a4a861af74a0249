/** Everything there is to say of a command, said once, and what is done then. */
import { concurrencyChoices, emailsChoices, mountChoices, webhookEvents } from '../../src/domain.ts';
import { shells } from '../terminal/completion/completion.ts';
import type { ShownCommand, ShownOption } from '../terminal/shown-command.ts';
import { advise } from './advise.ts';
import { applyFile } from './apply.ts';
import { completeNames, printCompletion } from './completion.ts';
import { showDashboard } from './dashboard.ts';
import { deleteJob } from './delete.ts';
import { dumpJobs } from './dump.ts';
import { claimFence } from './fence.ts';
import { flushJobs } from './flush.ts';
import { showHistory } from './history.ts';
import { listImages } from './images.ts';
import { listForms, listJobs } from './list.ts';
import { loadJobs } from './load.ts';
import { showLogs } from './logs.ts';
import { showMailLog } from './mail-log.ts';
import type { Command, LocalCommand } from './outcome.ts';
import { planFile } from './plan.ts';
import { showQuota } from './quota.ts';
import { restartJob } from './restart.ts';
import { runJob, runJobNow } from './run.ts';
import { setAmounts } from './set.ts';
import { showJob } from './show.ts';
import { resumeJob, suspendJob } from './suspend.ts';
import { undoChanges } from './undo.ts';
import { watchJobs } from './watch.ts';
import { useWebhook, webhookActions } from './webhook.ts';

export interface CommandEntry extends ShownCommand {
  /** Asks the service. */
  readonly run?: Command;
  /** Needs neither service nor account. */
  readonly answer?: LocalCommand;
  /** Asked by a shell while somebody types: says nothing of failures, and gives up soon. */
  readonly isQuiet?: true;
}

export const usualForms = ['normal', 'json'] as const;

const output: ShownOption = { words: '-o, --output <form>', description: 'json for programs', offers: usualForms };

/** Of every command. `isPlugin`: the common command shows its own. */
export function globalOptions(isPlugin: boolean): readonly ShownOption[] {
  return [
    { words: '--cfg <file>', description: 'Settings file to read after the usual ones', offers: 'file' },
    { words: '--debug', description: isPlugin ? '' : 'Say what is done, and more about errors' },
  ];
}

const waitOptions: readonly ShownOption[] = [
  { words: '--wait [seconds]', description: 'Wait for the end, 600 seconds where no number is given' },
  { words: '--logs', description: 'With --wait: show what it writes' },
  { words: '--exit-code', description: "With --wait: end with the program's own exit code where it fails" },
];

const runOptions: readonly ShownOption[] = [
  { words: '--command <command>', description: 'What to run, e.g. "./bot.sh --all" (needed)' },
  {
    words: '--image <image>',
    description: "What to run it in; 'images' lists what there is (needed)",
    offers: 'image',
  },
  {
    words: '--schedule <schedule>',
    description:
      'Run at these times, e.g. "5 4 * * *" (minute hour day month weekday, UTC) or @daily; may be given several times',
    offers: ['@hourly', '@daily', '@weekly', '@monthly', '@yearly'],
  },
  { words: '--continuous', description: 'Run for ever; started again when it ends' },
  ...waitOptions,
  { words: '--mem <memory>', description: 'Memory it may use, e.g. 512Mi' },
  { words: '--cpu <cpu>', description: 'Processor time it may use, e.g. 500m or 1' },
  {
    words: '--emails <when>',
    description: `When to send mail: ${emailsChoices.join(', ')}`,
    offers: emailsChoices,
  },
  {
    words: '--filelog',
    description: 'Write the output to files in the home; so on prebuilt images unless told otherwise',
  },
  { words: '--no-filelog', description: 'Do not write the output to files' },
  { words: '-o, --filelog-stdout <path>', description: 'File for the output, NAME.out by default', offers: 'file' },
  { words: '-e, --filelog-stderr <path>', description: 'File for the errors, NAME.err by default', offers: 'file' },
  {
    words: '--retry <times>',
    description: 'Try again after a failure, 0 to 5 times',
    offers: ['0', '1', '2', '3', '4', '5'],
  },
  {
    words: '--mount <what>',
    description: `Directories the job sees: ${mountChoices.join(', ')}`,
    offers: mountChoices,
  },
  { words: '--timeout <seconds>', description: 'End a run of a scheduled job after this time; 0 is never' },
  { words: '--suspend', description: 'Start no run of a scheduled job until it is resumed' },
  { words: '--suspend-note <text>', description: 'The same, and why; shown with the job' },
  {
    words: '--suspend-until <time>',
    description: 'The same, until then, e.g. 2026-12-01T08:00:00Z',
  },
  {
    words: '--suspend-after <failures>',
    description: 'Suspend a scheduled job after so many failed runs in a row, 1 to 100; 0 is never',
  },
  { words: '--timezone <name>', description: 'On whose clocks the schedule counts, e.g. Europe/Rome; UTC by default' },
  {
    words: '--concurrency <policy>',
    description: `When a run is due while one goes on: ${concurrencyChoices.join(', ')}`,
    offers: concurrencyChoices,
  },
  {
    words: '--starting-deadline <seconds>',
    description: 'How late a run of a scheduled job may begin, 10 to 86400; 30 by default',
  },
  { words: '--replicas <number>', description: 'How many of a continuous job run at once' },
  {
    words: '-p, --port <port>',
    description: 'Port a continuous job answers at, under its name: 8080, 8080/tcp or 5353/udp',
  },
  {
    words: '--health-check-script <command>',
    description: 'A copy of a continuous job is well while this command ends with 0',
  },
  {
    words: '--health-check-http <path>',
    description: 'A copy of a continuous job is well while this page of its port answers, e.g. /healthz',
  },
  { words: '--publish', description: 'Make the port reachable from outside' },
  {
    words: '--unusual',
    description: 'Mail as well when a run is suspiciously short, long or quiet against those before it',
  },
  {
    words: '--matrix <NAME=value>',
    description:
      'Value of a variable: each combination of the values given is a part of the job, e.g. --matrix WIKI=frwiki --matrix WIKI=dewiki',
  },
  {
    words: '--param <NAME=value>',
    description: 'Variable that the program finds in its environment, e.g. WIKI=frwiki; may be given several times',
  },
  {
    words: '--after <job>',
    description: 'Job that comes first; a one-off has to succeed before this one is made. May be given several times',
    offers: 'job',
  },
  { words: '--dry-run', description: 'Say whether it would be accepted, whether it fits, and when it would run' },
  { words: '--output <form>', description: 'json for programs', offers: usualForms },
];

const ofWholeFiles: readonly ShownOption[] = [
  { words: '--prune', description: 'Delete the jobs that the file does not name' },
  { words: '--job <name>', description: 'Only this job of the file', offers: 'job' },
];

/** In the order of help. */
export const commandTable: readonly CommandEntry[] = [
  { usage: 'run <name>', description: 'define a job and start it', options: runOptions, run: runJob },
  {
    usage: 'list',
    description: 'list all jobs',
    options: [
      { ...output, description: `One of ${listForms.join(', ')}`, offers: listForms },
      { words: '-l, --long', description: '' },
    ],
    forms: listForms,
    run: listJobs,
  },
  {
    usage: 'show <name>',
    description: 'show everything about a job',
    offers: 'job',
    options: [
      { words: '--at <time>', description: 'What it was then, e.g. 2h, 1d or 2026-07-01T12:00:00Z; 7 days back' },
      output,
    ],
    run: showJob,
  },
  {
    usage: 'logs <name>',
    description: 'show what a job has written, to files or not',
    offers: 'job',
    options: [
      { words: '-f, --follow', description: 'Go on with what it writes, until it has ended' },
      { words: '-l, --last <lines>', description: 'So many lines at most, 0 to 5000; 500 unless told otherwise' },
      { words: '--since <time>', description: 'Only what came after, e.g. 10m, 2h, 1d or 2026-07-01T12:00:00Z' },
      { words: '--run <id>', description: 'Only what this run has written, as history names it, or the last one' },
      { ...output, description: 'json for programs: an object a line' },
    ],
    run: showLogs,
  },
  {
    usage: 'history <name>',
    description: 'show what became of the runs of a job, and of each time its schedule asked for one',
    offers: 'job',
    options: [
      { words: '-l, --last <runs>', description: 'So many at most, 1 to 1000; 20 unless told otherwise' },
      { words: '--failed', description: 'Only those that did not succeed' },
      output,
    ],
    run: showHistory,
  },
  {
    usage: 'watch',
    description: 'show the jobs as they change, until Ctrl-C',
    options: [{ ...output, description: 'json for programs: an object a line' }],
    run: watchJobs,
  },
  {
    usage: 'dashboard',
    description: 'show the jobs, their runs and the mail log as a page in a browser, until Ctrl-C',
    options: [
      { words: '--port <number>', description: 'Where the page is; any free port unless told otherwise' },
      { words: '--no-open', description: 'Only say its address' },
      output,
    ],
    run: showDashboard,
  },
  {
    usage: 'advise [name]',
    description: 'say how much memory and CPU a job should have, by what its runs have used',
    offers: 'job',
    options: [
      {
        words: '--quota',
        description: 'Instead: what of the quota of the tool is used up, and a text that asks for more',
      },
      output,
    ],
    run: advise,
  },
  {
    usage: 'set <name>',
    description: 'give a job more or less memory or CPU, and leave everything else as it is',
    offers: 'job',
    options: [
      { words: '--mem <memory>', description: 'Memory it may use, e.g. 512Mi' },
      { words: '--cpu <cpu>', description: 'Processor time it may use, e.g. 500m or 1' },
      output,
    ],
    run: setAmounts,
  },
  {
    usage: 'mail-log',
    description: 'show what became of each event in the mail of the tool, and on the way to its webhook',
    options: [
      { words: '--job <name>', description: 'Events of this job only', offers: 'job' },
      { words: '-l, --last <rows>', description: 'So many events at most, 1 to 1000; 50 unless told otherwise' },
      output,
    ],
    run: showMailLog,
  },
  {
    usage: 'webhook <action> [url]',
    description: 'have failures and recoveries of jobs sent to an address, signed: set <url>, show, test, remove',
    offers: webhookActions,
    options: [
      {
        words: '--events <which>',
        description: `With set: ${webhookEvents.join(' or ')} that happens to jobs; as before unless told otherwise, at first failures`,
        offers: webhookEvents,
      },
      { words: '--renew-secret', description: 'With set: make a new secret to sign with' },
      output,
    ],
    run: useWebhook,
  },
  {
    usage: 'restart <name>',
    description: 'start a continuous job again, or run a scheduled one now',
    offers: 'job',
    options: [output],
    run: restartJob,
  },
  {
    usage: 'run-now <name>',
    description: 'run a scheduled job once, now',
    offers: 'job',
    options: [
      ...waitOptions,
      { words: '--param <NAME=value>', description: 'Another value of a parameter of the job, for this run only' },
      output,
    ],
    run: runJobNow,
  },
  {
    usage: 'suspend <name>',
    description: 'let a scheduled job start no runs until it is resumed',
    offers: 'job',
    options: [
      { words: '--note <text>', description: 'Why; shown with the job' },
      { words: '--until <time>', description: 'When it goes on by itself, e.g. 2h, 3d or 2026-12-01T08:00:00Z' },
      output,
    ],
    run: suspendJob,
  },
  {
    usage: 'resume <name>',
    description: 'let a scheduled job that was suspended go on',
    offers: 'job',
    options: [output],
    run: resumeJob,
  },
  { usage: 'delete <name>', description: 'end a job and remove it', offers: 'job', options: [output], run: deleteJob },
  { usage: 'flush', description: 'end all jobs and remove them', options: [output], run: flushJobs },
  {
    usage: 'fence',
    description: 'inside a job: print a number that is higher than that of every run of the job before',
    options: [{ words: '--run <id>', description: 'Another run than the one it is asked in' }, output],
    run: claimFence,
  },
  {
    usage: 'images',
    alias: 'containers',
    description: 'list the images a job can run in',
    options: [output],
    run: listImages,
  },
  {
    usage: 'load <file>',
    description: "make jobs be as a YAML file ('-': what is piped in) has them; no job is deleted",
    offers: 'file',
    options: [{ words: '--job <name>', description: 'Only this job of the file', offers: 'job' }, output],
    run: loadJobs,
  },
  {
    usage: 'plan <file>',
    description: "say what 'apply' would do with a YAML file: nothing is changed",
    offers: 'file',
    options: [
      ...ofWholeFiles,
      { words: '--exit-code', description: 'End with 3 where something would be changed' },
      output,
    ],
    run: planFile,
  },
  {
    usage: 'apply <file>',
    description: 'make jobs be as a YAML file has them, or change nothing where one of them cannot be',
    offers: 'file',
    options: [...ofWholeFiles, { words: '--yes', description: 'Delete without asking' }, output],
    run: applyFile,
  },
  {
    usage: 'undo [name]',
    description: 'show what jobs were in the last 7 days before they were changed or deleted, or make one so again',
    offers: 'job',
    options: [
      {
        words: '--since <time>',
        description: 'Make all jobs (or the one named) be as before this time, e.g. 10m, 2h or 2026-07-01T12:00:00Z',
      },
      output,
    ],
    run: undoChanges,
  },
  {
    usage: 'dump',
    description: "print all jobs as a YAML file for 'load'",
    options: [
      { words: '-f, --to-file <file>', description: 'Write the file instead of printing it', offers: 'file' },
      output,
    ],
    run: dumpJobs,
  },
  { usage: 'quota', description: 'show what the tool may use, and what it uses', options: [output], run: showQuota },
  {
    usage: 'completion <shell>',
    description: `print what makes a shell complete commands, options and names: ${shells.join(', ')}`,
    offers: shells,
    options: [output],
    answer: printCompletion,
  },
  { usage: '__complete <what>', description: '', options: [], run: completeNames, isQuiet: true },
];
