/** State directories of every release: whatever one of them has written is found by today's code, whole. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { createLog, type LogLevel } from '../src/log.ts';
import { repositoryRoot } from './support/repository-root.ts';
import { awkwardState, readState, type StateContent, writeState } from './support/state-content.ts';

const fixtures = join(repositoryRoot, 'test/fixtures/state');
const releases = readdirSync(fixtures);

let directory: string;
let said: string[];
const log = (level: LogLevel = 'info') =>
  createLog({ level, stream: { write: (line: string) => void said.push(line) } });
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'released-'));
  said = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

const filesIn = (path: string) => readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();
/** As JSON has it: without what is undefined. */
const plain = (content: StateContent) => JSON.parse(JSON.stringify(content)) as StateContent;

describe('the state directory', () => {
  it.each(releases)('of release %s is read whole, and nothing of it is set aside', async (release) => {
    const content = JSON.parse(readFileSync(join(fixtures, release, 'content.json'), 'utf8')) as StateContent;
    cpSync(join(fixtures, release, 'directory'), directory, { recursive: true });
    const before = filesIn(directory);
    // Later releases may find more in it than was known then.
    expect(plain(await readState(directory, content, log()))).toMatchObject(content);
    expect(filesIn(directory)).toEqual(before);
    expect(said).toEqual([]);
  });

  it('of today holds the same after it was written and read', async () => {
    await writeState(directory, awkwardState, log('warn'));
    expect(plain(await readState(directory, awkwardState, log()))).toEqual(plain(awkwardState));
    expect(said).toEqual([]);
  });

  it('of the release that is being made is among them', () => {
    expect(releases).toContain(manifest.version);
  });
});
