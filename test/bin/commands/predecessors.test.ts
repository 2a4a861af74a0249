import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeJob, makeStatus, noMessages, runMain, type Service, startService } from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const applied = (name: string) => ({
  body: { job_changed: true, messages: { ...noMessages, info: [`Job ${name} created`] } },
});
type Short = Parameters<typeof makeStatus>[0];
const shown = (name: string, short: Short, fields: object = {}) => ({
  body: {
    job: makeJob({ name, run_id: `run-of-${name}`, status: makeStatus(short), ...fields }),
    messages: noMessages,
  },
});
const gone = { status: 404, body: { error: ['No.'], code: 'job.not_found' } };
const entry = (name: string, rest = '') => `- name: ${name}\n  command: ./${name}\n  image: bookworm\n${rest}`;
const behind = (...names: string[]) => `  after: [${names.join(', ')}]\n`;

async function load(text: string, ...words: string[]) {
  const file = join(service.home, 'jobs.yaml');
  writeFileSync(file, text);
  return runMain(['load', file, ...words], { env: service.env });
}
const made = () =>
  service.requests.filter(({ method }) => method === 'PATCH').map(({ body }) => (body as { name: string }).name);

describe('a job that comes after a one-off', () => {
  it('is made when that has succeeded, wherever it stands in the file', async () => {
    service.script(
      applied('first'),
      shown('first', 'running'),
      shown('first', 'running'),
      shown('first', 'succeeded'),
      applied('b'),
    );
    const { code, stderr } = await load(entry('b', behind('first')) + entry('first'));
    expect(made()).toEqual(['first', 'b']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        "INFO: Job first created\nINFO: job 'first' completed\nINFO: Job b created\nINFO: 2 job(s) loaded successfully\n",
    });
  });

  it('is made when the record of that says so, though it is gone by now', async () => {
    service.script(applied('first'), shown('first', 'running'), gone, applied('b'));
    service.beside({ runs: { body: { runs: [{ id: 'run-of-first', outcome: 'succeeded' }], messages: noMessages } } });
    expect(await load(entry('first') + entry('b', behind('first')))).toMatchObject({ code: 0 });
    expect(made()).toEqual(['first', 'b']);
  });

  it('is not made when that has failed, nor is what comes after it, and it is said why', async () => {
    service.script(applied('first'), shown('first', 'running'), shown('first', 'failed'), applied('d'));
    const text = entry('first') + entry('b', behind('first')) + entry('c', behind('b')) + entry('d');
    const { code, stdout, stderr } = await load(text, '--output', 'json');
    expect(code).toBe(1);
    expect(made()).toEqual(['first', 'd']);
    expect(stderr).toContain("ERROR: job 'b' was not started: it comes after 'first', which has not succeeded.\n");
    expect(stderr).toContain("ERROR: job 'c' was not started: it comes after 'b', which has not succeeded.\n");
    expect(stderr).toContain('ERROR: 2 of 4 job(s) not loaded: b, c\n');
    expect(JSON.parse(stdout)).toMatchObject({
      jobs: [{ state: 'changed' }, { state: 'not sent' }, { state: 'not sent' }, { state: 'changed' }],
    });
  });

  it('is not made when that could not be made', async () => {
    service.script({ status: 403, body: { error: ['Out of quota.'], code: 'quota.exceeded' } });
    expect(await load(entry('first') + entry('b', behind('first')))).toMatchObject({ code: 1 });
    expect(made()).toEqual(['first']);
  });

  it('makes nobody wait twice', async () => {
    service.script(
      applied('first'),
      shown('first', 'running'),
      shown('first', 'succeeded'),
      applied('b'),
      applied('c'),
    );
    const text = entry('first', '  wait: true\n') + entry('b', behind('first')) + entry('c', behind('first'));
    expect(await load(text)).toMatchObject({ code: 0 });
    expect(service.requests).toHaveLength(5);
  });

  it('waits for no scheduled or continuous job, but comes after it', async () => {
    service.script(applied('web'), shown('web', 'running', { job_type: 'continuous' }), applied('b'));
    const { code } = await load(entry('b', behind('web')) + entry('web', '  continuous: true\n'));
    expect({ code, made: made() }).toEqual({ code: 0, made: ['web', 'b'] });
  });

  it('is sent alone where it is asked for alone', async () => {
    service.script(applied('b'));
    expect(await load(entry('first') + entry('b', behind('first')), '--job', 'b')).toMatchObject({ code: 0 });
    expect(made()).toEqual(['b']);
  });
});

const run = (...words: string[]) =>
  runMain(['run', 'b', '--command', 'x', '--image', 'i', ...words], { env: service.env });
const created = { status: 201, body: { job: makeJob({ name: 'b' }), messages: noMessages } };
const methods = () => service.requests.map(({ method }) => method);

describe('a job that is run after a one-off', () => {
  it('begins when that has succeeded', async () => {
    service.script(shown('first', 'running'), shown('first', 'succeeded'), created);
    expect(await run('--after', 'first')).toMatchObject({ code: 0 });
    expect(methods()).toEqual(['GET', 'GET', 'POST']);
    expect(service.requests[2]?.body).toMatchObject({ after: ['first'] });
  });

  it('does not begin when that has failed, or is not known', async () => {
    service.script(shown('first', 'failed'));
    expect(await run('--after', 'first')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("job 'b' was not started: it comes after 'first', which has not succeeded."),
    });
    service.script(gone);
    service.beside({ runs: { body: { runs: [], messages: noMessages } } });
    expect(await run('--after', 'first')).toMatchObject({ code: 1, stderr: expect.stringContaining('TJF-V011') });
    expect(methods()).toEqual(['GET']);
  });
});
