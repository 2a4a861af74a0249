import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeDefinition,
  encodeDefinition,
  parseDefinition,
  type ResolveContext,
  resolveJob,
} from '../../src/definition/definition.ts';
import { type Image, Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { anyInput, buildImage, standardImage } from '../support/definitions.ts';

const plain = { name: 'demo', cmd: './run.sh', imagename: 'python3.11' };
const context: ResolveContext = {
  tool: Tool.of('some-tool'),
  image: standardImage,
  homePath: '/data/project/some-tool',
  defaults: { memory: '512Mi', cpu: '100m' },
};

const everything: Readonly<Record<string, unknown>> = {
  ...plain,
  schedule: '@daily',
  continuous: true,
  job_type: 'continuous',
  filelog: true,
  filelog_stdout: 'a.log',
  filelog_stderr: '/dev/null',
  emails: 'all',
  mount: 'none',
  memory: '1Gi',
  cpu: '1',
  retry: '3',
  timeout: 60,
  replicas: 2,
  port: 8080,
  port_protocol: 'udp',
  health_check: { type: 'http', path: '/' },
  publish: true,
  parameters: { WIKI: 'frwiki' },
  after: ['bootstrap'],
};
const keys = Object.keys(everything);

function errorOf(action: () => unknown): AppError {
  try {
    action();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const refusal = (input: Record<string, unknown>) => errorOf(() => parseDefinition({ ...plain, ...input }));
const resolve = (input: Record<string, unknown>, image: Image = standardImage) =>
  resolveJob(parseDefinition({ ...plain, ...input }), { ...context, image });
const unresolved = (input: Record<string, unknown>, image: Image = standardImage) =>
  errorOf(() => resolve(input, image));

describe('a definition', () => {
  it('holds what was typed and nothing else', () => {
    expect(parseDefinition(plain)).toEqual({ name: 'demo', type: 'one-off', cmd: './run.sh', image: 'python3.11' });
    expect(
      parseDefinition({
        ...plain,
        schedule: '@daily',
        memory: '1G',
        timeout: 60,
        emails: 'onfailure',
        cpu: null,
        filelog_stdout: null,
      }),
    ).toEqual({
      name: 'demo',
      type: 'scheduled',
      cmd: './run.sh',
      image: 'python3.11',
      schedules: [{ text: '@daily' }],
      emails: 'onfailure',
      memory: '1G',
      timeout: 60,
    });
    expect(parseDefinition({ ...plain, job_type: 'continuous', replicas: 0, retry: 0 })).toMatchObject({
      type: 'continuous',
      replicas: 0,
    });
    expect(parseDefinition({ ...plain, continuous: false })).toMatchObject({ type: 'one-off' });
  });

  it.each(['foo\n', 'foo\nbar', 'nor..are..double..dots', '_', 'a b', ' a', '__proto__', 'x'.repeat(100_000)])(
    'is not named %j',
    (name) => {
      expect(refusal({ name }).problems).toHaveLength(1);
    },
  );

  it.each(['constructor', 'valueof', 'a'.repeat(52), 'so.is.this', '0'])('may be named %s', (name) => {
    expect(resolve({ name }).name).toBe(name);
    expect(decodeDefinition(encodeDefinition(parseDefinition({ ...plain, name })))?.name).toBe(name);
  });

  it.each([
    ['cmd', ''],
    ['cmd', ' \n '],
    ['cmd', 'a\0b'],
    ['cmd', '\ud800'],
    ['cmd', 'x'.repeat(32_769)],
    ['cmd', 'é'.repeat(16_385)],
    ['cmd', 7],
    ['cmd', '\x01'.repeat(11_000)],
    ['imagename', ''],
    ['imagename', 'a b'],
    ['imagename', null],
    ['imagename', 'x'.repeat(513)],
    ['memory', '512Mi\n'],
    ['memory', '-1'],
    ['memory', '0'],
    ['memory', 512],
    ['memory', ''],
    ['cpu', 'NaN'],
    ['retry', 6],
    ['retry', -1],
    ['retry', 1.5],
    ['retry', '6'],
    ['retry', '3 '],
    ['port', 80],
    ['port_protocol', 'tcp'],
    ['publish', true],
    ['health_check', { type: 'script', script: './ok' }],
    ['retry', null],
    ['after', 'bootstrap'],
    ['after', ['demo']],
    ['after', [1]],
    ['after', ['Not a name']],
    ['after', Array.from({ length: 21 }, (_, index) => `a${index}`)],
    ['parameters', 'WIKI=frwiki'],
    ['parameters', ['WIKI']],
    ['parameters', { wiki: 'x' }],
    ['parameters', { '1A': 'x' }],
    ['parameters', { [`A${'B'.repeat(64)}`]: 'x' }],
    ['parameters', { HOME: '/' }],
    ['parameters', { PATH: '/' }],
    ['parameters', { TOOLFORGE_RUN_FENCE: '1' }],
    ['parameters', { WIKI: true }],
    ['parameters', { WIKI: null }],
    ['parameters', { WIKI: Number.NaN }],
    ['parameters', { WIKI: 'a\0b' }],
    ['parameters', { WIKI: '\ud800' }],
    ['parameters', { WIKI: 'x'.repeat(4_097) }],
    ['parameters', Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`A${index}`, 'x']))],
    ['parameters', Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`A${index}`, 'x'.repeat(4_000)]))],
    ['timeout', 5],
    ['replicas', 2],
    ['replicas', 0],
    ['emails', 'sometimes'],
    ['mount', 'some'],
    ['filelog', 'yes'],
    ['continuous', 1],
    ['job_type', 'normal'],
    ['job_type', 'scheduled'],
    ['filelog_stdout', ''],
    ['filelog_stderr', '../x'],
    ['filelog_stdout', 'a\u001bb'],
  ])('is refused for %s %j, with one sentence that names the key', (field, value) => {
    const { code, problems, fields } = refusal({ [field]: value });
    expect(code).toBe('job.invalid');
    expect(problems).toHaveLength(1);
    expect(problems?.[0]).toContain(field === 'job_type' && value === 'scheduled' ? 'schedule' : field);
    expect(problems?.[0]?.length).toBeLessThan(300);
    expect(fields).toEqual({ field: field === 'job_type' && value === 'scheduled' ? 'schedule' : field });
  });

  it('may hold a command of exactly 32 KiB', () => {
    expect(parseDefinition({ ...plain, cmd: 'x'.repeat(32_768) }).cmd).toHaveLength(32_768);
  });

  it('names all problems at once', () => {
    const { problems, message } = errorOf(() =>
      parseDefinition({ name: 'A', memory: 'x', schedule: '0 7', retry: 9, memroy: '1Gi' }),
    );
    expect(problems).toHaveLength(7);
    expect(message).toContain('7 problems');
    expect(problems?.join('\n')).toMatch(/"memroy" is not a key of a job\. Did you mean "memory"\?/);
    expect(problems?.join('\n')).toContain('Expected to find 5 space-separated values, found 2');
  });

  it.each([
    ['image', 'imagename'],
    ['command', 'cmd'],
    ['Name', 'name'],
    ['filelog-stdout', 'filelog_stdout'],
    ['schedul', 'schedule'],
  ])('says that %s is probably %s', (key, near) => {
    expect(refusal({ [key]: 'x' }).problems).toEqual([`"${key}" is not a key of a job. Did you mean "${near}"?`]);
  });

  it.each(['port', '__proto__x', 'constructor', 'x'.repeat(10_000)])('refuses the unknown key %s', (key) => {
    expect(refusal({ [key]: 1 }).problems).toHaveLength(1);
  });

  it('keeps the code of a schedule that is the only problem', () => {
    expect(refusal({ schedule: '0 7' })).toMatchObject({ code: 'schedule.invalid' });
  });

  it.each([
    { schedule: '@daily', continuous: true },
    { schedule: '@daily', job_type: 'one-off' },
    { continuous: true, job_type: 'one-off' },
    { continuous: false, job_type: 'continuous' },
    { continuous: true, retry: 1 },
  ])('is of one type only: %j', (input) => {
    expect(refusal(input).problems).toHaveLength(1);
  });

  it('never makes anything but an AppError of nonsense', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.oneof({ weight: 1, arbitrary: fc.string() }, { weight: 9, arbitrary: fc.constantFrom(...keys) }),
          fc.oneof(fc.anything(), fc.jsonValue(), fc.constantFrom(...Object.values(everything)), fc.integer()),
        ),
        (input) => {
          try {
            return parseDefinition(input).name.length > 0;
          } catch (error) {
            return error instanceof AppError && error.code !== 'internal';
          }
        },
      ),
    );
  });
});

