import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { fileText, keysOf } from '../../../bin/job-file/file-of-jobs.ts';
import { problemsOfBody } from '../../../bin/job-file/job-rules.ts';
import { jobsOfFile } from '../../../bin/job-file/jobs-of-file.ts';
import { readEntries } from '../../../bin/job-file/yaml-entries.ts';
import { parseDefinition } from '../../../src/definition/definition.ts';
import { renderUnresolved2026 } from '../../../src/server/dialects/job-2026.ts';
import { makeSnapshot } from '../../support/facts.ts';

type Body = Readonly<Record<string, unknown>>;

/** What the service answers `dump` of a job that was asked for so. */
function answered(body: Body): Body {
  const definition = parseDefinition(body);
  const kind = definition.type === 'one-off' ? 'Job' : definition.type === 'scheduled' ? 'CronJob' : 'Deployment';
  const snapshot = makeSnapshot({ kind, definition });
  const named = { ...snapshot, key: { ...snapshot.key, name: definition.name } };
  return JSON.parse(JSON.stringify(renderUnresolved2026(named, true))) as Body;
}

function dumped(...jobs: Body[]): string {
  const unexpected: string[] = [];
  const text = fileText(
    yaml,
    jobs.map((job) => keysOf(job, (key) => unexpected.push(key))),
  );
  expect(unexpected).toEqual([]);
  return text;
}

function loaded(text: string) {
  const content = readEntries(yaml, text);
  if (content.kind === 'unreadable') throw new Error(`${content.why}\n${text}`);
  return jobsOfFile(content.entries, problemsOfBody);
}

const anyText = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .filter((text) => text.trim() !== '' && !/[\0\p{Cs}]/u.test(text));
const awkwardText = fc.constantFrom(
  'yes',
  '~',
  'null',
  '012',
  '0x1F',
  '1:30',
  '1e3',
  '- a',
  '# x',
  'a: b',
  '"',
  "'",
  'x #y',
  '{a',
  '[',
  '&a',
  '*a',
  '!!str',
  '%',
  '@x',
  '`',
  '<<',
  '=',
  ' a',
  'a ',
  'a\n',
  '\na',
  'a\n\n b  \n',
  'a\tb',
  '\ta',
  '\u001b[2J',
  '\u202e',
  '\u2028',
  '\u0085',
  '\ufeff',
  '\r\n',
  'a\rb',
  '---',
  '...',
  '? a',
  '\u{e0001}',
  '2026-01-01',
  '\u{1f600}',
);
const command = fc
  .oneof(
    anyText,
    awkwardText,
    fc.tuple(awkwardText, anyText).map(([one, two]) => one + two),
  )
  .filter((text) => text.trim() !== '');
