/** What a row of the table of routes is. */
import type { Readable } from 'node:stream';
import type { ErrorCode } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import type { Dialect } from '../respond.ts';
import type { Shape } from '../schemas.ts';

/** One request after identification; `body` has had its shape checked. */
export interface Call {
  readonly caller: Caller;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  /** A header of the request, by its lower-case name. */
  header(name: string): string | undefined;
  /** Gives back the caller's place among the requests at once, for a handler that only waits from here on. */
  release(): void;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly dialect: Dialect;
  readonly summary: string;
  /** Name in the OpenAPI document and in the typed client; the same on every path of the same thing. */
  readonly operation?: string;
  /** Errors its like can have and it cannot. */
  readonly without?: readonly ErrorCode[];
  readonly status: number;
  /** Without the slash at its end this path sends clients to it (308); all others answer with and without. */
  readonly slash?: 'redirect';
  readonly params?: Shape;
  readonly query?: Shape;
  readonly body?: Shape;
  /** Of an answer that comes in pieces (`answerType`): the shape of one piece. */
  readonly answer: Shape;
  /** JSON where absent. A stream of JSON lines is `text/plain; charset=utf8`, one of server-sent events `text/event-stream`. */
  readonly answerType?: string;
  /** Words what is wrong with a body whose shape does not fit, all problems at once. @throws AppError */
  explainBody?(call: Call): Promise<void>;
  /** A value to be written as JSON, a list's text, or text that goes on. */
  handle(call: Call): Promise<unknown> | unknown;
}

/** JSON made already. */
export class JsonText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Text that goes on, of the row's `answerType`. Ended by whoever makes it; destroyed when the reader leaves or is turned out (streams.ts). */
export class StreamedText {
  readonly pieces: Readable;
  constructor(pieces: Readable) {
    this.pieces = pieces;
  }
}
