/** A stream of bytes as lines. Works on bytes, since U+2028 ends a line for readers of text but not in JSON. */

const lineEnd = 0x0a;

export interface LineOptions {
  /** A longer line is dropped as it arrives, so that one huge object can neither fill the memory nor end the watch for everyone. */
  readonly maxBytes: number;
  onOversized(): void;
  /** Called for each piece that arrives, before it is split. */
  onBytes(): void;
}

/** The lines without their ends, empty ones left out. A last line without an end was cut and is left out too. */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>, options: LineOptions): AsyncGenerator<Buffer> {
  const line = createLine(options);
  for await (const chunk of chunks) {
    options.onBytes();
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(lineEnd); end >= 0; end = bytes.indexOf(lineEnd, start)) {
      const whole = line.finish(bytes.subarray(start, end));
      start = end + 1;
      if (whole) yield whole;
    }
    line.add(bytes.subarray(start));
  }
}

/** The line that is still arriving. */
function createLine({ maxBytes, onOversized }: LineOptions) {
  let pieces: Buffer[] = [];
  let length = 0;

  function add(piece: Buffer): void {
    length += piece.length;
    if (length > maxBytes) pieces = [];
    else if (piece.length > 0) pieces.push(piece);
  }

  function finish(piece: Buffer): Buffer | undefined {
    add(piece);
    const whole = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    if (length > maxBytes) onOversized();
    pieces = [];
    length = 0;
    return whole && whole.length > 0 ? whole : undefined;
  }

  return { add, finish };
}
