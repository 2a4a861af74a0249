/**
 * From a job that fails to the webhook that is told of it: real containers, a real receiver over TLS that checks signatures, a daemon that is
 * killed in between, and what docs/webhooks.md has a receiver do in Python.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mistakesIn } from '../support/daemon-log.ts';
import { blocksOf } from '../support/documented-commands.ts';
import { cluster } from '../support/flow-cluster.ts';
import { runPython } from '../support/python.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';
import { expectedSignature, startWebhookSink, type TakenEvent, type WebhookSink } from '../support/webhook-sink.ts';

const tool = 'hooks-one';
const other = 'hooks-two';
let sandbox: Sandbox;
let sink: WebhookSink;
let secret = '';

beforeAll(async () => {
  sink = await startWebhookSink();
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'webhooks'),
    name: 'flow-webhooks',
    webhooks: { allow: ['127.0.0.1/32'], ca_file: sink.caFile },
  });
  await Promise.all([tool, other].map((name) => sandbox.addTool(name)));
  await sandbox.start();
});

afterAll(async () => {
  await sandbox?.stop();
  await sink?.stop();
  await Promise.all([tool, other].map((name) => sandbox?.removeTool(name)));
});

async function typed(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await sandbox.jobs(tool, ...words);
  expect([words, code, stderr]).toEqual([words, 0, expect.anything()]);
  return stdout;
}

const job = (name: string, command: string, ...more: string[]) =>
  typed('run', name, '--image', 'bookworm', '--no-filelog', '--command', command, ...more);

/** The first that came of this job and type. */
const told = (name: string, type: string): Promise<TakenEvent> =>
  until(async () => sink.came.find(({ event }) => event.job === name && event.type === type), `${type} of ${name}`);

const rows = async (): Promise<Record<string, string>[]> => JSON.parse(await typed('mail-log', '-o', 'json'));

describe('the webhook of a tool', () => {
  it('is set with a secret, and takes a test that is signed with it', async () => {
    const set = JSON.parse(await typed('webhook', 'set', sink.url, '-o', 'json'));
    expect(set).toMatchObject({ webhook: { url: sink.url, events: 'failures' }, secret: /^whsec_/ });
    secret = set.secret;
    await typed('webhook', 'test');
    const [test] = sink.came;
    expect(test?.event).toMatchObject({ type: 'webhook.test', tool });
    expect(test?.headers['webhook-signature']).toBe(test && expectedSignature(test, secret));
  });

  it('is told of a failure and of the recovery, though the job asks for no mail, and nobody else’s is', async () => {
    await job('flaky', 'test -e mended', '--schedule', '@yearly', '--emails', 'none');
    await typed('restart', 'flaky');
    const failed = await told('flaky', 'job.failed');
    expect(failed.event).toMatchObject({
      ...{ id: failed.headers['webhook-id'], tool, job_type: 'scheduled', outcome: 'failed', reason: 'exit_code' },
      ...{ exit_code: 1, failures: 1, left_out: 0 },
    });
    expect(failed.event.message).toMatch(/^Your job flaky failed at .*: your program ended with code 1\.$/);
    await writeFile(join(sandbox.homeOf(tool), 'mended'), '');
    await typed('restart', 'flaky');
    const recovered = await told('flaky', 'job.recovered');
    expect(recovered.event).toMatchObject({ outcome: 'succeeded', failures: 1 });
    expect(recovered.headers['webhook-signature']).toBe(expectedSignature(recovered, secret));
    const accounted = async () =>
      (await rows())
        .filter((row) => row.job === 'flaky')
        .map(({ via, event, state }) => `${via}: ${event} ${state}`)
        .sort();
    const all = ['mail: failed withheld', 'webhook: failed sent', 'webhook: finished sent'];
    await until(async () => (await accounted()).join() === all.join(), 'the mail log accounts for all of it');
    expect((await sandbox.jobs(other, 'webhook', 'show')).stderr).toContain('The tool has no webhook');
  });

  it('has what it did not take again after a kill, with the same id and the same bytes', async () => {
    sink.status = 503;
    await job('lost', 'exit 3');
    const first = await told('lost', 'job.failed');
    await sandbox.stop('SIGKILL');
    sink.status = 204;
    await sandbox.start();
    const taken = await until(
      async () => sink.came.find(({ event, status }) => event.job === 'lost' && status === 204),
      'it is taken',
    );
    expect([taken.headers['webhook-id'], taken.body]).toEqual([first.headers['webhook-id'], first.body]);
    expect(taken.headers['webhook-signature']).toBe(expectedSignature(taken, secret));
    await until(async () => JSON.parse(await typed('webhook', 'show', '-o', 'json')).waiting === 0, 'nothing waits');
    expect(JSON.parse(await typed('webhook', 'show', '-o', 'json'))).toMatchObject({ failing_since: null });
  });

  it('is believed by what docs/webhooks.md has its receiver do in Python', async () => {
    const [block] = blocksOf('docs/webhooks.md').filter(({ language }) => language === 'python');
    const { headers, body } = sink.came.at(-1) as TakenEvent;
    const program = `import sys, json
${block?.lines.join('\n')}
given = json.load(sys.stdin)
print([verify(given["secret"], given["headers"], body.encode()) for body in given["bodies"]])`;
    const bodies = [body, `${body} `];
    expect(await runPython(program, JSON.stringify({ secret, headers, bodies }))).toBe('[True, False]\n');
  });

  it('is told of nothing any more when it was removed, and what waited for it is given up', async () => {
    sink.status = 503;
    await job('unheard', 'exit 3');
    await told('unheard', 'job.failed');
    await typed('webhook', 'remove');
    sink.status = 204;
    await until(
      async () => (await rows()).some(({ job: name, state }) => name === 'unheard' && state === 'dropped'),
      'it is given up',
    );
    expect((await sandbox.jobs(tool, 'webhook', 'test')).code).toBe(1);
    expect(sink.came.filter(({ event, status }) => event.job === 'unheard' && status === 204)).toEqual([]);
  });

  it('leaves neither its secret nor its path in the log, and no mistake of ours', async () => {
    const log = await readFile(sandbox.logFile, 'utf8');
    for (const text of [secret, secret.slice('whsec_'.length), '/receiver']) expect(log).not.toContain(text);
    expect(await mistakesIn(sandbox.logFile)).toEqual([]);
    expect(sink.mostAtOnce()).toBe(1);
  });
});
