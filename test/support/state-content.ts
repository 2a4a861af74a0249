/**
 * Everything that a state directory can hold, as plain values: an awkward example of it, and how today's daemon writes and reads it. The
 * example is written once for each release (`npm run fixtures`); what is read of it must never change.
 */
import { join } from 'node:path';
import { type Checkpoint, createCheckpoint } from '../../src/checkpoint.ts';
import {
  type ConfigMapSeen,
  type LastGood,
  type MailLogRow,
  type Positions,
  type RunRecord,
  Tool,
} from '../../src/domain.ts';
import { openLastGoodMap } from '../../src/last-good-map.ts';
import type { Log } from '../../src/log.ts';
import { createMailboxFiles } from '../../src/mail/mailbox-files.ts';
import { createMailLog } from '../../src/mail-log.ts';
import { type Gap, type Mailbox, refOf } from '../../src/mailbox.ts';
import { createRunRecords } from '../../src/run-records.ts';
import { makeDetails, makeGathered, makeIncident, makeMailbox, makeNotice, makeRan, makeSealed } from './notices.ts';

export interface StateContent {
  readonly mailboxes: readonly Mailbox[];
  readonly jobs: readonly {
    readonly tool: string;
    readonly job: string;
    readonly runs: readonly RunRecord[];
    readonly good?: LastGood;
  }[];
  /** Newest first, as it is read. */
  readonly mailLogs: readonly { readonly tool: string; readonly rows: readonly MailLogRow[] }[];
  readonly checkpoint: {
    readonly positions: Positions;
    readonly asOf: number;
    readonly since: number;
    readonly gaps: readonly Gap[];
  };
  readonly settings: ConfigMapSeen;
  readonly images: ConfigMapSeen;
}

const at = (time: string) => Date.parse(`2026-03-01T${time}Z`);
/** When the example was made: nothing of it is old. */
const madeAt = at('05:00:00');

/** What jobs, the cluster and mail servers may bring about, with the texts that are hardest to keep. */
const hostile =
  'a "quote", a \\ and \u0000\u001b[31m\u007f\u0085\u2028\u202e\ud83d\ude80 \ud800 __proto__ </script>\r\n.\r\n';

const continuous = makeNotice({
  id: 'uid-9/2/failed',
  key: { namespace: 'tool-constructor', kind: 'Deployment', name: 'bot' },
  emails: 'all',
  reason: 'out_of_memory',
  exitCode: 137,
  signal: 9,
  attempts: 7,
  clusterSays: hostile.slice(0, 500),
  jobSays: hostile.slice(0, 500),
  ran: makeRan({ cmd: hostile, imageDigest: `sha256:${'0f'.repeat(32)}`, schedule: undefined, replicas: 3 }),
});
const unreadable = makeNotice({
  id: 'run-2/failed',
  run: 'run-2',
  jobUid: undefined,
  pod: undefined,
  startedAt: undefined,
  reason: 'quota',
  exitCode: undefined,
  ran: undefined,
});
const good: LastGood = { at: at('04:17:31'), ran: makeRan({ filelogStdout: undefined, filelogStderr: undefined }) };

