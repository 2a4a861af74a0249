/**
 * Durable JSON files, one for each tool: `<directory>/<2 hex digits>/<tool>.json`, each written whole. Read once, at the start; then what is
 * in memory counts, and the files follow it.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Tool } from './domain.ts';
import type { Log } from './log.ts';
import { DurableFile, spreadOf } from './store.ts';

export interface ToolFiles<T> {
  /** What every file that can be read holds; the others are set aside and said. */
  load(): Promise<T[]>;
  /** Resolves when this value or a later one of that tool is on disk. @throws what the disk says */
  save(tool: string, value: T): Promise<void>;
}

export interface ToolFilesOptions<T> {
  readonly directory: string;
  /** What a file holds, e.g. `mailbox`. */
  readonly what: string;
  /** As store.ts has it. */
  parse(value: unknown, tool: string): T;
  readonly log: Log;
  /** As store.ts has it. */
  readonly mayWrite?: (() => boolean) | undefined;
}

const readsAtOnce = 32;

export function createToolFiles<T>({ directory, what, parse, log, mayWrite }: ToolFilesOptions<T>): ToolFiles<T> {
  const files = new Map<string, DurableFile<T>>();

  function fileOf(tool: string): DurableFile<T> {
    const known = files.get(tool);
    if (known) return known;
    const file = new DurableFile<T>({
      path: join(directory, spreadOf(tool), `${tool}.json`),
      parse: (value) => parse(value, tool),
      mayWrite,
      onBad: (keptAs, cause) =>
        log.error({ tool, keptAs, err: cause }, `a ${what} cannot be read; the file is set aside, and it begins anew`),
    });
    files.set(tool, file);
    return file;
  }

  return {
    async load() {
      const tools = await toolsIn(directory, what, log);
      const values: T[] = [];
      const next = tools.values();
      const read = async () => {
        for (const tool of next) {
          const value = await fileOf(tool).read();
          if (value !== null) values.push(value);
        }
      };
      await Promise.all(Array.from({ length: readsAtOnce }, read));
      return values;
    },
    save: (tool, value) => fileOf(tool).write(value),
  };
}

/** Names of files are not believed either: a tool is who can be written to. */
async function toolsIn(directory: string, what: string, log: Log): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(nothingYet);
  const tools: string[] = [];
  for (const entry of entries) {
    const tool = /^(.+)\.json$/.exec(entry.name)?.[1];
    if (!entry.isFile() || tool === undefined) continue;
    if (Tool.ofNamespace(`tool-${tool}`) && entry.parentPath === join(directory, spreadOf(tool))) tools.push(tool);
    else log.warn({ file: join(entry.parentPath, entry.name) }, `a file in the place of a ${what} that is none`);
  }
  return tools;
}

function nothingYet(error: NodeJS.ErrnoException): never[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
