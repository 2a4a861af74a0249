/**
 * The operators' door: HTTP on a unix socket in a directory of its own, whose mode says who may come in: the daemon's user and root. No tool,
 * no certificate, and nothing but what `toolforge-jobs-admin` asks: how the service is, the jobs of all tools, the mails that were given up, and
 * the settings. The state directory around it may be as open as whoever mounted it left it.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { join } from 'node:path';
import { type JobSnapshot, Tool, typeOfKind } from '../domain.ts';
import { AppError, toAppError } from '../errors.ts';
import type { LiveSettings } from '../live-settings.ts';
import type { Log } from '../log.ts';
import type { ParkedMail } from '../mailbox.ts';
import { retiredKeys, settingDefaults } from '../settings.ts';
import { shortStatus } from './dialects/status/status-words.ts';
import { listenOnSocket } from './door/unix-socket.ts';
import { sendToOperator } from './respond.ts';

export interface OperatorsDoorOptions {
  /** Made where there is none, and closed to everybody else; the socket in it is `door`. */
  readonly directory: string;
  readonly mail: ParkedMails;
  readonly settings: Pick<LiveSettings, 'texts' | 'seen' | 'state'>;
  status(): Promise<object>;
  readonly jobs: AllJobs;
  readonly log: Log;
}

export interface ParkedMails {
  /** Of all tools. */
  all(): Iterable<{ readonly tool: string; readonly parked: readonly ParkedMail[] }>;
  /** False where the tool has no parked mail of this Message-ID. */
  retry(tool: string, messageId: string): boolean;
  drop(tool: string, messageId: string): boolean;
}

export interface AllJobs {
  /** Of all tools that have jobs. */
  namespaces(): Iterable<string>;
  list(namespace: string): readonly JobSnapshot[];
  now(): number;
}

export interface OperatorsDoor {
  stop(): Promise<void>;
}

const maxTargetBytes = 2_048;
/** unix(7): the path of a socket, without the zero at its end. */
const maxPathBytes = 107;

