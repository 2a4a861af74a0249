import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FormerJob, Tool } from '../src/domain.ts';
import { createFormerJobs, type FormerJobs } from '../src/former-jobs.ts';
import { createLog } from '../src/log.ts';

const alpha = Tool.of('alpha');
const day = 24 * 3_600_000;
const start = Date.parse('2026-03-01T12:00:00Z');
let directory: string;
let clock: number;
let logged: string[];
let mayWrite: boolean;
let former: FormerJobs;

function open(): FormerJobs {
  const log = createLog({ level: 'warn', stream: { write: (line) => void logged.push(line) } });
  return createFormerJobs({ directory, log, now: () => clock, mayWrite: () => mayWrite });
}
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'former-'));
  [clock, logged, mayWrite] = [start, [], true];
  former = open();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function job(name: string, cmd = './run.sh', reason: FormerJob['reason'] = 'changed'): FormerJob {
  return { at: clock, reason, definition: { name, type: 'one-off', cmd, image: 'bookworm' } };
}
const kept = async (tool = alpha) => (await former.list(tool)).map(({ definition: { name, cmd } }) => `${name} ${cmd}`);

describe('what jobs were', () => {
  it('is kept over a restart, newest first, each tool’s for itself', async () => {
    await former.keep(alpha, [job('a'), job('b')]);
    await former.keep(alpha, [job('c', './c', 'deleted')]);
    former = open();
    expect(await former.list(alpha)).toEqual([job('c', './c', 'deleted'), job('b'), job('a')]);
    expect(await former.list(Tool.of('beta'))).toEqual([]);
  });

  it('is forgotten after 7 days', async () => {
    await former.keep(alpha, [job('a')]);
    clock += 6 * day;
    await former.keep(alpha, [job('b')]);
    expect(await kept()).toEqual(['b ./run.sh', 'a ./run.sh']);
    clock += 2 * day;
    expect(await kept()).toEqual(['b ./run.sh']);
  });

  it('is kept once, however often it was so, and told each time', async () => {
    for (let time = 0; time < 3; time++) {
      clock += 1;
      await former.keep(alpha, [job('a', './run.sh', time === 1 ? 'deleted' : 'changed'), job('b', `./${time}`)]);
    }
    former = open();
    const told = (await former.list(alpha)).map(
      ({ at, reason, definition: { name, cmd } }) => `${at - start} ${reason} ${name} ${cmd}`,
    );
    expect(told).toEqual([
      '3 changed b ./2',
      '3 changed a ./run.sh',
      '2 deleted a ./run.sh',
      '2 changed b ./1',
      '1 changed a ./run.sh',
      '1 changed b ./0',
    ]);
    expect(
      readFileSync(join(directory, readdirSync(directory)[0] ?? '', 'alpha.json'), 'utf8').match(/\.\/run\.sh/g),
    ).toHaveLength(1);
  });

  it('says since when it had been so: since it was made, or was changed, or both times', async () => {
    const made = (cmd: string, at: number): FormerJob => ({ ...job('a', cmd), at: start + at, from: start - 1_000 });
    await former.keep(alpha, [made('./one', 0)]);
    await former.keep(alpha, [made('./two', 10)]);
    await former.keep(alpha, [made('./one', 20)]);
    former = open();
    expect(await former.list(alpha)).toMatchObject([
      { at: start + 20, from: start + 10 },
      { at: start + 10, from: start },
      { at: start, from: start - 1_000 },
    ]);
  });

  it('does not grow without end', async () => {
    await former.keep(
      alpha,
      Array.from({ length: 600 }, (_, at) => job(`job-${at}`)),
    );
    expect((await kept()).slice(-1)).toEqual(['job-100 ./run.sh']);
    const long = 'x'.repeat(4_000);
    await former.keep(
      alpha,
      Array.from({ length: 400 }, (_, at) => job(`long-${at}`, long)),
    );
    const { length } = await kept();
    expect(length * 4_000).toBeGreaterThan(900_000);
    expect(length * 4_000).toBeLessThan(1_048_576);
  });

  it('is whole where several changes come at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, at) => former.keep(alpha, [job(`job-${at}`)])));
    expect(await kept()).toHaveLength(20);
  });

  it('keeps nobody from a change where it cannot be written', async () => {
    mayWrite = false;
    await former.keep(alpha, [job('a')]);
    expect(await kept()).toEqual([]);
    expect(logged.join()).toContain('cannot be kept');
  });

  it('is set aside where it cannot be read, and what was tampered with is left out', async () => {
    await former.keep(alpha, [job('a'), job('b')]);
    const [folder = ''] = readdirSync(directory);
    const path = join(directory, folder, 'alpha.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('\\"name\\":\\"a\\"', '\\"name\\":\\"A B\\"'));
    expect(await kept()).toEqual(['b ./run.sh']);
    writeFileSync(path, '{"v":1,"tool":"beta","rows":[]}');
    expect(await kept()).toEqual([]);
    expect(readdirSync(join(directory, folder)).some((name) => name.includes('.corrupt-'))).toBe(true);
  });
});
