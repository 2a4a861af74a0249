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
  'replicas',
  'port',
  'health-check-script',
  'health-check-http',
] as const;

export const neededKeys = ['name', 'command', 'image'] as const;

/** `wait` is seconds or true. */
export const knownKeys: readonly string[] = [...valueKeys, ...switchKeys, 'wait'];

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
  ['replicas', 'replicas'],
]);
