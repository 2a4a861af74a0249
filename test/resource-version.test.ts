import { expect, test } from 'vitest';
import { isNewerVersion } from '../src/resource-version.ts';

test.each([
  ['101', '100', true],
  ['100', '99', true],
  ['99', '100', false],
  ['100', '100', false],
  ['18446744073709551616', '9007199254740993', true],
  ['100', '', true],
  ['100', 'opaque', true],
  ['opaque', '100', false],
  ['', '100', false],
  ['', '', false],
])('"%s" after "%s" is newer: %s', (candidate, known, isNewer) => {
  expect(isNewerVersion(candidate, known)).toBe(isNewer);
});
