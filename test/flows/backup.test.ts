/** The state of a working daemon, backed up, lost, and put back. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { spreadOf } from '../../src/store.ts';
import { cluster } from '../support/flow-cluster.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'kept';
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'backup'),
    name: 'flow-backup',
    settings: { mail_first_seconds: '1' },
  });
  await sandbox.addTool(tool);
  await sandbox.start();
});

afterAll(async () => {
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
});

const jobs = async (...words: string[]) => (await sandbox.jobs(tool, ...words)).stdout;

it('a daemon whose disk was lost knows after a restore what it knew before, and tells nothing twice', async () => {
  const words = ['--image', 'bookworm', '--emails', 'onfailure', '--command', 'echo lost; exit 3', '--wait'];
  await jobs('run', 'failing', ...words);
  const told = await until(async () => {
    const text = await jobs('mail-log');
    return /failed.*not mailed/.test(text) ? text : undefined;
  }, 'the mail is composed and recorded');
  // What is shown is a moment ahead of the disk, as it is for a daemon that is killed.
  const onDisk = join(sandbox.dir, 'state/mail-log', spreadOf(tool), `${tool}.json`);
  await until(async () => (await readFile(onDisk, 'utf8')).split('"withheld"').length === 2, 'the disk has it');
  await jobs('delete', 'failing');
  const file = join(sandbox.dir, 'jobs.backup');
  expect(await sandbox.admin('backup', file)).toMatchObject({ code: 0 });
  const refused = await sandbox.admin('restore', file, '--yes');
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('in use by another process')]);

  await sandbox.stop('SIGKILL');
  await rm(join(sandbox.dir, 'state'), { recursive: true });
  const restored = await sandbox.admin('restore', file, '--yes');
  expect(restored.stdout).toMatch(/^\d+ files of .* are in place\.$/m);
  await sandbox.start();
  expect(await jobs('mail-log')).toBe(told);
});
