import { describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { problemsOfBody } from '../../../bin/job-file/job-rules.ts';
import { jobsOfFile } from '../../../bin/job-file/jobs-of-file.ts';
import { readEntries } from '../../../bin/job-file/yaml-entries.ts';

/** Names, each with what it comes after. */
function read(...jobs: readonly (readonly [name: string, after?: string])[]) {
  const text = jobs
    .map(([name, after]) => `- name: ${name}\n  command: c\n  image: i\n${after ? `  after: ${after}\n` : ''}`)
    .join('');
  const content = readEntries(yaml, text);
  if (content.kind === 'unreadable') throw new Error(content.why);
  const { jobs: read, problems } = jobsOfFile(content.entries, problemsOfBody);
  return problems.length > 0 ? problems : read.map(({ name }) => name);
}

describe('the order of a file', () => {
  it('is that of its jobs, but for those that come after others', () => {
    expect(read(['a'], ['b', '~'], ['c', '[]'])).toEqual(['a', 'b', 'c']);
    expect(read(['a', 'c'], ['b'], ['c'])).toEqual(['c', 'a', 'b']);
    expect(read(['a', '[d, b]'], ['b', 'c'], ['c'], ['d'])).toEqual(['d', 'c', 'b', 'a']);
  });

  it('has no names that are no jobs of it', () => {
    expect(read(['bootstrap'], ['b', 'bootstarp'])).toEqual([
      "Invalid job 2 ('b'): 'after' in line 7 names 'bootstarp', which is no job of the file. Did you mean 'bootstrap'?",
    ]);
  });

  it('goes in no circle', () => {
    expect(read(['x'], ['a', 'b'], ['b', '[x, c]'], ['c', 'a'])).toEqual([
      "Invalid job 2 ('a'): 'after' goes in a circle: 'a' comes after 'b' (line 7), 'b' comes after 'c' (line 11), 'c' comes after 'a' (line 15).",
    ]);
    expect(read(['a', 'a'])).toEqual(["Invalid job 1 ('a'): 'after' goes in a circle: 'a' comes after 'a' (line 4)."]);
  });
});
