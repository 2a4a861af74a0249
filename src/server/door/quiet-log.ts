/** Lines that strangers can cause, kept few: a burst per kind, then one line that counts the rest. */
import type { Log } from '../../log.ts';

export interface QuietLog {
  /** @param kind few and fixed, e.g. an error code */
  warn(kind: string, fields: object, message: string): void;
}

const linesPerWindow = 10;
const windowMs = 10_000;

/** @param now ms on a clock that never goes back */
export function createQuietLog(log: Log, now: () => number = () => performance.now()): QuietLog {
  const kinds = new Map<string, { startedAt: number; lines: number; unsaid: number }>();
  return {
    warn(kind, fields, message) {
      const at = now();
      let window = kinds.get(kind);
      if (!window || at - window.startedAt >= windowMs) {
        if (window && window.unsaid > 0) log.warn({ kind, unsaid: window.unsaid }, 'more of the same was not logged');
        window = { startedAt: at, lines: 0, unsaid: 0 };
        kinds.set(kind, window);
      }
      if (window.lines++ < linesPerWindow) log.warn({ kind, ...fields }, message);
      else window.unsaid++;
    },
  };
}
