import { beforeEach, describe, expect, it } from 'vitest';
import type { JobKey, RunRecord } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { createJobRoster, type JobRoster } from '../../src/machines/roster.ts';
import {
  ended,
  makeCondition,
  makePodFacts,
  makeRun,
  makeRunEnd,
  makeRunRecord,
  makeSnapshot,
} from '../support/facts.ts';

const key: JobKey = { namespace: 'tool-alpha', kind: 'CronJob', name: 'demo' };
const dueAt = Date.parse('2026-03-01T12:00:00Z');
let roster: JobRoster;
let version = 100;

beforeEach(() => {
  const log = createLog({ level: 'error', stream: { write: (line) => void expect.fail(line) } });
  roster = createJobRoster({ log });
  show();
});

const nextVersion = () => String(++version);

function show(uid = 'uid-1', kind: JobKey['kind'] = 'CronJob'): void {
  const { object } = makeSnapshot({ kind, object: { uid, resourceVersion: nextVersion() } });
  roster.accept({ type: 'object.seen', key: object.key, object });
}

/** A run ends before the eyes of the daemon. */
function ends(uid: string, exitCode: number): void {
  const condition = makeCondition(exitCode === 0 ? 'Complete' : 'Failed', { changedAt: dueAt });
  const counted = exitCode === 0 ? { succeeded: 1 } : { failed: 1 };
  const run = makeRun({ uid, resourceVersion: nextVersion(), status: { ...counted, conditions: [condition] } });
  const pod = makePodFacts({
    key,
    uid: `pod-${uid}`,
    ownerUid: uid,
    state: ended(exitCode),
    resourceVersion: nextVersion(),
  });
  roster.accept({ type: 'run.seen', key, run });
  roster.accept({ type: 'pod.seen', key, pod });
}

const scheduled = (id: string, changes: Partial<RunRecord> = {}) =>
  makeRunRecord({ id, type: 'scheduled', ...changes });
const failed = (id: string) => scheduled(id, { outcome: 'failed', reason: 'exit_code' });
const shown = () => {
  const job = roster.find('tool-alpha', 'demo');
  return { streak: job?.streak && [job.streak.outcome, job.streak.count], skipped: job?.skipped?.reason };
};

