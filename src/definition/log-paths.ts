/** Where a job's output may be written: files inside the tool's home, or /dev/null. */

/** A file name on Linux has at most 255 bytes; a path of 1,024 leaves room in the command for both and for the command itself. */
const maxNameBytes = 255;
const maxPathBytes = 1024;
const nowhere = '/dev/null';

/** @returns what is wrong with the path wherever the home is, in words that follow its name; undefined = nothing */
export function problemOfLogPath(text: string): string | undefined {
  if (/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)) return 'must not hold control characters';
  if (text.endsWith('/') || namesOf(text).length === 0) return 'must name a file';
  if (namesOf(text).includes('..')) return 'must not lead upward with ".."';
  if (Buffer.byteLength(text) > maxPathBytes) return `must have at most ${maxPathBytes} bytes`;
  return namesOf(text).some((name) => Buffer.byteLength(name) > maxNameBytes)
    ? `must not hold a name of more than ${maxNameBytes} bytes`
    : undefined;
}

/**
 * @param homePath absolute, as the job sees it
 * @returns the absolute path without `.` and double slashes, or undefined where it lies outside the home
 * @example resolveLogPath('logs//a.log', '/data/project/demo') -> '/data/project/demo/logs/a.log'
 */
export function resolveLogPath(text: string, homePath: string): string | undefined {
  if (problemOfLogPath(text) !== undefined) return undefined;
  const path = `/${namesOf(text).join('/')}`;
  if (!text.startsWith('/')) return homePath + path;
  return path === nowhere || path.startsWith(`${homePath}/`) ? path : undefined;
}

function namesOf(text: string): string[] {
  return text.split('/').filter((name) => name !== '' && name !== '.');
}
