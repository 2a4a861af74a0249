import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type { RunRecord } from '../../../src/domain.ts';
import { type ListedRun2026, renderListedRun2026, renderRun2026 } from '../../../src/server/dialects/run-2026.ts';
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
      due: null,
      created: '2026-03-01T12:00:00Z',
      started: '2026-03-01T12:00:02Z',
      finished: '2026-03-01T12:00:09Z',
      outcome: 'succeeded',
      reason: null,
      exit_code: 0,
      signal: null,
      attempts: 1,
      peak_memory: null,
      memory_limit: null,
      peak_cpu: null,
      trigger: 'manual',
      definition_version: null,
      image_digest: null,
      message: 'finished',
    });
    expect(render({ peakMemory: 100, memoryLimit: 200, peakCpu: 7 })).toMatchObject({
      peak_memory: 100,
      memory_limit: 200,
      peak_cpu: 7,
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
    expectTypeOf<ListedRun2026>().toExtend<z.input<typeof runsAnswer>['runs'][number]>();
    const messages = { info: [], warning: [], error: [] };
    const listed = renderListedRun2026('demo', { run: makeRunRecord(), streak: undefined, changed: ['image'] });
    expect(runsAnswer.parse({ runs: [listed], messages }).runs).toEqual([listed]);
  });

  it('says what asked for it, and that a run that began more than a minute late was caught up', () => {
    const dueAt = Date.parse('2026-03-01T02:10:00Z');
    const triggerOf = (changes: Partial<RunRecord>) => render({ type: 'scheduled', dueAt, ...changes }).trigger;
    expect(triggerOf({ createdAt: dueAt + 60_000 })).toBe('schedule');
    expect(triggerOf({ createdAt: dueAt + 60_001 })).toBe('caught_up');
    expect(triggerOf({ createdAt: dueAt + 60_001, dueAt: undefined, manual: true })).toBe('manual');
  });

  it('says that the next run took its place', () => {
    expect(render({ outcome: 'stopped', reason: 'replaced' }).message).toBe(
      'the next run of its schedule took its place',
    );
  });

  it('says in words why a firing of the schedule became none, or that nobody saw it', () => {
    const at = Date.parse('2026-03-01T02:10:00Z');
    const none = { startedAt: undefined, finishedAt: undefined, exitCode: undefined, attempts: 0, dueAt: at };
    const skipped = (changes: Partial<RunRecord>) => render({ ...none, outcome: 'skipped', ...changes });
    expect(skipped({ reason: 'previous_run', since: at - 600_000 })).toMatchObject({
      due: '2026-03-01T02:10:00Z',
      message: 'skipped: the run before it was still going, since 2026-03-01T02:00:00Z',
    });
    const full =
      'exceeded quota: x, requested: count/jobs.batch=1, used: count/jobs.batch=15, limited: count/jobs.batch=15';
    expect(skipped({ reason: 'quota', clusterSays: full }).message).toMatch(
      /^skipped: the quota of the tool left no room for it; count\/jobs.batch: 15 of 15 are used/,
    );
    expect(skipped({ reason: 'quota' }).message).toBe('skipped: the quota of the tool left no room for it');
    expect(skipped({ reason: 'suspended' }).message).toBe('skipped: the job is suspended');
    const suspension = { by: 'owner', note: 'the wiki moves', until: undefined } as const;
    expect(skipped({ reason: 'suspended', suspension }).message).toBe(
      'skipped: the job was suspended by its owner: the wiki moves',
    );
    expect(skipped({ reason: 'suspended', suspension: { by: 'owner', note: undefined, until: at } }).message).toBe(
      'skipped: the job was suspended by its owner; that was to end at 2026-03-01T02:10:00Z, but the service was away',
    );
    expect(skipped({ reason: 'changed' }).message).toBe('skipped: the job was changed or deleted in that moment');
    expect(skipped({ reason: 'not_started' }).message).toBe('skipped: the cluster refused to begin it');
    expect(skipped({ reason: 'cluster_away', since: at - 600_000, until: at + 600_000 }).message).toBe(
      'skipped: the cluster could not be reached from 2026-03-01T02:00:00Z to 2026-03-01T02:20:00Z',
    );
    expect(skipped({ reason: 'unexplained' }).message).toBe(
      'skipped: the cluster did not begin it within its starting deadline, and does not say why',
    );
    expect(render({ ...none, outcome: 'unknown', dueUntil: at + 60_000 }).message).toBe(
      'nobody saw what became of the firings from 2026-03-01T02:10:00Z to 2026-03-01T02:11:00Z',
    );
  });

  it('says that it never started, with what kept it from that', () => {
    const unbegun = { startedAt: undefined, exitCode: undefined, attempts: 0 } as const;
    const said = (changes: Partial<RunRecord>) => render({ ...unbegun, ...changes }).message;
    const full = 'exceeded quota: x, requested: requests.cpu=1, used: requests.cpu=2, limited: requests.cpu=2';
    const why = 'never started: the quota of the tool left no room for it; ';
    expect(said({ outcome: 'stopped', reason: 'quota', clusterSays: full })).toMatch(
      new RegExp(`^${why}.*; then its job was deleted$`),
    );
    expect(said({ outcome: 'stopped', reason: 'replaced', clusterSays: full })).toMatch(
      new RegExp(`^${why}.*; then the next run of its schedule took its place$`),
    );
    expect(said({ outcome: 'failed', reason: 'quota', clusterSays: full })).toMatch(new RegExp(`^${why}`));
    expect(said({ outcome: 'stopped', reason: 'not_started', clusterSays: 'no' })).toBe(
      'never started: the cluster refused to begin it; then its job was deleted',
    );
    expect(said({ outcome: 'failed', reason: 'image' })).toBe('its image could not be had, so it never started');
  });

  it('says what asked for it, with which definition and image it ran, and how many failures it ended', () => {
    const run = makeRunRecord({ type: 'scheduled', version: 'c4c0b085', imageDigest: 'sha256:1' });
    const streak = {
      run: 'run-1',
      outcome: 'succeeded',
      reason: undefined,
      at: 0,
      count: 1,
      since: 0,
      before: 3,
    } as const;
    expect(renderListedRun2026('demo', { run, streak, changed: ['definition'] })).toMatchObject({
      trigger: 'schedule',
      definition_version: 'c4c0b085',
      image_digest: 'sha256:1',
      changed: ['definition'],
      in_a_row: 1,
      after_failures: 3,
    });
    expect(render({ type: 'scheduled', manual: true }).trigger).toBe('manual');
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
