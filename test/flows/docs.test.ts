/**
 * What README and guide show is typed as it stands there, by the shell of a tool and by an operator, against the running daemon: each
 * command ends as the page says, and prints what the page shows.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitWords } from '../../src/definition/shell-words.ts';
import { commandsOf, type DocumentedCommand, isRunElsewhere, pages } from '../support/documented-commands.ts';
import { cluster } from '../support/flow-cluster.ts';
import { repositoryRoot } from '../support/repository-root.ts';
import { createSandbox, type Sandbox, until } from '../support/sandbox.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

const tool = 'my-tool';
let sandbox: Sandbox;
let sink: SmtpSink;
let programs: string;

beforeAll(async () => {
  sink = await startSmtpSink();
  sandbox = await createSandbox({
    cluster,
    dir: join(cluster.stateDir, 'docs'),
    name: 'flow-docs',
    lease: true,
    smtp: { allow: [{ host: 'mx.example.org', address: '127.0.0.1', port: sink.port }] },
  });
  programs = join(sandbox.dir, 'bin');
  await mkdir(programs);
  const program = `#!/bin/sh\nexec '${process.execPath}' '${join(repositoryRoot, 'dist/jobs.js')}' "$@"\n`;
  await writeFile(join(programs, 'toolforge-jobs'), program, { mode: 0o755 });
  await copyFile(join(repositoryRoot, 'config/configmap.example.yaml'), join(sandbox.dir, 'configmap.yaml'));
  await sandbox.addTool(tool);
  await sandbox.start();
});

afterAll(async () => {
  await sandbox?.stop();
  await sink?.stop();
  await sandbox?.removeTool(tool);
});

interface Typed {
  readonly code: number;
  /** Everything that the terminal shows. */
  readonly text: string;
}

/** As the tool's user types it, in its home. */
async function typeAsTool(text: string): Promise<Typed> {
  const home = sandbox.homeOf(tool);
  const env = { PATH: `${programs}:${process.env.PATH}`, HOME: home, KUBECONFIG: join(home, '.kube/config') };
  // A group of its own, as in a terminal, where Ctrl-C is for all of it.
  const shell = spawn('bash', ['-c', `exec 2>&1\n${text}`], { cwd: home, env, detached: true });
  const printed: Buffer[] = [];
  shell.stdout.on('data', (chunk: Buffer) => printed.push(chunk));
  if (isEndless(text)) shell.stdout.once('data', () => process.kill(-(shell.pid as number), 'SIGINT'));
  const [code] = (await once(shell, 'close')) as [number | null];
  return { code: code ?? interrupted, text: Buffer.concat(printed).toString() };
}

/** On the machine of the daemon, whose paths are not the usual ones here. */
async function typeAsOperator(text: string): Promise<Typed> {
  const [, ...words] = splitWords(text) ?? [];
  const inDirectory = words.map((word) => (/^[\w-]+\.(yaml|backup)$/.test(word) ? join(sandbox.dir, word) : word));
  const { code, stdout, stderr } = await sandbox.admin(...inDirectory);
  return { code, text: stdout + stderr };
}

/** What a page cannot know. */
function filledIn(text: string): string {
  return text
    .replace('https://jobs.example.org:30001', sandbox.url)
    .replace('https://ADDRESS/v1/tool/TOOL', `${sandbox.url}/v1/tool/${tool}`)
    .replace('/path/to/ca.crt', sandbox.caFile);
}

const interrupted = 130;
const isEndless = (text: string) => text.endsWith(' # until Ctrl-C');

/** How it ends, as the page says behind it; well, where it says nothing. */
function codeOf(text: string): number {
  return isEndless(text) ? interrupted : Number(/ # ends with (\d+)$/.exec(text)?.[1] ?? 0);
}

/** Commands that only look may be typed again: what they show comes a little later than what was done. */
const onlyLooks = /^(cat|toolforge-jobs (list|show|logs|history|advise|mail-log)) /;

/** Types it, and expects what the page promises. */
async function follow({ text, output }: DocumentedCommand): Promise<void> {
  const code = codeOf(text);
  const type = () => (text.startsWith('toolforge-jobs-admin') ? typeAsOperator : typeAsTool)(filledIn(text));
  let typed = await type();
  const isAsShown = () => typed.code === code && (output === undefined || isShown(typed.text, output));
  if (onlyLooks.test(text) && !isAsShown()) {
    const again = async () => {
      typed = await type();
      return isAsShown();
    };
    await until(again, 'the page to be true', 20_000).catch(() => {});
  }
  expect(isAsShown(), `$ ${text}\n${typed.text}[${typed.code}] and not\n${output?.join('\n')}\n[${code}]`).toBe(true);
}

/** `…` stands for anything within a line, alone in a line for any lines. */
function isShown(text: string, output: readonly string[]): boolean {
  const lines = output.map((line) => (line === '…' ? '(?:.*\n)*' : `${line.split('…').map(escaped).join('.*')} *\n`));
  return new RegExp(`^${lines.join('')}$`).test(text);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

const typedHere = (page: string) => commandsOf(page).filter((command) => !isRunElsewhere(command));

describe('the guide', () => {
  it.each(typedHere('docs/guide.md'))('shows what comes of: $text', follow);
});

describe('what the other pages show', () => {
  beforeAll(async () => {
    // The test cluster has no Python.
    for (const name of ['report.py', 'bot.py', 'migrate.sh'])
      await copyFile(
        join(sandbox.homeOf(tool), name === 'bot.py' ? 'bot.sh' : 'report.sh'),
        join(sandbox.homeOf(tool), name),
      );
  });

  const others = pages.filter((page) => page !== 'docs/guide.md');
  it.each(others.flatMap(typedHere))('works as $page has it: $text', follow);
});
