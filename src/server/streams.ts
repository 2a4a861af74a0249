/**
 * Answers that go on, such as logs that are followed. Each has a place of its own kind, so that it takes none of the tool's requests, and is
 * looked after while it lasts: a reader who takes nothing, one who may no longer ask, and one who has been here long enough lose the
 * connection. Ends with the connection and not with a last piece, so that a reader who comes back can tell this from the end of what it read.
 */
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { AppError } from '../errors.ts';
import type { Caller } from './identify.ts';

/** Values of the moment; asked at every use. */
export interface StreamLimits {
  atOncePerTool(): number;
  stallMs(): number;
  /** Whether the caller would still be let in, but for the dates of its certificate. */
  mayAsk(caller: Caller): boolean;
  /** ms since the epoch */
  now(): number;
  /** Told of each that ended before its time, by us or by a failure of what feeds it; not of readers who left. */
  onCut(cut: { readonly request: string; readonly tool: string; readonly err: Error }): void;
}

export interface Streams {
  /**
   * Takes a place for an answer before it begins, and looks after it until it has ended.
   * @param request its id, as the log has it
   * @throws AppError `caller.too_many` when the tool has all it may have; the pieces are then destroyed
   */
  watch(request: string, caller: Caller, pieces: Readable, response: ServerResponse): void;
  /** To be called when settings have changed: each is looked at now, and from now on as often as the new ones ask for. */
  lookAtAll(): void;
  /** Before the listeners stop: nobody would wait for what has no end. */
  endAll(): void;
  /** For metrics and tests. */
  count(): number;
}

/** How often each is looked at, at least; an edit of the settings has all of them looked at as well. */
const lookMs = 5_000;
/** Whoever follows for longer comes back and is looked at anew, as a whole. */
const longestMs = 12 * 3_600_000;
/** Then the kernel asks a silent peer ten times, once a second. */
const keepAliveProbeMs = 30_000;

interface Stream {
  readonly tool: string;
  readonly pieces: Readable;
  /** Ends it, if there is a reason to; or sees to it that it is looked at again. */
  look(): void;
}

export function createStreams(limits: StreamLimits): Streams {
  const open = new Set<Stream>();
  const countOf = (tool: string) => [...open].filter((stream) => stream.tool === tool).length;

  return {
    watch(request, caller, pieces, response) {
      // Its reader left while it was made: there is no close to come, and whoever sends it ends the pieces.
      if (response.destroyed) return;
      const tool = caller.tool.name;
      if (countOf(tool) >= limits.atOncePerTool()) {
        pieces.destroy();
        throw tooMany();
      }
      beSilent(response);
      const looks = lookAfter(caller, pieces, response, limits);
      const stream = { tool, pieces, look: looks.now };
      open.add(stream);
      pieces.once('error', (err) => {
        if (!response.destroyed) limits.onCut({ request, tool, err });
      });
      response.once('close', () => {
        looks.stop();
        open.delete(stream);
        // Read to its end or not: what still feeds it has to stop.
        pieces.destroy();
      });
    },
    lookAtAll() {
      for (const { look } of open) look();
    },
    endAll() {
      for (const { pieces } of open) pieces.destroy(new Error('the service stops'));
    },
    count: () => open.size,
  };
}

/** A job may say nothing for hours; that its reader is still there is the kernel's business. Node sets the time again for the next request. */
function beSilent({ socket }: ServerResponse): void {
  socket?.setTimeout(0);
  socket?.setKeepAlive(true, keepAliveProbeMs);
}

function lookAfter(caller: Caller, pieces: Readable, response: ServerResponse, limits: StreamLimits) {
  const startedAt = limits.now();
  let stalledAt: number | undefined;
  response.on('drain', () => {
    stalledAt = undefined;
  });
  let timer = setTimeout(look, untilNextMs());

  function untilNextMs(): number {
    return Math.min(lookMs, limits.stallMs() / 2);
  }

  function look(): void {
    clearTimeout(timer);
    const at = limits.now();
    stalledAt = response.writableNeedDrain ? (stalledAt ?? at) : undefined;
    const why = reasonToEnd(caller, { at, startedAt, stalledAt }, limits);
    if (why !== undefined) pieces.destroy(new Error(why));
    timer = setTimeout(look, untilNextMs());
  }

  return { now: look, stop: () => clearTimeout(timer) };
}

interface Times {
  readonly at: number;
  readonly startedAt: number;
  /** Since when the reader has taken nothing. */
  readonly stalledAt: number | undefined;
}

function reasonToEnd(caller: Caller, { at, startedAt, stalledAt }: Times, limits: StreamLimits): string | undefined {
  if (stalledAt !== undefined && at - stalledAt >= limits.stallMs()) return 'the reader takes nothing';
  if (!limits.mayAsk(caller)) return 'the tool may no longer ask';
  if (at >= caller.validTo) return 'the certificate of the caller has expired';
  return at - startedAt >= longestMs ? 'it has gone on long enough' : undefined;
}

function tooMany(): AppError {
  return new AppError(
    'caller.too_many',
    'The tool follows as many logs and events at once as it may. End one of them first.',
    { retryAfterSeconds: 5 },
  );
}
