import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noMessages, runMain, type Service, startService } from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const body = (name: string, cmd: string) => ({ name, cmd, imagename: 'bookworm', schedule: '@daily' });
const former = [
  { at: '2026-03-03T10:00:00.250Z', reason: 'changed', job: body('a', 'echo third') },
  { at: '2026-03-02T10:00:00Z', reason: 'deleted', job: body('b', 'echo b') },
  { at: '2026-03-02T09:00:00Z', reason: 'changed', job: body('a', 'echo second') },
  { at: '2026-03-01T09:00:00Z', reason: 'changed', job: body('a', 'echo first') },
];
const planned = (action: string, name: string) => ({ name, job_type: 'scheduled', action, changes: [], message: '' });
const said = (answer: object) => ({ body: { ...answer, messages: noMessages } });
const plan = (...jobs: object[]) => said({ plan: { jobs, quota: [], problems: [] } });
const undo = (...words: string[]) => runMain(['undo', ...words], { env: service.env });
const sent = () =>
  service.requests.map(({ method, path, body: given }) =>
    [method, path.replace('/jobs/v1/tool/quick', ''), (given as { cmd?: string } | undefined)?.cmd].join(' ').trim(),
  );

describe('undo', () => {
  it('shows what jobs were', async () => {
    service.script(said({ former }));
    const { code, stdout } = await undo();
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(2, 4)).toEqual([
      '2026-03-03T10:00:00Z  a      changed   echo third',
      '2026-03-02T10:00:00Z  b      deleted   echo b',
    ]);
    expect(JSON.parse((await undo('--output', 'json')).stdout)).toEqual(former);
    service.script(said({ former: [] }));
    expect(await undo()).toMatchObject({ code: 0, stdout: '' });
  });

  it('makes one job be as it was before its last change, as apply does', async () => {
    service.script(said({ former }), plan(planned('update', 'a')), said({ job_changed: true }));
    const { code, stdout, stderr } = await undo('a');
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'INFO: 1 job(s) changed, 0 unchanged\n' });
    expect(stdout).toContain('Change a (scheduled)');
    expect(sent()).toEqual(['GET /former', 'POST /plan', 'PATCH /jobs echo third']);
    expect(service.requests[1]?.body).toMatchObject({ prune: false, jobs: [body('a', 'echo third')] });
  });

  it('makes all jobs be as they were before a time', async () => {
    service.script(said({ former }), plan(planned('update', 'a'), planned('create', 'b')), said({ job_changed: true }));
    expect(await undo('--since', '2026-03-02T00:00:00Z')).toMatchObject({ code: 0 });
    expect(sent().slice(2)).toEqual(['PATCH /jobs echo second', 'PATCH /jobs echo b']);
    service.script(said({ former }), plan(planned('update', 'a')), said({ job_changed: true }));
    await undo('a', '--since', '90000d');
    expect(sent().at(-1)).toBe('PATCH /jobs echo first');
    // As `logs --since` has it.
    service.script(said({ former }), plan(planned('update', 'a')), said({ job_changed: true }));
    await undo('a', '--since', '2026-03-02 01:00:00+01:00');
    expect(sent().at(-1)).toBe('PATCH /jobs echo second');
  });

  it('says where there is nothing to undo, and what a time is', async () => {
    service.script(said({ former }), said({ jobs: [] }));
    expect((await undo('zzz')).stderr).toContain("The job 'zzz' was not changed or deleted in the last 7 days.");
    service.script(said({ former }), said({ jobs: [{ name: 'many', parts: [{ name: 'many-fr' }] }] }));
    expect((await undo('many-fr')).stderr).toContain("'many-fr' is a part of the job 'many'");
    service.script(said({ former }));
    expect((await undo('--since', '2030-01-01T00:00:00Z')).stderr).toContain(
      'No job was changed or deleted since 2030',
    );
    for (const wrong of ['soon', '5', '2026', '2026-03-02T00:00', '2026-03-02T00:00:00'])
      expect(await undo('--since', wrong)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('--since must be a time'),
      });
  });
});
