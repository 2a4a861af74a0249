import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { makeJob, noMessages, runMain, type Service, startService } from './scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
beforeEach(() => service.script({ body: { messages: noMessages } }));
afterAll(() => service.close());

const run = (...words: string[]) => runMain(words, { env: service.env });
const jobs = (...list: unknown[]) => ({ body: { jobs: list, messages: noMessages } });

describe('toolforge-jobs', () => {
  it('shows help where it is asked for, and where nothing is asked', async () => {
    const help = await run('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const command of [
      'run <name>',
      'list',
      'show <name>',
      'restart <name>',
      'delete <name>',
      'flush',
      'images',
      'quota',
    ])
      expect(help.stdout).toContain(command);
    expect(await run()).toMatchObject({ code: 2, stdout: '', stderr: help.stdout });
    const ofRun = await run('run', '--help');
    expect(ofRun).toMatchObject({ code: 0 });
    expect(ofRun.stdout).toContain('--wait [seconds]');
    expect((await run('list', '-h')).stdout).not.toContain('--long');
  });

  it('is called what it is called, and hides --debug behind the common command', async () => {
    const { stdout } = await runMain(['--help'], { env: { TOOLFORGE_CLI: '1' } });
    expect(stdout).toContain('Usage: toolforge jobs <command>');
    expect(stdout).not.toContain('--debug');
    expect((await run('--version')).stdout).toBe(`toolforge-jobs/${manifest.version}\n`);
  });

  it.each([
    [['lsit'], "There is no command 'lsit'. Did you mean 'list'?"],
    [['ls'], "There is no command 'ls'. Did you mean 'list'?"],
    [['run', 'x', '--memory', '1Gi'], "'run' has no option '--memory'. Did you mean '--mem'?"],
    [['list', '--ouput', 'json'], "'list' has no option '--ouput'. Did you mean '--output'?"],
    [['show'], "'show' needs a name."],
    [['show', 'a', 'b'], "'show' does not know what to do with 'b'."],
    [['list', '-o', 'table'], "--output must be one of normal, long, name, json; 'table' is not."],
    [['show', 'x', '-o', 'long'], "--output must be one of normal, json; 'long' is not."],
    [['run', 'x'], "'run' needs --command and --image."],
  ])('ends with 2 and asks nothing for wrong usage: %j', async (words, message) => {
    expect(await run(...words)).toMatchObject({ code: 2, stdout: '', stderr: `ERROR: ${message} (TJF-V020)\n` });
    expect(service.requests).toEqual([]);
  });

  it('runs a job', async () => {
    service.script({ status: 201, body: { job: makeJob(), messages: noMessages } });
    expect(await run('run', 'test-job', '--command', '-x 1', '--image', 'python3.11', '-o', 'log')).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
      slept: [],
    });
    expect(service.requests).toMatchObject([
      {
        method: 'POST',
        path: '/jobs/v1/tool/quick/jobs',
        body: { name: 'test-job', cmd: '-x 1', imagename: 'python3.11', filelog_stdout: 'log' },
      },
    ]);
  });

  it('lists jobs in every form', async () => {
    const two = [makeJob(), makeJob({ name: 'a', cmd: 'echo "\x1b[2J"\nls' })];
    service.script(jobs(...two));
    expect(`\n${(await run('list')).stdout}`).toBe(`
+-----------+-----------+----------------+
| Job name: | Job type: |    Status:     |
+-----------+-----------+----------------+
| test-job  |  one-off  | Running for 3s |
|     a     |  one-off  | Running for 3s |
+-----------+-----------+----------------+
`);
    expect((await run('list', '-o', 'name')).stdout).toBe('test-job\na\n');
    expect((await run('list', '--output=long')).stdout).toContain('| echo "\\x1b[2J"\\nls |');
    const json = (await run('list', '-ojson')).stdout;
    expect(JSON.parse(json)).toEqual(two);
    expect(json).not.toContain('\x1b');
    const long = await run('list', '--long');
    expect(long.stdout).toBe((await run('list', '-o', 'long')).stdout);
    expect(long.stderr).toContain('WARNING: -l and --long will go away');
  });

  it('prints nothing for no jobs, and tells only a person', async () => {
    service.script(jobs());
    expect(await run('list')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await runMain(['list'], { env: { ...service.env, NO_COLOR: '1' }, isTerminal: true })).toMatchObject({
      stdout: '',
      stderr: 'INFO: This tool has no jobs.\n',
    });
    expect((await run('list', '-o', 'json')).stdout).toBe('[]\n');
  });

  it('shows a job', async () => {
    service.script({ body: { job: makeJob({ cmd: 'one\ntwo\x07' }), messages: noMessages } });
    const { stdout } = await run('show', 'test-job');
    expect(stdout).toContain('| Command:      | one  ');
    expect(stdout).toContain('|               | two\\x07  ');
    expect(stdout).toContain(
      "| Hints:        | Last run at 2026-01-01T00:00:00Z. Pod in 'Running' phase. State |\n|               | 'running'.",
    );
    expect(JSON.parse((await run('show', 'test-job', '--output', 'json')).stdout)).toMatchObject({ name: 'test-job' });
    expect(service.requests[0]?.path).toBe('/jobs/v1/tool/quick/jobs/test-job');
  });

  it('deletes one job or all, quietly', async () => {
    expect(await run('delete', 'x')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await run('flush')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(JSON.parse((await run('delete', 'x', '-o', 'json')).stdout)).toEqual({ name: 'x', state: 'deleted' });
    expect(JSON.parse((await run('flush', '-o', 'json')).stdout)).toEqual({ state: 'flushed' });
    expect(service.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'DELETE /jobs/v1/tool/quick/jobs/x',
      'DELETE /jobs/v1/tool/quick/jobs',
      'DELETE /jobs/v1/tool/quick/jobs/x',
      'DELETE /jobs/v1/tool/quick/jobs',
    ]);
  });

  it('restarts a job, quietly', async () => {
    expect(await run('restart', 'x')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(JSON.parse((await run('restart', 'x', '-o', 'json')).stdout)).toEqual({ name: 'x', state: 'restarted' });
    expect(service.requests[0]).toMatchObject({ method: 'POST', path: '/jobs/v1/tool/quick/jobs/x/restart' });
    service.script({ status: 404, body: { error: ["Job 'x' does not exist"], code: 'job.not_found' } });
    expect(await run('restart', 'x')).toMatchObject({ code: 1, stderr: "ERROR: Job 'x' does not exist (TJF-V011)\n" });
  });

  it('shows what the tool may use, a table for each category', async () => {
    const item = (name: string, limit: unknown, used?: unknown) => ({ name, limit, used });
    const categories = [
      {
        name: 'Running jobs',
        items: [item('Total running jobs at once (Kubernetes pods)', '10', '1'), item('Memory', '8Gi', '512Mi')],
      },
      { name: 'Per-job limits', items: [item('CPU', '3.0', null), item('Memory', '6.0Gi')] },
      { name: 'Job definitions', items: [item('Cron jobs', 50, 0), item('\x1b[2J', '3', '1')] },
    ];
    service.script({ body: { quota: { categories }, messages: {} } });
    expect(`\n${(await run('quota')).stdout}`).toBe(`
Running jobs                                  Used    Limit
--------------------------------------------  ------  -------
Total running jobs at once (Kubernetes pods)  1       10
Memory                                        512Mi   8Gi

Per-job limits    Limit
----------------  -------
CPU               3.0
Memory            6.0Gi

Job definitions      Used    Limit
-----------------  ------  -------
Cron jobs               0       50
\\x1b[2J                 1        3
`);
    expect(JSON.parse((await run('quota', '-o', 'json')).stdout)).toMatchObject({ categories: [{}, {}, {}] });
    expect(service.requests[0]?.path).toBe('/jobs/v1/tool/quick/quotas');
  });

  it('says who can reach a job where the service says it', async () => {
    const web = makeJob({ name: 'web', continuous: true, publish: true });
    service.script({ body: { jobs: [web, makeJob()], messages: noMessages } });
    const long = (await run('list', '-o', 'long')).stdout;
    expect(long).toMatch(/\| +Port: +\| +Public: +\|/);
    service.script({ body: { job: web, messages: noMessages } });
    expect((await run('show', 'web')).stdout).toMatch(/\| Public: +\| yes +\|/);
    service.script({ body: { job: makeJob(), messages: noMessages } });
    expect((await run('show', 'web')).stdout).not.toContain('Public:');
  });

  it('lists images, also under their earlier name', async () => {
    service.script({ body: { images: [{ shortname: 'bookworm', image: 'registry/bookworm:latest' }], messages: {} } });
    const { stdout } = await run('images');
    expect(`\n${stdout}`).toBe(`
+------------+--------------------------+
| Short name |   Container image URL    |
+------------+--------------------------+
|  bookworm  | registry/bookworm:latest |
+------------+--------------------------+
`);
    expect((await run('containers')).stdout).toBe(stdout);
  });

  it.each([
    [404, 'job.not_found', 1, 'TJF-V011'],
    [400, 'job.invalid', 1, 'TJF-V010'],
    [403, 'quota.exceeded', 1, 'TJF-Q001'],
    [503, 'view.not_ready', 2, 'TJF-X005'],
    [504, 'kube.state_unknown', 2, 'TJF-X002'],
    [418, 'of.the.future', 1, 'TJF-X020'],
    [599, 'of.the.future', 2, 'TJF-X021'],
  ])('ends a refusal of %i %s with %i', async (status, code, exit, id) => {
    service.script({ status, body: { error: ['One.', 'Two.'], code } });
    const ran = await run('show', 'x');
    expect(ran).toMatchObject({ code: exit, stdout: '' });
    expect(ran.stderr).toMatch(`ERROR: One. (${id})\nERROR: Two. (${id})\n`);
  });

  it('passes on what the service has to say, harmlessly, coloured only for a person', async () => {
    const messages = { info: ['created'], warning: ['old \x1b[2Jimage'], error: [] };
    service.script({ body: { jobs: [], messages } });
    expect((await run('list', '-o', 'json')).stderr).toBe('INFO: created\nWARNING: old \\x1b[2Jimage\n');
    const watched = await runMain(['list'], { env: service.env, isTerminal: true });
    expect(watched.stderr).toContain('\x1b[34mINFO: created\x1b[0m\n\x1b[1;33mWARNING: old \\x1b[2Jimage\x1b[0m\n');
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const plain = await runMain(['list'], { env: { ...service.env, ...env }, isTerminal: true });
      expect(plain.stderr).not.toContain('\x1b');
    }
  });

  it('says more with --debug, or TOOLFORGE_DEBUG', async () => {
    service.script({
      status: 404,
      body: { error: ["Job 'x' does not exist"], code: 'job.not_found', fields: { name: 'x' } },
    });
    for (const ran of [
      await run('--debug', 'show', 'x'),
      await runMain(['show', 'x'], { env: { ...service.env, TOOLFORGE_DEBUG: '1' } }),
    ]) {
      expect(ran.stderr).toContain('DEBUG: GET https://127.0.0.1:');
      expect(ran.stderr).toContain('DEBUG: Some additional context for the issue follows:\n');
      expect(ran.stderr).toContain('DEBUG: name = "x"\n');
    }
    expect((await run('show', 'x')).stderr).toBe("ERROR: Job 'x' does not exist (TJF-V011)\n");
  });

  it('says what to do where there is no kubeconfig', async () => {
    const ran = await runMain(['list'], { env: { HOME: '/nonexistent' } });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("did you forget to run 'become <mytool>'?");
  });

  it('says how long it has been waiting, to a person only', async () => {
    service.script(jobs());
    const ask = (isTerminal: boolean) =>
      runMain(['list'], { env: { ...service.env, NO_COLOR: '1' }, isTerminal, onEvery: (tick) => tick() });
    expect((await ask(true)).stderr).toBe(
      '\r\x1b[KWaiting for the service (1 s)\r\x1b[KINFO: This tool has no jobs.\n',
    );
    expect((await ask(false)).stderr).toBe('');
  });

  it('warns where this can hardly be the account of the tool', async () => {
    service.script(jobs());
    const ran = await runMain(['list'], { env: service.env, person: { userName: 'alice', project: 'tools' } });
    expect(ran).toMatchObject({ code: 0, stdout: '' });
    expect(ran.stderr).toBe(
      'WARNING: not running as the tool account? Likely to fail. Perhaps you forgot `become quick`?\n',
    );
  });

  it('gives the id of a request that failed on the other side, once', async () => {
    const words = 'Something went wrong. Tell the operators the id of the request: abc.';
    service.script({ status: 500, body: { error: [words], code: 'internal', request_id: 'abc' } });
    expect((await run('list')).stderr.match(/abc/g)).toHaveLength(1);
    service.script({ status: 503, body: { error: ['Not yet.'], code: 'view.not_ready', request_id: 'abc' } });
    expect((await run('list')).stderr).toBe(
      'ERROR: Not yet. (TJF-X005)\nERROR: The id of the request is abc; the operators find its cause in the log by it.\n',
    );
  });

  it('completes names that are no more than names, and is silent about everything else', async () => {
    service.script(jobs({ name: 'a' }, { name: 'b.c-1' }, { name: 'x$(id)' }, { name: 'two words' }, { name: 7 }));
    expect(await run('__complete', 'job')).toMatchObject({ code: 0, stdout: 'a\nb.c-1\n', stderr: '' });
    service.script({ body: { images: [{ shortname: 'tool-x/y:latest' }, { shortname: '-rf' }], messages: {} } });
    expect(await run('__complete', 'image')).toMatchObject({ code: 0, stdout: 'tool-x/y:latest\n' });
    expect(await run('__complete', 'secrets')).toMatchObject({ code: 0, stdout: '' });
    service.script({ status: 500, body: {} });
    expect(await run('__complete', 'job')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const homeless = await runMain(['__complete', 'job'], { env: { HOME: '/nonexistent' } });
    expect(homeless).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('prints completion without an account', async () => {
    const ran = await runMain(['completion', 'bash'], { env: { HOME: '/nonexistent' } });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(/\ncomplete -F _toolforge_jobs toolforge-jobs\n$/);
    expect(await run('completion', 'tcsh')).toMatchObject({
      code: 2,
      stderr: "ERROR: 'completion' needs one of bash, zsh, fish; 'tcsh' is not. (TJF-V020)\n",
    });
  });
});
