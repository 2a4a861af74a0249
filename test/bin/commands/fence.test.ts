import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain, type Service, startService } from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const given = { body: { fence: 1_767_225_600_000, messages: {} } };
const refused = (status: number, code: string) => ({ status, body: { error: ['No.'], code } });
const inJob = () => ({ env: { ...service.env, TOOLFORGE_RUN_ID: 'uid-1' } });

describe('fence', () => {
  it('prints the number of the run it is asked in, and nothing else', async () => {
    service.script(given);
    expect(await runMain(['fence'], inJob())).toMatchObject({ code: 0, stdout: '1767225600000\n', stderr: '' });
    expect(service.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'PUT /jobs/v1/tool/quick/fences/uid-1',
    ]);
    await runMain(['fence', '--run', 'uid/2'], inJob());
    expect(service.requests.at(-1)?.path).toBe('/jobs/v1/tool/quick/fences/uid%2F2');
  });

  it('prints nothing where there is none to be had, so that a job can end', async () => {
    service.script(refused(409, 'run.superseded'));
    expect(await runMain(['fence'], inJob())).toMatchObject({ code: 1, stdout: '', stderr: 'ERROR: No. (TJF-R002)\n' });
    expect(await runMain(['fence'], { env: service.env })).toMatchObject({ code: 2, stdout: '' });
    expect(await runMain(['fence', '--run='], { env: service.env })).toMatchObject({ code: 2, stdout: '' });
  });

  it('has patience with a service that begins, and with a run that has just begun', async () => {
    service.script(refused(503, 'view.not_ready'), refused(404, 'run.not_found'), given);
    expect(await runMain(['fence'], inJob())).toMatchObject({
      code: 0,
      stdout: '1767225600000\n',
      slept: [1000, 1000],
    });
  });
});
