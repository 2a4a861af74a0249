/** `advise NAME`: how much memory and CPU a job should have, by what its runs have used. `advise --quota`: what of the quota is used up. */
import type { Job } from '../client/client.ts';
import { usage } from '../terminal/arguments.ts';
import { wordOf } from '../terminal/cells.ts';
import { simpleTable } from '../terminal/table.ts';
import { visibleLine, visibleText } from '../terminal/terminal.ts';
import type { Command } from './outcome.ts';

export const advise: Command = async ({ client, line }) => {
  const [name] = line.operands;
  const isOfQuota = line.options.has('quota');
  if ((name === undefined) !== isOfQuota) throw usage("'advise' needs either the name of a job or --quota.");
  if (name === undefined) {
    const advice = await client.adviseQuota();
    return { text: quotaText(advice), data: advice };
  }
  const advice = await client.adviseJob(name);
  return { text: jobText(advice), data: advice };
};

function jobText(advice: Job): string {
  const amounts = [
    ['Memory:', advice.memory, '--mem'],
    ['CPU:', advice.cpu, '--cpu'],
  ] as const;
  const rows = amounts.flatMap(([label, value]) => {
    const message = recordOf(value)?.message;
    return typeof message === 'string' ? [`${label.padEnd(8)} ${visibleLine(message)}`] : [];
  });
  const options = amounts.flatMap(([, value, option]) => {
    const to = recordOf(value)?.to;
    return typeof to === 'string' ? [`${option} ${visibleLine(to)}`] : [];
  });
  if (rows.length === 0)
    return `Job '${visibleLine(wordOf(advice.job))}' is gone, and nothing of what it used is known.`;
  return [
    ...rows,
    ...(options.length > 0 ? ['', fitWords(advice), '', `  ${commandOf(advice, options)}`] : []),
    ...requestLines(advice.request),
  ].join('\n');
}

/** What is smaller always fits. */
function fitWords({ fits, obstacles }: Job): string {
  if (fits !== false) return fits === true ? 'The quota has room for that. To change it:' : 'To change it:';
  const why = Array.isArray(obstacles) ? obstacles.map((one) => visibleLine(wordOf(one))).join(' ') : '';
  return `The quota has no room for that: ${why} When it has, to change it:`;
}

function commandOf({ job, job_type: type }: Job, options: readonly string[]): string {
  const name = visibleLine(wordOf(job));
  if (type === 'one-off') return `toolforge-jobs run ${name} … ${options.join(' ')}`;
  return `toolforge-jobs set ${name} ${options.join(' ')}`;
}

function quotaText({ items, request }: Job): string {
  const rows = (Array.isArray(items) ? items : []).map((item) => {
    const { name, used, limit, full } = recordOf(item) ?? {};
    return [wordOf(name), wordOf(used), wordOf(limit), full === true ? 'full, or nearly' : ''];
  });
  return [simpleTable(['What', 'Used', 'Limit', ''], rows), ...requestLines(request)].join('\n');
}

function requestLines(request: unknown): string[] {
  if (typeof request !== 'string') return [];
  return ['', 'A text for those who decide about quotas:', '', visibleText(request)];
}

function recordOf(value: unknown): Job | undefined {
  return typeof value === 'object' && value !== null ? (value as Job) : undefined;
}
