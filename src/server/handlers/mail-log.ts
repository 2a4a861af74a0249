/** What became of the events of a tool in its mail. */
import type { MailLogRow } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';
import { findParts } from './show.ts';

const defaultRows = 50;
const maxRows = 1_000;

/**
 * @param query `job`: of this job and its parts only; `limit`: the newest so many
 * @returns newest first
 * @throws AppError `request.invalid`
 */
export async function listMailLog(
  caller: Caller,
  query: Readonly<Record<string, unknown>>,
  deps: Deps,
): Promise<readonly MailLogRow[]> {
  const limit = readLimit(query.limit);
  const rows = await deps.mailLog.list(caller.tool);
  if (query.job === undefined) return rows.slice(0, limit);
  const job = String(query.job);
  const names = new Set([job, ...(findParts(caller, job, deps) ?? []).map(({ key }) => key.name)]);
  return rows.filter(({ jobName }) => names.has(jobName)).slice(0, limit);
}

function readLimit(value: unknown): number {
  if (value === undefined || value === '') return defaultRows;
  const limit = /^\d{1,6}$/.test(String(value)) ? Number(value) : Number.NaN;
  if (limit >= 1 && limit <= maxRows) return limit;
  throw new AppError('request.invalid', `limit must be a whole number from 1 to ${maxRows}.`, {
    fields: { field: 'limit', rule: `1-${maxRows}` },
  });
}
