/** docs/scenarios.md numbers what users were hit by elsewhere; each has one test by name, and it is there. */
import { describe, expect, it } from 'vitest';
import { missingTests, namedTests, readPage } from './named-tests.ts';

const rows = [...readPage('docs/scenarios.md').matchAll(/^\| (\d+) \| (.+) \| (.+) \|$/gm)].map(
  ([, number = '', scenario = '', cell = '']) => ({ number: Number(number), scenario, cell }),
);

describe('the page of scenarios', () => {
  it('has the 24 of them, in their order', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
  });

  it.each(rows)('names one test for $number: $scenario', ({ cell }) => {
    const named = namedTests(cell);
    expect(named.flatMap(({ titles }) => titles)).toHaveLength(1);
    expect(missingTests(named)).toEqual([]);
  });
});
