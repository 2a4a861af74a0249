/**
 * Every field of a job at its bounds: what is accepted, and how it is then shown; what is refused. The unit tests ask the definition, the
 * flow asks the whole service and the cluster. Limits of memory and CPU are those that `tool add` gives.
 */
import type { JobType } from '../../src/domain.ts';

export interface FieldRow {
  readonly field: string;
  /** Of which type of job; 'scheduled' where it does not matter. */
  readonly type: JobType;
  readonly accepted: readonly Accepted[];
  readonly refused: readonly unknown[];
  /** What must be asked beside it. */
  readonly beside?: Readonly<Record<string, unknown>>;
}

export interface Accepted {
  readonly value: unknown;
  /** In the canonical list; the value itself unless said otherwise. */
  readonly shown?: unknown;
}

/** Ends when it is told to, since a first process that does not say so is killed only after a grace time. */
export const untilEnded = "trap 'exit 0' TERM; sleep 600 & wait";

/** A job of each type that asks for nothing more and runs nothing soon. */
export const leastOf: Readonly<Record<JobType, Readonly<Record<string, unknown>>>> = {
  'one-off': { cmd: 'true' },
  scheduled: { cmd: 'true', schedule: '@yearly' },
  continuous: { cmd: untilEnded, continuous: true, replicas: 0 },
};

const as = (...values: unknown[]): Accepted[] => values.map((value) => ({ value }));
const longName = 'a'.repeat(52);
const deepPath = `${'d'.repeat(200)}/`.repeat(5);
const script = (text: string) => ({ type: 'script', script: text });
const page = (path: string) => ({ type: 'http', path });

export interface FieldPlace {
  /** As jobs see it. */
  readonly home: string;
  /** An image of the list, by all of its names. */
  readonly image: { readonly name: string; readonly alias: string; readonly url: string };
}

