/** `npm run -s openapi`: writes the files that are made of the tables of routes and of commands, and names them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../support/repository-root.ts';
import { currentDocument, madeFiles } from './documents.ts';

for (const [path, text] of Object.entries(madeFiles(currentDocument()))) {
  await writeFile(join(repositoryRoot, path), text);
  console.log(path);
}
