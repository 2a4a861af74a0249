/**
 * From a job that fails to the mail about it: real containers, a real Postfix, and the mail read back as it arrived. Every cause at once,
 * each as its own job.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';
import { createMailboxFiles } from '../../src/mail/mailbox-files.ts';
import { emptyMailbox } from '../../src/mailbox.ts';
import { kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { jobsPath } from '../support/jobs-path.ts';
import { arrivedMails } from '../support/mails.ts';
import { makeSealed } from '../support/notices.ts';
import { type Postfix, startPostfix } from '../support/postfix.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'mail-one';
/** Tools of what takes its time. */
const slow = {
  retries: 'mail-retries',
  image: 'mail-image',
  crashes: 'mail-crashes',
  timeout: 'mail-timeout',
  quota: 'mail-quota',
} as const;
const tools = [tool, ...Object.values(slow)];
const clients = new Map<string, ApiClient>();
let sandbox: Sandbox;
let postfix: Postfix;

beforeAll(async () => {
  const dir = join(cluster.stateDir, 'mail');
  postfix = await startPostfix({ dir: join(dir, 'postfix'), domains: ['toolforge.org'] });
  sandbox = await createSandbox({
    cluster,
    dir,
    name: 'flow-mail',
    smtp: { allow: [{ host: 'mx.example.org', address: '127.0.0.1', port: postfix.port }] },
    settings: {
      mail_first_seconds: '1',
      task_compose_emails_loop_sleep: '1',
      mails_per_day_per_tool: '1000',
      mail_trouble_seconds: '5',
      mail_steady_seconds: '5',
      task_send_emails_max: '1000',
    },
  });
  await Promise.all(tools.map((name) => sandbox.addTool(name)));
  await sandbox.start();
  for (const name of tools) clients.set(name, apiClient(sandbox, name));
});

afterAll(async () => {
  for (const client of clients.values()) client.close();
  await sandbox?.stop();
  await postfix?.stop();
  await Promise.all(tools.map((name) => sandbox?.removeTool(name)));
});

async function run(name: string, cmd: string, more: object = {}, of: string = tool): Promise<void> {
  const body = { name, cmd, imagename: 'bookworm', emails: 'onfailure', filelog: false, ...more };
  const answer = await clients.get(of)?.call('POST', jobsPath(of), { body });
  expect(answer?.status, answer?.text).toBe(201);
}

const mails = async (of: string = tool) =>
  (await arrivedMails(postfix)).filter(({ to }) => to === `tools.${of}@toolforge.org`);

/** The part of a mail that is about one job, wherever it stands. */
async function told(name: string, words: RegExp, of: string = tool): Promise<string> {
  return until(async () => {
    const all = await mails(of);
    return all
      .map(({ text }) => text)
      .find((text) => flat(text).includes(`Your job ${name} `) && words.test(flat(text)));
  }, `a mail tells of ${name}`);
}

const flat = (text: string) => text.replace(/\s+/g, ' ');

describe('a mail about a job that failed', () => {
  it.each<[string, string, string, RegExp, object]>([
    ['its own exit code', 'code', 'echo "no such page" >&2; exit 3', /your program ended with code 3/, {}],
    [
      'a lack of memory',
      'hungry',
      'tail /dev/zero',
      /ran out of memory, having used all of its 100 MiB.* run it again with more memory \(your quota has room for that\): toolforge-jobs run hungry … --mem 192Mi/,
      { memory: '100Mi' },
    ],
    ['a signal', 'killed', 'sleep 60 & kill -9 $!; wait $!', /killed from outside/, {}],
    ['a command that is not there', 'absent', './no-such-script', /command was not found/, {}],
  ])('tells of %s', async (_, name, cmd, words, more) => {
    await run(name, cmd, more);
    const text = await told(name, words);
    expect(text).toMatch(new RegExp(`toolforge-jobs (logs|show) ${name}`));
  });

  it('has the last lines of the output, from the pod', async () => {
    await run('chatty', 'for n in $(seq 1 50); do echo "line $n"; done; printf "\\033[31mred\\n"; exit 1');
    const text = await told('chatty', /line 50/);
    expect(text).toContain('| line 32');
    expect(text).not.toContain('| line 31\n');
    expect(text).toContain('\\x1b[31mred');
  });

  it('has the last lines of the output, from the files in the home', async () => {
    await run('filed', 'echo to-stdout; echo to-stderr >&2; exit 1', { filelog: true });
    const text = await told('filed', /to-stderr/);
    expect(flat(text)).toMatch(
      /The last lines of filed\.\w+ \(1\), then filed\.\w+ \(1\) \(text written by the job\):/,
    );
    expect(text).toContain('| to-stdout');
  });
});

