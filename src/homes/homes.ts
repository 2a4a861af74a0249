/**
 * The homes of the tools, as the daemon sees them: the two PEM files of a tool, and who owns its home. All reading is done by processes
 * that can be killed (home-readers.ts); this file only asks, and says in words what went wrong. A kubeconfig in a home is never read.
 */
import type { Tool } from '../domain.ts';
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { LogPart, LogPlace } from './home-log.ts';
import type { ReaderAnswer, ReaderPlace, ReaderQuestion } from './home-reader-process.ts';
import { createReaders, type ReadersHealth } from './home-readers.ts';

export interface ToolPair {
  /** PEM. Whoever asked overwrites both after use. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Equal to that of look() while neither file changes. */
  readonly stamp: string;
}

export interface ToolHome {
  /** As pods see it, e.g. `/data/project/alpha`. */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  readonly stamp: string;
}

export interface Homes {
  /**
   * @throws AppError `home.unavailable` (does not answer, or is being changed), `home.refused` (a link, a wrong owner or mode …),
   * `credentials.invalid` (no such files)
   */
  credentials(tool: Tool): Promise<ToolPair>;
  /** Cheap; answers also when there are no files yet. @throws AppError `home.unavailable`, `home.refused` */
  look(tool: Tool): Promise<ToolHome>;
  /**
   * The last lines of a file below the home, at most 1 MiB, read as the owner of the home; undefined when there is no such file.
   * @param names the path below the home, e.g. `['logs', 'bot.out']`
   * @throws AppError `home.unavailable`, `home.refused` (a link, not a file, not readable by the owner …)
   */
  tailLog(tool: Tool, names: readonly string[], lines: number): Promise<LogPart | undefined>;
  /** What was appended since; from the beginning where the file is another one or has become shorter. As tailLog otherwise. */
  readLog(tool: Tool, names: readonly string[], place: LogPlace): Promise<LogPart | undefined>;
  health(): ReadersHealth;
  stop(): Promise<void>;
}

export interface HomesOptions {
  /** Where the daemon sees the homes: `<base>/<tool>`. */
  readonly base: string;
  /** Where pods see them. */
  readonly mount: string;
  readonly reader: ReaderPlace;
  readonly log: Log;
  readonly maxReaders?: number;
  /** For one answer of a reader. */
  readonly deadlineMs?: number;
  readonly maxQueue?: number;
  /** How long a tool is refused at once after its home hung, the first time. */
  readonly pauseMs?: number;
  /** How long the answer of a look is given again; a change in the home may be seen that much later. */
  readonly lookFreshMs?: number;
}

const maxLooks = 1_000;
const tailBytes = 1024 * 1024;
const readBytes = 256 * 1024;

