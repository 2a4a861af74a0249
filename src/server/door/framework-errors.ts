/** What fastify and zod throw at a request, in our words: no validator's jargon, no echo of the request's values. */
import { AppError, toAppError } from '../../errors.ts';
import { bodyTooLarge } from './guard.ts';

const maxProblems = 10;
const maxNameChars = 80;

interface Problem {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** @returns AppErrors as they are; `internal` for whatever is nobody's request's fault */
export function toRequestError(thrown: unknown): AppError {
  if (thrown instanceof AppError || typeof thrown !== 'object' || thrown === null) return toAppError(thrown);
  const { code, statusCode, validation } = thrown as { code?: unknown; statusCode?: unknown; validation?: unknown };
  if (Array.isArray(validation)) return invalidFields(validation as Problem[], thrown);
  if (typeof code !== 'string') return toAppError(thrown);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return bodyTooLarge();
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new AppError(
      'request.media_type',
      "A request body must be 'application/json' or 'application/x-www-form-urlencoded'.",
      { cause: thrown },
    );
  }
  const theirs = (code.startsWith('FST_ERR_') && Number(statusCode) < 500) || code === 'ECONNRESET';
  return theirs
    ? new AppError('request.invalid', 'The request cannot be read.', { cause: thrown })
    : toAppError(thrown);
}

function invalidFields(issues: readonly Problem[], cause: unknown): AppError {
  const problems = issues.flatMap(describe).slice(0, maxProblems);
  const field = fieldOf(issues[0]?.instancePath ?? '');
  return new AppError('request.invalid', problems.join('; '), {
    cause,
    problems,
    ...(field === '' ? {} : { fields: { field, rule: issues[0]?.keyword ?? 'shape' } }),
  });
}

function describe({ instancePath, keyword, message, params }: Problem): string[] {
  const field = fieldOf(instancePath);
  const subject = field === '' ? 'The request body' : `'${field}'`;
  if (keyword === 'unrecognized_keys')
    return (params.keys as string[]).map((key) => `'${shorten(key)}' is not a field known here`);
  if (keyword === 'invalid_type') {
    return [
      message?.endsWith('received undefined')
        ? `${subject} is missing`
        : `${subject} must be ${article(String(params.expected))}`,
    ];
  }
  if (keyword === 'invalid_value') return [`${subject} must be one of ${(params.values as unknown[]).join(', ')}`];
  return [`${subject} is not accepted: ${message ?? keyword}`];
}

function fieldOf(path: string): string {
  return shorten(path.split('/').filter(Boolean).join('.'));
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function shorten(name: string): string {
  return name.length > maxNameChars ? `${name.slice(0, maxNameChars)}…` : name;
}
