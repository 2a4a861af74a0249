/** The mails themselves: one file in golden/ for each kind, to be read as its reader would. `vitest -u` writes them anew. */
import { describe, expect, it } from 'vitest';
import type { Notice } from '../../src/domain.ts';
import { composeMail } from '../../src/mail/compose.ts';
import type { GatheredNotice, Mailbox, NoticeDetails } from '../../src/mailbox.ts';
import { makeDetails, makeGathered, makeIncident, makeMailbox, makeNotice, makeRan } from '../support/notices.ts';

const at = (text: string) => Date.parse(text);
const now = at('2026-03-01T04:20:42Z');
const settings = { perDay: 24, outputLines: 20 };
const compose = (mailbox: Mailbox, gaps: Parameters<typeof composeMail>[1]['gaps'] = []) =>
  composeMail(mailbox, { now, gaps, settings });

const bot = { namespace: 'tool-alpha', kind: 'Deployment', name: 'bot' } as const;
const once = { namespace: 'tool-alpha', kind: 'Job', name: 'import-pages' } as const;
const unscheduled = makeRan({ schedule: undefined });
const neverRan = { exitCode: undefined, startedAt: undefined, finishedAt: undefined, pod: undefined };
const noLines: Partial<NoticeDetails> = { lines: [], linesFrom: undefined, linesMissing: 'it never ran' };
const lastGood = { at: at('2026-02-28T04:20:02Z'), ran: makeRan({ memory: '1Gi' }) };

const outOfMemory = { reason: 'out_of_memory', exitCode: 137, signal: 9 } as const;
const mebibyte = 2 ** 20;
const memory = {
  job: 'daily',
  limit: 512 * mebibyte,
  peaks: { runs: 10, lowest: 430 * mebibyte, highest: 512 * mebibyte },
  to: '768Mi',
  fits: undefined,
};

/** Unset: a failure of the scheduled job daily. */
function gathered(
  notice: Partial<Notice>,
  {
    incident,
    details,
    ...rest
  }: { incident?: Parameters<typeof makeIncident>[0]; details?: Partial<NoticeDetails> } & Partial<
    Pick<GatheredNotice, 'as'>
  > = {},
): GatheredNotice {
  const made = makeNotice(notice);
  const isFailure = ['failed', 'suspended'].includes(made.kind) || rest.as === 'recovered';
  return makeGathered({
    notice: made,
    incident: isFailure ? makeIncident(incident) : undefined,
    details: made.kind === 'failed' ? makeDetails(details) : undefined,
    ...rest,
  });
}

const failures: Record<string, GatheredNotice> = {
  'exit-code': gathered({}, { details: { lastGood } }),
  'command-not-found': gathered(
    { exitCode: 127 },
    { details: { lines: ['bash: ./daily.sh: No such file or directory'], lastGood: { ...lastGood, ran: makeRan() } } },
  ),
  'out-of-memory': gathered(outOfMemory, { details: { lastGood, memory: { ...memory, fits: true } } }),
  'out-of-memory-no-room': gathered(outOfMemory, { details: { memory: { ...memory, fits: false } } }),
  'out-of-memory-first': gathered(outOfMemory, { details: { memory: { ...memory, peaks: undefined } } }),
  'out-of-memory-once': gathered(
    { ...outOfMemory, key: once, ran: unscheduled },
    { details: { memory: { ...memory, job: once.name } } },
  ),
  signal: gathered({ reason: 'signal', exitCode: 139, signal: 11 }),
  killed: gathered({ reason: 'signal', exitCode: 137, signal: 9, attempts: 3 }),
  evicted: gathered({ reason: 'evicted', exitCode: undefined, clusterSays: 'The node was low on resource: memory.' }),
  deadline: gathered({ reason: 'deadline', exitCode: undefined, ran: makeRan({ timeout: 192 }) }),
  image: gathered(
    {
      ...neverRan,
      reason: 'image',
      key: once,
      ran: unscheduled,
      clusterSays: 'Back-off pulling image "registry.example.org/python3.99:latest"',
    },
    { details: noLines },
  ),
  quota: gathered(
    { ...neverRan, reason: 'not_started' },
    {
      details: {
        ...noLines,
        refusal:
          'Error creating: pods "daily-29540160-x7k2p" is forbidden: exceeded quota: tool-alpha, requested: requests.memory=4Gi, used: requests.memory=7Gi, limited: requests.memory=8Gi',
      },
    },
  ),
  'not-started': gathered(
    {
      ...neverRan,
      reason: 'not_started',
      key: once,
      ran: unscheduled,
      clusterSays: '0/3 nodes are available: 3 Insufficient memory.',
    },
    { details: noLines },
  ),
  lost: gathered(
    { reason: 'lost', exitCode: undefined },
    { details: { lines: [], linesFrom: undefined, linesMissing: 'its pod is gone' } },
  ),
  'crash-loop': gathered(
    { key: bot, run: 'pod-1', ran: unscheduled, attempts: 10, jobSays: 'cannot log in: wrong password' },
    {
      incident: {
        kind: 'Deployment',
        name: 'bot',
        failures: 10,
        since: at('2026-03-01T03:10:00Z'),
        thread: '<first@toolforge.org>',
      },
    },
  ),
};

