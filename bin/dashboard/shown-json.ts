import { visibleText } from '../terminal/terminal.ts';

/** JSON for the page: characters in its texts that would hide, or turn around what stands beside them, are shown as escapes. */
export function shownJson(value: unknown): string {
  return JSON.stringify(value, (_key, one) => (typeof one === 'string' ? visibleText(one) : one));
}
