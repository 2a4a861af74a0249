/** Notices and mailboxes of the tool alpha for tests; each option changes one thing. */
import type { Notice, WhatRan } from '../../src/domain.ts';
import {
  emptyMailbox,
  type GatheredNotice,
  type Incident,
  type Mailbox,
  type NoticeDetails,
  refOf,
  type SealedMail,
} from '../../src/mailbox.ts';

const at = (text: string) => Date.parse(text);

/** Unset: what the scheduled job `daily` of alpha ran with. */
export function makeRan(changes: Partial<WhatRan> = {}): WhatRan {
  return {
    cmd: './daily.sh',
    image: 'python3.11',
    imageDigest: undefined,
    memory: '512Mi',
    cpu: '0.5',
    retry: 0,
    timeout: 0,
    replicas: 1,
    schedule: '17 4 * * *',
    filelogStdout: '/data/project/alpha/daily.out',
    filelogStderr: '/data/project/alpha/daily.err',
    ...changes,
  };
}

/** Unset: the run `run-1` of the scheduled job `daily` of alpha failed with code 3 after 3 min 12 s, at 04:20:12 on 2026-03-01. */
export function makeNotice(changes: Partial<Notice> = {}): Notice {
  const kind = changes.kind ?? 'failed';
  const hasFailed = kind === 'failed';
  const run = changes.run ?? 'run-1';
  return {
    id: `${run}/${kind}`,
    kind,
    key: { namespace: 'tool-alpha', kind: 'CronJob', name: 'daily' },
    emails: 'onfailure',
    at: at('2026-03-01T04:20:12Z'),
    jobUid: 'uid-1',
    run,
    pod: 'daily-29540160-x7k2p',
    startedAt: at('2026-03-01T04:17:00Z'),
    finishedAt: at('2026-03-01T04:20:12Z'),
    reason: hasFailed ? 'exit_code' : undefined,
    exitCode: hasFailed ? 3 : kind === 'finished' ? 0 : undefined,
    signal: undefined,
    attempts: 1,
    clusterSays: undefined,
    jobSays: undefined,
    ran: makeRan(),
    ...changes,
  };
}

/** Unset: two lines of `daily.err`, and no good run before. */
export function makeDetails(changes: Partial<NoticeDetails> = {}): NoticeDetails {
  return {
    lines: ['reading pages', 'no such page'],
    linesFrom: 'daily.err',
    linesMissing: undefined,
    refusal: undefined,
    lastGood: undefined,
    ...changes,
  };
}

/** Unset: the first failure of `daily`, not told yet. */
export function makeIncident(changes: Partial<Incident> = {}): Incident {
  return {
    kind: 'CronJob',
    name: 'daily',
    jobUid: 'uid-1',
    ran: makeRan(),
    reasons: ['exit_code'],
    since: at('2026-03-01T04:20:12Z'),
    lastAt: at('2026-03-01T04:20:12Z'),
    failures: 1,
    toldAt: at('2026-03-01T04:20:12Z'),
    thread: undefined,
    ...changes,
  };
}

/** Unset: the first failure of `daily`, with its details. */
export function makeGathered(changes: Partial<GatheredNotice> = {}): GatheredNotice {
  return { notice: makeNotice(), as: 'event', incident: makeIncident(), details: makeDetails(), ...changes };
}

/** Unset: a mail of alpha that tells of the notice `run-1/failed`. */
export function makeSealed(changes: Partial<SealedMail> = {}): SealedMail {
  return {
    messageId: '<one@toolforge.org>',
    from: 'noreply@toolforge.org',
    to: 'tools.alpha@toolforge.org',
    subject: '[Toolforge] [alpha] daily failed',
    bytes: 'Subject: [Toolforge] [alpha] daily failed\r\n\r\ndaily failed\r\n',
    sealedAt: at('2026-03-01T04:20:42Z'),
    notices: [refOf(makeNotice())],
    gapsUntil: 0,
    ...changes,
  };
}

/** Unset: of alpha, with nothing in it. */
export function makeMailbox(changes: Partial<Mailbox> = {}): Mailbox {
  return { ...emptyMailbox('alpha'), ...changes };
}
