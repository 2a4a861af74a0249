/**
 * `npm run demo`: from a bare machine to jobs that really run, told step by step. Ends with exit 0 and a clean machine;
 * `-- --keep` leaves everything up and prints how to use it; `-- --kubeconfig FILE` uses a cluster that is there already.
 * It looks at what comes back: a step that does not show what it says fails the demo.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type Cluster, down, kubectl, up } from '../cluster/cluster.ts';
import { arrivedMails } from '../support/mails.ts';
import { type Postfix, startPostfix } from '../support/postfix.ts';
import { type CommandResult, createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const run = promisify(execFile);
const { values: flags } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, kubeconfig: { type: 'string' } },
});
const started = Date.now();
/** What `show` must say of the jobs that fail. */
const reasons: Readonly<Record<string, string>> = { broken: "Exit code '3'", hungry: 'OOMKilled' };
const undos: (() => Promise<void>)[] = [];
/** As its owner keeps it beside the scripts. */
const jobsFile = `# the jobs of tool-one
- name: daily-report
  command: echo "report of $(date -u +%A)"
  image: bookworm
  schedule: "17 4 * * *"
  emails: onfailure
- name: weekly-cleanup
  command: find cache -mtime +7 -delete
  image: bookworm
  schedule: "@weekly"
  mem: 256Mi
`;