/** Side by side, each in a tool of its own, so that none waits for the mail about another one. */
describe.concurrent('a mail about what takes its time', () => {
  it('tells of retries that did not help', async () => {
    await run('thrice', 'exit 4', { retry: 1 }, slow.retries);
    const text = await told('thrice', /Attempts +2/, slow.retries);
    expect(text).toMatch(/toolforge-jobs (logs|show) thrice/);
  });

  it('tells of an image that cannot be pulled', async () => {
    await run('imageless', 'sleep 600', { continuous: true }, slow.image);
    // As when it vanishes from the registry: what is not listed the service does not take.
    const image = 'job=registry.invalid/none:latest';
    await kubectl(cluster, ['set', 'image', 'deployment/imageless', image, '-n', `tool-${slow.image}`]);
    const text = await told('imageless', /could not be had, so it did not start/, slow.image);
    expect(text).toMatch(/The cluster says:\n\n {2}\| .*registry\.invalid/);
  });

  it('tells of a copy that crashes again and again, folded and in one thread', async () => {
    await run('looping', 'echo boom; sleep 0.2; exit 7', { continuous: true }, slow.crashes);
    await told('looping', /code 7/, slow.crashes);
    const third = await told('looping', /failure 3, the first at/, slow.crashes);
    expect(third).toContain('| boom');
    const subject = `[Toolforge] [${slow.crashes}] looping failed`;
    const thread = (await mails(slow.crashes)).filter((mail) => mail.subject === subject);
    expect(thread.length).toBeGreaterThan(1);
    expect(thread.slice(1).filter(({ references }) => references === '')).toEqual([]);
  });

  it('tells of a timeout', async () => {
    await run('slow', 'echo working; sleep 600', { schedule: '* * * * *', timeout: 5 }, slow.timeout);
    await clients.get(slow.timeout)?.call('POST', `${jobsPath(slow.timeout)}/slow/restart`);
    const text = await told('slow', /longer than its timeout of 5 s/, slow.timeout);
    expect(text).toContain('| working');
    expect(text).toMatch(/Next run +\d\d:\d\d UTC on/);
  });

  it('tells of a quota that leaves no room', async () => {
    await run('greedy-one', 'sleep 600', { memory: '4Gi', emails: 'none' }, slow.quota);
    await run('greedy-two', 'sleep 600', { memory: '4Gi' }, slow.quota);
    await run('greedy-three', 'sleep 600', { memory: '4Gi' }, slow.quota);
    const text = await until(
      async () => (await mails(slow.quota)).find((mail) => /quota of your tool/.test(flat(mail.text)))?.text,
      'a mail tells of the quota',
    );
    expect(flat(text)).toContain('exceeded quota');
    expect(text).toMatch(/^ {2}toolforge-jobs quota$/m);
    expect((await sandbox.jobs(slow.quota, 'list')).stdout).toMatch(/greedy-three .*Unable to start, out of quota/);
    await clients.get(slow.quota)?.call('DELETE', `${jobsPath(slow.quota)}/greedy-three`);
    const record = await until(async () => {
      const answer = await clients.get(slow.quota)?.call('GET', `${jobsPath(slow.quota)}/greedy-three/runs`);
      return answer?.json().runs.find(({ reason }: { reason: string | null }) => reason === 'quota');
    }, 'its record says that it never started');
    expect(record).toMatchObject({ outcome: 'stopped', started: null });
    expect(record.message).toMatch(
      /^never started: the quota of the tool left no room for it; .*memory: 8Gi of 8Gi are used.*; then its job was deleted$/,
    );
  });
});

