import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { AppError } from '../src/errors.ts';
import { createGetJson, type GetJson } from '../src/get-json.ts';
import { type BuiltImage, createHarbor, type Harbor } from '../src/harbor.ts';
import { artifact, digestOf, type ScriptedHarbor, startHarbor } from './support/scripted-harbor.ts';

const many = (count: number, make: (at: number) => string) => Array.from({ length: count }, (_, at) => make(at));
const many250 = many(250, (at) => `v${at}`).map((tag) => artifact('a', tag));
let registry: ScriptedHarbor;
let connection: GetJson;
let harbor: Harbor;
let timeoutMs = 2_000;

const sorted = (images: readonly BuiltImage[]) =>
  [...images].sort((one, other) => (`${one.path}:${one.tag}` < `${other.path}:${other.tag}` ? -1 : 1));

beforeAll(async () => {
  registry = await startHarbor({
    'tool-demo': {
      web: [artifact('1', 'latest', 'v2'), artifact('2', 'v1')],
      'web/worker': [artifact('3', 'latest')],
      odd: [
        { ...artifact('4', 'latest'), type: 'CHART' },
        { ...artifact('5'), tags: null },
        { ...artifact('6', 'ok'), digest: 'md5:1' },
        artifact('7', 'two words', '../up', ''),
      ],
    },
    'tool-many': Object.fromEntries(many(130, (at) => `r${at}`).map((name) => [name, [artifact('8', 'latest')]])),
    'tool-tags': { web: many250 },
    'tool-flood': Object.fromEntries(many(30, (at) => `r${at}`).map((name) => [name, many250])),
  });
  connection = createGetJson({
    origin: registry.url,
    ca: () => registry.ca,
    userAgent: 'test',
    maxBytes: 100_000,
    connections: 8,
  });
  harbor = createHarbor({ host: registry.host, get: connection.get, timeoutMs: () => timeoutMs });
});
afterEach(() => {
  registry.misbehave = undefined;
  timeoutMs = 2_000;
  registry.asked.length = 0;
});
afterAll(async () => {
  connection.close();
  await registry.stop();
});

const json = (status: number, body: unknown) => (_request: unknown, response: ServerResponse) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

async function causeOf(answer: Promise<unknown>): Promise<string> {
  const error = await answer.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw new Error('it did not fail as it should', { cause: error });
  expect(error).toMatchObject({ code: 'images.unavailable', retryAfterSeconds: 5 });
  return String(error.cause);
}

describe('the images of a project', () => {
  it('are the tags of its artifacts that are images, each with its digest', async () => {
    const images = await harbor.imagesOf('tool-demo');
    expect(sorted(images)).toEqual([
      { path: 'tool-demo/web/worker', tag: 'latest', digest: digestOf('3') },
      { path: 'tool-demo/web', tag: 'latest', digest: digestOf('1') },
      { path: 'tool-demo/web', tag: 'v1', digest: digestOf('2') },
      { path: 'tool-demo/web', tag: 'v2', digest: digestOf('1') },
    ]);
    expect(registry.asked).toContain(
      'GET /api/v2.0/projects/tool-demo/repositories/web%252Fworker/artifacts?with_tag=true&page=1&page_size=100',
    );
  });

  it('are read to the last page of repositories and of artifacts', async () => {
    expect(await harbor.imagesOf('tool-many')).toHaveLength(130);
    expect(await harbor.tagsOf('tool-tags', 'web')).toHaveLength(250);
  });

  it('are read to the last page where the registry does not count', async () => {
    registry.misbehave = (request, response) => {
      const page = Number(new URL(request.url ?? '', registry.url).searchParams.get('page'));
      json(200, page < 3 ? many250.slice(0, 100) : [artifact('9', 'last')])(request, response);
    };
    expect(await harbor.tagsOf('tool-demo', 'web')).toHaveLength(201);
  });

  it('are a thousand at most', async () => {
    expect(await harbor.imagesOf('tool-flood')).toHaveLength(1_000);
  });

  it.each([401, 403, 404])('are none where the registry answers %d', async (status) => {
    registry.misbehave = json(status, { errors: [] });
    expect(await harbor.imagesOf('tool-demo')).toEqual([]);
    expect(await harbor.tagsOf('tool-demo', 'web')).toEqual([]);
  });

  it('are never asked for under a name that is no project or repository', async () => {
    const projects = ['library', 'tool-', 'tool-a/b', 'tool-..', 'tool-a?x', 'Tool-a'];
    const repositories = ['', '.', '..', 'a/../b', 'a//b', '/a', 'a%2fb', 'A', 'a b', 'a?b', 'a#b', 'x'.repeat(256)];
    for (const project of projects) expect(await harbor.imagesOf(project)).toEqual([]);
    for (const repository of repositories) expect(await harbor.tagsOf('tool-demo', repository)).toEqual([]);
    expect(registry.asked).toEqual([]);
  });

  it('of a repository of another project that the answer smuggles in are left out', async () => {
    registry.misbehave = (request, response) =>
      request.url?.includes('artifacts')
        ? json(200, [artifact('1', 'latest')])(request, response)
        : json(200, [{ name: 'tool-other/web' }, { name: 'tool-demo/../x' }, { name: 5 }, null])(request, response);
    expect(await harbor.imagesOf('tool-demo')).toEqual([]);
  });
});

