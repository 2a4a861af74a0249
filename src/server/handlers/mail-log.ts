/** What became of the events of a tool in its mail. */
import { partsOf } from '../../definition/parts.ts';
import type { MailLogRow } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';
import { findParts } from './show.ts';

const defaultRows = 50;
const maxRows = 1_000;

/**
 * @param query `job`: of this job and its parts only, those that it had as well; `limit`: the newest so many
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
  const names = await namesOf(caller, job, deps);
  return rows.filter(({ jobName }) => names.has(jobName)).slice(0, limit);
}

/** Of a job and of all its parts, also those that it had as long as what it was is kept. */
async function namesOf(caller: Caller, job: string, deps: Deps): Promise<ReadonlySet<string>> {
  const now = (findParts(caller, job, deps) ?? []).map(({ key }) => key.name);
  const former = (await deps.former.list(caller.tool))
    .filter(({ definition }) => definition.name === job)
    .flatMap(({ definition }) => partsOf(definition).map(({ name }) => name));
  return new Set([job, ...now, ...former]);
}

function readLimit(value: unknown): number {
  if (value === undefined || value === '') return defaultRows;
  const limit = /^\d{1,6}$/.test(String(value)) ? Number(value) : Number.NaN;
  if (limit >= 1 && limit <= maxRows) return limit;
  throw new AppError('request.invalid', `limit must be a whole number from 1 to ${maxRows}.`, {
    fields: { field: 'limit', rule: `1-${maxRows}` },
  });
}
