import type { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JobSnapshot, PodFacts } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { fromKubeStatus } from '../../../src/kube.ts';
import type { PodLogQuery } from '../../../src/server/forward.ts';
import { readLogs } from '../../../src/server/handlers/logs.ts';
import { ended, makePodFacts, makeSnapshot, waiting } from '../../support/facts.ts';
import { alpha, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
/** Lines of the containers, by pod and whether they are those before the last restart. */
let written: Map<string, string[]>;
let files: Map<string, { text: string; writtenAt: number }>;
let released: number;

beforeEach(() => {
  deps = scriptDeps();
  written = new Map();
  files = new Map();
  released = 0;
  deps.podLog = async (pod, query) => piecesOf(pod, query);
  deps.logFiles = {
    async tailLog(_tool, names, lines) {
      const file = files.get(names.join('/'));
      if (!file) return undefined;
      const texts = file.text
        .split('\n')
        .slice(0, -1)
        .slice(-lines || Number.POSITIVE_INFINITY);
      const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
      return { bytes, writtenAt: file.writtenAt, change: null, next: { file: '1', offset: file.text.length } };
    },
    async readLog() {
      return undefined;
    },
  };
});

async function* piecesOf(pod: string, { previous, tailLines }: PodLogQuery): AsyncGenerator<Uint8Array> {
  const lines = written.get(previous ? `${pod} before` : pod) ?? [];
  for (const line of lines.slice(-(tailLines ?? lines.length))) yield Buffer.from(`${line}\n`);
}

const time = (second: number) => `2026-03-01T12:00:${String(second).padStart(2, '0')}.5Z`;
const pod = (name: string, more: Parameters<typeof makePodFacts>[0] = {}): PodFacts =>
  makePodFacts({ name, uid: name, ...more });

function put(pods: PodFacts[], job: Parameters<typeof makeSnapshot>[0] = {}, state: JobSnapshot['state'] = 'running') {
  deps.view.set('tool-alpha', [{ ...makeSnapshot(job), pods, state }]);
}

const filed = {
  filelog: true,
  filelogStdout: '/data/project/alpha/demo.out',
  filelogStderr: '/data/project/alpha/logs/demo.err',
};

async function read(query: Record<string, string> = {}): Promise<string[]> {
  const pieces = await readLogs(
    { caller: alpha, name: 'demo', query, release: () => released++ },
    deps,
    ({ origin, stream, message }) => `${origin} ${stream} ${message}`,
  );
  return textOf(pieces);
}

async function textOf(pieces: Readable): Promise<string[]> {
  let text = '';
  for await (const piece of pieces) text += String(piece);
  return text.split('\n').filter(Boolean);
}

const failure = (asked: Promise<unknown>) =>
  asked.then(
    () => 'answered',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );

describe('a log', () => {
  it('has the lines of all pods in the order of their times', async () => {
    written.set('a', [`${time(1)} one`, `${time(3)} three`]).set('b', [`${time(2)} two`, `${time(4)} `]);
    put([pod('a'), pod('b')]);
    expect(await read()).toEqual(['a both one', 'b both two', 'a both three', 'b both ']);
    expect(await read({ lines: '2' })).toEqual(['a both three', 'b both ']);
    expect(await read({ since: time(2) })).toEqual(['a both three', 'b both ']);
    expect(released).toBe(3);
  });

  it('has the lines before the last restart, and none of them twice', async () => {
    written.set('a before', [`${time(1)} one`, `${time(2)} two`]).set('a', [`${time(3)} three`]);
    put([pod('a', { restarts: 1, last: ended(1) })]);
    expect(await read()).toEqual(['a both one', 'a both two', 'a both three']);
    // While it waits for its next start the container before and the last one are the same.
    written.set('a', written.get('a before') ?? []);
    put([pod('a', { restarts: 1, state: waiting('CrashLoopBackOff'), last: ended(1) })]);
    expect(await read()).toEqual(['a both one', 'a both two']);
  });

  it('has the files of the job, each in one piece, what was written to last at the end', async () => {
    files.set('demo.out', { text: 'out 1\nout 2\n', writtenAt: Date.parse(time(9)) });
    files.set('logs/demo.err', { text: 'err 1\n', writtenAt: Date.parse(time(5)) });
    written.set('a', [`${time(7)} sh: cannot create`]);
    put([pod('a')], { job: filed });
    expect(await read()).toEqual([
      'logs/demo.err stderr err 1',
      'a both sh: cannot create',
      'demo.out stdout out 1',
      'demo.out stdout out 2',
    ]);
    expect(await read({ lines: '1' })).toHaveLength(3);
    expect(await read({ since: time(6) })).not.toContain('logs/demo.err stderr err 1');
  });

  it('is read once where both streams go to one file, and not at all from /dev/null or outside the home', async () => {
    files.set('demo.out', { text: 'both\n', writtenAt: 1 });
    put([], { job: { ...filed, filelogStderr: filed.filelogStdout } });
    expect(await read()).toEqual(['demo.out both both']);
    for (const path of ['/dev/null', '/etc/passwd', '/data/project/beta/demo.out', '/data/project/alpha/../beta/x']) {
      put([], { job: { ...filed, filelogStdout: path, filelogStderr: path } });
      expect(await failure(read())).toBe('logs.none');
    }
  });

  it('is asked of pods that have begun, the ten newest, and of no other', async () => {
    const many = Array.from({ length: 14 }, (_, at) => pod(`p${at}`));
    put([pod('new', { state: waiting('ContainerCreating') }), ...many]);
    await failure(read());
    const asked = deps.asked.filter(([what]) => what === 'podLog').map(([, tool, name]) => `${tool} ${name}`);
    expect(asked).toEqual(Array.from({ length: 10 }, (_, at) => `alpha p${at}`));
  });

  it('that is not there is a 404, of a job that is not there another one', async () => {
    put([]);
    expect(await failure(read())).toBe('logs.none');
    deps.view.clear();
    expect(await failure(read())).toBe('job.not_found');
    expect(await failure(read({ lines: 'x' }))).toBe('request.invalid');
    deps.freshness = { synced: false, live: false, asOf: 0 };
    expect(await failure(read())).toBe('view.not_ready');
  });

  it('survives a pod that is gone or has not begun after all, and a container of another name', async () => {
    put([pod('gone'), pod('early'), pod('old')]);
    deps.podLog = async (name, query) => {
      if (name === 'gone') throw fromKubeStatus(404, {});
      if (name === 'early' || query.container !== undefined) throw fromKubeStatus(400, {});
      return piecesOf(name, query);
    };
    written.set('old', [`${time(1)} here`]);
    expect(await read()).toEqual(['old both here']);
  });

  it('fails only where nothing can be read', async () => {
    put([pod('a')], { job: filed });
    deps.podLog = async () => {
      throw new AppError('kube.forbidden', 'no');
    };
    expect(await failure(read())).toBe('kube.forbidden');
    files.set('demo.out', { text: 'out\n', writtenAt: 1 });
    expect(await read()).toEqual(['a both (no)', 'demo.out stdout out']);
  });
});

describe('a log that is followed', () => {
  it('of a one-off that has ended ends after its last line', async () => {
    written.set('a', [`${time(1)} one`]);
    put([pod('a', { state: ended(0), phase: 'Succeeded' })], {}, 'succeeded');
    expect(await read({ follow: 'true' })).toEqual(['a both one']);
  });

  it('waits for a container that is still being made, and goes on after a restart without repeating', async () => {
    put([], {}, 'pending');
    const lines = read({ follow: 'true' });
    written.set('a', [`${time(1)} one`]);
    put([pod('a')]);
    await until(() => asksOf('a') > 0);
    written.set('a before', [`${time(1)} one`, `${time(2)} two`]).set('a', [`${time(3)} three`]);
    put([pod('a', { restarts: 1, last: ended(1) })]);
    await until(() => deps.asked.some((asked) => (asked[3] as PodLogQuery | undefined)?.previous));
    put([pod('a', { restarts: 1, state: ended(0), phase: 'Succeeded' })], {}, 'succeeded');
    expect(await lines).toEqual(['a both one', 'a both two', 'a both three']);
  });

  it('reads on from the last line where the connection to the cluster breaks', async () => {
    let opened = 0;
    deps.podLog = async (_name, { follow, sinceTime }) => {
      if (!follow) return piecesOf('none', {});
      opened += 1;
      const isFirst = opened === 1;
      return (async function* () {
        yield Buffer.from(`${time(1)} one\n${time(2)} two\n`);
        if (isFirst) throw new Error('other side closed');
        expect(sinceTime).toBe('2026-03-01T12:00:02Z');
        yield Buffer.from(`${time(3)} three\n`);
      })();
    };
    put([pod('a')]);
    const lines = read({ follow: 'true' });
    await until(() => opened > 1);
    put([pod('a', { state: ended(0), phase: 'Succeeded' })], {}, 'succeeded');
    expect(await lines).toEqual(['a both one', 'a both two', 'a both three']);
  });

  it('stops everything when the reader leaves', async () => {
    let signal: AbortSignal | undefined;
    deps.podLog = async (_name, { follow }, given) => {
      if (!follow) return piecesOf('none', {});
      signal = given;
      return (async function* () {
        yield Buffer.from(`${time(1)} one\n`);
        await new Promise((resolve) => given.addEventListener('abort', resolve));
      })();
    };
    put([pod('a')]);
    const pieces = await readLogs(
      { caller: alpha, name: 'demo', query: { follow: 'true' }, release() {} },
      deps,
      String,
    );
    pieces.resume();
    await until(() => signal !== undefined);
    pieces.destroy();
    await until(() => signal?.aborted === true);
  });
});

const asksOf = (name: string) => deps.asked.filter(([what, , pod]) => what === 'podLog' && pod === name).length;

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
