/** `npm run package`: builds the package of the command line for Debian from dist/, into dist/, and says where it is. */
import { join, resolve } from 'node:path';
import { buildDebianPackage } from './debian-package.ts';

const root = resolve(import.meta.dirname, '..');
console.log(await buildDebianPackage({ root, into: join(root, 'dist') }));