const busy = makeMailbox({
  tool: 'constructor',
  open: [
    makeGathered({
      notice: continuous,
      details: makeDetails({ lines: [hostile, ''], linesMissing: undefined, refusal: hostile, lastGood: good }),
    }),
    makeGathered({ notice: unreadable, incident: undefined, details: undefined }),
    makeGathered({
      notice: makeNotice({ id: 'run-3/finished', run: 'run-3', kind: 'finished' }),
      as: 'recovered',
      incident: makeIncident({ failures: 14, thread: '<first@toolforge.org>' }),
      details: makeDetails({ lines: [], linesFrom: undefined, linesMissing: 'the home did not answer' }),
    }),
  ],
  folded: 250,
  openedAt: at('04:20:13'),
  sealed: makeSealed({
    to: 'tools.constructor@toolforge.org',
    notices: [refOf(continuous), refOf(unreadable)],
    gapsUntil: at('02:40:00'),
  }),
  lastSealedAt: at('04:20:42'),
  tries: 3,
  refusals: 1,
  firstTriedAt: at('04:20:43'),
  retryAt: at('04:31:07') + 0.125,
  parked: [
    {
      ...makeSealed({ messageId: '<parked@toolforge.org>' }),
      parkedAt: at('03:00:00'),
      tries: 75,
      why: `550 ${hostile}`,
      isRetried: false,
    },
    {
      ...makeSealed({ messageId: '<retried@toolforge.org>' }),
      parkedAt: at('03:00:01'),
      tries: 4,
      why: '',
      isRetried: true,
    },
  ],
  sent: [
    {
      messageId: '<sent@toolforge.org>',
      sentAt: at('01:00:00'),
      subject: '[Toolforge] [constructor] several jobs failed',
      isSent: true,
    },
    {
      messageId: '<kept@toolforge.org>',
      sentAt: at('01:10:00'),
      subject: '[Toolforge] [constructor] bot recovered',
      isSent: false,
    },
  ],
  day: { date: '2026-03-01', mails: 23 },
  incidents: [
    makeIncident({
      kind: 'Deployment',
      name: 'bot',
      ran: undefined,
      jobUid: undefined,
      reasons: ['out_of_memory', 'exit_code', 'lost'],
      failures: 10,
      thread: '<first@toolforge.org>',
    }),
  ],
  counted: ['run-1/failed', 'run-3/finished', '__proto__'],
  gapsToldUntil: at('02:40:00'),
});

const run: RunRecord = {
  id: 'run-1',
  type: 'scheduled',
  jobUid: 'uid-1',
  manual: false,
  createdAt: at('04:17:00'),
  startedAt: at('04:17:02'),
  finishedAt: at('04:20:12'),
  outcome: 'failed',
  reason: 'exit_code',
  exitCode: 3,
  signal: undefined,
  attempts: 2,
};
const unseen: RunRecord = {
  ...run,
  id: 'run-0',
  manual: true,
  createdAt: at('03:17:00'),
  startedAt: undefined,
  finishedAt: undefined,
  outcome: 'unknown',
  reason: undefined,
  exitCode: undefined,
  attempts: 0,
};

const row: MailLogRow = {
  ...refOf(continuous),
  state: 'deferred',
  since: at('04:21:00'),
  why: `451 ${hostile}`,
  messageId: '<one@toolforge.org>',
};

/** Of tools and jobs with the names of things that every object has. */
export const awkwardState: StateContent = {
  mailboxes: [makeMailbox({ tool: 'alpha' }), busy],
  jobs: [
    { tool: 'constructor', job: 'valueof', runs: [run, unseen], good },
    {
      tool: 'alpha',
      job: 'Daily_report.v2',
      runs: [{ ...run, type: 'one-off', outcome: 'stopped', reason: undefined, exitCode: undefined, signal: 15 }],
    },
  ],
  mailLogs: [
    {
      tool: 'constructor',
      rows: [
        row,
        {
          ...row,
          id: 'run-0/started',
          at: at('03:17:00'),
          kind: 'started',
          reason: undefined,
          state: 'withheld',
          why: undefined,
          messageId: undefined,
        },
      ],
    },
  ],
  checkpoint: {
    positions: { Pod: '123456789012345678901234567890', Job: '7', CronJob: '8', Deployment: '9' },
    asOf: at('04:59:59'),
    since: at('00:00:00'),
    gaps: [{ from: at('02:10:00'), to: at('02:40:00') }],
  },
  settings: {
    data: { debug: 'yes', email_from_addr: 'jobs@example.org', 'of another program': hostile },
    resourceVersion: '4711',
    uid: 'uid-of-settings',
  },
  images: {
    data: { 'images-v1.yaml': `bookworm:\n  state: stable\n# ${hostile}` },
    resourceVersion: '4712',
    uid: 'uid-of-images',
  },
};

