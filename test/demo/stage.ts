/** Where the demo plays: a daemon, wherever it runs, and tools with a command line each, however that was installed. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Postfix } from '../support/postfix.ts';
import type { CommandResult } from '../support/sandbox.ts';
import { expect } from './telling.ts';

export interface Stage {
  readonly cluster: Cluster;
  /** Of the API, as users have it. */
  readonly url: string;
  /** PEM that verifies it. */
  readonly caFile: string;
  /** What the jobs run in, as its users name it. */
  readonly image: string;
  /** ConfigMap of the settings, in the namespace jobs-emailer. */
  readonly settingsMap: string;
  /** Undefined: mail is composed and not sent. */
  readonly postfix: Postfix | undefined;
  homeOf(tool: string): string;
  jobs(tool: string, ...args: string[]): Promise<CommandResult>;
  /** What `toolforge-jobs-admin settings show` says beside the daemon. */
  showSettings(): Promise<string>;
}

/** Runs a command and shows it, as the owner of the tool would see it. */
export async function say(stage: Stage, tool: string, args: readonly string[]): Promise<CommandResult> {
  show('toolforge-jobs', args);
  const result = await stage.jobs(tool, ...args);
  const text = (result.stdout + result.stderr).trim();
  if (text) console.log(text);
  return result;
}

export function show(program: string, args: readonly string[]): void {
  console.log(`$ ${program} ${args.map((arg) => (/^[\w.:/-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ')}`);
}

export async function jobs(stage: Stage, tool: string, ...args: string[]): Promise<string> {
  const { code, stdout } = await say(stage, tool, args);
  expect(code === 0, `the command ends with 0, not ${code}`);
  return stdout;
}

export async function expectWords(stage: Stage, tool: string, args: readonly string[], words: string): Promise<void> {
  const { stdout, stderr } = await say(stage, tool, args);
  expect((stdout + stderr).includes(words), `${args[0]} says: ${words}`);
}