/** @throws AppError `settings.invalid` when the socket cannot be had */
export async function openOperatorsDoor(options: OperatorsDoorOptions): Promise<OperatorsDoor> {
  const { directory, log } = options;
  const path = join(directory, 'door');
  if (Buffer.byteLength(path) > maxPathBytes)
    throw new AppError('settings.invalid', `The path of the socket ${path} is longer than ${maxPathBytes} bytes.`);
  await makePrivate(directory);
  const server: Server = createServer({ maxHeaderSize: 8 * 1024, headersTimeout: 5_000, requestTimeout: 10_000 });
  server.on('request', (request, response) => {
    request.resume();
    answer(request, options).then(
      (found) => sendToOperator(response, found),
      (thrown: unknown) => {
        const error = toAppError(thrown);
        if (error.code === 'internal') log.error({ err: error }, 'an operator could not be answered');
        sendToOperator(response, error);
      },
    );
  });
  await listenOnSocket(server, path);
  return {
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function makePrivate(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
  } catch (cause) {
    throw new AppError('settings.invalid', `The directory ${directory} cannot be made ours alone.`, { cause });
  }
}

async function answer({ method, url = '' }: IncomingMessage, options: OperatorsDoorOptions): Promise<unknown> {
  const [room, ...rest] = url.length > maxTargetBytes ? [] : url.slice(1).split('/');
  if (room === 'mail') return answerAboutMail(method, rest, options.mail);
  if (method === 'GET' && room === 'status' && rest.length === 0) return options.status();
  if (method === 'GET' && room === 'settings' && rest.length === 0) return settingsReport(options.settings);
  if (method === 'GET' && room === 'tools') return answerAboutTools(rest, options.jobs);
  throw nothingHere();
}

/** `GET /tools`, `GET /tools/NAME/jobs`: tool by tool, so that tens of thousands of jobs are never one answer. */
function answerAboutTools(parts: readonly string[], jobs: AllJobs): unknown {
  const [name, what, ...rest] = parts;
  if (name === undefined)
    return { tools: [...jobs.namespaces()].flatMap((namespace) => Tool.ofNamespace(namespace)?.name ?? []).sort() };
  if (what !== 'jobs' || rest.length > 0) throw nothingHere();
  const { namespace } = Tool.of(decoded(name));
  const now = jobs.now();
  return { jobs: jobs.list(namespace).map((snapshot) => jobRow(snapshot, now)) };
}

/** What the columns of a list are made of, by the names that the canonical dialect has for it. */
function jobRow(snapshot: JobSnapshot, now: number) {
  const { key, object } = snapshot;
  const type = typeOfKind[key.kind];
  const schedule = object.job?.schedule?.text;
  return {
    name: key.name,
    job_type: type,
    ...(schedule === undefined ? {} : { schedule }),
    ...(type === 'continuous' ? { continuous: true } : {}),
    status_short: shortStatus(snapshot, now),
  };
}

/** Keys of other programs that share the map are named, not shown. */
function settingsReport(settings: OperatorsDoorOptions['settings']) {
  const { version, since, isCurrent, source, problems } = settings.state();
  const given = Object.entries(settings.seen()?.data ?? {});
  const isKnown = ([key]: [string, string]) => Object.hasOwn(settingDefaults, key);
  return {
    version: version ?? null,
    since: new Date(since).toISOString(),
    is_current: isCurrent,
    source,
    problems,
    in_force: settings.texts(),
    defaults: settingDefaults,
    given: settings.seen() ? Object.fromEntries(given.filter(isKnown)) : null,
    not_read: given
      .map(([key]) => key)
      .filter((key) => !Object.hasOwn(settingDefaults, key) && !retiredKeys.includes(key)),
  };
}

/** `GET /mail`, `GET /mail/ID`, `POST /mail/ID/retry`, `POST /mail/ID/drop`, with ID percent-encoded. */
function answerAboutMail(method: string | undefined, parts: readonly string[], mail: ParkedMails): unknown {
  const [id, verb, ...rest] = parts;
  if (rest.length > 0) throw nothingHere();
  if (id === undefined && method === 'GET') return { mails: [...parkedMails(mail)].map(summary) };
  const found = find(mail, decoded(id ?? ''));
  if (verb === undefined && method === 'GET') return { mail: { ...summary(found), bytes: found.mail.bytes } };
  if (method !== 'POST' || (verb !== 'retry' && verb !== 'drop')) throw nothingHere();
  if (!mail[verb](found.tool, found.mail.messageId)) throw notParked(found.mail.messageId);
  return { mail: summary(found) };
}

interface Found {
  readonly tool: string;
  readonly mail: ParkedMail;
}

function* parkedMails(mail: ParkedMails): Generator<Found> {
  for (const { tool, parked } of mail.all()) for (const one of parked) yield { tool, mail: one };
}

/** What is no percent-encoding is no Message-ID either. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw nothingHere();
  }
}

/** Message-IDs are random, so one is of one tool. */
function find(mail: ParkedMails, messageId: string): Found {
  for (const found of parkedMails(mail)) if (found.mail.messageId === messageId) return found;
  throw notParked(messageId);
}

function summary({ tool, mail }: Found) {
  return {
    tool,
    message_id: mail.messageId,
    to: mail.to,
    subject: mail.subject,
    sealed: new Date(mail.sealedAt).toISOString(),
    parked: new Date(mail.parkedAt).toISOString(),
    tries: mail.tries,
    why: mail.why,
    events: mail.notices.length,
    is_retried: mail.isRetried,
  };
}

function nothingHere(): AppError {
  return new AppError('route.not_found', 'There is nothing at this path.');
}

function notParked(messageId: string): AppError {
  return new AppError('mail.not_found', `No parked mail has the Message-ID ${messageId}.`);
}
