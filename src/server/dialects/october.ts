/**
 * The dialect of October 2023 (`/jobs/api/v1/…`): JSON in, bare values out, errors as `{"message", "data"}`. docs/wire.md lists every answer.
 */
import { type AppError, type ErrorCode, errorTable } from '../../errors.ts';
import { kubeStatusOf } from '../../kube.ts';
import type { Dialect } from '../respond.ts';
import { octoberError } from '../schemas.ts';

/** Where clients of that time expect another status than the table's. */
const statuses: Partial<Record<ErrorCode, number>> = { 'quota.exceeded': 400, 'request.media_type': 400 };

export const october: Dialect = {
  name: 'october',
  title: 'the clients of October 2023',
  isCurrent: false,
  takesForms: false,
  errorShape: octoberError,
  status: (error) => statuses[error.code] ?? (errorTable[error.code].http || 500),
  body: (error) => ({ message: octoberText(error), data: {} }),
};

function octoberText(error: AppError): string {
  switch (error.code) {
    case 'job.conflict':
      return kubeStatusOf(error.cause)
        ? 'An object with the same name exists already'
        : 'A job with the same name exists already';
    case 'job.not_restartable':
      return 'Unable to restart a single job';
    case 'schedule.invalid':
      return `Unable to parse cron expression '${error.fields?.value}' (${error.fields?.problem})`;
    default:
      return error.problems?.length ? error.problems.join(' ') : error.message;
  }
}

const known = ['name', 'cmd', 'imagename', 'schedule', 'continuous', 'filelog', 'filelog_stdout', 'filelog_stderr'];
const knownFields: ReadonlySet<string> = new Set([...known, 'retry', 'memory', 'cpu', 'emails', 'mount']);

/**
 * The body as the one model reads it: what was left out had its own defaults then (no file log, everything mounted), null means left out,
 * and keys nobody knew were passed over.
 */
export function octoberInput(body: unknown): Record<string, unknown> {
  const given = typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {};
  const kept = Object.entries(given).filter(([key, value]) => knownFields.has(key) && value !== null && value !== '');
  const input: Record<string, unknown> = { filelog: false, mount: 'all', ...Object.fromEntries(kept) };
  // Clients of that time send it with every job.
  if (input.continuous === false) delete input.continuous;
  if (input.continuous === true && (input.retry === 0 || input.retry === '0')) delete input.retry;
  return input;
}
