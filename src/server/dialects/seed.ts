/**
 * The dialect of the first clients (2021 to June 2023) under /api/v1: text arguments in, bare values out, errors as JSON strings.
 * docs/wire.md lists every answer; what a client parses is kept to the letter.
 */
import { type AppError, errorTable } from '../../errors.ts';
import { kubeStatusOf } from '../../kube.ts';
import type { Dialect } from '../respond.ts';
import { seedError } from '../schemas.ts';

export const seed: Dialect = {
  name: 'seed',
  title: 'the first clients',
  isCurrent: false,
  takesForms: true,
  errorShape: seedError,
  status: (error) => errorTable[error.code].http || 500,
  body: (error) => (error.code === 'job.not_found' ? {} : seedText(error)),
  text: (value) => pythonJson(value),
};

/** As the first service wrote it: blanks after commas and colons, ASCII only, a line end. Sizes in old logs are sizes of this form. */
export function pythonJson(value: unknown): string {
  return `${spaced(value)}\n`;
}

function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).filter(([, one]) => one !== undefined);
    return `{${pairs.map(([name, one]) => `${ascii(name)}: ${spaced(one)}`).join(', ')}}`;
  }
  return typeof value === 'string' ? ascii(value) : JSON.stringify(value ?? null);
}

function ascii(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function seedText(error: AppError): string {
  switch (error.code) {
    case 'image.unknown':
      return 'Invalid container type';
    case 'job.not_restartable':
      return 'Unable to restart a single job';
    case 'job.conflict':
      return kubeStatusOf(error.cause)
        ? 'HTTP 409: an object with the same name exists already'
        : 'HTTP 409: a job with the same name exists already';
    case 'job.invalid':
    case 'schedule.invalid':
    case 'limits.exceeded':
      return `ERROR: ${error.problems?.length ? error.problems.join('; ') : error.message}`;
    case 'caller.forbidden':
    case 'caller.unauthenticated':
      return `Exception: ${error.message}`;
    default:
      return error.message;
  }
}

/** Arguments may come in the body (form or JSON) and in the query; the body wins, as it did. */
export function seedInput(body: unknown, query: unknown): Record<string, unknown> {
  const given = { ...asRecord(query), ...asRecord(body) };
  const input: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === '') continue;
    if (name === 'continuous') {
      if (isYes(value)) input.continuous = true;
    } else if (name === 'filelog') input.filelog = isYes(value);
    else if (name === 'retry') input.retry = typeof value === 'string' && /^\d$/.test(value) ? Number(value) : value;
    else input[name] = value;
  }
  // The first clients leave `filelog` out to switch it off; later dialects mean "the default" by that.
  if (input.filelog === undefined) input.filelog = false;
  return input;
}

/** The first service took every text for true, even "false"; here the words mean what they say. */
function isYes(value: unknown): boolean {
  return !['false', '0', 'no', 'off'].includes(String(value).toLowerCase());
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