process.exitCode = await main().then(
  () => 0,
  (error: unknown) => {
    console.error(
      `\nThe demo did not go as it should: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    return 1;
  },
);

async function main(): Promise<void> {
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      interrupted = true;
      void cleanUp().finally(() => process.exit(130));
    });
  }
  try {
    await play();
  } finally {
    if (!flags.keep && !interrupted) await cleanUp();
  }
}

async function play(): Promise<void> {
  step('A real Kubernetes');
  const { cluster, stateDir } = await startCluster();
  note(`Kubernetes ${cluster.version} answers at ${cluster.server}`);

  step('Two tools, as the account manager of the cluster makes them');
  const postfix = await startMailServer(join(stateDir, 'postfix'));
  const sandbox = await createSandbox({
    cluster,
    dir: join(stateDir, 'demo'),
    name: 'demo',
    // Production waits longer, so that one mail tells more.
    settings: { mail_first_seconds: '1', task_compose_emails_loop_sleep: '1' },
    ...(postfix ? { smtp: { allow: [{ host: 'mx.example.org', address: '127.0.0.1', port: postfix.port }] } } : {}),
  });
  for (const tool of ['tool-one', 'tool-two']) {
    await sandbox.addTool(tool);
    undos.push(async () => void (await sandbox.admin('tool', 'remove', tool, '--yes', '--delete-home')));
    note(`${tool}: namespace, rights, quota, home, certificate`);
  }

  step('The daemon');
  await sandbox.start();
  undos.push(async () => void (await sandbox.stop()));
  note(`ready at ${sandbox.url}, each request with the certificate of a tool`);

  await playJobs(sandbox);
  await playFile(sandbox);
  await playWaiting(sandbox);
  await playReachable(sandbox);
  await playIdentity(sandbox);

  await playMail(sandbox, postfix);
  await playSettings(sandbox);

  step('flush: all jobs of tool-one go');
  await jobs(sandbox, 'flush');
  const left = await sandbox.jobs('tool-one', 'list', '--output', 'json');
  expect(left.stdout.trim() === '[]', `nothing is left: ${left.stdout}`);
  note('nothing is left');

  if (flags.keep) explainKept(sandbox, stateDir, postfix);
  else note(`\nDone in ${Math.round((Date.now() - started) / 1000)} s. Cleaning up.`);
}

async function startCluster(): Promise<{ cluster: Cluster; stateDir: string }> {
  const stateDir = flags.keep
    ? join(homedir(), '.local/state/toolforge-jobs/demo')
    : await mkdtemp(join(tmpdir(), 'toolforge-jobs-demo-'));
  if (!flags.keep) undos.push(() => rm(stateDir, { recursive: true, force: true }));
  const cluster = await up({
    stateDir,
    onProgress: note,
    ...(flags.kubeconfig ? { kubeconfig: flags.kubeconfig } : {}),
  });
  if (cluster.owned) undos.push(() => down(stateDir, note));
  return { cluster, stateDir };
}

/** A real one, which delivers into a directory; it needs root, as the cluster does. */
async function startMailServer(dir: string): Promise<Postfix | undefined> {
  if (process.getuid?.() !== 0) {
    note('without root there is no mail server here: mail is composed and recorded, and not sent');
    return undefined;
  }
  const postfix = await startPostfix({ dir, domains: ['toolforge.org'] });
  undos.push(() => postfix.stop());
  note(`Postfix takes mail at 127.0.0.1:${postfix.port}`);
  return postfix;
}

async function playMail(sandbox: Sandbox, postfix: Postfix | undefined): Promise<void> {
  step('What became of each event in the mail of tool-one');
  const wanted = ['broken', 'hungry'];
  await until(async () => {
    const { stdout } = await sandbox.jobs('tool-one', 'mail-log');
    return wanted.every(
      (name) => new RegExp(`${name} .*(?<!not )mailed`).test(stdout) || (!postfix && stdout.includes(name)),
    );
  }, 'both failures are mailed');
  await jobs(sandbox, 'mail-log');
  if (!postfix) return;

  step('The mail itself, as it arrived');
  const mails = await arrivedMails(postfix);
  for (const { to, subject, text } of mails) console.log(`To: ${to}\nSubject: ${subject}\n\n${text.trimEnd()}\n`);
  const all = mails.map(({ text }) => text.replace(/\s+/g, ' ')).join(' ');
  expect(all.includes('your program ended with code 3'), 'a mail tells of the exit code');
  expect(all.includes('ran out of memory, having used all of its 100 MiB'), 'a mail tells of the lack of memory');
  expect(all.includes('| no such page'), 'a mail has the last lines');
}

/** As the manual has it: `kubectl edit`, here with an editor that types by itself. */
async function playSettings(sandbox: Sandbox): Promise<void> {
  const answer = async () => {
    const { code, stdout, stderr } = await sandbox.jobs('tool-two', 'list');
    return `exit code ${code} ${(stdout + stderr).trim()}`.trim();
  };
  step('An operator edits the settings: a tool is shut out at once, and let in again');
  note(`tool-two, list: ${await answer()}`);
  await editSettings(sandbox, 's/^data:$/&\\n  denied_tools: tool-two/');
  note(`tool-two, list: ${await until(async () => (await answer()).match(/.*code 1.*/s)?.[0], 'tool-two is refused')}`);
  await editSettings(sandbox, '/denied_tools: tool-two/d');
  note(`tool-two, list: ${await until(async () => (await answer()).match(/.*code 0.*/s)?.[0], 'tool-two is let in')}`);

  step('An edit with mistakes changes nothing, and says why where one looks first');
  await editSettings(
    sandbox,
    's/^data:$/&\\n  denied_tools: tool-two\\n  requests_at_once: many\\n  smtp_server_prot: "25"/',
  );
  const { cluster } = sandbox;
  const described = await until(async () => {
    const text = await kubectl(cluster, ['describe', 'configmap', 'demo', '-n', 'jobs-emailer']);
    return text.includes('SettingsRefused') ? text.slice(text.indexOf('Events:')) : undefined;
  }, 'an event says so');
  console.log(`$ kubectl describe configmap demo -n jobs-emailer\n…\n${described.trim()}`);
  expect(described.includes('requests_at_once: must be a whole number'), 'the event has the reason');
  expect((await answer()).startsWith('exit code 0'), 'tool-two is still let in');
  const { stdout } = await sandbox.admin('settings', 'show');
  console.log(`$ toolforge-jobs-admin settings show\n${stdout.split('\n').slice(0, 9).join('\n')}\n…`);
  expect(stdout.includes('did you mean smtp_server_port?'), 'the slip is named');
}

async function editSettings({ cluster }: Sandbox, script: string): Promise<void> {
  const editor = `sed -i -e '${script}'`;
  console.log(`$ KUBE_EDITOR="${editor}" kubectl edit configmap demo -n jobs-emailer`);
  const words = ['--kubeconfig', cluster.adminKubeconfig, 'edit', 'configmap', 'demo', '-n', 'jobs-emailer'];
  await run(cluster.kubectl, words, { env: { ...process.env, KUBE_EDITOR: editor } });
}

async function playJobs(sandbox: Sandbox): Promise<void> {
  step('Five jobs of tool-one');
  await jobs(
    sandbox,
    'run',
    'greeter',
    '--image',
    'bookworm',
    '--command',
    'echo "hello from $(hostname)"; sleep 2; echo done',
  );
  await jobs(sandbox, 'run', 'every-minute', '--image', 'bookworm', '--command', 'date', '--schedule', '* * * * *');
  await jobs(
    sandbox,
    'run',
    'bot',
    '--image',
    'bookworm',
    '--command',
    'while true; do date; sleep 1; done',
    '--continuous',
    '--cpu',
    '200m',
  );
  const told = ['--image', 'bookworm', '--emails', 'onfailure'];
  await jobs(sandbox, 'run', 'broken', ...told, '--command', 'echo "no such page" >&2; exit 3');
  await jobs(sandbox, 'run', 'hungry', ...told, '--command', 'tail /dev/zero', '--mem', '100Mi');

  step('list, as it changes; show, as soon as one has failed');
  const wanted = new Map([
    ['greeter', 'Completed'],
    ['bot', 'Running'],
    ['broken', 'Failed'],
    ['hungry', 'Failed'],
  ]);
  let last = '';
  await until(async () => {
    const { stdout } = await sandbox.jobs('tool-one', 'list');
    const states = stdout.replace(/for \w+ */g, '');
    if (states !== last) console.log(stdout);
    last = states;
    for (const [name, word] of wanted) {
      if (!new RegExp(`\\b${name}\\b.*\\b${word}\\b`).test(states)) continue;
      wanted.delete(name);
      if (word === 'Failed') await showWhy(sandbox, name);
    }
    return wanted.size === 0;
  }, 'the one-offs end and the bot runs');

  step('The output, in the home of the tool and owned by it');
  const home = sandbox.homeOf('tool-one');
  for (const file of ['greeter.out', 'broken.err']) {
    const path = join(home, file);
    const { uid } = await stat(path);
    console.log(`${file} (uid ${uid}): ${(await readFile(path, 'utf8')).trim()}`);
    expect(uid === (await stat(home)).uid, 'the file belongs to the tool');
  }
}

async function playFile(sandbox: Sandbox): Promise<void> {
  step('A file of jobs: loaded, loaded again, changed');
  const file = join(sandbox.homeOf('tool-one'), 'jobs.yaml');
  await writeFile(file, jobsFile);
  console.log(`$ cat jobs.yaml\n${jobsFile}`);
  await jobs(sandbox, 'load', file);
  await expectWords(sandbox, ['load', file], 'daily-report is already up to date');
  await writeFile(file, jobsFile.replace('17 4', '47 5'));
  await expectWords(sandbox, ['load', file], 'daily-report was updated');

  step('A job is renamed in the file: plan says what that does, apply does it');
  await writeFile(file, jobsFile.replace('17 4', '47 5').replace('weekly-cleanup', 'cleanup'));
  await expectWords(sandbox, ['plan', file], "The new job 'cleanup' does the same: was it renamed?");
  await expectWords(sandbox, ['apply', file], 'Job cleanup created');
  await jobs(sandbox, 'delete', 'weekly-cleanup');
  await expectWords(sandbox, ['plan', file, '--exit-code'], 'Nothing to do.');

  step('restart: a scheduled job runs now; show says when it runs next');
  await jobs(sandbox, 'restart', 'daily-report');
  const output = join(sandbox.homeOf('tool-one'), 'daily-report.out');
  await until(() => readFile(output, 'utf8').catch(() => undefined), 'the report is written');
  console.log(`daily-report.out: ${(await readFile(output, 'utf8')).trim()}`);
  const shown = await jobs(sandbox, 'show', 'daily-report');
  expect(shown.includes('Next runs:') && shown.includes('05:47'), 'show names the next runs');
}

async function playWaiting(sandbox: Sandbox): Promise<void> {
  step('run --wait --logs: stays until the job has ended, with its output and its exit code');
  const command = 'for table in pages links users; do echo "migrating $table"; sleep 1; done; exit 4';
  const words = ['run', 'migrate', '--image', 'bookworm', '--command', command, '--wait', '--logs', '--exit-code'];
  const { code, stdout, stderr } = await say(sandbox, words);
  expect(stdout.includes('migrating links'), 'the output is shown');
  expect(code === 4, `the command ends with the job's own code 4, not ${code}: ${stderr}`);
  note(`exit code ${code}`);
  await jobs(sandbox, 'logs', 'greeter', '--last', '2');
}

async function playReachable(sandbox: Sandbox): Promise<void> {
  step('A job with a port and a health check, reached from another job');
  await jobs(
    sandbox,
    ...[
      'run',
      'web',
      '--image',
      'bookworm',
      '--continuous',
      '--port',
      '8080',
      '--health-check-http',
      '/',
      '--cpu',
      '200m',
    ],
    ...['--command', 'echo "hello from web" >index.html; exec httpd -f -p $PORT'],
  );
  const { cluster } = sandbox;
  const address = (
    await kubectl(cluster, ['get', 'service', 'web', '-n', 'tool-tool-one', '-o', 'jsonpath={.spec.clusterIP}'])
  ).trim();
  const ask = `until wget -q -O - http://${address}:8080/ 2>/dev/null; do sleep 0.5; done`;
  const asked = await jobs(
    sandbox,
    ...['run', 'ask', '--image', 'bookworm', '--command', ask, '--wait', '60', '--logs'],
  );
  expect(asked.includes('hello from web'), 'web answers');

  step('quota');
  const quota = await jobs(sandbox, 'quota');
  expect(quota.includes('Cron jobs'), 'the quota is shown');
}

async function showWhy(sandbox: Sandbox, name: string): Promise<void> {
  const shown = await jobs(sandbox, 'show', name);
  expect(shown.includes(reasons[name] as string), `show ${name} says ${reasons[name]}`);
}

async function playIdentity(sandbox: Sandbox): Promise<void> {
  step('The same list through curl, with the certificate of the tool');
  const pair = join(sandbox.homeOf('tool-one'), '.toolskube/client');
  const curl = ['-sS', '--cacert', sandbox.caFile];
  const { stdout: list } = await run('curl', [
    ...curl,
    '--cert',
    `${pair}.crt`,
    '--key',
    `${pair}.key`,
    `${sandbox.url}/api/v1/list/`,
  ]);
  console.log(list.trim());
  const names = (JSON.parse(list) as { name: string }[]).map(({ name }) => name);
  expect(names.includes('bot') && names.includes('every-minute'), 'curl sees the jobs');

  step('Without a certificate');
  const { stdout: refused } = await run('curl', [
    ...curl,
    '-w',
    '\nHTTP %{http_code}\n',
    `${sandbox.url}/api/v1/list/`,
  ]);
  console.log(refused.trim());
  expect(
    refused.includes('No required SSL certificate was sent') && refused.includes('HTTP 400'),
    'the call is refused',
  );

  step('tool-two sees none of it, and is refused when it asks');
  const own = await sandbox.jobs('tool-two', 'list', '--output', 'json');
  expect(own.stdout.trim() === '[]', `tool-two has no jobs: ${own.stdout}`);
  note('list of tool-two: empty');
  const other = join(sandbox.homeOf('tool-two'), '.toolskube/client');
  const { stdout: forbidden } = await run('curl', [
    ...curl,
    '-w',
    '\nHTTP %{http_code}\n',
    '--cert',
    `${other}.crt`,
    '--key',
    `${other}.key`,
    `${sandbox.url}/v1/tool/tool-one/jobs`,
  ]);
  console.log(forbidden.trim());
  expect(forbidden.includes('HTTP 403'), 'the call is refused');
}

/** Runs a command of tool-one and shows it, as its owner would see it. */
async function say(sandbox: Sandbox, args: readonly string[]): Promise<CommandResult> {
  console.log(`$ toolforge-jobs ${args.map((arg) => (/^[\w.:/-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ')}`);
  const result = await sandbox.jobs('tool-one', ...args);
  const text = (result.stdout + result.stderr).trim();
  if (text) console.log(text);
  return result;
}

async function jobs(sandbox: Sandbox, ...args: string[]): Promise<string> {
  const { code, stdout } = await say(sandbox, args);
  expect(code === 0, `the command ends with 0, not ${code}`);
  return stdout;
}

async function expectWords(sandbox: Sandbox, args: readonly string[], words: string): Promise<void> {
  const { stdout, stderr } = await say(sandbox, args);
  expect((stdout + stderr).includes(words), `${args[0]} says: ${words}`);
}

async function cleanUp(): Promise<void> {
  for (const undo of undos.splice(0).reverse()) {
    await undo().catch((error: unknown) =>
      console.error(`clean-up: ${error instanceof Error ? error.message : String(error)}`),
    );
  }
}

function explainKept(sandbox: Sandbox, stateDir: string, postfix: Postfix | undefined): void {
  const home = sandbox.homeOf('tool-one');
  console.log(`
Everything is left running. To use it as tool-one:

  export HOME=${home} KUBECONFIG=${home}/.kube/config
  node dist/jobs.js list

To end it:

  kill ${sandbox.pid()}    # the daemon; its log: ${sandbox.logFile}
  ${postfix ? `kill ${postfix.pid}    # the mail server; mail: ${join(stateDir, 'postfix/mail/all/new')}` : ''}
  npm run cluster -- down --state ${stateDir}`);
}

function step(title: string): void {
  console.log(`\n=== ${title}`);
}

function note(line: string): void {
  console.log(line);
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`expected: ${what}`);
}
