import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeJob, makeStatus, noMessages, runMain, type Service, startService } from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const said = (text: string) => ({ body: { messages: { ...noMessages, info: [text] } } });
const run = (...words: string[]) => runMain(words, { env: service.env });
const asked = () => service.requests.map(({ method, path, body }) => [method, path, body]);

describe('suspend', () => {
  it('asks for it with the note and the end, and says what the service says', async () => {
    service.script(said('Job x is suspended: no run starts until it is resumed.'));
    const ran = await run('suspend', 'x', '--note', 'the wiki moves', '--until', '2126-12-01T08:00:00+01:00');
    expect(ran).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'INFO: Job x is suspended: no run starts until it is resumed.\n',
    });
    const body = { note: 'the wiki moves', until: '2126-12-01T07:00:00Z' };
    expect(asked()).toEqual([['POST', '/jobs/v1/tool/quick/jobs/x/suspend', body]]);
  });

  it('takes an end that is so long from now', async () => {
    service.script(said(''));
    const before = Date.now();
    await run('suspend', 'x', '--until', '2h');
    const [[, , body] = []] = asked();
    const { until } = body as { until: string };
    expect(until).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const minutes = (Date.parse(until) - before) / 60_000;
    expect(Math.round(minutes)).toBe(120);
  });

  it.each(['tomorrow', '2', '2w', '2026-12-01', '2127-02-30T00:00:00Z', ''])(
    'takes no other end (%j)',
    async (until) => {
      service.script();
      const { code, stderr } = await run('suspend', 'x', `--until=${until}`);
      expect([code, stderr]).toEqual([2, expect.stringContaining('--until must be a time such as 2h, 3d or')]);
      expect(service.requests).toEqual([]);
    },
  );

  it('takes no end that has been', async () => {
    service.script();
    const { code, stderr } = await run('suspend', 'x', '--until', '2020-01-01T00:00:00Z');
    expect([code, stderr]).toEqual([2, expect.stringContaining('--until must be a time to come')]);
    expect(service.requests).toEqual([]);
  });

  it('has the same end where a job is made suspended', async () => {
    const made = (until: string) =>
      run('run', 'x', '--image', 'i', '--command', 'c', '--schedule', '@daily', '--suspend-until', until);
    service.script({ status: 201, body: { job: makeJob({ name: 'x' }), messages: noMessages } });
    expect((await made('2126-12-01T08:00:00+01:00')).code).toBe(0);
    const { body } = service.requests[0] ?? {};
    expect(body).toMatchObject({ suspend: { until: '2126-12-01T07:00:00Z' } });
    for (const until of ['2020-01-01T00:00:00Z', '2127-02-30T00:00:00Z', 'soon'])
      expect(await made(until)).toMatchObject({ code: 2, stderr: expect.stringContaining('--suspend-until must be') });
  });

  it('is for programs as well', async () => {
    service.script(said(''), said(''));
    expect(JSON.parse((await run('suspend', 'x', '-o', 'json')).stdout)).toEqual({ name: 'x', state: 'suspended' });
    expect(JSON.parse((await run('resume', 'x', '-o', 'json')).stdout)).toEqual({ name: 'x', state: 'resumed' });
  });
});

describe('run-now', () => {
  const begun = (run_id: string) => ({
    status: 201,
    body: { run_id, job: makeJob({ name: 'x', job_type: 'scheduled', run_id: 'another' }), messages: noMessages },
  });
  const shown = (short: string, run_id: string) => ({
    body: { job: makeJob({ job_type: 'scheduled', run_id, status: makeStatus(short) }), messages: noMessages },
  });

  it('begins a run, with other values of parameters where they are given', async () => {
    service.script(begun('run-1'));
    const { code, stdout } = await run('run-now', 'x', '--param', 'WIKI=frwiki', '--param', 'MODE=', '-o', 'json');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { name: 'x', run_id: 'run-1' }]);
    const body = { parameters: { WIKI: 'frwiki', MODE: '' } };
    expect(asked()).toEqual([['POST', '/jobs/v1/tool/quick/jobs/x/run', body]]);
  });

  it('waits for the end of the very run that it has begun, and ends as it did', async () => {
    service.script(begun('run-1'), shown('running', 'run-1'), shown('pending', 'run-1'));
    const record = { id: 'run-1', outcome: 'failed', message: 'your program ended with code 3', exit_code: 3 };
    service.beside({ runs: { body: { runs: [{ id: 'run-0', outcome: 'succeeded' }, record], messages: noMessages } } });
    const { code, stderr } = await run('run-now', 'x', '--wait', '--exit-code');
    expect([code, stderr]).toEqual([3, expect.stringContaining("job 'x' failed")]);
  });

  it('says which run is in its way', async () => {
    const text = "Job 'x' is running already since 2026-03-01T12:00:00Z (run x-1), and runs one at a time.";
    service.script({ status: 409, body: { error: [text], code: 'job.running', id: 'TJF-V016' } });
    expect(await run('run-now', 'x')).toMatchObject({ code: 1, stderr: `ERROR: ${text} (TJF-V016)\n` });
  });
});