/** Of a job whose runs took 2 min 50 s to 3 min 30 s. */
const unusual = (what: 'short' | 'long', length: number) => ({
  what,
  length,
  runs: 40,
  shortest: 170_000,
  longest: 210_000,
});

const quiet = (lines: number, least: number) => ({ what: 'quiet' as const, lines, runs: 40, least });

const others: Record<string, readonly GatheredNotice[]> = {
  'unusually-short': [
    gathered({
      kind: 'unusual',
      startedAt: at('2026-03-01T04:20:10Z'),
      exitCode: 0,
      unusual: unusual('short', 2_000),
    }),
  ],
  'unusually-long': [
    gathered({
      kind: 'unusual',
      startedAt: at('2026-03-01T03:20:12Z'),
      exitCode: 0,
      unusual: unusual('long', 3_600_000),
    }),
  ],
  'unusually-long-and-runs': [
    gathered({
      kind: 'unusual',
      startedAt: at('2026-03-01T04:13:12Z'),
      finishedAt: undefined,
      exitCode: undefined,
      unusual: unusual('long', 420_000),
    }),
  ],
  'unusually-quiet': [gathered({ kind: 'unusual', exitCode: 0, unusual: quiet(0, 12) })],
  'recovered-unusually': [
    gathered({ kind: 'finished' }, { as: 'recovered', incident: { failures: 2, since: at('2026-03-01T01:00:12Z') } }),
    gathered({ kind: 'unusual', exitCode: 0, unusual: unusual('short', 2_000) }),
  ],
  'several-unusual': [
    failures['exit-code'],
    gathered({ kind: 'unusual', key: { ...once, name: 'cleanup' }, exitCode: 0, unusual: unusual('short', 2_000) }),
    gathered({ kind: 'unusual', key: { ...once, name: 'report' }, exitCode: 0, unusual: quiet(1, 3) }),
  ] as GatheredNotice[],
  finished: [
    gathered({ kind: 'started', emails: 'all', at: at('2026-03-01T04:17:00Z') }),
    gathered({ kind: 'finished', emails: 'all' }),
  ],
  started: [gathered({ kind: 'started', emails: 'all', key: bot, ran: unscheduled, finishedAt: undefined })],
  restarted: [gathered({ kind: 'restarted', emails: 'all', exitCode: 3 })],
  'restarted-by-itself': [gathered({ kind: 'restarted', emails: 'onfinish', key: bot, exitCode: 0, ran: unscheduled })],
  recovered: [
    gathered(
      { kind: 'finished' },
      {
        as: 'recovered',
        incident: { failures: 14, since: at('2026-03-01T01:00:12Z'), thread: '<first@toolforge.org>' },
      },
    ),
  ],
  'recovered-bot': [
    gathered(
      { kind: 'steady', key: bot, ran: unscheduled, exitCode: undefined },
      { as: 'recovered', incident: { failures: 1, since: at('2026-03-01T04:10:12Z') } },
    ),
  ],
  suspended: [
    gathered({}, { incident: { failures: 3, since: at('2026-02-27T04:20:12Z'), thread: '<first@toolforge.org>' } }),
    gathered(
      {
        kind: 'suspended',
        run: 'uid-1',
        isSuspended: true,
        startedAt: undefined,
        finishedAt: undefined,
        exitCode: undefined,
      },
      { incident: { failures: 3, since: at('2026-02-27T04:20:12Z'), thread: '<first@toolforge.org>' } },
    ),
  ],
  several: [
    failures['crash-loop'],
    failures['out-of-memory'],
    failures.image,
    gathered({ kind: 'finished', emails: 'onfinish', key: { ...once, name: 'cleanup' } }),
  ] as GatheredNotice[],
  'recovered-at-once': [
    gathered(
      { at: at('2026-03-01T04:15:12Z'), startedAt: at('2026-03-01T04:12:00Z'), finishedAt: at('2026-03-01T04:15:12Z') },
      { incident: { since: at('2026-03-01T04:15:12Z') }, details: { lastGood } },
    ),
    gathered(
      { kind: 'finished', run: 'run-2' },
      { as: 'recovered', incident: { failures: 1, since: at('2026-03-01T04:15:12Z') } },
    ),
  ],
  'started-again': [
    gathered({ emails: 'all', key: bot, ran: unscheduled, startedAt: at('2026-02-20T01:02:03Z') }),
    gathered({ kind: 'started', emails: 'all', key: bot, ran: unscheduled, run: 'run-2' }),
  ],
  'finished-often': ['run-1', 'run-2', 'run-3', 'run-4'].map((run) =>
    gathered({ kind: 'finished', emails: 'onfinish', run }),
  ),
  yesterday: [
    gathered({
      at: at('2026-02-28T23:59:58Z'),
      startedAt: at('2026-02-28T23:17:00Z'),
      finishedAt: at('2026-02-28T23:59:58Z'),
    }),
    gathered({ kind: 'finished', emails: 'onfinish', key: { ...once, name: 'cleanup' } }),
  ],
  news: [
    gathered({ kind: 'finished', emails: 'onfinish', key: { ...once, name: 'cleanup' } }),
    gathered({ kind: 'started', emails: 'all', key: bot }),
  ],
};

