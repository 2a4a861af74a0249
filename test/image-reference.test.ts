import fc from 'fast-check';
import { expect, it } from 'vitest';
import { projectOf, splitReference } from '../src/image-reference.ts';

it.each([
  ['web', undefined, 'web', undefined, undefined],
  ['web:v1', undefined, 'web', 'v1', undefined],
  ['a/web:v1', undefined, 'a/web', 'v1', undefined],
  ['a.example/web', 'a.example', 'web', undefined, undefined],
  ['localhost:5000/web', 'localhost:5000', 'web', undefined, undefined],
  ['a.example:5000/tool-b/web:v1@sha256:1', 'a.example:5000', 'tool-b/web', 'v1', 'sha256:1'],
  ['web@sha256:1', undefined, 'web', undefined, 'sha256:1'],
  ['a.example', undefined, 'a.example', undefined, undefined],
])('%s has its parts', (text, host, path, tag, digest) => {
  expect(splitReference(text)).toEqual({ host, path, tag, digest });
});

it.each([
  ['tool-a/web', { project: 'tool-a', repository: 'web' }],
  ['tool-a/web/worker', { project: 'tool-a', repository: 'web/worker' }],
  ['tool-a', undefined],
  ['tool-a/', undefined],
  ['tool-/web', undefined],
  ['a/tool-b/web', undefined],
])('%s is in a project of the build service, or in none', (path, place) => {
  expect(projectOf(path)).toEqual(place);
});

it('is total, and loses nothing of a text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { host, path, tag, digest } = splitReference(text);
      const again = `${host === undefined ? '' : `${host}/`}${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
      expect(again).toBe(text);
      projectOf(path);
    }),
  );
});
