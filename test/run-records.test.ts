import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunEnd, Tool } from '../src/domain.ts';
import { createLog } from '../src/log.ts';
import { runFilePath } from '../src/run-file.ts';
import { createRunRecords, type RunRecords, type RunRecordsOptions } from '../src/run-records.ts';
import { unfinishedOf } from '../src/store.ts';
import { makeRan } from './support/notices.ts';
import { until } from './support/sandbox.ts';

let directory: string;
let lines: string[];
const opened: RunRecords[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'runs-'));
  lines = [];
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((records) => records.stop()));
  await rm(directory, { recursive: true });
});

function open(limits: RunRecordsOptions['limits'] = {}, more: Partial<RunRecordsOptions> = {}): RunRecords {
  const log = createLog({ level: 'info', stream: { write: (line) => void lines.push(line) } });
  const records = createRunRecords({ directory, log, limits: { firstPauseMs: 5, ...limits }, ...more });
  opened.push(records);
  return records;
}

const alpha = Tool.of('alpha');
const pathOf = (job = 'demo', tool = alpha) => runFilePath(directory, tool, job) as string;

/** Unset: the run `one` of `demo` of alpha, which has succeeded. */
function makeEnd({ job = 'demo', tool = 'alpha', ...changes }: Partial<RunEnd> & { job?: string; tool?: string } = {}) {
  return {
    key: { namespace: `tool-${tool}`, kind: 'Job', name: job },
    id: 'one',
    jobUid: 'one',
    manual: false,
    createdAt: 1_000,
    startedAt: 2_000,
    finishedAt: 3_000,
    outcome: 'succeeded',
    reason: undefined,
    exitCode: 0,
    signal: undefined,
    attempts: 1,
    ran: undefined,
    ...changes,
  } satisfies RunEnd;
}

const withoutKey = ({ key: _, ran: __, ...end }: RunEnd) => ({ ...end, type: 'one-off' });
const ids = async (records: RunRecords, job = 'demo', tool = alpha) =>
  (await records.list(tool, job)).map(({ id }) => id);
const written = (records: RunRecords) => until(() => records.stats().waiting === 0, 'records are written');

