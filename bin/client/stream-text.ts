/** Text that comes in pieces, as lines and as server-sent events. What is not ended by a line end is not believed. */
import { notUnderstood } from './session.ts';

/** One line, at most; the service cuts the lines of logs long before. */
const maxLineBytes = 1_048_576;

/** @throws AppError `service.failed` for a line without an end */
export async function* linesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let end = rest.indexOf(0x0a);
    while (end >= 0) {
      yield rest.toString('utf8', 0, rest[end - 1] === 0x0d ? end - 1 : end);
      rest = rest.subarray(end + 1);
      end = rest.indexOf(0x0a);
    }
    if (rest.length > maxLineBytes) throw notUnderstood();
  }
}

/** One event with its data, still as text. */
export interface ServerSentEvent {
  /** `message` where it has no name. */
  readonly event: string;
  readonly data: string;
  /** Of this event or of the last one that had one: where to go on from. */
  readonly id: string | undefined;
}

/** The last id that was heard: where to go on from after a stream that broke off. */
export interface Position {
  id: string | undefined;
}

/**
 * Comments and events without data are left out (HTML Standard, "Server-sent events").
 * @param position kept up to date
 */
export async function* eventsOf(
  pieces: AsyncIterable<Buffer>,
  position: Position = { id: undefined },
): AsyncGenerator<ServerSentEvent> {
  let event = 'message';
  let data: string[] = [];
  for await (const line of linesOf(pieces)) {
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'id') position.id = value;
    else if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
    if (line !== '') continue;
    if (data.length > 0) yield { event, data: data.join('\n'), id: position.id };
    event = 'message';
    data = [];
  }
}
