/** Every vector of the repository: what earlier services were seen to answer, and what their descriptions lead to. */
import { describe, expect, it } from 'vitest';
import derived from './derived.json' with { type: 'json' };
import observed from './observed.json' with { type: 'json' };
import { checkVectors } from './sections.ts';

const files: Readonly<Record<string, Readonly<Record<string, unknown>>>> = { observed, derived };
const cases = Object.entries(files).flatMap(([file, sections]) =>
  Object.keys(sections)
    .filter((section) => !['note', 'fixture'].includes(section))
    .map((section) => ({ file, section })),
);

describe('answers of earlier services', () => {
  it.each(cases)('are ours too, or differ by decision: $section ($file)', ({ file, section }) => {
    const { fixture, [section]: rows } = files[file] ?? {};
    const report = checkVectors({ fixture, [section]: rows });
    expect(report.lines.filter((line) => line.includes(' fails\n'))).toEqual([]);
    expect(report.passed + report.differing).toBe((rows as unknown[]).length);
  });
});
