/** Jobs as a file that `load` reads back to the same requests. */
import { isHarmless, yamlEscapes } from '../terminal/terminal.ts';

type Yaml = typeof import('yaml');
type Job = Readonly<Record<string, unknown>>;

/** One entry; keys as in a file. */
export type FileKeys = Readonly<Record<string, FileValue>>;

type FileValue = string | number | true | readonly string[] | Readonly<Record<string, string | readonly string[]>>;

/** Of what the service answers: not asked for, or said by another key. */
const told = /^(?:image|image_state|job_type|schedule_actual|port_protocol|status.*)$/;

/**
 * @param job only what its owner set
 * @param onUnexpected called with a key that has no place in a file
 */
export function keysOf(job: Job, onUnexpected: (key: string) => void): FileKeys {
  const keys = new Map<string, FileValue>();
  for (const [field, value] of Object.entries(job)) {
    if (value === null || value === undefined || told.test(field)) continue;
    const write = writers[field];
    if (write) for (const [key, written] of write(value, job)) keys.set(key, written);
    else onUnexpected(field);
  }
  return Object.fromEntries([...keys].sort(([one], [other]) => (one < other ? -1 : 1)));
}

type Writer = (value: unknown, job: Job) => [key: string, value: FileValue][];

const as =
  (key: string): Writer =>
  (value) => [[key, typeof value === 'number' ? value : String(value)]];
const onlyTrue =
  (key: string): Writer =>
  (value) =>
    value === true ? [[key, true]] : [];

/** Without files a path has no effect, and is refused beside the word that says so. */
function pathOf(key: string): Writer {
  return (value, { filelog }) => (filelog === false ? [] : [[key, String(value)]]);
}

function suspendKeys(value: unknown): ReturnType<Writer> {
  const { note, until } = (typeof value === 'object' ? value : {}) as Job;
  return [
    ['suspend', true],
    ...(note === undefined ? [] : as('suspend-note')(note, {})),
    ...(until === undefined ? [] : as('suspend-until')(until, {})),
  ];
}

const writers: Readonly<Record<string, Writer>> = {
  name: as('name'),
  cmd: as('command'),
  imagename: as('image'),
  schedule: (value, { schedules }) => (Array.isArray(schedules) ? [] : as('schedule')(value, {})),
  schedules: (value) => [['schedule', value as readonly string[]]],
  matrix: (value) => [['matrix', value as Readonly<Record<string, readonly string[]>>]],
  continuous: onlyTrue('continuous'),
  filelog: (value) => [[value === true ? 'filelog' : 'no-filelog', true]],
  filelog_stdout: pathOf('filelog-stdout'),
  filelog_stderr: pathOf('filelog-stderr'),
  emails: as('emails'),
  mount: as('mount'),
  memory: as('mem'),
  cpu: as('cpu'),
  retry: as('retry'),
  timeout: as('timeout'),
  suspend: suspendKeys,
  suspend_after: as('suspend-after'),
  timezone: as('timezone'),
  concurrency: as('concurrency'),
  starting_deadline: as('starting-deadline'),
  replicas: as('replicas'),
  port: (value, { port_protocol }) => as('port')(port_protocol === 'udp' ? `${value}/udp` : value, {}),
  health_check: (value) => {
    const { type, script, path } = value as Job;
    return type === 'http' ? as('health-check-http')(path, {}) : as('health-check-script')(script, {});
  },
  publish: onlyTrue('publish'),
  unusual: onlyTrue('unusual'),
  parameters: (value) => [['parameters', value as Readonly<Record<string, string>>]],
  after: (value) => [['after', value as readonly string[]]],
};

/** Quoted wherever a reader of YAML 1.1 or 1.2 would take a text for something else; what would drive a terminal is escaped. */
export function fileText(yaml: Yaml, entries: readonly FileKeys[]): string {
  const list = entries.map((entry) =>
    Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, written(yaml, value)])),
  );
  return yamlEscapes(yaml.stringify(list, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false }));
}

function written(yaml: Yaml, value: FileValue): unknown {
  if (typeof value === 'string') return scalar(yaml, value);
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((text) => scalar(yaml, text));
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, written(yaml, held)]));
}

/** Escapes stand between double quotes only. */
function scalar(yaml: Yaml, text: string): unknown {
  const node = new yaml.Scalar(text);
  if (!isHarmless(text)) node.type = 'QUOTE_DOUBLE';
  return node;
}
