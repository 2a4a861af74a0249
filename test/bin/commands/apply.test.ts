import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  cut,
  makeJob,
  makeStatus,
  noMessages,
  type RunOptions,
  runMain,
  type Service,
  startService,
} from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const planned = (action: string, name: string, changes: object = {}) => ({
  name,
  job_type: 'scheduled',
  action,
  changes: [],
  effect: 'none',
  message: '',
  next_schedules: [],
  warnings: [],
  successor: null,
  refusal: null,
  ...changes,
});
const quota = { name: 'Cron jobs', limit: '50', used: '1', after: '2', fits: true };
const plan = (jobs: object[], changes: object = {}): Answer => ({
  body: { plan: { jobs, quota: [quota], problems: [], ...changes }, messages: noMessages },
});
const applied = (info: string, isChanged = true): Answer => ({
  body: { job_changed: isChanged, messages: { ...noMessages, info: [info] } },
});
const refused: Answer = { status: 403, body: { error: ['Out of quota.'], code: 'quota.exceeded' } };
const deleted: Answer = { body: { messages: noMessages } };
const entry = (name: string, rest = '') =>
  `- name: ${name}\n  command: echo ${name}\n  image: bookworm\n  schedule: "17 4 * * *"\n${rest}`;

function run(words: readonly string[], text: string, options: Omit<RunOptions, 'env'> = {}) {
  const file = join(service.home, 'jobs.yaml');
  writeFileSync(file, text);
  const [command = '', ...rest] = words;
  return runMain([command, file, ...rest], { env: service.env, ...options });
}
const sent = () =>
  service.requests.map(({ method, path, body }) =>
    [method, path.replace('/jobs/v1/tool/quick', ''), (body as { name?: string } | undefined)?.name].join(' ').trim(),
  );

const change = planned('update', 'b', {
  job_type: 'continuous',
  effect: 'short_stop',
  message: 'One short stop.',
  changes: [
    { field: 'memory', from: '0.5Gi', to: '1.0Gi' },
    { field: 'port', from: null, to: 8080 },
  ],
});
const creation = planned('create', 'a', {
  message: 'It waits for its first run.',
  next_schedules: ['2026-03-02T04:17:00Z', '2026-03-03T04:17:00Z'],
});
const deletion = planned('delete', 'old', { message: 'The run that goes on is ended.' });

describe('plan', () => {
  it('says in words what would be done, what stays, and the quota afterwards', async () => {
    const stays = planned('stay', 'other', { message: "The new job 'a' does the same: was it renamed?" });
    service.script(plan([deletion, change, creation, planned('unchanged', 'c'), stays]));
    const { code, stdout, stderr } = await run(['plan', '--prune'], entry('a') + entry('b') + entry('c'));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      `Delete old (scheduled): The run that goes on is ended.

Change b (continuous): One short stop.
  mem: 0.5Gi -> 1.0Gi
  port: none -> 8080

Create a (scheduled): It waits for its first run.
  next runs: 2026-03-02T04:17:00Z, 2026-03-03T04:17:00Z

Unchanged: c
Not in the file, left alone: other
  other: The new job 'a' does the same: was it renamed?

Quota        Used    Afterwards    Limit
---------  ------  ------------  -------
Cron jobs       1             2       50

Jobs: 1 to create, 1 to change, 1 to delete, 1 unchanged.
`,
    );
    expect(sent()).toEqual(['POST /plan']);
    expect(service.requests[0]?.body).toMatchObject({ operation: 'apply', prune: true, jobs: [{ name: 'a' }, {}, {}] });
  });

  it('ends with 3 where something would be done, but only where that is asked for', async () => {
    service.script(plan([creation]));
    expect((await run(['plan'], entry('a'))).code).toBe(0);
    expect((await run(['plan', '--exit-code'], entry('a'))).code).toBe(3);
    service.script(plan([planned('unchanged', 'a')]));
    expect(await run(['plan', '--exit-code'], entry('a'))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('\n\nNothing to do.\n'),
    });
  });

  it('ends with 1 where the file cannot be applied, and says why', async () => {
    const refusal = { error: ['No such image.'], code: 'image.unknown', id: 'TJF-I001' };
    service.script(plan([planned('refuse', 'a', { refusal, message: 'No such image.' }), change]));
    const { code, stdout } = await run(['plan', '--exit-code'], entry('a') + entry('b'));
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining('Cannot do a: No such image.\n') });
    service.script(plan([creation], { problems: ['The quota has no room.'] }));
    expect(await run(['plan'], entry('a'))).toMatchObject({ code: 1, stderr: 'ERROR: The quota has no room.\n' });
  });

  it('gives advice on what changes, and on nothing else', async () => {
    const jobs = [{ ...creation, warnings: ['It is deprecated.'] }, planned('create', 'd'), planned('unchanged', 'c')];
    service.script(plan(jobs));
    const text = entry('a').replace('echo a', './a.sh').replace('17 4', '0 4');
    const file = text + entry('d').replace('17 4', '0 *') + entry('c').replace('echo c', './c.sh');
    const { stderr } = await run(['plan'], file);
    expect(stderr).toBe(
      "WARNING: a: It is deprecated.\nWARNING: a: './a.sh' is not there in the home.\n" +
        'WARNING: 2 jobs begin at minute 0, as most others of the cluster do: a, d. Other minutes are quieter; @hourly, @daily and their like choose one.\n',
    );
    const { stdout } = await run(['plan', '--output', 'json'], file);
    expect(JSON.parse(stdout)).toMatchObject({
      jobs: [{ warnings: ['It is deprecated.', "'./a.sh' is not there in the home."] }, {}, {}],
    });
  });

  it('names the mistakes of the file before it asks anybody', async () => {
    service.script(plan([]));
    const { code, stderr } = await run(['plan'], entry('a', '  retry: 9\n'));
    expect({ code, asked: sent() }).toEqual({ code: 1, asked: [] });
    expect(stderr).toContain("Invalid job 1 ('a'): retry must be");
    expect(await run(['plan', '--job', 'a', '--prune'], entry('a'))).toMatchObject({ code: 2 });
  });

  it('says so where the service is too old for it, and understands no nonsense', async () => {
    service.script({ status: 404, body: { error: ['There is nothing at this path.'], code: 'route.not_found' } });
    expect((await run(['plan'], entry('a'))).stderr).toContain(
      "an older one, which cannot plan. 'load' works with it.",
    );
    for (const jobs of [undefined, [{ name: 'a', action: 'explode' }]]) {
      service.script({ body: { plan: { jobs, quota: [], problems: [] }, messages: noMessages } });
      expect((await run(['plan'], entry('a'))).stderr).toContain('something this program does not understand');
    }
  });

  it('shows nothing that could drive a terminal', async () => {
    const evil = '\u001b]0;x\u0007';
    service.script(
      plan([
        planned('update', `a${evil}`, { message: evil, changes: [{ field: evil, from: evil, to: evil }] }),
        planned('stay', `s${evil}`, { message: evil }),
      ]),
    );
    expect((await run(['plan'], entry('a'))).stdout).not.toContain('\u001b');
  });
});

