/**
 * A scheduled job that starts no runs for a while: what its CronJob says of it, in `spec.suspend` and in an annotation, and when it can be
 * resumed. Pure. Kubernetes: kubernetes.io, "CronJob", "Schedule suspension".
 */
import type { KubeObject, ObjectFacts, Suspend, Suspension } from '../domain.ts';
import { listAt, recordAt, textAt, timeAt } from '../fields.ts';
import { timeOf } from '../rfc3339.ts';
import { lastFirings } from './cron.ts';
import { annotationNames } from './labels.ts';

/** Of a CronJob; undefined where it was never suspended by this service. */
export function suspensionOf(object: KubeObject): Suspension | undefined {
  const text = textAt(object, 'metadata', 'annotations', annotationNames.suspension);
  if (text === undefined) return undefined;
  const said = parse(text);
  const last = readSuspension(said);
  const before = listAt(said, 'before').flatMap((one) => readSuspension(one) ?? []);
  return last && before.length > 0 ? { ...last, before: before.slice(0, maxBefore) } : last;
}

function readSuspension(said: unknown): Suspension | undefined {
  const since = timeAt(said, 'since');
  if (since === undefined) return undefined;
  return {
    since,
    by: textAt(said, 'by') === 'service' ? 'service' : 'owner',
    note: textAt(said, 'note')?.slice(0, maxNote),
    until: timeAt(said, 'until'),
    resumedAt: timeAt(said, 'resumed'),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The part of a CronJob that says so, as a strategic merge patch or to be put into a whole one.
 * @param present as it is now: what it says of former suspensions is kept
 */
export function suspensionPart(
  suspension: Suspension,
  present: KubeObject,
): {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: { readonly suspend: boolean };
} {
  const before = formerOf(present, suspension).map(sayingOf);
  const said = { ...sayingOf(suspension), ...(before.length > 0 ? { before } : {}) };
  return {
    metadata: { annotations: { [annotationNames.suspension]: JSON.stringify(said) } },
    spec: { suspend: suspension.resumedAt === undefined },
  };
}

function formerOf(present: KubeObject, { since }: Suspension): readonly Suspension[] {
  const { before = [], ...last } = suspensionOf(present) ?? {};
  const isOver = 'since' in last && last.since !== since && last.resumedAt !== undefined;
  return [...(isOver ? [last] : []), ...before].slice(0, maxBefore);
}

function sayingOf({ since, by, note, until, resumedAt }: Suspension): object {
  return { since: textOf(since), by, note, until: textOf(until), resumed: textOf(resumedAt) };
}

/** A whole CronJob with that part in it. @param present the one in whose place it is written */
export function suspended(cronJob: KubeObject, suspension: Suspension, present = cronJob): KubeObject {
  const { metadata, spec } = suspensionPart(suspension, present);
  const annotations = { ...recordAt(cronJob, 'metadata', 'annotations'), ...metadata.annotations };
  return {
    ...cronJob,
    metadata: { ...recordAt(cronJob, 'metadata'), annotations },
    spec: { ...recordAt(cronJob, 'spec'), ...spec },
  };
}

/**
 * The suspension of a CronJob that is to be as another definition has it; undefined: as it is. Whoever suspended it by a command meant that
 * to last, whatever file is applied; what a file has suspended goes on where the file does not want it any more.
 * @param former whether the definition that is replaced wanted it suspended
 */
export function suspensionAfterChange(
  present: KubeObject,
  { former, wanted }: { readonly former: Suspend | undefined; readonly wanted: Suspend | undefined },
  facts: Pick<ObjectFacts, 'job' | 'firing'>,
  now: number,
): Suspension | undefined {
  if (wanted) return suspensionFor(wanted, { since: lastingOf(present)?.since ?? now });
  return former ? resumptionOf(present, facts, now) : undefined;
}

/** What is written to a CronJob that is to go on from now; undefined where it does so already. */
export function resumptionOf(
  cronJob: KubeObject,
  facts: Pick<ObjectFacts, 'job' | 'firing'>,
  now: number,
): Suspension | undefined {
  if (!isSuspended(cronJob)) return undefined;
  // Another hand has suspended it, and nobody knows when.
  const lasting = lastingOf(cronJob) ?? suspensionFor({}, { since: 0 });
  const at = resumableAt(now, lasting.since, facts);
  return at > now ? { ...lasting, until: now } : { ...lasting, since: lasting.since || now, resumedAt: now };
}

/** The suspension that lasts, as far as the CronJob says. */
export function lastingOf(cronJob: KubeObject): Suspension | undefined {
  const suspension = isSuspended(cronJob) ? suspensionOf(cronJob) : undefined;
  return suspension?.resumedAt === undefined ? suspension : undefined;
}

function textOf(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}

export function isSuspended(cronJob: KubeObject): boolean {
  return recordAt(cronJob, 'spec').suspend === true;
}

/** The suspension that lasts; undefined also for one that another hand began without a word. */
export function suspensionNow({
  status,
  suspension,
}: Pick<ObjectFacts, 'status' | 'suspension'>): Suspension | undefined {
  return status.suspended && suspension?.resumedAt === undefined ? suspension : undefined;
}

/** @returns undefined where the job was not suspended in that moment; `true` where it was and nobody says by whom */
export function suspensionAt(object: ObjectFacts, at: number): Suspension | true | undefined {
  const { status, suspension } = object;
  const all = suspension ? [suspension, ...(suspension.before ?? [])] : [];
  const over = all.find(({ since, resumedAt }) => resumedAt !== undefined && since <= at && at < resumedAt);
  if (over) return over;
  if (!status.suspended) return undefined;
  if (!suspension || suspension.resumedAt !== undefined) return true;
  return suspension.since <= at ? suspension : undefined;
}

/** Longer than that nobody is kept waiting for a schedule to go on; also shorter than any schedule's pause. */
const longestHoldMs = 45_000;

/**
 * When a job that is wanted to go on from `wanted` can: Kubernetes begins a run late as long as its starting deadline lasts, also one
 * that fell due while the job was suspended; so that is waited for. Where the deadline is long the owner asked for runs to be caught up.
 */
export function resumableAt(
  wanted: number,
  since: number,
  { job, firing }: Pick<ObjectFacts, 'job' | 'firing'>,
): number {
  if (!job?.schedule || !firing || firing.deadlineMs > longestHoldMs) return wanted;
  const [last] = lastFirings(job.schedule.actual, wanted, 1, firing.timeZone);
  const isHeld = last !== undefined && last >= since && wanted <= last + firing.deadlineMs;
  return isHeld ? last + firing.deadlineMs + 1_000 : wanted;
}

const maxNote = 200;
/** Firings are accounted for within minutes, or after the daemon was away. */
const maxBefore = 5;

/** What is wrong with a request to suspend; `field` is the name of the key in it. */
export function problemsOfSuspend({ note, until }: { readonly note?: unknown; readonly until?: unknown }): {
  readonly field: 'note' | 'until';
  readonly rule: string;
}[] {
  return [
    ...(note === undefined || isNote(note)
      ? []
      : [
          {
            field: 'note' as const,
            rule: `must be one line of at most ${maxNote} characters. Example: "the wiki moves".`,
          },
        ]),
    ...(until === undefined || (typeof until === 'string' && timeOf(until) !== undefined)
      ? []
      : [{ field: 'until' as const, rule: 'must be a time with its zone. Example: "2026-12-01T08:00:00Z".' }]),
  ];
}

function isNote(note: unknown): boolean {
  return (
    typeof note === 'string' &&
    note.trim() !== '' &&
    note.length <= maxNote &&
    !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(note)
  );
}

/** What was asked for, as of a moment: one that is over asks for nothing. */
export function askedSuspend(suspend: Suspend | undefined, now: number | undefined): Suspend | undefined {
  if (!suspend || now === undefined || suspend.until === undefined) return suspend;
  return Date.parse(suspend.until) > now ? suspend : undefined;
}

/** The beginning of a suspension, or of another word about the one that lasts. */
export function suspensionFor(
  { note, until }: Suspend,
  { since, by = 'owner' }: { readonly since: number; readonly by?: Suspension['by'] },
): Suspension {
  return { since, by, note, until: until === undefined ? undefined : Date.parse(until), resumedAt: undefined };
}

/** What a definition would say of it. */
export function suspendOf(suspension: Suspension | undefined): Suspend {
  const { note, until } = suspension ?? {};
  return {
    ...(note === undefined ? {} : { note }),
    ...(until === undefined ? {} : { until: new Date(until).toISOString().replace('.000Z', 'Z') }),
  };
}
