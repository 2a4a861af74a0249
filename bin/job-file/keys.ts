/** Keys of a job in a file: the options of `run` without dashes, and what the service calls the same things. */

/** True or left out. */
export const switchKeys = ['continuous', 'filelog', 'no-filelog', 'publish', 'suspend', 'unusual'] as const;

/** One value, as text. */
const valueKeys = [
  'name',
  'command',
  'image',
  'schedule',
  'mem',
  'cpu',
  'emails',
  'filelog-stdout',
  'filelog-stderr',
  'retry',
  'mount',
  'timeout',
  'suspend-note',
  'suspend-until',
  'suspend-after',
  'timezone',
  'concurrency',
  'starting-deadline',
  'replicas',
  'port',
  'health-check-script',
  'health-check-http',
] as const;

/** One value, or a list of them. */
export const listKeys: readonly string[] = ['after', 'schedule'];

/** Names with values. */
export const mappingKeys: readonly string[] = ['parameters'];

/** Names with lists of values, each of which is an option of `run`: `matrix: { WIKI: [a, b] }` as `--matrix WIKI=a --matrix WIKI=b`. */
export const matrixKeys: readonly string[] = ['matrix'];

export const neededKeys = ['name', 'command', 'image'] as const;

/** `wait` is seconds or true. */
export const knownKeys: readonly string[] = [
  ...new Set([...valueKeys, ...switchKeys, ...mappingKeys, ...matrixKeys, ...listKeys]),
  'wait',
];

/** Options of `run` that are not called as the key is. */
export const optionOfKey: ReadonlyMap<string, string> = new Map([['parameters', 'param']]);

/** Fields of a request by the keys that mean the same. */
export const keyOfField: ReadonlyMap<string, string> = new Map([
  ['name', 'name'],
  ['cmd', 'command'],
  ['imagename', 'image'],
  ['schedule', 'schedule'],
  ['schedules', 'schedule'],
  ['matrix', 'matrix'],
  ['memory', 'mem'],
  ['cpu', 'cpu'],
  ['emails', 'emails'],
  ['filelog_stdout', 'filelog-stdout'],
  ['filelog_stderr', 'filelog-stderr'],
  ['retry', 'retry'],
  ['mount', 'mount'],
  ['timeout', 'timeout'],
  ['suspend_after', 'suspend-after'],
  ['timezone', 'timezone'],
  ['concurrency', 'concurrency'],
  ['starting_deadline', 'starting-deadline'],
  ['replicas', 'replicas'],
  ['parameters', 'parameters'],
  ['after', 'after'],
]);
