/**
 * Everything that a state directory can hold, as plain values: an awkward example of it, and how today's daemon writes and reads it. The
 * example is written once for each release (`npm run fixtures`); what is read of it must never change.
 */
import { join } from 'node:path';
import { type Checkpoint, createCheckpoint } from '../../src/checkpoint.ts';
import {
  type ConfigMapSeen,
  type FormerJob,
  type LastGood,
  type MailLogRow,
  type Positions,
  type RunOutput,
  type RunRecord,
  Tool,
} from '../../src/domain.ts';
import { createFences, type FenceClaim } from '../../src/fences.ts';
import { createFormerJobs } from '../../src/former-jobs.ts';
import { openLastGoodMap } from '../../src/last-good-map.ts';
import type { Log } from '../../src/log.ts';
import { createMailboxFiles } from '../../src/mail/mailbox-files.ts';
import { createMailLog } from '../../src/mail-log.ts';
import { type Gap, type Mailbox, refOf } from '../../src/mailbox.ts';
import { createRunOutputs } from '../../src/run-outputs.ts';
import { createRunRecords } from '../../src/run-records.ts';
import { openWebhooks, type Webhook } from '../../src/webhooks.ts';
import { makeRunEnd } from './facts.ts';
import { makeDetails, makeGathered, makeIncident, makeMailbox, makeNotice, makeRan, makeSealed } from './notices.ts';
import { until } from './sandbox.ts';

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
  /** Null where it was removed. */
  readonly webhooks: readonly { readonly tool: string; readonly webhook: Webhook | null }[];
  readonly webhookEvents: readonly Mailbox[];
  readonly outputs: readonly {
    readonly tool: string;
    readonly job: string;
    readonly run: string;
    readonly output: RunOutput;
  }[];
  /** The number that each claim gets, oldest first; null where it is too late for one. */
  readonly fences: readonly (FenceClaim & { readonly tool: string; readonly fence: number | null })[];
  /** Newest first, as it is read. */
  readonly former: readonly { readonly tool: string; readonly jobs: readonly FormerJob[] }[];
}

const at = (time: string) => Date.parse(`2026-03-01T${time}Z`);
/** When the example was made: nothing of it is old. */
const madeAt = at('05:00:00');

/** What jobs, the cluster and mail servers may bring about, with the texts that are hardest to keep. */
const hostile =
  'a "quote", a \\ and \u0000\u001b[31m\u007f\u0085\u2028\u202e\ud83d\ude80 \ud800 __proto__ </script>\r\n.\r\n';
/** The hardest that a definition may hold. */
const toShell = 'printf "%s\\n" \'a\' \\\ud83d\ude80 __proto__ </script>\n\ttrue';

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
  webhooks: [
    { tool: 'alpha', webhook: null },
    {
      tool: 'constructor',
      webhook: {
        url: 'https://hooks.example.org/__proto__?of=%22%5C',
        events: 'all',
        setAt: at('04:40:00'),
        secret: secretOf('new'),
        former: { secret: secretOf('old'), until: at('04:40:00') + 24 * 3_600_000 },
        trouble: { since: at('04:30:00'), why: hostile },
      },
    },
    {
      tool: 'valueof',
      webhook: {
        url: 'https://hooks.example.org/',
        events: 'failures',
        setAt: at('04:41:00'),
        secret: secretOf('only'),
        former: undefined,
        trouble: undefined,
      },
    },
  ],
  webhookEvents: [busy],
  outputs: [
    {
      tool: 'constructor',
      job: 'valueof',
      run: 'run-1',
      output: {
        lines: [
          { origin: 'valueof.out', stream: 'stdout', at: undefined, message: hostile },
          { origin: 'valueof-x7k2p', stream: 'both', at: '2026-03-01T04:17:03.123456789Z', message: '' },
        ],
        from: 'valueof.out (1), then valueof-x7k2p (1)',
        missing: undefined,
        isCut: true,
      },
    },
    {
      tool: 'alpha',
      job: 'Daily_report.v2',
      run: 'run-1',
      output: { lines: [], from: undefined, missing: 'the home did not answer', isCut: false },
    },
  ],
  fences: [
    { tool: 'constructor', job: '__proto__', run: 'run-1', createdAt: at('04:17:00'), fence: null },
    { tool: 'constructor', job: '__proto__', run: 'run-2', createdAt: at('04:17:00'), fence: madeAt + 1 },
    { tool: 'constructor', job: 'valueof', run: 'run-3', createdAt: at('04:18:00'), fence: madeAt },
  ],
  former: [
    {
      tool: 'constructor',
      jobs: [
        {
          at: at('04:50:00'),
          reason: 'deleted',
          definition: {
            name: 'valueof',
            type: 'scheduled',
            cmd: toShell,
            image: 'bookworm',
            schedules: [{ text: '17 4 * * *' }],
          },
          from: at('04:45:00'),
        },
        {
          at: at('04:45:00'),
          reason: 'changed',
          definition: { name: 'valueof', type: 'one-off', cmd: './run.sh', image: 'bookworm' },
        },
      ],
    },
  ],
};

