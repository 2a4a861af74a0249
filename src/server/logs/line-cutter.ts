/** Bytes as they come, cut into lines of bounded length. What is kept of a line that has not ended is bounded as well. */

export interface LineCutter {
  /** @returns the lines that ended, without their ends */
  push(chunk: Uint8Array): string[];
  /** @returns the last line, where it has no end */
  flush(): string[];
}

/** The runtimes of containers cut there, too. */
const maxLineBytes = 16 * 1024;
const newline = 0x0a;

export function createLineCutter(maxBytes = maxLineBytes): LineCutter {
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  let cutBytes = 0;

  function keep(part: Uint8Array): void {
    const taken = part.subarray(0, Math.max(0, maxBytes - keptBytes));
    // A copy: the chunk it lies in may be much larger, and lives as long as any part of it.
    if (taken.length > 0) kept.push(Uint8Array.prototype.slice.call(taken));
    keptBytes += taken.length;
    cutBytes += part.length - taken.length;
  }

  function takeLine(): string {
    const bytes = Buffer.concat(kept);
    const text = cutBytes > 0 ? wholeCharacters(bytes).toString() : bytes.toString();
    const line = cutBytes > 0 ? `${text} [… ${cutBytes} bytes more]` : text;
    kept = [];
    keptBytes = 0;
    cutBytes = 0;
    return line;
  }

  return {
    push(chunk) {
      const lines: string[] = [];
      let start = 0;
      for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
        keep(chunk.subarray(start, end));
        lines.push(takeLine());
        start = end + 1;
      }
      keep(chunk.subarray(start));
      return lines;
    },
    flush: () => (keptBytes > 0 ? [takeLine()] : []),
  };
}

/** Without the beginning of a character whose end was cut off (UTF-8: at most three bytes). */
function wholeCharacters(bytes: Buffer): Buffer {
  let start = bytes.length - 1;
  while (start >= 0 && bytes.length - start < 4 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start -= 1;
  const lead = bytes[start] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return bytes.length - start < length ? bytes.subarray(0, start) : bytes;
}
