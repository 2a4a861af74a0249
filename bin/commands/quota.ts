/** `quota`: what the tool may use and uses, one table for each category. */
import type { Job } from '../client/client.ts';
import { simpleTable } from '../terminal/table.ts';
import type { Command } from './outcome.ts';

export const showQuota: Command = async ({ client }) => {
  const quota = await client.showQuota();
  return { text: recordsIn(quota.categories).map(categoryTable).join('\n\n'), data: quota };
};

/** What is not counted as used (limits of one job) has no such column. */
function categoryTable({ name, items }: Job): string {
  const rows = recordsIn(items);
  const isCounted = rows.some(({ used }) => used !== undefined && used !== null);
  return simpleTable(
    [wordsOf(name), ...(isCounted ? ['Used'] : []), 'Limit'],
    rows.map((row) => [wordsOf(row.name), ...(isCounted ? [wordsOf(row.used)] : []), wordsOf(row.limit)]),
  );
}

function recordsIn(value: unknown): Job[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : [];
}

/** Services of before 2024 count in numbers. */
function wordsOf(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}
