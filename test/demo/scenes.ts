/** What the demo shows of jobs, each scene by itself, wherever it plays. */
import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { kubectl } from '../cluster/cluster.ts';
import { arrivedMails } from '../support/mails.ts';
import { until } from '../support/sandbox.ts';
import { liveThroughTrouble, playQuestions } from './questions.ts';
import { expectWords, jobs, type Stage, say } from './stage.ts';
import { expect, note, step } from './telling.ts';

const run = promisify(execFile);
/** Whose jobs are shown. */
const tool = 'tool-one';
/** What `show` must say of the jobs that fail. */
const reasons: Readonly<Record<string, string>> = { broken: "Exit code '3'", hungry: 'OOMKilled' };
/** As its owner keeps it beside the scripts. */
const jobsFile = (image: string) => `# the jobs of tool-one
- name: daily-report
  command: echo "report of $(date -u +%A)"
  image: ${image}
  schedule: "17 4 * * *"
  emails: onfailure
- name: weekly-cleanup
  command: find cache -mtime +7 -delete
  image: ${image}
  schedule: "@weekly"
  mem: 256Mi
`;

export async function playScenes(stage: Stage): Promise<void> {
  const trouble = liveThroughTrouble(stage);
  // Where it fails, playQuestions() does.
  trouble.catch(() => {});
  await playJobs(stage);
  await playFile(stage);
  await playWaiting(stage);
  await playReachable(stage);
  await playIdentity(stage);
  await playMail(stage);
  await playSettings(stage);
  await playQuestions(stage, trouble);
  await playFlush(stage);
}

async function playJobs(stage: Stage): Promise<void> {
  step('Five jobs of tool-one');
  await jobs(
    stage,
    tool,
    'run',
    'greeter',
    '--image',
    stage.image,
    '--command',
    'echo "hello from $(hostname)"; sleep 2; echo done',
  );
  await jobs(
    stage,
    tool,
    'run',
    'every-minute',
    '--image',
    stage.image,
    '--command',
    'date',
    '--schedule',
    '* * * * *',
  );
  await jobs(
    stage,
    tool,
    'run',
    'bot',
    '--image',
    stage.image,
    '--command',
    'while true; do date; sleep 1; done',
    '--continuous',
    '--cpu',
    '200m',
  );
  const told = ['--image', stage.image, '--emails', 'onfailure'];
  await jobs(stage, tool, 'run', 'broken', ...told, '--command', 'echo "no such page" >&2; exit 3');
  await jobs(stage, tool, 'run', 'hungry', ...told, '--command', 'tail /dev/zero', '--mem', '100Mi');

  step('list, as it changes; show, as soon as one has failed');
  const wanted = new Map([
    ['greeter', 'Completed'],
    ['bot', 'Running'],
    ['broken', 'Failed'],
    ['hungry', 'Failed'],
  ]);
  let last = '';
  await until(async () => {
    const { stdout } = await stage.jobs(tool, 'list');
    const states = stdout.replace(/for \w+ */g, '');
    if (states !== last) console.log(stdout);
    last = states;
    for (const [name, word] of wanted) {
      if (!new RegExp(`\\b${name}\\b.*\\b${word}\\b`).test(states)) continue;
      wanted.delete(name);
      if (word === 'Failed') await showWhy(stage, name);
    }
    return wanted.size === 0;
  }, 'the one-offs end and the bot runs');

  step('The output, in the home of the tool and owned by it');
  const home = stage.homeOf(tool);
  for (const file of ['greeter.out', 'broken.err']) {
    const path = join(home, file);
    const { uid } = await stat(path);
    console.log(`${file} (uid ${uid}): ${(await readFile(path, 'utf8')).trim()}`);
    expect(uid === (await stat(home)).uid, 'the file belongs to the tool');
  }
}

async function showWhy(stage: Stage, name: string): Promise<void> {
  const shown = await jobs(stage, tool, 'show', name);
  expect(shown.includes(reasons[name] as string), `show ${name} says ${reasons[name]}`);
}

