/**
 * `watch`: the jobs of the tool as they change, until it is interrupted. On a terminal a table that is drawn anew in its place, elsewhere a
 * line for each change. Everything comes from the service's events; only where some may be missing is the list asked for.
 */
import type { AppError } from '../../src/errors.ts';
import type { Client, Job } from '../client/client.ts';
import { isRecord } from '../client/session.ts';
import { dataOf, steadyEvents } from '../client/steady-events.ts';
import type { ServerSentEvent } from '../client/stream-text.ts';
import { momentOf } from '../terminal/cells.ts';
import { type Display, openScreen } from '../terminal/screen.ts';
import { visibleJsonLine, visibleLine } from '../terminal/terminal.ts';
import { LiveJobs, wordsOf } from './live-jobs.ts';
import type { Command, Context } from './outcome.ts';
import { patiently } from './patience.ts';
import { watchTable } from './watch-table.ts';

export const watchJobs: Command = async (context) => {
  const { line, display, signal } = context;
  if (line.options.get('output') === 'json') await watchAs(context, jsonLines(context));
  else if (display) await watchOn(display, context);
  else await watchAs(context, textLines(context));
  signal.throwIfAborted();
  return { text: '', data: undefined };
};

/** Somebody who is told how the jobs are and what changes. */
interface Watcher {
  /** The jobs as they are, at the beginning and wherever changes may have been missed. */
  listed(jobs: readonly Job[], warnings: readonly string[]): Promise<void>;
  changed(event: ServerSentEvent): Promise<void>;
  /** Nothing is heard until `back`. Told once. */
  away(error: AppError): Promise<void>;
  back(): Promise<void>;
}

/** The events have been heard, so the service is about to answer again. */
const passing = ['service.unreachable', 'view.not_ready'] as const;

/** @throws AppError where nothing is heard at first, or trying again would not help */
async function watchAs(context: Context, watcher: Watcher): Promise<void> {
  const { client, clock, signal } = context;
  let isAway = false;
  let isListed = false;
  const list = async () => {
    const { jobs, warnings } = await patiently(context, () => jobsNow(client), passing);
    isListed = true;
    await watcher.listed(jobs, warnings);
  };
  for await (const news of steadyEvents(client, { signal, sleep: clock.sleep })) {
    if (news.type === 'away') {
      if (!isListed) throw news.error;
      if (!isAway) await watcher.away(news.error);
      isAway = true;
    } else if (news.type === 'begun') {
      if (isAway) await watcher.back();
      isAway = false;
      if (!isListed || !news.isResumed) await list();
    } else if (news.event.event === 'reset') await list();
    else await watcher.changed(news.event);
  }
}

async function jobsNow(client: Client): Promise<{ readonly jobs: Job[]; readonly warnings: string[] }> {
  const { jobs, messages } = await client.read('/jobs');
  const warnings = isRecord(messages) && Array.isArray(messages.warning) ? messages.warning.map(String) : [];
  return { jobs: Array.isArray(jobs) ? jobs.filter(isRecord) : [], warnings };
}

/** One object a line, each with `event` and `data`, those of the service with their `id`. */
function jsonLines({ print }: Context): Watcher {
  const write = (value: object) => print(`${visibleJsonLine(value)}\n`);
  return {
    listed: (jobs, warnings) => write({ event: 'jobs.listed', data: { jobs, warnings } }),
    changed: (heard) => write({ id: heard.id, event: heard.event, data: dataOf(heard) }),
    away: ({ message }) => write({ event: 'service.away', data: { message } }),
    back: () => write({ event: 'service.back', data: {} }),
  };
}

function textLines({ print, say, isWatched }: Context): Watcher {
  const live = new LiveJobs();
  const write = (name: string, words: string) =>
    print(`${visibleLine(`${momentOf(new Date().toISOString())} ${name}: ${words}`)}\n`);
  return {
    async listed(jobs, warnings) {
      for (const text of warnings) say('warning', text);
      live.takeList(jobs, Date.now());
      // Takes the word of waiting away: from here on it is the jobs that are silent.
      await print('');
      if (jobs.length === 0 && isWatched) say('info', 'This tool has no jobs.');
      for (const job of live.list()) await write(job.name, wordsOf(job));
    },
    async changed(heard) {
      const change = live.takeEvent(heard.event, dataOf(heard), Date.now());
      if (change) await write(change.name, change.words);
    },
    async away({ message }) {
      say('warning', `${message} Watching on as soon as the service answers.`);
    },
    async back() {
      say('info', 'The service answers again.');
    },
  };
}

/** Changes that come at once are drawn at once. */
const drawMs = 100;
/** What many parts make of their jobs is asked for once. */
const listMs = 1_000;

async function watchOn(display: Display, context: Context): Promise<void> {
  // The word of waiting is not for a screen of its own.
  await context.print('');
  const screen = openScreen(display);
  const live = new LiveJobs();
  let notes: readonly string[] = [];
  let awayNote: string | undefined;
  let isAsking = true;
  let timer: NodeJS.Timeout | undefined;
  let listTimer: NodeJS.Timeout | undefined;
  const lines = () => watchTable(live, { columns: display.columns(), rows: display.rows(), notes, isAsking, awayNote });
  const draw = () => screen.draw(lines());
  const drawSoon = async () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      draw();
    }, drawMs);
  };
  const listSoon = () => {
    listTimer ??= setTimeout(async () => {
      listTimer = undefined;
      // Where it fails the service is away, which the events say.
      const { jobs } = await jobsNow(context.client).catch(() => ({ jobs: undefined }));
      if (jobs) live.takeList(jobs, Date.now());
      draw();
    }, listMs);
  };
  const forget = display.onResize(draw);
  try {
    draw();
    await watchAs(context, {
      listed(jobs, warnings) {
        live.takeList(jobs, Date.now());
        isAsking = false;
        notes = warnings;
        return drawSoon();
      },
      changed(heard) {
        const change = live.takeEvent(heard.event, dataOf(heard), Date.now());
        if (change?.group !== undefined) listSoon();
        return drawSoon();
      },
      away({ message }) {
        awayNote = `${message} What is shown is of ${momentOf(new Date().toISOString())} UTC.`;
        return drawSoon();
      },
      back() {
        awayNote = undefined;
        return drawSoon();
      },
    });
  } finally {
    clearTimeout(timer);
    clearTimeout(listTimer);
    forget();
    screen.leave();
  }
}
