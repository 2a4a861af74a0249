import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import { type Job2026, renderJob2026, renderUnresolved2026 } from '../../../src/server/dialects/job-2026.ts';
import { jobAsSetSchema, jobSchema } from '../../../src/server/schemas.ts';
import { bookworm, makePodFacts, makeSnapshot, now, startedAt } from '../../support/facts.ts';
import { anySnapshot, anyTime } from './any-snapshot.ts';

const nextFiringAt = now + 60_000;
const render = (changes: Parameters<typeof makeSnapshot>[0] = {}) =>
  renderJob2026(makeSnapshot(changes), { now, nextFiringAt });
const renderSet = (changes: Parameters<typeof makeSnapshot>[0] = {}) => renderUnresolved2026(makeSnapshot(changes));
const strict = jobSchema.strict();
const strictSet = jobAsSetSchema.strict();

type Frozen<T> = { readonly [Key in keyof T]: Frozen<T[Key]> };

describe('a job as of 2026', () => {
  it('has every default filled in', () => {
    const job = render({
      state: 'running',
      status: { active: 1, startedAt },
      pods: [makePodFacts()],
      job: {
        filelog: true,
        filelogStdout: '/data/project/alpha/demo.out',
        filelogStderr: '/data/project/alpha/demo.err',
      },
    });
    expect(job).toEqual({
      name: 'demo',
      cmd: './run.sh',
      imagename: 'bookworm',
      image: 'bookworm',
      image_state: 'stable',
      filelog: true,
      filelog_stdout: '/data/project/alpha/demo.out',
      filelog_stderr: '/data/project/alpha/demo.err',
      emails: 'none',
      mount: 'all',
      memory: '0.5Gi',
      cpu: '0.1',
      status_short: 'Running for 1h',
      status_long:
        "Last run at 2026-03-01T12:00:01Z. Pod in 'Running' phase. State 'running'. Started at '2026-03-01T12:00:02Z'.",
      job_type: 'one-off',
      run_id: 'uid-1',
      status: { short: 'running', duration: '1h', up_to_date: true, messages: [] },
      retry: 0,
    });
  });

  it('has schedule and timeout when it is scheduled', () => {
    const job = render({ kind: 'CronJob', state: 'waiting', job: { timeout: 90, retry: 1 } });
    expect(job).toMatchObject({
      job_type: 'scheduled',
      schedule: '@daily',
      schedule_actual: '17 4 * * *',
      retry: 1,
      timeout: 90,
      status: { previous_schedule: null, next_schedule: '2026-03-01T13:01:02Z' },
    });
    expect(job).not.toHaveProperty('replicas');
  });

  it('has copies and no retries when it is continuous', () => {
    const job = render({ kind: 'Deployment', job: { replicas: 3 } });
    expect(job).toMatchObject({
      job_type: 'continuous',
      continuous: true,
      replicas: 3,
      port: null,
      port_protocol: 'tcp',
      health_check: null,
    });
    expect(job).not.toHaveProperty('retry');
  });

  it.each<[typed: string, memory: string]>([
    ['1Gi', '1.0Gi'],
    ['100Mi', '100Mi'],
  ])('shows %s of memory as %s: in Gi where nothing is lost', (typed, memory) => {
    expect(render({ job: { memory: typed } }).memory).toBe(memory);
    expect(renderSet({ definition: { memory: typed } }).memory).toBe(memory);
  });

  it('passes on why nothing was started', () => {
    const trouble = 'exceeded quota: x, limited: limits.memory=1Gi';
    const words = 'Unable to start, out of quota for memory';
    expect(renderJob2026(makeSnapshot(), { now, trouble })).toMatchObject({
      status_short: words,
      status_long: `No pods were created for this job. ${words}.`,
      status: { messages: [words] },
    });
    expect(renderJob2026({ ...makeSnapshot(), refusal: trouble }, { now })).toMatchObject({
      status_short: words,
      status_long: `No pods were created for this job. ${words}.`,
      status: { messages: [words] },
    });
  });

  it('shows a foreign object as a job of which nothing is known', () => {
    expect(render({ kind: 'Deployment', foreign: 'It has no container with an image.' })).toMatchObject({
      name: 'demo',
      cmd: 'unknown',
      image: 'unknown',
      imagename: 'unknown',
      job_type: 'continuous',
      continuous: true,
      status_short: 'Not made by this service',
    });
  });

  it('is what the schema says, whatever the actor knows, and never holds a slip', () => {
    expectTypeOf<Job2026>().toExtend<Frozen<z.input<typeof jobSchema>>>();
    const anyOptions = fc.record({ now: fc.nat(), nextFiringAt: fc.option(anyTime, { nil: undefined }) });
    fc.assert(
      fc.property(anySnapshot, anyOptions, (snapshot, options) => {
        const job: Job2026 = renderJob2026(snapshot, options);
        expect(strict.safeParse(job).error).toBeUndefined();
        expect(JSON.stringify(job)).not.toMatch(/undefined|NaN|\[object|Infinity/);
        expect(job.status.duration).toMatch(/^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$/);
        const next = job.status.next_schedule;
        if (next) expect(Date.parse(next)).toBeGreaterThanOrEqual(options.now - 999);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a job of 2026 as its owner set it', () => {
  it('holds no default', () => {
    expect(renderSet({ definition: {} })).toEqual({
      name: 'demo',
      cmd: './run.sh',
      imagename: 'bookworm',
      image: 'bookworm',
      job_type: 'one-off',
    });
  });

  it('holds what was set, also where that is the default', () => {
    const definition = {
      filelog: false,
      emails: 'none',
      memory: '512Mi',
      cpu: '100m',
      retry: 0,
      timeout: 0,
      schedules: [{ text: '@daily' }],
    } as const;
    expect(renderSet({ kind: 'CronJob', definition })).toEqual({
      name: 'demo',
      cmd: './run.sh',
      imagename: 'bookworm',
      image: 'bookworm',
      job_type: 'scheduled',
      filelog: false,
      emails: 'none',
      memory: '0.5Gi',
      cpu: '0.1',
      schedule: '@daily',
      retry: 0,
      timeout: 0,
    });
  });

  it('names the image canonically, or as typed where the list lost it', () => {
    expect(renderSet({ definition: { image: 'debian12' } }).imagename).toBe('bookworm');
    const lost = { ...bookworm, name: bookworm.url, state: 'unknown' as const };
    expect(renderSet({ definition: { image: 'debian12' }, job: { image: lost } }).image).toBe('debian12');
  });

  it('holds what differs from the defaults when nobody wrote down what was asked', () => {
    expect(renderSet({ kind: 'Deployment', job: { replicas: 2, cpu: '1.0', emails: 'all' } })).toEqual({
      name: 'demo',
      cmd: './run.sh',
      imagename: 'bookworm',
      image: 'bookworm',
      job_type: 'continuous',
      continuous: true,
      filelog: false,
      emails: 'all',
      cpu: '1.0',
      replicas: 2,
    });
  });

  it('has image and amounts as they were typed, where that is asked for', () => {
    const definition = { image: 'tf-bookworm', memory: '512Mi', cpu: '500m' };
    const snapshot = makeSnapshot({ definition });
    expect(renderUnresolved2026(snapshot)).toMatchObject({ imagename: 'bookworm', memory: '0.5Gi', cpu: '0.5' });
    const { image, ...amounts } = definition;
    expect(renderUnresolved2026(snapshot, true)).toMatchObject({ imagename: image, image, ...amounts });
  });

  it('is a new job in the words of the schema, whatever the actor knows', () => {
    fc.assert(
      fc.property(anySnapshot, (snapshot) => {
        const job = renderUnresolved2026(snapshot);
        expect(strictSet.safeParse(job).error).toBeUndefined();
        expect(job).not.toHaveProperty('status');
        expect(JSON.stringify(job)).not.toMatch(/undefined|NaN|\[object/);
      }),
    );
  });
});
