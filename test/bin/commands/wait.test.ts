import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
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
