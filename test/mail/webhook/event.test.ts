import { describe, expect, it } from 'vitest';
import { createWebhookSeal, testEvent } from '../../../src/mail/webhook/event.ts';
import type { GatheredNotice, Mailbox } from '../../../src/mailbox.ts';
import { makeDetails, makeGathered, makeIncident, makeMailbox, makeNotice } from '../../support/notices.ts';

const now = Date.parse('2026-03-01T04:20:13Z');
const seal = (changes: Partial<Mailbox>) =>
  createWebhookSeal({ now: () => now, complete: async (mailbox) => mailbox })(makeMailbox(changes));
const eventOf = async (gathered: GatheredNotice) => JSON.parse((await seal({ open: [gathered] })).bytes);

describe('an event for a webhook', () => {
  it('has the words of the mail, and what a program needs', async () => {
    expect(await eventOf(makeGathered())).toEqual({
      id: expect.stringMatching(/^evt_[A-Za-z0-9_-]{27}$/),
      type: 'job.failed',
      tool: 'alpha',
      job: 'daily',
      job_type: 'scheduled',
      run: 'run-1',
      outcome: 'failed',
      reason: 'exit_code',
      exit_code: 3,
      failures: 1,
      message: 'Your job daily failed at 04:20:12 UTC on 1 March 2026: your program ended with code 3.',
      at: '2026-03-01T04:20:12.000Z',
      left_out: 0,
    });
  });

  it.each<[string, Partial<GatheredNotice>, object]>([
    [
      'a firing that became no run',
      { notice: makeNotice({ isSkipped: true, reason: 'previous_run', exitCode: undefined, startedAt: undefined }) },
      { type: 'job.skipped', outcome: 'skipped', reason: 'previous_run', exit_code: null },
    ],
    [
      'a recovery by a run',
      { as: 'recovered', notice: makeNotice({ kind: 'finished' }), incident: makeIncident({ failures: 4 }) },
      { type: 'job.recovered', outcome: 'succeeded', failures: 4, reason: null, exit_code: 0 },
    ],
    [
      'a recovery by running on',
      { as: 'recovered', notice: makeNotice({ kind: 'steady' }) },
      { type: 'job.recovered', outcome: null },
    ],
    [
      'a run that did well',
      { notice: makeNotice({ kind: 'finished' }), incident: undefined },
      { type: 'job.finished', outcome: 'succeeded', failures: 0 },
    ],
    [
      'a start',
      { notice: makeNotice({ kind: 'started' }), incident: undefined },
      { type: 'job.started', outcome: null },
    ],
    [
      'another attempt',
      { notice: makeNotice({ kind: 'restarted' }), incident: undefined },
      { type: 'job.restarted', outcome: null },
    ],
  ])('says of %s what it is', async (_, changes, told) => {
    expect(await eventOf(makeGathered(changes))).toMatchObject(told);
  });

  it('says why the cluster made no pod, as it was collected', async () => {
    const notice = makeNotice({ reason: 'not_started', pod: undefined, startedAt: undefined, exitCode: undefined });
    const refused = makeGathered({ notice, details: makeDetails({ refusal: 'exceeded quota: tool-alpha' }) });
    expect((await eventOf(refused)).message).toMatch('the quota of your tool leaves no room for it');
  });

  it('is the first that waits, and counts those that had no room', async () => {
    const second = makeGathered({ notice: makeNotice({ run: 'run-2' }) });
    const { bytes, notices, to } = await seal({ open: [makeGathered(), second], folded: 7 });
    expect([JSON.parse(bytes).left_out, notices.map(({ id }) => id), to]).toEqual([7, ['run-1/failed'], 'alpha']);
  });

  it('has the same id whenever it is made, and another one for each event and tool', async () => {
    const id = async (box: Partial<Mailbox>) => (await seal(box)).messageId;
    const other = makeGathered({ notice: makeNotice({ run: 'run-2' }) });
    const same = { open: [makeGathered()] };
    expect(await id({ ...same, folded: 3 })).toBe(await id(same));
    expect(new Set([await id(same), await id({ open: [other] }), await id({ ...same, tool: 'beta' })]).size).toBe(3);
  });

  it('is one line of text, whatever a job is called', async () => {
    const name = 'x\u0000\n\u2028"}\u001b[31m';
    const { bytes } = await seal({
      open: [makeGathered({ notice: makeNotice({ key: { namespace: 'tool-alpha', kind: 'Job', name } }) })],
    });
    expect(JSON.parse(bytes).job).toBe(name);
    expect(bytes).not.toMatch(/\n/);
  });
});

describe('an event that tells of nothing', () => {
  it('says so, and is another one each time', () => {
    const { id, bytes } = testEvent('alpha', now);
    expect(JSON.parse(bytes)).toMatchObject({
      id,
      type: 'webhook.test',
      tool: 'alpha',
      at: '2026-03-01T04:20:13.000Z',
    });
    expect(testEvent('alpha', now).id).not.toBe(id);
  });
});
