/**
 * Where this service answers otherwise than the earlier ones on purpose. Each rule says for which input it holds and what is answered
 * instead; a row that a rule names passes only with exactly that answer. docs/compatibility.md holds the same rules in words.
 */
import { compareQuantities, parseQuantity } from '../../src/definition/quantity.ts';

export interface Difference {
  /** Stable; names the row of docs/compatibility.md. */
  readonly key: string;
  readonly section: Section;
  readonly instead: Instead;
  /** Of a refusal of a whole job: the field that it names. */
  readonly field?: string;
  applies(input: Input): boolean;
}

/** As a vector file names them. */
export type Section =
  | 'quantities'
  | 'durations'
  | 'quota_error'
  | 'job_names'
  | 'cron_validate'
  | 'k8s_objects_2026'
  | 'k8s_objects_2023';

export type Instead =
  | 'refused'
  | 'memory as typed'
  | 'cpu as typed'
  | 'sunday is 0'
  | 'paths are quoted'
  | 'paths have no effect'
  | 'no length below zero'
  | 'no names'
  | 'read, by the words of its command'
  | 'absolute paths';

/** A row of a section: `text` for single texts, `seconds` for durations, `asked` for jobs, `home` where paths begin. */
export interface Input {
  readonly text?: string;
  readonly seconds?: number;
  readonly asked?: Readonly<Record<string, unknown>>;
  readonly home?: string;
}

export const differences: readonly Difference[] = [
  {
    key: 'quantity-not-kubernetes',
    section: 'quantities',
    instead: 'refused',
    applies: ({ text = '' }) => isNoKubernetesNumber(text),
  },
  ...['memory', 'cpu'].map(
    (field): Difference => ({
      key: 'quantity-not-kubernetes',
      section: 'k8s_objects_2026',
      instead: 'refused',
      field,
      applies: ({ asked = {} }) => isText(asked[field]) && (isNoKubernetesNumber(asked[field]) || isZero(asked[field])),
    }),
  ),
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
    key: 'amounts-not-rounded',
    section: 'k8s_objects_2026',
    instead: 'memory as typed',
    applies: ({ asked = {} }) => isText(asked.memory) && !isWholeThousandthsOfGi(asked.memory),
  },
  {
    key: 'amounts-not-rounded',
    section: 'k8s_objects_2026',
    instead: 'cpu as typed',
    applies: ({ asked = {} }) => isText(asked.cpu) && !isExactAsFloat(asked.cpu),
  },
  {
    key: 'duration-not-negative',
    section: 'durations',
    instead: 'no length below zero',
    applies: ({ seconds = 0 }) => seconds < 0,
  },
  {
    key: 'quota-without-names',
    section: 'quota_error',
    instead: 'no names',
    applies: ({ text = '' }) => /for $/.test(text),
  },
  {
    key: 'name-without-line-end',
    section: 'job_names',
    instead: 'refused',
    applies: ({ text = '' }) => text.endsWith('\n'),
  },
  {
    key: 'schedule-not-kubernetes',
    section: 'cron_validate',
    instead: 'refused',
    applies: ({ text = '' }) => refusedNumber(text) !== undefined,
  },
  {
    key: 'schedule-not-kubernetes',
    section: 'k8s_objects_2026',
    instead: 'refused',
    field: 'schedule',
    applies: ({ asked = {} }) => refusedNumber(scheduleOf(asked)) !== undefined,
  },
  {
    key: 'sunday-is-0',
    section: 'cron_validate',
    instead: 'sunday is 0',
    applies: ({ text = '' }) => hasSundayAs7(text),
  },
  {
    key: 'sunday-is-0',
    section: 'k8s_objects_2026',
    instead: 'sunday is 0',
    applies: ({ asked = {} }) => hasSundayAs7(scheduleOf(asked)),
  },
  {
    key: 'command-not-blank',
    section: 'k8s_objects_2026',
    instead: 'refused',
    field: 'cmd',
    applies: ({ asked = {} }) => String(asked.cmd).trim() === '',
  },
  ...['filelog_stdout', 'filelog_stderr'].map(
    (field): Difference => ({
      key: 'log-files-in-the-home',
      section: 'k8s_objects_2026',
      instead: 'refused',
      field,
      applies: ({ asked = {}, home = '' }) => isText(asked[field]) && isBadPath(asked[field], home),
    }),
  ),
  {
    key: 'log-files-in-the-home',
    section: 'k8s_objects_2026',
    instead: 'paths are quoted',
    applies: ({ asked = {} }) => isLogged(asked) && pathsOf(asked).some((path) => !/^[A-Za-z0-9_./-]*$/.test(path)),
  },
  {
    key: 'no-filelog-no-files',
    section: 'k8s_objects_2026',
    instead: 'paths have no effect',
    applies: ({ asked = {} }) => asked.filelog === false && pathsOf(asked).length > 0,
  },
  {
    key: 'no-filelog-no-files',
    section: 'k8s_objects_2026',
    instead: 'refused',
    field: 'filelog',
    applies: ({ asked = {} }) => !('filelog' in asked) && !isLogged(asked) && pathsOf(asked).length > 0,
  },
  {
    key: 'built-images-read',
    section: 'k8s_objects_2023',
    instead: 'read, by the words of its command',
    applies: ({ asked = {} }) => 'err' in asked,
  },
  {
    key: 'paths-are-absolute',
    section: 'k8s_objects_2023',
    instead: 'absolute paths',
    applies: ({ asked = {} }) => pathsOf(asked).some((path) => !path.startsWith('/')),
  },
];

