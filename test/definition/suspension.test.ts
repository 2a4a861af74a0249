import { describe, expect, it } from 'vitest';
import {
  problemsOfSuspend,
  resumableAt,
  resumptionOf,
  suspended,
  suspensionAfterChange,
  suspensionAt,
  suspensionFor,
  suspensionOf,
} from '../../src/definition/suspension.ts';
import type { ObjectFacts, Suspension } from '../../src/domain.ts';
import { at, makeSnapshot } from '../support/facts.ts';
import { makeCronJobObject } from '../support/make.ts';

const noon = at('2026-03-01T12:00:00Z');
const minute = 60_000;
const lasting: Suspension = {
  since: noon,
  by: 'owner',
  note: 'moves',
  until: noon + 60 * minute,
  resumedAt: undefined,
};
const hourly = { schedule: { text: '0 * * * *', actual: '0 * * * *' } };
const firing = { timeZone: 'UTC', concurrency: 'forbid', deadlineMs: 30_000, changedAt: undefined } as const;

function facts({ isSuspended = true, suspension = lasting as Suspension | null } = {}): ObjectFacts {
  const { object } = makeSnapshot({
    kind: 'CronJob',
    job: hourly,
    status: { suspended: isSuspended },
    object: { firing },
  });
  return suspension ? { ...object, suspension } : object;
}

describe('what a CronJob says of its suspension', () => {
  it('is read as it was written', () => {
    const past = { ...lasting, by: 'service', note: undefined, until: undefined, resumedAt: noon + minute } as const;
    for (const one of [lasting, past]) expect(suspensionOf(suspended(makeCronJobObject(), one))).toEqual(one);
  });

  it('is said beside the ones before it, the last five, which firings may still fall into', () => {
    let object = makeCronJobObject();
    for (let at = 0; at < 7; at += 1) {
      const one = { ...lasting, since: noon + at * minute };
      object = suspended(object, one);
      object = suspended(object, { ...one, resumedAt: one.since + 30_000 });
    }
    const suspension = suspensionOf(suspended(object, { ...lasting, since: noon + 60 * minute }));
    expect(suspension?.before?.map(({ since }) => (since - noon) / minute)).toEqual([6, 5, 4, 3, 2]);
    const shown = facts({ suspension: suspension ?? null });
    expect(suspensionAt(shown, noon + 4 * minute)).toMatchObject({ since: noon + 4 * minute });
    expect(suspensionAt(shown, noon + 4.5 * minute)).toBeUndefined();
  });

  it('leaves everything else of the object as it was', () => {
    const object = makeCronJobObject({ annotations: { mine: 'kept' } });
    const written = suspended(object, lasting) as { metadata: { annotations: object }; spec: object };
    expect(written.metadata.annotations).toHaveProperty('mine', 'kept');
    expect(written.spec).toMatchObject({ ...(object.spec as object), suspend: true });
  });

  it.each(['', '{', '[]', 'null', '{"since":5}', '{"since":"yesterday"}'])('is nothing where it is %j', (text) => {
    const annotations = { 'jobs.toolforge.org/suspension': text };
    expect(suspensionOf(makeCronJobObject({ annotations }))).toBeUndefined();
  });
});

describe('a firing', () => {
  it.each<[string, ObjectFacts, number, unknown]>([
    ['of a job that is suspended falls into it', facts(), noon + minute, lasting],
    ['of the very moment in which it began falls into it', facts(), noon, lasting],
    ['of before does not', facts(), noon - 1, undefined],
    ['of a job that was never suspended does not', facts({ isSuspended: false, suspension: null }), noon, undefined],
    [
      'of a job that another hand suspended falls into one of which nothing is known',
      facts({ suspension: null }),
      noon,
      true,
    ],
  ])('%s', (_, object, when, expected) => {
    expect(suspensionAt(object, when)).toEqual(expected);
  });

  it('falls into a suspension that is over only if it was due while that lasted', () => {
    const over = { ...lasting, resumedAt: noon + 5 * minute };
    const resumed = facts({ isSuspended: false, suspension: over });
    expect([noon + 4 * minute, noon + 5 * minute].map((when) => suspensionAt(resumed, when))).toEqual([
      over,
      undefined,
    ]);
    expect(suspensionAt(facts({ suspension: over }), noon + 6 * minute)).toBe(true);
  });
});

describe('a job that is to go on', () => {
  it.each([
    ['goes on at once, where nothing has fallen due', noon + 30 * minute, noon + 30 * minute],
    [
      'waits until a run that fell due can no longer be begun late',
      noon + 60 * minute + 5_000,
      noon + 60 * minute + 31_000,
    ],
    ['waits no longer than that', noon + 60 * minute + 31_000, noon + 60 * minute + 31_000],
    ['goes on for the very firing of that time', noon + 60 * minute, noon + 60 * minute],
  ])('%s', (_, wanted, expected) => {
    expect(resumableAt(wanted, noon, facts())).toBe(expected);
  });

  it('does not wait for a firing of before it was suspended', () => {
    expect(resumableAt(noon + 20_000, noon + 10_000, facts())).toBe(noon + 20_000);
  });

  it('does not wait where its owner asked for runs to be caught up', () => {
    const patient = { ...facts(), firing: { ...firing, deadlineMs: 600_000 } };
    expect(resumableAt(noon + 60 * minute + 5_000, noon, patient)).toBe(noon + 60 * minute + 5_000);
  });

  it('is left alone where it goes on already', () => {
    expect(resumptionOf(makeCronJobObject(), facts(), noon)).toBeUndefined();
  });

  it('is looked after by its end, where it has to wait', () => {
    const now = noon + 60 * minute + 5_000;
    expect(resumptionOf(suspended(makeCronJobObject(), lasting), facts(), now)).toEqual({ ...lasting, until: now });
  });
});

describe('a job that is changed', () => {
  const asked = { note: 'asked' };
  const byCommand = suspended(makeCronJobObject(), lasting);
  const change = (present: typeof byCommand, former: typeof asked | undefined, wanted: typeof asked | undefined) =>
    suspensionAfterChange(present, { former, wanted }, facts(), noon + 30 * minute);

  it('stays suspended where a command did that', () => {
    expect(change(byCommand, undefined, undefined)).toBeUndefined();
  });

  it('is suspended as its definition has it, since when it was', () => {
    expect(change(byCommand, undefined, asked)).toEqual(suspensionFor(asked, { since: noon }));
    expect(change(makeCronJobObject(), undefined, asked)).toEqual(suspensionFor(asked, { since: noon + 30 * minute }));
  });

  it('goes on where its definition had it suspended, and no longer does', () => {
    expect(change(byCommand, asked, undefined)).toEqual({ ...lasting, resumedAt: noon + 30 * minute });
  });
});

it.each<[object, string[]]>([
  [{}, []],
  [{ note: 'the wiki moves', until: '2026-12-01T08:00:00+01:00' }, []],
  [{ note: '', until: '2026-12-01' }, ['note', 'until']],
  [{ note: 'two\nlines' }, ['note']],
  [{ note: '\u001b[31m' }, ['note']],
  [{ note: 'x'.repeat(201) }, ['note']],
  [{ note: 5, until: 'tomorrow' }, ['note', 'until']],
  [{ until: '2026-13-01T08:00:00Z' }, ['until']],
  [{ until: '2027-02-30T08:00:00Z' }, ['until']],
])('of %j wrong is %j', (asked, fields) => {
  expect(problemsOfSuspend(asked).map(({ field }) => field)).toEqual(fields);
});
