/** Server-sent events as text (HTML Living Standard, "Server-sent events"). Pure. */

export interface ServerEvent {
  readonly id: string;
  /** E.g. `job.changed`. */
  readonly name: string;
  /** Becomes JSON, which has no line ends outside its texts, and escapes those within. */
  readonly data: object;
}

/** How long a reader waits before it comes back after its connection has ended. */
const retryMs = 1_000;

/** Keeps connections alive that somebody on the way would close, and means nothing. */
export const heartbeatText = ':\n\n';

export function eventText({ id, name, data }: ServerEvent): string {
  return `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Where a stream begins, so that a reader who has heard nothing yet can be told what it missed; no event to its program. */
export function beginningText(id: string): string {
  return `retry: ${retryMs}\nid: ${id}\n\n`;
}