async function playFile(stage: Stage): Promise<void> {
  step('A file of jobs: loaded, loaded again, changed');
  const file = join(stage.homeOf(tool), 'jobs.yaml');
  const text = jobsFile(stage.image);
  await writeFile(file, text);
  console.log(`$ cat jobs.yaml\n${text}`);
  await jobs(stage, tool, 'load', file);
  await expectWords(stage, tool, ['load', file], 'daily-report is already up to date');
  await writeFile(file, text.replace('17 4', '47 5'));
  await expectWords(stage, tool, ['load', file], 'daily-report was updated');

  step('A job is renamed in the file: plan says what that does, apply does it');
  await writeFile(file, text.replace('17 4', '47 5').replace('weekly-cleanup', 'cleanup'));
  await expectWords(stage, tool, ['plan', file], "The new job 'cleanup' does the same: was it renamed?");
  await expectWords(stage, tool, ['apply', file], 'Job cleanup created');
  await jobs(stage, tool, 'delete', 'weekly-cleanup');
  await expectWords(stage, tool, ['plan', file, '--exit-code'], 'Nothing to do.');

  step('restart: a scheduled job runs now; show says when it runs next');
  await jobs(stage, tool, 'restart', 'daily-report');
  const output = join(stage.homeOf(tool), 'daily-report.out');
  await until(() => readFile(output, 'utf8').catch(() => undefined), 'the report is written');
  console.log(`daily-report.out: ${(await readFile(output, 'utf8')).trim()}`);
  const shown = await jobs(stage, tool, 'show', 'daily-report');
  expect(shown.includes('Next runs:') && shown.includes('05:47'), 'show names the next runs');
}

async function playWaiting(stage: Stage): Promise<void> {
  step('run --wait --logs: stays until the job has ended, with its output and its exit code');
  const command = 'for table in pages links users; do echo "migrating $table"; sleep 1; done; exit 4';
  const words = ['run', 'migrate', '--image', stage.image, '--command', command, '--wait', '--logs', '--exit-code'];
  const { code, stdout, stderr } = await say(stage, tool, words);
  expect(stdout.includes('migrating links'), 'the output is shown');
  expect(code === 4, `the command ends with the job's own code 4, not ${code}: ${stderr}`);
  note(`exit code ${code}`);
  await jobs(stage, tool, 'logs', 'migrate', '--last', '2');
}

