/** Keys of a job in a file: the options of `run` without dashes, and what the service calls the same things. */

/** True or left out. */
export const switchKeys = ['continuous', 'filelog', 'no-filelog', 'publish', 'suspend'] as const;

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
export const listKeys: readonly string[] = ['after'];

/** Names with values. */
export const mappingKeys: readonly string[] = ['parameters'];

export const neededKeys = ['name', 'command', 'image'] as const;

/** `wait` is seconds or true. */
export const knownKeys: readonly string[] = [...valueKeys, ...switchKeys, ...mappingKeys, ...listKeys, 'wait'];

/** Options of `run` that are not called as the key is. */
export const optionOfKey: ReadonlyMap<string, string> = new Map([['parameters', 'param']]);

/** Fields of a request by the keys that mean the same. */
export const keyOfField: ReadonlyMap<string, string> = new Map([
  ['name', 'name'],
  ['cmd', 'command'],
  ['imagename', 'image'],
  ['schedule', 'schedule'],
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
