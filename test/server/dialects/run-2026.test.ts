import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type { RunRecord } from '../../../src/domain.ts';
import { type Run2026, renderRun2026 } from '../../../src/server/dialects/run-2026.ts';
import { runsAnswer } from '../../../src/server/schemas.ts';
import { makeRunRecord } from '../../support/facts.ts';

const render = (changes: Partial<RunRecord> = {}) => renderRun2026('demo', makeRunRecord(changes));
const failed = (changes: Partial<RunRecord>) => render({ outcome: 'failed', exitCode: undefined, ...changes }).message;

describe('a run as of 2026', () => {
  it('says everything, and null for what is not known', () => {
    expect(render()).toEqual({
      id: 'run-1',
      job: 'demo',
      job_type: 'one-off',
      job_id: 'uid-1',
      manual: false,
      created: '2026-03-01T12:00:00Z',
      started: '2026-03-01T12:00:02Z',
      finished: '2026-03-01T12:00:09Z',
      outcome: 'succeeded',
      reason: null,
      exit_code: 0,
      signal: null,
      attempts: 1,
      message: 'finished',
    });
    const unknown = { jobUid: undefined, startedAt: undefined, finishedAt: undefined, exitCode: undefined };
    expect(render({ ...unknown, outcome: 'unknown' })).toMatchObject({
      job_id: null,
      started: null,
      finished: null,
      exit_code: null,
      message: 'nobody saw how it ended',
    });
  });

  it('has the shape that the documents show', () => {
    expectTypeOf<Run2026>().toExtend<z.input<typeof runsAnswer>['runs'][number]>();
    const messages = { info: [], warning: [], error: [] };
    expect(runsAnswer.parse({ runs: [render()], messages }).runs).toEqual([render()]);
  });

  it('says in words how it ended', () => {
    expect(failed({ reason: 'exit_code', exitCode: 3 })).toBe('your program ended with code 3');
    expect(failed({ reason: 'signal', exitCode: 139, signal: 11 })).toBe('ended by signal 11 (SIGSEGV)');
    expect(failed({ reason: 'out_of_memory', exitCode: 137, signal: 9 })).toBe('ran out of memory (OOMKilled)');
    expect(failed({ reason: 'deadline' })).toBe('took longer than its time limit (DeadlineExceeded)');
    expect(failed({ reason: 'evicted' })).toBe('had to leave its node (Evicted)');
    expect(failed({ reason: 'not_started' })).toBe('could not be started');
    expect(failed({ reason: 'lost' })).toBe('its node went away with it');
    expect(failed({ reason: 'other' })).toBe('failed, and why is not known');
    expect(render({ outcome: 'stopped' }).message).toBe('its job was deleted before it had ended');
  });
});