const quantity = fc.constantFrom('512Mi', '0.5Gi', '1', '1.0', '100m', '0.50', '2e0', '1e3k');
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const path = fc
  .stringMatching(/^[A-Za-z0-9_. ~#:-][A-Za-z0-9_./ ~#:-]{0,20}[A-Za-z0-9]$/)
  .filter((text) => !text.split('/').includes('..') && text.trim() === text);
const common = {
  name: fc.stringMatching(/^[a-z]([-a-z0-9]{0,20}[a-z0-9])?$/),
  cmd: command,
  imagename: fc.constantFrom('bookworm', 'python3.11', 'tf-python39', '3.10', 'yes', 'registry/x:1'),
  emails: optional(fc.constantFrom('none', 'all', 'onfinish', 'onfailure')),
  memory: optional(quantity),
  cpu: optional(quantity),
  matrix: optional(
    fc.dictionary(
      fc.constantFrom('B', 'MODE', 'DAY_1'),
      fc.uniqueArray(fc.oneof(fc.constantFrom('1', 'null', 'x=y'), anyText), { minLength: 1, maxLength: 3 }),
      { minKeys: 1, noNullPrototype: true },
    ),
  ),
  parameters: optional(
    fc.dictionary(fc.constantFrom('A', 'WIKI', 'X_1'), fc.oneof(fc.constant(''), anyText, awkwardText), {
      minKeys: 1,
      noNullPrototype: true,
    }),
  ),
};
const files = fc.oneof(
  fc.constant({}),
  fc.constant({ filelog: false }),
  fc.record({
    filelog: fc.constant(true),
    mount: fc.constant('all'),
    filelog_stdout: optional(path),
    filelog_stderr: optional(path),
  }),
);
const retry = optional(fc.integer({ min: 0, max: 5 }));
const oneOff = fc.record({ ...common, retry });
const scheduled = fc
  .record({
    ...common,
    retry,
    schedule: fc.constantFrom('@daily', '~ ~ * * *', '*/5 * * * *', '5-59/7 * * * mon', '0 0 1 1 *'),
    schedules: optional(fc.constantFrom(['@daily', '0 6 * * *'], ['0 6 * * *', '30 18 * * 1', '@weekly'])),
    timeout: optional(fc.integer({ min: 0, max: 2_147_483_647 })),
    timezone: optional(fc.constantFrom('Europe/Rome', 'CET')),
    concurrency: optional(fc.constantFrom('replace', 'allow')),
    starting_deadline: optional(fc.integer({ min: 10, max: 86_400 })),
  })
  .map(({ schedule, schedules, ...job }) => (schedules ? { ...job, schedules } : { ...job, schedule }));

const reachable = fc.oneof(
  fc.constant({}),
  fc.record({ port: fc.integer({ min: 1, max: 65_535 }), port_protocol: fc.constantFrom('tcp', 'udp') }),
  fc.record({
    health_check: fc.record({
      type: fc.constant('script'),
      script: fc.constantFrom('./ok', 'curl -f "x"', '/bin/true # y'),
    }),
  }),
  fc.record({
    port: fc.constant(80),
    port_protocol: fc.constant('tcp'),
    health_check: fc.record({ type: fc.constant('http'), path: fc.constantFrom('/', '/healthz?x=1') }),
    publish: fc.constantFrom(true, undefined),
  }),
);
const continuous = fc
  .tuple(
    fc.record({ ...common, continuous: fc.constant(true), replicas: optional(fc.integer({ min: 0, max: 1000 })) }),
    reachable,
  )
  .map(([job, more]) => ({ ...job, ...more }));

const anyBody: fc.Arbitrary<Body> = fc
  .tuple(fc.oneof(oneOff, scheduled, continuous), files)
  .map(([job, more]) =>
    Object.fromEntries(Object.entries({ ...job, ...more }).filter(([, value]) => value !== undefined)),
  )
  .filter((body) => problemsOfBody(body).length === 0);

describe('a dumped file', () => {
  it('loads to the requests its jobs came from, whatever they hold', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyBody, { selector: ({ name }) => name, minLength: 1, maxLength: 4 }), (bodies) => {
        const { jobs, problems, warnings } = loaded(dumped(...bodies.map(answered)));
        expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
        expect(jobs.map(({ body }) => body)).toEqual(bodies);
      }),
      { numRuns: 500 },
    );
  });

  it('has what a job comes after', () => {
    const first = { name: 'null', cmd: 'x', imagename: 'y' };
    const second = { name: 'second', cmd: 'x', imagename: 'y', after: ['null'] };
    const text = dumped(answered(second), answered(first));
    expect(text).toContain('- after:\n    - "null"\n  command: x\n');
    expect(loaded(text)).toMatchObject({ jobs: [{ body: first }, { body: second }], problems: [], warnings: [] });
  });

  it('is the same for readers of YAML 1.1 and 1.2', () => {
    fc.assert(
      fc.property(command, (cmd) => {
        const text = dumped(answered({ name: 'x', cmd, imagename: 'yes' }));
        for (const version of ['1.1', '1.2'] as const) {
          expect(yaml.parse(text, { version })).toEqual([{ command: cmd, image: 'yes', name: 'x' }]);
        }
      }),
    );
  });

  it('sends nothing to a terminal that would drive it', () => {
    const text = dumped(answered({ name: 'x', cmd: 'a\u001b[2J\u202e\u{e0001}\r', imagename: 'y' }));
    expect(text).toBe('- command: "a\\e[2J\\u202e\\U000e0001\\r"\n  image: "y"\n  name: x\n');
  });

  it('has sorted keys, and everything that was set as it was typed', () => {
    expect(
      dumped(
        answered({
          name: 'web',
          cmd: './web',
          imagename: 'bookworm',
          continuous: true,
          port: 8080,
          memory: '512Mi',
          cpu: '500m',
          replicas: 1,
        }),
        answered({
          name: 'dns',
          cmd: './dns',
          imagename: 'bookworm',
          continuous: true,
          port: 53,
          port_protocol: 'udp',
          filelog: false,
        }),
        answered({
          name: 'nightly',
          cmd: 'a\nb',
          imagename: 'tf-old',
          schedule: '@daily',
          emails: 'none',
          retry: 0,
          timeout: 0,
          filelog: true,
        }),
      ),
    ).toBe(`- command: ./web
  continuous: true
  cpu: 500m
  image: bookworm
  mem: 512Mi
  name: web
  port: 8080
  replicas: 1
- command: ./dns
  continuous: true
  image: bookworm
  name: dns
  no-filelog: true
  port: 53/udp
- command: |-
    a
    b
  emails: none
  filelog: true
  image: tf-old
  name: nightly
  retry: 0
  schedule: "@daily"
  timeout: 0
`);
  });

  it('leaves out what has no effect or no key, and says so of what is not known', () => {
    const unexpected: string[] = [];
    const job = {
      name: 'x',
      cmd: 'y',
      imagename: 'z',
      filelog: false,
      filelog_stdout: 'o',
      publish: false,
      port: null,
      novel: 1,
      status: {},
    };
    expect(keysOf(job, (key) => unexpected.push(key))).toEqual({
      command: 'y',
      image: 'z',
      name: 'x',
      'no-filelog': true,
    });
    expect(unexpected).toEqual(['novel']);
  });
});
