import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { parsePlainYaml } from '../../../bin/client/plain-yaml.ts';
import { kubeconfig } from '../scripted-service.ts';

/** As the full parser has it; undefined where it refuses. */
function full(text: string): { value: unknown } | undefined {
  try {
    return { value: parse(text, { logLevel: 'error' }) };
  } catch {
    return undefined;
  }
}

const key = fc.oneof(
  { arbitrary: fc.constantFrom('name', 'a', 'client-certificate-data', 'current-context', 'jobs.x'), weight: 30 },
  { arbitrary: fc.constantFrom('yes', 'null', '1', 'a b', '__proto__', ''), weight: 1 },
);
const scalar = fc.oneof(
  {
    arbitrary: fc.constantFrom(
      'x',
      '/data/project/x',
      'https://h:1/a?b=c',
      'tool-x',
      12,
      0,
      true,
      'a b',
      'LS0tLS1CRUdJTg==',
    ),
    weight: 30,
  },
  {
    arbitrary: fc.constantFrom(
      'a: b',
      'a #b',
      'h#b',
      '0x1',
      '1e3',
      '010',
      '-1',
      '1.5',
      'No',
      '~',
      '"q"',
      "it's",
      '{}',
      '- a',
      '&a',
      '',
      ' ',
    ),
    weight: 1,
  },
  { arbitrary: fc.oneof(fc.string(), fc.base64String(), fc.double(), fc.constant(null)), weight: 1 },
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.dictionary(key, tie('node'), { maxKeys: 4 }),
  node: fc.oneof({ depthSize: 'small' }, scalar, tie('tree'), fc.array(tie('node'), { maxLength: 3 })),
}));
const piece = fc.constantFrom(
  'a',
  'b',
  ':',
  ' ',
  '  ',
  '\n',
  '\n  ',
  '- ',
  '-',
  '"',
  "'",
  '#',
  ' #',
  '{}',
  '[]',
  '1',
  'true',
  '|',
  '>',
  '&x',
  '*x',
  '!',
  '%',
  '@',
  '---',
  '...',
  ',',
  '?',
  '? ',
  '\t',
  'null',
  '/',
  '\\',
);

describe('the plain reader of YAML', () => {
  it('reads a kubeconfig as kubectl and this project write it', () => {
    const text = kubeconfig('PEM');
    expect(parsePlainYaml(text)).toEqual(full(text));
    expect(parsePlainYaml(text)).toBeDefined();
  });

  it('reads what Python writes, with comments, and lists as far in as their key', () => {
    const text =
      '# made by a program\napiVersion: v1\nclusters:\n- cluster:\n    server: https://k8s:6443\n  name: toolforge\n\npreferences: {}\nempty:\nusers:\n  - one\n  - 2\n';
    expect(parsePlainYaml(text)).toEqual({
      value: {
        apiVersion: 'v1',
        clusters: [{ cluster: { server: 'https://k8s:6443' }, name: 'toolforge' }],
        preferences: {},
        empty: null,
        users: ['one', 2],
      },
    });
  });

  it('is sure of nothing that it could read wrongly', () => {
    for (const text of [
      'a: |\n  b',
      'a: b\n  c',
      'a: b # c',
      'a: 0x10',
      'a: yes',
      'a: "\\n"',
      'a: &x b',
      'a: [1]',
      'a: {b: c}',
      'a: b\na: c',
      'a:\tb',
      'a: b\r\n',
      '---\na: b',
      'a: b: c',
      '? a',
      '- - a',
      'a:b',
      ' a: b\nc: d',
      'a: ü',
    ]) {
      expect([text, parsePlainYaml(text)]).toEqual([text, undefined]);
    }
  });

  it('agrees with the full parser wherever it answers: documents as programs write them', () => {
    let answered = 0;
    fc.assert(
      fc.property(tree, (value) => {
        const text = stringify(value);
        const plain = parsePlainYaml(text);
        if (plain) answered += 1;
        if (plain) expect(plain).toEqual(full(text));
      }),
      { numRuns: 2_000 },
    );
    expect(answered).toBeGreaterThan(400);
  });

  it('agrees with the full parser wherever it answers: texts put together at random', () => {
    let answered = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join('');
        const plain = parsePlainYaml(text);
        if (plain) answered += 1;
        if (plain) expect(plain).toEqual(full(text));
      }),
      { numRuns: 20_000 },
    );
    expect(answered).toBeGreaterThan(1_500);
  });
});