describe('no mail', () => {
  it('comes about what its owner ends', async () => {
    const obedient = 'trap "exit 1" TERM; sleep 600 & wait';
    await run('stopped', obedient);
    await run('bot', obedient, { continuous: true });
    await until(async () => (await sandbox.jobs(tool, 'list')).stdout.match(/Running/g)?.length === 2, 'both run');
    await clients.get(tool)?.call('DELETE', `${jobsPath(tool)}/stopped`);
    await clients.get(tool)?.call('POST', `${jobsPath(tool)}/bot/restart`);
    await clients.get(tool)?.call('DELETE', `${jobsPath(tool)}/bot`);
    await run('after', 'exit 9');
    await told('after', /code 9/);
    const texts = (await mails()).map(({ text }) => flat(text));
    expect(texts.filter((text) => /Your job (stopped|bot) /.test(text))).toEqual([]);
  });

  it('goes to anybody but the tool whose job it is', async () => {
    const received = await postfix.mails();
    for (const { recipient, message } of received) {
      const [, subject = ''] = /^Subject: \[Toolforge\] \[([a-z-]+)\]/m.exec(message) ?? [];
      expect(recipient).toBe(`tools.${subject}@toolforge.org`);
    }
  });
});

it('says what went wrong and what went well, and the log has no mistake of ours', async () => {
  await run('fine', 'true', { emails: 'all' });
  expect(await told('fine', /finished at/)).not.toMatch(/started at/);
  expect(await mistakesIn(sandbox.logFile)).toEqual([]);
});

describe('mail-log', () => {
  it('says of each event what became of it', async () => {
    await run('silent', 'exit 5', { emails: 'none' });
    await run('logged', 'exit 6');
    await told('logged', /code 6/);
    const table = await until(async () => {
      const { stdout } = await sandbox.jobs(tool, 'mail-log', '--last', '200');
      return /logged .*mailed/.test(stdout) && /silent/.test(stdout) ? stdout : undefined;
    }, 'both are in the log');
    expect(table).toMatch(
      /silent +failed \(exit code\) +not mailed: this job asks for no mail about it \(emails: none\)/,
    );
    expect(table).toMatch(/logged +failed \(exit code\) +mailed on .* UTC$/m);
  });
});

describe('a mail that was given up', () => {
  it('is shown to operators, and sent when they want it', async () => {
    await sandbox.stop();
    const log = createLog({ level: 'silent' });
    const files = createMailboxFiles({ directory: join(sandbox.dir, 'state', 'mail'), log });
    const messageId = '<given-up@toolforge.org>';
    const parked = {
      ...makeSealed({ messageId }),
      parkedAt: Date.now(),
      tries: 3,
      why: 'refused: 550',
      isRetried: false,
    };
    await files.save({ ...emptyMailbox('given-up'), parked: [parked] });
    await sandbox.start();
    const listed = await sandbox.admin('mail', 'list');
    expect(listed.stdout).toMatch(/^given-up .* refused: 550 +<given-up@toolforge\.org>$/m);
    expect((await sandbox.admin('mail', 'show', 'given-up@toolforge.org')).stdout).toContain('daily failed');
    expect(await sandbox.admin('mail', 'retry', 'given-up@toolforge.org')).toMatchObject({ code: 0 });
    await until(async () => (await mails('alpha')).length > 0, 'it arrives');
    await until(
      async () => (await sandbox.admin('mail', 'list')).stdout === 'No mail was given up.\n',
      'it is off the list',
    );
    expect(await sandbox.admin('mail', 'drop', 'given-up@toolforge.org', '--yes')).toMatchObject({ code: 1 });
  });
});
