/** What is known of a command without running it: the command line is read by it, and help, completion and docs/cli.md are made of it. */

/** What a value or an operand names, where completion can offer something. */
export type Offered = 'job' | 'image' | 'file' | readonly string[];

export interface ShownOption {
  /** `-o, --output <form>`: names, then `<value>`, `[value that may be left out]` or nothing. */
  readonly words: string;
  /** Empty: works, and is shown nowhere. */
  readonly description: string;
  readonly offers?: Offered;
}

export interface ShownCommand {
  /** `run <name>` */
  readonly usage: string;
  readonly alias?: string;
  /** Begins in lower case, without a full stop. Empty: works, and is shown nowhere. */
  readonly description: string;
  /** What stands beside the options. */
  readonly offers?: Offered;
  readonly options: readonly ShownOption[];
  /** Of --output; absent: `normal` and `json`. */
  readonly forms?: readonly string[];
}

/** @example wordsOf('-o, --output <form>') -> ['-o', '--output'] */
export function wordsOf({ words }: ShownOption): string[] {
  return words.match(/(?<![^\s,])--?[a-z][a-z-]*/g) ?? [];
}

/** Whether a value must follow; one that may follow is not offered. */
export function takesValue({ words }: ShownOption): boolean {
  return words.includes('<');
}

/** @example verbOf({ usage: 'run <name>' }) -> 'run' */
export function verbOf({ usage }: ShownCommand): string {
  return usage.split(' ', 1)[0] ?? '';
}

/** Those that help shows. */
export function shown<T extends { readonly description: string }>(rows: readonly T[]): T[] {
  return rows.filter(({ description }) => description !== '');
}
