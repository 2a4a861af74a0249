import { describe, expect, it } from 'vitest';
import { createMetrics, type MetricSources, standbyMetrics } from '../src/metrics.ts';

const sources: MetricSources = {
  jobs: () => 3,
  freshness: () => ({ synced: true, live: true, asOf: 1_000 }),
  streams: () => 2,
  watches: () => ({ pods: { lists: 2, live: true, dropped: { no_job: 1 } }, jobs: { lists: 1, live: false } }),
  runRecords: () => ({ waiting: 4, dropped: 0, failed: 1 }),
  maps: () => ({ settings: { isCurrent: true, version: '77' }, images: { isCurrent: false, version: undefined } }),
  files: () => ({ listeners: '', trust: 'the file is empty' }),
  usage: () => ({ running: 6, sampledAt: 2_500, failed: 2 }),
  homes: () => ({ running: 3, stuck: 1, waiting: 7 }),
  certificates: () => ({ listener: 3_500 + 2 * 86_400_000 }),
  mail: () => ({ mailboxes: 9, gathered: 5, sealed: 1, parked: 2, unsaved: 0, failures: 0, oldestAt: 1_500 }),
  webhooks: () => ({
    mailboxes: 2,
    gathered: 1,
    sealed: 1,
    parked: 0,
    unsaved: 0,
    failures: 0,
    oldestAt: 2_500,
    set: 2,
    failing: 1,
  }),
  checkpoint: () => ({ savedAt: 3_000, failed: 1, gaps: 2 }),
  now: () => 3_500,
};

const linesOf = async (metrics: { text(): Promise<string> }, name: string) =>
  (await metrics.text()).split('\n').filter((line) => line.startsWith(name));

