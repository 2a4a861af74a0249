import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repositoryRoot } from '../support/repository-root.ts';
import { currentDocument, madeFiles } from './documents.ts';

it.each(Object.entries(madeFiles(currentDocument())))('%s is made of the routes as they are', (path, text) => {
  const hint = "run 'npm run -s openapi' and commit what it writes";
  expect(readFileSync(join(repositoryRoot, path), 'utf8') === text || hint).toBe(true);
});