export function createHomes(options: HomesOptions): Homes {
  const {
    base,
    mount,
    reader,
    log,
    maxReaders = 4,
    deadlineMs = 1_000,
    maxQueue = 256,
    pauseMs = 2_000,
    lookFreshMs = 1_000,
  } = options;
  const readers = createReaders({ reader, log, maxReaders, deadlineMs, maxQueue, pauseMs });
  /**
   * A look is shared while it is under way or young (`at`: when it was answered, never before that); a read is not, since its buffers are
   * overwritten by whoever asked.
   */
  const looks = new Map<string, { readonly answer: Promise<ToolHome>; at: number }>();

  async function ask(
    op: 'credentials' | 'stat',
    tool: Tool,
  ): Promise<ReaderAnswer & { ok: Readonly<Record<string, unknown>> }> {
    const answer = await readers.ask({ op, base, tool: tool.name });
    if (answer.ok) return { ...answer, ok: answer.ok };
    log.warn(
      { tool: tool.name, reason: answer.error, at: answer.at, detail: answer.detail },
      'the home of the tool was not read',
    );
    throw refusalOf(tool, answer);
  }

  async function look(tool: Tool): Promise<ToolHome> {
    const { ok } = await ask('stat', tool);
    return { path: `${mount}/${tool.name}`, uid: Number(ok.uid), gid: Number(ok.gid), stamp: String(ok.stamp) };
  }

  /** No warnings in our log: what a tool makes of its own files is its own affair. */
  async function askLog(question: ReaderQuestion, tool: Tool, names: readonly string[]): Promise<LogPart | undefined> {
    const { ok, error, bytes } = await readers.ask(question);
    if (ok) return { ...(ok as unknown as LogPart), bytes };
    if (error === 'missing' || error === 'no_home') return undefined;
    throw logRefusal(tool, names.join('/'), error);
  }

  return {
    tailLog: (tool, names, lines) =>
      askLog({ op: 'log-tail', base, tool: tool.name, names, lines, maxBytes: tailBytes }, tool, names),
    readLog: (tool, names, place) =>
      askLog({ op: 'log-read', base, tool: tool.name, names, place, maxBytes: readBytes }, tool, names),
    async credentials(tool) {
      const { ok, bytes } = await ask('credentials', tool);
      const certBytes = Number(ok.certBytes);
      return { cert: bytes.subarray(0, certBytes), key: bytes.subarray(certBytes), stamp: String(ok.stamp) };
    },
    look(tool) {
      const shared = looks.get(tool.name);
      if (shared && performance.now() - shared.at < lookFreshMs) return shared.answer;
      const entry = { answer: look(tool), at: Number.POSITIVE_INFINITY };
      looks.delete(tool.name);
      looks.set(tool.name, entry);
      if (looks.size > maxLooks) looks.delete(looks.keys().next().value as string);
      entry.answer.then(
        () => {
          entry.at = performance.now();
        },
        () => {
          if (looks.get(tool.name) === entry) looks.delete(tool.name);
        },
      );
      return entry.answer;
    },
    health: readers.health,
    stop: readers.stop,
  };
}

/** The codes are those of home-walk.ts. */
function logRefusal(tool: Tool, file: string, rule = 'unreadable'): AppError {
  const fields = { tool: tool.name, file, rule };
  if (rule === 'changing') {
    return new AppError('home.unavailable', `The file ${file} is being replaced. Try again in a moment.`, {
      fields,
      retryAfterSeconds: 1,
    });
  }
  const is = logRules[rule] ?? 'cannot be read by the tool itself';
  return new AppError('home.refused', `The file ${file} in the home of the tool is not shown, since it ${is}.`, {
    fields,
  });
}

const logRules: Readonly<Record<string, string>> = {
  link: 'is a link',
  not_directory: 'lies behind a link, or behind what is no directory',
  not_file: 'is no ordinary file',
  device: 'is not on the file system of the home',
  owner: 'does not belong to the owner of the home',
};

/** What the tool's people can do about it; the codes are those of home-walk.ts. */
function refusalOf(tool: Tool, { error = 'unreadable', at = 'home' }: ReaderAnswer): AppError {
  const fields = { tool: tool.name, file: at, rule: error };
  const refused = (what: string) =>
    new AppError(
      'home.refused',
      `${at === 'home' ? 'The home of the tool' : `.toolskube/${at} in the home of the tool`} ${what}`,
      { fields },
    );
  switch (error) {
    case 'no_home':
      return new AppError('home.refused', `The tool '${tool.name}' has no home.`, { fields });
    case 'missing':
    case 'empty':
      return new AppError(
        'credentials.invalid',
        `There is no certificate in the home of the tool (${at}). Ask an administrator for a new one.`,
        { fields },
      );
    case 'link':
    case 'not_directory':
    case 'not_file':
      return refused('is a link, or not what belongs there. Ask an administrator for a new certificate.');
    case 'hard_link':
      return refused('has a second name (a hard link). Remove it, or ask an administrator for a new certificate.');
    case 'device':
      return refused('is not on the file system of the home.');
    case 'owner':
      return refused(
        at === 'home'
          ? 'belongs to root.'
          : 'does not belong to the owner of the home. Ask an administrator for a new certificate.',
      );
    case 'mode':
      return refused(`can be read by others. Run: chmod 0400 ~/.toolskube/${at}`);
    case 'too_large':
      return refused('is too large to be what it says.');
    default:
      return new AppError(
        'home.unavailable',
        'The home of the tool cannot be read at the moment. Nothing was changed. Try again in a moment.',
        {
          fields,
          retryAfterSeconds: 1,
        },
      );
  }
}