describe('apply', () => {
  it('sends what changes in the order of the plan, and nothing else', async () => {
    service.script(
      plan([deletion, change, planned('unchanged', 'c'), creation, planned('stay', 'x')]),
      deleted,
      applied('Job b was updated'),
      applied('Job a created'),
    );
    const { code, stderr } = await run(['apply', '--prune', '--yes'], entry('a') + entry('b') + entry('c'));
    expect(sent()).toEqual(['POST /plan', 'DELETE /jobs/old', 'PATCH /jobs b', 'PATCH /jobs a']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        'INFO: Job old deleted\nINFO: Job b was updated\nINFO: Job a created\nINFO: 3 job(s) changed, 1 unchanged\n',
    });
  });

  it('has nothing to do where all is as it should be', async () => {
    service.script(plan([planned('unchanged', 'a')]));
    const { code, stderr } = await run(['apply'], entry('a'));
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'INFO: Nothing to do: all jobs are as they are asked for.\n' });
  });

  it('changes nothing where one job cannot be done, and names all that is in the way', async () => {
    const refusal = { error: ['No such image.', 'Too much.'], code: 'job.invalid', id: 'TJF-V010' };
    service.script(plan([planned('refuse', 'b', { refusal }), creation], { problems: ['The quota has no room.'] }));
    const { code, stderr } = await run(['apply'], entry('a') + entry('b'));
    expect(code).toBe(1);
    expect(stderr).toBe(
      "ERROR: Invalid job 2 ('b'): No such image. (TJF-V010)\nERROR: Invalid job 2 ('b'): Too much. (TJF-V010)\n" +
        'ERROR: The quota has no room. (TJF-V010)\n' +
        'ERROR: Nothing was sent: all jobs of the file must be right first. (TJF-V010)\n',
    );
    expect(sent()).toEqual(['POST /plan']);
  });

  it('asks before it deletes, and shows a person what it will do', async () => {
    const asked: string[] = [];
    const answering = (answer: string) => ({
      isTerminal: true,
      async ask(prompt: string) {
        asked.push(prompt);
        return answer;
      },
    });
    service.script(plan([deletion]), deleted);
    const no = await run(['apply', '--prune'], entry('c'), answering('\n'));
    expect(no).toMatchObject({ code: 1, stderr: expect.stringContaining('INFO: Nothing was changed.') });
    expect(asked).toEqual(['Delete 1 job(s) that the file does not name: old? [y/N] ']);
    expect(sent()).toEqual(['POST /plan']);
    service.script(plan([deletion]), deleted);
    const yes = await run(['apply', '--prune'], entry('c'), answering('Yes'));
    expect(yes.code).toBe(0);
    expect(yes.stdout).toContain('Delete old (scheduled): The run that goes on is ended.');
    expect(sent()).toEqual(['POST /plan', 'DELETE /jobs/old']);
  });

  it('deletes nothing where nobody can be asked', async () => {
    service.script(plan([deletion, creation]), deleted);
    const { code, stderr } = await run(['apply', '--prune'], entry('a'));
    expect(code).toBe(2);
    expect(stderr).toContain('Nothing was changed. Add --yes where nobody can be asked.');
    expect(sent()).toEqual(['POST /plan']);
  });

  it('goes on after a refusal, and says which jobs are as before and which as asked for', async () => {
    service.script(
      plan([change, creation]),
      refused,
      applied('Job a created'),
      plan([change, planned('unchanged', 'a')]),
    );
    const { code, stderr } = await run(['apply'], entry('a') + entry('b'));
    expect(code).toBe(1);
    expect(stderr).toBe(
      'ERROR: b: Out of quota. (TJF-Q001)\nINFO: Job a created\nERROR: As before: b\nINFO: As asked for: a\n' +
        'INFO: 1 job(s) changed, 0 unchanged\n',
    );
  });

  it('sends again what got no answer, and says of what never got one that it does not know', async () => {
    service.script(plan([change]), { body: cut }, applied('Job b is already up to date', false));
    const again = await run(['apply'], entry('b'));
    expect(again).toMatchObject({ code: 0, slept: [1000] });
    service.script(plan([change, creation]), { body: cut });
    const { code, stderr, stdout } = await run(['apply', '--output', 'json'], entry('a') + entry('b'));
    expect(code).toBe(2);
    expect(stderr).toContain("ERROR: As before: a\nERROR: Not known, look with 'plan': b\n");
    expect(JSON.parse(stdout)).toMatchObject({
      jobs: [
        { name: 'b', action: 'update', state: 'unknown', error: { code: 'service.unreachable' } },
        { name: 'a', action: 'create', state: 'not sent' },
      ],
    });
  });

  it('asks what has become of a job, where that cannot be concluded', async () => {
    const [a, b, c] = [planned('update', 'a', { effect: 'moves' }), change, planned('update', 'c')];
    const left = [planned('update', 'a'), planned('unchanged', 'b'), c];
    service.script(plan([a, b, c]), refused, refused, refused, plan(left));
    const { code, stderr } = await run(['apply'], entry('a') + entry('b') + entry('c'));
    expect(code).toBe(1);
    expect(stderr.slice(stderr.indexOf('As before'))).toBe(
      'As before: c\nERROR: Neither as before nor as asked for, apply once more: a\n' +
        'INFO: As asked for: b\nINFO: 1 job(s) changed, 0 unchanged\n',
    );
  });

  it('takes a job that is gone already for deleted', async () => {
    service.script(plan([deletion]), { status: 404, body: { error: ['No.'], code: 'job.not_found' } });
    expect(await run(['apply', '--prune', '--yes'], entry('c'))).toMatchObject({ code: 0 });
  });

  it('stays with a one-off that is waited for, also where it is there already', async () => {
    const wait = entry('a', '  wait: true\n').replace(/ {2}schedule.*\n/, '');
    const ended: Answer = { body: { job: makeJob({ name: 'a', status: makeStatus('failed') }), messages: noMessages } };
    service.script(plan([planned('unchanged', 'a'), change]), ended, applied('Job b was updated'));
    const { code, stderr } = await run(['apply'], wait + entry('b'));
    expect(code).toBe(1);
    expect(stderr).toContain("job 'a' failed:");
    expect(sent().at(-1)).toBe('PATCH /jobs b');
  });
});

