import { describe, expect, it } from 'vitest';
import type { BuiltList } from '../src/built-images.ts';
import { Tool } from '../src/domain.ts';
import { AppError } from '../src/errors.ts';
import type { BuiltImage } from '../src/harbor.ts';
import { createImageCatalog } from '../src/image-catalog.ts';
import { parseImageConfig } from '../src/images.ts';
import { digestOf } from './support/scripted-harbor.ts';

const registry = 'docker-registry.example.org';
const host = 'harbor.example.org';
const prebuilt = parseImageConfig(`
python3.11:
  state: stable
  aliases: [tf-python311]
  image: ${registry}/toolforge-python311-sssd-web
  variants:
    jobs-framework: { image: ${registry}/toolforge-python311-sssd-base }
zig:
  state: stable
  image: ${registry}/zig
node18:
  state: deprecated
  image: ${registry}/toolforge-node18-sssd-web
`);

const built: readonly BuiltImage[] = [
  { path: 'tool-alpha/web', tag: 'latest', digest: digestOf('1') },
  { path: 'tool-alpha/web', tag: 'v1', digest: digestOf('2') },
  { path: 'tool-alpha/web/worker', tag: 'v3', digest: digestOf('3') },
  { path: 'tool-beta/bot', tag: 'latest', digest: digestOf('4') },
];
const current: BuiltList = { images: built.slice(0, 3), asOf: 0, isCurrent: true };

function catalog({ list = current, away = false } = {}) {
  return createImageCatalog({
    prebuilt: () => prebuilt,
    built: {
      host,
      listOf: async () => list,
      async tagsOf(project, repository) {
        if (away) throw new AppError('images.unavailable', 'It is away.');
        return built.filter(({ path }) => path === `${project}/${repository}`);
      },
    },
    now: () => 40_000,
  });
}

const alone = createImageCatalog({ prebuilt: () => prebuilt, built: undefined, now: () => 0 });
const errorOf = (answer: Promise<unknown>) =>
  answer.then(
    () => undefined,
    (error: AppError) => error,
  );

describe('an image is found', () => {
  it.each([
    ['python3.11', 'python3.11', `${registry}/toolforge-python311-sssd-web:latest`],
    ['tf-python311', 'python3.11', `${registry}/toolforge-python311-sssd-web:latest`],
    ['toolforge-python311-sssd-base', 'python3.11', `${registry}/toolforge-python311-sssd-web:latest`],
    [`${registry}/toolforge-python311-sssd-base`, 'python3.11', `${registry}/toolforge-python311-sssd-web:latest`],
    [
      `${registry}/toolforge-python311-sssd-web:latest`,
      'python3.11',
      `${registry}/toolforge-python311-sssd-web:latest`,
    ],
    ['node18', 'node18', `${registry}/toolforge-node18-sssd-web:latest`],
    ['tool-alpha/web:latest', 'tool-alpha/web:latest', `${host}/tool-alpha/web:latest`],
    ['tool-alpha/web', 'tool-alpha/web:latest', `${host}/tool-alpha/web:latest`],
    ['tool-alpha/web:v1', 'tool-alpha/web:v1', `${host}/tool-alpha/web:v1`],
    ['tool-alpha/web/worker:v3', 'tool-alpha/web/worker:v3', `${host}/tool-alpha/web/worker:v3`],
    [`${host}/tool-alpha/web:v1`, 'tool-alpha/web:v1', `${host}/tool-alpha/web:v1`],
    ['tool-beta/bot:latest', 'tool-beta/bot:latest', `${host}/tool-beta/bot:latest`],
    [
      `tool-alpha/web:v1@${digestOf('2')}`,
      `tool-alpha/web:v1@${digestOf('2')}`,
      `${host}/tool-alpha/web:v1@${digestOf('2')}`,
    ],
    [
      `${host}/tool-alpha/web@${digestOf('2')}`,
      `tool-alpha/web:v1@${digestOf('2')}`,
      `${host}/tool-alpha/web:v1@${digestOf('2')}`,
    ],
  ])('by %s: %s, pulled as %s', async (text, name, url) => {
    expect(await catalog().find(text)).toMatchObject({ name, url });
  });

  it('with its build among the aliases, and as one of the build service', async () => {
    expect(await catalog().find('tool-alpha/web')).toEqual({
      name: 'tool-alpha/web:latest',
      url: `${host}/tool-alpha/web:latest`,
      aliases: [`tool-alpha/web:latest@${digestOf('1')}`],
      state: 'stable',
      type: 'buildservice',
    });
  });

  it('among the prebuilt ones without asking the registry', async () => {
    expect((await catalog({ away: true }).find('python3.11')).name).toBe('python3.11');
  });
});