const hostile = gathered(
  {
    key: { ...once, name: 'x'.repeat(300) },
    clusterSays: 'a\r\nBcc: evil@example.org\r\n\r\n.\r\n',
    jobSays: `\u001b]0;title\u0007 \u202Eevil ${'y'.repeat(600)}`,
    ran: makeRan({ cmd: '$(reboot)', image: 'a\nb', schedule: 'not a schedule' }),
  },
  {
    details: {
      lines: ['\u001b[2J\u001b[Hcleared', 'tab\there', 'zero\u200bwidth', `\ud800 half`, 'z'.repeat(400)],
      linesFrom: 'log\n.err',
    },
  },
);

const skipped = { ...neverRan, isSkipped: true, attempts: 0 } as const;
const skips: Record<string, GatheredNotice> = {
  'skipped-previous-run': withoutDetails({ ...skipped, reason: 'previous_run', since: at('2026-03-01T03:17:02Z') }),
  'skipped-quota': withoutDetails({
    ...skipped,
    reason: 'quota',
    clusterSays:
      'Error creating job: jobs.batch "daily-29540160" is forbidden: exceeded quota: tool-alpha, requested: count/jobs.batch=1, used: count/jobs.batch=15, limited: count/jobs.batch=15',
  }),
  'skipped-cluster-away': withoutDetails({
    ...skipped,
    reason: 'cluster_away',
    since: at('2026-03-01T04:10:31Z'),
    until: at('2026-03-01T04:40:02Z'),
  }),
  'skipped-unexplained': withoutDetails({ ...skipped, reason: 'unexplained' }),
  'skipped-in-a-zone': withoutDetails({
    ...skipped,
    reason: 'unexplained',
    at: at('2026-02-28T23:30:00Z'),
    ran: makeRan({ schedule: '30 0 * * *', timeZone: 'Europe/Rome' }),
  }),
};

const skippedThenWell: readonly GatheredNotice[] = [
  { ...(skips['skipped-quota'] as GatheredNotice) },
  gathered(
    { kind: 'finished', run: 'run-2' },
    { as: 'recovered', incident: { failures: 1, since: at('2026-03-01T04:17:00Z') } },
  ),
];

function withoutDetails(notice: Partial<Notice>): GatheredNotice {
  return { ...gathered(notice), details: undefined };
}

