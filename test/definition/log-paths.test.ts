import { describe, expect, it } from 'vitest';
import { problemOfLogPath, resolveLogPath } from '../../src/definition/log-paths.ts';

const home = '/data/project/demo';

describe('the path of a log', () => {
  it.each([
    ['a.log', `${home}/a.log`],
    ['logs/a b.log', `${home}/logs/a b.log`],
    ['./logs//./a.log', `${home}/logs/a.log`],
    [`${home}/x`, `${home}/x`],
    ['/dev/null', '/dev/null'],
    ['...', `${home}/...`],
    ['~/x', `${home}/~/x`],
  ])('%s is %s', (text, path) => {
    expect(resolveLogPath(text, home)).toBe(path);
  });

  it.each([
    '..',
    '../demo2/x',
    'a/../../x',
    `${home}/../x`,
    '',
    '.',
    '/',
    'logs/',
    'a\nb',
    'a\0',
    '\u009b1m',
    'a\u2029',
    '\ud800',
    'x'.repeat(256),
    `${'x/'.repeat(600)}x`,
    'é'.repeat(128),
  ])('%j is refused wherever the home is', (text) => {
    expect(problemOfLogPath(text)).toBeDefined();
    expect(resolveLogPath(text, home)).toBeUndefined();
  });

  it.each(['/etc/passwd', '/data/project/demo2/x', '/data/project/demo', '/data/project', '/dev/nullx', '/dev/null/x'])(
    '%s is outside the home',
    (text) => {
      expect(resolveLogPath(text, home)).toBeUndefined();
    },
  );

  it('may have names of 255 bytes', () => {
    expect(problemOfLogPath('x'.repeat(255))).toBeUndefined();
  });
});
