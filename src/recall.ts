/**
 * What became of the last runs of a tool's scheduled jobs, told to their actors when they are first asked for after a start: actors are made
 * of what the cluster still knows, and that is little. Only the caller's own jobs are read, once. Made by daemon.ts.
 */
import type { JobKey, RunRecord, Tool } from './domain.ts';
import type { Log } from './log.ts';
import { atMost } from './time-limit.ts';

export interface RecallOptions {
  /** Scheduled jobs of which the last runs are not known. */
  unrecalled(namespace: string): readonly JobKey[];
  /** Newest first. */
  list(tool: Tool, job: string): Promise<readonly RunRecord[]>;
  /** Must not throw. */
  tell(key: JobKey, runs: readonly RunRecord[]): void;
  readonly log: Log;
  /** Unset: 2 s. */
  readonly patienceMs?: number;
}

/** Never rejects. A disk that takes long is not waited for: then the jobs are shown without it. */
export type Recall = (tool: Tool) => Promise<void>;

const atOnce = 8;

export function createRecall({ unrecalled, list, tell, log, patienceMs = 2_000 }: RecallOptions): Recall {
  const underWay = new Map<string, Promise<void>>();

  async function read(tool: Tool): Promise<void> {
    const keys = [...unrecalled(tool.namespace)];
    const readOn = async () => {
      for (let key = keys.pop(); key; key = keys.pop()) tell(key, await list(tool, key.name));
    };
    try {
      await Promise.all(Array.from({ length: atOnce }, readOn));
    } catch (err) {
      log.warn({ tool: tool.name, err }, 'what became of the last runs cannot be read');
    }
  }

  return async (tool) => {
    if (unrecalled(tool.namespace).length === 0) return;
    const work = underWay.get(tool.name) ?? read(tool).finally(() => underWay.delete(tool.name));
    underWay.set(tool.name, work);
    await atMost(work, patienceMs);
  };
}
