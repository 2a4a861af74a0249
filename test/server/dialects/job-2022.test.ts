import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import { type JobDefinition, Tool } from '../../../src/domain.ts';
import { type Job2022, renderJob2022 } from '../../../src/server/dialects/job-2022.ts';
import { seedJobSchema } from '../../../src/server/schemas.ts';
import { bookworm, makePodFacts, makeSnapshot, now, startedAt } from '../../support/facts.ts';
import { anySnapshot } from './any-snapshot.ts';

const options = { tool: Tool.of('alpha'), now };
const render = (changes: Parameters<typeof makeSnapshot>[0] = {}) =>
  renderJob2022(makeSnapshot({ definition: {}, ...changes }), options);

describe('a job as of 2022', () => {
  it('has the keys of that time in their order, then those of 2023', () => {
    const job = render({
      state: 'running',
      status: { active: 1, startedAt },
      pods: [makePodFacts()],
      job: { filelog: true, filelogStdout: '/data/project/alpha/demo.out', filelogStderr: '/dev/null', retry: 2 },
    });
    expect(Object.entries(job)).toEqual([
      ['name', 'demo'],
      ['cmd', './run.sh'],
      ['image', 'bookworm'],
      ['user', 'alpha'],
      ['namespace', 'tool-alpha'],
      ['filelog', 'True'],
      ['status_short', 'Running'],
      [
        'status_long',
        "Last run at 2026-03-01T12:00:01Z. Pod in 'Running' phase. State 'running'. Started at '2026-03-01T12:00:02Z'.",
      ],
      ['emails', 'none'],
      ['image_state', 'stable'],
      ['filelog_stdout', '/data/project/alpha/demo.out'],
      ['filelog_stderr', '/dev/null'],
      ['retry', 2],
    ]);
  });

  it('has its schedule, as typed and as it runs, when it is scheduled', () => {
    expect(render({ kind: 'CronJob', state: 'waiting' })).toMatchObject({
      schedule: '@daily',
      schedule_actual: '17 4 * * *',
      filelog: 'False',
      filelog_stdout: null,
    });
    expect(render()).not.toHaveProperty('schedule');
  });

  it('is marked as continuous only when it is', () => {
    expect(render({ kind: 'Deployment' }).continuous).toBe(true);
    expect(render({ kind: 'CronJob' })).not.toHaveProperty('continuous');
  });

  it.each([
    ['512Mi', undefined],
    ['0.5Gi', undefined],
    ['1Gi', '1Gi'],
  ])('shows memory of %s as %s', (memory, shown) => {
    expect(render({ job: { memory } }).memory).toBe(shown);
  });

  it.each<[cpu: string, definition: Partial<JobDefinition> | undefined, shown: string | undefined]>([
    ['100m', {}, undefined],
    ['100m', { cpu: '100m' }, '100m'],
    ['100m', undefined, '100m'],
    ['500m', undefined, undefined],
    ['0.5', { cpu: '0.5' }, undefined],
    ['1', { cpu: '1' }, '1'],
  ])('shows cpu of %s, asked for by %j, as %s', (cpu, definition, shown) => {
    expect(renderJob2022(makeSnapshot({ job: { cpu }, ...(definition ? { definition } : {}) }), options).cpu).toBe(
      shown,
    );
  });

  it('calls an image unknown that the list does not know, unless the build service made it', () => {
    const lost = { ...bookworm, name: bookworm.url, state: 'unknown' as const };
    expect(render({ job: { image: lost } })).toMatchObject({ image: 'unknown', image_state: 'unknown' });
    const built = { ...lost, name: 'tool-alpha/web', type: 'buildservice' as const };
    expect(render({ job: { image: built } }).image).toBe('tool-alpha/web');
  });

  it('shows a foreign object as a job of which nothing is known', () => {
    expect(render({ kind: 'Deployment', foreign: 'It has no container with an image.' })).toEqual({
      name: 'demo',
      cmd: 'unknown',
      image: 'unknown',
      user: 'alpha',
      namespace: 'tool-alpha',
      filelog: 'False',
      status_short: 'Not made by this service',
      status_long: 'This job was not made by this service. It has no container with an image. It can only be deleted.',
      emails: 'none',
      continuous: true,
      image_state: 'unknown',
      filelog_stdout: null,
      filelog_stderr: null,
      retry: 0,
    });
  });

  it('is what the schema says, whatever the actor knows, and never holds a slip', () => {
    expectTypeOf<Job2022>().toExtend<z.input<typeof seedJobSchema>>();
    fc.assert(
      fc.property(anySnapshot, (snapshot) => {
        const job = renderJob2022(snapshot, options);
        expect(seedJobSchema.strict().safeParse(job).error).toBeUndefined();
        expect(JSON.stringify(job)).not.toMatch(/undefined|NaN|\[object|Infinity/);
      }),
      { numRuns: 500 },
    );
  });
});
