/** What a command says beside its result: on stderr, one line for each thing, in colours only where a person looks. */
import { type AppError, errorTable } from '../../src/errors.ts';
import type { Env } from '../client/config.ts';
import { visibleText } from './terminal.ts';

export type Level = 'debug' | 'info' | 'warning' | 'error';

export interface Talk {
  say(level: Level, text: string): void;
  /** Says an error with its stable id. @returns the exit code it stands for */
  fail(error: AppError): 1 | 2;
}

export interface TalkOptions {
  write(text: string): void;
  readonly isColoured: boolean;
  /** Also says what only helps to find a fault. */
  readonly isDebug: boolean;
}

const adminsPage = 'https://w.wiki/6Zuu';
const colours: Readonly<Record<Level, string>> = {
  debug: '',
  info: '\x1b[34m',
  warning: '\x1b[1;33m',
  error: '\x1b[1;31m',
};

export function createTalk({ write, isColoured, isDebug }: TalkOptions): Talk {
  const say = (level: Level, text: string) => {
    if (level === 'debug' && !isDebug) return;
    const line = `${level.toUpperCase()}: ${visibleText(text)}`;
    write(isColoured && colours[level] ? `${colours[level]}${line}\x1b[0m\n` : `${line}\n`);
  };
  return {
    say,
    fail(error) {
      const { id, exit } = errorTable[error.code];
      for (const text of error.problems ?? [error.message]) say('error', `${text} (${id})`);
      const requestId = requestIdOf(error);
      if (requestId)
        say('error', `The id of the request is ${requestId}; the operators find its cause in the log by it.`);
      if (error.code === 'internal' || error.code === 'service.failed') {
        say('error', `Please report this issue to the Toolforge admins if it persists: ${adminsPage}`);
      }
      sayContext(error, say);
      return exit;
    },
  };
}

/** NO_COLOR: no-color.org */
export function wantsColours(isTerminal: boolean, env: Env): boolean {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** Where the words of the error do not say it. */
function requestIdOf({ fields, message }: AppError): string | undefined {
  const id = fields?.request_id;
  return typeof id === 'string' && !message.includes(id) ? id : undefined;
}

function sayContext(error: AppError, say: Talk['say']): void {
  const entries = Object.entries(error.fields ?? {});
  if (entries.length > 0) say('debug', 'Some additional context for the issue follows:');
  for (const [key, value] of entries) say('debug', `${key} = ${JSON.stringify(value)}`);
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    say('debug', `because: ${error.code === 'internal' ? cause.stack : cause.message}`);
  }
}
