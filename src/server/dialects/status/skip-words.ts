/** Why a firing of a schedule became no run, in words for the owner of the job. Pure. */
import type { RunEnd, Skip, Suspension } from '../../../domain.ts';
import { instantText } from './instant.ts';
import { refusalDetails } from './refusal-words.ts';

type Cause = Pick<RunEnd, 'reason' | 'since' | 'until' | 'clusterSays' | 'suspension'> & Partial<Pick<RunEnd, 'dueAt'>>;

/** @example whySkipped({ reason: 'suspended' }) -> 'the job is suspended' */
export function whySkipped({ reason, since, until, clusterSays = '', suspension, dueAt }: Cause): string {
  switch (reason) {
    case 'previous_run':
      return `the run before it was still going${since === undefined ? '' : `, since ${instantText(since)}`}`;
    case 'previous_pending':
      return `the run before it had not begun${since === undefined ? '' : `, and waits since ${instantText(since)}`}`;
    case 'suspended':
      return suspension ? suspendedWords(suspension, dueAt) : 'the job is suspended';
    case 'changed':
      return 'the job was changed or deleted in that moment';
    case 'quota':
      return ['the quota of the tool left no room for it', ...refusalDetails(clusterSays)].join('; ');
    case 'not_started':
      return 'the cluster refused to begin it';
    case 'cluster_away':
      return `the cluster could not be reached${fromTo(since, until)}`;
    case 'unexplained':
      return 'the cluster did not begin it within its starting deadline, and does not say why';
    default:
      return 'why is not known';
  }
}

function suspendedWords({ by, note, until }: NonNullable<Cause['suspension']>, dueAt = 0): string {
  const words = `the job was suspended by ${suspenders[by]}${note === undefined ? '' : `: ${note}`}`;
  const isLate = until !== undefined && dueAt >= until;
  return isLate ? `${words}; that was to end at ${instantText(until)}, but the service was away` : words;
}

/** In words for its owner. */
export const suspenders: Readonly<Record<Suspension['by'], string>> = {
  owner: 'its owner',
  service: 'the service',
};

/** @example 'suspended since 2026-03-01T12:00:00Z by its owner: the wiki moves; until 2026-03-02T08:00:00Z' */
export function suspensionWords({ since, by, note, until }: Suspension): string {
  const end = until === undefined ? '' : `; until ${instantText(until)}`;
  return `suspended since ${instantText(since)} by ${suspenders[by]}${note === undefined ? '' : `: ${note}`}${end}`;
}

function fromTo(since: number | undefined, until: number | undefined): string {
  if (since === undefined) return '';
  return until === undefined ? ` since ${instantText(since)}` : ` from ${instantText(since)} to ${instantText(until)}`;
}

/** For a column. @example 'Skipped 2026-03-01T02:10:00Z, no room in the quota' */
export function shortSkip({ dueAt, reason }: Skip): string {
  const why: Partial<Record<NonNullable<Cause['reason']>, string>> = {
    previous_run: 'the run before went on',
    previous_pending: 'the run before had not begun',
    quota: 'no room in the quota',
    not_started: 'refused by the cluster',
    cluster_away: 'the cluster was away',
    unexplained: 'not begun in time',
  };
  const words = reason && why[reason];
  return `Skipped ${instantText(dueAt)}${words ? `, ${words}` : ''}`;
}
