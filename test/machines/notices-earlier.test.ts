/**
 * What the mailer before this service would have mailed about a pod, and what we tell, side by side: every setting, phase and state of the
 * container. Its rules: nothing for `none`; nothing for a pending pod of which nothing is known; everything else for `all`; ended containers
 * for `onfinish`; ended ones with a code other than 0 for `onfailure`. Where we differ a named reason says why.
 */
import { describe, expect, it } from 'vitest';
import { type Emails, emailsChoices, type JobEvent } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { judge } from '../../src/machines/notify-policy.ts';
import { createJobRoster } from '../../src/machines/roster.ts';
import { makeResolved } from '../support/facts.ts';
import { makeJobObject, makePod } from '../support/make.ts';
import { makeSeen } from '../support/make-event.ts';
import { makeMailbox } from '../support/notices.ts';

type PodOptions = NonNullable<Parameters<typeof makePod>[0]>;
type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

interface State {
  readonly name: string;
  readonly kind: 'running' | 'terminated' | 'waiting' | 'unknown';
  readonly pod: PodOptions;
}

const phases: readonly Phase[] = ['Pending', 'Running', 'Succeeded', 'Failed'];
const states: readonly State[] = [
  { name: 'no container', kind: 'unknown', pod: { noContainer: true } },
  { name: 'being made', kind: 'waiting', pod: { waiting: 'ContainerCreating' } },
  { name: 'image cannot be pulled', kind: 'waiting', pod: { waiting: 'ImagePullBackOff' } },
  { name: 'waits after a crash', kind: 'waiting', pod: { waiting: 'CrashLoopBackOff', lastExitCode: 3 } },
  { name: 'runs', kind: 'running', pod: {} },
  { name: 'ended with 0', kind: 'terminated', pod: { exitCode: 0 } },
  { name: 'ended with 3', kind: 'terminated', pod: { exitCode: 3 } },
  { name: 'killed', kind: 'terminated', pod: { exitCode: 137 } },
  { name: 'out of memory', kind: 'terminated', pod: { exitCode: 137, reason: 'OOMKilled' } },
];

function earlierMails(emails: Emails, phase: Phase, { kind, pod }: State): boolean {
  if (emails === 'none') return false;
  if (kind === 'unknown' && phase === 'Pending') return false;
  if (emails === 'all') return true;
  if (emails === 'onfinish') return kind === 'terminated';
  return kind === 'terminated' && pod.exitCode !== 0;
}

/** A one-off job whose only pod is as it is, at once; the Job says what follows from the phase. */
function weMail(emails: Emails, phase: Phase, { pod }: State): boolean {
  const told: boolean[] = [];
  const roster = createJobRoster({
    log: createLog({ level: 'silent' }),
    onNotice(notice) {
      const { is } = judge({ notice, incident: undefined, mailbox: makeMailbox(), now: notice.at });
      told.push(is === 'gathered');
    },
  });
  const readJob = () => ({ job: makeResolved({ emails }), definition: undefined });
  const job: Readonly<Record<Phase, Parameters<typeof makeJobObject>[0]>> = {
    Pending: { active: 1 },
    Running: { active: 1 },
    Succeeded: { succeeded: 1, conditions: [{ type: 'Complete' }] },
    Failed: { failed: 1, conditions: [{ type: 'Failed', reason: 'BackoffLimitExceeded' }] },
  };
  const events: JobEvent[] = [
    makeSeen(makePod({ ...pod, phase })),
    makeSeen(makeJobObject({ ...job[phase], version: '110' }), readJob),
  ];
  for (const event of events) roster.accept(event);
  roster.stop();
  return told.includes(true);
}

const differences: readonly { readonly why: string; of(emails: Emails, phase: Phase, state: State): boolean }[] = [
  {
    why: 'that a container waits is no event: what keeps it from starting is told when it has lasted, the crash before it as a crash',
    of: (emails, phase, { kind }) =>
      emails === 'all' && kind === 'waiting' && (phase === 'Pending' || phase === 'Running'),
  },
  {
    why: 'a pod that runs and of which nothing is known has nothing to tell',
    of: (emails, phase, { kind }) => emails === 'all' && kind === 'unknown' && phase === 'Running',
  },
  {
    why: 'a run that failed is told whatever its container says: evicted, lost, never started',
    of: (emails, phase, { kind, pod }) =>
      (emails === 'onfinish' || emails === 'onfailure') &&
      phase === 'Failed' &&
      (kind !== 'terminated' || (emails === 'onfailure' && pod.exitCode === 0)),
  },
  {
    why: 'a run that has succeeded is told as an end whatever its container says',
    of: (emails, phase, { kind }) => emails === 'onfinish' && phase === 'Succeeded' && kind !== 'terminated',
  },
  {
    why: 'a run that has succeeded is no failure, whatever its container says',
    of: (emails, phase, { pod }) => emails === 'onfailure' && phase === 'Succeeded' && (pod.exitCode ?? 0) !== 0,
  },
  {
    why: 'an attempt that has ended while its pod goes on is told when the run has ended',
    of: (emails, phase, { kind, pod }) =>
      (emails === 'onfinish' || (emails === 'onfailure' && pod.exitCode !== 0)) &&
      kind === 'terminated' &&
      (phase === 'Pending' || phase === 'Running'),
  },
];

const table = emailsChoices.flatMap((emails) =>
  phases.flatMap((phase) => states.map((state) => [emails, phase, state.name, state] as const)),
);

describe('beside the mailer before this service', () => {
  it.each(table)('%s, pod %s, container %s: the same, or different for a reason', (emails, phase, _, state) => {
    const reasons = differences.filter((difference) => difference.of(emails, phase, state)).map(({ why }) => why);
    const isSame = weMail(emails, phase, state) === earlierMails(emails, phase, state);
    expect(isSame, reasons.join('; ') || 'no reason to differ').toBe(reasons.length === 0);
  });

  it('no reason stands for nothing', () => {
    for (const { why, of } of differences)
      expect(
        table.some(([emails, phase, , state]) => of(emails, phase, state)),
        why,
      ).toBe(true);
  });
});
