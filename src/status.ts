/**
 * How the service is, for its operators: what is known, and what of it needs somebody. Each rule is a line of one list, and says in a sentence
 * what is wrong and where to look. Asked by `toolforge-jobs-admin status` over the operators' door; no rule asks anybody but this process and
 * its disk.
 */
import { statfs } from 'node:fs/promises';
import type { Freshness } from './domain.ts';
import type { ImagesState } from './live-images.ts';
import type { SettingsState } from './live-settings.ts';
import type { MailQueueStats } from './metrics.ts';
import type { UsageStats } from './usage/usage-sampler.ts';

export interface StatusSources {
  readonly version: string;
  readonly startedAt: number;
  /** Of the Lease; undefined where there is one process only. */
  leader(): { readonly identity: string } | undefined;
  freshness(): Freshness;
  jobs(): number;
  streams(): number;
  /** Undefined before mail begins. */
  mail(): MailQueueStats | undefined;
  /** Why no mail is made or sent; undefined where it is. */
  mailWithheld(): string | undefined;
  /** The same of webhooks, and how many are set and take nothing: their owners see to it. */
  webhooks(): (MailQueueStats & { readonly set: number; readonly failing: number }) | undefined;
  checkpoint(): { readonly savedAt: number | undefined; readonly failed: number; readonly gaps: number };
  runRecords(): { readonly waiting: number; readonly dropped: number; readonly failed: number };
  homes(): { readonly running: number; readonly stuck: number; readonly waiting: number };
  errands(): { readonly waiting: number; readonly failing: readonly string[] };
  usage(): UsageStats;
  settings(): SettingsState;
  images(): ImagesState;
  /** How the two ConfigMaps are followed. */
  maps(): Readonly<Record<'settings' | 'images', Freshness | undefined>>;
  /** When certificates end, ms since the epoch. */
  certificates(): Readonly<Record<string, number>>;
  /** Of the files that are followed: why they are not in force; '' where they are. */
  files(): Readonly<Record<string, string>>;
  /** Of the state directory. */
  readonly statePath: string;
  now(): number;
}

export interface Status extends Known {
  /** What needs an operator, the worst first; empty when all is well. */
  readonly problems: readonly string[];
}

interface Known {
  readonly version: string;
  readonly started: string;
  /** Who holds the Lease: this process, or nobody would answer here. */
  readonly leader: string | null;
  readonly view: { readonly synced: boolean; readonly live: boolean; readonly age_seconds: number };
  readonly jobs: number;
  readonly streams: number;
  readonly mail: Readonly<Record<string, number>> | null;
  readonly mail_withheld: string | null;
  readonly webhooks: Readonly<Record<string, number>> | null;
  readonly checkpoint: { readonly age_seconds: number | null; readonly failed: number; readonly gaps: number };
  readonly run_records: { readonly waiting: number; readonly dropped: number; readonly failed: number };
  readonly homes: { readonly running: number; readonly stuck: number; readonly waiting: number };
  /** What is done for tools without being asked. */
  readonly errands: { readonly waiting: number; readonly failing: readonly string[] };
  readonly usage: {
    readonly source: UsageStats['source'] | null;
    readonly running: number;
    readonly age_seconds: number | null;
    readonly failed: number;
    readonly problem: string;
  };
  readonly settings: MapKnown;
  readonly images: MapKnown;
  /** Days until they end. */
  readonly certificates: Readonly<Record<string, number>>;
  readonly files: Readonly<Record<string, string>>;
  readonly disk: { readonly free_mib: number; readonly free_share: number } | null;
}

interface MapKnown {
  readonly version: string | null;
  readonly is_current: boolean;
  /** Since when nothing can be heard of it; null where it is followed. */
  readonly unheard_seconds: number | null;
  readonly problems: readonly string[];
}

const certificateDays = 14;
/** Longer than the cap of a day can hold a mail back. */
const oldMailHours = 26;
/** Where nothing happens, the API server's bookmarks move it about once a minute. */
const oldCheckpointSeconds = 300;
/** A watch that ends is begun again within moments. */
const unheardSeconds = 60;
/** Longer than it takes to ask twenty times. */
const oldUsageSeconds = 300;
const leastFreeMib = 100;
const shownErrands = 5;
const dayMs = 86_400_000;

/** @returns a sentence where the rule is broken */
type Rule = (known: Known) => string | undefined | readonly string[];

