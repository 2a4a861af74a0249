/** `completion`: a script for a shell; and what such a script asks when a key is pressed. */
import { usage } from '../terminal/arguments.ts';
import { completionScript, shells } from '../terminal/completion/completion.ts';
import type { Command, LocalCommand } from './outcome.ts';

export const printCompletion: LocalCommand = ({ line, commands, globals }) => {
  const shell = shells.find((one) => one === line.operands[0]);
  if (!shell) throw usage(`'completion' needs one of ${shells.join(', ')}; '${line.operands[0]}' is not.`);
  const script = completionScript(shell, { commands, globals });
  return { text: script.trimEnd(), data: { shell, script } };
};

const maxNames = 1_000;
/** What names of jobs and images are made of, and nothing a shell would take for more than a word. */
const harmless = /^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}$/;

/** `__complete job`, `__complete image`: one name a line. */
export const completeNames: Command = async ({ client, line }) => {
  const names =
    line.operands[0] === 'job'
      ? (await client.listJobsAsSet()).map(({ name }) => name)
      : line.operands[0] === 'image'
        ? (await client.listImages()).map(({ shortname }) => shortname)
        : [];
  const known = names.filter((name): name is string => typeof name === 'string' && harmless.test(name));
  return { text: known.slice(0, maxNames).join('\n'), data: known };
};
