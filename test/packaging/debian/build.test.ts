import { describe, expect, it } from 'vitest';
import { dependencyOf } from '../../../packaging/debian/build.ts';

describe('the Node.js a package depends on', () => {
  it('is the oldest that the project runs on', () => {
    expect(dependencyOf('>=20.19')).toBe('nodejs (>= 20.19)');
  });

  it.each(['^20.19', '>=20.19 <25', '20', ''])('has to be thought about where it is said as "%s"', (engine) => {
    expect(() => dependencyOf(engine)).toThrow('no dependency of Debian');
  });
});
