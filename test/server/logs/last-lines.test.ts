import { describe, expect, it } from 'vitest';
import { Tool } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { createLastLines } from '../../../src/server/logs/last-lines.ts';
import { makeNotice, makeRan } from '../../support/notices.ts';

const alpha = Tool.of('alpha');
const notice = makeNotice();
const during = Date.parse('2026-03-01T04:18:00Z');
const toPod = makeRan({ filelogStdout: undefined, filelogStderr: undefined });
const forever = new AbortController().signal;

interface Scripted {
  /** By path below the home. */
  readonly files?: Readonly<Record<string, { text: string; writtenAt?: number }>>;
  /** What the pod's log holds; an error is thrown. */
  readonly log?: string | Error;
  readonly previous?: string;
}

function reader({ files = {}, log = '', previous }: Scripted) {
  return createLastLines({
    homesMount: '/data/project',
    files: {
      async tailLog(_, names, lines) {
        const file = files[names.join('/')];
        if (!file) return undefined;
        const bytes = Buffer.from(`${file.text.split('\n').slice(-lines).join('\n')}\n`);
        return { next: { file: '1', offset: 0 }, bytes, writtenAt: file.writtenAt ?? during, change: null };
      },
      readLog: async () => undefined,
    },
    forward: {
      async podLog(_, __, query) {
        const text = query.previous ? previous : log;
        if (text instanceof Error) throw text;
        return (async function* () {
          if (text) yield Buffer.from(text);
        })();
      },
    },
  });
}

const readAll = (script: Scripted, of = notice, lines = 4) => reader(script)(alpha, of, { lines, signal: forever });
const read = async (script: Scripted, of = notice, lines = 4) => {
  const output = await readAll(script, of, lines);
  return { ...output, lines: output.lines.map(({ message }) => message) };
};

describe('the last lines of a run', () => {
  it('come from both files, the one written to last at the end', async () => {
    const files = {
      'daily.err': { text: 'oops', writtenAt: during + 5 },
      'daily.out': { text: 'one\ntwo', writtenAt: during },
    };
    expect(await read({ files })).toEqual({
      lines: ['one', 'two', 'oops'],
      from: 'daily.out (2), then daily.err (1)',
      missing: undefined,
      isCut: false,
    });
  });

  it('leave a quarter to the other file where the last one has more than fits', async () => {
    const files = {
      'daily.out': { text: 'a\nb\nc\nd', writtenAt: during },
      'daily.err': { text: '1\n2\n3\n4', writtenAt: during + 5 },
    };
    expect((await read({ files })).lines).toEqual(['d', '2', '3', '4']);
  });

  it('say where each comes from, and whether there may be more', async () => {
    const files = { 'daily.out': { text: 'a\nb\nc\nd' } };
    const { lines, isCut } = await readAll({ files });
    expect(lines[0]).toMatchObject({ origin: 'daily.out', stream: 'stdout', at: undefined, message: 'a' });
    expect(isCut).toBe(true);
  });

  it('are not those of an earlier run', async () => {
    const files = { 'daily.out': { text: 'of yesterday', writtenAt: during - 86_400_000 } };
    expect(await read({ files })).toEqual({
      lines: [],
      from: undefined,
      missing: 'this run wrote nothing to daily.out or daily.err',
      isCut: false,
    });
  });

  it('come from the pod where nothing goes to files, and only those of the time of the run', async () => {
    const log = [
      '2026-03-01T04:10:00.000000000Z before',
      '2026-03-01T04:18:00.000000000Z during',
      '2026-03-01T04:20:12.500000000Z last words',
      '2026-03-01T04:30:00.000000000Z of the next start',
      '',
    ].join('\n');
    expect(await read({ log }, makeNotice({ ran: toPod }))).toEqual({
      lines: ['during', 'last words'],
      from: 'its output',
      missing: undefined,
      isCut: false,
    });
  });

  it('of a copy that was started again come from the container before', async () => {
    const key = { namespace: 'tool-alpha', kind: 'Deployment', name: 'bot' } as const;
    const previous = '2026-03-01T04:18:00.000000000Z crashed here\n';
    const log = '2026-03-01T04:31:00.000000000Z again\n';
    expect((await read({ log, previous }, makeNotice({ key, ran: toPod }))).lines).toEqual(['crashed here']);
  });

  it.each([
    ['it never ran', {}, makeNotice({ startedAt: undefined })],
    ['its pod is gone', {}, makeNotice({ ran: toPod, pod: undefined })],
    ['it wrote nothing, or its pod was gone before it could be asked', {}, makeNotice({ ran: toPod })],
    ['No.', { log: new AppError('credentials.invalid', 'No.') }, makeNotice({ ran: toPod })],
    ['it could not be read', { files: null as never }, makeNotice()],
  ])('are missing in words: %s', async (missing, script, of) => {
    expect(await read(script, of)).toMatchObject({ lines: [], missing });
  });
});
