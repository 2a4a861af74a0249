import { describe, expect, it } from 'vitest';
import type { Suspension } from '../../../src/domain.ts';
import { AppError, type ErrorCode, errorTable } from '../../../src/errors.ts';
import { fromKubeStatus } from '../../../src/kube.ts';
import {
  appliedAnswer,
  canonical,
  canonicalImages,
  canonicalJob,
  createdMessages,
  noMessages,
  resumedMessages,
  staleMessages,
  suspendedMessages,
} from '../../../src/server/dialects/canonical.ts';
import { errorAnswer, imagesAnswer } from '../../../src/server/schemas.ts';
import { images, standardImage } from '../../support/definitions.ts';
import { makeSnapshot, now } from '../../support/facts.ts';

describe('an error', () => {
  it.each(Object.keys(errorTable) as ErrorCode[])('%s is complete, and says nothing of Kubernetes', (code) => {
    const cause = fromKubeStatus(500, { reason: 'InternalError', message: 'words of the server' });
    for (const details of [{}, { cause }, { cause: cause.cause, fields: { name: 'x', count: 1 } }, { problems: [] }]) {
      const error = new AppError(code, 'what happened', details);
      const body = canonical.body(error);
      expect(JSON.stringify(body)).not.toContain('words of the server');
      expect(errorAnswer.parse(body)).toEqual(body);
      expect(body).toMatchObject({ error: ['what happened'], code, id: errorTable[code].id });
      expect(canonical.status(error)).toBe(errorTable[code].http || 500);
    }
  });

  it('has one sentence a problem', () => {
    const error = new AppError('job.invalid', 'two problems', { problems: ['one', 'two'], fields: { field: 'name' } });
    expect(canonical.body(error)).toEqual({
      error: ['one', 'two'],
      code: 'job.invalid',
      id: 'TJF-V010',
      fields: { field: 'name' },
    });
  });
});

describe('the messages', () => {
  it.each([
    [{ live: true, asOf: now - 60_000 }, []],
    [{ live: false, asOf: now - 60_400 }, [expect.stringContaining('60 s ago')]],
    [{ live: false, asOf: now + 5_000 }, [expect.stringContaining('0 s ago')]],
  ])('of a view that is %j', (freshness, warning) => {
    expect(staleMessages({ synced: true, ...freshness }, now)).toEqual({ info: [], warning, error: [] });
  });
});

describe('a job', () => {
  const options = { now, nextFiringAt: () => now + 60_000 };

  it('is all that is known of it, or only what its owner set', () => {
    const snapshot = makeSnapshot({ kind: 'CronJob', definition: { memory: '0.5Gi', emails: 'all' } });
    const all = canonicalJob([snapshot], { ...options, includeUnset: true, asTyped: false });
    const set = canonicalJob([snapshot], { ...options, includeUnset: false, asTyped: false });
    expect(all).toMatchObject({ name: 'demo', status: { next_schedule: '2026-03-01T13:01:02Z' }, retry: 0 });
    expect(set).toMatchObject({ name: 'demo', memory: '0.5Gi', emails: 'all', job_type: 'scheduled' });
    expect(Object.keys(set)).not.toContain('retry');
  });

  it('says what is wrong with it', () => {
    const trouble = 'exceeded quota: x, limited: limits.cpu=2';
    const snapshot = makeSnapshot();
    const troubles = new Map([[snapshot, trouble]]);
    expect(
      JSON.stringify(canonicalJob([snapshot], { ...options, includeUnset: true, asTyped: false, troubles })),
    ).toContain('Unable to start, out of quota for cpu');
  });
});

it('offers images by name and address', () => {
  const answer = canonicalImages({ images: images.offered(), warnings: ['The list is old.'] });
  expect(imagesAnswer.parse(answer)).toEqual(answer);
  expect(answer).toMatchObject({
    images: [{ shortname: 'bullseye' }, { shortname: 'python3.11', image: images.find('python3.11')?.url }],
    messages: { ...noMessages, warning: ['The list is old.'] },
  });
});

describe('a job that was just created', () => {
  const withSchedule = (text: string, actual: string) => makeSnapshot({ job: { schedule: { text, actual } } });

  it('comes with a warning where its image is deprecated', () => {
    const image = { ...standardImage, state: 'deprecated' as const };
    expect(createdMessages(makeSnapshot({ job: { image } }), now).warning).toEqual([
      expect.stringContaining("'python3.11' is deprecated"),
    ]);
  });

  it('comes with a warning where a page is to be asked over UDP', () => {
    const port = 53;
    const healthCheck = { type: 'http', path: '/' } as const;
    const made = (portProtocol: 'tcp' | 'udp') =>
      makeSnapshot({ kind: 'Deployment', definition: { port, portProtocol, healthCheck } });
    expect(createdMessages(made('udp'), now).warning).toEqual([expect.stringContaining('has no effect')]);
    expect(createdMessages(made('tcp'), now)).toBe(noMessages);
  });

  it('comes with its warnings from a create-or-update as well, where something was changed', () => {
    const made = withSchedule('@monthly', '5 4 31 * *');
    const messages = (outcome: 'created' | 'updated' | 'unchanged') =>
      appliedAnswer({ name: 'demo', outcome }, made, now).messages;
    expect(messages('created')).toMatchObject({ info: ['Job demo created'], warning: [expect.any(String)] });
    expect(messages('updated')).toMatchObject({ info: ['Job demo was updated'], warning: [expect.any(String)] });
    expect(messages('unchanged').warning).toEqual([]);
  });

  it('comes with a warning where its schedule skips months or never comes, and with none otherwise', () => {
    expect(createdMessages(withSchedule('@monthly', '5 4 31 * *'), now).warning).toHaveLength(1);
    expect(createdMessages(withSchedule('0 0 31 2 *', '0 0 31 2 *'), now).warning).toHaveLength(1);
    expect(createdMessages(withSchedule('@daily', '5 4 * * *'), now)).toBe(noMessages);
  });
});

describe('a job that was suspended', () => {
  const lasting = { since: now, by: 'owner', note: undefined, until: undefined, resumedAt: undefined } as const;

  it('says until when', () => {
    const infoOf = (until: number | undefined) => suspendedMessages('demo', { ...lasting, until }).messages.info;
    expect(infoOf(undefined)).toEqual(['Job demo is suspended: no run starts until it is resumed.']);
    expect(infoOf(now)).toEqual(['Job demo is suspended: no run starts until 2026-03-01T13:00:02Z.']);
  });

  it('says that it goes on, or will in a moment, and that its file would suspend it again', () => {
    const said = (suspension: Suspension | undefined, isAsked = false) =>
      resumedMessages('demo', suspension, isAsked).messages;
    expect(said({ ...lasting, resumedAt: now })).toMatchObject({ info: ['Job demo goes on.'], warning: [] });
    expect(said({ ...lasting, until: now }).info[0]).toMatch(/^Job demo goes on in less than a minute/);
    expect(said(undefined).info).toEqual(['Job demo was not suspended.']);
    expect(said({ ...lasting, resumedAt: now }, true).warning[0]).toContain("Take 'suspend' out of the file.");
  });
});