describe('a resolved job', () => {
  it('has every default filled in', () => {
    expect(resolve({})).toEqual({
      name: 'demo',
      type: 'one-off',
      cmd: './run.sh',
      image: standardImage,
      filelog: true,
      filelogStdout: '/data/project/some-tool/demo.out',
      filelogStderr: '/data/project/some-tool/demo.err',
      emails: 'none',
      mount: 'all',
      memory: '512Mi',
      cpu: '100m',
      retry: 0,
      timeout: 0,
      timeZone: 'UTC',
      concurrency: 'forbid',
      startingDeadline: 30,
      replicas: 1,
      port: undefined,
      portProtocol: 'tcp',
      healthCheck: undefined,
      publish: false,
    });
    expect(resolve({}, buildImage)).toMatchObject({ filelog: false, filelogStdout: undefined, mount: 'none' });
  });

  it('runs at the time that its tool and its name stand for', () => {
    expect(resolve({ name: 'some-job', schedule: '@daily' }).schedule).toEqual({
      text: '@daily',
      actual: '56 6 * * *',
    });
  });

  it('keeps amounts as they were typed', () => {
    expect(resolve({ memory: '1G', cpu: '250m' })).toMatchObject({ memory: '1G', cpu: '250m' });
    expect(resolve({ memory: '0.50Gi', cpu: '1' })).toMatchObject({ memory: '0.50Gi', cpu: '1' });
  });

  it('writes its logs inside the home only', () => {
    expect(resolve({ filelog_stdout: 'logs/a.log', filelog_stderr: '/dev/null' })).toMatchObject({
      filelogStdout: '/data/project/some-tool/logs/a.log',
      filelogStderr: '/dev/null',
    });
    const { problems } = unresolved({ filelog_stdout: '/etc/x', filelog_stderr: '/data/project/some-tool2/x' });
    expect(problems).toHaveLength(2);
    expect(problems?.[0]).toContain('must be inside the home /data/project/some-tool');
  });

  it('has no log files when they are switched off, whatever paths are named', () => {
    expect(resolve({ filelog: false, filelog_stdout: 'x' })).toMatchObject({
      filelog: false,
      filelogStdout: undefined,
    });
  });

  it('has a home where it writes logs', () => {
    expect(unresolved({ mount: 'none' }).problems).toEqual([
      'Mount type none is only supported for build service images',
    ]);
    expect(unresolved({ filelog: true }, buildImage).problems).toEqual([
      'File logging is only available with --mount=all',
    ]);
    expect(unresolved({ filelog_stdout: 'x' }, buildImage).problems?.[0]).toContain('"filelog": true');
    expect(resolve({ filelog: true, mount: 'all' }, buildImage)).toMatchObject({ filelog: true, mount: 'all' });
  });

  it('has a command whose words can be told apart', () => {
    expect(unresolved({ cmd: "a 'b" }, buildImage).problems?.[0]).toContain('a quote is not closed');
    expect(resolve({ cmd: "a 'b" }).cmd).toBe("a 'b");
  });
});

describe('the annotation', () => {
  it('gives back every definition', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const definition = parseDefinition(input);
        expect(decodeDefinition(encodeDefinition(definition))).toEqual(definition);
      }),
    );
  });

  it('says its version', () => {
    expect(JSON.parse(encodeDefinition(parseDefinition(plain)))).toEqual({
      v: 1,
      name: 'demo',
      type: 'one-off',
      cmd: './run.sh',
      image: 'python3.11',
    });
  });

  it.each([
    '',
    'null',
    '[]',
    '3',
    '{}',
    '{"v":2,"name":"a","type":"one-off","cmd":"x","image":"y"}',
    '{"v":1}',
    '{"v":1,"name":"A","type":"one-off","cmd":"x","image":"y"}',
    '{"v":1,"name":"a","type":"scheduled","cmd":"x","image":"y"}',
    '{"v":1,"name":"a","type":"one-off","cmd":"x","image":"y","retry":99}',
    '{"v":1,"name":"a","type":"scheduled","cmd":"x","image":"y","schedules":[]}',
    '['.repeat(60_000),
    `"${'x'.repeat(65_536)}"`,
  ])('is not believed when it is %j', (text) => {
    expect(decodeDefinition(text)).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => decodeDefinition(text) === undefined));
  });
});
