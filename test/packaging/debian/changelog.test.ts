import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { newestRelease } from '../../../packaging/debian/changelog.ts';
import { repositoryRoot } from '../../support/repository-root.ts';

const entry = (version: string, date: string) =>
  `toolforge-jobs (${version}) unstable; urgency=medium\n\n  * Text.\n\n -- A B <a@b.example>  ${date}\n`;

describe('the changelog of the package', () => {
  it('says version and date of the newest release', () => {
    const text = `${entry('0.2.0', 'Sat, 28 Nov 2026 14:00:00 +0200')}\n${entry('0.1.0', 'Fri, 27 Nov 2026 12:00:00 +0000')}`;
    expect(newestRelease(text)).toEqual({ version: '0.2.0', date: Date.UTC(2026, 10, 28, 12) / 1000 });
  });

  it.each([
    ['an empty one', ''],
    ['that of another package', entry('1', 'Fri, 27 Nov 2026 12:00:00 +0000').replace('jobs', 'cli')],
    ['a version that would lead out of its directory', entry('1/../../x', 'Fri, 27 Nov 2026 12:00:00 +0000')],
    ['a date that is none', entry('1', 'some day')],
  ])('is refused: %s', (_, text) => {
    expect(() => newestRelease(text)).toThrow('newest entry');
  });

  it('has the version of the project', () => {
    const text = readFileSync(join(repositoryRoot, 'packaging/debian/changelog'), 'utf8');
    expect(newestRelease(text).version).toBe(manifest.version);
  });
});
