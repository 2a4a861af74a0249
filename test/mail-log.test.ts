import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MailLogRow, Tool } from '../src/domain.ts';
import { createLog } from '../src/log.ts';
import { createMailLog, type MailLog } from '../src/mail-log.ts';
import { unfinishedOf } from '../src/store.ts';
import { until } from './support/sandbox.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const alpha = Tool.of('alpha');
let directory: string;
let lines: string[];
const opened: MailLog[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mail-log-'));
  lines = [];
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.stop()));
  await rm(directory, { recursive: true });
});

function open(): MailLog {
  const log = createLog({ level: 'info', stream: { write: (line) => void lines.push(JSON.parse(line).msg) } });
  const mailLog = createMailLog({ directory, log, now: () => now, delayMs: 5 });
  opened.push(mailLog);
  return mailLog;
}

/** Unset: the failure of `daily` a minute ago, gathered. */
function row(changes: Partial<MailLogRow> = {}): MailLogRow {
  return {
    id: 'run-1/failed',
    at: now - 60_000,
    jobType: 'scheduled',
    jobName: 'daily',
    kind: 'failed',
    reason: 'exit_code',
    state: 'gathered',
    since: now - 60_000,
    why: undefined,
    messageId: undefined,
    ...changes,
  };
}

const sent = row({ state: 'sent', since: now, messageId: '<one@x>' });

async function path(tool: string): Promise<string> {
  const names = await readdir(directory, { recursive: true });
  return join(directory, names.find((name) => name.endsWith(`/${tool}.json`)) ?? 'none');
}

describe('the mail log', () => {
  it('has what was told at once, and after a restart', async () => {
    const mailLog = open();
    mailLog.add('alpha', [row()]);
    expect(await mailLog.list(alpha)).toEqual([row()]);
    await mailLog.stop();
    expect(await open().list(alpha)).toEqual([row()]);
  });

  it('has one row for each event, in the state into which it came last', async () => {
    const mailLog = open();
    mailLog.add('alpha', [row()]);
    mailLog.add('alpha', [sent]);
    mailLog.add('alpha', [row()]);
    expect(await mailLog.list(alpha)).toEqual([sent]);
    await mailLog.stop();
    const again = open();
    again.add('alpha', [row()]);
    await again.stop();
    expect(await open().list(alpha)).toEqual([sent]);
  });

  it('says what became of an event last, although the clock was put back in between', async () => {
    const mailLog = open();
    mailLog.add('alpha', [row({ state: 'sealed', since: now })]);
    mailLog.add('alpha', [row({ state: 'parked', since: now - 5_000 })]);
    mailLog.add('alpha', [row({ state: 'deferred', since: now - 6_000 })]);
    expect(await mailLog.list(alpha)).toMatchObject([{ state: 'deferred' }]);
    mailLog.add('alpha', [row({ state: 'sent', since: now - 7_000 })]);
    await mailLog.stop();
    expect(await open().list(alpha)).toMatchObject([{ state: 'sent' }]);
  });

  it('has an event that is told by mail and to a webhook twice, each as it went', async () => {
    const mailLog = open();
    const told = row({ via: 'webhook', state: 'sent', since: now, messageId: 'evt_1' });
    mailLog.add('alpha', [row()]);
    mailLog.add('alpha', [told]);
    mailLog.add('alpha', [sent]);
    expect(await mailLog.list(alpha)).toEqual([told, sent]);
    await mailLog.stop();
    expect(await open().list(alpha)).toEqual([told, sent]);
  });

  it('is of one tool, the newest first', async () => {
    const mailLog = open();
    mailLog.add('alpha', [row({ id: 'a', at: now - 3 }), row({ id: 'b', at: now - 1 }), row({ id: 'c', at: now - 2 })]);
    mailLog.add('beta', [row({ id: 'of-beta' })]);
    mailLog.add('../escape', [row()]);
    expect((await mailLog.list(alpha)).map(({ id }) => id)).toEqual(['b', 'c', 'a']);
    await mailLog.stop();
    expect((await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.json'))).toHaveLength(2);
  });

  it('has of two events in the same moment the one that was told later before the other', async () => {
    const mailLog = open();
    mailLog.add('alpha', [
      row({ id: 'run-1/started', kind: 'started' }),
      row({ id: 'run-1/finished', kind: 'finished' }),
    ]);
    expect((await mailLog.list(alpha)).map(({ kind }) => kind)).toEqual(['finished', 'started']);
  });

  it('keeps 1,000 rows and 14 days', async () => {
    const mailLog = open();
    mailLog.add('alpha', [row({ id: 'old', at: now - 15 * 86_400_000 })]);
    for (let index = 0; index < 1_200; index += 1)
      mailLog.add('alpha', [row({ id: `run-${index}`, at: now - 1_200 + index })]);
    await mailLog.stop();
    const rows = await open().list(alpha);
    expect([rows.length, rows.at(-1)?.id, rows[0]?.id]).toEqual([1_000, 'run-200', 'run-1199']);
  });

  it('is written when the disk takes it again', async () => {
    const mailLog = open();
    mailLog.add('alpha', [row()]);
    await mailLog.stop();
    const file = await path('alpha');
    await mkdir(unfinishedOf(file));
    const again = open();
    again.add('alpha', [sent]);
    await until(() => lines.length > 0, 'the disk has refused');
    expect(await again.list(alpha)).toEqual([sent]);
    await rmdir(unfinishedOf(file));
    await until(() => lines.length > 1, 'the disk takes it');
    expect(lines).toEqual(['a mail log cannot be written; it is tried again', 'the mail logs can be written again']);
    expect(await open().list(alpha)).toEqual([sent]);
  });

  it('holds so many rows and no more while the disk refuses them', async () => {
    const log = createLog({ level: 'silent' });
    const mailLog = createMailLog({ directory: '/sys/no-such-directory', log, now: () => now, delayMs: 60_000 });
    opened.push(mailLog);
    const rows = (count: number) => Array.from({ length: count }, (_, index) => row({ id: `run-${index}` }));
    for (let index = 0; index < 200; index += 1) mailLog.add(`t-${index}`, rows(1_001));
    mailLog.add('alpha', rows(1_000));
    mailLog.add('t-1', rows(1_000));
    const held = async (tool: string) => (await mailLog.list(Tool.of(tool))).length;
    expect([await held('t-0'), await held('alpha'), await held('t-1')]).toEqual([1_000, 20, 1_000]);
  });

  it('begins anew beside a file that cannot be read', async () => {
    const mailLog = open();
    mailLog.add('alpha', [row()]);
    await mailLog.stop();
    const file = await path('alpha');
    await writeFile(file, '{"v":1,');
    expect(await open().list(alpha)).toEqual([]);
    expect(lines).toEqual(['a mail log cannot be read; it is set aside']);
  });

  it('leaves out rows that say nothing', async () => {
    const mailLog = open();
    mailLog.add('alpha', [row()]);
    await mailLog.stop();
    const file = await path('alpha');
    const saved = JSON.parse(await readFile(file, 'utf8'));
    const bad = [null, 5, {}, { ...row(), kind: 'x' }, { ...row(), state: 'x' }, { ...row(), at: 'now' }];
    await writeFile(file, JSON.stringify({ ...saved, rows: [...bad, ...saved.rows] }));
    expect(await open().list(alpha)).toEqual([row()]);
  });
});
