/** A plan in plain words: what is done first, then what stays as it is, then the quota. */
import type { Plan, PlannedJob } from '../client/plan.ts';
import { keyOfField } from '../job-file/keys.ts';
import { firingTexts } from './job-rows.ts';
import { simpleTable } from './table.ts';
import { visibleLine } from './terminal.ts';

const verbs: Readonly<Record<PlannedJob['action'], string>> = {
  create: 'Create',
  update: 'Change',
  delete: 'Delete',
  refuse: 'Cannot do',
  unchanged: 'Unchanged',
  stay: 'Not in the file, left alone',
};

/** Whether somebody who wants nothing to happen has to look. */
export function isChange({ action }: PlannedJob): boolean {
  return action === 'create' || action === 'update' || action === 'delete';
}

export function planText(plan: Plan): string {
  const told = plan.jobs.filter((job) => isChange(job) || job.action === 'refuse').map(jobText);
  const left = (['unchanged', 'stay'] as const).flatMap((action) => namesText(plan.jobs, action));
  return [
    ...told,
    ...(left.length > 0 ? [left.join('\n')] : []),
    ...(plan.quota.length > 0 ? [quotaText(plan.quota)] : []),
    summaryText(plan.jobs),
  ].join('\n\n');
}

/** What becomes of one job. */
export function jobText(job: PlannedJob): string {
  const { name, job_type, action, changes, message, next_schedules, timezone } = job;
  const next = firingTexts(next_schedules, timezone, Date.now());
  const isNamed = action !== 'refuse';
  return [
    `${verbs[action]} ${visibleLine(name)}${isNamed ? ` (${job_type})` : ''}: ${visibleLine(message)}`,
    ...changes.flatMap(changeLines),
    ...(next.length > 0 ? [`  next runs: ${next.map(visibleLine).join(', ')}`] : []),
  ].join('\n');
}

/** Of variables and their values one line for each that differs. */
function changeLines({ field, from, to }: PlannedJob['changes'][number]): string[] {
  if (field !== 'parameters' && field !== 'matrix')
    return [`  ${keyOf(field)}: ${valueText(from)} -> ${valueText(to)}`];
  const [before, after] = [Object(from ?? {}), Object(to ?? {})] as [Variables, Variables];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => `  ${keyOf(field)} ${visibleLine(name)}: ${valueText(before[name])} -> ${valueText(after[name])}`);
}

type Variables = Readonly<Record<string, unknown>>;

/** As a file has it. */
function keyOf(field: string): string {
  return visibleLine(keyOfField.get(field) ?? field);
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (Array.isArray(value)) return visibleLine(value.join(', '));
  if (typeof value === 'object')
    return Object.entries(value)
      .map(([name, one]) => `${visibleLine(name)} ${valueText(one)}`)
      .join(', ');
  return visibleLine(String(value));
}

function namesText(jobs: readonly PlannedJob[], action: 'unchanged' | 'stay'): string[] {
  const found = jobs.filter((job) => job.action === action);
  if (found.length === 0) return [];
  const said = found.flatMap(({ name, message }) => (message === '' ? [] : [`  ${name}: ${message}`]));
  return [`${verbs[action]}: ${found.map(({ name }) => visibleLine(name)).join(', ')}`, ...said.map(visibleLine)];
}

/** What is used now, and when all has been done. */
export function quotaText(quota: Plan['quota']): string {
  const isTight = quota.some(({ fits }) => !fits);
  return simpleTable(
    ['Quota', 'Used', 'Afterwards', 'Limit', ...(isTight ? [''] : [])],
    quota.map(({ name, used, after, limit, fits }) =>
      [name, used, after, limit, ...(isTight ? [fits ? '' : 'does not fit'] : [])].map(String),
    ),
  );
}

const counted = [
  ['create', 'to create'],
  ['update', 'to change'],
  ['delete', 'to delete'],
  ['refuse', 'not possible'],
  ['unchanged', 'unchanged'],
] as const;

function summaryText(jobs: readonly PlannedJob[]): string {
  const parts = counted.flatMap(([action, words]) => {
    const count = jobs.filter((job) => job.action === action).length;
    return count > 0 ? [`${count} ${words}`] : [];
  });
  if (jobs.every((job) => !isChange(job) && job.action !== 'refuse')) return 'Nothing to do.';
  return `Jobs: ${parts.join(', ')}.`;
}
