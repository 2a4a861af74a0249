import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';
import { createMailboxFiles } from '../../src/mail/mailbox-files.ts';
import { makeDetails, makeGathered, makeIncident, makeMailbox, makeNotice, makeSealed } from '../support/notices.ts';

let directory: string;
let lines: string[];
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'mailboxes-')), 'mail');
  lines = [];
});
afterEach(() => rm(dirname(directory), { recursive: true }));

const log = () => createLog({ level: 'info', stream: { write: (line) => void lines.push(JSON.parse(line).msg) } });
const open = () => createMailboxFiles({ directory, log: log() });

const full = makeMailbox({
  open: [makeGathered()],
  folded: 3,
  openedAt: 1_000,
  sealed: makeSealed(),
  lastSealedAt: 900,
  tries: 2,
  refusals: 1,
  firstTriedAt: 800.5,
  retryAt: 2_000.25,
  parked: [{ ...makeSealed({ messageId: '<p@x>' }), parkedAt: 1, tries: 3, why: 'refused', isRetried: false }],
  sent: [{ messageId: '<s@x>', sentAt: 5, subject: 'x', isSent: true }],
  day: { date: '2026-03-01', mails: 4 },
  incidents: [makeIncident({ thread: '<s@x>' })],
  counted: ['run-1/failed'],
  gapsToldUntil: 7,
});

async function fileOf(tool: string): Promise<string> {
  const names = await readdir(directory, { recursive: true });
  return join(directory, names.find((name) => name.endsWith(`/${tool}.json`)) ?? '');
}

describe('mailboxes on disk', () => {
  it('are the same after a restart, field by field', async () => {
    await open().save(full);
    expect(await open().load()).toEqual([full]);
  });

  it('lie in a file a tool, for the daemon only', async () => {
    await open().save(full);
    const path = await fileOf('alpha');
    expect(path).toMatch(/\/mail\/[0-9a-f]{2}\/alpha\.json$/);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
  });

  it('are none where there is no directory yet', async () => {
    expect(await open().load()).toEqual([]);
  });

  it.each([
    ['damaged', (text: string) => text.slice(0, 40)],
    ['empty', () => ''],
    ['changed by one letter', (text: string) => text.replace('daily', 'dairy')],
    ['of a later release', (text: string) => text.replace('"v":1', '"v":2')],
    ['of another tool', (text: string) => text.replaceAll('alpha', 'gamma')],
  ])('that are %s are set aside and said; the others are read', async (_, change) => {
    const files = open();
    await files.save(full);
    await files.save(makeMailbox({ tool: 'beta', counted: ['x'] }));
    const path = await fileOf('alpha');
    const text = change(await readFile(path, 'utf8'));
    await writeFile(path, text);
    expect((await open().load()).map(({ tool }) => tool)).toEqual(['beta']);
    const kept = (await readdir(dirname(path))).find((name) => name.startsWith('alpha.json.corrupt-'));
    expect(await readFile(join(dirname(path), kept ?? ''), 'utf8')).toBe(text);
    expect(lines).toEqual(['a mailbox cannot be read; the file is set aside, and it begins anew']);
  });

  it.each([
    ['an event', { open: [makeGathered({ notice: makeNotice({ reason: 'of a later release' as never }) })] }],
    ['what was unusual', { open: [makeGathered({ notice: makeNotice({ unusual: { what: 'odd' } as never }) })] }],
    ['a lack of memory', { open: [makeGathered({ details: makeDetails({ memory: { limit: 'all' } as never }) })] }],
    ['a mail on its way', { sealed: { ...makeSealed(), sealedAt: 'soon' as never } }],
    ['a mail that was given up', { parked: [{ ...makeSealed(), parkedAt: 1, tries: 1, isRetried: false } as never] }],
  ])(
    'are set aside whole where %s in them is not understood, so that it is not lost with the next save',
    async (_, odd) => {
      await open().save({ ...full, ...odd });
      const path = await fileOf('alpha');
      expect(await open().load()).toEqual([]);
      expect(lines).toEqual(['a mailbox cannot be read; the file is set aside, and it begins anew']);
      expect(await readdir(dirname(path))).toEqual([expect.stringContaining('alpha.json.corrupt-')]);
    },
  );

  it('keep what was unusual and what was lacking', async () => {
    const long = { what: 'long', length: 9, runs: 10, shortest: 1, longest: 2 } as const;
    const quiet = { what: 'quiet', lines: 0, runs: 10, least: 2 } as const;
    const memory = { job: 'daily', limit: 512, peaks: { runs: 2, lowest: 1, highest: 2 }, to: '768Mi', fits: true };
    const waiting = [
      ...[long, quiet].map((unusual) =>
        makeGathered({ notice: makeNotice({ kind: 'unusual', unusual }), incident: undefined, details: undefined }),
      ),
      makeGathered({ details: makeDetails({ memory }) }),
    ];
    await open().save({ ...full, open: waiting });
    expect((await open().load())[0]?.open).toEqual(waiting);
  });

  it('are not made of files that lie elsewhere or have the name of no tool', async () => {
    await open().save(full);
    const text = await readFile(await fileOf('alpha'), 'utf8');
    await mkdir(join(directory, 'zz'));
    for (const name of ['alpha.json', 'Bad_Name.json', '-.json']) await writeFile(join(directory, 'zz', name), text);
    expect(await open().load()).toEqual([full]);
    expect(lines).toHaveLength(3);
  });
});