export function differencesFor(section: Section, input: Input): Difference[] {
  return differences.filter((rule) => rule.section === section && rule.applies(input));
}

export function keysOf(rules: readonly Difference[]): string[] {
  return [...new Set(rules.map(({ key }) => key))];
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

const gibibyte = 1024n ** 3n;

function isWholeThousandthsOfGi(text: string): boolean {
  const quantity = parseQuantity(text);
  if (!quantity) return true;
  const unit = gibibyte * 10n ** BigInt(quantity.scale);
  return (quantity.units * 1000n) % unit === 0n && quantity.units / unit < 10n ** 16n;
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

function isZero(text: string): boolean {
  return parseQuantity(text)?.units === 0n;
}

/** A macro is no text with fields. */
function fieldsOf(text: string): string[] {
  return text.startsWith('@')
    ? []
    : text
        .toLowerCase()
        .split(' ')
        .filter((field) => field !== '');
}

/** Digits to the language of that service and no plain ASCII digits, which are all that Kubernetes reads. */
function isForeignNumber(text: string): boolean {
  return /^\s*[+-]?\p{Nd}+(?:_\p{Nd}+)*\s*$/u.test(text) && !/^-?[0-9]+$/.test(text);
}

/**
 * What a refusal says of the first number in a schedule that only the earlier service took for one.
 * @example refusedNumber('+5 * * * *') -> `Unable to parse cron expression "+5": Unable to parse '+5' as an integer`
 */
export function refusedNumber(text: string): string | undefined {
  const fields = fieldsOf(text);
  if (fields.length !== 5) return undefined;
  for (const field of fields) {
    const said = field.split(',').flatMap(refusedNumbersOf);
    if (said[0] !== undefined) return `Unable to parse cron expression "${field}": ${said[0]}`;
  }
  return undefined;
}

function refusedNumbersOf(item: string): string[] {
  const slash = item.indexOf('/');
  const [value, step] = slash < 0 ? [item, undefined] : [item.slice(0, slash), item.slice(slash + 1)];
  const numbers = /^[^-]+-/.test(value)
    ? [value.slice(0, value.indexOf('-')), value.slice(value.indexOf('-') + 1)]
    : [value];
  return [
    ...(step !== undefined && (step === '' || isForeignNumber(step))
      ? [`Unable to parse '${step}' (from '${value}') as an integer`]
      : []),
    ...numbers.filter(isForeignNumber).map((number) => `Unable to parse '${number}' as an integer`),
  ];
}

function scheduleOf(asked: Readonly<Record<string, unknown>>): string {
  return isText(asked.schedule) ? asked.schedule : '';
}

function hasSundayAs7(text: string): boolean {
  return (fieldsOf(text)[4] ?? '').split(',').some((item) => /^7(?:$|\/)/.test(item));
}

function pathsOf(asked: Readonly<Record<string, unknown>>): string[] {
  return [asked.filelog_stdout, asked.filelog_stderr].filter(isText);
}

function isBadPath(path: string, home: string): boolean {
  const isOutside = path.startsWith('/') && path !== '/dev/null' && !path.startsWith(`${home}/`);
  return isOutside || path.split('/').includes('..') || /\p{Cc}/u.test(path);
}

function isLogged({ filelog, imagename }: Readonly<Record<string, unknown>>): boolean {
  return typeof filelog === 'boolean' ? filelog : !String(imagename).includes('/');
}
