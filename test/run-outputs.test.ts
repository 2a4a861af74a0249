import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunEnd, type RunOutput, Tool } from '../src/domain.ts';
import { createLog } from '../src/log.ts';
import { runFilePath } from '../src/run-file.ts';
import { createRunOutputs, type RunOutputs, type RunOutputsOptions } from '../src/run-outputs.ts';
import { makeRunEnd } from './support/facts.ts';
import { until } from './support/sandbox.ts';

let directory: string;
let read: string[];
const opened: RunOutputs[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'output-'));
  read = [];
});
afterEach(async () => {
  for (const outputs of opened.splice(0)) outputs.stop();
  await rm(directory, { recursive: true });
});

const alpha = Tool.of('alpha');

/** Unset: every run has written `hello`. */
function open(
  output: (end: RunEnd) => Promise<RunOutput> = async () => said('hello'),
  more: Partial<RunOutputsOptions> = {},
) {
  const outputs = createRunOutputs({
    directory,
    keeps: () => ({ perJob: 3, oldest: 0 }),
    read(_tool, end) {
      read.push(end.id);
      return output(end);
    },
    log: createLog({ level: 'silent' }),
    ...more,
  });
  opened.push(outputs);
  return outputs;
}

function said(...messages: string[]): RunOutput {
  const lines = messages.map((message) => ({ origin: 'demo.out', stream: 'stdout' as const, at: undefined, message }));
  return { lines, from: 'demo.out', missing: undefined, isCut: false };
}

const kept = (outputs: RunOutputs, run = 'run-1') =>
  until(() => outputs.of(alpha, 'demo', run), `the output of ${run} is kept`);

