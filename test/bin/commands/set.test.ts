import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noMessages, runMain, type Service, startService } from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const asked = { name: 'daily', cmd: './x', imagename: 'y', schedule: '@daily', filelog: true, memory: '512Mi' };
const daily = { ...asked, image: 'y', job_type: 'scheduled' };
const answers = (job_changed: boolean, jobs: readonly object[] = [daily]) =>
  service.script({ body: { jobs, messages: noMessages } }, { body: { job_changed, messages: noMessages } });
const set = (...words: string[]) => runMain(['set', 'daily', ...words], { env: service.env });

describe('set', () => {
  it('changes memory and CPU, and asks for everything else as it was set', async () => {
    answers(true);
    const { code, stderr } = await set('--mem', '768Mi', '--cpu', '500m');
    expect([code, stderr]).toEqual([
      0,
      "INFO: If it stands in a file of yours, write 'mem: 768Mi' and 'cpu: 500m' there as well.\n",
    ]);
    const { method, body } = service.requests.at(-1) ?? {};
    expect([method, body]).toEqual(['PATCH', { ...asked, job_type: 'scheduled', memory: '768Mi', cpu: '500m' }]);
  });

  it('asks for all schedules of a job that has several, and for its matrix', async () => {
    const several = {
      ...daily,
      schedule: '@daily; 0 6 * * *',
      schedules: ['@daily', '0 6 * * *'],
      matrix: { X: ['a'] },
    };
    answers(true, [several]);
    expect((await set('--mem', '1Gi')).code).toBe(0);
    const { image: _, schedule: __, ...body } = several;
    expect(service.requests.at(-1)?.body).toEqual({ ...body, memory: '1Gi' });
  });

  it('says nothing of files where the job has that already', async () => {
    answers(false);
    expect(await set('--mem', '512Mi')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('refuses what it cannot change', async () => {
    expect(await set()).toMatchObject({ code: 2, stderr: expect.stringContaining("'set' needs --mem or --cpu") });
    const listed = (jobs: readonly object[]) => ({ body: { jobs, messages: noMessages } });
    service.script(listed([]), listed([]));
    expect(await set('--mem', '1Gi')).toMatchObject({ code: 1, stderr: expect.stringContaining('does not exist') });
    service.script(listed([]), listed([{ ...daily, name: 'many', parts: [{ name: 'daily' }] }]));
    expect(await set('--mem', '1Gi')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("'daily' is a part of the job 'many', and is changed together with it"),
    });
    answers(true, [{ ...daily, job_type: 'one-off' }]);
    expect(await set('--mem', '1Gi')).toMatchObject({ code: 1, stderr: expect.stringContaining('Run it again with') });
  });
});