describe('an image does not exist', () => {
  it.each([
    'python3.11:other',
    'other.example.org/python3.11',
    `${registry}/tool-alpha/web:latest`,
    'other.example.org/tool-alpha/web:latest',
    `${host}/python3.11`,
    `${host}/library/web`,
    'alpha/web:latest',
    'tool-alpha',
    'tool-alpha/',
    'tool-alpha/web:v9',
    'tool-alpha/web:v1:v1',
    `tool-alpha/web:latest@${digestOf('2')}`,
    `tool-alpha/web@${digestOf('9')}`,
    'tool-alpha/we',
    'tool-gamma/web:latest',
    '',
    'unknown',
  ])('by %j', async (text) => {
    expect(await errorOf(catalog().find(text))).toMatchObject({
      code: 'image.unknown',
      message: expect.stringContaining(`No such image '${text}'`),
      fields: { field: 'imagename', value: text },
    });
  });

  it.each([
    ['python311', 'python3.11'],
    ['tool-alpha/web:v2', 'tool-alpha/web:v1'],
    ['tool-alpha/wbe:latest', 'tool-alpha/web:latest'],
  ])('by %s, and %s was probably meant', async (text, near) => {
    expect((await errorOf(catalog().find(text)))?.message).toContain(`Did you mean '${near}'?`);
  });

  it('of the build service where the installation has none', async () => {
    expect(await errorOf(alone.find('tool-alpha/web:latest'))).toMatchObject({ code: 'image.unknown' });
  });
});

it('does not guess an image that cannot be checked', async () => {
  expect(await errorOf(catalog({ away: true }).find('tool-alpha/web:latest'))).toMatchObject({
    code: 'images.unavailable',
    message: expect.stringMatching(/'tool-alpha\/web:latest' could not be checked\. Nothing was changed/),
    retryAfterSeconds: 5,
  });
});

describe('the list', () => {
  const alpha = Tool.of('alpha');

  it('holds the stable prebuilt images and the tool’s own builds, by name', async () => {
    const { images, warnings } = await catalog().offered(alpha);
    expect(images.map(({ name, url }) => [name, url])).toEqual([
      ['python3.11', `${registry}/toolforge-python311-sssd-web:latest`],
      ['tool-alpha/web/worker:v3', `${host}/tool-alpha/web/worker:v3@${digestOf('3')}`],
      ['tool-alpha/web:latest', `${host}/tool-alpha/web:latest@${digestOf('1')}`],
      ['tool-alpha/web:v1', `${host}/tool-alpha/web:v1@${digestOf('2')}`],
      ['zig', `${registry}/zig:latest`],
    ]);
    expect(warnings).toEqual([]);
  });

  it('says how old it is while the registry does not answer', async () => {
    const { images, warnings } = await catalog({ list: { ...current, isCurrent: false } }).offered(alpha);
    expect(images).toHaveLength(5);
    expect(warnings).toEqual([
      'The registry of the build service does not answer: images of the build service are those of 40 s ago.',
    ]);
  });

  it('says what is missing where the registry never answered', async () => {
    const nothing: BuiltList = { images: [], asOf: undefined, isCurrent: false };
    const { images, warnings } = await catalog({ list: nothing }).offered(alpha);
    expect(images.map(({ name }) => name)).toEqual(['python3.11', 'zig']);
    expect(warnings).toEqual([
      'The registry of the build service does not answer: only the prebuilt images are listed.',
    ]);
  });

  it('is the prebuilt one where there is no build service', async () => {
    expect(await alone.offered(alpha)).toEqual({ images: prebuilt.offered(), warnings: [] });
  });
});
