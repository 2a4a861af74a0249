import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { readStatus, type StatusSources } from '../src/status.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const minute = 60_000;
const day = 86_400_000;
const mapState = { version: '7', isCurrent: true, problems: [] };
const followed = { synced: true, live: true, asOf: now };
const well: StatusSources = {
  version: '0.1.0',
  startedAt: now - day,
  leader: () => ({ identity: 'one' }),
  freshness: () => ({ synced: true, live: true, asOf: now - 1_000 }),
  jobs: () => 20,
  streams: () => 2,
  mail: () => ({ mailboxes: 3, gathered: 1, sealed: 1, parked: 0, unsaved: 0, failures: 0, oldestAt: now - minute }),
  mailWithheld: () => undefined,
  webhooks: () => ({
    mailboxes: 2,
    gathered: 1,
    sealed: 1,
    parked: 0,
    unsaved: 0,
    failures: 0,
    oldestAt: now - day,
    set: 2,
    failing: 1,
  }),
  checkpoint: () => ({ savedAt: now - 2_000, failed: 0, gaps: 0 }),
  runRecords: () => ({ waiting: 0, dropped: 0, failed: 0 }),
  homes: () => ({ running: 1, stuck: 0, waiting: 0 }),
  errands: () => ({ waiting: 0, failing: [] }),
  usage: () => ({ source: 'metrics', running: 5, sampledAt: now - 10_000, failed: 1, problem: '' }),
  settings: () => ({ ...mapState, since: now - day, source: 'ConfigMap' }),
  images: () => mapState,
  maps: () => ({ settings: followed, images: followed }),
  certificates: () => ({ listener: now + 40 * day }),
  files: () => ({ listeners: '' }),
  statePath: tmpdir(),
  now: () => now,
};

const problemsOf = async (changes: Partial<StatusSources>) =>
  (await readStatus({ ...well, ...changes })).problems.map((problem) => problem.replace(/\d+/g, 'N'));

describe('the status', () => {
  it('is everything an operator asks for first, without a problem where there is none', async () => {
    expect(await readStatus(well)).toMatchObject({
      problems: [],
      leader: 'one',
      view: { synced: true, live: true, age_seconds: 1 },
      mail: { gathered: 1, sealed: 1, parked: 0, oldest_hours: 0 },
      webhooks: { set: 2, failing: 1, gathered: 1, oldest_hours: 24 },
      checkpoint: { age_seconds: 2 },
      certificates: { listener: 40 },
    });
  });

  it('of a process that has not heard anything yet goes back to its start', async () => {
    const silent = { synced: false, live: false, asOf: 0 };
    const { view, settings, problems } = await readStatus({
      ...well,
      startedAt: now - 2 * minute,
      freshness: () => silent,
      maps: () => ({ settings: silent, images: silent }),
    });
    expect([view.age_seconds, settings.unheard_seconds]).toEqual([120, 120]);
    expect(problems).toContainEqual(expect.stringMatching(/settings could not be followed for 120 s/));
  });

  it.each<[string, Partial<StatusSources>, RegExp]>([
    ['knows nothing yet', { freshness: () => ({ synced: false, live: false, asOf: 0 }) }, /not known yet/],
    [
      'is cut off',
      { freshness: () => ({ synced: true, live: false, asOf: now - minute }) },
      /watch is cut off.*N s old/,
    ],
    ['has no disk', { statePath: '/nonexistent' }, /cannot be looked at/],
    ['keeps nothing', { checkpoint: () => ({ savedAt: now - 10 * minute, failed: 3, gaps: 0 }) }, /for N s.*disk/],
    ['waits for homes', { homes: () => ({ running: 4, stuck: 2, waiting: 0 }) }, /N readers of homes hang/],
    [
      'measures nothing any more',
      { usage: () => ({ ...well.usage(), sampledAt: now - 10 * minute, problem: 'Node one is silent.' }) },
      /use has not been measured for N s: Node one is silent/,
    ],
    [
      'refuses settings',
      { settings: () => ({ ...well.settings(), isCurrent: false, problems: ['debug: no'] }) },
      /settings is not in force: debug/,
    ],
    [
      'refuses images',
      { images: () => ({ ...mapState, isCurrent: false, problems: ['no list'] }) },
      /images is not in force/,
    ],
    [
      'does not hear of images',
      { maps: () => ({ settings: followed, images: { ...followed, live: false, asOf: now - 2 * minute } }) },
      /images could not be followed for N s/,
    ],
    ['holds mail back', { mailWithheld: () => 'smtp_server_port: no' }, /No mail is sent.*smtp_server_port: no/],
    [
      'refuses files',
      { files: () => ({ listeners: 'it is no certificate' }) },
      /'listeners' are not in force: it is no/,
    ],
    ['is about to end', { certificates: () => ({ listener: now + 3 * day }) }, /'listener' ends in N days/],
    ['has ended', { certificates: () => ({ listener: now - day }) }, /'listener' has ended/],
    ['gave mails up', { mail: () => ({ ...mailOf(), parked: 2 }) }, /N mails were given up.*mail list/],
    [
      'keeps mails',
      { mail: () => ({ ...mailOf(), oldestAt: now - 30 * 60 * minute }) },
      /oldest mail has waited for N h/,
    ],
  ])('says so where it %s', async (_, changes, words) => {
    const problems = await problemsOf(changes);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(words);
  });

  it('knows of no mail before it begins, and of no Lease where there is none', async () => {
    expect(await readStatus({ ...well, mail: () => undefined, leader: () => undefined })).toMatchObject({
      problems: [],
      mail: null,
      leader: null,
    });
  });
});

function mailOf() {
  return { mailboxes: 3, gathered: 0, sealed: 0, parked: 0, unsaved: 0, failures: 0, oldestAt: undefined };
}