const rules: readonly Rule[] = [
  ({ view }) => (view.synced ? undefined : 'The state of the cluster is not known yet: nobody is answered.'),
  ({ view }) =>
    view.synced && !view.live
      ? `A watch is cut off: what is shown is ${view.age_seconds} s old. Look at the API server, and at the rights of the daemon's account.`
      : undefined,
  ({ disk }) => (disk ? undefined : 'The disk of the state directory cannot be looked at.'),
  ({ disk }) =>
    disk && disk.free_mib < leastFreeMib
      ? `The disk of the state directory has ${disk.free_mib} MiB left: soon nothing can be kept.`
      : undefined,
  ({ checkpoint }) =>
    checkpoint.age_seconds !== null && checkpoint.age_seconds > oldCheckpointSeconds
      ? `Nothing could be made durable for ${checkpoint.age_seconds} s. Look at the disk of the state directory, and at the log.`
      : undefined,
  ({ homes }) =>
    homes.stuck > 0
      ? `${homes.stuck} readers of homes hang: a file system of homes does not answer, and tools on it are refused.`
      : undefined,
  ({ errands }) =>
    errands.failing
      .slice(0, shownErrands)
      .map((words) => `Something that is to be done for a tool cannot be done yet: ${words}`),
  // Where nobody ever told there is nothing to mend.
  ({ usage }) =>
    usage.problem !== '' && usage.age_seconds !== null && usage.age_seconds > oldUsageSeconds
      ? `What jobs use has not been measured for ${usage.age_seconds} s: ${usage.problem}`
      : undefined,
  ({ settings }) => mapProblem('settings', settings),
  ({ images }) => mapProblem('images', images),
  ({ files }) =>
    Object.entries(files)
      .filter(([, problem]) => problem !== '')
      .map(([name, problem]) => `New files of '${name}' are not in force: ${problem}`),
  ({ certificates }) =>
    Object.entries(certificates)
      .filter(([, days]) => days < certificateDays)
      .map(
        ([name, days]) => `The certificate '${name}' ${days < 0 ? 'has ended' : `ends in ${Math.floor(days)} days`}.`,
      ),
  ({ mail }) =>
    mail && (mail.parked ?? 0) > 0
      ? `${mail.parked} mails were given up. 'toolforge-jobs-admin mail list' shows them.`
      : undefined,
  ({ mail_withheld: why }) => (why === null ? undefined : `No mail is sent until the settings can be used: ${why}.`),
  ({ mail }) =>
    mail && (mail.oldest_hours ?? 0) > oldMailHours
      ? `The oldest mail has waited for ${mail.oldest_hours} h. Look at the mail server, and at 'toolforge-jobs mail-log' of its tool.`
      : undefined,
];

function mapProblem(what: string, map: MapKnown): string[] {
  const { is_current: isCurrent, unheard_seconds: unheard, problems } = map;
  return [
    ...(isCurrent ? [] : [`The ConfigMap of the ${what} is not in force: ${problems.join('; ')}.`]),
    ...(unheard !== null && unheard > unheardSeconds
      ? [
          `The ConfigMap of the ${what} could not be followed for ${unheard} s: edits of it are not seen. Look at the API server, and at the rights of the daemon's account.`,
        ]
      : []),
  ];
}

export async function readStatus(sources: StatusSources): Promise<Status> {
  const known = await look(sources);
  const problems = rules.flatMap((rule) => rule(known) ?? []);
  return { problems, ...known };
}

async function look(sources: StatusSources): Promise<Known> {
  const now = sources.now();
  const { synced, live, asOf } = sources.freshness();
  const { savedAt, failed, gaps } = sources.checkpoint();
  const maps = sources.maps();
  const secondsSince = (at: number) => Math.max(0, Math.round((now - at) / 1_000));
  /** Of what was heard last; what was never heard of yet is as old as this process. */
  const ageSeconds = (asOf: number) => secondsSince(Math.max(asOf, sources.startedAt));
  return {
    version: sources.version,
    started: new Date(sources.startedAt).toISOString(),
    leader: sources.leader()?.identity ?? null,
    view: { synced, live, age_seconds: ageSeconds(asOf) },
    jobs: sources.jobs(),
    streams: sources.streams(),
    mail: mailKnown(sources.mail(), now),
    mail_withheld: sources.mailWithheld() ?? null,
    webhooks: mailKnown(sources.webhooks(), now),
    checkpoint: { age_seconds: savedAt === undefined ? null : secondsSince(savedAt), failed, gaps },
    run_records: { ...sources.runRecords() },
    homes: { ...sources.homes() },
    errands: sources.errands(),
    usage: usageKnown(sources.usage(), secondsSince),
    settings: mapKnown(sources.settings(), maps.settings, ageSeconds),
    images: mapKnown(sources.images(), maps.images, ageSeconds),
    certificates: Object.fromEntries(
      Object.entries(sources.certificates()).map(([name, endsAt]) => [name, round((endsAt - now) / dayMs)]),
    ),
    files: sources.files(),
    disk: await statfs(sources.statePath).then(
      ({ bavail, bsize, blocks }) => ({
        free_mib: Math.floor((bavail * bsize) / 2 ** 20),
        free_share: round(blocks === 0 ? 0 : bavail / blocks),
      }),
      () => null,
    ),
  };
}

function mailKnown(stats: MailQueueStats | undefined, now: number): Readonly<Record<string, number>> | null {
  if (!stats) return null;
  const { oldestAt, ...counts } = stats;
  return { ...counts, oldest_hours: oldestAt === undefined ? 0 : round((now - oldestAt) / 3_600_000) };
}

function usageKnown({ source, sampledAt, ...rest }: UsageStats, since: (at: number) => number): Known['usage'] {
  return { source: source ?? null, age_seconds: sampledAt === undefined ? null : since(sampledAt), ...rest };
}

function mapKnown(
  { version, isCurrent, problems }: SettingsState | ImagesState,
  followed: Freshness | undefined,
  ageSeconds: (asOf: number) => number,
): MapKnown {
  const unheard = followed === undefined || followed.live ? null : ageSeconds(followed.asOf);
  return { version: version ?? null, is_current: isCurrent, unheard_seconds: unheard, problems };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