describe('a registry that fails', () => {
  it.each([
    ['an error of its own', json(500, {}), /answered 500/],
    ['no JSON', (_: unknown, response: ServerResponse) => void response.end('<html>'), /SyntaxError/],
    ['another shape', json(200, { repositories: [] }), /answered 200 with no list/],
    ['a huge answer', json(200, ['x'.repeat(200_000)]), /larger than 100000 bytes/],
    [
      'half an answer',
      (_: unknown, response: ServerResponse) =>
        void response.writeHead(200, { 'content-length': 9 }).write('[', () => response.destroy()),
      /aborted|hang up|reset/i,
    ],
  ])('with %s is named as the cause', async (_what, misbehave, cause) => {
    registry.misbehave = misbehave;
    expect(await causeOf(harbor.imagesOf('tool-demo'))).toMatch(cause);
    expect(await causeOf(harbor.tagsOf('tool-demo', 'web'))).toMatch(cause);
  });

  it('by sending elsewhere is not followed', async () => {
    const elsewhere = await startHarbor({});
    registry.misbehave = (request, response) =>
      void response.writeHead(307, { location: `${elsewhere.url}${request.url}` }).end();
    expect(await causeOf(harbor.imagesOf('tool-demo'))).toMatch(/answered 307/);
    expect(elsewhere.asked).toEqual([]);
    await elsewhere.stop();
  });

  it('by silence is not waited for longer than the setting says', async () => {
    timeoutMs = 50;
    registry.misbehave = () => {};
    expect(await causeOf(harbor.imagesOf('tool-demo'))).toMatch(/TimeoutError|AbortError/);
  });

  it('for one repository is not half believed, and is asked for no more of them', async () => {
    registry.misbehave = (request, response) =>
      request.url?.includes('/artifacts')
        ? json(503, {})(request, response)
        : json(
            200,
            many(90, (at) => `tool-demo/r${at}`).map((name) => ({ name })),
          )(request, response);
    expect(await causeOf(harbor.imagesOf('tool-demo'))).toMatch(/answered 503/);
    expect(registry.asked.length).toBeLessThan(10);
  });

  it('to prove who it is is not spoken to', async () => {
    const strange = createGetJson({
      origin: registry.url,
      ca: () => undefined,
      userAgent: 'test',
      maxBytes: 1,
      connections: 1,
    });
    await expect(strange.get('/', new AbortController().signal)).rejects.toThrow(/certificate/);
    strange.close();
    await vi.waitFor(() => expect(registry.asked).toEqual([]));
  });
});
