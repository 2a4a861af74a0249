/** A directory with the completion scripts and a program that answers as ours does, and worse. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandTable, globalOptions } from '../../bin/commands/command-table.ts';
import { completionScript, shells } from '../../bin/terminal/completion/completion.ts';

export interface CompletionHome {
  /** Holds `bash`, `zsh`, `fish`, the program, and a file `jobs.yaml`. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  remove(): void;
}

export function createCompletionHome(): CompletionHome {
  const directory = mkdtempSync(join(tmpdir(), 'completion-'));
  for (const shell of shells)
    writeFileSync(
      join(directory, shell),
      completionScript(shell, { commands: commandTable, globals: globalOptions(false) }),
    );
  // Says names as the program does, and more: whoever could put a word there must gain nothing by it.
  const program = join(directory, 'toolforge-jobs');
  writeFileSync(
    program,
    `#!/bin/sh
[ "$1" = __complete ] || exit 9
case $2 in
  job) printf '%s\\n' nightly nightly-2 bot 'x$(touch pwned)' 'x\`touch pwned\`' 'x;touch pwned' '*' ;;
  image) printf '%s\\n' python3.11 bookworm tool-quick/bot:latest tool-quick/bot:v2 ;;
esac
`,
  );
  chmodSync(program, 0o755);
  writeFileSync(join(directory, 'jobs.yaml'), '');
  return {
    directory,
    env: { PATH: `${directory}:${process.env.PATH}`, HOME: directory },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