describe('metrics', () => {
  it('read the sources when they are asked for', async () => {
    let jobs = 1;
    const metrics = createMetrics({ ...sources, jobs: () => jobs });
    expect(await linesOf(metrics, 'jobs_known ')).toEqual(['jobs_known 1']);
    jobs = 2;
    expect(await linesOf(metrics, 'jobs_known ')).toEqual(['jobs_known 2']);
    expect(await linesOf(metrics, 'jobs_view_age_seconds ')).toEqual(['jobs_view_age_seconds 2.5']);
    expect(await linesOf(metrics, 'jobs_watch{')).toEqual([
      'jobs_watch{kind="pods",what="lists"} 2',
      'jobs_watch{kind="jobs",what="lists"} 1',
    ]);
    expect(await linesOf(metrics, 'jobs_usage{')).toEqual([
      'jobs_usage{what="running"} 6',
      'jobs_usage{what="failed"} 2',
      'jobs_usage{what="age"} 1',
    ]);
    expect(await linesOf(metrics, 'jobs_homes{what="stuck"')).toEqual(['jobs_homes{what="stuck"} 1']);
    expect(await linesOf(metrics, 'jobs_run_records')).toContain('jobs_run_records{what="waiting"} 4');
  });

  it('know no negative age when the clock is set back', async () => {
    const metrics = createMetrics({ ...sources, now: () => 0 });
    expect(await linesOf(metrics, 'jobs_view_age_seconds ')).toEqual(['jobs_view_age_seconds 0']);
  });

  it('count answers by route, and refusals by code', async () => {
    const metrics = createMetrics(sources);
    for (const seconds of [0.003, 0.004]) metrics.answered('/v1/tool/:tool/jobs', 'GET', 200, seconds);
    metrics.refused('caller.too_many');
    expect(await linesOf(metrics, 'jobs_http_request_duration_seconds_count')).toEqual([
      'jobs_http_request_duration_seconds_count{route="/v1/tool/:tool/jobs",method="GET",status="200"} 2',
    ]);
    expect(await linesOf(metrics, 'jobs_http_refused_total')).toEqual([
      'jobs_http_refused_total{code="caller.too_many"} 1',
    ]);
  });

  it('tell how much mail waits and since when, and what became of attempts', async () => {
    const metrics = createMetrics(sources);
    metrics.mail.attempted('deferred');
    metrics.mail.durable(4);
    metrics.mail.handedOver(700);
    expect(await linesOf(metrics, 'jobs_mail_queue{what="parked"')).toEqual(['jobs_mail_queue{what="parked"} 2']);
    expect(await linesOf(metrics, 'jobs_mail_oldest_age_seconds ')).toEqual(['jobs_mail_oldest_age_seconds 2']);
    expect(await linesOf(metrics, 'jobs_mail_attempts_total{')).toEqual([
      'jobs_mail_attempts_total{as="sent"} 0',
      'jobs_mail_attempts_total{as="recorded"} 0',
      'jobs_mail_attempts_total{as="deferred"} 1',
      'jobs_mail_attempts_total{as="refused"} 0',
      'jobs_mail_attempts_total{as="parked"} 0',
    ]);
    expect(await linesOf(metrics, 'jobs_mail_event_to_durable_seconds_sum')).toEqual([
      'jobs_mail_event_to_durable_seconds_sum 0.004',
    ]);
    expect(await linesOf(metrics, 'jobs_mail_due_to_handed_over_seconds_count')).toEqual([
      'jobs_mail_due_to_handed_over_seconds_count 1',
    ]);
    expect(await linesOf(metrics, 'jobs_checkpoint{')).toEqual([
      'jobs_checkpoint{what="age"} 0.5',
      'jobs_checkpoint{what="gaps"} 2',
      'jobs_checkpoint{what="failed"} 1',
    ]);
  });

  it('know of no mail before it begins', async () => {
    const metrics = createMetrics({ ...sources, mail: () => undefined });
    expect(await linesOf(metrics, 'jobs_mail_queue{')).toEqual([]);
    expect(await linesOf(metrics, 'jobs_mail_oldest_age_seconds ')).toEqual(['jobs_mail_oldest_age_seconds 0']);
  });

  it('tell which version of each map is in force, and whether it is the newest', async () => {
    const metrics = createMetrics(sources);
    expect(await linesOf(metrics, 'jobs_settings_')).toEqual([
      'jobs_settings_last_reload_successful 1',
      'jobs_settings_version 77',
    ]);
    expect(await linesOf(metrics, 'jobs_images_')).toEqual([
      'jobs_images_last_reload_successful 0',
      'jobs_images_version 0',
    ]);
    expect(await linesOf(metrics, 'jobs_certificate_days{')).toEqual(['jobs_certificate_days{which="listener"} 2']);
  });

  it('tell which watches are connected, which files are in force, and how homes answer', async () => {
    const metrics = createMetrics(sources);
    expect(await linesOf(metrics, 'jobs_watch_up{')).toEqual([
      'jobs_watch_up{kind="pods"} 1',
      'jobs_watch_up{kind="jobs"} 0',
    ]);
    expect(await linesOf(metrics, 'jobs_files_in_force{')).toEqual([
      'jobs_files_in_force{which="listeners"} 1',
      'jobs_files_in_force{which="trust"} 0',
    ]);
    expect(await linesOf(metrics, 'jobs_homes{')).toEqual([
      'jobs_homes{what="running"} 3',
      'jobs_homes{what="stuck"} 1',
      'jobs_homes{what="waiting"} 7',
    ]);
  });

  it('tell the process that works from one that stands by, which has begun at the same time before and after', async () => {
    const works = createMetrics(sources);
    const standsBy = { text: standbyMetrics };
    expect(await linesOf(works, 'jobs_leader ')).toEqual(['jobs_leader 1']);
    expect(await linesOf(standsBy, 'jobs_leader ')).toEqual(['jobs_leader 0']);
    const beganAt = async (metrics: { text(): Promise<string> }) =>
      Number((await linesOf(metrics, 'process_start_time_seconds '))[0]?.split(' ')[1]);
    expect(Math.abs((await beganAt(works)) - (await beganAt(standsBy)))).toBeLessThanOrEqual(1);
  });

  it('of two daemons in one process are apart', async () => {
    const [one, other] = [createMetrics(sources), createMetrics(sources)];
    one.refused('internal');
    expect(await linesOf(other, 'jobs_http_refused_total{')).toEqual([]);
  });
});