describe('what a scheduled job shows of its last runs', () => {
  it('is how many in a row have failed before the eyes of the daemon, and that it recovered', () => {
    ends('run-1', 3);
    ends('run-2', 3);
    expect(shown().streak).toEqual(['failed', 2]);
    ends('run-3', 0);
    expect(roster.find('tool-alpha', 'demo')?.streak).toMatchObject({ outcome: 'succeeded', count: 1, before: 2 });
  });

  it('goes on from what is on record of the time before a start', () => {
    expect(roster.unrecalled('tool-alpha')).toEqual([key]);
    roster.recall(key, [failed('run-2'), failed('run-1')]);
    expect(roster.unrecalled('tool-alpha')).toEqual([]);
    ends('run-3', 3);
    expect(shown().streak).toEqual(['failed', 3]);
  });

  it('counts a run once of which the end is told again after a start', () => {
    ends('run-2', 3);
    roster.recall(key, [failed('run-2'), failed('run-1')]);
    expect(shown().streak).toEqual(['failed', 2]);
  });

  it('waits for the next reading where a run has ended during this one', () => {
    ends('run-3', 3);
    roster.recall(key, [failed('run-2'), failed('run-1')]);
    expect([shown().streak, roster.unrecalled('tool-alpha')]).toEqual([['failed', 1], [key]]);
    roster.recall(key, [failed('run-3'), failed('run-2'), failed('run-1')]);
    expect([shown().streak, roster.unrecalled('tool-alpha')]).toEqual([['failed', 3], []]);
  });

  it('is the skipped firing that was its last, also after a start, until a run was begun', () => {
    const skip = scheduled('uid-1/1', { outcome: 'skipped', reason: 'quota', dueAt });
    roster.recall(key, [skip, scheduled('run-1', { dueAt: dueAt - 1 })]);
    expect(shown()).toEqual({ streak: ['skipped', 1], skipped: 'quota' });
    roster.accept({
      type: 'run.seen',
      key,
      run: makeRun({ uid: 'run-2', dueAt: dueAt + 60_000, resourceVersion: nextVersion() }),
    });
    expect(shown().skipped).toBeUndefined();
  });

  it('is no skipped firing after which another one has run', () => {
    const skip = scheduled('uid-1/1', { outcome: 'skipped', reason: 'quota', dueAt, createdAt: dueAt + 99 });
    roster.recall(key, [skip, scheduled('run-1', { dueAt: dueAt + 1 })]);
    expect(shown().skipped).toBeUndefined();
  });

  it('takes a skipped firing in as it is told, and one of a suspended job as no failure', () => {
    ends('run-1', 3);
    const skip = { ...makeRunEnd({ key, jobUid: 'uid-1', startedAt: undefined }), outcome: 'skipped' } as const;
    roster.announce({ ...skip, id: 'uid-1/1', reason: 'quota', dueAt });
    expect(shown()).toEqual({ streak: ['skipped', 2], skipped: 'quota' });
    roster.announce({ ...skip, id: 'uid-1/2', reason: 'suspended', dueAt: dueAt + 1 });
    expect(shown()).toEqual({ streak: ['skipped', 2], skipped: 'suspended' });
  });

  it('is the last run, and not a firing before it that was explained after its end', () => {
    ends('run-2', 0);
    const skip = { ...makeRunEnd({ key, jobUid: 'uid-1', startedAt: undefined }), outcome: 'skipped' } as const;
    roster.recall(key, [scheduled('run-2')]);
    const early = { id: 'uid-1/1', reason: 'quota', dueAt: dueAt - 60_000, createdAt: dueAt - 60_000 } as const;
    roster.announce({ ...skip, ...early });
    expect([shown().streak, roster.unrecalled('tool-alpha')]).toEqual([['succeeded', 1], [key]]);
    roster.recall(key, [scheduled('run-2'), scheduled(early.id, { outcome: 'skipped', ...early })]);
    expect(roster.find('tool-alpha', 'demo')?.streak).toMatchObject({ outcome: 'succeeded', count: 1, before: 1 });
    expect(roster.unrecalled('tool-alpha')).toEqual([]);
  });

  it('is nothing of a job that had its name before', () => {
    roster.recall(key, [scheduled('run-1', { outcome: 'failed', jobUid: 'uid-0' })]);
    expect(shown().streak).toBeUndefined();
    ends('run-2', 3);
    show('uid-2');
    expect(shown()).toEqual({ streak: undefined, skipped: undefined });
  });

  it('is what the cluster says of the pod that it does not make, until it has made one', () => {
    const run = makeRun({ uid: 'run-1', resourceVersion: nextVersion() });
    roster.accept({ type: 'run.seen', key, run });
    roster.refuse(key, { run: 'run-1', says: 'exceeded quota' });
    const refusal = () => roster.find('tool-alpha', 'demo')?.refusal;
    expect([refusal(), roster.list('tool-alpha')[0]?.refusal]).toEqual(['exceeded quota', 'exceeded quota']);
    const pod = makePodFacts({ key, uid: 'pod-1', ownerUid: 'run-1', resourceVersion: nextVersion() });
    roster.accept({ type: 'pod.seen', key, pod });
    expect(refusal()).toBeUndefined();
    roster.accept({ type: 'pod.gone', key, uid: 'pod-1', resourceVersion: nextVersion() });
    roster.accept({
      type: 'run.seen',
      key,
      run: { ...run, resourceVersion: nextVersion(), status: { ...run.status, active: 1 } },
    });
    expect(refusal()).toBeUndefined();
    roster.refuse({ ...key, name: 'nobody' }, { run: 'run-1', says: 'exceeded quota' });
  });

  it('is not kept of a one-off, whose status says it', () => {
    show('uid-3', 'Job');
    expect(roster.unrecalled('tool-alpha')).toEqual([key]);
  });
});
