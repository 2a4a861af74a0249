import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextFirings, parseSchedule } from '../../src/definition/cron.ts';
import { decodeDefinition, encodeDefinition, parseDefinition, resolveJob } from '../../src/definition/definition.ts';
import { fromKubeObject, toKubeObject } from '../../src/definition/manifests.ts';
import { maxParts, partsOf } from '../../src/definition/parts.ts';
import { asExpressions } from '../../src/definition/schedules.ts';
import { Tool } from '../../src/domain.ts';
import type { AppError } from '../../src/errors.ts';
import { images, standardImage } from '../support/definitions.ts';

const tool = Tool.of('some-tool');
const plain = { name: 'update', cmd: './update.sh "$WIKI"', imagename: 'python3.11' };
const namesOf = (input: Record<string, unknown>) =>
  partsOf(parseDefinition({ ...plain, ...input })).map(({ name }) => name);
const problemsOf = (input: Record<string, unknown>): readonly string[] => {
  try {
    parseDefinition({ ...plain, ...input });
    return [];
  } catch (error) {
    const { problems, message } = error as AppError;
    return problems ?? [message];
  }
};

const word = fc.oneof(
  fc.stringMatching(/^[a-z0-9]{1,8}$/),
  fc.constantFrom(
    'FR',
    'fr',
    'a b',
    'a-b',
    '日本',
    'fr.wikipedia.org',
    '',
    '-',
    'a'.repeat(60),
    '$(HOME)',
    '"; rm -rf ~',
  ),
);
const time = fc.tuple(
  fc.integer({ min: 0, max: 59 }),
  fc.integer({ min: 0, max: 23 }),
  fc.constantFrom('*', '1', '2,5'),
);
const schedule = fc.oneof(
  time.map(([minute, hour, day]) => `${minute} ${hour} * * ${day}`),
  fc.constantFrom('@daily', '@hourly', '*/20 * * * *', '0 7 1 * 1', '0 7 15 * 1', '0 7 * * 1'),
);
const matrix = fc
  .uniqueArray(fc.constantFrom('WIKI', 'MODE', 'DAY'), { minLength: 1, maxLength: 2 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc.uniqueArray(word, { minLength: 1, maxLength: 4 }).map((values) => [name, values] as const),
      ),
    ),
  )
  .map((axes) => Object.fromEntries(axes));
const group = fc.record(
  {
    matrix,
    schedules: fc.uniqueArray(schedule, {
      minLength: 1,
      maxLength: 3,
      selector: (text) => parseSchedule(text, { tool: '', job: '' }).actual,
    }),
  },
  { requiredKeys: [] },
);
const right = group.map((input) => ({ ...plain, ...input })).filter((input) => problemsOf(input).length === 0);

describe('a job with a matrix', () => {
  it('has a part for each combination, named after the values', () => {
    expect(namesOf({ matrix: { WIKI: ['frwiki', 'dewiki'], MODE: ['fast', 'full'] } })).toEqual([
      'update-fast-frwiki',
      'update-fast-dewiki',
      'update-full-frwiki',
      'update-full-dewiki',
    ]);
    expect(namesOf({ matrix: { WIKI: ['frwiki'] } })).toEqual(['update-frwiki']);
    expect(namesOf({ matrix: {} })).toEqual(['update']);
  });

  it('names what no name can hold by what is left of it and a mark', () => {
    const [one, other, third] = namesOf({ matrix: { WIKI: ['FR', 'fr', '日本'] } });
    expect([one, other, third]).toEqual([
      expect.stringMatching(/^update-fr-[0-9a-f]{6}$/),
      'update-fr',
      expect.stringMatching(/^update-[0-9a-f]{6}$/),
    ]);
    expect(namesOf({ matrix: { WIKI: ['x'.repeat(60)] } })[0]).toMatch(/^update-x{38}-[0-9a-f]{6}$/);
  });

  it('says what is wrong with it', () => {
    expect(problemsOf({ matrix: { wiki: ['a'] } })).toEqual([expect.stringMatching(/^matrix: "wiki" is not a name/)]);
    expect(problemsOf({ matrix: { PORT: ['1'] } })).toEqual([
      'matrix: "PORT" is set by the service. Choose another name.',
    ]);
    expect(problemsOf({ matrix: { WIKI: 'frwiki' } })).toEqual([
      expect.stringContaining('"WIKI" needs a list of values'),
    ]);
    expect(problemsOf({ matrix: { WIKI: ['a', 'a'] } })).toEqual(['matrix: "WIKI" has the same value twice.']);
    expect(problemsOf({ matrix: { WIKI: [['a']] } })).toEqual([
      'matrix: "WIKI" holds a list, which is neither text nor a number.',
    ]);
    expect(problemsOf({ matrix: { A: ['a-b', 'a'], B: ['c', 'b-c'] } })).toEqual([
      'matrix: two parts would have the name update-a-b-c. Choose other values.',
    ]);
    expect(problemsOf({ name: 'x'.repeat(41), matrix: { WIKI: ['a'] } })).toEqual([
      expect.stringContaining('at most 40'),
    ]);
    const web = { continuous: true, port: 80, publish: true, matrix: { WIKI: ['a'] } };
    expect(problemsOf(web)).toEqual([expect.stringMatching(/^publish: /)]);
  });

  it('is bounded, however many it asks for', () => {
    const values = Array.from({ length: maxParts }, (_, index) => index);
    expect(namesOf({ matrix: { DAY: values } })).toHaveLength(maxParts);
    const axes = Object.fromEntries(['A', 'B', 'C', 'D', 'E', 'F'].map((name) => [name, values]));
    expect(problemsOf({ matrix: axes })).toEqual(['matrix: asks for 15625000000 parts, and a job has 50 at most.']);
  });
});

