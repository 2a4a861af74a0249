/** One line that says what takes so long, for a person only. It is gone before anything else is printed. */
import { visibleLine } from './terminal.ts';

export interface Progress {
  /** Begins, or says something else from now on. */
  show(text: string): void;
  /** Makes room for a line that is printed now, and goes on below it. */
  pause(): void;
  /** Ends it until the next show(). */
  clear(): void;
}

export interface ProgressOptions {
  write(text: string): void;
  /** Whether there is a terminal that can erase a line. */
  readonly isShown: boolean;
  /** Calls again and again until the returned function is called. */
  every(ms: number, call: () => void): () => void;
}

/** What is over sooner needs no words. */
const tickMs = 1_000;
/** Narrower than any terminal in use: a line that wraps cannot be erased. */
const maxWidth = 76;

export function createProgress({ write, isShown, every }: ProgressOptions): Progress {
  let text = '';
  let ticks = 0;
  let isDrawn = false;
  let stop: (() => void) | undefined;
  const erase = () => {
    if (isDrawn) write('\r\x1b[K');
    isDrawn = false;
  };
  const draw = () => {
    ticks += 1;
    write(`\r\x1b[K${visibleLine(text).slice(0, maxWidth - 12)} (${ticks} s)`);
    isDrawn = true;
  };
  return {
    show(next) {
      if (!isShown) return;
      text = next;
      stop ??= every(tickMs, draw);
    },
    pause: erase,
    clear() {
      stop?.();
      stop = undefined;
      ticks = 0;
      erase();
    },
  };
}
