/** What every command of jobs is given and gives back; none of them touches the process or a terminal. */

import type { Client } from '../client/client.ts';
import type { CommandLine } from '../terminal/arguments.ts';
import type { Display } from '../terminal/screen.ts';
import type { ShownCommand, ShownOption } from '../terminal/shown-command.ts';
import type { Level } from '../terminal/talk.ts';

export interface Context {
  readonly client: Client;
  /** Whose jobs they are. */
  readonly tool: string;
  readonly line: CommandLine;
  /** Something for the person at the terminal, at once. */
  say(level: Level, text: string): void;
  /** Output that comes in pieces, at once; resolves when more can be taken. */
  print(text: string): Promise<void>;
  /** What is being done, shown to a person below what is said while it takes longer than a moment. */
  progress(text: string): void;
  /** Whether a person reads what is said. */
  readonly isWatched: boolean;
  /** The terminal that stdout is, where a person looks at it and it can be drawn on. */
  readonly display?: Display | undefined;
  /** The program that opens a file in the person's browser. Unset: there is no screen. */
  readonly opener?: string | undefined;
  /** Asks the person at the terminal for a yes. Unset: nobody is there to be asked. */
  readonly confirm?: ((question: string) => Promise<boolean>) | undefined;
  /** Where the files of the tool are, as far as is known. */
  readonly home: string | undefined;
  /** Inside a job: what its run is known by. */
  readonly runId?: string | undefined;
  readonly clock: Clock;
  /** Aborted when the command is interrupted. */
  readonly signal: AbortSignal;
}

export interface Clock {
  /** Monotonic, ms. */
  now(): number;
  /** Rejects when the command is interrupted, or `signal` is aborted: a sleep nobody needs any more would keep the program from ending. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Outcome {
  /** For people; nothing is printed where it is empty. */
  readonly text: string;
  /** The same for programs (`--output json`); nothing is printed where it is undefined. */
  readonly data: unknown;
  /** Absent: 0. With `run --exit-code` the program's own. */
  readonly exit?: number;
}

export type Command = (context: Context) => Promise<Outcome>;

/** What a command is given that asks nobody. */
export interface LocalContext {
  readonly line: CommandLine;
  /** All there are, also those that are shown nowhere. */
  readonly commands: readonly ShownCommand[];
  readonly globals: readonly ShownOption[];
}

export type LocalCommand = (context: LocalContext) => Outcome;