describe('a job with several schedules', () => {
  it('is one part where one expression says them, and one for each that it cannot', () => {
    expect(partsOf(parseDefinition({ ...plain, schedules: ['0 18 * * *', '0 6 * * *'] }))).toEqual([
      { name: 'update', schedule: '0 6,18 * * *', variables: [] },
    ]);
    expect(namesOf({ schedules: ['30 18 * * *', '0 6 * * *', '@weekly'] })).toEqual([
      'update-0600',
      'update-1830',
      'update-weekly',
    ]);
    expect(namesOf({ schedules: ['*/5 8-18 * * 1', '@daily'] })).toEqual([
      expect.stringMatching(/^update-5-8-18-1-[0-9a-f]{6}$/),
      'update-daily',
    ]);
  });

  it('has each of them for each combination', () => {
    const input = { schedules: ['0 6 * * *', '30 18 * * *'], matrix: { WIKI: ['frwiki', 'dewiki'] } };
    expect(namesOf(input)).toEqual([
      'update-frwiki-0600',
      'update-frwiki-1830',
      'update-dewiki-0600',
      'update-dewiki-1830',
    ]);
  });

  it('says what is wrong with them', () => {
    expect(problemsOf({ schedules: [] })).toEqual([expect.stringMatching(/^schedules: is empty/)]);
    expect(problemsOf({ schedules: '@daily' })).toEqual([expect.stringMatching(/^schedules: "@daily" is not a list/)]);
    expect(problemsOf({ schedules: ['@daily'], schedule: '@daily' })).toEqual([
      'schedules: does not go with "schedule".',
    ]);
    expect(problemsOf({ schedules: ['0 6 * * 7', '0  6 * * sun', 'x'] })).toEqual([expect.stringContaining('"x"')]);
    expect(problemsOf({ schedules: ['0 6 * * 7', '0  6 * * 0'] })).toEqual([
      expect.stringContaining('the same times twice'),
    ]);
    expect(problemsOf({ schedules: ['@daily'], continuous: true })).toHaveLength(1);
  });
});

describe('schedules as expressions', () => {
  it('fire at the times of all of them, and at no other', () => {
    const from = Date.parse('2026-02-27T12:00:00Z');
    const timesOf = (text: string) => nextFirings(parseSchedule(text, { tool: 't', job: 'j' }).actual, from, 40);
    fc.assert(
      fc.property(fc.array(schedule, { minLength: 1, maxLength: 4 }), (texts) => {
        const asked = texts.map(timesOf);
        const made = asExpressions(texts).map(timesOf);
        const end = Math.min(...[...asked, ...made].map((times) => times.at(-1) ?? from));
        const until = (all: number[][]) => [...new Set(all.flat())].filter((at) => at <= end).sort();
        expect(until(made)).toEqual(until(asked));
      }),
    );
  });
});

describe('parts', () => {
  it('are the same in whatever order they are asked for, and others come and go beside them', () => {
    fc.assert(
      fc.property(right, fc.infiniteStream(fc.nat()), (input, numbers) => {
        const shuffled = <T>(all: readonly T[]) =>
          all
            .map((one) => [numbers.next().value as number, one] as const)
            .sort(([a], [b]) => a - b)
            .map(([, one]) => one);
        const axes = Object.entries(input.matrix ?? {}).map(
          ([name, values]) => [name, shuffled(values as string[])] as const,
        );
        const turned = {
          ...input,
          ...(input.matrix ? { matrix: Object.fromEntries(shuffled(axes)) } : {}),
          ...(input.schedules ? { schedules: shuffled(input.schedules) } : {}),
        };
        const sorted = (one: Record<string, unknown>) =>
          [...partsOf(parseDefinition(one))].sort((a, b) => (a.name < b.name ? -1 : 1));
        expect(sorted(turned)).toEqual(sorted(input));
      }),
    );
    const two = namesOf({ matrix: { WIKI: ['frwiki', 'Ünder'] } });
    expect(namesOf({ matrix: { WIKI: ['xwiki', 'frwiki', 'Ünder', 'under'] } })).toEqual(expect.arrayContaining(two));
  });

  it('have names of their own that objects can have, and all of them know the whole job', () => {
    fc.assert(
      fc.property(right, (input) => {
        const definition = parseDefinition(input);
        expect(decodeDefinition(encodeDefinition(definition))).toEqual(definition);
        const parts = partsOf(definition);
        expect(new Set(parts.map(({ name }) => name)).size).toBe(parts.length);
        for (const part of parts) {
          expect(part.name).toMatch(/^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$/);
          const homePath = '/data/project/some-tool';
          const defaults = { memory: '0.5Gi', cpu: '0.1' };
          const job = resolveJob(definition, { tool, image: standardImage, homePath, defaults }, part);
          const context = {
            tool,
            homePath,
            owner: undefined,
            mountHomes: undefined,
            defaultCpuLimit: '1',
            imagePullPolicy: undefined,
          };
          const object = JSON.parse(JSON.stringify(toKubeObject(job, definition, context)));
          expect(fromKubeObject(object, { images, homesMount: '/data/project' })).toEqual({ job, definition });
        }
      }),
    );
  });
});