describe('the output of a run', () => {
  it('is kept when it has ended, and is there after a restart', async () => {
    const outputs = open();
    outputs.collect(makeRunEnd());
    expect(await kept(outputs)).toEqual(said('hello'));
    outputs.stop();
    expect(await open().of(alpha, 'demo', 'run-1')).toEqual(said('hello'));
  });

  it('is read once, though its end is told again', async () => {
    const outputs = open();
    outputs.collect(makeRunEnd());
    outputs.collect(makeRunEnd());
    await kept(outputs);
    const next = open(async () => said('something else'));
    next.collect(makeRunEnd());
    next.collect(makeRunEnd({ id: 'run-2' }));
    await kept(next, 'run-2');
    expect(read).toEqual(['run-1', 'run-2']);
    expect(await kept(next)).toEqual(said('hello'));
  });

  it('is of one run of one job of one tool', async () => {
    const outputs = open();
    outputs.collect(makeRunEnd());
    await kept(outputs);
    expect(await outputs.of(Tool.of('beta'), 'demo', 'run-1')).toBeUndefined();
    expect(await outputs.of(alpha, 'other', 'run-1')).toBeUndefined();
    expect(await outputs.of(alpha, 'demo', 'run-2')).toBeUndefined();
    expect(await outputs.of(alpha, '../demo', 'run-1')).toBeUndefined();
  });

  it('is not asked for where its program never ran', async () => {
    const outputs = open();
    outputs.collect(makeRunEnd({ id: 'never', startedAt: undefined }));
    outputs.collect(makeRunEnd());
    await kept(outputs);
    expect(read).toEqual(['run-1']);
  });

  it('has its last 4 KiB, and says that there was more', async () => {
    const outputs = open(async () =>
      said('first', ...Array.from({ length: 50 }, (_, at) => `${at}`.padStart(100, '.'))),
    );
    outputs.collect(makeRunEnd());
    const { lines, isCut } = await kept(outputs);
    expect(lines.at(-1)?.message).toMatch(/49$/);
    const bytes = lines.reduce((sum, { message }) => sum + message.length + 1, 0);
    expect(bytes).toBeLessThanOrEqual(4_096);
    expect(bytes).toBeGreaterThan(3_900);
    expect(isCut).toBe(true);
  });

  it('loses the end of a line that has no room alone', async () => {
    const outputs = open(async () => said(`x${'ä'.repeat(5_000)}`));
    outputs.collect(makeRunEnd());
    const { lines } = await kept(outputs);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.message).toMatch(/^xä+ …$/);
    expect(Buffer.byteLength(lines[0]?.message ?? '')).toBeLessThanOrEqual(4_096);
  });

  it('that could not be read says so, and so does one that took too long', async () => {
    const missing = { lines: [], from: undefined, missing: 'its pod is gone', isCut: false };
    const outputs = open(async ({ id }) => (id === 'gone' ? missing : new Promise(() => {})), {
      limits: { deadlineMs: 1 },
    });
    outputs.collect(makeRunEnd({ id: 'gone' }));
    outputs.collect(makeRunEnd({ id: 'slow' }));
    expect(await kept(outputs, 'gone')).toEqual(missing);
    expect((await kept(outputs, 'slow')).missing).toBe('it could not be read in time');
  });

  it('is not waited for by more than a few at once, and not read at all where too many wait', async () => {
    const goOn: (() => void)[] = [];
    const outputs = open(({ id }) => new Promise((resolve) => void goOn.push(() => resolve(said(id)))), {
      limits: { atOnce: 1, waiting: 1 },
    });
    for (const id of ['one', 'two', 'three']) outputs.collect(makeRunEnd({ id }));
    await until(() => goOn.length === 1, 'the first is read');
    expect(read).toEqual(['one']);
    goOn[0]?.();
    await until(() => goOn.length === 2, 'the second is read');
    goOn[1]?.();
    expect((await kept(outputs, 'three')).missing).toBe('too many runs ended at once to read it');
    expect(read).toEqual(['one', 'two']);
  });

  it('goes with its record: as many as those, as old as those, and all with the last of them', async () => {
    const outputs = open(undefined, { keeps: () => ({ perJob: 3, oldest: 2_000 }) });
    for (const at of [1, 2, 3, 4, 5]) {
      outputs.collect(makeRunEnd({ id: `run-${at}`, createdAt: at * 1_000 }));
      await until(() => read.includes(`run-${at}`), 'it was read');
    }
    await kept(outputs, 'run-5');
    expect(await Promise.all([1, 2, 3].map((at) => outputs.of(alpha, 'demo', `run-${at}`)))).toEqual([
      undefined,
      undefined,
      said('hello'),
    ]);
    outputs.forget(alpha, 'demo');
    await until(async () => !(await outputs.of(alpha, 'demo', 'run-5')), 'all is gone');
  });

  it('that is under way at a stop is left to the next daemon', async () => {
    const outputs = open(() => new Promise(() => {}));
    outputs.collect(makeRunEnd());
    await until(() => read.length === 1, 'it is read');
    outputs.stop();
    const next = open();
    next.collect(makeRunEnd());
    expect(await kept(next)).toEqual(said('hello'));
  });

  it('says how much it was where that is known, also after a restart', async () => {
    const written = { lines: 3, orMore: false };
    const outputs = open(async ({ id }) => (id === 'run-1' ? { ...said('hello'), written } : said('hello')));
    outputs.collect(makeRunEnd());
    outputs.collect(makeRunEnd({ id: 'run-2' }));
    await Promise.all([outputs.collected('run-1'), outputs.collected('run-2')]);
    expect([...(await outputs.written(alpha, 'demo'))]).toEqual([['run-1', written]]);
    outputs.stop();
    expect([...(await open().written(alpha, 'demo'))]).toEqual([['run-1', written]]);
    expect((await open().written(alpha, 'other')).size).toBe(0);
  });

  it('is collected when it is kept, or let go, and waited for no longer', async () => {
    let goOn = () => {};
    const output = new Promise<RunOutput>((resolve) => {
      goOn = () => resolve(said('hello'));
    });
    const outputs = open(({ id }) => (id === 'run-1' ? output : new Promise(() => {})), { limits: { atOnce: 1 } });
    await outputs.collected('run-1');
    outputs.collect(makeRunEnd());
    outputs.collect(makeRunEnd({ id: 'run-2' }));
    let isCollected = false;
    const collected = outputs.collected('run-1').then(() => {
      isCollected = true;
    });
    await until(() => read.length === 1, 'it is read');
    expect(isCollected).toBe(false);
    goOn();
    await collected;
    expect(await outputs.of(alpha, 'demo', 'run-1')).toEqual(said('hello'));
    await until(() => read.length === 2, 'the other is read');
    outputs.collect(makeRunEnd({ id: 'run-3' }));
    const others = [outputs.collected('run-2'), outputs.collected('run-3')];
    outputs.stop();
    await Promise.all(others);
    expect(await outputs.of(alpha, 'demo', 'run-2')).toBeUndefined();
  });

  it('lies in one file a job, which another job or tool cannot be given', async () => {
    const outputs = open();
    outputs.collect(makeRunEnd());
    await kept(outputs);
    const path = runFilePath(directory, alpha, 'demo') as string;
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ v: 1, tool: 'alpha', job: 'demo' });
  });
});
