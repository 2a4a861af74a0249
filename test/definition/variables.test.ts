import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEnvironment, toEnvironment } from '../../src/definition/variables.ts';

/** What a kubelet makes of a value (kubernetes.io, "Define Dependent Environment Variables"). */
function expanded(value: string, known: Readonly<Record<string, string>>): string {
  return value.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name) => (whole === '$$' ? '$' : (known[name] ?? whole)));
}

const value = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'$()HOME a\n"\'\\é😀'), maxLength: 20 }),
  fc.string({ unit: 'grapheme' }),
);

describe('a variable', () => {
  it('reaches the program byte for byte, and is read back so', () => {
    fc.assert(
      fc.property(value, (text) => {
        const env = toEnvironment([{ name: 'WIKI', value: text }]);
        expect(expanded(String(env[0]?.value), { HOME: '/data/project/x', H: 'h' })).toBe(text);
        expect(readEnvironment({ env })).toEqual([{ name: 'WIKI', value: text }]);
      }),
    );
  });

  it('of the service is none of the job', () => {
    const env = [
      { name: 'HOME', value: '/data/project/x' },
      { name: 'TOOLFORGE_RUN_ID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
      { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } },
      { name: 'lower', value: 'x' },
    ];
    expect(readEnvironment({ env })).toBeUndefined();
    expect(readEnvironment({ env: 'none' })).toBeUndefined();
  });
});