describe('run --dry-run', () => {
  const words = ['run', 'a', '--command', 'echo a', '--image', 'bookworm', '--schedule', '17 4 * * *', '--dry-run'];
  const dryRun = (...more: string[]) => runMain([...words, ...more], { env: service.env });

  it('says that it would be accepted, whether it fits, and when it would run', async () => {
    const tight = { name: 'Memory', limit: '1.0Gi', used: '0.5Gi', after: '1.5Gi', fits: false };
    service.script(plan([creation, planned('stay', 'x')], { quota: [quota, tight] }));
    const { code, stdout, stderr } = await dryRun();
    expect(code).toBe(0);
    expect(stdout).toContain('Create a (scheduled): It waits for its first run.\n  next runs: 2026-03-02T04:17:00Z');
    expect(stdout).toContain('does not fit');
    expect(stderr).toBe('WARNING: Memory: 1.5Gi would be needed, of 1.0Gi. What does not fit waits for room.\n');
    expect(service.requests[0]?.body).toMatchObject({ operation: 'run', prune: false });
  });

  it('is refused as the run itself', async () => {
    const refusal = { error: ['A job with the name a exists already.'], code: 'job.conflict', id: 'TJF-V012' };
    service.script(plan([planned('refuse', 'a', { refusal })]));
    expect(await dryRun()).toMatchObject({
      code: 1,
      stderr: 'ERROR: A job with the name a exists already. (TJF-V012)\n',
    });
    service.script(plan([creation], { problems: ['The quota has no room for a.'] }));
    expect(await dryRun()).toMatchObject({ code: 1, stderr: 'ERROR: The quota has no room for a. (TJF-Q001)\n' });
  });

  it('waits for nothing', async () => {
    const oneOff = ['run', 'a', '--command', 'x', '--image', 'y', '--dry-run', '--wait'];
    expect(await runMain(oneOff, { env: service.env })).toMatchObject({ code: 2 });
  });
});
