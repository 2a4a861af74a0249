/**
 * Which events a mail tells of, and why the others are left out: an ordered list of named checks, of which the first that has an opinion
 * decides. Asked by mailbox-changes.ts for each notice. Pure.
 */
import type { Emails, Notice, NoticeKind } from '../domain.ts';
import type { Incident, Mailbox } from '../mailbox.ts';

/** What is looked at: the notice, the open incident of the very job it is about, and the mailbox it would go into. */
export interface Question {
  readonly notice: Notice;
  readonly incident: Incident | undefined;
  readonly mailbox: Mailbox;
  readonly now: number;
}

export type Verdict =
  /** It is told in the next mail. */
  | { readonly is: 'gathered' }
  /** The same, as the end of the incident. */
  | { readonly is: 'recovery' }
  /** It ends the incident, of which nobody wants to hear any more. */
  | { readonly is: 'silent recovery' }
  /** It is one more failure of the incident, and is told as a number in a later mail. */
  | { readonly is: 'counted'; readonly why: string }
  /** It is not told; `why` is shown in the mail log. */
  | { readonly is: 'withheld'; readonly why: string }
  /** Nothing is known of it afterwards. */
  | { readonly is: 'ignored'; readonly why: string };

type Check = (question: Question) => Verdict | undefined;

/** Kinds that each setting asks for. A job that was steady or has finished ends an incident, whatever the setting is. */
const wanted: Readonly<Record<Emails, readonly NoticeKind[]>> = {
  none: [],
  onfailure: ['failed', 'suspended', 'unusual'],
  onfinish: ['failed', 'suspended', 'unusual', 'finished', 'restarted'],
  all: ['failed', 'suspended', 'unusual', 'finished', 'restarted', 'started'],
};

/** Failures in a row that are told at once; later ones once a day. */
const toldFailures: readonly number[] = [1, 3, 10];
const dayMs = 24 * 60 * 60 * 1000;

const checks: readonly Check[] = [countedAlready, endsIncident, notAsked, sameIncident];

export function judge(question: Question): Verdict {
  for (const check of checks) {
    const verdict = check(question);
    if (verdict) return verdict;
  }
  return { is: 'gathered' };
}

/** A replay, a list or a restart tells again what was told before. */
function countedAlready({ notice, mailbox }: Question): Verdict | undefined {
  return mailbox.counted.includes(notice.id) ? { is: 'ignored', why: 'it was counted before' } : undefined;
}

function endsIncident({ notice, incident }: Question): Verdict | undefined {
  if (!incident || (notice.kind !== 'finished' && notice.kind !== 'steady')) return undefined;
  // A run that began before the last failure says nothing about the time after it.
  if (notice.at < incident.lastAt) return undefined;
  return notice.emails === 'none' ? { is: 'silent recovery' } : { is: 'recovery' };
}

function notAsked({ notice: { emails, kind } }: Question): Verdict | undefined {
  if (wanted[emails].includes(kind)) return undefined;
  const why = `this job asks for no mail about it (emails: ${emails})`;
  return { is: ['failed', 'suspended', 'unusual'].includes(kind) ? 'withheld' : 'ignored', why };
}

/** What failed is the same thing as before, and of a cause that was told: the first, third and tenth time are told, then one a day. */
function sameIncident({ notice, incident, now }: Question): Verdict | undefined {
  if (notice.kind !== 'failed' || !incident || hasChanged(incident, notice)) return undefined;
  // First no room for it, then a lack of memory: each is told once.
  if (notice.reason && !incident.reasons.includes(notice.reason)) return undefined;
  const failures = incident.failures + 1;
  if (toldFailures.includes(failures) || now - incident.toldAt >= dayMs) return undefined;
  const next = toldFailures.find((count) => count > failures);
  const then = next === undefined ? 'a day after it was told last' : `when it has failed ${next} times`;
  return { is: 'counted', why: `failure ${failures} in a row; it is told again ${then}` };
}

/** A failure of something else is news: its owner has tried to mend it. */
function hasChanged({ ran }: Incident, notice: Notice): boolean {
  return JSON.stringify(withoutDigest(ran)) !== JSON.stringify(withoutDigest(notice.ran));
}

/** The digest is known of some attempts only. */
function withoutDigest(ran: Notice['ran']): unknown {
  return ran && { ...ran, imageDigest: undefined };
}
