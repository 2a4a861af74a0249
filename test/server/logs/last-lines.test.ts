import { describe, expect, it } from 'vitest';
import { Tool } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { KubeStatusError } from '../../../src/kube.ts';
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
  /** Unset: the log comes to its end. */
  readonly breaksOff?: boolean;
}

function reader({ files = {}, log = '', previous, breaksOff }: Scripted) {
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
          if (breaksOff) throw new Error('other side closed');
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
      written: { lines: 4, orMore: false },
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

describe('how much a run wrote', () => {
  const once = makeNotice({ ran: toPod, attempts: 1 });
  const line = (text: string) => `2026-03-01T04:18:00.000000000Z ${text}\n`;
  const refusal = (status: number) =>
    new AppError('kube.refused', 'No.', { cause: new KubeStatusError(status, '', 'No.') });
  const written = async (script: Scripted, of = once) => (await readAll(script, of)).written;

  it('is counted where the log of its pod was given, though that is empty', async () => {
    expect(await written({ log: line('one') + line('') + line('three') })).toEqual({ lines: 3, orMore: false });
    expect(await written({ log: '' })).toEqual({ lines: 0, orMore: false });
  });

  it.each<[string, Scripted]>([
    ['there were more lines than were asked for', { log: line('x').repeat(8) }],
    ['a line was too long to be read whole', { log: line('one') + line('x'.repeat(20_000)) }],
    ['it is so much that the cluster may have counted pieces of lines', { log: line('x'.repeat(3_000)).repeat(3) }],
  ])('may be more where %s', async (_, script) => {
    expect(await written(script)).toMatchObject({ orMore: true });
  });

  it('may be more where an attempt before the last one wrote as well', async () => {
    expect(await written({ log: line('one') }, { ...once, attempts: 2 })).toEqual({ lines: 1, orMore: true });
  });

  it.each<[string, Scripted, typeof once]>([
    ['its pod was gone', { log: refusal(404) }, once],
    ['its container was gone', { log: refusal(400) }, once],
    ['nothing names its pod', {}, { ...once, pod: undefined }],
    [
      'the cluster says instead why there is no log',
      { log: 'unable to retrieve container logs for containerd://1' },
      once,
    ],
    ['the log could not be had', { log: new AppError('kube.unreachable', 'No.') }, once],
    ['the log broke off', { log: line('one'), breaksOff: true }, once],
    [
      'it wrote to files, which have lines of others as well',
      { files: { 'daily.out': { text: 'one' } } },
      makeNotice(),
    ],
    ['it wrote nothing to its files, as far as these show', {}, makeNotice()],
    ['it is a copy of a continuous job', { log: line('one') }, { ...once, key: { ...once.key, kind: 'Deployment' } }],
  ])('is not known where %s', async (_, script, of) => {
    expect(await written(script, of)).toBeUndefined();
  });
});
