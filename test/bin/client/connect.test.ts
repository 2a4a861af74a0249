import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import { AppError, connect } from '../../../bin/client/connect.ts';
import operations from '../../../bin/client/operations.json' with { type: 'json' };
import type { ErrorCode, Job, JobEvent, Jobs, Messages, NewJob } from '../../../bin/client/typed.ts';
import type { ErrorCode as TableCode } from '../../../src/errors.ts';
import type { Job2026 } from '../../../src/server/dialects/job-2026.ts';
import type { newJobSchema } from '../../../src/server/schemas.ts';
import { makeHome, noMessages, type Service, startService } from '../scripted-service.ts';

/** As it travels: nothing is written to, and undefined is left out. */
type OnTheWire<T> = T extends object ? { readonly [Key in keyof T]: OnTheWire<Exclude<T[Key], undefined>> } : T;

let service: Service;
let jobs: Jobs;
let heard: Messages[];
beforeAll(async () => {
  service = await startService();
  heard = [];
  jobs = await connect({ env: service.env, onMessages: (messages) => heard.push(messages) });
});
afterAll(async () => {
  jobs.close();
  await service.close();
});

const report = { name: 'report', cmd: './report.sh', imagename: 'python3.11' };

describe('a program', () => {
  it('asks as the tool of the kubeconfig, at the service of the settings, and gets the thing itself', async () => {
    service.script({ status: 201, body: { job: { name: 'report' }, messages: noMessages } });
    expect(await jobs.run(report)).toEqual({ name: 'report' });
    expect(service.requests.at(-1)).toMatchObject({
      method: 'POST',
      path: '/jobs/v1/tool/quick/jobs',
      body: report,
      caller: 'quick',
    });
    expect(service.requests.at(-1)?.headers['user-agent']).toMatch(/^tool-quick@\S*:jobs-client toolforge-jobs\/\d/);
  });

  it('gets nothing where there is nothing to get, and hears what is said with it', async () => {
    const warning = ['The end takes longer than usual.'];
    service.script({ body: { messages: { ...noMessages, warning } } });
    expect(await jobs.delete('report')).toBeUndefined();
    expect(service.requests.at(-1)).toMatchObject({ method: 'DELETE', path: '/jobs/v1/tool/quick/jobs/report' });
    expect(heard.at(-1)?.warning).toEqual(warning);
  });

  it.each(['', '..', 'a/b', 'a?b'])('never reaches another job, or all of them, by the name %j', async (name) => {
    const before = service.requests.length;
    await expect(jobs.delete(name)).rejects.toMatchObject({ code: 'job.not_found' });
    expect(service.requests).toHaveLength(before);
  });

  it('gets failures with the code of the service, its values and the id of the request', async () => {
    const body = { error: ['It is gone.'], code: 'kube.unreachable', id: 'TJF-X001', request_id: 'abc' };
    service.script({ status: 503, body });
    const error = await jobs.list().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({
      code: 'kube.unreachable',
      message: 'It is gone.',
      fields: { status: 503, request_id: 'abc' },
    });
  });

  it('does not take an answer without the thing for an answer', async () => {
    service.script({ body: { messages: noMessages } });
    await expect(jobs.list()).rejects.toMatchObject({ code: 'service.failed' });
  });

  it('hears events one by one, and takes them up where they broke off', async () => {
    const event = (id: number) => `id: x-${id}\nevent: job.gone\ndata: {"job":"report","job_type":"one-off"}\n\n`;
    service.script({ body: `retry: 1000\nid: x-0\n\n${event(1)}` }, { body: event(2) });
    const before = service.requests.length;
    const heard: string[] = [];
    for await (const { id } of jobs.events({ job: 'report' })) {
      heard.push(id);
      if (heard.length === 2) break;
    }
    expect(heard).toEqual(['x-1', 'x-2']);
    const asked = service.requests.slice(before);
    expect(asked.map(({ path }) => path)).toEqual(Array(2).fill('/jobs/v1/tool/quick/events?job=report'));
    expect(asked.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'x-1']);
  });

  it('is told at once where events cannot be had', async () => {
    service.script({ status: 429, body: { error: ['Too many streams.'], code: 'caller.too_many' } });
    await expect(jobs.events()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'caller.too_many' });
  });

  it('has a method for every named operation', () => {
    expect(Object.keys(jobs).sort()).toEqual([...Object.keys(operations), 'close'].sort());
  });

  it('is told what is missing where there is no kubeconfig', async () => {
    const home = makeHome({ url: service.url, ca: service.ca, cert: '', key: '' });
    await expect(connect({ env: { HOME: home } })).rejects.toMatchObject({ code: 'settings.invalid' });
    rmSync(home, { recursive: true });
  });

  it('has the types of the shapes that requests are checked against, and of what is answered', () => {
    expectTypeOf<NewJob>().toEqualTypeOf<OnTheWire<z.input<typeof newJobSchema>>>();
    expectTypeOf<Job2026>().toExtend<Job>();
    expectTypeOf<Jobs['run']>().toEqualTypeOf<(body: NewJob) => Promise<Job>>();
    expectTypeOf<Jobs['list']>().toEqualTypeOf<() => Promise<readonly Job[]>>();
    expectTypeOf<Jobs['events']>().returns.toEqualTypeOf<AsyncIterable<JobEvent>>();
    expectTypeOf<Jobs['delete']>().toEqualTypeOf<(name: string) => Promise<void>>();
    expectTypeOf<ErrorCode>().toEqualTypeOf<TableCode>();
  });
});
