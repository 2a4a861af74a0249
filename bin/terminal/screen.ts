/**
 * A whole terminal to draw on, beside what stands there: what was shown before is there again afterwards, and so is the cursor, however the
 * program ends that can still say so.
 */
import type { WriteStream } from 'node:tty';
import { columnsOf } from './table.ts';
import { visibleLine } from './terminal.ts';

/** A terminal as it is. */
export interface Display {
  write(text: string): void;
  columns(): number;
  rows(): number;
  /** @returns what ends it */
  onResize(call: () => void): () => void;
  /** Called once, at once, when the program is told to end. @returns what ends it */
  onEnd(call: () => void): () => void;
}

export interface Screen {
  /** Shows these lines in the place of all that was shown, as far as they fit. */
  draw(lines: readonly string[]): void;
  /** Gives the terminal back. Idempotent. */
  leave(): void;
}

/** The other buffer, without a cursor (xterm, "ctlseqs": DECSET 1049, DECTCEM). */
const enter = '\x1b[?1049h\x1b[?25l';
const leave = '\x1b[?25h\x1b[?1049l';
const home = '\x1b[H';
const eraseToLineEnd = '\x1b[K';
const eraseBelow = '\x1b[J';

export function openScreen(display: Display): Screen {
  let isOpen = true;
  const close = () => {
    if (isOpen) display.write(leave);
    isOpen = false;
    forget();
  };
  const forget = display.onEnd(close);
  display.write(enter);
  return {
    draw(lines) {
      if (!isOpen) return;
      const shown = lines.slice(0, display.rows()).map((line) => `${cut(line, display.columns())}${eraseToLineEnd}`);
      display.write(`${home}${shown.join('\r\n')}${eraseBelow}`);
    },
    leave: close,
  };
}

/** Text on one line, made harmless, that takes no more columns. @example cut('abcdef', 4) -> 'abc…' */
export function cut(text: string, columns: number): string {
  const line = visibleLine(text);
  if (columnsOf(line) <= columns) return line;
  let kept = '';
  for (const char of line) {
    if (columnsOf(kept + char) > columns - 1) break;
    kept += char;
  }
  return columns > 0 ? `${kept}…` : '';
}

/** Undefined where it is no terminal. */
export function displayOf(stdout: WriteStream): Display | undefined {
  if (!stdout.isTTY) return undefined;
  return {
    write: (text) => void stdout.write(text),
    // A terminal that does not know its size says 0.
    columns: () => stdout.columns || 80,
    rows: () => stdout.rows || 24,
    onResize(call) {
      stdout.on('resize', call);
      return () => void stdout.off('resize', call);
    },
    onEnd(call) {
      const ends = endings.map((signal): [NodeJS.Signals, () => void] => [signal, () => endBy(signal, call)]);
      for (const [signal, end] of ends) process.once(signal, end);
      process.once('exit', call);
      return () => {
        for (const [signal, end] of ends) process.off(signal, end);
        process.off('exit', call);
      };
    },
  };
}

/** Of Ctrl-C the program hears, and ends by itself. */
const endings = ['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** As if nobody had listened. */
function endBy(signal: NodeJS.Signals, call: () => void): void {
  call();
  process.kill(process.pid, signal);
}
