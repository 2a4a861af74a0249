/**
 * Where this service answers otherwise than the earlier ones on purpose. Each rule says for which input it holds and what is answered
 * instead; a row that a rule names passes only with exactly that answer. docs/compatibility.md holds the same rules in words.
 */
import { compareQuantities, parseQuantity } from '../../src/definition/quantity.ts';

export interface Difference {
  /** Stable; names the row of docs/compatibility.md. */
  readonly key: string;
  readonly section: 'quantities' | 'durations' | 'names' | 'schedules' | 'objects' | 'objects-2023';
  readonly instead: Instead;
  applies(input: Input): boolean;
}

export type Instead =
  | 'refused'
  | 'memory as typed'
  | 'cpu as typed'
  | 'sunday is 0'
  | 'paths are quoted'
  | 'paths have no effect'
  | 'no length below zero'
  | 'read, by the words of its command'
  | 'absolute paths';

/** A row of a section: `text` for quantities, names and schedules, `seconds` for durations, `asked` for objects. */
export interface Input {
  readonly text?: string;
  readonly seconds?: number;
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

/** Numbers to the language of that service, and none to Kubernetes; or beyond everything that exists. */
function isNoKubernetesNumber(text: string): boolean {
  const exponent = Math.abs(Number(/[eE]([+-]?\d+)$/.exec(text)?.[1] ?? 0));
  return /[_\s]|^-|nan|inf|\d[eE][+-]?\d+[A-Za-z]|[^\x20-\x7e]/i.test(text) || exponent > 30 || text.length > 40;
}

export const differences: readonly Difference[] = [
  {
    key: 'quantity-not-kubernetes',
    section: 'quantities',
    instead: 'refused',
    applies: ({ text = '' }) => isNoKubernetesNumber(text),
  },
  {
    key: 'amounts-not-rounded',
    section: 'quantities',
    instead: 'memory as typed',
    applies: ({ text = '' }) => !isWholeThousandthsOfGi(text),
  },
  {
    key: 'amounts-not-rounded',
    section: 'quantities',
    instead: 'cpu as typed',
    applies: ({ text = '' }) => !isExactAsFloat(text),
  },
  {
    key: 'duration-not-negative',
    section: 'durations',
    instead: 'no length below zero',
    applies: ({ seconds = 0 }) => seconds < 0,
  },
  {
    key: 'name-without-line-end',
    section: 'names',
    instead: 'refused',
    applies: ({ text = '' }) => text.endsWith('\n'),
  },
  {
    key: 'schedule-not-kubernetes',
    section: 'schedules',
    instead: 'refused',
    applies: ({ text = '' }) => !text.startsWith('@') && (/[+_]|[^\x20-\x7e\t]/.test(text) || /\/(?:[ ,]|$)/.test(text)),
  },
  {
    key: 'sunday-is-0',
    section: 'schedules',
    instead: 'sunday is 0',
    applies: ({ text = '' }) => hasSundayAs7(text),
  },
  {
    key: 'command-not-blank',
    section: 'objects',
    instead: 'refused',
    applies: ({ asked = {} }) => String(asked['cmd']).trim() === '',
  },
  {
    key: 'log-files-in-the-home',
    section: 'objects',
    instead: 'refused',
    applies: ({ asked = {} }) => pathsOf(asked).some(isBadPath),
  },
  {
    key: 'log-files-in-the-home',
    section: 'objects',
    instead: 'paths are quoted',
    applies: ({ asked = {} }) => isLogged(asked) && pathsOf(asked).some((path) => !/^[A-Za-z0-9_./-]*$/.test(path)),
  },
  {
    key: 'no-filelog-no-files',
    section: 'objects',
    instead: 'paths have no effect',
    applies: ({ asked = {} }) => asked['filelog'] === false && pathsOf(asked).length > 0,
  },
  {
    key: 'no-filelog-no-files',
    section: 'objects',
    instead: 'refused',
    applies: ({ asked = {} }) => !('filelog' in asked) && !isLogged(asked) && pathsOf(asked).length > 0,
  },
  {
    key: 'quantity-not-kubernetes',
    section: 'objects',
    instead: 'refused',
    applies: ({ asked = {} }) => ['memory', 'cpu'].some((key) => isNoKubernetesNumber(String(asked[key] ?? ''))),
  },
  {
    key: 'amounts-not-rounded',
    section: 'objects',
    instead: 'memory as typed',
    applies: ({ asked = {} }) => typeof asked['memory'] === 'string' && !isWholeThousandthsOfGi(asked['memory']),
  },
  {
    key: 'sunday-is-0',
    section: 'objects',
    instead: 'sunday is 0',
    applies: ({ asked = {} }) => hasSundayAs7(String(asked['schedule'] ?? '')),
  },
  {
    key: 'built-images-read',
    section: 'objects-2023',
    instead: 'read, by the words of its command',
    applies: ({ asked = {} }) => 'err' in asked,
  },
  {
    key: 'paths-are-absolute',
    section: 'objects-2023',
    instead: 'absolute paths',
    applies: ({ asked = {} }) =>
      pathsOf(asked).some((path) => !path.startsWith('/')),
  },
];

function hasSundayAs7(text: string): boolean {
  return /^([^ ]+ ){4}([^ ]*,)?7(,|\/|$)/.test(text.trim().replace(/ +/g, ' '));
}

function pathsOf(asked: Readonly<Record<string, unknown>>): string[] {
  const given = [asked['filelog_stdout'], asked['filelog_stderr']];
  return given.filter((path): path is string => typeof path === 'string');
}

function isBadPath(path: string): boolean {
  const isOutside = path.startsWith('/') && path !== '/dev/null' && !path.startsWith('/data/project/some-tool/');
  return isOutside || path.split('/').includes('..') || /\p{Cc}/u.test(path);
}

function isLogged({ filelog, imagename }: Readonly<Record<string, unknown>>): boolean {
  return typeof filelog === 'boolean' ? filelog : !String(imagename).includes('/');
}

export function differencesFor(section: Difference['section'], input: Input): Difference[] {
  return differences.filter((rule) => rule.section === section && rule.applies(input));
}

export function differenceFor(section: Difference['section'], input: Input): Instead[] {
  return differencesFor(section, input).map((rule) => rule.instead);
}
