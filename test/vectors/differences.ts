/**
 * Where this service answers otherwise than the one of 2026 on purpose. Each rule says for which input it holds and why; the tests of
 * a section then expect `instead`. Everything no rule names must agree to the letter.
 */
import { compareQuantities, parseQuantity } from '../../src/definition/quantity.ts';

export interface Difference {
  readonly section: 'quantities' | 'schedules' | 'objects';
  readonly reason: string;
  readonly instead: 'refused' | 'memory as typed' | 'cpu as typed' | 'sunday is 0' | 'paths have no effect';
  applies(input: Input): boolean;
}

/** A row of a section: `text` for quantities and schedules, `asked` for objects. */
export interface Input {
  readonly text?: string;
  readonly asked?: Readonly<Record<string, unknown>>;
}

const gibibyte = 1024n ** 3n;

function isWholeThousandthsOfGi(text: string): boolean {
  const quantity = parseQuantity(text);
  return quantity === undefined || (quantity.units * 1000n) % (gibibyte * 10n ** BigInt(quantity.scale)) === 0n;
}

function isExactAsFloat(text: string): boolean {
  const quantity = parseQuantity(text);
  if (!quantity) return true;
  const float = parseQuantity(String(Number(`${quantity.units}e-${quantity.scale}`)));
  return float !== undefined && compareQuantities(float, quantity) === 0;
}

export const differences: readonly Difference[] = [
  {
    section: 'quantities',
    reason: 'Kubernetes refuses them; they were numbers only to the language of that service',
    instead: 'refused',
    applies: ({ text = '' }) => /[_\s]|^-|nan|inf|\d[eE][+-]?\d+[A-Za-z]|[^\x20-\x7e]/i.test(text),
  },
  {
    section: 'quantities',
    reason: 'rounding to thousandths of Gi gives people less, or more, than they asked for',
    instead: 'memory as typed',
    applies: ({ text = '' }) => !isWholeThousandthsOfGi(text),
  },
  {
    section: 'quantities',
    reason: 'a float has no room for all digits',
    instead: 'cpu as typed',
    applies: ({ text = '' }) => !isExactAsFloat(text),
  },
  {
    section: 'schedules',
    reason: 'Kubernetes refuses signs, underscores, digits of other scripts and empty steps, so the job was stored and never ran',
    instead: 'refused',
    applies: ({ text = '' }) => !text.startsWith('@') && (/[+_]|[^\x20-\x7e\t]/.test(text) || /\/(?:[ ,]|$)/.test(text)),
  },
  {
    section: 'schedules',
    reason: 'Kubernetes knows Sunday as 0 only',
    instead: 'sunday is 0',
    applies: ({ text = '' }) => /^([^ ]+ ){4}([^ ]*,)?7(,|\/|$)/.test(text.trim().replace(/ +/g, ' ')),
  },
  {
    section: 'objects',
    reason: 'log files outside the home, or with control characters, and blank commands are refused',
    instead: 'refused',
    applies: ({ asked = {} }) =>
      String(asked['cmd']).trim() === '' || ['filelog_stdout', 'filelog_stderr'].some((key) => isBadPath(asked[key])),
  },
  {
    section: 'objects',
    reason: 'as for quantities: no rounding of memory',
    instead: 'memory as typed',
    applies: ({ asked = {} }) => typeof asked['memory'] === 'string' && !isWholeThousandthsOfGi(asked['memory']),
  },
  {
    section: 'objects',
    reason: 'who switches file logs off gets none, whatever paths are named beside it',
    instead: 'paths have no effect',
    applies: ({ asked = {} }) => asked['filelog'] === false && ('filelog_stdout' in asked || 'filelog_stderr' in asked),
  },
];

function isBadPath(path: unknown): boolean {
  if (typeof path !== 'string') return false;
  const isOutside = path.startsWith('/') && path !== '/dev/null' && !path.startsWith('/data/project/some-tool/');
  return isOutside || path.split('/').includes('..') || /\p{Cc}/u.test(path);
}

export function differenceFor(section: Difference['section'], input: Input): Difference['instead'][] {
  return differences.filter((rule) => rule.section === section && rule.applies(input)).map((rule) => rule.instead);
}