describe('records of runs', () => {
  it('of the parts of a job are found by its name, on disk or not yet, and by no name that only begins so', async () => {
    const records = open();
    records.add(makeEnd({ job: 'demo-a', id: 'a', group: 'demo' }));
    records.add(makeEnd({ job: 'demo-other', id: 'other' }));
    records.add(makeEnd({ job: 'demo-x-b', id: 'x', group: 'demo-x' }));
    await written(records);
    records.add(makeEnd({ job: 'demo-b', id: 'b', group: 'demo' }));
    const found = (await records.listParts(alpha, 'demo')).map(({ part, runs }) => [part, runs.map(({ id }) => id)]);
    expect(found.sort()).toEqual([
      ['demo-a', ['a']],
      ['demo-b', ['b']],
    ]);
    expect(await records.listParts(alpha, '../demo')).toEqual([]);
  });

  it('are there at once, and after a restart', async () => {
    const records = open();
    records.add(makeEnd());
    expect(await records.list(alpha, 'demo')).toEqual([withoutKey(makeEnd())]);
    await records.stop();
    expect(await open().list(alpha, 'demo')).toEqual([withoutKey(makeEnd())]);
  });

  it('keep what was measured, and no word of what was not', async () => {
    const records = open();
    const measured = makeEnd({ peakMemory: 5, memoryLimit: 10, peakCpu: 2 });
    records.add(measured);
    records.add(makeEnd({ id: 'two', createdAt: 2_000 }));
    await records.stop();
    const [second, first] = await open().list(alpha, 'demo');
    expect(first).toEqual(withoutKey(measured));
    expect(Object.keys(second ?? {})).not.toContain('peakMemory');
  });

  it('keep who had suspended the job when a firing was skipped, and why', async () => {
    const records = open();
    const suspension = { by: 'owner', note: 'the wiki moves', until: undefined } as const;
    const skipped = makeEnd({ outcome: 'skipped', reason: 'suspended', since: 500, suspension });
    records.add(skipped);
    await records.stop();
    expect(await open().list(alpha, 'demo')).toEqual([withoutKey(skipped)]);
  });

  it('lie in one file a job, below its tool, for the owner only', async () => {
    const records = open();
    records.add(makeEnd());
    records.add(makeEnd({ job: 'other' }));
    await records.stop();
    expect(await readdir(dirname(pathOf()))).toEqual(['demo.json', 'other.json']);
    expect(pathOf()).toMatch(/\/[0-9a-f]{2}\/alpha\/demo\.json$/);
    expect(JSON.parse(await readFile(pathOf(), 'utf8'))).toMatchObject({ v: 1, tool: 'alpha', job: 'demo' });
  });

  it('are of one tool and one job', async () => {
    const records = open();
    records.add(makeEnd());
    records.add(makeEnd({ tool: 'beta', id: 'of-beta' }));
    records.add(makeEnd({ job: 'other', id: 'of-other' }));
    expect(await ids(records)).toEqual(['one']);
    expect(await ids(records, 'demo', Tool.of('beta'))).toEqual(['of-beta']);
    expect(await ids(records, 'nothing')).toEqual([]);
  });

  it('are the newest few of a job, newest first', async () => {
    const records = open();
    const all = Array.from({ length: 100 + 5 }, (_, at) => `run-${at}`);
    for (const [at, id] of all.entries()) {
      records.add(makeEnd({ id, createdAt: 1_000 + at }));
      if (at % 3 === 0) await written(records);
    }
    await records.stop();
    expect(await ids(open())).toEqual(all.reverse().slice(0, 100));
  });

  it('are as many and as old as the settings say at the moment, on disk from the next one on', async () => {
    let keeps = { perJob: 5, oldest: 0 };
    const records = open({}, { keeps: () => keeps });
    for (const at of [1, 2, 3, 4]) records.add(makeEnd({ id: `run-${at}`, createdAt: at }));
    await written(records);
    keeps = { perJob: 3, oldest: 3 };
    expect(await ids(records)).toEqual(['run-4', 'run-3']);
    keeps = { perJob: 3, oldest: 0 };
    records.add(makeEnd({ id: 'run-5', createdAt: 5 }));
    await records.stop();
    expect(await ids(open())).toEqual(['run-5', 'run-4', 'run-3']);
  });

  it('of jobs that run no more are looked for from time to time', async () => {
    const forgotten: string[] = [];
    const before = open();
    before.add(makeEnd());
    await before.stop();
    open(
      { sweepEveryMs: 1 },
      {
        keeps: () => ({ perJob: 3, oldest: Date.now() + 60_000 }),
        onForgotten: (tool, job) => void forgotten.push(`${tool.name}/${job}`),
      },
    );
    await until(() => forgotten.length > 0, 'the file has been found');
    expect(forgotten).toEqual(['alpha/demo']);
    expect(await ids(open())).toEqual([]);
  });

  it('have what they ran with: the version of the definition, and the image', async () => {
    const records = open();
    records.add(makeEnd({ version: 'c4c0b085', ran: makeRan({ imageDigest: 'sha256:1' }) }));
    await records.stop();
    expect(await open().list(alpha, 'demo')).toMatchObject([{ version: 'c4c0b085', imageDigest: 'sha256:1' }]);
  });

  it('of what never began get what the cluster says of it, once, and nothing else does', async () => {
    const records = open();
    const end = makeEnd({ id: 'a', outcome: 'stopped', startedAt: undefined });
    records.add(end);
    await records.settled();
    records.add({ ...end, reason: 'quota', clusterSays: 'exceeded quota' });
    records.add({ ...end, reason: 'not_started', clusterSays: 'something else' });
    const ran = makeEnd({ id: 'b', outcome: 'failed' });
    records.add(ran);
    records.add({ ...ran, reason: 'quota', clusterSays: 'exceeded quota' });
    await records.settled();
    expect(
      (await records.list(alpha, 'demo')).map(({ id, reason, clusterSays }) => [id, reason, clusterSays]).sort(),
    ).toEqual([
      ['a', 'quota', 'exceeded quota'],
      ['b', ran.reason, undefined],
    ]);
  });

  it('stay as they are when the same end is told again', async () => {
    const records = open();
    records.add(makeEnd({ outcome: 'failed', reason: 'exit_code', exitCode: 3 }));
    await written(records);
    const before = await readFile(pathOf(), 'utf8');
    records.add(makeEnd({ outcome: 'unknown', exitCode: undefined }));
    records.add(makeEnd({ outcome: 'failed', reason: 'other', exitCode: undefined }));
    await written(records);
    expect(await readFile(pathOf(), 'utf8')).toBe(before);
  });

  it('give way to a later word only where nothing was known', async () => {
    const records = open();
    records.add(makeEnd({ outcome: 'unknown', exitCode: undefined }));
    await written(records);
    records.add(makeEnd({ exitCode: 0 }));
    expect(await records.list(alpha, 'demo')).toMatchObject([{ outcome: 'succeeded', exitCode: 0 }]);
  });

  it('say of a firing that it became none, unless it has a run, whichever is told first', async () => {
    const due = { dueAt: 60_000, createdAt: 60_000, jobUid: 'uid' };
    const skip = makeEnd({ ...due, id: 'uid/60', outcome: 'skipped', reason: 'previous_run', since: 5_000 });
    const run = makeEnd({ ...due, id: 'run' });
    const records = open();
    records.add(skip);
    await written(records);
    expect(await records.list(alpha, 'demo')).toEqual([withoutKey(skip)]);
    expect(await records.ofFiring(alpha, run)).toEqual(withoutKey(skip));
    expect(await records.ofFiring(alpha, { ...run, dueAt: 0 })).toBeUndefined();
    records.add(run);
    await written(records);
    expect(await ids(records)).toEqual(['run']);
    records.add(skip);
    await written(records);
    expect(await ids(open())).toEqual(['run']);
  });

  it('remember when a job last did well, and what it ran then', async () => {
    const records = open();
    const [first, second] = [makeRan({ memory: '256Mi' }), makeRan({ memory: '512Mi' })];
    expect(await records.lastGood(alpha, 'demo')).toBeUndefined();
    records.add(makeEnd({ id: 'one', finishedAt: 3_000, ran: first }));
    records.add(makeEnd({ id: 'two', finishedAt: 4_000, ran: second }));
    records.add(makeEnd({ id: 'three', finishedAt: 5_000, outcome: 'failed', reason: 'exit_code', ran: makeRan() }));
    expect(await records.lastGood(alpha, 'demo')).toEqual({ at: 4_000, ran: second });
    await records.settled();
    records.add(makeEnd({ id: 'one', finishedAt: 3_000, ran: first }));
    await records.stop();
    expect(await open().lastGood(alpha, 'demo')).toEqual({ at: 4_000, ran: second });
  });

  it('remember the same of a continuous job, which has no runs that end', async () => {
    const records = open();
    const key = { namespace: 'tool-alpha', kind: 'Deployment', name: 'bot' } as const;
    records.addGood(key, { at: 7_000, ran: makeRan() });
    await records.settled();
    expect(await open().lastGood(alpha, 'bot')).toEqual({ at: 7_000, ran: makeRan() });
    expect(await records.list(alpha, 'bot')).toEqual([]);
  });

  it('are settled when all that was added before is on disk, and not before', async () => {
    const records = open({ firstPauseMs: 5 });
    await mkdir(unfinishedOf(pathOf()), { recursive: true });
    records.add(makeEnd());
    let isSettled = false;
    const settled = records.settled().then(() => {
      isSettled = true;
    });
    await until(() => records.stats().failed > 1, 'the disk has refused twice');
    expect(isSettled).toBe(false);
    await rmdir(unfinishedOf(pathOf()));
    await settled;
    expect(await ids(open())).toEqual(['one']);
    await records.settled();
  });

  it('never become a path that no job has', async () => {
    const records = open();
    for (const job of ['../../escape', '.', '..', '', 'a/b', '.hidden', 'x'.repeat(300)]) {
      records.add(makeEnd({ job }));
      expect(await records.list(alpha, job)).toEqual([]);
    }
    records.add(makeEnd({ tool: '../etc' }));
    await records.stop();
    expect(await readdir(directory)).toEqual([]);
  });

  it('are let go, the ones longest untouched first, when a tool has too many jobs', async () => {
    const records = open({ jobsPerTool: 10 });
    for (let at = 0; at < 12; at += 1) {
      records.add(makeEnd({ job: `job-${at}` }));
      await written(records);
      await utimes(pathOf(`job-${at}`), at + 1, at + 1);
    }
    records.add(makeEnd({ job: 'last' }));
    await written(records);
    const names = () => readdir(dirname(pathOf()));
    await until(async () => (await names()).length <= 10, 'the oldest are gone');
    expect(await names()).toContain('last.json');
    expect(await names()).not.toContain('job-2.json');
    expect(await names()).toContain('job-3.json');
  });

  it('are set aside with a word when the file is of another version or tool, and begin anew', async () => {
    await mkdir(dirname(pathOf()), { recursive: true });
    for (const text of ['{"v":2}', '{"v":1,"tool":"beta","job":"demo","runs":[]}', '{']) {
      await writeFile(pathOf(), text);
      const records = open();
      expect(await records.list(alpha, 'demo')).toEqual([]);
      records.add(makeEnd());
      await records.stop();
      expect(await ids(records)).toEqual(['one']);
    }
    expect(lines.filter((line) => line.includes('set aside'))).toHaveLength(3);
  });

  it('leave out what says nothing', async () => {
    await mkdir(dirname(pathOf()), { recursive: true });
    const good = { id: 'good', type: 'one-off', createdAt: 1, outcome: 'failed', reason: 'nonsense', attempts: -1 };
    const runs = [null, 3, {}, { ...good, outcome: 'great' }, { ...good, id: 7 }, good];
    await writeFile(pathOf(), JSON.stringify({ v: 1, tool: 'alpha', job: 'demo', runs }));
    expect(await open().list(alpha, 'demo')).toMatchObject([{ id: 'good', reason: undefined, attempts: 0 }]);
  });
});

