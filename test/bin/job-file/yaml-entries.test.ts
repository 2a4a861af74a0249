import { describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { readEntries } from '../../../bin/job-file/yaml-entries.ts';

function read(text: string) {
  const content = readEntries(yaml, text);
  if (content.kind === 'unreadable') throw new Error(content.why);
  return content.entries.map(({ values, problems, warnings }) => ({
    ...Object.fromEntries([...values].map(([key, { text, isQuoted }]) => [key, isQuoted ? `quoted ${text}` : text])),
    ...(problems.length > 0 ? { problems } : {}),
    ...(warnings.length > 0 ? { warnings } : {}),
  }));
}

describe('the entries of a file', () => {
  it('hold every value as it was typed', () => {
    const values = { name: '007', cpu: '1.0', mem: '1e3', port: '0x50', schedule: '12:30', command: '0b1' };
    const text = Object.entries(values)
      .map(([key, value]) => `${key}: ${value}`)
      .join('\n  ');
    expect(read(`- ${text}\n`)).toEqual([values]);
  });

  it('tell words in quotes from words that may mean true or nothing', () => {
    expect(read('- {a: yes, b: "yes", c: \'no\', d: , e: ~, f: !!str 1, g: !!bool true}\n')).toEqual([
      { a: 'yes', b: 'quoted yes', c: 'quoted no', d: '', e: '~', f: 'quoted 1', g: 'true' },
    ]);
    expect(read('- a: |\n    one\n    two\n')).toEqual([{ a: 'quoted one\ntwo\n' }]);
  });

  it('are shared by anchors and merge keys, where own keys win', () => {
    expect(
      read(
        '- &one\n  name: one\n  image: x\n- <<: *one\n  name: two\n- image: z\n  <<: [{image: y, mem: m}, *one]\n- *one\n',
      ),
    ).toEqual([
      { name: 'one', image: 'x' },
      { name: 'two', image: 'x' },
      { name: 'one', image: 'z', mem: 'm' },
      { name: 'one', image: 'x' },
    ]);
  });

  it('say what cannot be read, each for itself', () => {
    expect(
      read(
        '- *nowhere\n- name: *nowhere\n- just text\n- name: [a]\n- name: {a: b}\n- name: !!python/object:os.system x\n- [a]: b\n- <<: text\n',
      ),
    ).toEqual([
      { problems: ['a job must be keys with values, e.g. "name: my-job".'] },
      { problems: ["'name' must have one value, without a tag of YAML."] },
      { problems: ['a job must be keys with values, e.g. "name: my-job".'] },
      { problems: ["'name' must have one value, without a tag of YAML."] },
      { problems: ["'name' must have one value, without a tag of YAML."] },
      { problems: ["'name' must have one value, without a tag of YAML."] },
      { problems: ['a key must be one word.'] },
      { problems: ["'<<' must name keys with values, at most 16 deep."] },
    ]);
    expect(read('- schedule: {minute: 5}\n')).toEqual([
      { problems: ["'schedule' must be one value, or a list of them, without a tag of YAML."] },
    ]);
    expect(read('- a: 1\n  a: 2\n')).toEqual([{ a: '2', warnings: ["'a' is there twice; the last one counts"] }]);
  });

  it('end where merge keys lead to themselves', () => {
    expect(read('- &a\n  name: a\n  <<: *a\n')[0]?.problems).toHaveLength(1);
  });

  it('take no time however often aliases multiply', () => {
    const layers = Array.from({ length: 30 }, (_, at) => `- &l${at + 1} [*l${at}, *l${at}]`).join('\n');
    expect(read(`- &l0 [x, x]\n${layers}\n`)).toHaveLength(31);
  });

  it.each([
    ['a: [\n', 'Flow sequence in block collection must be sufficiently indented'],
    ['name: x\n', 'it must hold a list of jobs'],
    ['', 'it must hold a list of jobs'],
    ['- a\n---\n- b\n', 'Source contains multiple documents'],
  ])('cannot be had of %j', (text, why) => {
    expect(readEntries(yaml, text)).toEqual({ kind: 'unreadable', why: expect.stringContaining(why) });
  });
});
