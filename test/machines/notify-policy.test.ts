import { describe, expect, it } from 'vitest';
import { type Emails, emailsChoices, type NoticeKind, noticeKinds } from '../../src/domain.ts';
import { judge, type Verdict } from '../../src/machines/notify-policy.ts';
import { makeIncident, makeMailbox, makeNotice, makeRan } from '../support/notices.ts';

const day = 24 * 3_600_000;
const now = makeNotice().at + 1_000;

describe('what a job asks for with emails', () => {
  const table: Record<NoticeKind, Record<Emails, Verdict['is']>> = {
    started: { none: 'ignored', onfailure: 'ignored', onfinish: 'ignored', all: 'gathered' },
    restarted: { none: 'ignored', onfailure: 'ignored', onfinish: 'gathered', all: 'gathered' },
    finished: { none: 'ignored', onfailure: 'ignored', onfinish: 'gathered', all: 'gathered' },
    steady: { none: 'ignored', onfailure: 'ignored', onfinish: 'ignored', all: 'ignored' },
    failed: { none: 'withheld', onfailure: 'gathered', onfinish: 'gathered', all: 'gathered' },
    suspended: { none: 'withheld', onfailure: 'gathered', onfinish: 'gathered', all: 'gathered' },
    unusual: { none: 'withheld', onfailure: 'gathered', onfinish: 'gathered', all: 'gathered' },
  };
  const rows = noticeKinds.flatMap((kind) =>
    emailsChoices.map((emails) => [kind, emails, table[kind][emails]] as const),
  );

  it.each(rows)('%s with %s is %s', (kind, emails, is) => {
    const notice = makeNotice({ kind, emails });
    expect(judge({ notice, incident: undefined, mailbox: makeMailbox(), now }).is).toBe(is);
  });

  const inIncident: Record<NoticeKind, Record<Emails, Verdict['is']>> = {
    ...table,
    finished: { none: 'silent recovery', onfailure: 'recovery', onfinish: 'recovery', all: 'recovery' },
    steady: { none: 'silent recovery', onfailure: 'recovery', onfinish: 'recovery', all: 'recovery' },
    failed: { none: 'withheld', onfailure: 'counted', onfinish: 'counted', all: 'counted' },
  };

  it.each(noticeKinds.flatMap((kind) => emailsChoices.map((emails) => [kind, emails] as const)))(
    '%s with %s while the job fails ends it, goes on with it, or is as ever',
    (kind, emails) => {
      const notice = makeNotice({ kind, emails });
      const { is } = judge({ notice, incident: makeIncident(), mailbox: makeMailbox(), now });
      expect(is).toBe(inIncident[kind][emails]);
    },
  );
});

describe('failures in a row', () => {
  const toldOf = (count: number, from = now) => {
    const told: number[] = [];
    let incident = makeIncident({ toldAt: from });
    for (let failures = 2; failures <= count; failures += 1) {
      const { is } = judge({ notice: makeNotice(), incident, mailbox: makeMailbox(), now });
      if (is === 'gathered') told.push(failures);
      incident = { ...incident, failures };
    }
    return told;
  };

  it('are told the third and the tenth time', () => {
    expect(toldOf(100)).toEqual([3, 10]);
  });

  it('are told again a day after they were told last', () => {
    expect(toldOf(5, now - day)).toEqual([2, 3, 4, 5]);
    expect(toldOf(5, now - day + 1)).toEqual([3]);
  });

  it('are told at once where the job was changed in between, whatever image was pulled for it', () => {
    const whenRanBefore = (ran: Parameters<typeof makeRan>[0]) =>
      judge({ notice: makeNotice({ ran: makeRan(ran) }), incident: makeIncident(), mailbox: makeMailbox(), now }).is;
    expect(whenRanBefore({ memory: '1Gi' })).toBe('gathered');
    expect(whenRanBefore({ imageDigest: `sha256:${'0'.repeat(64)}` })).toBe('counted');
  });

  it('are told at once where the cause is one that was not told yet', () => {
    const verdictOn = (reason: 'exit_code' | 'out_of_memory') =>
      judge({ notice: makeNotice({ reason }), incident: makeIncident(), mailbox: makeMailbox(), now }).is;
    expect([verdictOn('exit_code'), verdictOn('out_of_memory')]).toEqual(['counted', 'gathered']);
  });

  it('say when the next mail about them comes', () => {
    const why = (failures: number) => {
      const verdict = judge({
        notice: makeNotice(),
        incident: makeIncident({ failures }),
        mailbox: makeMailbox(),
        now,
      });
      return verdict.is === 'counted' && verdict.why;
    };
    expect(why(1)).toBe('failure 2 in a row; it is told again when it has failed 3 times');
    expect(why(10)).toBe('failure 11 in a row; it is told again a day after it was told last');
  });
});

describe('an event that comes again', () => {
  it('counts once', () => {
    const mailbox = makeMailbox({ counted: ['run-1/failed'] });
    expect(judge({ notice: makeNotice(), incident: undefined, mailbox, now }).is).toBe('ignored');
  });

  it('from before the last failure does not end it', () => {
    const notice = makeNotice({ kind: 'finished', at: makeIncident().lastAt - 1 });
    expect(judge({ notice, incident: makeIncident(), mailbox: makeMailbox(), now }).is).toBe('ignored');
  });
});
