import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeJob, makeStatus, noMessages, runMain, type Service, startService } from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
beforeEach(() => service.script(applied('x', true)));
afterAll(() => service.close());

const applied = (name: string, isChanged: boolean) => ({
  body: {
    job_changed: isChanged,
    messages: { ...noMessages, info: [isChanged ? `Job ${name} created` : `Job ${name} is already up to date`] },
  },
});
const entry = (name: string, rest = '') => `- name: ${name}\n  command: ./${name}\n  image: bookworm\n${rest}`;

async function load(text: string, words: readonly string[] = [], onSleep?: (interrupt: () => void) => void) {
  const file = join(service.home, 'jobs.yaml');
  writeFileSync(file, text);
  return runMain(['load', file, ...words], { env: service.env, ...(onSleep ? { onSleep } : {}) });
}
const sent = () => service.requests.map(({ method, path, body }) => [method, path, (body as { name?: string })?.name]);

describe('load', () => {
  it('makes every job of the file be as it is there, in order, and shows what the service says', async () => {
    service.script(applied('a', true), applied('b', false));
    expect(await load(entry('a') + entry('b', '  schedule: "@daily"\n  timeout: 60\n'))).toEqual({
      code: 0,
      stdout: '',
      stderr: 'INFO: Job a created\nINFO: Job b is already up to date\nINFO: 2 job(s) loaded successfully\n',
      slept: [],
    });
    expect(sent()).toEqual([
      ['PATCH', '/jobs/v1/tool/quick/jobs', 'a'],
      ['PATCH', '/jobs/v1/tool/quick/jobs', 'b'],
    ]);
    expect(service.requests[1]?.body).toMatchObject({ schedule: '@daily', timeout: 60 });
  });

  it('sends one job where one is asked for, and counts one', async () => {
    const { stderr } = await load(entry('a') + entry('b', '  retry: 99\n'), ['--job', 'a']);
    expect(stderr).toBe('INFO: Job x created\nINFO: 1 job(s) loaded successfully\n');
    expect(sent()).toHaveLength(1);
    const missing = await load(entry('nightly'), ['--job', 'nigthly']);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining("Did you mean 'nightly'? (TJF-V011)") });
  });

  it('sends nothing of a file with a mistake, and names them all', async () => {
    const { code, stderr } = await load(entry('a') + entry('b', '  retry: 9\n  color: red\n') + entry('a'));
    expect(code).toBe(1);
    expect(stderr).toBe(
      "WARNING: Unknown key 'color' in job 'b' definition\n" +
        "ERROR: Invalid job 2 ('b'): retry must be a whole number from 0 to 5; '9' is not. (TJF-V010)\n" +
        "ERROR: Invalid job 3 ('a'): 'name' is that of job 1 as well. (TJF-V010)\n" +
        'ERROR: Nothing was sent: all jobs of the file must be right first. (TJF-V010)\n',
    );
    expect(service.requests).toEqual([]);
  });

  it('goes on after a refusal, and names what was not loaded', async () => {
    service.script({ status: 403, body: { error: ['Out of quota.'], code: 'quota.exceeded' } }, applied('b', true));
    const { code, stderr } = await load(entry('a') + entry('b'));
    expect(code).toBe(1);
    expect(stderr).toBe(
      "ERROR: Failed to load job 1 ('a'): Out of quota. (TJF-Q001)\nINFO: Job b created\n" +
        'ERROR: 1 of 2 job(s) not loaded: a\nINFO: 1 job(s) loaded successfully\n',
    );
  });

  it('stops where the next jobs would only meet the same', async () => {
    service.script({ status: 401, body: { error: ['The certificate is expired.'], code: 'caller.unauthenticated' } });
    const { code, stderr } = await load(entry('a') + entry('b'));
    expect(code).toBe(1);
    expect(sent()).toHaveLength(1);
    expect(stderr).toContain('2 of 2 job(s) not loaded: a, b');
  });

  it('waits for its share of requests', async () => {
    const busy = { status: 429, body: { error: ['Too many.'], code: 'caller.too_many' } };
    service.script(busy, busy, applied('a', true));
    expect(await load(entry('a'))).toMatchObject({ code: 0, slept: [1000, 1000] });
    service.script(busy);
    const { code, slept } = await load(entry('a') + entry('b'));
    expect({ code, tries: slept.length }).toEqual({ code: 2, tries: 7 });
  });

  it('ends at once when it is interrupted', async () => {
    service.script({ status: 429, body: { error: ['Too many.'], code: 'caller.too_many' } });
    expect(await load(entry('a') + entry('b'), [], (interrupt) => interrupt())).toMatchObject({
      code: 130,
      stderr: '',
    });
  });

  it('stays with a one-off until it has ended, where the file says so', async () => {
    const job = makeJob({ name: 'a', status: makeStatus('failed') });
    service.script(applied('a', true), { body: { job, messages: noMessages } }, applied('b', true));
    const { code, stderr } = await load(entry('a', '  wait: true\n') + entry('b'));
    expect(code).toBe(1);
    expect(stderr).toContain("ERROR: job 'a' failed:");
    expect(stderr).toContain('| Job name:     | a ');
    expect(stderr).toContain('Job b created');
  });

  it('tells programs what became of each job', async () => {
    service.script(
      applied('a', true),
      { status: 400, body: { error: ['No.'], code: 'job.invalid' } },
      applied('c', false),
    );
    const { stdout } = await load(entry('a') + entry('b') + entry('c'), ['--output', 'json']);
    expect(JSON.parse(stdout)).toEqual({
      loaded: 2,
      failed: 1,
      jobs: [
        { number: 1, name: 'a', state: 'changed' },
        {
          number: 2,
          name: 'b',
          state: 'failed',
          error: { code: 'job.invalid', id: 'TJF-V010', messages: ["Failed to load job 2 ('b'): No."] },
        },
        { number: 3, name: 'c', state: 'unchanged' },
      ],
    });
  });

  it.each([
    ['a: [', "Unable to parse yaml file 'FILE': Flow sequence in block collection"],
    ['name: x', "Unable to parse yaml file 'FILE': it must hold a list of jobs"],
    [`- ${'x'.repeat(1_100_000)}`, 'The file FILE has more than 1 MiB'],
  ])('needs a list of jobs: %#', async (text, message) => {
    const { code, stderr } = await load(text);
    expect(code).toBe(1);
    expect(stderr.replaceAll(join(service.home, 'jobs.yaml'), 'FILE')).toContain(message);
  });

  it('says which file cannot be read, and that it needs one', async () => {
    const missing = await runMain(['load', '/nowhere/jobs.yaml'], { env: service.env });
    expect(missing).toMatchObject({
      code: 1,
      stderr: 'ERROR: The file /nowhere/jobs.yaml cannot be read (ENOENT). (TJF-V021)\n',
    });
    expect(await runMain(['load', service.home], { env: service.env })).toMatchObject({
      code: 1,
      stderr: `ERROR: The file ${service.home} cannot be read (it is a directory). (TJF-V021)\n`,
    });
    expect(await runMain(['load'], { env: service.env })).toMatchObject({ code: 2 });
  });
});
