import { expect, it } from 'vitest';
import type { JobSnapshot } from '../../src/domain.ts';
import { createNextFiring } from '../../src/server/next-firing.ts';
import { at, makeSnapshot } from '../support/facts.ts';

const scheduled = (actual: string, changes: Parameters<typeof makeSnapshot>[0] = {}): JobSnapshot =>
  makeSnapshot({ kind: 'CronJob', job: { schedule: { text: actual, actual } }, ...changes });

it('tells the next firing, and the one behind it once it has come', () => {
  let clock = at('2026-03-01T12:00:00Z');
  const nextFiringAt = createNextFiring(() => clock);
  const hourly = scheduled('30 * * * *');
  expect(nextFiringAt(hourly)).toBe(at('2026-03-01T12:30:00Z'));
  clock = at('2026-03-01T12:29:59Z');
  expect(nextFiringAt(hourly)).toBe(at('2026-03-01T12:30:00Z'));
  clock = at('2026-03-01T12:30:00Z');
  expect(nextFiringAt(hourly)).toBe(at('2026-03-01T13:30:00Z'));
});

it('tells it on the clocks of the zone of the job', () => {
  const nextFiringAt = createNextFiring(() => at('2026-07-01T00:00:00Z'));
  const [here, there] = ['UTC', 'Europe/Rome'].map((timeZone) =>
    makeSnapshot({ kind: 'CronJob', job: { schedule: { text: '', actual: '17 6 * * *' }, timeZone } }),
  );
  expect([here, there].map((job) => nextFiringAt(job as JobSnapshot))).toEqual(
    ['2026-07-01T06:17:00Z', '2026-07-01T04:17:00Z'].map(at),
  );
});

it('keeps schedules apart', () => {
  const nextFiringAt = createNextFiring(() => at('2026-03-01T12:00:00Z'));
  const schedules = ['30 * * * *', '0 0 * * *', '30 * * * *'];
  expect(schedules.map((actual) => nextFiringAt(scheduled(actual)))).toEqual(
    ['2026-03-01T12:30:00Z', '2026-03-02T00:00:00Z', '2026-03-01T12:30:00Z'].map(at),
  );
});

it.each([
  ['is not scheduled', makeSnapshot()],
  ['is suspended', scheduled('0 0 * * *', { status: { suspended: true } })],
  ['is none of ours', makeSnapshot({ kind: 'CronJob', foreign: 'other' })],
  ['has a date that does not exist', scheduled('0 0 30 2 *')],
  ['has a schedule nobody can read', scheduled('TZ=UTC 0 0 * * *')],
])('tells nothing of a job that %s', (_what, snapshot) => {
  expect(createNextFiring(() => at('2026-03-01T12:00:00Z'))(snapshot)).toBeUndefined();
});