describe('a disk that takes nothing', () => {
  it('loses no record: they wait, can be read, and are written when it is back', async () => {
    const records = open();
    // Where the file would be written stands something that cannot be written.
    await mkdir(unfinishedOf(pathOf()), { recursive: true });
    records.add(makeEnd());
    await until(() => records.stats().failed > 0, 'a write fails');
    records.add(makeEnd({ id: 'two', createdAt: 2_000 }));
    expect(await ids(records)).toEqual(['two', 'one']);
    records.add(makeEnd({ tool: 'beta' }));
    await until(() => readFile(pathOf('demo', Tool.of('beta'))).catch(() => undefined), 'others go on');
    await rmdir(unfinishedOf(pathOf()));
    await written(records);
    expect(lines.filter((line) => line.includes('cannot be written'))).not.toEqual([]);
    await records.stop();
    expect(await ids(open())).toEqual(['two', 'one']);
  });

  it('costs a bounded amount of memory, and says what is lost', async () => {
    await writeFile(join(directory, 'file'), '');
    const log = createLog({ level: 'info', stream: { write: (line) => void lines.push(line) } });
    const records = createRunRecords({ directory: join(directory, 'file'), log, limits: { waiting: 30 } });
    for (let at = 0; at < 100; at += 1) records.add(makeEnd({ job: `job-${at}` }));
    expect(records.stats()).toMatchObject({ waiting: 30, dropped: 70 });
    await records.stop();
    expect(lines.filter((line) => line.includes('records of runs are lost'))).toHaveLength(2);
  });
});