/** As the daemon writes it, file by file. */
export async function writeState(directory: string, content: StateContent, log: Log): Promise<void> {
  const { mailboxes, mailRows, runRecords } = filesIn(directory, log);
  await Promise.all(content.mailboxes.map((mailbox) => mailboxes.save(mailbox)));
  for (const { tool, rows } of content.mailLogs) mailRows.add(tool, rows.toReversed());
  for (const { tool, job, runs, good: last } of content.jobs) {
    const namespace = `tool-${tool}`;
    for (const { type, ...end } of runs)
      runRecords.add({
        ...end,
        key: { namespace, kind: type === 'scheduled' ? 'CronJob' : 'Job', name: job },
        ran: undefined,
      });
    if (last) runRecords.addGood({ namespace, kind: 'Deployment', name: job }, last);
  }
  const { checkpoint } = checkpointIn(directory, log, content.checkpoint);
  await checkpoint.load();
  for (const gap of content.checkpoint.gaps) checkpoint.addGap(gap);
  checkpoint.start();
  for (const what of ['settings', 'images'] as const) {
    const map = await openLastGoodMap({ path: join(directory, `${what}.json`), what, log });
    map.keep(content[what]);
    await map.stop();
  }
  await Promise.all([mailRows.stop(), runRecords.stop(), checkpoint.stop()]);
}

/** What today's daemon finds of it. */
export async function readState(directory: string, content: StateContent, log: Log): Promise<StateContent> {
  const { mailboxes, mailRows, runRecords } = filesIn(directory, log);
  const { checkpoint } = checkpointIn(directory, log, content.checkpoint);
  const map = async (what: string) =>
    (await openLastGoodMap({ path: join(directory, `${what}.json`), what, log })).found as ConfigMapSeen;
  const saved = await checkpoint.load();
  return {
    mailboxes: (await mailboxes.load()).sort((one, other) => (one.tool < other.tool ? -1 : 1)),
    jobs: await Promise.all(
      content.jobs.map(async ({ tool, job }) => {
        const last = await runRecords.lastGood(toolOf(tool), job);
        return { tool, job, runs: await runRecords.list(toolOf(tool), job), ...(last ? { good: last } : {}) };
      }),
    ),
    mailLogs: await Promise.all(
      content.mailLogs.map(async ({ tool }) => ({ tool, rows: await mailRows.list(toolOf(tool)) })),
    ),
    checkpoint: {
      positions: saved?.positions ?? {},
      asOf: saved?.asOf ?? 0,
      since: checkpoint.since(),
      gaps: checkpoint.gaps(),
    },
    settings: await map('settings'),
    images: await map('images'),
  };
}

function filesIn(directory: string, log: Log) {
  return {
    mailboxes: createMailboxFiles({ directory: join(directory, 'mail'), log }),
    mailRows: createMailLog({ directory: join(directory, 'mail-log'), log, now: () => madeAt }),
    runRecords: createRunRecords({ directory: join(directory, 'runs'), log }),
  };
}

function checkpointIn(
  directory: string,
  log: Log,
  { positions, asOf, since }: StateContent['checkpoint'],
): { checkpoint: Checkpoint } {
  let isNew = true;
  const checkpoint = createCheckpoint({
    path: join(directory, 'checkpoint.json'),
    positions: () => positions,
    asOf: () => asOf,
    firingsFrom: () => asOf,
    settled: async () => {},
    // The first look is when the directory was begun.
    now() {
      if (!isNew) return madeAt;
      isNew = false;
      return since;
    },
    log,
  });
  return { checkpoint };
}

function toolOf(name: string): Tool {
  return Tool.ofNamespace(`tool-${name}`) as Tool;
}