/** As long as one that is made of random bytes. */
function secretOf(word: string): string {
  return `whsec_${Buffer.alloc(32, word).toString('base64')}`;
}

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
  await Promise.all(content.webhookEvents.map((mailbox) => filesIn(directory, log).webhookEvents.save(mailbox)));
  for (const { tool, webhook } of content.webhooks) await writeWebhook(directory, tool, webhook, log);
  for (const kept of content.outputs) await writeOutput(directory, kept, log);
  for (const { tool, fence: _, ...claim } of content.fences)
    await filesIn(directory, log).fences.claim(toolOf(tool), claim);
  for (const { tool, jobs } of content.former)
    await filesIn(directory, log).former.keep(toolOf(tool), jobs.toReversed());
}

const removed: Webhook = {
  url: 'https://hooks.example.org/removed',
  events: 'all',
  setAt: at('04:00:00'),
  secret: secretOf('removed'),
  former: undefined,
  trouble: undefined,
};

/** What leads to it: an address that takes nothing, and then another secret. */
async function writeWebhook(directory: string, tool: string, webhook: Webhook | null, log: Log): Promise<void> {
  const { url, events, former, trouble, setAt, secret } = webhook ?? removed;
  let [clock, next] = [setAt, former?.secret ?? secret];
  const webhooks = await openWebhooks({
    directory: join(directory, 'webhooks'),
    now: () => clock,
    log,
    newSecret: () => next,
  });
  await webhooks.set(tool, { url, events, renew: false });
  if (trouble) {
    clock = trouble.since;
    webhooks.note(tool, trouble.why);
  }
  [clock, next] = [setAt, secret];
  if (former) await webhooks.set(tool, { url, events, renew: true });
  if (!webhook) await webhooks.remove(tool);
}

async function writeOutput(directory: string, kept: StateContent['outputs'][number], log: Log): Promise<void> {
  const [tool, { job: name, run, output }] = [toolOf(kept.tool), kept];
  const outputs = outputsIn(directory, log, async () => output);
  outputs.collect(makeRunEnd({ id: run, key: { namespace: `tool-${tool.name}`, kind: 'CronJob', name } }));
  await until(() => outputs.of(tool, name, run), `the output of ${run} is kept`);
  outputs.stop();
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
    ...(await readLater(directory, content, log)),
  };
}

type Later = Pick<StateContent, 'webhooks' | 'webhookEvents' | 'outputs' | 'fences' | 'former'>;

async function readLater(directory: string, content: Later, log: Log): Promise<Later> {
  const { webhookEvents, fences, former } = filesIn(directory, log);
  const webhooks = await openWebhooks({ directory: join(directory, 'webhooks'), now: () => madeAt, log });
  const outputs = outputsIn(directory, log, () => Promise.reject(new Error('Nothing is collected here.')));
  return {
    webhooks: content.webhooks.map(({ tool }) => ({ tool, webhook: webhooks.find(tool) ?? null })),
    webhookEvents: await webhookEvents.load(),
    outputs: await Promise.all(
      content.outputs.map(async ({ tool, job, run }) => {
        const output = await outputs.of(toolOf(tool), job, run);
        return { tool, job, run, output: output as RunOutput };
      }),
    ),
    fences: await Promise.all(
      content.fences.map(async ({ tool, fence: _, ...claim }) => {
        const fence = await fences.claim(toolOf(tool), claim).catch(() => null);
        return { tool, ...claim, fence };
      }),
    ),
    former: await Promise.all(
      content.former.map(async ({ tool }) => ({ tool, jobs: await former.list(toolOf(tool)) })),
    ),
  };
}

function filesIn(directory: string, log: Log) {
  return {
    mailboxes: createMailboxFiles({ directory: join(directory, 'mail'), log }),
    mailRows: createMailLog({ directory: join(directory, 'mail-log'), log, now: () => madeAt }),
    runRecords: createRunRecords({ directory: join(directory, 'runs'), log }),
    webhookEvents: createMailboxFiles({ directory: join(directory, 'webhook-events'), log }),
    fences: createFences({ directory: join(directory, 'fences'), log, now: () => madeAt }),
    former: createFormerJobs({ directory: join(directory, 'former'), log, now: () => madeAt }),
  };
}

function outputsIn(directory: string, log: Log, read: () => Promise<RunOutput>) {
  const keeps = () => ({ perJob: 10, oldest: 0 });
  return createRunOutputs({ directory: join(directory, 'output'), keeps, read, log });
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
