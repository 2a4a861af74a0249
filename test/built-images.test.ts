import { describe, expect, it } from 'vitest';
import { createBuiltImages } from '../src/built-images.ts';
import { AppError } from '../src/errors.ts';
import type { BuiltImage } from '../src/harbor.ts';
import { createLog } from '../src/log.ts';
import { digestOf } from './support/scripted-harbor.ts';

const web: BuiltImage = { path: 'tool-demo/web', tag: 'latest', digest: digestOf('1') };
const away = () => Promise.reject(new AppError('images.unavailable', 'It is away.'));

/** A registry played by hand; the clock stands at 1000. */
function script() {
  const said: string[] = [];
  const play = {
    clock: 1_000,
    asked: [] as string[],
    answer: (): Promise<readonly BuiltImage[]> => Promise.resolve([web]),
    said,
  };
  const ask = (what: string) => {
    play.asked.push(what);
    return play.answer();
  };
  const images = createBuiltImages({
    harbor: {
      host: 'harbor.example.org',
      imagesOf: (project) => ask(project),
      tagsOf: (project, name) => ask(`${project}/${name}`),
    },
    cacheMs: () => 5_000,
    now: () => play.clock,
    log: createLog({ level: 'info', stream: { write: (line) => void said.push(String(JSON.parse(line).msg)) } }),
  });
  return { play, images };
}

describe('the list of what a tool has built', () => {
  it('is asked for once, however many want it, until it is too old', async () => {
    const { play, images } = script();
    const lists = await Promise.all([
      images.listOf('tool-demo'),
      images.listOf('tool-demo'),
      images.listOf('tool-demo'),
    ]);
    expect(lists.every((list) => list === lists[0])).toBe(true);
    play.clock += 4_999;
    await images.listOf('tool-demo');
    expect(play.asked).toEqual(['tool-demo']);
    play.clock += 1;
    expect(await images.listOf('tool-demo')).toEqual({ images: [web], asOf: 6_000, isCurrent: true });
    expect(play.asked).toHaveLength(2);
  });

  it('is of each tool its own', async () => {
    const { play, images } = script();
    await images.listOf('tool-demo');
    await images.listOf('tool-other');
    expect(play.asked).toEqual(['tool-demo', 'tool-other']);
  });

  it('is the last good one while the registry is away, and says so', async () => {
    const { play, images } = script();
    await images.listOf('tool-demo');
    play.answer = away;
    play.clock += 60_000;
    expect(await images.listOf('tool-demo')).toEqual({ images: [web], asOf: 1_000, isCurrent: false });
    expect(await images.listOf('tool-new')).toEqual({ images: [], asOf: undefined, isCurrent: false });
  });

  it('makes nobody wait for a registry that was away just now', async () => {
    const { play, images } = script();
    play.answer = away;
    await images.listOf('tool-demo');
    await images.listOf('tool-demo');
    expect(play.asked).toHaveLength(1);
    play.clock += 5_000;
    play.answer = () => Promise.resolve([web]);
    expect((await images.listOf('tool-demo')).isCurrent).toBe(true);
  });

  it('is kept for the tools that asked last', async () => {
    const { play, images } = script();
    for (let at = 0; at <= 256; at++) await images.listOf(`tool-t${at}`);
    await images.listOf('tool-t1');
    await images.listOf('tool-t0');
    expect(play.asked).toHaveLength(258);
  });
});

it('asks for one repository anew every time, and passes a failure on', async () => {
  const { play, images } = script();
  await images.tagsOf('tool-demo', 'web');
  await images.tagsOf('tool-demo', 'web');
  expect(play.asked).toEqual(['tool-demo/web', 'tool-demo/web']);
  play.answer = away;
  await expect(images.tagsOf('tool-demo', 'web')).rejects.toMatchObject({ code: 'images.unavailable' });
});

it('says once in the log that the registry is away, and once that it is back', async () => {
  const { play, images } = script();
  play.answer = away;
  await images.listOf('tool-demo');
  await images.listOf('tool-other');
  play.answer = () => Promise.resolve([]);
  await images.tagsOf('tool-demo', 'web');
  await images.tagsOf('tool-demo', 'web');
  expect(play.said).toEqual([
    'the registry of the build service does not answer',
    'the registry of the build service answers again',
  ]);
});
