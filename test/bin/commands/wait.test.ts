import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  type Beside,
  cut,
  makeJob,
  makeStatus,
  noMessages,
  runMain,
  type Service,
  startService,
} from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const job = (short: string): Answer => ({
  body: { job: makeJob({ status: makeStatus(short) }), messages: noMessages },
});
const gone: Answer = { status: 404, body: { error: ["Job 'test-job' does not exist"], code: 'job.not_found' } };
const unready: Answer = { status: 503, body: { error: ['Not yet.'], code: 'view.not_ready' } };

function wait(
  answers: readonly Answer[],
  words: readonly string[] = ['--wait'],
  onSleep?: (interrupt: () => void) => void,
) {
  service.script({ ...job('pending'), status: 201 }, ...answers);
  const all = ['run', 'test-job', '--command', './run.sh', '--image', 'python3.11', ...words];
  return runMain(all, { env: service.env, ...(onSleep ? { onSleep } : {}) });
}

describe('run --wait', () => {
  it('ends with 0 when the job has succeeded', async () => {
    const ran = await wait([job('pending'), job('running'), job('succeeded')]);
    expect(ran).toMatchObject({ code: 0, stdout: '', stderr: "INFO: job 'test-job' completed\n", slept: [1000, 1000] });
    expect(service.requests.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET', 'GET']);
  });

  it('looks before it sleeps', async () => {
    expect((await wait([job('succeeded')])).slept).toEqual([]);
  });

  it('ends with 1 and the description when the job has failed', async () => {
    const ran = await wait([job('running'), job('failed')]);
    expect(ran).toMatchObject({ code: 1, stderr: "ERROR: job 'test-job' failed:\n" });
    expect(ran.stdout).toContain('| Job name:     | test-job ');
  });

  it('never takes a failed job that has vanished for a completed one', async () => {
    expect(await wait([job('failed'), gone])).toMatchObject({ code: 1 });
    expect(await wait([unready, gone])).toMatchObject({ code: 2, stdout: '' });
    const ran = await wait([job('running'), gone]);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain("ERROR: job 'test-job' is gone, and how it ended is not known");
  });

  it('ends with 2 after the time given', async () => {
    const ran = await wait([job('running')], ['--wait', '3']);
    expect(ran).toMatchObject({ code: 2, slept: [1000, 1000, 1000] });
    expect(ran.stderr).toBe("ERROR: timed out 3 seconds waiting for job 'test-job' to complete:\n");
    expect(ran.stdout).toContain('| Status:       | Running for 3s ');
  });

  it('waits 600 seconds where no number is given, leaving nothing behind on its one connection', async () => {
    const warnings: Error[] = [];
    const collect = (warning: Error) => void warnings.push(warning);
    process.on('warning', collect);
    expect((await wait([job('running')])).slept).toHaveLength(600);
    process.off('warning', collect);
    expect(warnings).toEqual([]);
    expect(new Set(service.requests.map(({ port }) => port)).size).toBe(1);
  });

  it('stays with each part of a job in turn, and ends as the worst of them', async () => {
    const part = (name: string, short: string) => ({ ...makeJob({ name, status: makeStatus(short) }) });
    const parts = [part('test-job-a', 'pending'), part('test-job-b', 'pending')];
    const shown = (name: string, short: string): Answer => ({ body: { job: part(name, short), messages: noMessages } });
    const made: Answer = {
      status: 201,
      body: { job: makeJob({ matrix: { X: ['a', 'b'] }, parts, status: makeStatus('pending') }), messages: noMessages },
    };
    service.script(
      made,
      shown('test-job-a', 'running'),
      shown('test-job-a', 'failed'),
      shown('test-job-b', 'succeeded'),
    );
    const words = [
      'run',
      'test-job',
      '--command',
      './run.sh',
      '--image',
      'python3.11',
      '--wait',
      '--matrix',
      'X=a',
      '--matrix',
      'X=b',
    ];
    const ran = await runMain(words, { env: service.env });
    expect(ran).toMatchObject({ code: 1, stdout: expect.stringContaining('| Job name:     | test-job-a ') });
    expect(ran.stderr).toBe("ERROR: job 'test-job-a' failed:\nINFO: job 'test-job-b' completed\n");
  });

  it('goes on through a service that is away for a while, saying so once', async () => {
    const ran = await wait([unready, { body: cut }, unready, job('succeeded')]);
    expect(ran.code).toBe(0);
    expect(ran.stderr.split('\n').filter((line) => line.startsWith('WARNING'))).toEqual([
      "WARNING: Not yet. Still waiting for job 'test-job'.",
    ]);
  });

  it('gives up at once where waiting cannot help', async () => {
    const refused = { status: 403, body: { error: ['Not yours.'], code: 'caller.forbidden' } };
    expect(await wait([job('running'), refused])).toMatchObject({ code: 1, stderr: 'ERROR: Not yours. (TJF-A003)\n' });
  });

  it('does not start waiting for a job that was refused', async () => {
    service.script({ status: 409, body: { error: ['A job with the name x already exists'], code: 'job.conflict' } });
    const ran = await runMain(['run', 'x', '--command', 'x', '--image', 'y', '--wait'], { env: service.env });
    expect(ran).toMatchObject({ code: 1, stderr: 'ERROR: A job with the name x already exists (TJF-V012)\n' });
    expect(service.requests).toHaveLength(1);
  });

  it('ends with 130 on Ctrl-C', async () => {
    const ran = await wait([job('running')], ['--wait'], (interrupt) => interrupt());
    expect(ran).toMatchObject({ code: 130, stdout: '' });
  });

  it('gives programs the last state', async () => {
    const ran = await wait([job('failed')], ['--wait', '--output', 'json']);
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({ name: 'test-job', status: { short: 'failed' } });
  });
});

describe('run --wait with a service that tells what happens', () => {
  const runId = 'run-1';
  const known = (short: string, changes: Readonly<Record<string, unknown>> = {}): Answer => ({
    body: { job: makeJob({ status: makeStatus(short), run_id: runId, ...changes }), messages: noMessages },
  });
  const event = (number: number, name: string, data: object) =>
    `id: life-${number}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  const begun = 'retry: 1000\nid: life-0\n\n';
  const record = (outcome: string, changes: Readonly<Record<string, unknown>> = {}) => ({
    id: runId,
    job: 'test-job',
    outcome,
    exit_code: null,
    message: 'your program ended with code 3',
    ...changes,
  });
  const runs = (...list: object[]): Answer => ({ body: { runs: list, messages: noMessages } });
  /** Sleeps are over at once here; the real events need a moment. */
  const slowly = { onSleep: () => new Promise<void>((resolve) => setTimeout(resolve, 5)) };

  function follow(beside: Beside, answers: readonly Answer[], words: readonly string[] = ['--wait', '9000']) {
    service.script({ ...known('pending'), status: 201 }, ...answers);
    service.beside(beside);
    const all = ['run', 'test-job', '--command', './run.sh', '--image', 'python3.11', ...words];
    return runMain(all, { env: service.env, ...slowly });
  }

  it('believes the end that is told, without asking again', async () => {
    const events = [[begun, event(1, 'run.ended', record('failed'))]];
    const ran = await follow({ events }, [known('running')]);
    expect(ran).toMatchObject({ code: 1, stderr: "ERROR: job 'test-job' failed:\n" });
    expect(ran.stdout).toContain('| Status:       | Failed ');
    expect(ran.stdout).toContain('your program ended with code 3');
  });

  it('does not take the end of another run of that name for its own', async () => {
    const events = [[begun, event(1, 'run.ended', record('failed', { id: 'an-earlier-one' }))]];
    const ran = await follow({ events, runs: runs() }, [known('running'), known('running'), known('succeeded')]);
    expect(ran).toMatchObject({ code: 0, stderr: "INFO: job 'test-job' completed\n" });
  });

  it('asks seldom while events come', async () => {
    const ran = await follow({ events: [[begun]] }, [known('running')], ['--wait', '300']);
    expect(ran.code).toBe(2);
    expect(ran.slept.filter((ms) => ms === 30_000).length).toBeGreaterThan(5);
    expect(service.requests.length).toBeLessThan(20);
  });

  it('goes on behind the last event when the stream breaks off', async () => {
    const events = [
      [begun, event(7, 'job.changed', { job: 'test-job' }), cut],
      [event(8, 'run.ended', record('succeeded'))],
    ] as const;
    expect(await follow({ events }, [known('running')])).toMatchObject({ code: 0 });
    expect(service.followed).toEqual([undefined, 'life-7']);
    const broken = [[begun, cut], [event(1, 'run.ended', record('succeeded'))]] as const;
    expect(await follow({ events: broken }, [known('running')])).toMatchObject({ code: 0 });
    expect(service.followed).toEqual([undefined, 'life-0']);
  });

  it.each([
    ['succeeded', 0, "INFO: job 'test-job' completed"],
    ['failed', 1, "ERROR: job 'test-job' failed:"],
    ['stopped', 2, "ERROR: job 'test-job' was stopped: your program ended with code 3."],
    ['unknown', 2, "ERROR: job 'test-job' is gone, and how it ended is not known"],
    ['of a later service', 2, "ERROR: job 'test-job' is gone, and how it ended is not known"],
  ])('judges a job that has gone by its record: %s', async (outcome, code, words) => {
    const ran = await follow({ runs: runs(record('failed', { id: 'other' }), record(outcome)) }, [gone]);
    expect(ran.code).toBe(code);
    expect(ran.stderr).toContain(words);
  });

  it('judges by the record when another run has the name by now', async () => {
    const next = known('succeeded', { run_id: 'run-2' });
    expect(await follow({ runs: runs(record('failed')) }, [next])).toMatchObject({ code: 1 });
    const ran = await follow({ runs: runs(record('succeeded', { id: 'run-2' })) }, [next]);
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('how it ended is not known') });
  });

  it('waits for the run of a schedule by its record, since the job stays', async () => {
    const waiting = known('pending', { job_type: 'scheduled' });
    const answers = [known('running', { job_type: 'scheduled' }), waiting];
    expect(await follow({ runs: runs(record('succeeded')) }, answers)).toMatchObject({ code: 0 });
  });

  describe('and --exit-code', () => {
    const own = ['--wait', '9000', '--exit-code'];

    it.each([
      [{ exit_code: 3 }, 3],
      [{ exit_code: 137, reason: 'out_of_memory' }, 137],
      [{ exit_code: null, reason: 'not_started' }, 1],
      [{ exit_code: 0 }, 1],
      [{ exit_code: 256 }, 1],
      [{ exit_code: 'many' }, 1],
    ])('ends as the program did: %j', async (changes, code) => {
      const events = [[begun, event(1, 'run.ended', record('failed', changes))]];
      expect((await follow({ events }, [known('running')], own)).code).toBe(code);
      expect((await follow({ runs: runs(record('failed', changes)) }, [known('failed')], own)).code).toBe(code);
    });

    it('ends with 0 when it has succeeded, and with 2 when nobody knows', async () => {
      expect((await follow({ runs: runs(record('succeeded')) }, [known('succeeded')], own)).code).toBe(0);
      expect((await follow({ runs: runs(record('unknown')) }, [gone], own)).code).toBe(2);
    });

    it('waits a little for a record that is not there yet, and then ends with 1', async () => {
      const ran = await follow({ runs: runs() }, [known('failed')], own);
      expect(ran).toMatchObject({ code: 1, stderr: "ERROR: job 'test-job' failed:\n" });
      expect(ran.slept.length).toBe(10);
    });

    it('is possible with --wait only', async () => {
      const ran = await runMain(['run', 'x', '--command', 'x', '--image', 'y', '--exit-code'], { env: service.env });
      expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('--exit-code is only possible') });
    });
  });

  describe('and --logs', () => {
    it('prints what the job writes, and ends as it would without', async () => {
      const line = { pod: 'x.out', container: 'stdout', message: 'hello', source: 'file', timestamp: null };
      const logs = `${JSON.stringify(line)}\n`;
      const ran = await follow({ runs: runs(record('failed')), logs }, [known('failed')], ['--wait', '--logs']);
      expect(ran.code).toBe(1);
      expect(ran.stdout).toMatch(/^- \[x\.out\] \[stdout\] hello\n/);
    });

    it('waits all the same where the service has no logs', async () => {
      const ran = await follow({ runs: runs(record('succeeded')) }, [known('succeeded')], ['--wait', '--logs']);
      expect(ran.code).toBe(0);
    });

    it('is possible with --wait only, and not with JSON', async () => {
      const start = ['run', 'x', '--command', 'x', '--image', 'y', '--logs'];
      for (const more of [[], ['--wait', '--output', 'json']])
        expect((await runMain([...start, ...more], { env: service.env })).code).toBe(2);
    });
  });

  it('says at once, and once, what keeps a job from starting, and goes on waiting', async () => {
    const stuck = known('pending', { status_short: 'Unable to start, the image cannot be pulled' });
    const ran = await follow({}, [stuck, stuck, known('succeeded')]);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stderr.split('\n').filter((line) => line.startsWith('WARNING'))).toEqual([
      "WARNING: job 'test-job' cannot start yet: Unable to start, the image cannot be pulled. Still waiting.",
    ]);
  });

  it('tells a person what happens on the way', async () => {
    const steps = ['Pending', 'Running for 1s', 'Running for 2s'].map((words) =>
      known('running', { status_short: words }),
    );
    service.script({ ...known('pending'), status: 201 }, ...steps, known('succeeded'));
    const all = ['run', 'test-job', '--command', './run.sh', '--image', 'python3.11', '--wait'];
    const { stderr } = await runMain(all, { env: { ...service.env, NO_COLOR: '1' }, isTerminal: true });
    expect(stderr).toBe(
      "INFO: job 'test-job': Pending\nINFO: job 'test-job': Running\nINFO: job 'test-job' completed\n",
    );
  });
});
