/** A Node program with the built client module, against the real daemon. */
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cluster } from '../support/flow-cluster.ts';
import { repositoryRoot } from '../support/repository-root.ts';
import { createSandbox, type Sandbox } from '../support/sandbox.ts';

const run = promisify(execFile);
const tool = 'typed-alpha';
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'typed'), name: 'flow-typed' });
  await sandbox.addTool(tool);
  await sandbox.start();
});

afterAll(async () => {
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
});

it('a bot runs a job, sees it, meets a refusal it can decide by, hears how it ended, deletes it, and ends itself', async () => {
  const bot = join(repositoryRoot, 'test/support/bot.mjs');
  const env = { PATH: process.env.PATH ?? '', HOME: sandbox.homeOf(tool) };
  const { stdout, stderr } = await run(process.execPath, [bot], { env, timeout: 60_000 });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({
    made: 'from-a-bot',
    names: ['from-a-bot'],
    again: 'job.conflict',
    gone: 'job.not_found',
    outcome: 'succeeded',
    images: expect.any(Number),
  });
});

it('a bot is checked against the types that are shipped, and a slip in it is found', async () => {
  const tsc = join(repositoryRoot, 'node_modules/.bin/tsc');
  const options = ['--ignoreConfig', '--noEmit', '--allowJs', '--checkJs', '--strict', '--module', 'nodenext'];
  const check = (file: string) => run(tsc, [...options, '--target', 'es2023', '--types', 'node', file]);
  const bot = join(repositoryRoot, 'test/support/bot.mjs');
  await check(bot);
  // Beside it, since the name of the package leads to itself only from within.
  const slip = join(repositoryRoot, 'dist/bot-with-a-slip.mjs');
  await writeFile(slip, (await readFile(bot, 'utf8')).replace("cmd: 'echo hello; sleep 3'", 'cmd: 5'));
  await expect(check(slip)).rejects.toMatchObject({
    stdout: expect.stringContaining("not assignable to type 'string'"),
  });
  await rm(slip);
});
