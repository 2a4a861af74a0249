/**
 * Opens a browser at an address that nobody else may learn. Words of a command are seen by every user of a machine, so the browser is given
 * a file that only this user can read, and the file leads on.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Opened {
  readonly file: string;
  /** Removes the file. */
  forget(): Promise<void>;
}

/** @param opener the program that opens a file in the user's browser. @param address ours: its characters need no escapes */
export async function openBrowser(opener: string, address: string): Promise<Opened> {
  // Made for this user alone: mkdtemp(3).
  const directory = await mkdtemp(join(tmpdir(), 'toolforge-jobs-'));
  const file = join(directory, 'dashboard.html');
  const page = `<!doctype html><title>Toolforge Jobs</title><meta http-equiv="refresh" content="0; url=${address}">\n`;
  await writeFile(file, page, { mode: 0o600 });
  const browser = spawn(opener, [file], { detached: true, stdio: 'ignore' });
  // Whether it can be opened or not, the address has been said.
  browser.on('error', () => {});
  browser.unref();
  return { file, forget: () => rm(directory, { recursive: true, force: true }) };
}