async function playReachable(stage: Stage): Promise<void> {
  step('A job with a port and a health check, reached from another job');
  await jobs(
    stage,
    tool,
    ...[
      'run',
      'web',
      '--image',
      stage.image,
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
  const { cluster } = stage;
  const address = (
    await kubectl(cluster, ['get', 'service', 'web', '-n', 'tool-tool-one', '-o', 'jsonpath={.spec.clusterIP}'])
  ).trim();
  const ask = `until wget -q -O - http://${address}:8080/ 2>/dev/null; do sleep 0.5; done`;
  const asked = await jobs(
    stage,
    tool,
    ...['run', 'ask', '--image', stage.image, '--command', ask, '--wait', '60', '--logs'],
  );
  expect(asked.includes('hello from web'), 'web answers');

  step('quota');
  const quota = await jobs(stage, tool, 'quota');
  expect(quota.includes('Cron jobs'), 'the quota is shown');
}

async function playIdentity(stage: Stage): Promise<void> {
  step('The same list through curl, with the certificate of the tool');
  const pair = join(stage.homeOf(tool), '.toolskube/client');
  const curl = ['-sS', '--cacert', stage.caFile];
  const { stdout: list } = await run('curl', [
    ...curl,
    '--cert',
    `${pair}.crt`,
    '--key',
    `${pair}.key`,
    `${stage.url}/api/v1/list/`,
  ]);
  console.log(list.trim());
  const names = (JSON.parse(list) as { name: string }[]).map(({ name }) => name);
  expect(names.includes('bot') && names.includes('every-minute'), 'curl sees the jobs');

  step('Without a certificate');
  const { stdout: refused } = await run('curl', [...curl, '-w', '\nHTTP %{http_code}\n', `${stage.url}/api/v1/list/`]);
  console.log(refused.trim());
  expect(
    refused.includes('No required SSL certificate was sent') && refused.includes('HTTP 400'),
    'the call is refused',
  );

  step('tool-two sees none of it, and is refused when it asks');
  const own = await stage.jobs('tool-two', 'list', '--output', 'json');
  expect(own.stdout.trim() === '[]', `tool-two has no jobs: ${own.stdout}`);
  note('list of tool-two: empty');
  const other = join(stage.homeOf('tool-two'), '.toolskube/client');
  const { stdout: forbidden } = await run('curl', [
    ...curl,
    '-w',
    '\nHTTP %{http_code}\n',
    '--cert',
    `${other}.crt`,
    '--key',
    `${other}.key`,
    `${stage.url}/v1/tool/tool-one/jobs`,
  ]);
  console.log(forbidden.trim());
  expect(forbidden.includes('HTTP 403'), 'the call is refused');
}

async function playMail(stage: Stage): Promise<void> {
  step('What became of each event in the mail of tool-one');
  const wanted = ['broken', 'hungry'];
  await until(async () => {
    const { stdout } = await stage.jobs(tool, 'mail-log');
    return wanted.every(
      (name) => new RegExp(`${name} .*(?<!not )mailed`).test(stdout) || (!stage.postfix && stdout.includes(name)),
    );
  }, 'both failures are mailed');
  await jobs(stage, tool, 'mail-log');
  if (!stage.postfix) return;

  step('The mail itself, as it arrived');
  const mails = await arrivedMails(stage.postfix);
  for (const { to, subject, text } of mails) console.log(`To: ${to}\nSubject: ${subject}\n\n${text.trimEnd()}\n`);
  const all = mails.map(({ text }) => text.replace(/\s+/g, ' ')).join(' ');
  expect(all.includes('your program ended with code 3'), 'a mail tells of the exit code');
  expect(all.includes('ran out of memory, having used all of its 100 MiB'), 'a mail tells of the lack of memory');
  expect(all.includes('| no such page'), 'a mail has the last lines');
}

/** As the manual has it: `kubectl edit`, here with an editor that types by itself. */
async function playSettings(stage: Stage): Promise<void> {
  const answer = async () => {
    const { code, stdout, stderr } = await stage.jobs('tool-two', 'list');
    return `exit code ${code} ${(stdout + stderr).trim()}`.trim();
  };
  step('An operator edits the settings: a tool is shut out at once, and let in again');
  note(`tool-two, list: ${await answer()}`);
  await editSettings(stage, 's/^data:$/&\\n  denied_tools: tool-two/');
  note(`tool-two, list: ${await until(async () => (await answer()).match(/.*code 1.*/s)?.[0], 'tool-two is refused')}`);
  await editSettings(stage, '/denied_tools: tool-two/d');
  note(`tool-two, list: ${await until(async () => (await answer()).match(/.*code 0.*/s)?.[0], 'tool-two is let in')}`);

  step('An edit with mistakes changes nothing, and says why where one looks first');
  await editSettings(
    stage,
    's/^data:$/&\\n  denied_tools: tool-two\\n  requests_at_once: many\\n  smtp_server_prot: "25"/',
  );
  const { cluster, settingsMap } = stage;
  const described = await until(async () => {
    const text = await kubectl(cluster, ['describe', 'configmap', settingsMap, '-n', 'jobs-emailer']);
    return text.includes('SettingsRefused') ? text.slice(text.indexOf('Events:')) : undefined;
  }, 'an event says so');
  console.log(`$ kubectl describe configmap ${settingsMap} -n jobs-emailer\n…\n${described.trim()}`);
  expect(described.includes('requests_at_once: must be a whole number'), 'the event has the reason');
  expect((await answer()).startsWith('exit code 0'), 'tool-two is still let in');
  const shown = await stage.showSettings();
  console.log(`$ toolforge-jobs-admin settings show\n${shown.split('\n').slice(0, 9).join('\n')}\n…`);
  expect(shown.includes('did you mean smtp_server_port?'), 'the slip is named');
}

async function editSettings({ cluster, settingsMap }: Stage, script: string): Promise<void> {
  const editor = `sed -i -e '${script}'`;
  console.log(`$ KUBE_EDITOR="${editor}" kubectl edit configmap ${settingsMap} -n jobs-emailer`);
  const words = ['--kubeconfig', cluster.adminKubeconfig, 'edit', 'configmap', settingsMap, '-n', 'jobs-emailer'];
  await run(cluster.kubectl, words, { env: { ...process.env, KUBE_EDITOR: editor } });
}

async function playFlush(stage: Stage): Promise<void> {
  step('flush: all jobs of tool-one go');
  await jobs(stage, tool, 'flush');
  const left = await stage.jobs(tool, 'list', '--output', 'json');
  expect(left.stdout.trim() === '[]', `nothing is left: ${left.stdout}`);
  note('nothing is left');
}