describe('a mail', () => {
  it.each([
    ...Object.entries({ ...failures, ...skips }).map(([name, one]) => [name, [one]] as const),
    ...Object.entries(others),
    ['skipped-then-well', skippedThenWell] as const,
    ['skipped-and-failed', [skips['skipped-quota'], failures['crash-loop']] as GatheredNotice[]] as const,
    ['hostile', [hostile]] as const,
  ])('about %s reads as its golden file', async (name, open) => {
    const { subject, text, references } = compose(makeMailbox({ open: [...open] }));
    const head = [`Subject: ${subject}`, ...(references.length > 0 ? [`References: ${references.join(' ')}`] : [])];
    await expect(`${head.join('\n')}\n\n${text}`).toMatchFileSnapshot(`golden/${name}.txt`);
  });

  it('about a webhook that takes nothing stands alone, or below what else there is', async () => {
    const webhookTrouble = { since: at('2026-03-01T03:20:00Z'), why: 'hooks.example.org answered with\u001b[31m 500' };
    const { subject, text } = compose(makeMailbox({ webhookTrouble }));
    await expect(`Subject: ${subject}\n\n${text}`).toMatchFileSnapshot('golden/webhook.txt');
    const both = compose(makeMailbox({ webhookTrouble, open: [gathered({})] }));
    expect(both.subject).toBe('[Toolforge] [alpha] daily failed');
    expect(both.text).toMatch(/Your job daily failed [\s\S]*\nThe webhook of your tool has taken nothing since/);
  });

  it('belongs to twenty threads at most, the first and those of the last failures in it', () => {
    const idsOf = (count: number) => Array.from({ length: count }, (_, number) => `<${number}@toolforge.org>`);
    const about = (ids: readonly string[]) =>
      makeMailbox({
        open: ids.map((thread) =>
          gathered({ run: thread, key: { ...once, name: `job-${thread}` } }, { incident: { thread } }),
        ),
      });
    expect(compose(about(idsOf(20))).references).toEqual(idsOf(20));
    expect(compose(about(idsOf(250))).references).toEqual([idsOf(1)[0], ...idsOf(250).slice(-19)]);
    expect(compose(about(idsOf(1))).references).toEqual(idsOf(1));
  });

  it('leads to what was kept of the run where its output went to its pod, which is gone when the mail is read', () => {
    const run = '4f2a9c1e-0000-4000-8000-000000000000';
    const toPod = makeRan({ filelogStdout: undefined, filelogStderr: undefined });
    const leads = (notice: Partial<Notice>) =>
      /^ {2}toolforge-jobs (.*)$/m.exec(compose(makeMailbox({ open: [gathered({ run, ...notice })] })).text)?.[1];
    expect(leads({ ran: toPod })).toBe('logs daily --run 4f2a9c1e');
    expect(leads({})).toBe('logs daily');
    const bot = { namespace: 'tool-alpha', kind: 'Deployment', name: 'bot' } as const;
    expect(leads({ ran: toPod, key: bot })).toBe('logs bot');
  });

  it('says for which minutes something may be missing, what had no room, and that it is the last of the day', async () => {
    const gaps = [
      { from: at('2026-03-01T03:01:00Z'), to: at('2026-03-01T03:09:00Z') },
      { from: at('2026-02-28T23:50:00Z'), to: at('2026-03-01T00:10:00Z') },
      { from: 0, to: at('2026-02-01T10:00:00Z') },
    ];
    const mailbox = makeMailbox({
      open: [failures.signal as GatheredNotice],
      folded: 12,
      day: { date: '2026-03-01', mails: 23 },
    });
    await expect(compose(mailbox, gaps).text).toMatchFileSnapshot('golden/notes.txt');
  });

  describe.each(Object.entries(failures))('about a failure (%s)', (_, failure) => {
    const { notice, details } = failure;
    const { text } = compose(makeMailbox({ open: [failure] }));
    const [sentence = ''] = text.split('\n\n');

    it('names the job, what happened, when and why in its first sentence', () => {
      expect(sentence.replaceAll('\n', ' ')).toMatch(
        new RegExp(
          `^Your job ${notice.key.name} failed at \\d\\d:\\d\\d:\\d\\d UTC on \\d+ \\w+ \\d{4}: [a-z].{10,}\\.`,
        ),
      );
    });

    it('has the exit code in words, how long it ran, and when it runs next, where there are such', () => {
      expect(/^ {2}Exit code +\d+ \(.{5,}\)$/m.test(text)).toBe(notice.exitCode !== undefined);
      expect(/^ {2}Ran for +.+ from .+ UTC to .+ UTC$/m.test(text)).toBe(notice.startedAt !== undefined);
      expect(/^ {2}Next run +\d\d:\d\d UTC on /m.test(text)).toBe(notice.ran?.schedule !== undefined);
    });

    it('has the last lines and says whose text they are, or why there are none', () => {
      if (details?.lines.length) expect(text).toMatch(/^The last lines of .+ \(text written by the job\):$/m);
      else expect(text).toMatch(/^No output is shown: .+\.$/m);
    });

    it('has one command to look further', () => {
      expect(text.match(/^ {2}toolforge-jobs (logs \S+|show \S+|quota)$/gm)).toHaveLength(1);
    });

    it('says why it comes and how to have none', () => {
      expect(text).toContain('"emails: none"');
    });
  });

  it('tells of a failure though the job was started again since, or has recovered since', () => {
    for (const name of ['recovered-at-once', 'started-again']) {
      const { text } = compose(makeMailbox({ open: [...(others[name] ?? [])] }));
      expect(text).toMatch(/: your program ended with\scode 3\./);
      expect(text).toContain('  | no such page');
    }
  });

  it('keeps our own lines to 78 characters, and what others have written to 200 and its mark', () => {
    for (const open of [...Object.values(failures).map((one) => [one]), ...Object.values(others), [hostile]]) {
      for (const line of compose(makeMailbox({ open })).text.split('\n')) {
        const isTheirs = line.startsWith('  | ') || line.includes('xxx');
        expect(line.length, line).toBeLessThanOrEqual(isTheirs ? 320 : 78);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      }
    }
  });

  it('has a subject without date and number, equal to how the job is in the end', () => {
    const subjectOf = (...open: GatheredNotice[]) => compose(makeMailbox({ open })).subject;
    const [failed, fine] = [gathered({}), gathered({ kind: 'finished' }, { as: 'recovered' })];
    expect(subjectOf(failed)).toBe('[Toolforge] [alpha] daily failed');
    expect(subjectOf(failed, fine)).toBe('[Toolforge] [alpha] daily recovered');
    const [crashing, started] = [failures['crash-loop'] as GatheredNotice, gathered({ kind: 'started', key: bot })];
    expect(subjectOf(failed, crashing)).toBe('[Toolforge] [alpha] several jobs failed');
    expect(subjectOf(failed, started)).toBe('[Toolforge] [alpha] daily failed, and other news');
    const [overlap, squeezed] = ['skipped-previous-run', 'skipped-quota'].map((name) => skips[name] as GatheredNotice);
    expect(subjectOf(overlap as GatheredNotice)).toBe('[Toolforge] [alpha] daily did not run');
    const other = { ...(squeezed as GatheredNotice), notice: { ...(squeezed as GatheredNotice).notice, key: bot } };
    expect(subjectOf(overlap as GatheredNotice, other)).toBe('[Toolforge] [alpha] several jobs did not run');
    expect(subjectOf(crashing, squeezed as GatheredNotice)).toBe('[Toolforge] [alpha] several jobs failed');
    expect(subjectOf(fine, started)).toBe('[Toolforge] [alpha] news of several jobs');
  });

  it('stays below 64 KiB, and names every job that it has no room for', () => {
    const lines = Array.from({ length: 20 }, () => 'w'.repeat(400));
    const open = Array.from({ length: 200 }, (_, index) =>
      gathered(
        { run: `run-${index}`, id: `run-${index}/failed`, key: { ...once, name: `job-${index}` } },
        { details: { lines } },
      ),
    );
    const { text } = compose(makeMailbox({ open }));
    expect(Buffer.byteLength(text)).toBeLessThan(64 * 1024);
    for (const { notice } of open) expect(text).toContain(`  ${notice.key.name} `);
    expect(text).toMatch(/What else is known of \d+ more of them had no room here\./);
  });
});
