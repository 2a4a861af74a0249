/** Jobs of several parts, as the canonical dialect has them: one job to whoever asks, over a cluster that keeps what is written. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeKind, MailLogRow } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { recordAt, textAt } from '../../../src/fields.ts';
import type { Call } from '../../../src/server/routes/route.ts';
import { createRoutes } from '../../../src/server/routes.ts';
import { type KeepingDeps, keepDeps } from '../keeping-deps.ts';
import { alpha } from '../scripted-deps.ts';

let deps: KeepingDeps;
type Json = Record<string, unknown>;
const update = { name: 'update', cmd: './update.sh', imagename: 'python3.11', schedule: '17 4 * * *' };
const wikis = (...values: string[]) => ({ ...update, matrix: { WIKI: values } });
const bots = (...values: string[]) => ({
  name: 'bot',
  cmd: './bot.sh',
  imagename: 'python3.11',
  continuous: true,
  matrix: { WIKI: values },
});

beforeEach(() => {
  deps = keepDeps();
});
afterEach(() => deps.stop());

async function ask(operation: string, body?: unknown, name = '', query: Json = {}): Promise<Json> {
  const route = createRoutes(deps).find((one) => one.operation === operation);
  if (!route) throw new Error(`no route ${operation}`);
  const call: Call = {
    caller: alpha,
    params: { tool: 'alpha', name },
    query,
    body,
    header: () => undefined,
    release() {},
  };
  const answer = await route.handle(call);
  return JSON.parse(
    typeof answer === 'object' && answer && 'text' in answer ? String(answer.text) : JSON.stringify(answer),
  );
}
const apply = (body: unknown) => ask('apply', body);
const plan = async (jobs: readonly unknown[], prune = false) =>
  (await ask('plan', { jobs, prune })).plan as { jobs: Json[]; problems: string[] };
const writes = () => deps.writes.splice(0);
const names = () => [...deps.stored.keys()].sort();
const list = async (query: Json = {}) => (await ask('list', undefined, '', query)).jobs as Json[];
const status = (kind: KubeKind, name: string, change: Json) =>
  deps.put(kind, { ...deps.stored.get(`${kind}/${name}`), status: change });

describe('a job of several parts', () => {
  it('is created as one object for each, all of which know the whole of it', async () => {
    const { job, messages } = await ask('run', wikis('frwiki', 'dewiki'));
    expect(names()).toEqual(['CronJob/update-dewiki', 'CronJob/update-frwiki']);
    expect(job).toMatchObject({
      name: 'update',
      matrix: { WIKI: ['frwiki', 'dewiki'] },
      parts: [{ name: 'update-dewiki' }, { name: 'update-frwiki' }].reverse(),
    });
    expect(messages).toMatchObject({ warning: [] });
    const metadata = recordAt(deps.stored.get('CronJob/update-frwiki'), 'metadata');
    expect(textAt(metadata, 'labels', 'jobs.toolforge.org/group')).toBe('update');
    expect(textAt(metadata, 'annotations', 'jobs.toolforge.org/definition')).toContain(
      '"matrix":{"WIKI":["frwiki","dewiki"]}',
    );
    expect(JSON.stringify(deps.stored.get('CronJob/update-frwiki'))).toContain('{"name":"WIKI","value":"frwiki"}');
  });

  it('is created whole or not at all', async () => {
    deps.hard = { 'count/cronjobs.batch': 1 };
    await expect(ask('run', wikis('frwiki', 'dewiki'))).rejects.toMatchObject({ code: 'quota.exceeded' });
    expect(names()).toEqual([]);
  });

  it('is one row of the list, and what its owner set is what was asked for', async () => {
    await apply(wikis('frwiki', 'dewiki'));
    await apply({ ...update, name: 'alone' });
    expect((await list()).map(({ name }) => name)).toEqual(['alone', 'update']);
    const [, set] = await list({ include_unset: 'false', as_typed: 'true' });
    expect(set).toEqual({ ...wikis('frwiki', 'dewiki'), image: 'python3.11', job_type: 'scheduled' });
  });

  it('says of how many of its parts what is to be known first, and which they are', async () => {
    await apply(bots('a', 'b', 'c'));
    const ready = { replicas: 1, readyReplicas: 1, conditions: [{ type: 'Available', status: 'True' }] };
    for (const name of ['bot-a', 'bot-b', 'bot-c']) status('Deployment', name, ready);
    const shown = async () => (await ask('show', undefined, 'bot')).job as Json;
    expect(await shown()).toMatchObject({ status_short: expect.stringMatching(/^\d of 3 /) });
    expect((await shown()).parts).toHaveLength(3);
    expect(await ask('show', undefined, 'bot-b')).toMatchObject({ job: { name: 'bot-b' } });
  });

  it('shows the next time of any of its schedules', async () => {
    await apply({ ...update, schedule: undefined, schedules: ['0 18 * * 1', '30 6 * * *'] });
    const { job } = await ask('show', undefined, 'update');
    expect(job).toMatchObject({
      schedule: '0 18 * * 1; 30 6 * * *',
      schedules: ['0 18 * * 1', '30 6 * * *'],
      status: { next_schedules: expect.arrayContaining(['2026-03-02T06:30:00Z', '2026-03-02T18:00:00Z']) },
    });
    const { jobs } = await plan([
      { ...update, name: 'other', schedule: undefined, schedules: ['0 18 * * 1', '30 6 * * *'] },
    ]);
    expect(jobs[0]).toMatchObject({ warnings: [expect.stringContaining('their runs may overlap')] });
  });

  it('is one object where one expression says its schedules', async () => {
    await apply({ ...update, schedule: undefined, schedules: ['0 18 * * *', '0 6 * * *'] });
    expect(names()).toEqual(['CronJob/update']);
    const [set] = await list({ include_unset: 'false' });
    expect(set).toMatchObject({ schedule: '0 6,18 * * *', schedules: ['0 18 * * *', '0 6 * * *'] });
  });
});

describe('what is told of a job of several parts', () => {
  it('in its mail log is what is told of each of them', async () => {
    await apply(bots('a', 'b'));
    const row = (jobName: string): MailLogRow => ({
      id: jobName,
      at: 1,
      jobType: 'continuous',
      jobName,
      kind: 'failed',
      reason: 'exit_code',
      state: 'sent',
      since: 1,
      why: undefined,
      messageId: undefined,
    });
    deps.script.mailed.set('alpha', [row('bot-a'), row('other'), row('bot-b')]);
    const of = async (job: string) =>
      ((await ask('mail_log', undefined, '', { job })).events as Json[]).map((one) => one.job);
    expect(await of('bot')).toEqual(['bot-a', 'bot-b']);
    expect(await of('bot-a')).toEqual(['bot-a']);
  });
});

describe('an edit of the matrix', () => {
  it('that changes other fields as well tells each of them once', async () => {
    await apply(bots('a', 'b'));
    const { jobs } = await plan([
      { ...bots('a', 'c'), memory: '1Gi', filelog_stdout: 'bot.log', parameters: { MODE: 'fast' } },
    ]);
    expect(((jobs[0]?.changes ?? []) as { field: string }[]).map(({ field }) => field).sort()).toEqual([
      'filelog_stdout',
      'matrix',
      'memory',
      'parameters',
    ]);
    expect(jobs[0]).toMatchObject({ effect: 'short_stop', parts: [{ name: 'bot-b', action: 'delete' }, {}, {}] });
  });

  it('touches what comes and what goes, and of the others only what is noted beside them', async () => {
    await apply(bots('a', 'b', 'c'));
    const template = JSON.stringify(recordAt(deps.stored.get('Deployment/bot-b'), 'spec'));
    writes();
    const edited = bots('b', 'c', 'd');
    const { jobs } = await plan([edited]);
    expect(jobs).toMatchObject([
      {
        name: 'bot',
        action: 'update',
        changes: [{ field: 'matrix', from: { WIKI: ['a', 'b', 'c'] }, to: { WIKI: ['b', 'c', 'd'] } }],
        message:
          'One part comes: bot-d. One copy starts at once. One part goes: bot-a. Nothing of it runs now. 2 parts are not touched.',
      },
    ]);
    expect(writes()).toEqual([]);
    expect(await apply(edited)).toMatchObject({ job_changed: true });
    expect(writes()).toEqual([
      'remove Deployment/bot-a',
      'create Deployment/bot-d',
      'patch Deployment/bot-b',
      'patch Deployment/bot-c',
    ]);
    expect(JSON.stringify(recordAt(deps.stored.get('Deployment/bot-b'), 'spec'))).toBe(template);
    expect((await plan([edited])).jobs).toMatchObject([{ action: 'unchanged' }]);
    expect(await apply(bots('d', 'c', 'b'))).toMatchObject({ job_changed: false });
    expect(writes()).toEqual([]);
  });

  it('works at a full quota', async () => {
    deps.hard = { 'count/cronjobs.batch': 2 };
    await apply(wikis('frwiki', 'dewiki'));
    expect((await plan([wikis('frwiki', 'itwiki')])).problems).toEqual([]);
    expect(await apply(wikis('frwiki', 'itwiki'))).toMatchObject({ job_changed: true });
    expect((await plan([wikis('frwiki', 'itwiki', 'eswiki')])).problems).toEqual([
      expect.stringContaining('update-eswiki'),
    ]);
  });

  it('goes on where it was cut off', async () => {
    await apply(wikis('frwiki', 'dewiki'));
    deps.onWrite = (write) => {
      if (write === 'create CronJob/update-eswiki') throw new AppError('kube.unreachable', 'No.');
    };
    const edited = wikis('dewiki', 'itwiki', 'eswiki');
    await expect(apply(edited)).rejects.toMatchObject({ code: 'kube.unreachable' });
    deps.onWrite = () => {};
    expect(await apply(edited)).toMatchObject({ job_changed: true });
    expect(names()).toEqual(['CronJob/update-dewiki', 'CronJob/update-eswiki', 'CronJob/update-itwiki']);
    expect(await apply(edited)).toMatchObject({ job_changed: false });
  });

  it('of a one-off runs what is new, never again what has run, and waits for what runs', async () => {
    const once = (...values: string[]) => ({
      name: 'once',
      cmd: './once.sh',
      imagename: 'python3.11',
      matrix: { N: values },
    });
    await apply(once('1', '2'));
    const first = deps.jobs.find('tool-alpha', 'once-1');
    await deps.forward.remove(alpha.tool, first?.key ?? ({} as never), first?.object.uid ?? '');
    writes();
    expect(await apply(once('1', '2'))).toMatchObject({ job_changed: false });
    await apply(once('1', '2', '3'));
    expect(writes()).toEqual(['create Job/once-3', 'patch Job/once-2']);
    expect((await plan([{ ...once('2', '3'), cmd: './other.sh' }])).jobs[0]).toMatchObject({ action: 'refuse' });
    expect(await apply({ ...once('2', '3'), cmd: './other.sh' })).toMatchObject({ job_changed: false });
    await expect(ask('run', once('4'))).rejects.toMatchObject({ code: 'job.conflict' });
    expect(writes()).toEqual([]);
  });
});

describe('the name of a part', () => {
  beforeEach(async () => {
    await apply(wikis('frwiki', 'dewiki'));
    writes();
  });

  it('is not changed, deleted or restarted alone', async () => {
    const refusal = { code: 'job.is_part', message: expect.stringContaining("a part of the job 'update'") };
    await expect(ask('delete', undefined, 'update-frwiki')).rejects.toMatchObject(refusal);
    await expect(ask('restart', undefined, 'update-frwiki')).rejects.toMatchObject(refusal);
    for (const operation of ['run', 'apply'])
      await expect(ask(operation, { ...update, name: 'update-frwiki' })).rejects.toMatchObject(refusal);
    expect((await plan([{ ...update, name: 'update-frwiki' }])).jobs[0]).toMatchObject({ action: 'refuse' });
    expect(writes()).toEqual([]);
  });

  it('is never that of another job', async () => {
    const other = { ...update, name: 'update-frwiki-0600' };
    await apply(other);
    const both = { ...wikis('frwiki'), schedule: undefined, schedules: ['0 6 * * *', '30 7 * * *'] };
    await expect(apply(both)).rejects.toMatchObject({ code: 'job.conflict' });
    const two = [
      { ...update, name: 'x', matrix: { A: ['b-c'] } },
      { ...update, name: 'x-b', matrix: { A: ['c'] } },
    ];
    expect((await plan(two)).jobs).toMatchObject([{ action: 'create' }, { action: 'refuse' }, {}, {}]);
  });

  it('may be that of a job that goes', async () => {
    await ask('delete', undefined, 'update');
    expect(names()).toEqual([]);
    await apply({ ...update, name: 'update-frwiki' });
    const { jobs } = await plan([wikis('frwiki', 'dewiki')], true);
    expect(jobs).toMatchObject([
      { name: 'update-frwiki', action: 'delete' },
      { name: 'update', action: 'create' },
    ]);
  });
});

describe('a job that gets parts, or loses them', () => {
  it('is there at every moment', async () => {
    await apply(update);
    writes();
    expect((await plan([wikis('frwiki', 'dewiki')])).jobs).toMatchObject([{ name: 'update', action: 'update' }]);
    await apply(wikis('frwiki', 'dewiki'));
    expect(writes()).toEqual(['create CronJob/update-frwiki', 'create CronJob/update-dewiki', 'remove CronJob/update']);
    await apply(update);
    expect(writes()).toEqual(
      ['create CronJob/update', 'remove CronJob/update-frwiki', 'remove CronJob/update-dewiki'].sort((a, b) =>
        a.startsWith('create') ? -1 : b.startsWith('create') ? 1 : a < b ? -1 : 1,
      ),
    );
    expect((await list()).map(({ name }) => name)).toEqual(['update']);
  });

  it('is what it was before, once, in what is kept of it', async () => {
    await apply(wikis('frwiki', 'dewiki'));
    await apply(wikis('frwiki'));
    await ask('delete', undefined, 'update');
    const { former } = await ask('former');
    expect(former).toMatchObject([
      { reason: 'deleted', job: wikis('frwiki') },
      { reason: 'changed', job: wikis('frwiki', 'dewiki') },
    ]);
  });
});
