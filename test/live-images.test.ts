import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ImagesOutcome, type LiveImages, openLiveImages } from '../src/live-images.ts';
import { createLog } from '../src/log.ts';

const entry = (name: string) =>
  `${name}:\n  aliases: []\n  state: stable\n  variants:\n    jobs-framework:\n      image: registry.example.org/${name}\n`;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'images-'));
});
afterEach(async () => {
  // What is on its way to the disk arrives first.
  await Promise.all(opened.splice(0).map((images) => images.stop()));
  await rm(directory, { recursive: true });
});

const opened: LiveImages[] = [];

const path = () => join(directory, 'images.json');

async function open(everyMs = 0) {
  const lines: string[] = [];
  const outcomes: ImagesOutcome[] = [];
  let version = 1;
  const images = await openLiveImages({
    path: path(),
    key: 'list',
    everyMs,
    onOutcome: (outcome) => void outcomes.push(outcome),
    log: createLog({ level: 'info', stream: { write: (line) => void lines.push(JSON.parse(line).msg) } }),
  });
  opened.push(images);
  const offer = (...names: string[]) => give(names.map(entry).join(''));
  const give = (list: string) => images.offer({ data: { list }, resourceVersion: String(++version), uid: 'u' });
  return {
    images,
    offer,
    give,
    lines,
    outcomes,
    names: () =>
      images
        .current()
        .offered()
        .map(({ name }) => name),
  };
}

describe('the images in force', () => {
  it('are none before the first list, which whoever asks is told', async () => {
    const { images, offer } = await open();
    expect(() => images.current()).toThrow('has just started');
    offer('bookworm');
    await images.ready;
    expect(images.current().find('bookworm')?.url).toBe('registry.example.org/bookworm:latest');
  });

  it('follow the map, and say what came and what went', async () => {
    const { offer, names, lines, outcomes } = await open();
    offer('bookworm', 'node18');
    offer('bookworm', 'node20');
    expect(names()).toEqual(['bookworm', 'node20']);
    expect(lines.slice(2)).toEqual(['Adding available container: node20', 'Removing available container: node18']);
    expect(outcomes.at(-1)).toMatchObject({
      type: 'applied',
      changes: [
        { name: 'node20', became: 'added' },
        { name: 'node18', became: 'removed' },
      ],
    });
  });

  it('say what has another address or other names, and what is deprecated, which is not gone', async () => {
    const { offer, give, lines, outcomes, names } = await open();
    offer('bookworm', 'node18', 'python');
    const bookworm = entry('bookworm').replace('/bookworm', '/debian12');
    give(bookworm + entry('node18').replace('stable', 'deprecated') + entry('python').replace('[]', '[py]'));
    expect(names()).toEqual(['bookworm', 'python']);
    expect(lines.slice(3)).toEqual([
      'Changing available container: bookworm',
      'Deprecating available container: node18',
      'Changing available container: python',
    ]);
    give(bookworm + entry('python').replace('[]', '[py]'));
    expect(outcomes.at(-1)).toMatchObject({ changes: [{ name: 'node18', became: 'removed' }] });
  });

  it('change at most once a second, to the newest list, however fast the edits come', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { offer, names, outcomes } = await open(1_000);
    for (let edit = 0; edit < 100; edit += 1) {
      offer(`bookworm${edit}`);
      vi.advanceTimersByTime(100);
    }
    vi.advanceTimersByTime(1_000);
    vi.useRealTimers();
    expect(outcomes.length).toBeLessThanOrEqual(11);
    expect(names()).toEqual(['bookworm99']);
  });

  it('are told to be mended when a bad list is taken back', async () => {
    const { offer, give, outcomes } = await open();
    offer('bookworm');
    give('a: [');
    offer('bookworm');
    offer('bookworm');
    expect(outcomes.slice(-2)).toMatchObject([
      { type: 'applied', changes: [], isMended: true },
      { type: 'applied', changes: [], isMended: false },
    ]);
  });

  it.each([
    ['is no list', 'a: ['],
    ['is empty', ''],
    ['names no image that jobs can run', 'a:\n  state: stable\n'],
  ])('stay as they are when the text %s', async (_, text) => {
    const { offer, give, names, images, outcomes } = await open();
    offer('bookworm');
    give(text);
    expect([names(), images.state().isCurrent, images.state().version]).toEqual([['bookworm'], false, '2']);
    expect(outcomes.at(-1)?.type).toBe('refused');
  });

  it('stay as they are when the map is gone, or has no such key', async () => {
    const { images, offer, names, outcomes } = await open();
    offer('bookworm');
    images.offer(undefined);
    expect(outcomes.at(-1)).toEqual({ type: 'gone' });
    expect(images.state().problems).toEqual(['the ConfigMap does not exist']);
    images.offer({ data: {}, resourceVersion: '9', uid: 'u' });
    expect([names(), images.state().problems]).toEqual([['bookworm'], ['the ConfigMap has no key list']]);
  });

  it('are those that were good last after a restart while the map is bad, or the cluster away', async () => {
    const first = await open();
    first.offer('bookworm');
    await first.images.stop();
    const second = await open();
    await second.images.ready;
    expect([second.names(), second.images.state()]).toMatchObject([['bookworm'], { version: '2', isCurrent: false }]);
    second.give('a: [');
    expect(second.names()).toEqual(['bookworm']);
  });

  it('are waited for where what was good last is damaged, or good no more', async () => {
    const map = { data: { list: 'a: [' }, resourceVersion: '5', uid: 'u' };
    for (const text of ['{"v":1,', JSON.stringify({ v: 1, map })]) {
      await writeFile(path(), text);
      expect((await open()).names).toThrow('has just started');
    }
  });
});
