/** Which file system a path is on, from the kernel's own table: asking the path itself would hang with it. Linux only. */
import { readFile } from 'node:fs/promises';

export interface Mount {
  readonly point: string;
  /** `major:minor`: two mount points of one file system share it. */
  readonly device: string;
}

/** @param text /proc/self/mountinfo (proc_pid_mountinfo(5)); later lines cover earlier ones */
export function parseMounts(text: string): Mount[] {
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields.length > 4)
    .map((fields) => ({ device: fields[2] ?? '', point: unescapeOctal(fields[4] ?? '') }));
}

/** The device of the deepest mount at or above `path`; '' where the table does not know. */
export function deviceOf(path: string, mounts: readonly Mount[]): string {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const covers = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`);
    if (covers && (!best || mount.point.length >= best.point.length)) best = mount;
  }
  return best?.device ?? '';
}

/** The table as it is now; empty where there is none. */
export async function readMounts(): Promise<Mount[]> {
  return parseMounts(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''));
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
