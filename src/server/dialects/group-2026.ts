/** A job of several parts as the canonical dialect shows it: one job, and what is to be said of each of its parts. Pure and total. */
import { partsOf } from '../../definition/parts.ts';
import { type JobDefinition, type JobParts, type JobSnapshot, type JobState, jobNameOf } from '../../domain.ts';
import { type Job2026, type Part2026, renderJob2026, scheduleText } from './job-2026.ts';
import { hasFailedLast, stateNow } from './status/current-run.ts';
import { instantText } from './status/instant.ts';
import type { Status2026, StatusOptions } from './status/structured-status.ts';

const maxMessages = 20;

export function renderGroup2026(
  parts: JobParts,
  statusOptions: (part: JobSnapshot) => StatusOptions,
  nextFirings: readonly number[] | undefined,
): Job2026 {
  const shown = parts.map((part) => ({ part, job: renderJob2026(part, statusOptions(part)) }));
  const jobs = shown.map(({ job }) => job);
  const [first] = parts;
  const { run_id: _run, last_run: _last, group: _group, parameters: _parameters, ...job } = jobs[0] as Job2026;
  const { matrix, parameters } = first.object.definition ?? {};
  return {
    ...job,
    name: jobNameOf(first),
    filelog_stdout: common(jobs.map(({ filelog_stdout }) => filelog_stdout)),
    filelog_stderr: common(jobs.map(({ filelog_stderr }) => filelog_stderr)),
    status_short: shortWords(parts, jobs),
    status_long: jobs.map(({ name, status_long }) => `${name}: ${status_long}`).join('\n'),
    status: statusOf(parts, jobs, nextFirings),
    ...lastRunOf(jobs),
    ...schedulesOf(first.object.definition, jobs),
    ...(parameters ? { parameters } : {}),
    ...(matrix ? { matrix } : {}),
    parts: shown.map(({ part, job: one }) => partOf(part, one)),
  };
}

/** That of the part whose run ended last. */
function lastRunOf(jobs: readonly Job2026[]): Pick<Job2026, 'last_run'> {
  const runs = jobs.flatMap(({ last_run }) => last_run ?? []);
  const [last] = runs.sort((one, other) => ((one.ended ?? '') < (other.ended ?? '') ? 1 : -1));
  return last ? { last_run: last } : {};
}

/** Null where they differ: each part says its own. */
function common(values: readonly (string | null)[]): string | null {
  const [first = null] = values;
  return values.every((value) => value === first) ? first : null;
}

function schedulesOf(definition: JobDefinition | undefined, jobs: readonly Job2026[]): Partial<Job2026> {
  const texts = definition?.schedules?.map(({ text }) => text);
  if (!texts) return {};
  const actual = new Set(jobs.flatMap(({ schedule_actual }) => schedule_actual ?? []));
  return { schedule: scheduleText(texts), schedule_actual: [...actual].join('; ') };
}

function partOf({ key, object }: JobSnapshot, job: Job2026): Part2026 {
  const own = object.definition && partsOf(object.definition).find(({ name }) => name === key.name);
  const { name, schedule, schedule_actual, filelog_stdout, filelog_stderr, status_short, status_long, status, run_id } =
    job;
  return {
    name,
    variables: Object.fromEntries((own?.variables ?? []).map((variable) => [variable.name, variable.value])),
    ...(schedule === undefined ? {} : { schedule }),
    ...(schedule_actual === undefined ? {} : { schedule_actual }),
    filelog_stdout,
    filelog_stderr,
    status_short,
    status_long,
    status,
    ...(run_id === undefined ? {} : { run_id }),
    ...(job.last_run === undefined ? {} : { last_run: job.last_run }),
  };
}

/** One-offs are over when the last of them is; of all others one that failed is what its owner has to know. */
const telling: Readonly<Record<'one-off' | 'other', readonly Status2026['short'][]>> = {
  'one-off': ['running', 'pending', 'unknown', 'failed', 'succeeded'],
  other: ['failed', 'unknown', 'running', 'pending', 'succeeded'],
};

function statusOf(parts: JobParts, jobs: readonly Job2026[], nextFirings: readonly number[] | undefined): Status2026 {
  const order = telling[parts[0].key.kind === 'Job' ? 'one-off' : 'other'];
  const statuses = jobs.map(({ status }) => status);
  const short = order.find((one) => statuses.some((status) => status.short === one)) ?? 'unknown';
  const told = statuses.find((status) => status.short === short);
  const messages = jobs.flatMap(({ name, status }) => status.messages.map((message) => `${name}: ${message}`));
  const left = messages.length - maxMessages;
  return {
    short,
    duration: told?.duration ?? '0s',
    up_to_date: statuses.every(({ up_to_date }) => up_to_date),
    messages: left > 0 ? [...messages.slice(0, maxMessages), `and ${left} more`] : messages,
    ...(parts[0].key.kind === 'CronJob'
      ? {
          previous_schedule: latest(statuses.map(({ previous_schedule }) => previous_schedule)),
          next_schedule: earliest(statuses.map(({ next_schedule }) => next_schedule)),
          ...(nextFirings ? { next_schedules: nextFirings.flatMap((at) => instantText(at) ?? []) } : {}),
        }
      : {}),
  };
}

/** Instants as text, which sort as they come. */
function earliest(instants: readonly (string | null | undefined)[]): string | null {
  return instants.filter((instant) => typeof instant === 'string').sort()[0] ?? null;
}

function latest(instants: readonly (string | null | undefined)[]): string | null {
  return (
    instants
      .filter((instant) => typeof instant === 'string')
      .sort()
      .at(-1) ?? null
  );
}

/** What is said first, of as many parts as it is so. */
const words: readonly (readonly [words: string, holds: (part: JobSnapshot, state: JobState) => boolean])[] = [
  [
    'failed',
    (part, state) => state === 'failed' || (part.key.kind === 'CronJob' && state === 'waiting' && hasFailedLast(part)),
  ],
  ['skipped', ({ skipped }) => skipped !== undefined],
  ['unknown', (_part, state) => state === 'unknown'],
  ['running', (_part, state) => state === 'running'],
  ['suspended', (_part, state) => state === 'suspended'],
  ['pending', (_part, state) => state === 'pending'],
];

/** @example '2 of 16 failed' */
function shortWords(parts: JobParts, jobs: readonly Job2026[]): string {
  const { definition } = parts[0].object;
  const count = Math.max(definition ? partsOf(definition).length : 0, parts.length);
  for (const [word, holds] of words) {
    const found = parts.filter((part) => holds(part, stateNow(part))).length;
    if (found > 0) return `${found} of ${count} ${word}`;
  }
  if (parts[0].key.kind !== 'CronJob') return 'Completed';
  const last = latest(jobs.map(({ status }) => status.previous_schedule));
  return last === null ? 'Waiting for scheduled time' : `Last schedule time: ${last}`;
}
