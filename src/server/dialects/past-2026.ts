/** A job as it was at a time, in the shape of one that is there. Pure. */
import { nextFirings } from '../../definition/cron.ts';
import type { PastJob } from '../handlers/past.ts';
import { type Job2026, renderJob2026 } from './job-2026.ts';
import { type ListedRun2026, renderListedRun2026 } from './run-2026.ts';
import { instantText } from './status/instant.ts';

export interface PastJob2026 extends Job2026 {
  /** The run that was going then, where its record is there. */
  readonly last_runs?: readonly ListedRun2026[];
  readonly as_of: {
    readonly at: string | null;
    /** Since when it had been so, where that is known. */
    readonly from: string | null;
    /** Null where it still is. */
    readonly until: string | null;
    readonly run_id: string | null;
  };
}

const shownFirings = 5;

export function renderPast2026(past: PastJob): PastJob2026 {
  const { at, snapshot, from, until, run } = past;
  const schedule = snapshot.object.job?.schedule;
  const firings = schedule && nextFirings(schedule.actual, at, shownFirings);
  const job = renderJob2026(snapshot, { now: at, nextFiringAt: firings?.[0], nextFirings: firings });
  const when = instantText(at) ?? null;
  return {
    ...job,
    status_short: `As it was at ${when}`,
    status_long: sentenceOf(past),
    status: { ...job.status, short: run ? 'running' : 'unknown', duration: '0s', messages: messagesOf(past) },
    ...(job.run_id === undefined ? {} : { run_id: run?.id ?? null }),
    ...(run?.record
      ? { last_runs: [renderListedRun2026(snapshot.key.name, { run: run.record, streak: undefined, changed: [] })] }
      : {}),
    as_of: { at: when, from: instantText(from) ?? null, until: instantText(until) ?? null, run_id: run?.id ?? null },
  };
}

function sentenceOf({ at, until, reason, isByItsRuns }: PastJob): string {
  const what = `This is what the job was at ${instantText(at)}`;
  if (isByItsRuns) return `${what}, as far as its runs tell: they ran with the definition that it has now.`;
  if (until === undefined) return `${what}, and still is.`;
  return `${what}, until it was ${reason === 'deleted' ? 'deleted' : 'changed'} at ${instantText(until)}.`;
}

function messagesOf({ from, run }: PastJob): string[] {
  return [
    ...(from === undefined ? [] : [`it had been so since ${instantText(from)}`]),
    ...(run ? [`its run ${run.id} was going, since ${instantText(run.startedAt)}`] : []),
  ];
}
