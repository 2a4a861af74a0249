/** Whether who runs the command can be the tool's account, as far as a user's name tells. */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/** What a machine says of who runs the command. */
export interface Person {
  /** Undefined for a user without a name, as in a container. */
  readonly userName: string | undefined;
  /** The installation, where this is one of its machines: accounts of tools are then called `<project>.<tool>`. */
  readonly project: string | undefined;
}

/**
 * Only a doubt: elsewhere people run tools under names of their own. A name that says it is the account of another tool is doubted everywhere.
 * @returns a warning known from the earlier clients
 */
export function accountDoubt(tool: string, { userName, project }: Person): string | undefined {
  if (userName === undefined) return undefined;
  const [, , suffix] = /^([^.]+)\.(.+)$/.exec(userName) ?? [];
  const isDoubted = project === undefined ? suffix !== undefined && suffix !== tool : userName !== `${project}.${tool}`;
  return isDoubted
    ? `not running as the tool account? Likely to fail. Perhaps you forgot \`become ${tool}\`?`
    : undefined;
}

/** Of this process, on this machine. */
export function thisPerson(): Person {
  return {
    userName: quietly(() => userInfo().username),
    project: quietly(() => readFileSync('/etc/wmcs-project', 'utf8').split('\n', 1)[0]),
  };
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