export function fieldTable({ home, image }: FieldPlace): readonly FieldRow[] {
  const under = (path: string) => ({ value: path, shown: `${home}/${path}` });
  const paths = {
    type: 'scheduled',
    accepted: [
      under('logs/a b.log'),
      under("it's; $(touch x) `y`.log"),
      under('x'.repeat(255)),
      under(`${deepPath}${'e'.repeat(1024 - deepPath.length)}`),
      ...as('/dev/null', `${home}/abs.log`),
      { value: `${home}//a/./b`, shown: `${home}/a/b` },
    ],
    refused: [
      '',
      'a/',
      '..',
      '../x',
      `${home}/../x`,
      '/etc/x',
      'a\nb',
      'x'.repeat(256),
      `${deepPath}${'e'.repeat(1025)}`,
      5,
    ],
  } as const;
  return [
    {
      field: 'name',
      type: 'scheduled',
      accepted: as('a', '0', 'so.is.this', 'a--b', longName),
      refused: ['', `${longName}a`, 'A', 'a_b', '-a', 'a-', '.a', 'a..b', 'nöt', 'a b', 'a\n', 5, null],
    },
    {
      field: 'cmd',
      type: 'scheduled',
      accepted: as('x', 'echo "a b" \'c\' && $(x)\ny', 'x'.repeat(32_768)),
      refused: ['', ' \n', 'x'.repeat(32_769), 'a\0b', '\ud800', 5, null],
    },
    {
      field: 'imagename',
      type: 'scheduled',
      accepted: [image.name, image.alias, image.url, `${image.name}:latest`].map((value) => ({
        value,
        shown: image.name,
      })),
      refused: ['', 'none-such', 'a b', `${image.name}:other`, 'tool-nobody/none:latest', 'x'.repeat(513), null],
    },
    {
      field: 'schedule',
      type: 'scheduled',
      accepted: as(
        '@hourly',
        '@weekly',
        '59 23 31 12 6',
        '0 0 1 1 0',
        '0 0 29 2 7',
        '0 0 1 1 SUN',
        '*/59 */23 31 */12 *',
        '  5   4 1 1 * ',
      ),
      refused: [
        '',
        '60 0 1 1 *',
        '0 24 1 1 *',
        '0 0 0 1 *',
        '0 0 32 1 *',
        '0 0 1 0 *',
        '0 0 1 13 *',
        '0 0 1 1 8',
        '*/60 0 1 1 *',
        '*/0 0 1 1 *',
        '5-1 0 1 1 *',
        '0 0 1 1',
        '0 0 1 jan *',
        '+5 0 1 1 *',
        '@reboot',
        '@Daily',
        5,
      ],
    },
    { field: 'filelog', type: 'scheduled', accepted: as(true, false), refused: ['yes', 1, null] },
    { field: 'filelog_stdout', ...paths },
    { field: 'filelog_stderr', ...paths },
    {
      field: 'emails',
      type: 'scheduled',
      accepted: as('none', 'all', 'onfinish', 'onfailure'),
      refused: ['sometimes', 'ALL', '', null],
    },
    { field: 'mount', type: 'scheduled', accepted: as('all'), refused: ['none', 'some', null] },
    {
      field: 'memory',
      type: 'scheduled',
      accepted: [
        { value: '100Mi' },
        { value: '4Gi', shown: '4.0Gi' },
        { value: '1G' },
        { value: '536870912', shown: '0.5Gi' },
        { value: '1.5Gi' },
        { value: '1e9' },
      ],
      refused: ['99Mi', '4097Mi', '0', '-1', '', '1_000', ' 1Gi', 'NaN', '1K', '1GB', 512, true],
    },
    {
      field: 'cpu',
      type: 'scheduled',
      accepted: [
        { value: '50m', shown: '0.05' },
        { value: '1', shown: '1.0' },
        { value: '100m', shown: '0.1' },
        { value: '0.5' },
        { value: '1e-1', shown: '0.1' },
      ],
      refused: ['49m', '1001m', '0', '-1', '', 'Infinity', '0,5', 1],
    },
    {
      field: 'retry',
      type: 'one-off',
      accepted: [...as(0, 5), { value: '3', shown: 3 }],
      refused: [-1, 6, 1.5, '6', '3 ', true, null],
    },
    {
      field: 'retry',
      type: 'scheduled',
      accepted: [...as(0, 5), { value: '3', shown: 3 }],
      refused: [-1, 6],
    },
    { field: 'retry', type: 'continuous', accepted: [{ value: 0, shown: undefined }], refused: [1] },
    {
      field: 'timeout',
      type: 'scheduled',
      accepted: [...as(0, 1, 2_147_483_647), { value: '60', shown: 60 }, { value: null, shown: 0 }],
      refused: [-1, 2_147_483_648, 1.5, '1h'],
    },
    {
      field: 'timezone',
      type: 'scheduled',
      accepted: [...as('Europe/Rome', 'CET', 'Etc/GMT+5'), { value: 'UTC', shown: undefined }],
      refused: ['Local', 'europe/rome', '', '+01:00', 'Factory', 1, null],
    },
    { field: 'timezone', type: 'one-off', accepted: [], refused: ['UTC'] },
    {
      field: 'concurrency',
      type: 'scheduled',
      accepted: [...as('replace', 'allow'), { value: 'forbid', shown: undefined }],
      refused: ['Replace', 'queue', '', true, null],
    },
    { field: 'concurrency', type: 'continuous', accepted: [], refused: ['forbid'] },
    {
      field: 'starting_deadline',
      type: 'scheduled',
      accepted: [
        ...as(10, 86_400),
        { value: '600', shown: 600 },
        ...[30, null].map((value) => ({ value, shown: undefined })),
      ],
      refused: [9, 86_401, 0, 1.5, '10m'],
    },
    { field: 'starting_deadline', type: 'one-off', accepted: [], refused: [60] },
    { field: 'timeout', type: 'one-off', accepted: [{ value: 0, shown: undefined }], refused: [1] },
    { field: 'timeout', type: 'continuous', accepted: [{ value: 0, shown: undefined }], refused: [1] },
    {
      field: 'suspend',
      type: 'scheduled',
      accepted: [
        ...as(true, { note: 'the wiki moves' }, { note: 'n'.repeat(200), until: '2126-12-01T08:00:00+01:00' }),
        { value: {}, shown: true },
        { value: false, shown: undefined },
        { value: null, shown: undefined },
        { value: { until: '2020-01-01T00:00:00Z' }, shown: undefined },
      ],
      refused: [
        1,
        'true',
        [],
        { note: '' },
        { note: 'two\nlines' },
        { note: 'n'.repeat(201) },
        { until: '1d' },
        { why: 'x' },
      ],
    },
    { field: 'suspend', type: 'continuous', accepted: [{ value: false, shown: undefined }], refused: [true] },
    {
      field: 'suspend_after',
      type: 'scheduled',
      accepted: [...as(1, 100), { value: '3', shown: 3 }, { value: 0, shown: undefined }],
      refused: [-1, 101, 1.5, true],
    },
    { field: 'suspend_after', type: 'one-off', accepted: [{ value: 0, shown: undefined }], refused: [1] },
    {
      field: 'replicas',
      type: 'continuous',
      accepted: [...as(0, 1, 2), { value: '2', shown: 2 }],
      refused: [-1, 1_001, 1.5, 'two', null],
    },
    { field: 'replicas', type: 'scheduled', accepted: [], refused: [0, 1] },
    {
      field: 'port',
      type: 'continuous',
      accepted: [...as(1, 65_535, null), { value: '8080', shown: 8080 }],
      refused: [0, 65_536, -1, 1.5, 'http'],
    },
    { field: 'port', type: 'scheduled', accepted: [{ value: null, shown: undefined }], refused: [80] },
    {
      field: 'port_protocol',
      type: 'continuous',
      beside: { port: 53 },
      accepted: as('tcp', 'udp'),
      refused: ['sctp', 'TCP', null],
    },
    { field: 'port_protocol', type: 'scheduled', accepted: [], refused: ['tcp'] },
    {
      field: 'health_check',
      type: 'continuous',
      beside: { port: 8080 },
      accepted: as(null, script('./ok "a b"'), script('x'.repeat(4_096)), page('/'), page('/healthz?full=1')),
      refused: [
        {},
        [],
        './ok',
        { type: 'tcp' },
        script(''),
        script('x'.repeat(4_097)),
        page('healthz'),
        page('/a b'),
        { type: 'script', script: 'x', path: '/' },
        { type: 'http', path: '/', port: 80 },
      ],
    },
    { field: 'health_check', type: 'scheduled', accepted: [{ value: null, shown: undefined }], refused: [script('x')] },
    { field: 'continuous', type: 'continuous', accepted: as(true), refused: ['true', 1, null] },
    { field: 'continuous', type: 'scheduled', accepted: [{ value: false, shown: undefined }], refused: [true] },
    { field: 'job_type', type: 'one-off', accepted: as('one-off'), refused: ['normal', 'scheduled', '', null] },
    { field: 'job_type', type: 'scheduled', accepted: as('scheduled'), refused: ['one-off', 'continuous'] },
    { field: 'job_type', type: 'continuous', accepted: as('continuous'), refused: ['one-off', 'scheduled'] },
    { field: 'publish', type: 'continuous', accepted: as(false), refused: [true, 'yes', null] },
    { field: 'unusual', type: 'scheduled', accepted: [{ value: true, shown: true }], refused: ['yes', 1, null] },
    { field: 'unusual', type: 'continuous', accepted: [], refused: [true] },
    { field: 'publish', type: 'scheduled', accepted: [{ value: false, shown: undefined }], refused: [true] },
  ];
}
